"""Object views: references to files, read from replica.db without a key.

Asked for by few commands, so no hot read of a space without objects loads it.

Laws: read only; SQL is constant text with bound parameters.

Specification: docs/spec/object.md; docs/spec/store.md.
"""

from __future__ import annotations

from typing import Final

from envoy.storage.views import select
from envoy.system.db import Connection
from envoy.views import rows
from envoy.views.pages import Key

_NEWEST: Final = (2**63 - 1, b"\xff" * 33)
_PAGE: Final = select(
    "object",
    rows.Object._fields,
    "WHERE sn = ?1 AND (?2 IS NULL OR task = ?2) AND (lam, id) < (?3, ?4)"
    " ORDER BY lam DESC, id DESC LIMIT ?5",
)
_ID_BYTES: Final = 32


class ObjectViews:
    """The answers of one replica.db about objects."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def page(
        self, sn: int, *, task: bytes | None, after: Key | None, limit: int
    ) -> list[rows.Object]:
        """Return references behind ``after``, the last in the order first."""
        return self._db.rows(rows.Object, _PAGE, (sn, task, *(after or _NEWEST), limit))

    def count(self, sn: int) -> int:
        """Return how many references a space has."""
        sql = "SELECT count(*) FROM object WHERE sn = ?"
        return self._db.find(int, sql, (sn,)) or 0

    def pins(self, sn: int) -> frozenset[bytes]:
        """Return the references that this copy has pinned."""
        sql = "SELECT v FROM meta WHERE k = ?"
        joined = self._db.find(bytes, sql, (f"pins {sn}",)) or b""
        return frozenset(joined[at : at + _ID_BYTES] for at in range(0, len(joined), _ID_BYTES))
