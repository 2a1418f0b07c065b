"""L9: a writer that is killed, five times here, has lost nothing that it was told is saved."""

from __future__ import annotations

import pytest

from crash.test_kill import loop
from replica.world import World


@pytest.mark.slow
def test_five_kills(world: World) -> None:
    loop(world, 5, 21)
