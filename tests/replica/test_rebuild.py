"""Projections made again from the log: what they were, whatever had become of them."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.replica.actions import local, members, space, tasks
from envoy.replica.rebuild import rebuild
from envoy.storage import schema
from replica.compare import dump
from replica.scenes import parked, reader
from replica.world import MINUTE_MS, Actor, World


@pytest.fixture
def lead(world: World) -> Actor:
    """Return a founder with two spaces, of which one has some history."""
    lead, one = world.team("lead", "one")
    task = tasks.create(lead.copy, "work\nof weight").after.id
    tasks.claim(one.copy, task, session="default")
    tasks.complete(one.copy, task, summary="done")
    members.make(lead.copy, role="read", max_uses=1, ttl_ms=MINUTE_MS)
    space.update(lead.copy, name="renamed", description="text")
    for number in range(5):
        one.send(f"message {number}")
    lead.sync()
    local.ack(lead.copy, lead.space.next_n - 3)
    space.create(lead.profile, "other")
    return lead


def test_a_rebuild_writes_what_was_there(lead: Actor) -> None:
    before = dump(lead)
    count = sum(row.events for row in lead.store.spaces())
    assert rebuild(lead.profile) == count
    assert dump(lead) == before
    assert rebuild(lead.profile) == count and dump(lead) == before


@pytest.mark.parametrize("table", schema.PROJECTION_TABLES)
def test_whatever_was_lost_of_a_projection_comes_back(lead: Actor, table: str) -> None:
    before = dump(lead)
    lead.connection.run(f"DELETE FROM {table}")
    lead.connection.run("UPDATE space SET state_sum = x'', unread = 99, name = 'damaged'")
    rebuild(lead.profile)
    assert dump(lead) == before


def test_words_are_found_again(lead: Actor) -> None:
    rebuild(lead.profile)
    sql = "SELECT count(*) FROM words WHERE words MATCH ?"
    found = [lead.connection.find(int, sql, (word,)) for word in ("weight", "done", "nothing")]
    assert found == [1, 1, 0]


def test_a_rebuild_tells_how_far_it_is(lead: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", 4)
    told: list[tuple[int, int]] = []
    count = rebuild(lead.profile, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (count, count) and len(told) > 2
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_a_rebuild_that_is_cut_short_leaves_the_old_rows(lead: Actor) -> None:
    before = dump(lead)

    def stop(done: int, total: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        rebuild(lead.profile, progress=stop)
    assert dump(lead) == before


def test_a_copy_that_has_no_genesis_yet_is_rebuilt_too(world: World) -> None:
    (source,) = world.team("source")
    copy = reader(world, "copy", source, keys=False)
    copy.pull()
    before = dump(copy)
    assert rebuild(copy.profile) == 0 and dump(copy) == before
    assert parked(copy)
