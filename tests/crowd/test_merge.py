"""Members who wrote apart come together to one state, and a loss would be seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import world

from crowd.merge import SHARED, play, problems


@pytest.mark.slow
def test_five_members_with_fifty_writes_each_become_one_state(tmp_path: Path) -> None:
    ended = play(5, 50, tmp_path)
    assert ended.problems == []
    assert ended.events >= 5 * 50 and len(ended.seconds) == 5


@pytest.mark.slow
def test_what_a_copy_lacks_is_seen(tmp_path: Path) -> None:
    made = world.make(tmp_path / "home", ("one", "two"))
    assert not list(problems(made, set(), claims=SHARED))
    with world.opened(made, "one") as replica:
        world.write(replica, [world.message(1)])
    found = list(problems(made, {b"\1" * 32}, claims=SHARED + 1))
    assert len(found) == 2 * 2 + 2 and sum("lost: " in one for one in found) == 2
    assert any("2 states" in one for one in found) and any("1 waiting" in one for one in found)
