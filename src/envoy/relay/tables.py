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

from envoy.core import codec
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RemoteFault
from envoy.hub import sqlite
from envoy.hub.sqlite import FILE_NAME, LOCK_NAME, LogStore
from envoy.lean import NamedTuple
from envoy.relay import ddl
from envoy.relay.behind import Behind
from envoy.system import db, files, host
from envoy.system.db import Value

KEY_FILE: Final = "relay.key"
KEY_BYTES: Final = 32
INSTANCE_BYTES: Final = 16
_KEYS_BYTES_MAX: Final = 1024
_NOTE: Final = "relay"


class Keys(Body, frozen=True):
    """The keys of a relay: the seed of the hub key, and the key that tokens are made with."""

    v: codec.I63
    hub: codec.B32
    token: codec.B32

    def check(self) -> None:
        """Refuse another version."""
        codec.refuse_unless(self.v == 1)


class StatementRow(NamedTuple):
    """The last access statement of a signer, as it was signed, and what is read in it.

    ``raw`` is empty where only what it ended is known any more.
    """

    raw: bytes
    n: int
    base: int
    min_epoch: int


class CapRow(NamedTuple):
    """A registered chain: its links, under whom it is counted, when its leaf ends, ms, or 0."""

    links: tuple[bytes, ...]
    poster: bytes
    ends: int


