"""The machine that attacks run on. tests/conftest.py counts the rows that were repelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from replica.world import Actor, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return an empty machine whose databases are closed afterwards."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Actor]]:
    """Return a founder and a writer who have read each other, for all tests of a module."""
    made = World(tmp_path_factory.mktemp("pair"))
    yield made.team("lead", "agent")
    made.close()
