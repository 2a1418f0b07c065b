"""Fence: text of members on its way to a model, marked so that it cannot pass for anything else.

A model has no escape character: what it reads it may take for a system message, a result of a tool,
an instruction. So a text of a member never stands bare. In structured results it is an object that
says who wrote it and what was taken out; in text it stands between marks that nobody could know
when he wrote it. What moves, hides or forges on a screen is taken out and counted: a model reads it
too. Which fields hold such text is what the answer itself says in ``untrusted_fields``.

Laws: pure but for the mark; what looks like a secret leaves as a mark of ``views.secrets``; nothing
is cut without ``truncated``.

Specification: docs/spec/mcp.md, Untrusted text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from envoy import ids, limits
from envoy.untrusted import BLANK, cut, escape, is_mark, visible
from envoy.views.people import Json
from envoy.views.secrets import redact

# What every answer may hold of members beside the fields it names itself: the name that a holder
# gave to its run.
ALSO: Final = ("session", "*.session")
# What a label says is no sentence: who bears it stands in the field beside it.
NAMES: Final = ("_name", "_display")
# What can hold a text.
FRAMED: Final = frozenset((str, list, dict))
# Fields for programs alone: others say the same.
REPEATED: Final = ("untrusted_fields", "record_index", "record_key")
# Sequences of ECMA-48: ESC or C1 introducers, with all that a terminal takes as one command.
ANSI: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)
KNOWN_CHARS_MAX: Final = 2_000  # of a text that is remembered as it is shown
MARK_BEGIN, MARK_END = "<<envoy:untrusted {}>>", "<<end {}>>"
WHO: Final = (
    ("sender_id", "sender_name"),
    ("completed_by", "completed_by_display"),
    ("member_id", "display_name"),
)
ACTORS: Final = ("actor", "by", "member")


# -- one text ---------------------------------------------------------------------------------


def clean(text: str) -> tuple[str, int]:
    """Return ``text`` without what a screen obeys or hides, and how many characters went.

    Line feeds and tabs stay, and of a flood of combining marks the first four.
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text, 0
    kept, marks = list[str](), limits.COMBINING_MARKS_MAX
    for char in ANSI.sub("", text):
        if is_mark(char) and char not in BLANK:
            marks += 1
            if marks <= limits.COMBINING_MARKS_MAX:
                kept.append(char)
            continue
        marks = 0
        if char in "\n\t" or visible(char, multiline=True) == char:
            kept.append(char)
    return "".join(kept), len(text) - len(kept)


def legible(text: str) -> tuple[str, int]:
    """Return ``text`` as a model may see it, and how many characters a screen lost by it."""
    shown, stripped = clean(text)
    return redact(shown)[0], stripped


# An agent reads the same rows again and again.
known: Final = lru_cache(maxsize=2048)(legible)


def untrusted(text: str, who: tuple[str | None, str | None], *, chars_max: int) -> Json:
    """Return ``text`` as the object in which a member's words reach a model.

    ``who`` is the did of its author and the label it goes by, None where the text says it itself.
    """
    shown, stripped = (known if len(text) <= KNOWN_CHARS_MAX else legible)(text)
    return {
        "untrusted": True,
        "from": who[0],
        "label": who[1],
        "chars": len(text),
        "truncated": len(shown) > chars_max,
        "stripped": stripped,
        "text": shown[:chars_max],
    }


@lru_cache(maxsize=1024)
def label(name: object, did: str) -> str:
    """Return how a member is called: its name on one line, and the fingerprint that is no name."""
    fingerprint = ids.fingerprint(ids.did_key(did))
    if not isinstance(name, str):
        return fingerprint
    plain = redact(clean(name)[0].replace("\n", " "))[0]
    return f"{cut(escape(plain), limits.MCP_LABEL_COLUMNS_MAX)} ({fingerprint})"


# -- a whole answer ---------------------------------------------------------------------------


