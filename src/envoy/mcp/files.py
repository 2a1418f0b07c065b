"""Files: sharing a file below the root or a text as an object, and reading a slice of one.

A tool never writes a file of this machine, and reads none but regular ones below the directory that
whoever started the server named: no way leads through a link, and none into the home of Envoy.

Specification: docs/spec/mcp.md, Files.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from envoy import ids, limits
from envoy.errors import NotFoundError, UsageError
from envoy.mcp.arguments import Given, missing
from envoy.mcp.session import Session
from envoy.mcp.table import Json
from envoy.replica.actions import names, objects
from envoy.views import answers, rows
from envoy.views import objects as shapes
from envoy.views import space as spaces
from envoy.views.space import space_id
from envoy.wiring import objects as streams
from envoy.wiring import writes

MEDIA_DEFAULT = "application/octet-stream"
MEDIA_TEXT = "text/plain; charset=utf-8"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# RFC 6838, with what separates type and parameters.
MEDIA_SYMBOLS = frozenset(f"{_LETTERS}{_LETTERS.upper()}0123456789!#$&^_.+-/;= ")
UTF8_BYTES_MAX = 4  # of one character


def put(session: Session, given: Given) -> tuple[str, Json]:
    """Share a file or a text."""
    path, text, key = given.text("path"), given.text("text"), given.key()
    if (path is None) == (text is None):
        raise (
            missing("path")
            if path is None
            else UsageError("invalid_argument", argument="text", cause="path")
        )
    name = given.line("name", limits.NAME_BYTES_MAX)
    assert name is not None, "the table asks for it"
    label = objects.Label(name, media_of(given, is_text=text is not None))
    with session.writing() as profile:
        replica, task = place_of(session, profile, given)
        label = label._replace(task=task)
        with streams.tools(session.config, "shared") as tools, source(session, given) as read:
            done = objects.put(replica, read, label, tools=tools, key=key)
        return "object_put", {
            **shown(replica, done.row),
            "cursor": done.n,
            "replayed": done.replayed,
            "relay_delivery": answers.relay_delivery(replica.space, done.delivery),
            "pending_sync": answers.is_pending(done.delivery),
            "warnings": [answers.NOT_SENT] if answers.is_pending(done.delivery) else [],
        }


@contextmanager
def source(session: Session, given: Given) -> Iterator[objects.Read]:
    """Open what an object is made of. Raises UsageError(invalid_argument, object_too_large)."""
    path, root = given.text("path"), session.bounds.root
    if path is None:
        yield streams.source_of(names.typed_text(given.need("text"), "text"))
        return
    with streams.source_below(root, path, never=session.config.home) as read:
        yield read


def media_of(given: Given, *, is_text: bool) -> str:
    """Return what an object is, as its author says. Raises UsageError(invalid_argument)."""
    said = given.line("media_type", limits.NAME_BYTES_MAX)
    if said is None:
        return MEDIA_TEXT if is_text else MEDIA_DEFAULT
    kind, slash, rest = said.partition("/")
    if not (kind and slash and rest and MEDIA_SYMBOLS.issuperset(said)):
        raise UsageError("invalid_argument", argument="media_type", cause="form")
    return said


def place_of(
    session: Session, profile: names.Opened, given: Given
) -> tuple[names.Copy, bytes | None]:
    """Return the copy of the space that is meant, and the task if one is named."""
    task, space = given.text("task"), given.text("space")
    if task is None:
        return session.copy(profile, space), None
    return session.task(profile, space, task)


def get(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return a slice of an object, at most ``limit`` bytes of it; every byte of it is checked."""
    offset, limit = given.count("offset"), min(limit, given.count("max_bytes"))
    with session.writing() as profile:
        replica, row = found(session, profile, given.need("id"))
        taker = Slice(offset, limit + UTF8_BYTES_MAX)
        with streams.tools(session.config, "got") as tools:
            objects.get(replica, row, taker.take, tools=tools)
        session.shows(replica.space.id)
        data = shown(replica, row)
    text, count = as_utf8(taker.kept, limit)
    encoding = "utf-8"
    if text is None:
        count = min(len(taker.kept), limit, limits.MCP_BASE64_BYTES_MAX)
        text, encoding = b64encode(taker.kept[:count]).decode("ascii"), "base64"
    end = offset + count
    return "object_slice", {
        **data,
        "offset": offset,
        "bytes": count,
        "next_offset": end if end < row.size else None,
        "encoding": encoding,
        "content": text,
        "untrusted_fields": [*shapes.OWN_UNTRUSTED, "content"],
    }


def found(session: Session, profile: names.Opened, text: str) -> tuple[names.Copy, rows.Object]:
    """Return the object that ``text`` means, in the space this server is for or in any.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    every = profile.rows.spaces()
    chosen = [spaces.choose(every, pin)] if (pin := session.within()) is not None else every
    places = list[tuple[names.Copy, rows.Object]]()
    for space in chosen:
        replica = writes.open_space(profile, space_id(space))
        with suppress(NotFoundError):
            places.append((replica, objects.find(replica, text)))
    if len({row.object for _, row in places}) > 1:
        matching = [ids.to_text("obj", row.object) for _, row in places]
        raise NotFoundError("id_ambiguous", kind="object", matching_ids=matching)
    if not places:
        raise NotFoundError("not_found", kind="object")
    return places[0]


class Slice:
    """Keeps some bytes of what passes."""

    def __init__(self, offset: int, count: int) -> None:
        self._rest = offset  # to be passed over
        self._count = count
        self.kept = b""

    def take(self, piece: bytes) -> None:
        """Take what is wanted of ``piece``."""
        over = min(self._rest, len(piece))
        self._rest -= over
        self.kept += piece[over : over + self._count - len(self.kept)]


def as_utf8(data: bytes, limit: int) -> tuple[str | None, int]:
    """Return at most ``limit`` bytes of ``data`` as text and their number; None: it is no text.

    A character that does not fit is left to the next slice.
    """
    most = min(limit, len(data))
    for count in range(most, max(most - UTF8_BYTES_MAX, -1), -1):
        try:
            text = data[:count].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return (None if "\0" in text else text), count
    return None, 0


def shown(replica: names.Copy, row: rows.Object) -> Json:
    """Return an Object as this copy has it, with the name of its space."""
    item = shapes.item(
        row,
        names.people(replica),
        space=space_id(replica.space),
        have=objects.have(replica, row),
        pinned=row.id in objects.pins(replica),
    )
    return {
        **item,
        "space_name": replica.space.name,
        "untrusted_fields": shapes.OWN_UNTRUSTED,
    }
