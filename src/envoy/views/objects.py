"""Objects: references to files as documented objects. A name is a label, never a path.

Which chunks are on this machine is asked of the disk, not of the rows, and comes in as a number:
equal rows show equal objects but for that.

Specification: docs/spec/object.md, References; docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envoy import ids
from envoy.lean import NamedTuple, Protocol
from envoy.views import rows
from envoy.views.people import Json, People, stamp

ID_BYTES = 32
COMPLETE, PARTIAL, MISSING, RETRACTED = "complete", "partial", "missing", "retracted"
UNTRUSTED = ["*.name", "*.media_type", "*.display_name", "*_name"]
OWN_UNTRUSTED = ["name", "media_type", "*.display_name", "*_name"]


def chunk_count(row: rows.Object) -> int:
    """Return how many chunks an object has."""
    return len(row.chunks) // ID_BYTES


def state(row: rows.Object, have: int) -> str:
    """Return what a reference is good for here, of whose chunks ``have`` are on this machine."""
    if row.retracted is not None:
        return RETRACTED
    if have == chunk_count(row):
        return COMPLETE
    return PARTIAL if have else MISSING


def item(row: rows.Object, people: People, *, space: str, have: int, pinned: bool) -> Json:
    """Return an Object: a reference to a file, and how much of it is here."""
    return {
        "object_id": ids.to_text("obj", row.object),
        "event_id": ids.to_text("evt", row.id),
        "space_id": space,
        "name": row.name,
        "media_type": row.media,
        "size": row.size,
        "sha256": row.sha256.hex(),
        "chunks": chunk_count(row),
        "have_chunks": have,
        "state": state(row, have),
        "pinned": pinned,
        "task_id": None if row.task is None else ids.to_text("task", row.task),
        "supersedes": None if row.supersedes is None else ids.to_text("evt", row.supersedes),
        "by": people.actor(row.an),
        "created_at": stamp(row.created_ms),
    }


# -- in the Work Record ------------------------------------------------------------------------


class Noting(Protocol):
    """What a Work Record notes while it is made (``views.work_record.Notes``)."""

    def omit(self, what: str, count: int, next_command: str) -> None:
        """Note that ``count`` items of a list are left out."""

    def text(self, value: object, path: str, id: str) -> object:
        """Return a text without secrets and cut to its bound; notes say so."""

    def limit(self, sort: str, path: str, id: str | None, *, reason: str, action: str) -> None:
        """Note that what ``path`` shows is not all there is."""


class Telling(Protocol):
    """What typed records say in a Work Record (``views.told``)."""

    def sections(self, notes: Noting, /) -> Json:
        """Return the sections of records."""

    def proof(self, event: bytes, path: str, notes: Noting, /) -> Json:
        """Return what makes a record of evidence; nothing for another event."""

    def questions(self, start: int, notes: Noting, /) -> list[Json]:
        """Return what records leave open."""

    def cited(self) -> Mapping[bytes, bytes | None]:
        """Return the evidence that listed decisions and handoffs rest on, with their task."""


class Part(NamedTuple):
    """The newest references of a space, how many there are, and what this copy has of them."""

    shown: Sequence[rows.Object]
    total: int
    have: Mapping[bytes, int]
    pins: frozenset[bytes]


NO_OBJECTS = Part((), 0, {}, frozenset())


def record_list(part: Part, people: People, space: str, notes: Noting) -> list[Json]:
    """Return objects as every copy with the same events shows them: without what is local."""
    notes.omit("objects", part.total - len(part.shown), f"envoy object list {space}")
    return [
        _recorded(row, item(row, people, space=space, have=0, pinned=False), at, notes)
        for at, row in enumerate(part.shown)
    ]


def _recorded(row: rows.Object, made: Json, at: int, notes: Noting) -> Json:
    """Return an object without what is local, its label without secrets."""
    path, event = f"objects[{at}]", str(made["event_id"])
    made.update(have_chunks=None, pinned=None, state=None)
    if row.retracted is not None:
        notes.limit("redacted", path, event, reason="redacted", action="ask_author")
        return {**made, "state": RETRACTED, "visibility": "redacted"}
    made["name"] = notes.text(row.name, f"{path}.name", event)
    return {**made, "visibility": "visible" if made["name"] == row.name else "partial"}


def local_list(part: Part) -> list[Json]:
    """Return what this copy has of the objects of its record."""
    return [
        {
            "event_id": ids.to_text("evt", row.id),
            "have_chunks": part.have[row.id],
            "state": state(row, part.have[row.id]),
            "pinned": row.id in part.pins,
        }
        for row in part.shown
    ]