class RelayStore(Behind):
    """The rows of a relay, for one thread: the one that writes, or one that reads."""

    def __init__(
        self, connection: db.Connection, lock_path: str, keys: Keys, *, depth: int
    ) -> None:
        """``depth``: how many transactions all reads stand in; the writer's are inside a group."""
        super().__init__(connection, lock_path, is_kept=depth > 0)
        self.seed = keys.hub
        self._depth = depth

    def snapshot(self) -> AbstractContextManager[object]:
        """Return a context manager: one state for all reads, also of who reads inside another's.

        Inside a group what the group wrote is seen.
        """
        return nullcontext() if self._depth else self.connection.snapshot()

    def look(self) -> Look:
        """Return a context manager in which every ``snapshot`` is this one."""
        return Look(self)

    # -- the log of a space -----------------------------------------------------------------

    def begin(self, space: bytes, now_ms: int) -> tuple[bytes, int]:
        """Return instance and first number of access of a log that is begun.

        A space that was here before, and was deleted, is another one: no token of that one is of
        this number, and nothing that was signed about that one speaks of this one.
        """
        drawn = host.entropy(INSTANCE_BYTES)
        self.connection.run("INSERT OR REPLACE INTO born VALUES(?, ?)", (space, drawn))
        self.forget()
        return drawn, now_ms

    # -- access -----------------------------------------------------------------------------

    def rev(self, space: bytes) -> int | None:
        """Return how often access to ``space`` changed, None where the relay does not have it."""
        row = self.find_space(space)
        return None if row is None else row.rev

    def raise_rev(self, space: bytes) -> None:
        """Note that access to ``space`` changed: older tokens are good for nothing."""
        self.connection.run("UPDATE space SET rev = rev + 1 WHERE space = ?", (space,))
        self.forget()

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

    def cap_counts(self, space: bytes, poster: bytes) -> tuple[int, int]:
        """Return how many holders are registered for ``space``, and how many under ``poster``."""
        sql = "SELECT count(*), count(*) FILTER (WHERE poster = ?) FROM cap WHERE space = ?"
        return self.connection.find(_numbers, sql, (poster, space)) or (0, 0)

    def drop_ended_caps(self, space: bytes, at: int) -> None:
        """Forget the chains of ``space`` that ended by themselves."""
        self.connection.run("DELETE FROM cap WHERE space = ? AND ends BETWEEN 1 AND ?", (space, at))

    def save_cap(self, space: bytes, holder: bytes, row: CapRow, at: int) -> None:
        """Register a chain in the place of the one before."""
        sql = "INSERT OR REPLACE INTO cap VALUES(?, ?, ?, ?, ?, ?)"
        self.connection.run(sql, (space, holder, codec.encode(row.links), at, row.poster, row.ends))

    def uses(self, space: bytes, parent: bytes) -> set[bytes]:
        """Return the holders that were issued below the capability with the hash ``parent``."""
        sql = "SELECT holder FROM cap_use WHERE space = ? AND parent = ?"
        return set(self.connection.rows(bytes, sql, (space, parent)))

    def save_use(self, space: bytes, parent: bytes, holder: bytes) -> None:
        """Count ``holder`` as one issued below a capability."""
        sql = "INSERT OR IGNORE INTO cap_use VALUES(?, ?, ?)"
        self.connection.run(sql, (space, parent, holder))

    def find_statement(self, space: bytes, signer: bytes) -> StatementRow | None:
        """Return the last access statement of ``signer``, empty for the root key, or None."""
        sql = "SELECT raw, n, base, min_epoch FROM stated WHERE space = ? AND signer = ?"
        return self.connection.find(StatementRow, sql, (space, signer))

    def statements(self, space: bytes) -> tuple[bytes, ...]:
        """Return all access statements of ``space`` as they were signed, the root key's first."""
        sql = "SELECT raw FROM stated WHERE space = ? AND raw <> x'' ORDER BY signer"
        return tuple(self.connection.rows(bytes, sql, (space,)))

    def signer_count(self, space: bytes) -> int:
        """Return how many admins have a statement about ``space`` here."""
        sql = "SELECT count(*) FROM stated WHERE space = ? AND signer <> x''"
        return self.connection.find(int, sql, (space,)) or 0

    def save_statement(
        self, space: bytes, signer: bytes, row: StatementRow, hashes: Iterable[bytes]
    ) -> None:
        """Keep a statement and what it ends in the place of the one before of its signer."""
        sql = "INSERT OR REPLACE INTO stated VALUES(?, ?, ?, ?, ?, ?)"
        self.connection.run(sql, (space, signer, *row))
        sql = "DELETE FROM revoked WHERE space = ? AND signer = ?"
        self.connection.run(sql, (space, signer))
        sql = "INSERT OR IGNORE INTO revoked VALUES(?, ?, ?)"
        self.connection.run_many(sql, [(space, one, signer) for one in hashes])

    def drop_other_bases(self, space: bytes, base: int) -> None:
        """Forget what admins stated beside another statement of the root key than ``base``."""
        sql = "DELETE FROM stated WHERE space = ? AND signer <> x'' AND base <> ?"
        self.connection.run(sql, (space, base))
        self.connection.run(
            "DELETE FROM revoked WHERE space = ?1 AND signer <> x'' AND signer NOT IN"
            " (SELECT signer FROM stated WHERE space = ?1)",
            (space,),
        )

    def stated(self, space: bytes) -> set[tuple[bytes, bytes]]:
        """Return (hash, signer) of what was stated to be over; the signer of root is empty."""
        sql = "SELECT hash, signer FROM revoked WHERE space = ?"
        return set(self.connection.rows(_pair, sql, (space,)))

    def is_new_nonce(self, nonce: bytes, *, now_ms: int, until_ms: int) -> bool:
        """Note a nonce until ``until_ms``; False if it is noted already."""
        self.connection.run("DELETE FROM nonce WHERE exp <= ?", (now_ms,))
        self.connection.run("INSERT OR IGNORE INTO nonce VALUES(?, ?)", (nonce, until_ms))
        return self.connection.changes() > 0

    # -- quota ------------------------------------------------------------------------------

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
        sql = "SELECT size FROM chunk WHERE space = ? AND id = ?"
        before = self.connection.find(int, sql, (space, ident))
        sql = "INSERT OR REPLACE INTO chunk VALUES(?, ?, ?, ?)"
        self.connection.run(sql, (space, ident, size, expires))
        self._count_chunk(space, size - (before or 0))
        return before is None

    def _count_chunk(self, space: bytes, added: int) -> None:
        """Count bytes of chunks along: each push asks for them, and a sum over all costs much."""
        sql = "INSERT INTO shelf VALUES(?, ?) ON CONFLICT(space) DO UPDATE SET n = n + excluded.n"
        if added:
            self.connection.run(sql, (space, added))
            self._shelves.pop(space, None)

    def has_chunk(self, space: bytes, ident: bytes) -> bool:
        """Say whether ``space`` has a chunk."""
        sql = "SELECT 1 FROM chunk WHERE space = ? AND id = ?"
        return self.connection.find(int, sql, (space, ident)) is not None

    def miscounted(self) -> int:
        """Return of how many spaces the bytes of chunks are others than those counted along."""
        return self.connection.find(int, ddl.MISCOUNTED) or 0

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
        sql = "DELETE FROM chunk WHERE space = ? AND id = ? AND expires <= ? RETURNING size"
        sizes = self.connection.rows(int, sql, (space, ident, now_ms))
        self._count_chunk(space, -sum(sizes))
        return bool(sizes)

    # -- spaces -----------------------------------------------------------------------------

    def chunk_ids(self, space: bytes) -> list[bytes]:
        """Return the ids of all chunks of ``space``."""
        return self.connection.rows(bytes, "SELECT id FROM chunk WHERE space = ?", (space,))

    def drop_space(self, space: bytes) -> None:
        """Delete every row of a space."""
        self.forget()
        for sql in ddl.OF_A_SPACE:
            self.connection.run(sql, (space,))

    def is_current(self) -> bool:
        """Say whether the tables are of this version: one that only looks brings none up."""
        noted = self.connection.find(bytes, "SELECT v FROM meta WHERE k = ?", (_NOTE,))
        return noted is not None and int.from_bytes(noted) == ddl.VERSION

    def spaces_count(self) -> int:
        """Return how many spaces there are."""
        return self.connection.find(int, "SELECT count(*) FROM space") or 0

    def note_probe(self, now_ms: int) -> None:
        """Write something that means nothing, to see whether it can be written."""
        sql = "INSERT OR REPLACE INTO meta(k, v) VALUES('probe', ?)"
        self.connection.run(sql, (now_ms.to_bytes(8),))

    def ended(self, kind: str, before: int, limit: int) -> list[tuple[Value, ...]]:
        """Return the keys of some rows of ``kind``, one of ``ddl.ENDED``, over at ``before``.

        Milliseconds, for ``usage`` the number of a day.
        """
        bounds = ddl.BOUNDS.get(kind, ())
        return self.connection.rows(_values, ddl.ENDED[kind][0], (before, *bounds, limit))

    def drop_ended(self, kind: str, keys: Iterable[Sequence[Value]], before: int) -> int:
        """Delete those of ``keys`` that are over still; return how many."""
        count = 0
        for key in keys:
            for sql in ddl.ENDED[kind][1:]:
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

    Keys are drawn for a new relay only: one that lost them must not sign on under another name.
    Raises IntegrityError (state_access_denied, state_corrupt, schema_too_new).
    """
    files.ensure_directory(directory)
    path = os.path.join(directory, KEY_FILE)
    if not files.exists(path):
        if files.exists(os.path.join(directory, FILE_NAME)):
            raise IntegrityError("state_corrupt", path=path, reason="missing")
        drawn = Keys(1, host.entropy(KEY_BYTES), host.entropy(KEY_BYTES))
        files.create(path, codec.encode(drawn))
    log = sqlite.open_store(directory)
    try:
        noted = log.connection.find(bytes, "SELECT v FROM meta WHERE k = ?", (_NOTE,))
        if noted is None:
            _make(log)
        elif int.from_bytes(noted) > ddl.VERSION:
            raise IntegrityError("schema_too_new", path=log.connection.path)
        else:
            _bring_up(log, int.from_bytes(noted))
            _recount(log)
    finally:
        log.close()


def _bring_up(log: LogStore, version: int) -> None:
    """Bring tables of an older version to this one, a step in a transaction."""
    for number in range(version, ddl.VERSION):
        with log.transaction():
            for sql in ddl.STEPS[number - 1]:
                log.connection.run(sql)
            note = (number + 1).to_bytes(4)
            log.connection.run("UPDATE meta SET v = ? WHERE k = ?", (note, _NOTE))


def _recount(log: LogStore) -> None:
    """Count the bytes of chunks anew if they are others than those that were counted along."""
    if log.connection.find(int, ddl.MISCOUNTED):
        with log.transaction():
            for sql in ddl.RECOUNT:
                log.connection.run(sql)


def _make(log: LogStore) -> None:
    """Make the tables of a relay, unless somebody just did."""
    with log.transaction():
        find = "SELECT 1 FROM meta WHERE k = ?"
        if log.connection.find(int, find, (_NOTE,)) is None:
            log.connection.run(ddl.SCHEMA)
            note = ddl.VERSION.to_bytes(4)
            log.connection.run("INSERT INTO meta(k, v) VALUES(?, ?)", (_NOTE, note))
    log.connection.fold()


def renew_instances(connection: db.Connection) -> None:
    """Make the database another instance, all of its logs too: it is a copy. Inside a write."""
    sqlite.renew_instance(connection)
    connection.run("DELETE FROM born")


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


def _numbers(first: int, second: int) -> tuple[int, int]:
    return first, second
