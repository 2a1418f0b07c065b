"""Secrets: what must not be carried on, even where a member wrote it into a text.

A Work Record goes to other machines, tools and models. Whoever pasted an invite code, a private key
or recovery words into a message has given them to the members of the space, not to all of those. So
they are cut out there, and the reader is told so. It is a net for accidents, no promise: nobody can
recognise every secret.

Specification: docs/spec/work-record.md, Redaction. Invite codes: docs/spec/invite.md.
"""

from __future__ import annotations

from collections.abc import Iterator

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
AROUND = "()[]<>{},.;:!?'\"`*_"


def redact(text: str) -> tuple[str, bool]:
    """Return ``text`` without what looks like a secret, and whether there was one."""
    if len(text) < CODE_LENGTH:  # the shortest secret is a code
        return text, False
    lines, found = [], False
    for line in without_keys(text):
        cleaned = clean_line(line)
        found = found or cleaned != line
        lines.append(cleaned)
    joined = "\n".join(lines)
    return joined, found or joined != text


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
    if max(lengths) < CODE_LENGTH:
        glance = bytes(lengths)
        if GROUPS not in glance and PHRASE not in glance.translate(LISTED):
            return line
    kept: list[str] = []
    place = 0
    while place < len(words):
        length = secret_at(words, place)
        kept.append(MARK if length else words[place])
        place += length or 1
    return " ".join(kept)


def secret_at(words: list[str], place: int) -> int:
    """Return of how many words a secret that begins at ``place`` consists, 0 if none does."""
    word = words[place]
    if len(word) >= CODE_LENGTH:
        is_link = URI_BEGINNING in word.lower() and "#" in word
        return int(is_link or is_code(word.strip(AROUND)))
    groups = words[place : place + len(GROUPS)]
    if all(len(group) == GROUP_LETTERS for group in groups) and is_code("".join(groups)):
        return len(groups)
    phrase = words[place : place + RECOVERY_WORDS]
    if len(phrase) == RECOVERY_WORDS and all(is_listed(one) for one in phrase):
        return RECOVERY_WORDS
    return 0


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