class Author:
    """Who wrote the texts of an object: the nearest that is named in it or around it."""

    __slots__ = ("_around", "_of")

    def __init__(self, of: Mapping[str, object], around: Author | None) -> None:
        self._of = of
        self._around = around

    def of(self, field: str) -> tuple[str | None, str | None]:
        """Return did and label of who wrote ``field``; a name has no author but its bearer."""
        if field.endswith(NAMES):
            return None, None
        found = self._find(WHO[1:] if field == "summary" else WHO)
        if found is None:
            return (None, None) if self._around is None else self._around.of(field)
        return found

    def _find(self, pairs: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
        """Return did and label from the fields of this object."""
        for field, name in pairs:
            did = self._of.get(field)
            if isinstance(did, str) and did.startswith(ids.DID_PREFIX):
                return did, label(self._of.get(name), did)
        for field in ACTORS:
            actor = self._of.get(field)
            if isinstance(actor, dict):
                return Author(actor, None)._find(WHO[2:])
        return None


def framed(data: Json, *, chars_max: int = limits.MCP_TEXT_CHARS_MAX) -> Json:
    """Return an answer with every text of a member as an object."""
    named = data.get("untrusted_fields", [])
    assert isinstance(named, list)
    frame = Frame((*map(str, named), *ALSO), chars_max)
    return frame.members(data, "", None)


class Frame:
    """One way through an answer."""

    def __init__(self, patterns: tuple[str, ...], chars_max: int) -> None:
        self._patterns = patterns
        self._known = _verdicts(patterns)
        self._chars_max = chars_max

    def members(self, of: Mapping[str, object], path: str, around: Author | None) -> Json:
        """Return an object with its texts framed; a list within counts as one place."""
        author = Author(of, around)
        made: Json = {}
        for name, value in of.items():
            kind = type(value)
            if kind not in FRAMED or name == "untrusted_fields":
                made[name] = value
                continue
            here = path + name
            verdict = self._known.get(here)
            if verdict is None:
                verdict = self._known[here] = is_untrusted(here, self._patterns)
            if verdict:
                made[name] = self._framed(value, author.of(name))
            elif kind is str:
                made[name] = value
            else:
                made[name] = self._below(value, here, author)
        return made

    def _below(self, value: object, path: str, author: Author) -> object:
        """Return what is below a field that is none of a member."""
        match value:
            case dict():
                return self.members(value, f"{path}.", author)
            case list():
                return [self._below(one, f"{path}.0", author) for one in value]
        return value

    def _framed(self, value: object, who: tuple[str | None, str | None]) -> object:
        """Return a field of a member: each text in it as an object, names of fields too."""
        match value:
            case str():
                return untrusted(value, who, chars_max=self._chars_max)
            case list():
                return [self._framed(one, who) for one in value]
            case dict():
                return {name: self._framed(one, who) for name, one in value.items()}
        return value


@lru_cache(maxsize=64)
def _verdicts(patterns: tuple[str, ...]) -> dict[str, bool]:
    """Return what is known of paths under these patterns: a few hundred, all of our own words."""
    return {}


def is_untrusted(path: str, patterns: tuple[str, ...]) -> bool:
    """Say whether one of ``patterns`` names ``path``; `*` stands for any part of a path."""
    return any(re.fullmatch(_regex(one), path) for one in patterns)


@lru_cache(maxsize=256)
def _regex(pattern: str) -> str:
    """Return a pattern as a regular expression; `*.x` names x at any depth, the first too."""
    if pattern.startswith("*."):
        return "(?:.*\\.)?" + ".*".join(map(re.escape, pattern[2:].split("*")))
    return ".*".join(map(re.escape, pattern.split("*")))


def is_framed(value: object) -> bool:
    """Say whether ``value`` is a text of a member."""
    return isinstance(value, dict) and value.get("untrusted") is True and "text" in value


# -- for people and models that read text -----------------------------------------------------


def as_text(data: Mapping[str, object], mark: str) -> str:
    """Return a framed answer as lines, each text of a member between the marks of this answer.

    What is null, empty or false is left out: the structured result has all.
    """
    made = list[str]()
    _write(made, data, "", mark)
    return "\n".join(made)


def _write(made: list[str], data: Mapping[str, object], indent: str, mark: str) -> None:
    """Write the fields of an object, a line each or more."""
    for name, value in data.items():
        kind = type(value)
        if not value and (value is None or value is False or kind in FRAMED):
            continue
        if kind in FRAMED and kind is not str:
            if not is_repeated(name, value):
                _write_field(made, name, value, indent, mark)
        elif name not in REPEATED:
            made.append(f"{indent}{name}: {_plain(value)}")


def is_repeated(name: str, value: object) -> bool:
    """Say whether a field says what another one says, for programs alone."""
    is_identity = isinstance(value, dict) and value.keys() == {"delivery", "signing"}
    return is_identity or name in REPEATED


def _write_field(made: list[str], name: str, value: object, indent: str, mark: str) -> None:
    """Write a field that is an object, a text of a member among them, or a list."""
    match value:
        case dict() if is_framed(value):
            made.append(f"{indent}{name}: {_fenced(value, mark)}")
        case dict():
            made.append(f"{indent}{name}:")
            _write(made, value, indent + "  ", mark)
        case list():
            made.append(f"{indent}{name}:")
            for one in value:
                _write_item(made, one, indent, mark)


def _write_item(made: list[str], value: object, indent: str, mark: str) -> None:
    """Write one item of a list."""
    if isinstance(value, dict) and not is_framed(value):
        first = len(made)
        _write(made, value, indent + "  ", mark)
        if len(made) == first:
            made.append(f"{indent}-")
        else:
            made[first] = f"{indent}- {made[first].strip()}"
    elif isinstance(value, dict):
        made.append(f"{indent}- {_fenced(value, mark)}")
    else:
        made.append(f"{indent}- {_plain(value)}")


def _fenced(value: Mapping[str, object], mark: str) -> str:
    """Return a text of a member between marks."""
    notes = f"\n[cut: {value['chars']} characters in all]" if value["truncated"] else ""
    begin, end = MARK_BEGIN.format(mark), MARK_END.format(mark)
    return f"{begin}{value['text']}{end}{notes}"


def _plain(value: object) -> str:
    """Return a value of ours as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def size(value: object) -> int:
    """Return how many characters ``value`` has as JSON, escapes counted as one."""
    match value:
        case str():
            return len(value) + 2
        case dict():
            inner = sum([len(name) + 4 + size(one) for name, one in value.items()])
            return inner + (1 if value else 2)
        case list():
            return sum(map(size, value)) + len(value) + (1 if value else 2)
    return len(str(value))
