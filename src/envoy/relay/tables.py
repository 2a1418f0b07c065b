"""Tables: what a relay keeps beside the log store that it shares with the hub of one machine.

The rows of access (chains, statements, uses, nonces), of what each space took, and of chunks that
will end, in the database of the log itself: access and quota are judged in the transaction that
appends, so nothing committed after a removal leaves under an older token, and no two pushes at once
go over a bound.

The store of the writer runs inside a group: its ``transaction`` is a savepoint of the one durable
transaction that a group is, so that what ``hub.handler`` does is the same here and on one machine,
and a call that is refused leaves the others of its group alone. The stores of readers see one state
for the whole of a call.

Laws: one thread writes. The keys of a relay lie in a file of their own: who loses the database
keeps its name, and who copies the database has none.

Specification: docs/spec/relay.md, Store.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from envoy import limits
from envoy.core import codec
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RemoteFault
from envoy.hub import sqlite
from envoy.hub.sqlite import FILE_NAME, LOCK_NAME, LogStore
from envoy.lean import NamedTuple
from envoy.system import db, files, host
from envoy.system.db import Value

VERSION: Final = 1
KEY_FILE: Final = "relay.key"
KEY_BYTES: Final = 32
_KEYS_BYTES_MAX: Final = 1024
_NOTE: Final = "relay"

_SCHEMA: Final = """
CREATE TABLE cap(
  space BLOB NOT NULL, holder BLOB NOT NULL, chain BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(space, holder)) STRICT, WITHOUT ROWID;
CREATE TABLE cap_use(
  space BLOB NOT NULL, parent BLOB NOT NULL, holder BLOB NOT NULL,
  PRIMARY KEY(space, parent, holder)) STRICT, WITHOUT ROWID;
