"""Secrets: what must not be carried on, even where a member wrote it into a text.

A Work Record goes to other machines, tools and models. Whoever pasted an invite code, a private key
or recovery words into a message has given them to the members of the space, not to all of those. So
they are cut out there, and the reader is told so. It is a net for accidents, no promise: nobody can
recognise every secret.

What is looked for is found by its own signs, not by the spaces around it: a code that stands in an
assignment, in quotes or in a table is the same code. A glance, done in C, lets nearly every text
pass.

Specification: docs/spec/work-record.md, Redaction. Invite codes: docs/spec/invite.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from envoy import ids
from envoy.lean import Final

MARK = "[secret removed]"

CODE_SYMBOLS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 24
CODE_VALUES = {symbol: value for value, symbol in enumerate(CODE_SYMBOLS)}
SECRET_BYTES = 15
GROUP_LETTERS = 4  # of a code in groups
GROUP_COUNT = CODE_LENGTH // GROUP_LETTERS
GROUPS = bytes([GROUP_LETTERS]) * GROUP_COUNT
URI_BEGINNING = b"envoy://join"
URI_ENDINGS = b" \t\r\n\"'`<>()[]{}"

KEY_BEGINNING, KEY_END, KEY_LINE = "-----BEGIN", "-----END", "-----"
KEY_WORD = "PRIVATE KEY"
KEY_NAME_MAX = 64

RECOVERY_WORDS = 24
WORD_LETTERS = range(3, 9)  # every word of the BIP39 list has 3 to 8 letters
GAP_MAX = 8  # signs between two words of a phrase
LISTED = bytes([1 if length in WORD_LETTERS else 0 for length in range(256)])
PHRASE = b"\1" * RECOVERY_WORDS

# Signs that show nothing: what stands around them is one word to whoever reads it.
INVISIBLE: Final = frozenset(
    map(
        chr,
        (
            *(0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF),
            *range(0x200B, 0x2010),
            *range(0x202A, 0x202F),
            *range(0x2060, 0x2070),
            *range(0xFE00, 0xFE10),
        ),
    )
)
LOWER: Final = b"abcdefghijklmnopqrstuvwxyz"


def _table(kept: str, others: bytes) -> bytes:
    """Return a table that makes letters of ``kept`` large, of other letters and digits ``others``.

    Everything but dashes becomes a space.
    """
    table = bytearray(b" " * 256)
    for sign in range(128):
        if chr(sign).isalnum():
            table[sign] = ord(chr(sign).upper()) if chr(sign).upper() in kept else others[0]
    table[ord("-")] = ord("-")
    return bytes(table)


# Symbols of codes; what is a letter or a digit and none of them is 0.
SYMBOLS: Final = _table(CODE_SYMBOLS, b"0")
# Small letters alone.
WORDS: Final = bytes(sign if sign in LOWER else 32 for sign in range(256))
# Every small letter is one.
LETTERS: Final = bytes(ord("a") if sign in LOWER else sign for sign in range(256))
# What stands between words: digits and spaces are alike, a large letter is one of a word.
GAPS: Final = bytes(
    ord("#") if chr(sign).isdigit() else ord("X") if 65 <= sign <= 90 else sign
    for sign in range(128)
) + bytes(range(128, 256))

# What looks alike of what stood between two words so far: the same few do between nearly all.
KNOWN: Final[dict[bytes, bytes | None]] = {}
KNOWN_MAX, SHORT = 1_024, 8  # entries, and bytes of one

Span = tuple[int, int]  # of a text: from, up to


def redact(text: str) -> tuple[str, bool]:
    """Return ``text`` without what looks like a secret, and whether there was one."""
    if len(text) < CODE_LENGTH:  # the shortest secret is a code
        return text, False
    found = sorted([*keys(text), *phrases(flat(text)), *spans(text)])
    if not found:
        return text, False
    kept, done = list[str](), 0
    for first, end in found:
        if first >= done:
            kept += [text[done:first], MARK]
        done = max(done, end)
    return "".join([*kept, text[done:]]), True


def spans(text: str) -> list[Span]:
    """Return where codes, links and phrases stand in what is to be seen of a text."""
    if text.isascii() or INVISIBLE.isdisjoint(text):
        data = flat(text)
        return [*links(data), *codes(data)]
    places = [place for place, sign in enumerate(text) if sign not in INVISIBLE]
    data = flat("".join(text[place] for place in places))
    found = [*links(data), *codes(data), *phrases(data)]
    return [(places[first], places[end - 1] + 1) for first, end in found]


def flat(text: str) -> bytes:
    """Return a text as ASCII, a question mark in the place of each other sign."""
    return text.encode("ascii", "replace")


# -- keys and links ------------------------------------------------------------------------------


def keys(text: str) -> Iterator[Span]:
    """Yield where private keys stand; one that does not end goes to the end of the text."""
    first = text.find(KEY_BEGINNING)
    while first >= 0:
        begun = first + len(KEY_BEGINNING)
        line = text.find(KEY_LINE, begun, begun + KEY_NAME_MAX)
        name = text[begun : line if line >= 0 else begun + KEY_NAME_MAX]
        end = begun
        if KEY_WORD in name:
            last = text.find(KEY_END, begun)
            close = -1 if last < 0 else text.find(KEY_LINE, last + len(KEY_END))
            end = len(text) if close < 0 else close + len(KEY_LINE)
            yield first, end
        first = text.find(KEY_BEGINNING, end)


def links(data: bytes) -> Iterator[Span]:
    """Yield where invite links with a code stand."""
    small = data.lower()
    first = small.find(URI_BEGINNING)
    while first >= 0:
        end = first
        while end < len(data) and data[end] not in URI_ENDINGS:
            end += 1
        if b"#" in data[first:end]:
            yield first, end
        first = small.find(URI_BEGINNING, end)


# -- codes ---------------------------------------------------------------------------------------


def codes(data: bytes) -> Iterator[Span]:
    """Yield where invite codes stand: in one piece, with dashes, or in groups."""
    symbols = data.translate(SYMBOLS)
    words = symbols.split(b" ")
    lengths = bytes([min(len(word), 255) for word in words])
    if max(lengths) < CODE_LENGTH and GROUPS not in lengths:
        return
    start = 0
    for place, word in enumerate(words):
        if len(word) >= CODE_LENGTH:
            for first, end in _within(word):
                yield start + first, start + end
        elif lengths.startswith(GROUPS, place) and is_code(b"".join(words[place : place + 6])):
            end = start + CODE_LENGTH + GROUP_COUNT - 1
            if len({*data[start + GROUP_LETTERS : end : GROUP_LETTERS + 1]}) == 1:
                yield start, end
        start += len(word) + 1


def _within(word: bytes) -> Iterator[Span]:
    """Yield where codes stand in a row of symbols, dashes, and other letters and digits as 0.

    In one piece a code is all of it: a row of a digest is none. With dashes other signs may be
    glued to its ends.
    """
    bare = word.strip(b"-")
    if is_code(bare.replace(b"-", b"")):
        first = word.index(bare)
        yield first, first + len(bare)
        return
    size = CODE_LENGTH + GROUP_COUNT - 1
    first = word.find(b"-") - GROUP_LETTERS
    while first + GROUP_LETTERS >= 0 and first + size <= len(word):
        groups = word[max(first, 0) : first + size].split(b"-")
        is_whole = first >= 0 and bytes(map(len, groups)) == GROUPS
        if is_whole and is_code(b"".join(groups)):
            yield first, first + size
        following = word.find(b"-", first + GROUP_LETTERS + 1)
        first = following - GROUP_LETTERS if following >= 0 else len(word)


def is_code(symbols: bytes) -> bool:
    """Return whether these are 23 symbols of a secret and one that checks them."""
    text = symbols.decode("ascii")
    if len(text) != CODE_LENGTH or not CODE_VALUES.keys() >= set(text):
        return False
    number = 0
    for symbol in text[:-1]:
        number = number << 5 | CODE_VALUES[symbol]
    digest = ids.sha256(b"envoy/1 invite-check\0" + number.to_bytes(SECRET_BYTES, "big")).digest()
    return CODE_SYMBOLS[digest[0] >> 3] == text[-1]


# -- recovery words ------------------------------------------------------------------------------


def phrases(data: bytes) -> Iterator[Span]:
    """Yield where words stand that could recover an identity, with the same between all of them."""
    words = data.translate(WORDS).split()
    if len(words) < RECOVERY_WORDS:
        return
    lengths = bytes([min(len(word), 255) for word in words]).translate(LISTED)
    if PHRASE not in lengths:
        return
    signs = data.translate(LETTERS)
    gaps = list(filter(None, signs.split(b"a")))
    before = bool(gaps) and signs[:1] != b"a"  # what stands before the first word is no gap
    between = gaps[before : before + len(words) - 1]
    start = len(gaps[0]) if before else 0
    for first, last in _rows(between, lengths):
        begun = start + sum(map(len, words[:first])) + sum(map(len, between[:first]))
        size = sum(map(len, words[first : last + 1])) + sum(map(len, between[first:last]))
        yield begun, begun + size


def _rows(gaps: Sequence[bytes], lengths: bytes) -> Iterator[tuple[int, int]]:
    """Yield the first and the last word of each row that is long enough, by their places."""
    alike = [
        _gap(gap) if one and other else None
        for gap, one, other in zip(gaps, lengths, lengths[1:], strict=False)
    ]
    first = 0
    for gap, row in groupby(alike):
        last = first + len(list(row))
        if gap is not None and last - first + 1 >= RECOVERY_WORDS:
            yield first, last
        first = last


def _gap(between: bytes) -> bytes | None:
    """Return what stands between two words, alike where it looks alike; None for other words."""
    if between in KNOWN:
        return KNOWN[between]
    found = _alike(between)
    if len(between) <= SHORT and len(KNOWN) < KNOWN_MAX:
        KNOWN[between] = found
    return found


def _alike(between: bytes) -> bytes | None:
    """Return what looks like ``between`` where that stands between two words, None for no gap."""
    found = b" ".join(between.translate(GAPS).split())
    while b"##" in found:
        found = found.replace(b"##", b"#")
    return None if b"X" in found or len(found) > GAP_MAX else found
