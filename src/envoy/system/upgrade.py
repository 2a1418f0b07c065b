"""Upgrade: how a database of an older version becomes one of this version, step by step.

A step leads from one version to the next and is one durable transaction under the lock, the new
version number inside it: killed at any point, the file is of the version before or after, and the
next process goes on. What an older build finds newer than itself it leaves alone.

The version stands twice: in the header of the file and as a note in its table ``meta``, written by
the same step. A number that a damaged byte changed is told from one of a newer build by that.

Specification: docs/spec/store.md, Opening.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from envoy.errors import IntegrityError
from envoy.system.db import Connection, Value

NOTED = "SELECT v FROM meta WHERE k = 'schema'"
Note = Callable[[Connection, int], None]  # writes the version as a note, inside the transaction
Step = Callable[[Connection], None]  # called inside the transaction


def version_of(connection: Connection) -> int:
    """Return the version of the tables, 0 for a database without any."""
    return connection.find(int, "PRAGMA user_version") or 0


def checked_version(connection: Connection, known: int) -> int:
    """Return the version of the tables, 0 for a database without any, at most ``known``.

    Raises IntegrityError: schema_too_new where header and note are newer than ``known``,
    state_corrupt where they contradict each other.
    """
    with connection.snapshot():  # another process may be making the tables just now
        found, noted = version_of(connection), _noted(connection)
    if found == 0 and noted is None:
        return found
    if found > known and noted is not None and noted > known:
        raise IntegrityError(
            "schema_too_new", path=connection.path, found=found, known=known, version=found
        )
    if not 1 <= found <= known or (noted or 0) > found:
        raise IntegrityError("state_corrupt", path=connection.path, reason="version")
    return found


def _noted(connection: Connection) -> int | None:
    """Return the version that the note says: 0 if there is none, None without a table for it."""
    if not connection.find(int, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'"):
        return None
    return connection.find(_number, NOTED) or 0


def _number(value: Value) -> int:
    """Return the number that a note is; -1 for what is none."""
    if isinstance(value, bytes):
        return int.from_bytes(value[:8])
    return value if isinstance(value, int) else -1


def bring_up(connection: Connection, lock_path: str, steps: Sequence[Step], note: Note) -> int:
    """Bring the tables from their version, at least 1, to 1 + the number of ``steps``.

    Step n leads from version n + 1 to n + 2. Returns how many steps were taken. Raises
    IntegrityError(schema_too_new, state_corrupt), and whatever the disk raises; then no step is
    half taken.
    """
    newest, taken = 1 + len(steps), 0
    while checked_version(connection, newest) < newest:
        taken += _step(connection, lock_path, steps, note)
    if taken:
        connection.fold()
    return taken


def _step(connection: Connection, lock_path: str, steps: Sequence[Step], note: Note) -> int:
    """Take the next step, unless another process just did; return how many were taken."""
    with connection.write_transaction(lock_path, sync="full"):
        found = version_of(connection)
        if found > len(steps):
            return 0
        steps[found - 1](connection)
        connection.run("PRAGMA user_version=" + str(found + 1))
        note(connection, found + 1)
    return 1
