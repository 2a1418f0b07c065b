"""Links: which spaces of this machine a relay has as well, and how far either side has read.

A space that is connected has a row here: where its relay is, what the relay's log looked like when
it was last read, up to which number of the local log the relay has everything. What must reach the
relay beside frames (heads, boxes, invites, chunks, access) waits as errands: calls, kept as bytes,
sent in their order and before the frames behind them. Tokens of sessions lie here so that a short
command needs no new one; they end by themselves after minutes.

It is a file of its own beside ``hub.db``: a machine without a relay has none and pays one look
for it. Losing it loses no event: a space is connected anew, and reconciliation finds the rest.

Laws: a cursor is saved after the frames that it stands behind. An errand is struck off only when
the relay answered.

Specification: docs/spec/bridge.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from envoy.errors import EnvoyError
from envoy.hub.sqlite import LINKS_NAME
from envoy.lean import NamedTuple
from envoy.system import db, files, upgrade

VERSION: Final = 3
LOCK_NAME: Final = "links.lock"

_SCHEMA: Final = """
CREATE TABLE meta(k TEXT PRIMARY KEY, v BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE link(
  space BLOB PRIMARY KEY, origin TEXT NOT NULL, pin BLOB, hub_key BLOB NOT NULL,
  instance BLOB, cursor INTEGER NOT NULL, h BLOB, local BLOB NOT NULL, pushed INTEGER NOT NULL,
  signed BLOB NOT NULL, settled BLOB NOT NULL, statement BLOB, asked_ms INTEGER NOT NULL,
  trouble TEXT NOT NULL, tried_ms INTEGER NOT NULL, isolated INTEGER NOT NULL DEFAULT 0)
  STRICT, WITHOUT ROWID;
CREATE TABLE errand(
  n INTEGER PRIMARY KEY AUTOINCREMENT, space BLOB NOT NULL, name TEXT NOT NULL,
  call BLOB NOT NULL, owner BLOB NOT NULL DEFAULT x'') STRICT;
CREATE INDEX errand_space ON errand(space, n);
CREATE TABLE pass(
  space BLOB NOT NULL, holder BLOB NOT NULL, token BLOB NOT NULL, exp INTEGER NOT NULL,
  PRIMARY KEY(space, holder)) STRICT, WITHOUT ROWID;
CREATE TABLE signpost(
  lookup BLOB PRIMARY KEY, space BLOB NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

# Of a space whose relay may lack chunks: only who knows the objects can name them.
CHUNKS: Final = "chunks "
# Of one whose relay refused a statement as it knew another: only who reads both can merge them.
ACCESS: Final = "access "
MARKS: Final = (CHUNKS, ACCESS)

# Column of a link -> what writes it and no other.
_CHANGES: Final = {
    "pin": "UPDATE link SET pin = ? WHERE space = ?",
    "hub_key": "UPDATE link SET hub_key = ? WHERE space = ?",
    "instance": "UPDATE link SET instance = ? WHERE space = ?",
    "cursor": "UPDATE link SET cursor = ? WHERE space = ?",
    "h": "UPDATE link SET h = ? WHERE space = ?",
    "local": "UPDATE link SET local = ? WHERE space = ?",
    "pushed": "UPDATE link SET pushed = ? WHERE space = ?",
    "signed": "UPDATE link SET signed = ? WHERE space = ?",
    "settled": "UPDATE link SET settled = ? WHERE space = ?",
    "statement": "UPDATE link SET statement = ? WHERE space = ?",
    "asked_ms": "UPDATE link SET asked_ms = ? WHERE space = ?",
    "trouble": "UPDATE link SET trouble = ? WHERE space = ?",
    "isolated": "UPDATE link SET isolated = ? WHERE space = ?",
}
_FORGET: Final = (
    "DELETE FROM link WHERE space = ?",
    "DELETE FROM errand WHERE space = ?",
    "DELETE FROM pass WHERE space = ?",
    "DELETE FROM signpost WHERE space = ?",
)


def _owners(connection: db.Connection) -> None:
    """2: who left an errand; the last statement of each signer in the place of the last of all."""
    connection.run("ALTER TABLE errand ADD COLUMN owner BLOB NOT NULL DEFAULT x''")
    connection.run("UPDATE link SET statement = NULL")
    connection.run("DELETE FROM errand WHERE name = 'access_put'")


def _isolated(connection: db.Connection) -> None:
    """3: which spaces have connections of their own; none had."""
    connection.run("ALTER TABLE link ADD COLUMN isolated INTEGER NOT NULL DEFAULT 0")


# From version to version. Steps are never changed once they were released, only added.
STEPS: Final[tuple[upgrade.Step, ...]] = (_owners, _isolated)


class Link(NamedTuple):
    """A connected space; the columns of its table in their order.

    ``hub_key`` signs the relay's replies, ``pin`` is the SHA-256 of its TLS key or None.
    ``instance``, ``cursor`` and ``h`` are those of the relay's log as it was read; ``pushed`` is
    the number of the local log, in its instance ``local``, up to which the relay has every frame.
    ``signed`` is the relay's last signed word on where its log stood, ``settled`` the two sums that
    differed when nothing was found to differ. ``statement`` is C of the last access statement of
    each signer, in their signed form. ``asked_ms``: when the end of its log was last
    reached; ``trouble``: the code of what went wrong since, or empty; ``tried_ms``: when that was.
    ``isolated`` is 1 where calls about the space share no connection with others, else 0.
    """

    space: bytes
    origin: str
    pin: bytes | None
    hub_key: bytes
    instance: bytes | None
    cursor: int
    h: bytes | None
    local: bytes
    pushed: int
    signed: bytes
    settled: bytes
    statement: bytes | None
    asked_ms: int
    trouble: str
    tried_ms: int = 0
    isolated: int = 0


class Errand(NamedTuple):
    """A call that waits: its name in ``sync.access.EVERY``, C of it, and who left it.

    ``owner`` is an access key in the space, empty where it is not known.
    """

    n: int
    name: str
    call: bytes
    owner: bytes


class Pass(NamedTuple):
    """A token, and when it ends, ms of the relay's clock."""

    token: bytes
    exp: int


class Links:
    """The rows of ``links.db``."""

    def __init__(self, connection: db.Connection, lock_path: str) -> None:
        self._connection = connection
        self._lock_path = lock_path

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _write(self) -> db.WriteTransaction:
        """Return a durable transaction."""
        return self._connection.write_transaction(self._lock_path, sync="full")

    # -- links ------------------------------------------------------------------------------

    def find(self, space: bytes) -> Link | None:
        """Return the link of ``space``, None if it is not connected."""
        return self._connection.find(Link, "SELECT * FROM link WHERE space = ?", (space,))

    def every(self) -> list[Link]:
        """Return all links, ascending by space."""
        return self._connection.rows(Link, "SELECT * FROM link ORDER BY space")

    def save(self, link: Link) -> None:
        """Insert or replace a link, durably."""
        places = ", ".join("?" * len(Link._fields))
        with self._write():
            self._connection.run(f"INSERT OR REPLACE INTO link VALUES({places})", link)

    def change(self, space: bytes, **values: db.Value) -> None:
        """Write some columns of a link, fields of ``Link``, together and durably.

        Others stay as another process wrote them; a link that is gone stays gone.
        """
        with self._write():
            for name, value in values.items():
                self._connection.run(_CHANGES[name], (value, space))

    def note(self, space: bytes, trouble: str, tried_ms: int) -> None:
        """Note what went wrong with the relay of ``space``, and when. Not durable."""
        with self._connection.write_transaction(self._lock_path, sync="normal"):
            sql = "UPDATE link SET trouble = ?, tried_ms = ? WHERE space = ?"
            self._connection.run(sql, (trouble, tried_ms, space))

    def heard(self, space: bytes, asked_ms: int) -> None:
        """Note that the relay of ``space`` had nothing new. Not durable."""
        with self._connection.write_transaction(self._lock_path, sync="normal"):
            sql = "UPDATE link SET asked_ms = ?, trouble = '' WHERE space = ?"
            self._connection.run(sql, (asked_ms, space))

    def drop(self, space: bytes) -> None:
        """Forget a link and all that waits for it."""
        with self._write():
            for sql in _FORGET:
                self._connection.run(sql, (space,))
            for mark in MARKS:
                self._connection.run("DELETE FROM meta WHERE k = ?", (mark + space.hex(),))

    # -- errands ----------------------------------------------------------------------------

    def send_later(self, space: bytes, name: str, call: bytes, *, owner: bytes) -> None:
        """Keep a call for the relay of ``space``; the same one of the same owner is kept once."""
        self.send_all(space, name, (call,), owner=owner)

    def send_all(self, space: bytes, name: str, calls: Sequence[bytes], *, owner: bytes) -> None:
        """Keep several calls of one name, in their order."""
        find = "SELECT n FROM errand WHERE space = ? AND name = ? AND call = ? AND owner = ?"
        add = "INSERT INTO errand(space, name, call, owner) VALUES(?, ?, ?, ?)"
        with self._write():
            for call in calls:
                found = (space, name, call, owner)
                if self._connection.find(int, find, found) is None:
                    self._connection.run(add, found)

    def errands(self, space: bytes, after: int, limit: int) -> list[Errand]:
        """Return the calls behind ``after`` that wait for a relay, the oldest first."""
        sql = "SELECT n, name, call, owner FROM errand WHERE space = ? AND n > ? ORDER BY n LIMIT ?"
        return self._connection.rows(Errand, sql, (space, after, limit))

    def errand_count(self, space: bytes, owner: bytes) -> int:
        """Count the calls that wait for the relay of ``space``: those of ``owner``, of nobody."""
        sql = "SELECT count(*) FROM errand WHERE space = ? AND owner IN (?, x'')"
        return self._connection.find(int, sql, (space, owner)) or 0

    def done(self, errand: Errand) -> None:
        """Strike off a call that was answered."""
        with self._write():
            self._connection.run("DELETE FROM errand WHERE n = ?", (errand.n,))

    # -- marks ------------------------------------------------------------------------------

    def mark(self, mark: str, space: bytes, *, wanted: bool) -> None:
        """Note that the relay of ``space`` may lack what ``mark``, one of ``MARKS``, names."""
        sql = "INSERT OR REPLACE INTO meta VALUES(?, x'01')"
        sql = sql if wanted else "DELETE FROM meta WHERE k = ?"
        with self._write():
            self._connection.run(sql, (mark + space.hex(),))

    def is_marked(self, mark: str, space: bytes) -> bool:
        """Say whether the relay of ``space`` may lack what ``mark`` names."""
        sql = "SELECT 1 FROM meta WHERE k = ?"
        return self._connection.find(int, sql, (mark + space.hex(),)) is not None

    # -- passes and signposts ---------------------------------------------------------------

    def find_pass(self, space: bytes, holder: bytes) -> Pass | None:
        """Return the token that ``holder`` has for ``space``, whether its time is over or not."""
        sql = "SELECT token, exp FROM pass WHERE space = ? AND holder = ?"
        return self._connection.find(Pass, sql, (space, holder))

    def keep_pass(self, space: bytes, holder: bytes, found: Pass | None) -> None:
        """Keep a token in the place of the one before; None: forget it. Not durable."""
        with self._connection.write_transaction(self._lock_path, sync="normal"):
            if found is None:
                sql = "DELETE FROM pass WHERE space = ? AND holder = ?"
                self._connection.run(sql, (space, holder))
            else:
                sql = "INSERT OR REPLACE INTO pass VALUES(?, ?, ?, ?)"
                self._connection.run(sql, (space, holder, *found))

    def point(self, lookup: bytes, space: bytes, expires: int) -> None:
        """Remember that the relay of ``space`` has the invite ``lookup``, until ``expires``, ms."""
        with self._write():
            self._connection.run(
                "INSERT OR REPLACE INTO signpost VALUES(?, ?, ?)", (lookup, space, expires)
            )

    def unpoint(self, lookup: bytes) -> None:
        """Forget where an invite is: no relay has it."""
        with self._write():
            self._connection.run("DELETE FROM signpost WHERE lookup = ?", (lookup,))

    def waiting(self, space: bytes, name: str) -> list[bytes]:
        """Return the calls of one name that wait for the relay of ``space``, the oldest first."""
        sql = "SELECT call FROM errand WHERE space = ? AND name = ? ORDER BY n"
        return self._connection.rows(bytes, sql, (space, name))

    def pointed(self, lookup: bytes, now_ms: int) -> Link | None:
        """Return the link of the space whose relay has the invite ``lookup``, None if none does."""
        sql = "SELECT space FROM signpost WHERE lookup = ? AND expires > ?"
        space = self._connection.find(bytes, sql, (lookup, now_ms))
        return None if space is None else self.find(space)


def exists(directory: str) -> bool:
    """Say whether any space of the hub in ``directory`` was ever connected."""
    return files.exists(os.path.join(directory, LINKS_NAME))


def open_links(directory: str) -> Links:
    """Return the links of the hub in ``directory``, made if there are none.

    Raises IntegrityError (state_access_denied, state_corrupt, schema_too_new).
    """
    place, lock_path = os.path.join(directory, LINKS_NAME), os.path.join(directory, LOCK_NAME)
    connection = db.connect(place, create=True)
    try:
        if upgrade.version_of(connection) != VERSION:
            if upgrade.checked_version(connection, VERSION) == 0:
                _make(connection, lock_path)
            upgrade.bring_up(connection, lock_path, STEPS, _note)
        return Links(connection, lock_path)
    except EnvoyError:
        connection.close()
        raise


def _make(connection: db.Connection, lock_path: str) -> None:
    """Make the tables, unless somebody just did."""
    with connection.write_transaction(lock_path, sync="full"):
        if upgrade.version_of(connection) != 0:
            return
        connection.run(_SCHEMA)
        connection.run("PRAGMA user_version=" + str(VERSION))
        _note(connection, VERSION)
    connection.fold()


def _note(connection: db.Connection, version: int) -> None:
    """Write the version of the tables a second time: one of them alone may be damage."""
    connection.run("INSERT OR REPLACE INTO meta VALUES('schema', ?)", (version.to_bytes(8),))
