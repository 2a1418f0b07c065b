"""Argv: a command line as it may be told to others, without the secrets that it was given.

What is recorded of a run is signed, goes to every member and can never be taken out of their logs.
So the values of options and variables that are named like secrets, passwords in addresses, tokens
of well-known forms and all that ``views.secrets`` knows are replaced first, in the command line and
in what the command said. It is a net for accidents, no promise.

Specification: docs/spec/records.md, Runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from envoy.lean import NamedTuple
from envoy.views.secrets import MARK, redact

WORDS_MAX: Final = 64
WORD_BYTES_MAX: Final = 512
_NAMES: Final = (
    r"pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credentials?|auth(?:orization)?|bearer"
)
# `--db-password`, `DB_PASSWORD`, but not `--no-pass-through`.
_NAMED: Final = rf"(?:[A-Za-z0-9]+[-_])*(?:{_NAMES})"
_OPTION: Final = re.compile(rf"--?{_NAMED}", re.IGNORECASE)
_GIVEN: Final = re.compile(rf"((?:--?)?{_NAMED}=).+", re.IGNORECASE | re.DOTALL)
_PATTERNS: Final = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE), rf"\1{MARK}@"),
    (
        re.compile(r"\b(?:gh[opsur]_|github_pat_|glpat-|xox[abprs]-|sk-|AKIA)[A-Za-z0-9_-]{12,}"),
        MARK,
    ),
    (
        re.compile(rf"(\b{_NAMED}\b[\"']?\s*[:=]\s*)(?:(?:basic|bearer)\s+)?[^\s\"',;]+", re.I),
        rf"\1{MARK}",
    ),
    (re.compile(rf"(--{_NAMED}\s+)[^\s]+", re.IGNORECASE), rf"\1{MARK}"),
)


class Told(NamedTuple):
    """A command line as it may be told; ``is_cut``: of what was too long the beginning."""

    words: tuple[str, ...]
    is_cut: bool


def told(argv: Sequence[str]) -> Told:
    """Return a command line without its secrets, and no longer than a record should be."""
    found, hides = list[str](), False
    for word in argv[:WORDS_MAX]:
        found.append(MARK if hides else _word(word))
        hides = _OPTION.fullmatch(word) is not None
    kept = tuple(cut(word, WORD_BYTES_MAX) for word in found)
    return Told(kept, kept != tuple(found) or len(argv) > WORDS_MAX)


def _word(word: str) -> str:
    """Return one word of a command line without what is secret in it."""
    given = _GIVEN.fullmatch(word)
    return plain(given[1]) + MARK if given else text(word)


def text(said: str) -> str:
    """Return a text without what looks like a secret in it."""
    found, _ = redact(plain(said))
    for pattern, instead in _PATTERNS:
        found = pattern.sub(instead, found)
    return found


def plain(said: str) -> str:
    """Return ``said`` as text that can be signed: bytes that are none, and U+0000, are marked."""
    composed = said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return composed.replace("\0", "\N{REPLACEMENT CHARACTER}")


def cut(said: str, bytes_max: int) -> str:
    """Return the beginning of ``said``, to the end of a character."""
    return said.encode()[:bytes_max].decode("utf-8", "ignore")
