"""The machine that tests of crashes stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from replica.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return an empty machine whose databases are closed afterwards."""
    made = World(tmp_path)
    yield made
    made.close()
