"""L6: a changed bit is noticed or harmless, and what the hub has comes back: 4 places a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.damage import Home
from crash.test_damage import HUB, REPLICA, sweep

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("file", "seed"), [(REPLICA, 11), (HUB, 12)])
def test_four_places(file: str, seed: int, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make(folded=True)
    sweep(home, file, 4, seed)