CREATE TABLE statement(
  space BLOB PRIMARY KEY, raw BLOB NOT NULL, n INTEGER NOT NULL,
  min_epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE revoked(
  space BLOB NOT NULL, hash BLOB NOT NULL, signer BLOB NOT NULL,
  PRIMARY KEY(space, hash, signer)) STRICT, WITHOUT ROWID;
CREATE TABLE nonce(nonce BLOB PRIMARY KEY, exp INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX nonce_exp ON nonce(exp);
CREATE TABLE usage(
  space BLOB NOT NULL, who BLOB NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(space, who, day)) STRICT, WITHOUT ROWID;
CREATE TABLE chunk(
  space BLOB NOT NULL, id BLOB NOT NULL, size INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY(space, id)) STRICT, WITHOUT ROWID;
CREATE INDEX chunk_expires ON chunk(expires);
CREATE TABLE invite_space(
  lookup BLOB PRIMARY KEY, space BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE fund(
  space BLOB PRIMARY KEY, account BLOB, session_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX fund_account ON fund(account);
CREATE TABLE entitlement(
  account BLOB PRIMARY KEY, plan TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE code(
  hash BLOB PRIMARY KEY, plan TEXT NOT NULL, days INTEGER NOT NULL, made INTEGER NOT NULL,
  expires INTEGER NOT NULL, used INTEGER NOT NULL, account BLOB) STRICT, WITHOUT ROWID;
"""
# Tables whose rows are a space's, in the order in which they can be emptied.
_OF_A_SPACE: Final = (
    "DELETE FROM frame WHERE space = ?",
    "DELETE FROM slot WHERE space = ?",
    "DELETE FROM box WHERE space = ?",
    "DELETE FROM epoch WHERE space = ?",
    "DELETE FROM cap WHERE space = ?",
    "DELETE FROM cap_use WHERE space = ?",
    "DELETE FROM statement WHERE space = ?",
    "DELETE FROM revoked WHERE space = ?",
    "DELETE FROM usage WHERE space = ?",
    "DELETE FROM chunk WHERE space = ?",
    "DELETE FROM invite_item WHERE lookup IN (SELECT lookup FROM invite_space WHERE space = ?)",
    "DELETE FROM invite WHERE lookup IN (SELECT lookup FROM invite_space WHERE space = ?)",
    "DELETE FROM invite_space WHERE space = ?",
    "DELETE FROM fund WHERE space = ?",
    "DELETE FROM space WHERE space = ?",
)


# Kind -> what finds the keys of rows that are over, and what deletes one that still is. A slot
# whose fence is above the floor's bound stays: without it no claim could name that fence.
ENDED: Final = {
    "slots": (
        "SELECT space, slot FROM slot WHERE until < ? AND fence <= ? LIMIT ?",
        "DELETE FROM slot WHERE space = ? AND slot = ? AND until < ?",
    ),
    "invites": (
        "SELECT lookup FROM invite WHERE expires <= ? LIMIT ?",
        "DELETE FROM invite_item WHERE lookup IN"
        " (SELECT lookup FROM invite WHERE lookup = ? AND expires <= ?)",
        "DELETE FROM invite_space WHERE lookup IN"
        " (SELECT lookup FROM invite WHERE lookup = ? AND expires <= ?)",
        "DELETE FROM invite WHERE lookup = ? AND expires <= ?",
    ),
    "nonces": (
        "SELECT nonce FROM nonce WHERE exp <= ? LIMIT ?",
        "DELETE FROM nonce WHERE nonce = ? AND exp <= ?",
    ),
    "usage": (
        "SELECT space, who, day FROM usage WHERE day < ? LIMIT ?",
        "DELETE FROM usage WHERE space = ? AND who = ? AND day = ? AND day < ?",
    ),
    "boxes": (
        "SELECT arrival FROM box WHERE at < ? AND (SELECT count(*) FROM epoch later"
        " WHERE later.space = box.space AND later.rowid > (SELECT its.rowid FROM epoch its"
        " WHERE its.space = box.space AND its.epoch = box.epoch)) >= ? LIMIT ?",
        "DELETE FROM box WHERE arrival = ? AND at < ?",
    ),
}
_BOUNDS: Final = {"slots": (limits.SLOT_SEEN_MAX,), "boxes": (limits.BOX_EPOCHS_MIN,)}


class Keys(Body, frozen=True):
    """The keys of a relay: the seed of the hub key, and the key that tokens are made with."""

    v: codec.I63
    hub: codec.B32
    token: codec.B32

    def check(self) -> None:
        """Refuse another version."""
        codec.refuse_unless(self.v == 1)


class StatementRow(NamedTuple):
    """An access statement as it was signed, its number, and the least gen that lives."""

    raw: bytes
    n: int
    min_epoch: int


class Savepoint:
    """A part of a group that can be undone alone."""

    def __init__(self, connection: db.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.run("SAVEPOINT item")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._connection.run("ROLLBACK TO item")
        self._connection.run("RELEASE item")


class RelayStore(LogStore):
    """The rows of a relay, for one thread: the one that writes, or one that reads."""

    def __init__(
        self, connection: db.Connection, lock_path: str, keys: Keys, *, depth: int
    ) -> None:
        """``depth``: how many transactions all reads stand in; the writer's are inside a group."""
        super().__init__(connection, lock_path)
        self.seed = keys.hub
        self._group_lock = lock_path
        self._depth = depth

    def group(self) -> AbstractContextManager[object]:
        """Return a context manager: all calls of a group, durable together at its end."""
        return self.connection.write_transaction(self._group_lock, sync="full")

    def transaction(self) -> AbstractContextManager[object]:
        """Return a context manager: what is written in it is part of its group, or undone."""
        return Savepoint(self.connection)

    def snapshot(self) -> AbstractContextManager[object]:
        """Return a context manager: one state for all reads, also of who reads inside another's.

        Inside a group what the group wrote is seen.
        """
        return nullcontext() if self._depth else self.connection.snapshot()

    def look(self) -> Look:
        """Return a context manager in which every ``snapshot`` is this one."""
        return Look(self)

    # -- access -----------------------------------------------------------------------------

    def rev(self, space: bytes) -> int | None:
        """Return how often access to ``space`` changed, None where the relay does not have it."""
        return self.connection.find(int, "SELECT rev FROM space WHERE space = ?", (space,))

    def raise_rev(self, space: bytes) -> None:
        """Note that access to ``space`` changed: older tokens are good for nothing."""
        self.connection.run("UPDATE space SET rev = rev + 1 WHERE space = ?", (space,))

    def find_cap(self, space: bytes, holder: bytes) -> tuple[bytes, ...] | None:
        """Return the chain that is registered for ``holder``, None if none is."""
        sql = "SELECT chain FROM cap WHERE space = ? AND holder = ?"
        raw = self.connection.find(bytes, sql, (space, holder))
        return None if raw is None else codec.decode(raw, tuple[bytes, ...])

    def caps(self, space: bytes) -> dict[bytes, tuple[bytes, ...]]:
        """Return all registered chains of ``space`` by holder."""
        sql = "SELECT holder, chain FROM cap WHERE space = ?"
        found = self.connection.rows(_pair, sql, (space,))
        return {holder: codec.decode(raw, tuple[bytes, ...]) for holder, raw in found}

    def cap_count(self, space: bytes) -> int:
        """Return how many holders are registered for ``space``."""
        return self.connection.find(int, "SELECT count(*) FROM cap WHERE space = ?", (space,)) or 0

    def save_cap(self, space: bytes, holder: bytes, chain: tuple[bytes, ...], at: int) -> None:
        """Register a chain in the place of the one before."""
        sql = "INSERT OR REPLACE INTO cap VALUES(?, ?, ?, ?)"
        self.connection.run(sql, (space, holder, codec.encode(chain), at))

    def uses(self, space: bytes, parent: bytes) -> set[bytes]:
        """Return the holders that were issued below the capability with the hash ``parent``."""
        sql = "SELECT holder FROM cap_use WHERE space = ? AND parent = ?"
        return set(self.connection.rows(bytes, sql, (space, parent)))

    def save_use(self, space: bytes, parent: bytes, holder: bytes) -> None:
        """Count ``holder`` as one issued below a capability."""
        sql = "INSERT OR IGNORE INTO cap_use VALUES(?, ?, ?)"
        self.connection.run(sql, (space, parent, holder))

    def find_statement(self, space: bytes) -> StatementRow | None:
        """Return the access statement of ``space``, or None."""
        sql = "SELECT raw, n, min_epoch FROM statement WHERE space = ?"
        return self.connection.find(StatementRow, sql, (space,))

    def save_statement(self, space: bytes, row: StatementRow) -> None:
        """Keep an access statement in the place of the one before."""
        sql = "INSERT OR REPLACE INTO statement VALUES(?, ?, ?, ?)"
        self.connection.run(sql, (space, *row))

    def stated(self, space: bytes) -> set[tuple[bytes, bytes]]:
        """Return (hash, signer) of what was stated to be over; the signer of root is empty."""
        sql = "SELECT hash, signer FROM revoked WHERE space = ?"
        return set(self.connection.rows(_pair, sql, (space,)))

    def save_stated(self, space: bytes, hashes: Iterable[bytes], signer: bytes) -> None:
        """Add what ``signer`` stated to be over."""
        sql = "INSERT OR IGNORE INTO revoked VALUES(?, ?, ?)"
        self.connection.run_many(sql, [(space, one, signer) for one in hashes])

    def drop_stated(self, space: bytes) -> None:
        """Forget all that was stated: root states it anew."""
        self.connection.run("DELETE FROM revoked WHERE space = ?", (space,))

    def is_new_nonce(self, nonce: bytes, *, now_ms: int, until_ms: int) -> bool:
        """Note a nonce until ``until_ms``; False if it is noted already."""
        self.connection.run("DELETE FROM nonce WHERE exp <= ?", (now_ms,))
        self.connection.run("INSERT OR IGNORE INTO nonce VALUES(?, ?)", (nonce, until_ms))
        return self.connection.changes() > 0

    # -- quota ------------------------------------------------------------------------------

    def used(self, space: bytes, who: bytes, day: int) -> int:
        """Return what ``who`` took of ``space`` on ``day``; ``who`` empty: all together."""
        sql = "SELECT n FROM usage WHERE space = ? AND who = ? AND day = ?"
        return self.connection.find(int, sql, (space, who, day)) or 0

    def use(self, space: bytes, who: bytes, day: int, n: int) -> None:
        """Count ``n`` more."""
        self.connection.run(
            "INSERT INTO usage VALUES(?, ?, ?, ?)"
            " ON CONFLICT(space, who, day) DO UPDATE SET n = n + excluded.n",
            (space, who, day, n),
        )

    def fund(self, space: bytes, account: bytes | None, now_ms: int) -> None:
        """Note who pays for a space, and that somebody asked for it now."""
        self.connection.run(
            "INSERT INTO fund VALUES(?, ?, ?) ON CONFLICT(space) DO UPDATE SET"
            " account = ifnull(excluded.account, account), session_ms = excluded.session_ms",
            (space, account, now_ms),
        )

    # -- invites and chunks -----------------------------------------------------------------

    def note_invite(self, lookup: bytes, space: bytes) -> None:
        """Note which space an invite is for."""
        self.connection.run("INSERT OR IGNORE INTO invite_space VALUES(?, ?)", (lookup, space))

    def invite_count(self, space: bytes, now_ms: int) -> int:
        """Return how many invites of ``space`` live."""
        sql = (
            "SELECT count(*) FROM invite_space JOIN invite USING(lookup)"
            " WHERE space = ? AND expires > ?"
        )
        return self.connection.find(int, sql, (space, now_ms)) or 0

    def keep_chunk(self, space: bytes, ident: bytes, size: int, expires: int) -> bool:
        """Note a chunk of ``space`` until ``expires``; say whether it is new there."""
        sql = "SELECT 1 FROM chunk WHERE space = ? AND id = ?"
        is_new = self.connection.find(int, sql, (space, ident)) is None
        sql = "INSERT OR REPLACE INTO chunk VALUES(?, ?, ?, ?)"
        self.connection.run(sql, (space, ident, size, expires))
        return is_new

    def has_chunk(self, space: bytes, ident: bytes) -> bool:
        """Say whether ``space`` has a chunk."""
        sql = "SELECT 1 FROM chunk WHERE space = ? AND id = ?"
        return self.connection.find(int, sql, (space, ident)) is not None

    def chunk_bytes(self, space: bytes) -> int:
        """Return the bytes of all chunks of ``space``."""
        sql = "SELECT sum(size) FROM chunk WHERE space = ?"
        return self.connection.find(_number, sql, (space,)) or 0

    def refresh_chunk(self, space: bytes, ident: bytes, expires: int) -> None:
        """Let the time of a chunk begin anew."""
        sql = "UPDATE chunk SET expires = ? WHERE space = ? AND id = ?"
        self.connection.run(sql, (expires, space, ident))

    def expired_chunks(self, now_ms: int, limit: int) -> list[tuple[bytes, bytes]]:
        """Return (space, id) of some chunks whose time is over."""
        sql = "SELECT space, id FROM chunk WHERE expires <= ? LIMIT ?"
        return self.connection.rows(_pair, sql, (now_ms, limit))

    def drop_expired(self, space: bytes, ident: bytes, now_ms: int) -> bool:
        """Forget a chunk of ``space`` if its time is over; say whether it was."""
        sql = "DELETE FROM chunk WHERE space = ? AND id = ? AND expires <= ?"
        self.connection.run(sql, (space, ident, now_ms))
        return self.connection.changes() > 0

    # -- spaces -----------------------------------------------------------------------------

    def chunk_ids(self, space: bytes) -> list[bytes]:
        """Return the ids of all chunks of ``space``."""
        return self.connection.rows(bytes, "SELECT id FROM chunk WHERE space = ?", (space,))

    def drop_space(self, space: bytes) -> None:
        """Delete every row of a space."""
        for sql in _OF_A_SPACE:
            self.connection.run(sql, (space,))

    def spaces_count(self) -> int:
        """Return how many spaces there are."""
        return self.connection.find(int, "SELECT count(*) FROM space") or 0

    def note_probe(self, now_ms: int) -> None:
        """Write something that means nothing, to see whether it can be written."""
        sql = "INSERT OR REPLACE INTO meta(k, v) VALUES('probe', ?)"
        self.connection.run(sql, (now_ms.to_bytes(8),))

    def ended(self, kind: str, before: int, limit: int) -> list[tuple[Value, ...]]:
        """Return the keys of some rows of ``kind``, one of ``ENDED``, that are over at ``before``.

        Milliseconds, for ``usage`` the number of a day.
        """
        bounds = _BOUNDS.get(kind, ())
        return self.connection.rows(_values, ENDED[kind][0], (before, *bounds, limit))

    def drop_ended(self, kind: str, keys: Iterable[Sequence[Value]], before: int) -> int:
        """Delete those of ``keys`` that are over still; return how many."""
        count = 0
        for key in keys:
            for sql in ENDED[kind][1:]:
                self.connection.run(sql, (*key, before))
            count += self.connection.changes()
        return count

    def is_silent(self, space: bytes, before_ms: int) -> bool:
        """Say whether nobody asked for ``space`` since ``before_ms``."""
        sql = "SELECT 1 FROM fund WHERE space = ? AND session_ms < ?"
        return self.connection.find(int, sql, (space, before_ms)) is not None

    def silent_spaces(self, before_ms: int, limit: int) -> list[bytes]:
        """Return some spaces that nobody asked for since ``before_ms``."""
        sql = "SELECT space FROM fund WHERE session_ms < ? ORDER BY session_ms LIMIT ?"
        return self.connection.rows(bytes, sql, (before_ms, limit))


class Look:
    """One state of the database for the whole of a call. Made by ``RelayStore.look``."""

    def __init__(self, store: RelayStore) -> None:
        self._store = store
        self._snapshot = store.connection.snapshot()

    def __enter__(self) -> None:
        self._snapshot.__enter__()
        self._store._depth += 1

    def __exit__(self, *found: object) -> None:
        self._store._depth -= 1
        self._snapshot.__exit__(*found)


def make(directory: str) -> None:
    """Make keys and tables in ``directory`` where they are missing.

    Raises IntegrityError (state_access_denied, state_corrupt, schema_too_new).
    """
    files.ensure_directory(directory)
    path = os.path.join(directory, KEY_FILE)
    if not files.exists(path):
        drawn = Keys(1, host.entropy(KEY_BYTES), host.entropy(KEY_BYTES))
        files.create(path, codec.encode(drawn))
    log = sqlite.open_store(directory)
    try:
        noted = log.connection.find(bytes, "SELECT v FROM meta WHERE k = ?", (_NOTE,))
        if noted is None:
            _make(log)
        elif int.from_bytes(noted) > VERSION:
            raise IntegrityError("schema_too_new", path=log.connection.path)
    finally:
        log.close()


def _make(log: LogStore) -> None:
    """Make the tables of a relay, unless somebody just did."""
    with log.transaction():
        find = "SELECT 1 FROM meta WHERE k = ?"
        if log.connection.find(int, find, (_NOTE,)) is None:
            log.connection.run(_SCHEMA)
            note = VERSION.to_bytes(4)
            log.connection.run("INSERT INTO meta(k, v) VALUES(?, ?)", (_NOTE, note))
    log.connection.fold()


def read_keys(directory: str) -> Keys:
    """Return the keys of the relay in ``directory``. Raises IntegrityError."""
    path = os.path.join(directory, KEY_FILE)
    raw = files.read(path, bytes_max=_KEYS_BYTES_MAX)
    try:
        return codec.decode(raw, Keys)
    except RemoteFault as fault:
        raise IntegrityError("state_corrupt", path=path) from fault


def open_store(directory: str, keys: Keys, *, read_only: bool) -> RelayStore:
    """Return the store of the relay in ``directory``, which ``make`` made, for this thread."""
    place, lock_path = os.path.join(directory, FILE_NAME), os.path.join(directory, LOCK_NAME)
    connection = db.connect(place, read_only=read_only)
    return RelayStore(connection, lock_path, keys, depth=0 if read_only else 1)


def _values(*values: Value) -> tuple[Value, ...]:
    return values


def _pair(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    return first, second


def _number(value: int | None) -> int:
    return value or 0
