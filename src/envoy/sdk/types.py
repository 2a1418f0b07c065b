"""Types: ids, text of members, and what every answer of the SDK is made of.

An answer is frozen and holds the very object that the command line prints, so `to_dict()` cannot
drift from it; its properties say what can be asked, with types. Text of a member is no `str`: who
wants it as it was written says so, by `.text`, and whatever prints it without asking gets it
escaped.

Laws: nothing here changes after it was made. No `repr` shows text of a member, or a secret.

Specification: docs/sdk.md.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NewType, TypeVar

from envoy import ids, untrusted
from envoy.jsontext import dumps

SpaceId = NewType("SpaceId", str)
EventId = NewType("EventId", str)
TaskId = NewType("TaskId", str)
RecordId = NewType("RecordId", str)
ObjectId = NewType("ObjectId", str)
InviteId = NewType("InviteId", str)
MemberId = NewType("MemberId", str)

Json = dict[str, object]


@dataclass(frozen=True, slots=True, repr=False)
class Untrusted:
    """Text that a member wrote: data, whatever it says. It is no `str` and is never one by chance.

    `.text` is the text as it was written; `str()` and formatting give it on one line with all that
    a terminal would obey made visible.
    """

    text: str

    def __str__(self) -> str:
        return untrusted.escape(self.text)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"Untrusted({str(self)!r})"

    def __bool__(self) -> bool:
        return bool(self.text)

    def escaped(self) -> str:
        """Return the text with its line breaks, everything else that is unsafe made visible."""
        return untrusted.escape(self.text, multiline=True)


@dataclass(frozen=True, slots=True, repr=False)
class Shape:
    """An answer: the documented JSON object, with typed properties."""

    _data: Mapping[str, object]

    SCHEMA: ClassVar[str | None] = None  # name of the JSON Schema; None: a part of another answer
    NAMED_BY: ClassVar[str | None] = None  # the field that holds its id

    def to_dict(self) -> dict[str, object]:
        """Return the object that the command line prints for this, yours to change."""
        made = copy.deepcopy(dict(self._data))
        return made if self.SCHEMA is None else {"schema": f"envoy.{self.SCHEMA}/1", **made}

    def __repr__(self) -> str:
        name = None if self.NAMED_BY is None else self._data.get(self.NAMED_BY)
        shown = "" if not isinstance(name, str) else f" {name}"
        return f"<{type(self).__name__}{shown}>"

    def __hash__(self) -> int:
        return hash((type(self).__name__, dumps(dict(self._data))))


def name_of(value: Shape) -> str | None:
    """Return the id of an answer that has one."""
    found = None if value.NAMED_BY is None else value._data.get(value.NAMED_BY)
    return found if isinstance(found, str) else None


def text(data: Mapping[str, object], name: str) -> str:
    """Return the field ``name`` of an answer, which is always there and text."""
    found = data[name]
    assert isinstance(found, str), name
    return found


def find_text(data: Mapping[str, object], name: str) -> str | None:
    """Return a field that is text or nothing."""
    found = data[name]
    assert found is None or isinstance(found, str), name
    return found


def number(data: Mapping[str, object], name: str) -> int:
    """Return a field that is a number."""
    found = data[name]
    assert isinstance(found, int), name
    return found


def find_number(data: Mapping[str, object], name: str) -> int | None:
    """Return a field that is a number or nothing."""
    found = data[name]
    assert found is None or isinstance(found, int), name
    return found


def flag(data: Mapping[str, object], name: str) -> bool:
    """Return a field that is true or false."""
    return data[name] is True


def moment(data: Mapping[str, object], name: str) -> datetime:
    """Return a time, in UTC."""
    return datetime.fromisoformat(text(data, name))


def find_moment(data: Mapping[str, object], name: str) -> datetime | None:
    """Return a time, in UTC, or nothing."""
    found = find_text(data, name)
    return None if found is None else datetime.fromisoformat(found)


def said(data: Mapping[str, object], name: str) -> Untrusted:
    """Return text of a member."""
    return Untrusted(text(data, name))


def find_said(data: Mapping[str, object], name: str) -> Untrusted | None:
    """Return text of a member, or nothing."""
    found = find_text(data, name)
    return None if found is None else Untrusted(found)


def part(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a field that is an object."""
    found = data[name]
    assert isinstance(found, dict), name
    return found


def many(data: Mapping[str, object], name: str) -> Sequence[object]:
    """Return a field that is a list."""
    found = data[name]
    assert isinstance(found, list), name
    return found


def texts(data: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return a field that is a list of texts of ours: ids, words."""
    return tuple(str(one) for one in many(data, name))


def sayings(data: Mapping[str, object], name: str) -> tuple[Untrusted, ...]:
    """Return a field that is a list of texts of members."""
    return tuple(Untrusted(str(one)) for one in many(data, name))


S = TypeVar("S", bound=Shape)


def parts(data: Mapping[str, object], name: str, kind: type[S]) -> tuple[S, ...]:
    """Return a field that is a list of objects, each as ``kind``."""
    return tuple(kind(one) for one in many(data, name) if isinstance(one, dict))


def find_part(data: Mapping[str, object], name: str, kind: type[S]) -> S | None:
    """Return a field that is an object, as ``kind``, or nothing."""
    return None if data[name] is None else kind(part(data, name))


def short(text: str) -> str:
    """Return an id cut for people."""
    return ids.short(text)
