"""Handoffs between replicas: who takes over, by which fence, and what of it can be checked."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from envoy.core.bodies import Ref
from envoy.core.crypto.sign import tagged
from envoy.core.log import Entry
from envoy.core.records import Frontier
from envoy.core.structs import replace
from envoy.errors import EnvoyError
from envoy.replica import capsules
from envoy.replica.actions import authority, desk, handoffs, records, tasks, work
from envoy.replica.actions.handoffs import Capsule
from envoy.replica.actions.records import Said
from envoy.replica.rebuild import rebuild
from envoy.replica.replica import Author
from envoy.storage.views import Views
from envoy.views import handoffs as shapes
from envoy.views import rows
from envoy.wiring import handed
from replica.compare import differences, meaning
from replica.world import MINUTE_MS, Actor, World

SAID = Capsule("the second coat", completed=("sanded",), risks=("rain",))


@pytest.fixture
def team(world: World) -> list[Actor]:
    return world.team("lead", "one", "two")


def refusal(act: Callable[[], object]) -> EnvoyError:
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value


def held(actor: Actor) -> bytes:
    """Return a task that an actor made and claimed."""
    task = tasks.create(actor.copy, "paint").after.id
    tasks.claim(actor.copy, task, session="default")
    return task


def given(actor: Actor, task: bytes, to: Actor | None = None, said: Capsule = SAID) -> bytes:
    """Return the handoff of a task that an actor holds."""
    done = handoffs.create(actor.copy, task, said, to=None if to is None else to.me)
    assert done.event is not None
    return done.event


def accept(actor: Actor, handoff: bytes, **asked: Any) -> rows.Transition:
    """Take a task over."""
    return handoffs.accept(actor.copy, handoff, session="default", **asked)


def standing(actor: Actor, handoff: bytes) -> str:
    """Return what became of a handoff, as an actor has it once it looked at the hub."""
    actor.sync()
    row = actor.store.record(actor.space.sn, handoff)
    assert row is not None
    return shapes.standing(row)


def reasons(actor: Actor, event: bytes) -> list[tuple[str, str | None]]:
    """Return what the stream of an actor says of an event."""
    entry = actor.events.entry(actor.space.sn, event)
    assert entry is not None
    return [(one.type, one.reason) for one in actor.store.stream_of(entry.rid)]


def test_a_task_goes_from_hand_to_hand_under_rising_fences(team: list[Actor]) -> None:
    lead, one, two = team
    task = held(lead)
    handoff = given(lead, task, one)
    one.sync()
    row = one.store.task(one.space.sn, task)
    assert row is not None and (row.state, row.fence, row.is_claim) == ("assigned", 1, 0)
    assert reasons(one, handoff) == [("handoff_created", "handoff")]
    done = accept(one, handoff)
    assert (done.after.state, done.after.fence, done.after.claim_state) == (
        "claimed",
        2,
        "confirmed",
    )
    assert standing(lead, handoff) == "accepted"
    assert done.event is not None
    assert ("handoff_accepted", "handoff") in reasons(lead, done.event)
    assert not accept(one, handoff).changed
    on = given(one, task, two)
    assert accept(two, on).after.fence == 3
    assert [standing(lead, each) for each in (handoff, on)] == ["accepted", "accepted"]
    for first, second in pairwise(team):
        first.sync(), second.sync()
        assert differences(meaning(first), meaning(second)) == []


def test_who_saw_nothing_before_joins_verifies_and_takes_over(
    team: list[Actor], world: World
) -> None:
    lead, one, _ = team
    task = held(one)
    proof = records.add(
        one.copy, Said("evidence", "", "test", task, (("result", "pass"),), "git:hull@1")
    ).event
    handoff = given(one, task, said=SAID._replace(evidence=(proof,)))
    late = world.actor("late")
    late.join(lead.code())
    late.sync()
    found = handoffs.checked(late.copy, handoffs.known(late.copy, handoff))
    assert (found.word, [check.name for check in found.checks][-1]) == ("valid", "evidence")
    assert found.since > 0 and found.is_all
    done = accept(late, handoff)
    assert (done.after.fence, done.after.claim_state) == (2, "confirmed")
    found = handoffs.checked(one.copy, handoffs.known(one.copy, handoff))
    assert found.checks[-1].name == "countersignature" and found.word == "valid"


def test_of_two_takers_the_hub_chooses_one_and_the_other_is_told(team: list[Actor]) -> None:
    lead, one, two = team
    handoff = given(lead, held(lead))
    one.sync(), two.sync()
    one.door.away = True
    waiting = accept(one, handoff)
    assert waiting.after.claim_state == "provisional"
    assert accept(two, handoff).after.claim_state == "confirmed"
    one.door.away = False
    one.sync()
    assert refusal(lambda: accept(one, handoff)).code == "task_already_claimed"
    assert standing(one, handoff) == standing(lead, handoff) == "accepted"
    (row,) = one.store.conflicts(one.space.sn, waiting.after.id).values()
    assert (row.kind, row.loser) == ("lost_claim", waiting.event)


def test_an_acceptance_without_a_hub_is_confirmed_later(team: list[Actor]) -> None:
    lead, one, _ = team
    handoff = given(lead, held(lead), one)
    one.sync()
    one.door.away = True
    code = refusal(lambda: accept(one, handoff, require="confirmed")).code
    assert code == "claim_unconfirmed"
    one.door.away = False
    one.sync()
    task = accept(one, handoff).after
    assert (task.claim_state, task.fence) == ("confirmed", 2)


def test_a_giver_takes_back_what_nobody_accepted(team: list[Actor]) -> None:
    lead, one, two = team
    task = held(lead)
    handoff = given(lead, task, one)
    assert refusal(lambda: accept(two, handoff)).code == "not_assignee"
    assert tasks.claim(lead.copy, task, session="default").after.fence == 2
    error = refusal(lambda: accept(one, handoff))
    assert (error.code, error.details["cause"]) == ("invalid_transition", "withdrawn")
    assert refusal(lambda: records.retract(lead.copy, handoff)).code == "not_found"


def test_a_handoff_after_the_lease_was_lost(team: list[Actor], world: World) -> None:
    lead, one, two = team
    task = held(one)
    world.clock.now += 20 * MINUTE_MS
    one.sync()
    one.door.away = True
    handoff = given(one, task, lead)
    two.sync()
    taken = tasks.claim(two.copy, task, session="default")
    assert taken.after.fence == 2
    one.door.away = False
    assert standing(one, handoff) == "superseded"
    (row,) = one.store.conflicts(one.space.sn, task).values()
    assert (row.kind, row.winner) == ("lost_handoff", taken.event)
    assert refusal(lambda: given(one, task, lead)).code == "not_assignee"


def test_a_giver_that_completed_meanwhile_does_not_undo_who_took_over(
    team: list[Actor], world: World
) -> None:
    lead, one, two = team
    task = held(one)
    twin = world.clone(one, "elsewhere", unnoticed=False)
    twin.door.away = True
    late = tasks.complete(twin.copy, task).event
    handoff = given(one, task, two)
    accept(two, handoff)
    twin.door.away = False
    twin.sync()
    lead.sync()
    row = lead.store.task(lead.space.sn, task)
    assert row is not None and (row.state, row.fence) == ("claimed", 2)
    (found,) = lead.store.conflicts(lead.space.sn, task).values()
    assert (found.kind, found.loser) == ("fence_stale", late)


def test_the_handoff_of_who_was_removed_counts_if_the_removal_saw_it(team: list[Actor]) -> None:
    lead, one, two = team
    seen, unseen = held(one), held(one)
    handoff = given(one, seen, two)
    one.sync(), two.sync()
    one.door.away = True
    hidden = given(one, unseen, two)
    authority.remove(lead.copy, one.me, reason="gone")
    one.door.away = False
    one.sync(), two.sync()
    assert accept(two, handoff).after.fence == 2
    error = refusal(lambda: accept(two, hidden))
    assert (error.code, error.details["status"]) == ("event_not_ok", "held")
    assert tasks.claim(two.copy, unseen, session="default").after.fence == 2
    two.sync(), lead.sync()
    desk.admit(lead.copy, [hidden], reason="honest")
    assert standing(two, hidden) == "superseded"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        pytest.param({"frontier": Frontier(b"x" * 32, (b"h" * 32,))}, "frontier", id="a wrong pin"),
        pytest.param({"evidence": "digest"}, "evidence", id="evidence that says something else"),
        pytest.param({"evidence": "held"}, "evidence", id="evidence that does not count"),
    ],
)
def test_what_does_not_prove_itself_is_not_accepted(
    team: list[Actor], change: dict[str, object], cause: str
) -> None:
    lead, one, two = team
    task = held(lead)
    said = two.send("it was me").event
    if change.get("evidence") == "held":
        two.sync()
        two.door.away = True
        said = two.send("and after that").event
        authority.remove(lead.copy, two.me, reason="gone")
        two.door.away = False
        two.sync()
    lead.sync()
    if "evidence" in change:
        change = {"evidence": (Ref(None, said, b"d" * 32),)}

    def forged(author: Author) -> list[Entry]:
        body = handoffs._body(author.batch, task, SAID, one.me)
        return [author.say(replace(body, **change))]

    handoff = lead.copy.compose(forged).event
    assert handoff is not None
    lead.sync(), one.sync()
    error = refusal(lambda: accept(one, handoff))
    assert (error.code, error.details["cause"]) == ("signature_invalid", cause)
    row = one.store.task(one.space.sn, task)
    assert row is not None and row.state == "assigned"
    assert word_of(one, handoff) == "invalid"


def word_of(actor: Actor, handoff: bytes) -> str:
    """Return what the Work Record of an actor says of a handoff."""
    row = actor.store.record(actor.space.sn, handoff)
    assert row is not None
    return handed.word(Views(actor.connection), actor.space, row)


def test_evidence_that_its_giver_had_not_seen_is_unknown(team: list[Actor]) -> None:
    lead, one, two = team
    task = held(lead)
    said = two.send("it was me").event
    hashed = shapes_digest(two, said)

    def ahead(author: Author) -> list[Entry]:
        body = handoffs._body(author.batch, task, SAID, one.me)
        return [author.say(replace(body, evidence=(Ref(None, said, hashed),)))]

    lead.door.away = True
    handoff = lead.copy.compose(ahead).event
    lead.door.away = False
    lead.sync(), one.sync()
    assert handoff is not None
    found = handoffs.checked(one.copy, handoffs.known(one.copy, handoff))
    assert [one[1:] for one in found.checks if one.name == "evidence"] == [
        ("unknown", said, "unseen")
    ]
    assert found.word == word_of(one, handoff) == "partial"
    seen = given(lead, held(lead), one, SAID._replace(evidence=(said,)))
    one.sync()
    verified = handoffs.checked(one.copy, handoffs.known(one.copy, seen))
    assert verified.word == word_of(one, seen) == "valid"


def shapes_digest(actor: Actor, event: bytes) -> bytes:
    """Return the digest by which a handoff names an event."""
    found = capsules.digest(actor.copy.batch(), event)
    assert found is not None
    return found


def test_what_is_not_here_is_unknown(team: list[Actor]) -> None:
    lead, one, _ = team
    task = held(lead)
    absent = b"a" * 32

    def beyond(author: Author) -> list[Entry]:
        body = handoffs._body(author.batch, task, SAID, one.me)
        heads = (*body.frontier.heads, absent)
        pinned = Frontier(tagged("frontier", *heads), heads)
        return [author.say(replace(body, frontier=pinned, evidence=(Ref(None, absent, None),)))]

    handoff = lead.copy.compose(beyond).event
    assert handoff is not None
    lead.sync(), one.sync()
    found = handoffs.checked(one.copy, handoffs.known(one.copy, handoff))
    unknown = [check.name for check in found.checks if check.state == "unknown"]
    assert (found.word, unknown) == ("partial", ["head", "evidence"])
    assert word_of(one, handoff) == "partial"
    # Nobody freed the slot along with it, so the hub confirms no other before the lease is over.
    assert accept(one, handoff).after.claim_state == "provisional"


def test_a_byte_that_changed_here_is_seen(team: list[Actor]) -> None:
    lead, one, _ = team
    handoff = given(lead, held(lead), one)
    one.sync()
    entry = one.events.entry(one.space.sn, handoff)
    assert entry is not None
    frame = one.events.frame(entry.rid)
    altered = frame[:-1] + bytes([frame[-1] ^ 1])
    with one.events.transaction(durable=False):
        one.connection.run("UPDATE frame SET bytes = ? WHERE rid = ?", (altered, entry.rid))
    row = handoffs.known(one.copy, handoff)
    assert refusal(lambda: handoffs.checked(one.copy, row)).code == "signature_invalid"


def test_the_walk_counts_what_came_since_and_stops_at_its_bound(team: list[Actor]) -> None:
    lead, one, two = team
    handoff = given(lead, held(lead), one)
    for number in range(3):
        two.sync()
        work.send(two.copy, f"word {number}")
    one.sync()
    row = handoffs.known(one.copy, handoff)
    assert handoffs.checked(one.copy, row)[1:] == (3, True)


def test_a_handoff_is_only_of_what_one_holds(team: list[Actor]) -> None:
    lead, one, _ = team
    task = tasks.create(lead.copy, "paint").after.id
    assert refusal(lambda: given(one, task)).code == "task_unassigned"
    tasks.claim(lead.copy, task, session="default")
    assert refusal(lambda: given(one, task)).code == "not_assignee"
    absent = SAID._replace(evidence=(b"e" * 32,))
    assert refusal(lambda: given(lead, task, said=absent)).code == "not_found"
    assert refusal(lambda: handoffs.known(one.copy, task)).code == "not_found"


def test_a_rebuild_makes_the_same_rows(team: list[Actor]) -> None:
    lead, one, _ = team
    handoff = given(lead, held(lead), one)
    accept(one, handoff)
    before = meaning(one)
    rebuild(one.profile)
    assert differences(before, meaning(one)) == []
    assert standing(one, handoff) == "accepted"
