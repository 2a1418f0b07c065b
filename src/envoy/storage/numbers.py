"""Numbers: small local numbers for what the log names again and again.

A did, a chain, a set of seen authority events would each cost a hundred bytes per event; their
numbers cost a few. What was looked up is remembered for the rest of the transaction only: after a
rollback the number may belong to something else.

Specification: docs/spec/store.md, Numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy.system.db import Connection

Key = tuple[str, int, bytes, bytes]  # of what, in which space, of whom, what


class Numbers:
    """The interned values of one replica.db."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known = dict[Key, int]()

    def forget(self) -> None:
        """Begin anew: a transaction may have been rolled back since."""
        self._known.clear()

    def actor(self, did: bytes) -> int:
        """Return the number of ``did``, a new one the first time."""
        return self._number(("actor", 0, did, b""), self._find_actor, self._add_actor)

    def chain(self, sn: int, author: bytes, chain: bytes) -> int:
        """Return the number of a chain, a new one the first time."""
        return self._number(("chain", sn, author, chain), self._find_chain, self._add_chain)

    def seen(self, sn: int, bits: bytes) -> int:
        """Return the number of a set of seen authority events, a new one the first time."""
        return self._number(("seen", sn, bits, b""), self._find_seen, self._add_seen)

    def _number(
        self, key: Key, find: Callable[[Key], int | None], add: Callable[[Key], None]
    ) -> int:
        """Return the number of ``key``: remembered, found or made."""
        known = self._known.get(key)
        if known is None:
            known = find(key)
            if known is None:
                add(key)
                known = self._connection.last_row()
            self._known[key] = known
        return known

    def _find_actor(self, key: Key) -> int | None:
        return self._connection.find(int, "SELECT an FROM actor WHERE did = ?", (key[2],))

    def _add_actor(self, key: Key) -> None:
        self._connection.run("INSERT INTO actor(did) VALUES(?)", (key[2],))

    def _find_chain(self, key: Key) -> int | None:
        sql = "SELECT cn FROM chain WHERE sn = ? AND an = ? AND chain = ?"
        return self._connection.find(int, sql, (key[1], self.actor(key[2]), key[3]))

    def _add_chain(self, key: Key) -> None:
        sql = "INSERT INTO chain(sn, an, chain, forked) VALUES(?, ?, ?, 0)"
        self._connection.run(sql, (key[1], self.actor(key[2]), key[3]))

    def _find_seen(self, key: Key) -> int | None:
        sql = "SELECT k FROM seen WHERE sn = ? AND bits = ?"
        return self._connection.find(int, sql, (key[1], key[2]))

    def _add_seen(self, key: Key) -> None:
        self._connection.run("INSERT INTO seen(sn, bits) VALUES(?, ?)", (key[1], key[2]))
