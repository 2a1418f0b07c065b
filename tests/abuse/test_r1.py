"""R1: an event that a relay leaves out is missed by what came after it, named, and had again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.errors import IntegrityError
from envoy.hub.sqlite import FrameRow
from envoy.sync import frames
from hub.scenes import NOW_MS, SPACE, Hub
from hub.test_bridge import Scene
from replica.compare import differences, meaning
from replica.scenes import deliver, frames_of, parked, reader
from replica.world import World


def test_each_event_in_turn_is_missed_by_a_copy_and_had_again(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    for number in range(3):
        agent.send(f"{number}")
        lead.sync()
        lead.send(f"{number}, heard")
        agent.sync()
    log = frames_of(lead)
    for number in range(1, len(log) - 1):
        copy = reader(world, f"copy{number}", lead)
        deliver(copy, [*log[:number], *log[number + 1 :]])
        assert set(parked(copy).values()) == {"waiting"}, number
        deliver(copy, [log[number]])
        assert not parked(copy) and differences(meaning(lead), meaning(copy)) == []


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    """Return a machine that has four frames, and a relay that has them, too."""
    found = Scene(tmp_path)
    found.near("0", "1")
    found.sync()
    found.far("2", "3")
    found.sync()
    yield found
    found.links.close()


def drop(hub: Hub, number: int) -> bytes:
    """Leave a frame out of a log as if it had never been there; return its id."""
    row = hub.store.find_space(SPACE)
    assert row is not None
    ids = hub.store.frame_ids(SPACE)
    kept = [one for one in ids if one != ids[number]]
    h = frames.chain_after(frames.chain_start(hub.store.instance, SPACE), kept)
    with hub.store.transaction():
        rest = [FrameRow(seq, one, NOW_MS, hub.store.find_frame(SPACE, one) or b"")
                for seq, one in enumerate(kept, start=1)]  # fmt: skip
        hub.store.connection.run("DELETE FROM frame")
        hub.store.add_frames(SPACE, rest)
        total = frames.sum_after(bytes(32), kept)
        count = len(kept)
        hub.store.save_space(row._replace(head=count, h=h, sum=total, frame_count=count))
    return ids[number]


@pytest.mark.parametrize("number", range(4))
def test_what_a_relay_dropped_is_brought_back_by_who_has_it(at: Scene, number: int) -> None:
    dropped = drop(at.relay.hub, number)
    at.sync()
    here, there = at.both()
    assert sorted(here) == sorted(there) and dropped in there and len(there) == 4


@pytest.mark.parametrize("number", range(4))
def test_a_log_that_grew_on_without_it_contradicts_what_was_shown(at: Scene, number: int) -> None:
    dropped = drop(at.relay.hub, number)
    at.far("4")
    with pytest.raises(IntegrityError) as caught:
        at.sync()
    assert caught.value.code == "relay_inconsistent"
    at.sync()
    here, there = at.both()
    assert sorted(here) == sorted(there) and dropped in there and len(there) == 5


@pytest.mark.parametrize("number", range(4))
def test_what_a_new_copy_is_not_shown_is_named_when_the_logs_are_compared(
    at: Scene, number: int
) -> None:
    """`sync --verify` compares by ranges of ids, whatever sums and chain say."""
    dropped = drop(at.relay.hub, number)
    compared = at.a_bridge().compare(go=lambda: True)
    assert compared.went == (dropped,) and compared.came == ()
    again = at.a_bridge().compare(go=lambda: True)
    assert again.went == again.came == ()
