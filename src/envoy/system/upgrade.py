"""Upgrade: how a database of an older version becomes one of this version, step by step.

A step leads from one version to the next and is one durable transaction under the lock, the new
version number inside it: killed at any point, the file is of the version before or after, and the
next process goes on. What an older build finds newer than itself it leaves alone.

Specification: docs/spec/store.md, Opening.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from envoy.errors import IntegrityError
from envoy.system.db import Connection

Step = Callable[[Connection], None]  # called inside the transaction


def version_of(connection: Connection) -> int:
    """Return the version of the tables, 0 for a database without any."""
    return connection.find(int, "PRAGMA user_version") or 0


def bring_up(connection: Connection, lock_path: str, steps: Sequence[Step]) -> int:
    """Bring the tables from their version, at least 1, to 1 + the number of ``steps``.

    Step n leads from version n + 1 to n + 2. Returns how many steps were taken. Raises
    IntegrityError(schema_too_new), and whatever the disk raises; then no step is half taken.
    """
    newest, taken = 1 + len(steps), 0
    found = version_of(connection)
    if found > newest:
        raise IntegrityError(
            "schema_too_new", path=connection.path, found=found, known=newest, version=found
        )
    while found < newest:
        taken += _step(connection, lock_path, steps)
        found = version_of(connection)
    if taken:
        connection.fold()
    return taken


def _step(connection: Connection, lock_path: str, steps: Sequence[Step]) -> int:
    """Take the next step, unless another process just did; return how many were taken."""
    with connection.write_transaction(lock_path, sync="full"):
        found = version_of(connection)
        if found > len(steps):
            return 0
        steps[found - 1](connection)
        connection.run("PRAGMA user_version=" + str(found + 1))
    return 1
