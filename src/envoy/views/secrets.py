"""Secrets: what must not be carried on, even where a member wrote it into a text.

A Work Record goes to other machines, tools and models. Whoever pasted an invite code, a private key
or recovery words into a message has given them to the members of the space, not to all of those. So
they are cut out there, and the reader is told so. It is a net for accidents, no promise: nobody can
recognise every secret.

Specification: docs/spec/work-record.md, Redaction. Invite codes: docs/spec/invite.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envoy import ids

MARK = "[secret removed]"

CODE_SYMBOLS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 24
CODE_VALUES = {symbol: value for value, symbol in enumerate(CODE_SYMBOLS)}
SECRET_BYTES = 15
URI_BEGINNING = "envoy://join"

KEY_BEGINNING, KEY_END = "-----BEGIN", "-----END"
KEY_WORD = "PRIVATE KEY"

RECOVERY_WORDS = 24
WORD_LETTERS = range(3, 9)  # every word of the BIP39 list has 3 to 8 letters
GROUP_LETTERS = 4  # of a code typed in groups

# What a word can be part of, by its length: a glance, done in C, that lets nearly every line pass.
GROUPS = bytes([GROUP_LETTERS]) * (CODE_LENGTH // GROUP_LETTERS)
LISTED = bytes([1 if length in WORD_LETTERS else 0 for length in range(256)])
PHRASE = b"\1" * RECOVERY_WORDS
LONG = bytes([CODE_LENGTH])
AROUND = "()[]<>{},.;:!?'\"`*_"


def redact(text: str) -> tuple[str, bool]:
    """Return ``text`` without what looks like a secret, and whether there was one."""
    if len(text) < CODE_LENGTH:  # the shortest secret is a code
        return text, False
    lines = list(without_keys(text)) if KEY_BEGINNING in text else text.split("\n")
    cleaned = "\n".join(map(clean_line, lines))
    return cleaned, cleaned != text


def without_keys(text: str) -> Iterator[str]:
    """Yield the lines of ``text``, one mark in the place of each private key."""
    inside = False
    for line in text.split("\n"):
        if KEY_BEGINNING in line and KEY_WORD in line:
            inside = True
            yield MARK
        elif inside:
            inside = KEY_END not in line
        else:
            yield line


def clean_line(line: str) -> str:
    """Return one line without invite codes, invite links and recovery words."""
    words = line.split(" ")
    lengths = list(map(len, words))
    if max(lengths) > CODE_LENGTH:
        lengths = [min(length, CODE_LENGTH) for length in lengths]
    glance = bytes(lengths)
    if not may_hold(glance):
        return line
    kept: list[str] = []
    place = 0
    while (found := next_secret(words, glance, place)) is not None:
        first, length = found
        kept += [*words[place:first], MARK]
        place = first + length
    return " ".join([*kept, *words[place:]]) if kept else line


def may_hold(glance: bytes) -> bool:
    """Return whether words of these lengths could be a secret; those of nearly no line could."""
    return LONG in glance or GROUPS in glance or PHRASE in glance.translate(LISTED)


def next_secret(words: Sequence[str], glance: bytes, start: int) -> tuple[int, int] | None:
    """Return where the next secret from ``start`` begins and of how many words it consists.

    ``glance`` holds the length of each word, of long ones that of a code.
    """
    found = (
        (next_word(words, glance, start), 1),
        (next_groups(words, glance, start), len(GROUPS)),
        (next_phrase(words, glance, start), RECOVERY_WORDS),
    )
    return min([one for one in found if one[0] >= 0], default=None)


def next_word(words: Sequence[str], glance: bytes, start: int) -> int:
    """Return the place of the next word that is an invite code or link, -1 if there is none."""
    place = glance.find(LONG, start)
    while place >= 0:
        word = words[place]
        is_link = "#" in word and URI_BEGINNING in word.lower()
        if is_link or is_code(word.strip(AROUND)):
            break
        place = glance.find(LONG, place + 1)
    return place


def next_groups(words: Sequence[str], glance: bytes, start: int) -> int:
    """Return the place of the next words that are the groups of an invite code, -1 if none are."""
    place = glance.find(GROUPS, start)
    while place >= 0 and not is_code("".join(words[place : place + len(GROUPS)])):
        place = glance.find(GROUPS, place + 1)
    return place


def next_phrase(words: Sequence[str], glance: bytes, start: int) -> int:
    """Return the place of the next words that could recover an identity, -1 if none could."""
    lengths = glance.translate(LISTED)
    place = lengths.find(PHRASE, start)
    while place >= 0:
        # From the end: a word that is not listed there rules out every phrase with it.
        for last in range(place + RECOVERY_WORDS - 1, place - 1, -1):
            if not is_listed(words[last]):
                break
        else:
            return place
        place = lengths.find(PHRASE, last + 1)
    return place


def is_listed(word: str) -> bool:
    """Return whether ``word`` could be one of the words that recover an identity."""
    return len(word) in WORD_LETTERS and word.isascii() and word.isalpha() and word.islower()


def is_code(text: str) -> bool:
    """Return whether ``text`` is an invite code: 23 symbols of secret and one that checks them."""
    symbols = text.replace("-", "").upper()
    if len(symbols) != CODE_LENGTH or not CODE_VALUES.keys() >= set(symbols):
        return False
    number = 0
    for symbol in symbols[:-1]:
        number = number << 5 | CODE_VALUES[symbol]
    digest = ids.sha256(b"envoy/1 invite-check\0" + number.to_bytes(SECRET_BYTES, "big")).digest()
    return CODE_SYMBOLS[digest[0] >> 3] == symbols[-1]
