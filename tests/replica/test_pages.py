"""Pages of a long log: the next one is read and verified while one is stored. What may go wrong
between two of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envoy import limits
from envoy.core.envelope import envelope_id
from envoy.core.structs import Body, replace
from envoy.errors import IntegrityError, RelayError
from envoy.replica import opening, sync
from envoy.replica.ingest import Taken, take_begun, take_in
from envoy.sync import frames
from envoy.system import workers
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import frames_of, message
from replica.world import Actor, World

PAGE = 3
COUNT = 8
Alter = Callable[[frames.Pulled], Body]


@pytest.fixture
def both(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Actor, Actor]:
    """Return a reader behind by three pages, and who wrote them."""
    lead, agent = world.team("lead", "agent")
    for number in range(COUNT):
        agent.send(f"{number}")
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", PAGE)
    return lead, agent


def at_page(actor: Actor, number: int, alter: Alter, *, times: int = 99) -> None:
    """Let ``alter`` change replies with the page ``number`` of those behind, the first being 0."""
    start, left = actor.space.cursor + number * PAGE, [None] * times

    def bend(call: Body, reply: Body) -> Body:
        if not isinstance(call, frames.Pull) or call.spaces[0].since != start or not left:
            return reply
        left.pop()
        assert isinstance(reply, frames.Pulled)
        return alter(reply)

    actor.door.alter = bend


def cut(_: frames.Pulled) -> Body:
    """Lose the connection."""
    raise RelayError("relay_unavailable")


def shortened(reply: frames.Pulled) -> Body:
    """Return a page that says less than its numbers."""
    (page,) = reply.pages
    return replace(reply, pages=(replace(page, frames=page.frames[1:]),))


def emptied(reply: frames.Pulled) -> Body:
    """Return a page with nothing in it, of a log that goes on."""
    (page,) = reply.pages
    return replace(reply, pages=(replace(page, frames=(), last=page.last - len(page.frames)),))


def test_a_page_is_asked_for_before_the_one_ahead_of_it_is_stored(
    both: tuple[Actor, Actor],
) -> None:
    lead, agent = both
    stored, before = list[int](), lead.space.events

    def note(reply: frames.Pulled) -> Body:
        stored.append(lead.space.events)
        return reply

    at_page(lead, 1, note)
    lead.door.calls.clear()
    assert sync.pull(lead.copy) == Taken(COUNT, 0, 0)
    assert stored == [before] and len(lead.door.calls) == 3
    assert differences(meaning(lead), meaning(agent)) == []


@pytest.mark.parametrize("number", range(1, 3))
def test_a_page_that_was_lost_once_is_asked_for_again(
    both: tuple[Actor, Actor], number: int
) -> None:
    lead, agent = both
    at_page(lead, number, cut, times=1)
    assert sync.pull(lead.copy) == Taken(COUNT, 0, 0)
    assert differences(meaning(lead), meaning(agent)) == []


@pytest.mark.parametrize("number", range(3))
def test_a_hub_that_is_lost_amid_pages_costs_none_that_came(
    both: tuple[Actor, Actor], number: int
) -> None:
    lead, agent = both
    before = lead.space.events
    at_page(lead, number, cut)
    with pytest.raises(RelayError):
        sync.pull(lead.copy)
    assert lead.space.events == before + number * PAGE
    lead.door.alter = None
    assert sync.pull(lead.copy) == Taken(COUNT - number * PAGE, 0, 0)
    assert differences(meaning(lead), meaning(agent)) == []


@pytest.mark.parametrize("alter", [shortened, emptied])
@pytest.mark.parametrize("number", range(2))
def test_a_hub_that_contradicts_itself_amid_pages_is_told_of_behind_them(
    both: tuple[Actor, Actor], alter: Alter, number: int
) -> None:
    lead, agent = both
    before = lead.space.events
    at_page(lead, number, alter)
    with pytest.raises(IntegrityError, match="relay_inconsistent"):
        sync.pull(lead.copy)
    assert lead.space.events == before + number * PAGE
    lead.door.alter = None
    lead.sync()
    assert differences(meaning(lead), meaning(agent)) == []


@pytest.mark.parametrize("at", [0, 2, 3, 7])
def test_a_bad_frame_blocks_nothing_in_any_page(
    world: World, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    lead, agent = world.team("lead", "agent")
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", PAGE)
    for number in range(COUNT):
        if number == at:
            bad = Forger(agent).unsigned(message("not mine"))
            lead.door.handle(frames.Push(lead.space.id, (bad,)))
        agent.send(f"{number}")
    assert sync.pull(lead.copy) == Taken(COUNT, 0, 1)
    agent.sync()
    assert lead.space.cursor == agent.space.cursor
    assert lead.space.frame_sum == agent.space.frame_sum
    assert differences(meaning(lead), meaning(agent)) == []


@pytest.mark.parametrize("number", range(1, 3))
def test_another_process_that_reads_on_meanwhile_is_not_set_back(
    world: World, both: tuple[Actor, Actor], number: int
) -> None:
    lead, agent = both
    other = world.open("lead")

    def late(reply: frames.Pulled) -> Body:
        other.sync()  # it takes the lock, so none is held over this call
        return reply

    at_page(lead, number, late, times=1)
    sync.pull(lead.copy)
    assert lead.space.cursor == agent.space.cursor
    assert (lead.space.frame_sum, lead.space.frame_count) == (
        agent.space.frame_sum,
        agent.space.frame_count,
    )
    assert differences(meaning(lead), meaning(agent)) == []


def test_another_process_that_starts_the_log_again_is_followed(
    world: World, both: tuple[Actor, Actor]
) -> None:
    lead, agent = both
    other = world.open("lead")

    def again(reply: frames.Pulled) -> Body:
        with other.events.transaction(durable=True):
            other.store.save(other.space._replace(cursor=0, hub_chain=None))
        return reply

    at_page(lead, 1, again, times=1)
    sync.pull(lead.copy)
    assert lead.space.cursor == agent.space.cursor
    assert differences(meaning(lead), meaning(agent)) == []


def test_pages_verified_on_threads_come_in_as_without_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, agent = world.team("lead", "agent")
    for number in range(60):
        agent.send(f"{number}")
    bad = [Forger(agent).unsigned(message(f"{number}")) for number in range(4)]
    lead.door.handle(frames.Push(lead.space.id, tuple(bad)))
    monkeypatch.setattr(limits, "PAGE_FRAMES_MAX", 25)
    monkeypatch.setattr(opening, "TOGETHER", 8)
    monkeypatch.setattr(workers, "SHARE_MIN", 2)
    with workers.Workers(2) as threads:
        lead.profile = lead.profile._replace(workers=threads)
        assert sync.pull(lead.copy) == Taken(60, 0, 4)
    assert differences(meaning(lead), meaning(agent)) == []


# -- what was counted meanwhile ------------------------------------------------------------------


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("nobody", id="the page before alone"),
        pytest.param("other", id="another process took the second page in as well"),
        pytest.param("own", id="the reader wrote an event of its own"),
    ],
)
def test_a_page_read_ahead_counts_what_the_page_before_did_not(world: World, between: str) -> None:
    lead, agent = world.team("lead", "agent")
    before, known, forger = lead.space, set(frames_of(lead)), Forger(agent)
    made = [forger.say(message(f"{number}"))[0] for number in range(6)]
    copy, other = lead.copy, world.open("lead")
    first, second = made[:4], made[2:]  # two frames are in both
    begun = [
        opening.begin(copy, [opening.read(frame) for frame in page]) for page in (first, second)
    ]
    assert take_begun(copy, begun[0], source="hub").accepted == 4
    if between == "other":
        assert take_in(other.copy, second, source="hub").accepted == 2
    if between == "own":
        lead.send("in between")
    fresh = 0 if between == "other" else 2
    assert take_begun(copy, begun[1], source="hub").accepted == fresh
    own = int(between == "own")
    assert lead.space.events == before.events + 6 + own
    assert lead.space.frame_count == before.frame_count + 6 + own
    came = [envelope_id(frame) for frame in frames_of(lead) if frame not in known]
    assert lead.space.frame_sum == frames.sum_after(before.frame_sum, came)
