"""SQLite: the log store of a hub in one file, ``hub.db``.

It keeps rows and answers questions about them; what a call means, who may do it and when it is
refused is ``hub.handler``'s. Frames are opaque: their id, their number, their bytes.

Laws: every change happens inside ``transaction``, which is durable when it ends, because a number
or a fence that was handed out must survive a loss of power. What belongs to the log of a space
(newest number, hub chain, sum, count) changes together with its frames. ``instance`` is drawn with
the file, so a lost or restored database never passes for the one before it. Tables are STRICT and
each key begins with a hash.

Specification: docs/spec/frames.md, Store.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from envoy import limits
from envoy.errors import EnvoyError, IntegrityError
from envoy.lean import NamedTuple
from envoy.sync import frames
from envoy.system import db, files, host, upgrade

VERSION: Final = 2
FILE_NAME: Final = "hub.db"
LOCK_NAME: Final = "hub.lock"
# Beside it, where a space of this machine is connected (``hub.links``).
LINKS_NAME: Final = "links.db"
# A database that is whole and waits to take the place of a damaged one; where that one goes.
RENEWED: Final = ".renewed"
ASIDE: Final = ".damaged"

SCHEMA: Final = """
CREATE TABLE meta(k TEXT PRIMARY KEY, v BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE space(
  space BLOB PRIMARY KEY, g BLOB NOT NULL, root_pub BLOB NOT NULL, head INTEGER NOT NULL,
  h BLOB NOT NULL, sum BLOB NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
  rev INTEGER NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE frame(
  space BLOB NOT NULL, seq INTEGER NOT NULL, id BLOB NOT NULL, at INTEGER NOT NULL,
  body BLOB NOT NULL, PRIMARY KEY(space, seq), UNIQUE(space, id)) STRICT;
CREATE TABLE slot(
  space BLOB NOT NULL, slot BLOB NOT NULL, fence INTEGER NOT NULL, holder_hash BLOB NOT NULL,
  event BLOB NOT NULL, until INTEGER NOT NULL, cap BLOB NOT NULL, receipt INTEGER NOT NULL,
  PRIMARY KEY(space, slot)) STRICT, WITHOUT ROWID;
CREATE INDEX slot_cap ON slot(space, cap, until);
CREATE TABLE epoch(
  space BLOB NOT NULL, epoch BLOB NOT NULL, head BLOB NOT NULL, poster BLOB NOT NULL,
  PRIMARY KEY(space, epoch)) STRICT;
CREATE TABLE box(
  arrival INTEGER PRIMARY KEY, space BLOB NOT NULL, epoch BLOB NOT NULL, tag BLOB NOT NULL,
  poster BLOB NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, box BLOB NOT NULL,
  UNIQUE(space, epoch, tag, poster, n)) STRICT;
CREATE TABLE invite(
  lookup BLOB PRIMARY KEY, fetch_hash BLOB NOT NULL, revoke_hash BLOB NOT NULL,
  blob BLOB NOT NULL, expires INTEGER NOT NULL, uses_left INTEGER NOT NULL) STRICT;
CREATE TABLE invite_item(
  lookup BLOB NOT NULL, tag BLOB NOT NULL, request BLOB, reply BLOB,
  PRIMARY KEY(lookup, tag)) STRICT, WITHOUT ROWID;
CREATE TABLE keys(
  did BLOB PRIMARY KEY, no INTEGER NOT NULL, statement BLOB NOT NULL, sig BLOB NOT NULL) STRICT;
"""


def _requests(connection: db.Connection) -> None:
    """2: what who fetched an invite asks, and what it is answered."""
    connection.run("ALTER TABLE invite_item ADD COLUMN request BLOB")
    connection.run("ALTER TABLE invite_item ADD COLUMN reply BLOB")


# From version to version. Steps are never changed once they were released, only added.
STEPS: Final[tuple[upgrade.Step, ...]] = (_requests,)


class SpaceRow(NamedTuple):
    """A space at this hub; the columns of its table in their order."""

    space: bytes
    g: bytes
    root_pub: bytes
    head: int
    h: bytes
    sum: bytes
    frame_count: int
    byte_count: int
    rev: int
    at: int


class SlotRow(NamedTuple):
    """Who holds a slot; ``receipt`` is the number of the receipt frame, ``cap`` who pays for it."""

    fence: int
    holder_hash: bytes
    event: bytes
    until: int
    cap: bytes
    receipt: int


class InviteRow(NamedTuple):
    """An invite record; ``expires`` in milliseconds."""

    fetch_hash: bytes
    revoke_hash: bytes
    blob: bytes
    expires: int
    uses_left: int


class BoxPlace(NamedTuple):
    """Where a box lies: for which epoch, under which tag, posted by whom."""

    space: bytes
    epoch: bytes
    tag: bytes
    poster: bytes


class FrameRow(NamedTuple):
    """A frame as it is appended."""

    seq: int
    id: bytes
    at: int
    body: bytes


class LogStore:
    """The rows of one hub. ``seed`` is that of its signing key."""

    def __init__(self, connection: db.Connection, lock_path: str) -> None:
        self.connection = connection
        self._lock_path = lock_path
        self.instance = self._meta("instance")
        self.seed = self._meta("key")

    def transaction(self) -> AbstractContextManager[object]:
        """Return a context manager: what is written in it is durable at its end, or undone."""
        return self.connection.write_transaction(self._lock_path, sync="full")

    def snapshot(self) -> AbstractContextManager[object]:
        """Return a context manager: all reads in it see one state."""
        return self.connection.snapshot()

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    # -- spaces and frames ------------------------------------------------------------------

    def instance_of(self, space: bytes) -> bytes:
        """Return the instance of the log of ``space``: here no space ends before the file does."""
        assert space, "a space has an id"
        return self.instance

    def begin(self, space: bytes, now_ms: int) -> tuple[bytes, int]:
        """Return instance and first number of access of a log that is begun."""
        assert space and now_ms >= 0, "a space has an id, a time is one"
        return self.instance, 0

    def find_space(self, space: bytes) -> SpaceRow | None:
        """Return the row of ``space``, or None."""
        return self.connection.find(SpaceRow, "SELECT * FROM space WHERE space = ?", (space,))

    def spaces(self) -> list[bytes]:
        """Return the ids of all spaces. For whoever looks for theirs on this machine: no call."""
        return self.connection.rows(bytes, "SELECT space FROM space ORDER BY space")

    def add_space(self, row: SpaceRow) -> None:
        """Insert a space."""
        self.connection.run("INSERT INTO space VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def save_space(self, row: SpaceRow) -> None:
        """Write what an append changes of a space."""
        self.connection.run(
            "UPDATE space SET head = ?, h = ?, sum = ?, count = ?, bytes = ?, at = ?"
            " WHERE space = ?",
            (row.head, row.h, row.sum, row.frame_count, row.byte_count, row.at, row.space),
        )

    def find_seq(self, space: bytes, frame_id: bytes) -> int | None:
        """Return the number of a frame, or None."""
        sql = "SELECT seq FROM frame WHERE space = ? AND id = ?"
        return self.connection.find(int, sql, (space, frame_id))

    def find_frame(self, space: bytes, frame_id: bytes) -> bytes | None:
        """Return the bytes of a frame by its id, or None."""
        sql = "SELECT body FROM frame WHERE space = ? AND id = ?"
        return self.connection.find(bytes, sql, (space, frame_id))

    def frame_at(self, space: bytes, seq: int) -> bytes:
        """Return the bytes of the frame ``seq``, which exists."""
        sql = "SELECT body FROM frame WHERE space = ? AND seq = ?"
        found = self.connection.find(bytes, sql, (space, seq))
        if found is None:
            raise IntegrityError("state_corrupt", path=self.connection.path, reason="frame_gap")
        return found

    def add_frames(self, space: bytes, rows: Iterable[FrameRow]) -> None:
        """Append frames; their numbers are dense by the caller's word."""
        sql = "INSERT INTO frame(space, seq, id, at, body) VALUES(?, ?, ?, ?, ?)"
        self.connection.run_many(sql, [(space, *row) for row in rows])

    def frames_after(self, space: bytes, since: int, *, limit: int, bytes_max: int) -> list[bytes]:
        """Return the frames from since + 1 on: at most ``limit``, at most ``bytes_max`` bytes."""
        sql = "SELECT body FROM frame WHERE space = ? AND seq > ? ORDER BY seq LIMIT ?"
        found = list[bytes]()
        for body in self.connection.each(bytes, sql, (space, since, limit)):
            bytes_max -= len(body)
            if bytes_max < 0:
                break
            found.append(body)
        return found

    def frame_ids(self, space: bytes) -> list[bytes]:
        """Return the ids of all frames of ``space``, ascending."""
        return self.connection.rows(
            bytes, "SELECT id FROM frame WHERE space = ? ORDER BY id", (space,)
        )

    # -- slots ------------------------------------------------------------------------------

    def find_slot(self, space: bytes, slot: bytes) -> SlotRow | None:
        """Return the row of a slot, or None."""
        sql = (
            "SELECT fence, holder_hash, event, until, cap, receipt FROM slot"
            " WHERE space = ? AND slot = ?"
        )
        return self.connection.find(SlotRow, sql, (space, slot))

    def save_slot(self, space: bytes, slot: bytes, row: SlotRow) -> None:
        """Insert or replace the row of a slot."""
        sql = "INSERT OR REPLACE INTO slot VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
        self.connection.run(sql, (space, slot, *row))

    def slot_counts(self, space: bytes, cap: bytes) -> tuple[int, int]:
        """Return how many slots ``space`` has, and how many of them ``cap`` pays for."""
        every = self.connection.find(int, "SELECT count(*) FROM slot WHERE space = ?", (space,))
        sql = "SELECT count(*) FROM slot WHERE space = ? AND cap = ?"
        return every or 0, self.connection.find(int, sql, (space, cap)) or 0

    def evict_slot(self, space: bytes, cap: bytes | None, *, ended_by: int) -> bool:
        """Delete the slot of ``cap`` (None: of anybody) whose lease ended longest ago.

        One whose fence nobody could name without its row stays: else no claim of it would ever be
        confirmed again. False, and nothing deleted, if no lease ended at ``ended_by`` or before.
        """
        self.connection.run(
            "DELETE FROM slot WHERE space = ?1 AND slot = (SELECT slot FROM slot"
            " WHERE space = ?1 AND cap = ifnull(?2, cap) AND until <= ?3 AND fence <= ?4"
            " ORDER BY until, slot LIMIT 1)",
            (space, cap, ended_by, limits.SLOT_SEEN_MAX),
        )
        return self.connection.changes() > 0

    # -- epochs and boxes -------------------------------------------------------------------

    def find_epoch(self, space: bytes, epoch: bytes) -> tuple[bytes, bytes] | None:
        """Return the head of an epoch and its poster, or None."""
        sql = "SELECT head, poster FROM epoch WHERE space = ? AND epoch = ?"
        return self.connection.find(_pair, sql, (space, epoch))

    def epochs(self, space: bytes) -> list[bytes]:
        """Return the ids of all epochs of ``space``, the newest first."""
        sql = "SELECT epoch FROM epoch WHERE space = ? ORDER BY rowid DESC"
        return self.connection.rows(bytes, sql, (space,))

    def add_epoch(self, space: bytes, epoch: bytes, head: bytes, poster: bytes) -> None:
        """Insert an epoch head; the first one stays."""
        sql = "INSERT OR IGNORE INTO epoch VALUES(?, ?, ?, ?)"
        self.connection.run(sql, (space, epoch, head, poster))

    def has_box(self, place: BoxPlace, box: bytes) -> bool:
        """Say whether this very box lies there."""
        sql = "SELECT 1 FROM box WHERE space = ? AND epoch = ? AND tag = ? AND poster = ?"
        return self.connection.find(int, sql + " AND box = ?", (*place, box)) is not None

    def box_count(self, space: bytes, epoch: bytes, poster: bytes) -> int:
        """Return how many boxes ``poster`` has for ``epoch``."""
        sql = "SELECT count(*) FROM box WHERE space = ? AND epoch = ? AND poster = ?"
        return self.connection.find(int, sql, (space, epoch, poster)) or 0

    def tag_count(self, place: BoxPlace) -> int:
        """Return how many boxes lie there."""
        sql = "SELECT count(*) FROM box WHERE space = ? AND epoch = ? AND tag = ? AND poster = ?"
        return self.connection.find(int, sql, place) or 0

    def add_box(self, place: BoxPlace, box: bytes, *, number: int, at: int) -> None:
        """Insert a box as ``number`` of its place."""
        sql = "INSERT INTO box(space, epoch, tag, poster, n, at, box) VALUES(?, ?, ?, ?, ?, ?, ?)"
        self.connection.run(sql, (*place, number, at, box))

    def boxes(
        self, space: bytes, epoch: bytes, tag: bytes, *, first: bytes
    ) -> list[tuple[bytes, bytes]]:
        """Return (poster, box) under ``tag``: those of the poster ``first``, then oldest first."""
        return self.connection.rows(
            _pair,
            "SELECT poster, box FROM box WHERE space = ? AND epoch = ? AND tag = ?"
            " ORDER BY poster <> ?, arrival LIMIT ?",
            (space, epoch, tag, first, limits.BOXES_TRIED_MAX),
        )

    def all_boxes(self, space: bytes, epoch: bytes) -> list[tuple[bytes, bytes]]:
        """Return (tag, box) of all boxes for ``epoch``, oldest first."""
        sql = "SELECT tag, box FROM box WHERE space = ? AND epoch = ? ORDER BY arrival"
        return self.connection.rows(_pair, sql, (space, epoch))

    # -- invites ----------------------------------------------------------------------------

    def find_invite(self, lookup: bytes) -> InviteRow | None:
        """Return an invite record, or None."""
        sql = "SELECT fetch_hash, revoke_hash, blob, expires, uses_left FROM invite"
        return self.connection.find(InviteRow, sql + " WHERE lookup = ?", (lookup,))

    def add_invite(self, lookup: bytes, row: InviteRow) -> None:
        """Insert an invite record."""
        self.connection.run("INSERT INTO invite VALUES(?, ?, ?, ?, ?, ?)", (lookup, *row))

    def has_fetched(self, lookup: bytes, tag: bytes) -> bool:
        """Say whether ``tag`` has burnt a use of the invite."""
        sql = "SELECT 1 FROM invite_item WHERE lookup = ? AND tag = ?"
        return self.connection.find(int, sql, (lookup, tag)) is not None

    def burn_use(self, lookup: bytes, tag: bytes) -> None:
        """Take one use of the invite for ``tag``."""
        self.connection.run("INSERT INTO invite_item(lookup, tag) VALUES(?, ?)", (lookup, tag))
        self.connection.run(
            "UPDATE invite SET uses_left = uses_left - 1 WHERE lookup = ?", (lookup,)
        )

    def request(self, lookup: bytes, tag: bytes) -> tuple[bytes | None, bytes | None]:
        """Return what who fetched as ``tag`` asked and was answered, each None if it was not."""
        sql = "SELECT request, reply FROM invite_item WHERE lookup = ? AND tag = ?"
        return self.connection.find(_maybe_pair, sql, (lookup, tag)) or (None, None)

    def requests(self, lookup: bytes) -> list[tuple[bytes, bytes, bytes | None]]:
        """Return (tag, request, reply) of all who asked by an invite, ascending by tag."""
        sql = "SELECT tag, request, reply FROM invite_item WHERE lookup = ? AND request IS NOT NULL"
        return self.connection.rows(_posted, f"{sql} ORDER BY tag", (lookup,))

    def keep_request(self, lookup: bytes, tag: bytes, request: bytes) -> None:
        """Keep what who fetched as ``tag`` asks."""
        sql = "UPDATE invite_item SET request = ? WHERE lookup = ? AND tag = ?"
        self.connection.run(sql, (request, lookup, tag))

    def keep_reply(self, lookup: bytes, tag: bytes, reply: bytes) -> None:
        """Keep the answer to who asked as ``tag``; nothing where nobody did."""
        sql = "UPDATE invite_item SET reply = ? WHERE lookup = ? AND tag = ?"
        self.connection.run(f"{sql} AND request IS NOT NULL", (reply, lookup, tag))

    def delete_invite(self, lookup: bytes) -> None:
        """Delete an invite and the tags that fetched it."""
        self.connection.run("DELETE FROM invite_item WHERE lookup = ?", (lookup,))
        self.connection.run("DELETE FROM invite WHERE lookup = ?", (lookup,))

    def expired_invites(self, now_ms: int) -> list[bytes]:
        """Return the lookup ids of some invites that have expired."""
        sql = "SELECT lookup FROM invite WHERE expires <= ? LIMIT ?"
        return self.connection.rows(bytes, sql, (now_ms, limits.ROWS_MAX))

    # -- directory of keys ------------------------------------------------------------------

    def find_keys(self, did: bytes) -> tuple[bytes, bytes] | None:
        """Return the statement of ``did`` and its signature, or None."""
        return self.connection.find(_pair, "SELECT statement, sig FROM keys WHERE did = ?", (did,))

    def save_keys(self, did: bytes, no: int, statement: bytes, sig: bytes) -> None:
        """Keep a statement unless one of this or a higher number is there."""
        self.connection.run(
            "INSERT INTO keys VALUES(?, ?, ?, ?) ON CONFLICT(did) DO UPDATE SET"
            " no = excluded.no, statement = excluded.statement, sig = excluded.sig"
            " WHERE excluded.no > keys.no",
            (did, no, statement, sig),
        )

    def _meta(self, key: str) -> bytes:
        """Return a value that was drawn with the file."""
        found = self.connection.find(bytes, "SELECT v FROM meta WHERE k = ?", (key,))
        if found is None:
            raise IntegrityError("state_corrupt", path=self.connection.path, reason=key)
        return found


def open_store(directory: str) -> LogStore:
    """Return the store in ``directory``, made with a new instance and key if it is missing.

    Raises IntegrityError: state_access_denied for a directory or file that is not mine alone,
    state_corrupt, schema_too_new.
    """
    files.ensure_directory(directory)
    place, lock_path = os.path.join(directory, FILE_NAME), os.path.join(directory, LOCK_NAME)
    if files.exists(place + RENEWED):
        with files.lock(lock_path, timeout_s=limits.LOCK_SECONDS_MAX):
            swap(place)
    connection = db.connect(place, create=True)
    try:
        if upgrade.version_of(connection) != VERSION:
            if upgrade.checked_version(connection, VERSION) == 0:
                _make(connection, lock_path)
            upgrade.bring_up(connection, lock_path, STEPS, _note)
        return LogStore(connection, lock_path)
    except EnvoyError:
        connection.close()
        raise


def swap(place: str) -> None:
    """Let the renewed database take the place of the old one, which stays beside it.

    Under the lock. The log of the old one must not be read into the new one, so it goes first.
    """
    if not files.exists(place + RENEWED):
        return
    files.remove(place + "-wal")
    files.remove(place + "-shm")
    if files.exists(place):
        files.rename(place, place + ASIDE)
    files.rename(place + RENEWED, place)


def _make(connection: db.Connection, lock_path: str) -> None:
    """Make the tables and draw what tells this hub from others, unless somebody just did."""
    with connection.write_transaction(lock_path, sync="full"):
        if upgrade.version_of(connection) != 0:
            return
        connection.run(SCHEMA)
        drawn = [("instance", host.entropy(16)), ("key", host.entropy(32))]
        connection.run_many("INSERT INTO meta VALUES(?, ?)", drawn)
        connection.run("PRAGMA user_version=" + str(VERSION))
        _note(connection, VERSION)
    connection.fold()


def _note(connection: db.Connection, version: int) -> None:
    """Write the version of the tables a second time: one of them alone may be damage."""
    sql = "INSERT OR REPLACE INTO meta(k, v) VALUES('schema', ?)"
    connection.run(sql, (version.to_bytes(4),))


def renew_instance(connection: db.Connection) -> None:
    """Make the database another instance: it is a copy. Inside a write.

    The hub chains go on from their ids, so every log is as if it had been begun here.
    """
    instance = host.entropy(16)
    connection.run("UPDATE meta SET v = ? WHERE k = 'instance'", (instance,))
    for space in connection.rows(bytes, "SELECT space FROM space"):
        sql = "SELECT id FROM frame WHERE space = ? ORDER BY seq"
        h = frames.chain_start(instance, space)
        h = frames.chain_after(h, connection.rows(bytes, sql, (space,)))
        connection.run("UPDATE space SET h = ? WHERE space = ?", (h, space))
    connection.run("DELETE FROM slot")


def _pair(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    return first, second


def _maybe_pair(first: bytes | None, second: bytes | None) -> tuple[bytes | None, bytes | None]:
    return first, second


def _posted(tag: bytes, request: bytes, reply: bytes | None) -> tuple[bytes, bytes, bytes | None]:
    return tag, request, reply
