"""Records: typed records, reviews, handoffs and files of a space.

What is proved by a record, and what a verdict does, follows from explicit references and from the
gate of a task, never from its text.

Specification: docs/spec/records.md, docs/spec/object.md, docs/spec/tasks.md; docs/sdk.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import Unpack

from envoy import ids, limits
from envoy.errors import NotFoundError, UsageError
from envoy.replica.actions import names, objects
from envoy.replica.actions import records as acts
from envoy.sdk import drafts, given, reading, writing
from envoy.sdk.access import Place
from envoy.sdk.drafts import Said
from envoy.sdk.given import Named
from envoy.sdk.proofs import Record, Review, Stored
from envoy.views import records as shapes
from envoy.wiring import objects as streams
from envoy.wiring.reviews import Docket, views_of

MEDIA_DEFAULT = "application/octet-stream"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# RFC 6838, with what separates type and parameters.
MEDIA_SYMBOLS = frozenset(f"{_LETTERS}{_LETTERS.upper()}0123456789!#$&^_.+-/;= ")


class NewRecord(Said, total=False):
    """What a record of a space says beside its text."""

    task: Named


@dataclass(frozen=True, slots=True, repr=False)
class Records:
    """The typed records of a space."""

    _place: Place

    def add(self, kind: str, text: str = "", **said: Unpack[NewRecord]) -> Record:
        """Add a record: evidence, decision, objection, repair, approval, risk, …

        Raises UsageError(field_invalid) for what its kind must have and it has not, NotFoundError,
        AuthorityError(capability_missing).
        """
        known = drafts.checked(said, NewRecord)
        sort, words = given.choice(kind, "kind", shapes.KINDS), given.text(text, "text")
        call = given.key(known.get("key"))
        with self._place.writing() as replica:
            done = acts.add(replica, drafts.said_of(replica, sort, words, known), key=call)
            return Record(writing.record(replica, done.event))

    def list(self, *, task: Named | None = None) -> Iterator[Record]:
        """Go through records, the last one first; ``task``: those about one task."""
        about = given.find_ident(task, "task")
        return map(Record, reading.each(self._place, reading.records_of(about)))

    def get(self, record: Named) -> Record:
        """Return one record by its id or a unique prefix. Raises NotFoundError."""
        text = given.ident(record, "record")
        with self._place.reading() as (reader, space):
            found = reading.event_ids(reader, space, text, *ids.EVENT_PREFIXES)
            if not found:
                raise NotFoundError("not_found", kind="record")
            views = views_of(reader)
            row = views.record(space.sn, ids.choose(text, found, "rec"))
            assert row is not None, "an id that was found has a row"
            return Record(reading.record_json(reader, space, views.shown(row)))

    def retract(self, record: Named, reason: str = "", *, key: str | None = None) -> Record:
        """Take back a record of one's own, or as an admin anybody's."""
        text, words = given.ident(record, "record"), given.text(reason, "reason")
        call = given.key(key)
        with self._place.writing() as replica:
            ident = names.event(replica, text)
            acts.retract(replica, ident, reason=words, key=call)
            return Record(writing.record(replica, ident))


# -- files ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Objects:
    """The encrypted files of a space. No name of one is ever a path."""

    _place: Place

    def put(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        name: str | None = None,
        media_type: str | None = None,
        task: Named | None = None,
        key: str | None = None,
    ) -> Stored:
        """Share a file, by its path, or some bytes. Raises UsageError (object_too_large, …)."""
        about, call = given.find_ident(task, "task"), given.key(key)
        label = objects.Label(label_of(source, name), media_of(media_type))
        config = self._place.access.config
        with (
            self._place.writing() as replica,
            opened(source) as read,
            streams.tools(config, "shared") as tools,
        ):
            if about is not None:
                label = label._replace(task=writing.other_task(replica, about))
            done = objects.put(replica, read, label, tools=tools, key=call)
            return Stored(writing.stored(replica, done.row))

    def get(
        self, object: Named, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Stored:
        """Write a file to ``path``, whole and checked, or not at all.

        Raises RelayError(object_incomplete) where not all of it is here, ConflictError
        (already_exists, event_not_ok for a retracted one).
        """
        text, where = given.ident(object, "object"), path_of(path, "path")
        force, config = given.switch(overwrite, "overwrite"), self._place.access.config
        with self._place.writing() as replica:
            row = objects.find(replica, text)
            with (
                streams.target(config, where, force=force) as write,
                streams.tools(config, "got") as tools,
            ):
                objects.get(replica, row, write, tools=tools)
            return Stored(writing.stored(replica, row))

    def read(self, object: Named) -> bytes:
        """Return the bytes of a file, every one checked. Raises as `get` does."""
        text, made = given.ident(object, "object"), bytearray()
        with self._place.writing() as replica:
            row = objects.find(replica, text)
            with streams.tools(self._place.access.config, "got") as tools:
                objects.get(replica, row, made.extend, tools=tools)
        return bytes(made)

    def list(self, *, task: Named | None = None) -> Iterator[Stored]:
        """Go through files, the last one first; ``task``: those of one task."""
        about = given.find_ident(task, "task")
        return map(Stored, reading.each(self._place, reading.objects_of(about)))

    def retract(self, object: Named, reason: str = "", *, key: str | None = None) -> Stored:
        """Take a reference back; the bytes stay where they are."""
        text, words = given.ident(object, "object"), given.text(reason, "reason")
        call = given.key(key)
        with self._place.writing() as replica:
            row = objects.find(replica, text)
            objects.retract(replica, row.id, reason=words, key=call)
            after = objects.find(replica, ids.to_text("evt", row.id))
            return Stored(writing.stored(replica, after))


def opened(source: str | os.PathLike[str] | bytes) -> AbstractContextManager[objects.Read]:
    """Return what gives the bytes of a file, or those given."""
    if isinstance(source, bytes):
        return nullcontext(BytesIO(source).read)
    return streams.source(path_of(source, "source"))


def path_of(value: object, argument: str) -> str:
    """Return a path; what the command line takes for a stream is a file here."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str) or not found:
        raise given.wrong(argument, "type", expected="path")
    return os.path.join(os.curdir, found) if found == streams.STREAM else found


