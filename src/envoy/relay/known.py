"""Known: rows of spaces as the writer's group has them, and the parts of it that can be undone.

A call asks for the row of its space half a dozen times: by what token, what is left of its quota,
where its log stands. The writer is the only one who changes it while its group lasts.

Laws: what is kept is what the database would answer. It is forgotten where a group begins, and
where something of it is undone.

Specification: docs/spec/relay.md, Groups.
"""

from __future__ import annotations

from envoy.hub.sqlite import SpaceRow
from envoy.system import db


class Known:
    """Rows and instances of the spaces of a group; a store of readers keeps none."""

    def __init__(self, *, is_kept: bool) -> None:
        self._is_kept = is_kept
        self.rows = dict[bytes, SpaceRow]()
        self.instances = dict[bytes, bytes]()
        self.is_inside = False  # of a part that can be undone alone

    def keep(self, row: SpaceRow) -> None:
        """Keep the row of a space as it was read or written."""
        if self._is_kept:
            self.rows[row.space] = row

    def keep_instance(self, space: bytes, instance: bytes) -> None:
        """Keep the instance of the log of a space."""
        if self._is_kept:
            self.instances[space] = instance

    def forget(self) -> None:
        """Keep nothing of what was: it is undone, or somebody else's turn."""
        self.rows.clear()
        self.instances.clear()


class Savepoint:
    """A part of a group that can be undone alone."""

    def __init__(self, connection: db.Connection, known: Known) -> None:
        self._connection = connection
        self._known = known

    def __enter__(self) -> None:
        self._connection.run("SAVEPOINT item")
        self._was_inside, self._known.is_inside = self._known.is_inside, True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._known.is_inside = self._was_inside
        if kind is not None:
            self._known.forget()
            self._connection.run("ROLLBACK TO item")
        self._connection.run("RELEASE item")


class Group:
    """The transaction of all calls of a group."""

    def __init__(self, transaction: db.WriteTransaction, known: Known) -> None:
        self._transaction = transaction
        self._known = known

    def __enter__(self) -> None:
        self._known.forget()
        self._transaction.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *found: object) -> None:
        is_kept = False
        try:
            self._transaction.__exit__(kind, *found)
            is_kept = kind is None
        finally:
            if not is_kept:
                self._known.forget()
