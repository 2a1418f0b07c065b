"""Effects: what is written beside an act dated ahead takes effect, or is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest

from envoy.errors import ConflictError, EnvoyError
from envoy.replica.actions import (
    cards,
    conflicts,
    fields,
    handoffs,
    messages,
    objects,
    records,
    reviews,
    space,
    tasks,
)
from envoy.replica.actions.cards import Cards, Wanted
from envoy.replica.actions.fields import Changes
from envoy.replica.actions.handoffs import Capsule
from envoy.replica.actions.records import Said
from envoy.state.gates import FREE, Gate
from envoy.views import rows
from replica.test_ahead import crew, own_clock, task_of
from replica.world import DAY_MS, Actor, Inline, World

REVIEWED = Gate(1, (), False, ())
TOOLS = objects.Tools(Inline(), lambda _: None)


def told_or_done(act: Callable[[], object], is_done: Callable[[], bool]) -> None:
    """Do something that must either be refused as clock_ahead or have its effect."""
    try:
        act()
    except ConflictError as error:
        assert error.code == "clock_ahead", (error.code, error.details)
        return
    assert is_done(), "told as done, and it came to nothing"


def ahead(world: World, by: int = DAY_MS) -> tuple[Actor, Actor, Actor]:
    """Return a founder, an admin whose clock is ahead by now, and a writer."""
    lead, fast, w = crew(world, "w")
    fast.sync()
    fast.clock.now += by
    return lead, fast, w


def row(actor: Actor, task: bytes) -> rows.Task:
    """Return the row of a task."""
    found = actor.store.task(1, task)
    assert found is not None
    return found


def hidden(actor: Actor, event: bytes) -> bool:
    """Say whether the text of a message is hidden."""
    entry = actor.events.entry(1, event)
    assert entry is not None
    item = actor.store.item(entry.rid)
    return item is not None and item.redacted is not None


def test_redact_a_message_dated_ahead(world: World) -> None:
    lead, fast, _ = ahead(world)
    sent = fast.send("a secret by mistake").event
    lead.sync()
    told_or_done(lambda: messages.redact(lead.copy, sent), lambda: hidden(lead, sent))


def test_redact_ones_own_message_once_the_clock_is_right_again(world: World) -> None:
    _, fast, _ = ahead(world)
    sent = fast.send("a secret by mistake").event
    fast.clock.now -= DAY_MS
    told_or_done(lambda: messages.redact(fast.copy, sent), lambda: hidden(fast, sent))


def test_retract_a_record_dated_ahead(world: World) -> None:
    lead, fast, _ = ahead(world)
    made = records.add(fast.copy, Said("decision", "we ship")).event
    lead.sync()

    def gone() -> bool:
        found = lead.store.record(1, made)
        return found is not None and found.retracted is not None

    told_or_done(lambda: records.retract(lead.copy, made), gone)


def test_retract_an_object_dated_ahead(world: World) -> None:
    lead, fast, _ = ahead(world)
    label = objects.Label("key.pem", "text/plain", None)
    made = objects.put(fast.copy, BytesIO(b"secret").read, label, tools=TOOLS).row.id
    lead.sync()

    def gone() -> bool:
        found = lead.store.object(1, made)
        return found is not None and found.retracted is not None

    told_or_done(lambda: objects.retract(lead.copy, made), gone)


def test_edit_a_task_dated_ahead(world: World) -> None:
    lead, fast, _ = ahead(world)
    task = task_of(fast, "old")
    lead.sync()
    told_or_done(
        lambda: fields.edit(lead.copy, task, Changes(title="new")),
        lambda: row(lead, task).title == "new",
    )


def test_cancel_a_task_dated_ahead(world: World) -> None:
    lead, fast, _ = ahead(world)
    task = task_of(fast, "old")
    lead.sync()
    told_or_done(
        lambda: fields.cancel(lead.copy, task), lambda: row(lead, task).state == "cancelled"
    )


def test_gate_a_task_dated_ahead(world: World) -> None:
    lead, fast, _ = ahead(world)
    task = task_of(fast, "old")
    lead.sync()
    told_or_done(
        lambda: reviews.gate(lead.copy, task, REVIEWED),
        lambda: '"reviews":1' in row(lead, task).gate.replace(" ", ""),
    )


def claimed_ahead(world: World) -> tuple[Actor, Actor, bytes]:
    """Return a founder, a writer whose clock was a day ahead when it claimed, and the task."""
    lead, w = world.team("lead", "w")
    task = task_of(lead, "do it")
    own_clock(w, DAY_MS)
    tasks.claim(w.copy, task, session="default")
    lead.sync()
    w.clock.now -= DAY_MS
    return lead, w, task


@pytest.mark.parametrize("to", ["in_progress", "blocked"])
def test_progress_under_a_claim_dated_ahead(world: World, to: str) -> None:
    _, w, task = claimed_ahead(world)
    told_or_done(lambda: tasks.progress(w.copy, task, to), lambda: row(w, task).state == to)


def test_complete_under_a_claim_dated_ahead(world: World) -> None:
    _, w, task = claimed_ahead(world)
    told_or_done(lambda: tasks.complete(w.copy, task), lambda: row(w, task).state == "completed")


def test_a_completion_that_counts_for_nothing_gives_no_slot_back(world: World) -> None:
    lead, w, task = claimed_ahead(world)
    before = row(w, task)
    try:
        tasks.complete(w.copy, task, summary="done")
    except ConflictError as error:
        assert error.code == "clock_ahead"
    w.sync()
    after = row(w, task)
    assert (after.state, after.claim_state, after.lease_ms) == (
        "claimed",
        before.claim_state,
        before.lease_ms,
    )
    lead.sync()
    with pytest.raises(EnvoyError, match="task_already_claimed"):
        tasks.claim(lead.copy, task, session="default")


def test_handoff_under_a_claim_dated_ahead(world: World) -> None:
    lead, w, task = claimed_ahead(world)
    told_or_done(
        lambda: handoffs.create(w.copy, task, Capsule("go on"), to=lead.me),
        lambda: row(w, task).assignee != w.events.actor(w.me),
    )


def test_cancel_beside_a_claim_dated_ahead(world: World) -> None:
    lead, _, task = claimed_ahead(world)
    told_or_done(
        lambda: fields.cancel(lead.copy, task), lambda: row(lead, task).state == "cancelled"
    )


def completed_ahead(world: World, gate: Gate) -> tuple[Actor, Actor, bytes]:
    """Return a founder, a writer whose clock was ahead when it completed, and the task."""
    lead, w = world.team("lead", "w")
    task = task_of(lead, "do it")
    reviews.gate(lead.copy, task, gate)
    w.sync()
    tasks.claim(w.copy, task, session="default")
    own_clock(w, DAY_MS)
    tasks.complete(w.copy, task, summary="done")
    lead.sync()
    return lead, w, task


@pytest.mark.parametrize(
    ("verdict", "state"),
    [("approve", "completed"), ("reject", "open"), ("request_changes", "changes_requested")],
)
def test_review_of_a_completion_dated_ahead(world: World, verdict: str, state: str) -> None:
    lead, _, task = completed_ahead(world, REVIEWED)
    told_or_done(
        lambda: reviews.review(lead.copy, task, verdict, note="seen"),
        lambda: row(lead, task).state == state,
    )


def test_reopen_beside_a_completion_dated_ahead(world: World) -> None:
    lead, _, task = completed_ahead(world, FREE)
    assert row(lead, task).state == "completed"
    told_or_done(lambda: fields.reopen(lead.copy, task), lambda: row(lead, task).state == "open")


def test_edit_beside_an_own_edit_dated_ahead(world: World) -> None:
    _, w, _ = ahead(world)[::-1]
    task = task_of(w, "one")
    w.clock.now += DAY_MS
    for _ in range(5):
        w.send("time passes")
    fields.edit(w.copy, task, Changes(title="two"))
    w.clock.now -= 2 * DAY_MS
    told_or_done(
        lambda: fields.edit(w.copy, task, Changes(title="three")),
        lambda: row(w, task).title == "three",
    )


def test_accept_a_handoff_dated_ahead(world: World) -> None:
    lead, w = world.team("lead", "w")
    task = task_of(lead, "do it")
    tasks.claim(lead.copy, task, session="default")
    own_clock(lead, DAY_MS)
    given = handoffs.create(lead.copy, task, Capsule("go on"), to=w.me).event
    assert given is not None
    w.sync()
    told_or_done(
        lambda: handoffs.accept(w.copy, given, session="default"),
        lambda: row(w, task).assignee == w.events.actor(w.me),
    )


def test_rename_a_space_beside_an_own_name_dated_ahead(world: World) -> None:
    lead, _, _ = ahead(world)
    own_clock(lead, DAY_MS)
    for _ in range(5):
        lead.send("time passes")
    space.update(lead.copy, name="wrong", description=None)
    lead.clock.now -= DAY_MS
    told_or_done(
        lambda: space.update(lead.copy, name="right", description=None),
        lambda: lead.space.name == "right",
    )


def test_policy_beside_an_own_policy_dated_ahead(world: World) -> None:
    lead, _, _ = ahead(world)
    own_clock(lead, DAY_MS)
    for _ in range(5):
        lead.send("time passes")
    space.set_policy(lead.copy, {"lease_s": 120})
    lead.clock.now -= DAY_MS
    told_or_done(
        lambda: space.set_policy(lead.copy, {"lease_s": 1200}),
        lambda: '"lease_s":1200' in lead.space.policy.replace(" ", ""),
    )


def test_card_after_an_own_card_dated_ahead(world: World) -> None:
    lead, w = world.team("lead", "w")
    own_clock(w, DAY_MS)
    for _ in range(5):
        w.send("time passes")
    cards.publish(w.copy, Wanted("wrong", None, None, None))
    w.clock.now -= DAY_MS
    lead.sync()

    def stands() -> bool:
        found = Cards(w.events, w.space).of(w.me)
        return found is not None and found.name == "right"

    told_or_done(lambda: cards.publish(w.copy, Wanted("right", None, None, None)), stands)


def test_a_conflict_resolved_beside_a_resolution_dated_ahead(world: World) -> None:
    lead, w = world.team("lead", "w")
    task = task_of(w, "work")
    lead.sync()
    for one in (lead, w):
        one.door.away = True
        fields.edit(one.copy, task, Changes(title=one.name))
        one.door.away = False
    for one in (lead, w, lead):
        one.sync()
    (ident,) = lead.connection.rows(bytes, "SELECT id FROM conflict")
    found = lead.store.conflict(1, ident)
    assert found is not None
    own_clock(lead, DAY_MS)
    for _ in range(5):
        lead.send("time passes")
    conflicts.resolve(lead.copy, ident, found.winner)
    lead.clock.now -= DAY_MS

    def kept() -> bool:
        now = lead.store.conflict(1, ident)
        return now is not None and now.kept == found.loser

    told_or_done(lambda: conflicts.resolve(lead.copy, ident, found.loser), kept)