def label_of(source: object, name: str | None) -> str:
    """Return the label of a file: the one given, else the last part of its path, cut to fit."""
    if name is not None:
        return given.line(name, "name", bytes_max=limits.NAME_BYTES_MAX)
    if isinstance(source, bytes):
        raise UsageError("missing_required_flag", argument="name")
    last = os.path.basename(os.path.normpath(path_of(source, "source")))
    # Bytes that are no UTF-8, and line breaks, are no part of a label.
    plain = last.encode("utf-8", "replace").decode().replace("\n", " ").replace("\0", " ")
    while len(plain.encode()) > limits.NAME_BYTES_MAX:
        plain = plain[:-1]
    return given.line(plain if plain.strip() else "file", "name", bytes_max=limits.NAME_BYTES_MAX)


def media_of(value: str | None) -> str:
    """Return what a file is, as its author says."""
    if value is None:
        return MEDIA_DEFAULT
    found = given.line(value, "media_type", bytes_max=limits.NAME_BYTES_MAX)
    kind, slash, rest = found.partition("/")
    if not (kind and slash and rest and MEDIA_SYMBOLS.issuperset(found)):
        raise given.wrong("media_type", "form")
    return found


# -- reviews -------------------------------------------------------------------------------------


def review_of(place: Place, task: Named) -> Review:
    """Return a task as its reviewers see it."""
    text = given.ident(task, "task")
    with place.reading() as (reader, space):
        row = reader.task(text, place.id)[1]
        return Review(reading.review_json(reader, space, Docket(reader, space).bench(row)))
