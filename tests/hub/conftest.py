"""Two machines and the relay between them, for the tests of what goes over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.far import FarRelay, Machine
from hub.scenes import SPACE


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[FarRelay]:
    """Return a relay that counts what it is asked."""
    found = FarRelay(tmp_path / "relay")
    yield found
    found.close()


@pytest.fixture
def at(tmp_path: Path, relay: FarRelay) -> Iterator[Machine]:
    """Return a machine that has connected the space, before anything else is asked."""
    found = Machine(tmp_path / "one", relay)
    found.connect()
    found.roads().sync(SPACE)
    relay.calls.clear()
    yield found
    found.close()


@pytest.fixture
def other(tmp_path: Path, at: Machine) -> Iterator[Machine]:
    """Return the machine of another member."""
    found = Machine(tmp_path / "two", at.relay, "writer")
    found.link()
    yield found
    found.close()
