"""Migrations: the steps by which an older replica.db becomes one of this version.

A step may add tables, columns and indexes and move rows of the log, which must mean the same
afterwards. Projections are no concern of it: they are dropped and folded again from the log where
their rules have another number. Steps are never changed once they were released, only added.

Specification: docs/spec/store.md, Opening.
"""

from __future__ import annotations

from typing import Final

from envoy.storage import schema
from envoy.system import upgrade
from envoy.system.db import Connection


def _forgotten(connection: Connection) -> None:
    """2: the spaces that this profile forgot, so that no repair brings them back."""
    connection.run(schema.FORGOTTEN)


def _policy(connection: Connection) -> None:
    """3: the policy of a space stands in its row."""
    connection.run("ALTER TABLE space ADD COLUMN policy TEXT NOT NULL DEFAULT '{}'")


def _twice(connection: Connection) -> None:
    """4: an index keeps the numbers of a space that stand nowhere else."""
    connection.run(schema.TWICE)


STEPS: Final[tuple[upgrade.Step, ...]] = (_forgotten, _policy, _twice)
