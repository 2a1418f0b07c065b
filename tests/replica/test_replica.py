"""The pen: what it links, when it refuses, what a retry is answered, what a clone does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from envoy import limits
from envoy.core.bodies import Card, Grant, TaskAssign
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.errors import ConflictError, EnvoyError, IntegrityError, NotFoundError
from envoy.replica import linking
from envoy.replica.actions import space, tasks, work
from envoy.replica.ingest import take_in
from envoy.replica.replica import Author, Call, Replica, Written
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.forge import Forger
from replica.scenes import HAND, frames_of, message, parked, quarantine, reader, status_of
from replica.world import DAY_MS, MINUTE_MS, YEAR_MS, Actor, Clock, World


def write(actor: Actor, *bodies: Body, call: Call | None = None) -> Written:
    """Write events with the pen of an actor."""
    return actor.copy.write(lambda _: bodies, call=call)


def refusal(write: Callable[[], object]) -> EnvoyError:
    with pytest.raises(EnvoyError) as caught:
        write()
    return caught.value


# -- links ---------------------------------------------------------------------------------------


def test_an_event_names_the_one_before_it_and_what_it_has_seen_of_others(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    heard = agent.send("heard").event
    lead.sync()
    first = write(lead, message("one")).entries[0]
    second = write(lead, message("two")).entries[0]
    assert heard in first.parents and first.prev is not None
    assert second.parents == (first.id,)
    assert (second.seq, second.lam) == (first.seq + 1, first.lam + 1)
    assert second.chain == first.chain == lead.space.chain


def test_an_act_names_the_heads_of_its_entity(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    tasks.assign(lead.copy, task, agent.me)
    agent.door.away = True
    tasks.claim(agent.copy, task, session="default")
    agent.door.away = False
    agent.sync()
    lead.sync()
    heads = [one for one, _ in lead.events.entity_heads(1, task)]
    assert len(heads) == 2
    entry = write(lead, TaskAssign(task, lead.me)).entries[0]
    assert entry.basis == b"".join(sorted(heads))
    assert set(heads) <= {*entry.parents, *lead_chain(lead)}


def lead_chain(actor: Actor) -> set[bytes]:
    """Return the events of the chain that an actor writes."""
    every = actor.events.entries(actor.space.sn, after=0, limit=1_000)
    return {one.id for one in every if one.chain == actor.space.chain}


def flood(lead: Actor, count: int, body: Body) -> list[bytes]:
    """Take in as many events that do not see one another."""
    forgers = [Forger(lead) for _ in range(count)]
    made = [forger.say(body) for forger in forgers]
    lead.door.handle(frames.Push(lead.space.id, tuple(frame for frame, _ in made)))
    lead.pull()
    return [event.id for _, event in made]


def test_more_authority_heads_than_fit_are_merged_first(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    heads = flood(lead, 40, Grant(agent.me, "write", None, None, None, None))
    written = write(lead, message("after all of them"))
    entry = written.entries[0]
    every = {one.id: one for one in lead.events.entries(1, after=0, limit=1_000)}
    merges = [one for one in every.values() if one.kind == "merge"]
    assert len(merges) >= 2 and written.event == entry.id
    seen = {one.ix for one in every.values() if one.id in heads}
    assert all(entry.saw >> (ix or 0) & 1 for ix in seen)
    lead.sync()
    agent.sync()
    assert differences(meaning(lead), meaning(agent)) == [] and not quarantine(agent)


def test_more_heads_of_an_entity_than_fit_are_merged_first(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    flood(lead, 40, TaskAssign(task, agent.me))
    flood(lead, 10, Grant(agent.me, "write", None, None, None, None))
    tasks.assign(lead.copy, task, lead.me)
    assert len(lead.events.entity_heads(1, task)) == 1
    row = lead.store.task(1, task)
    assert row is not None and row.state == "assigned"
    lead.sync()
    agent.sync()
    assert differences(meaning(lead), meaning(agent)) == []


def test_who_may_only_read_merges_nothing_and_writes_all_the_same(world: World) -> None:
    lead, agent = world.team("lead", "agent", role="read")
    flood(lead, 20, Grant(agent.me, "read", None, None, None, None))
    for frame in frames_of(lead):
        take_in(agent.copy, [frame], source=HAND)
    assert write(agent, Card("reader", "agent", "1", None, ())).event is not None
    assert not [one for one in agent.events.entries(1, after=0, limit=99) if one.kind == "merge"]
    agent.sync()
    lead.sync()
    assert not quarantine(lead) and not parked(lead)


# -- clocks --------------------------------------------------------------------------------------


def ahead(world: World, lead: Actor) -> Actor:
    """Return a member of the space of ``lead`` whose clock is ten years fast."""
    fast = world.actor("fast", clock=Clock(world.clock.now))
    fast.join(lead.code())
    fast.clock.now += 10 * YEAR_MS
    return fast


def test_a_fast_clock_drags_nobody_along(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    fast = ahead(world, lead)
    agent.sync()
    tasks.create(agent.copy, "work")
    fast.sync()
    fast.send("from the future")
    for actor in (lead, agent):
        actor.sync()
        entry = write(actor, message("of today")).entries[0]
        assert entry.ts == world.clock.now
        named = [actor.events.entry(1, one) for one in entry.parents]
        assert all(one is not None and one.ts <= world.clock.now for one in named)
        actor.sync()
    for actor in (lead, agent, fast):
        actor.sync()
    assert differences(meaning(lead), meaning(fast)) == []
    assert differences(meaning(lead), meaning(agent)) == [] and not quarantine(lead)


def test_a_date_hides_nothing_that_others_wrote(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    fast = ahead(world, lead)
    sent = agent.send("of today")
    fast.sync()
    fast.send("names it, and is dated ahead")
    lead.pull()
    entry = write(lead, message("sees it all the same")).entries[0]
    assert sent.event in entry.parents


def test_others_go_on_with_a_task_that_a_fast_clock_touched(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    fast = ahead(world, lead)
    task = tasks.create(agent.copy, "work").after.id
    fast.sync()
    tasks.claim(fast.copy, task, session="default")
    lead.sync()
    given = tasks.assign(lead.copy, task, agent.me)
    assert given.after.state == "assigned"
    tasks.progress(agent.copy, task, "in_progress")
    tasks.complete(agent.copy, task, summary="done")
    for actor in (lead, agent, fast):
        actor.sync()
    assert differences(meaning(lead), meaning(fast)) == [] and not quarantine(fast)
    row = fast.store.task(1, task)
    assert row is not None and row.state == "completed"


def test_a_task_that_exists_in_the_future_alone_is_left_alone_by_others(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    fast = ahead(world, lead)
    task = tasks.create(fast.copy, "work of 2037").after.id
    lead.sync()
    with pytest.raises(ConflictError, match="clock_ahead"):
        tasks.assign(lead.copy, task, agent.me)  # it would stand beside the creation
    agent.sync()
    assert differences(meaning(lead), meaning(agent)) == [] and not quarantine(agent)


def test_a_clock_before_all_that_is_known_writes_nothing(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    lead.send("by a clock an hour fast")
    slow = world.open("lead", clock=Clock(world.clock.now - 60 * MINUTE_MS))
    chain = slow.space.chain
    with pytest.raises(ConflictError, match="clock_ahead"):
        slow.send("nothing is old enough to be named")
    assert slow.space.chain == chain and slow.space.pending == 0


def test_a_clock_a_little_back_starts_a_chain_and_is_understood(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    world.clock.now += 60 * MINUTE_MS
    lead.send("an hour later")
    chain = lead.space.chain
    world.clock.now -= 50 * MINUTE_MS
    sent = lead.send("after the clock was set right")
    entry = lead.events.entry(1, sent.event)
    assert entry is not None and entry.chain != chain and entry.seq == 0
    assert entry.ts == world.clock.now
    agent.sync()
    assert differences(meaning(lead), meaning(agent)) == [] and not quarantine(agent)


def test_a_flood_of_the_future_costs_a_writer_a_bounded_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, agent = world.team("lead", "agent")
    forger = Forger(agent)
    line = [
        forger.say(message(f"{number}"), ts=lead.clock.now + YEAR_MS)[0] for number in range(20)
    ]
    take_in(lead.copy, line, source=HAND)
    monkeypatch.setattr(linking, "AHEAD_WALKED_MAX", 5)
    entry = write(lead, message("of today")).entries[0]
    assert entry.ts == lead.clock.now


# -- refusals ------------------------------------------------------------------------------------


def test_a_text_that_no_reader_would_take_is_refused_and_nothing_is_written(world: World) -> None:
    (lead,) = world.team("lead")
    before = lead.space
    assert refusal(lambda: lead.send("a\0b")).code == "field_invalid"
    assert refusal(lambda: lead.send("x" * 40_000)).code == "message_too_large"
    assert refusal(lambda: lead.send("é" * 20_000)).code == "message_too_large"
    assert lead.space == before
    assert lead.send("x" * limits.TEXT_BYTES_MAX).delivery == "delivered"


def test_what_a_plan_raises_writes_nothing(world: World) -> None:
    (lead,) = world.team("lead")

    def half(author: Author) -> Sequence[Entry]:
        author.say(message("half"))
        raise NotFoundError("not_found")

    before = meaning(lead), lead.space
    with pytest.raises(NotFoundError):
        lead.copy.compose(half)
    assert (meaning(lead), lead.space) == before
    assert lead.send("whole").delivery == "delivered"


def test_a_plan_without_a_word_writes_nothing(world: World) -> None:
    (lead,) = world.team("lead")
    before = lead.space
    assert write(lead) == Written((), None, None, replayed=False)
    assert lead.space == before


def test_who_may_not_is_told_why(world: World) -> None:
    lead, agent = world.team("lead", "agent", role="read")
    assert refusal(lambda: agent.send("hello")).code == "read_only"
    assert refusal(lambda: space.update(agent.copy, name="x", description=None)).code == (
        "capability_missing"
    )
    copy = reader(world, "stranger", lead)
    for frame in frames_of(lead):
        take_in(copy.copy, [frame], source=HAND)
    assert refusal(lambda: copy.send("hello")).code == "epoch_revoked"


def test_after_the_end_of_a_space_nothing_is_said_and_authority_goes_on(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    space.close(lead.copy, reason="done")
    agent.sync()
    assert refusal(lambda: lead.send("late")).code == "space_closed"
    assert refusal(lambda: agent.send("late")).code == "space_closed"
    write(lead, Grant(agent.me, "write", None, None, None, None))


def test_past_its_expiry_a_space_takes_no_content(world: World) -> None:
    lead = world.actor("lead")
    space.create(lead.profile, "short", expires_ms=world.clock.now + MINUTE_MS)
    lead.send("in time")
    world.clock.now += 2 * MINUTE_MS
    assert refusal(lambda: lead.send("late")).code == "space_closed"


def test_an_event_that_no_replica_would_let_count_is_never_committed(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    before = lead.space
    with pytest.raises(IntegrityError):
        lead.copy.compose(lambda author: [author.say(message(), auth=agent.me)])
    assert lead.space == before


# -- retries -------------------------------------------------------------------------------------


def test_a_retry_is_answered_with_the_first_answer(world: World) -> None:
    (lead,) = world.team("lead")
    first = work.send(lead.copy, "once", key="k1")
    again = work.send(lead.copy, "once", key="k1")
    assert (again.event, again.n) == (first.event, first.n)
    assert again.replayed and not first.replayed
    assert work.send(lead.copy, "once", key="k2").event != first.event


def test_a_key_used_for_another_call_is_a_mistake(world: World) -> None:
    (lead,) = world.team("lead")
    work.send(lead.copy, "once", key="k1")
    assert refusal(lambda: work.send(lead.copy, "twice", key="k1")).code == "idempotency_mismatch"
    assert refusal(lambda: tasks.create(lead.copy, "once", key="k1")).code == "idempotency_mismatch"


def test_a_key_is_good_for_a_month_and_is_forgotten_then(world: World) -> None:
    (lead,) = world.team("lead")
    first = work.send(lead.copy, "once", key="k1")
    world.clock.now += 29 * DAY_MS
    assert work.send(lead.copy, "once", key="k1").replayed
    world.clock.now += 2 * DAY_MS
    assert work.send(lead.copy, "twice", key="k2").event != first.event
    assert lead.count("idempotency") == 1
    assert not work.send(lead.copy, "once", key="k1").replayed


def test_two_spaces_have_keys_of_their_own(world: World) -> None:
    lead = world.actor("lead")
    one, two = space.create(lead.profile, "one"), space.create(lead.profile, "two")
    first = work.send(Replica(lead.profile, one.sn), "hello", key="k")
    other = work.send(Replica(lead.profile, two.sn), "hello", key="k")
    assert first.event != other.event and not other.replayed


# -- several processes, several copies -----------------------------------------------------------


def test_processes_of_one_profile_share_a_chain(world: World) -> None:
    lead, _ = world.team("lead", "agent")
    other = world.open("lead")
    for number in range(4):
        (lead, other)[number % 2].send(f"{number}")
    entries = [one for one in lead.events.entries(1, after=0, limit=99) if one.author == lead.me]
    assert len({one.chain for one in entries}) == 1
    assert [one.seq for one in entries] == list(range(len(entries)))


def test_a_copied_home_goes_on_in_a_chain_of_its_own(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    twin = world.clone(agent, "elsewhere", unnoticed=False)
    agent.send("here")
    twin.send("there")
    assert agent.space.chain != twin.space.chain
    for actor in (agent, twin, lead, agent, twin):
        actor.sync()
    assert differences(meaning(agent), meaning(twin)) == []
    assert differences(meaning(agent), meaning(lead)) == [] and lead.count("fork") == 0


def test_a_copy_that_nobody_noticed_forks_and_each_goes_on(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    twin = world.clone(agent, "elsewhere", unnoticed=True)
    twin.door.away = True
    here, there = agent.send("here"), twin.send("there")
    twin.door.away = False
    for actor in (agent, twin, lead, agent, twin):
        actor.sync()
    for actor in (agent, twin, lead):
        assert actor.count("fork") == 1
        flags = {row.did: row.flags for row in actor.store.members(1).values()}
        assert flags == {lead.me: "[]", agent.me: '["fork"]'}
        assert status_of(actor, here.event) == status_of(actor, there.event) == "ok"
    agent.send("here again")
    twin.send("there again")
    for actor in (agent, twin, lead, agent, twin):
        actor.sync()
    assert agent.space.chain != twin.space.chain and lead.count("fork") == 1
    assert differences(meaning(agent), meaning(lead)) == []


def test_a_copy_set_back_adopts_what_it_had_written_and_starts_a_chain(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    old = world.clone(agent, "backup", unnoticed=True)
    sent = agent.send("written after the backup")
    chain = old.space.chain
    old.sync()
    assert status_of(old, sent.event) == "ok" and old.space.chain is None
    entry = write(old, message("goes on")).entries[0]
    assert entry.chain != chain and entry.seq == 0 and sent.event in entry.parents
    lead.sync()
    assert lead.count("fork") == 0
