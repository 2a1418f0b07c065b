"""D18: a backdated `leave`, `close` or `remove` does not silently undo work that was done."""

from __future__ import annotations

from abuse.siege import commit, mirrored, shuffles, verdict
from envoy.core.bodies import Close, Leave, Remove
from envoy.replica.actions import desk
from replica.council import council
from replica.forge import Forger, Value
from replica.scenes import deliver, status_of
from replica.world import World


def old_links(source: Forger) -> dict[str, Value]:
    """Return the place of an event that saw what its author has now."""
    entry = source.actor.events
    heads = entry.heads(1, citable=True)
    return {"deps": tuple(sorted(one.id for one in heads)), "lam": 1 + max(h.lam for h in heads)}


def test_a_leave_leaves_what_is_beside_it(world: World) -> None:
    lead, _, _, w, _ = council(world)
    backdated, _ = Forger(w).say(Leave(""))
    done = [w.send(f"work {number}").event for number in range(3)]
    lead.sync()
    deliver(lead, [backdated])
    assert {verdict(lead, one) for one in done} == {("ok", None)}
    mirrored(world, lead, shuffles(lead))


def test_a_close_leaves_what_is_beside_it(world: World) -> None:
    lead, _, _, w, _ = council(world)
    backdated, _ = Forger(lead).say(Close(""))
    done = w.send("work").event
    lead.sync()
    deliver(lead, [backdated])
    assert status_of(lead, done) == "ok" and lead.space.closed_ms is not None
    mirrored(world, lead, shuffles(lead))


def test_a_removal_that_reaches_back_is_shown_and_its_reach_admitted_by_its_id(
    world: World,
) -> None:
    lead, b, _, w, _ = council(world)
    backdated, act = Forger(b).say(Remove(w.me, "", ()))
    done = [w.send(f"work {number}").event for number in range(3)]
    lead.sync()
    deliver(lead, [backdated])
    assert {verdict(lead, one) for one in done} == {("held", "R3 beside")}
    entry = lead.events.entry(1, done[0])
    assert entry is not None and entry.cause_by == act.id
    desk.admit(lead.copy, [act.id], reason="it was done before")
    assert {verdict(lead, one) for one in done} == {("ok*", "R5 admitted")}
    mirrored(world, lead, shuffles(lead))


def test_control_a_removal_that_saw_the_work_leaves_it(world: World) -> None:
    lead, _, _, w, _ = council(world)
    done = w.send("work").event
    lead.sync()
    commit(lead, Remove(w.me, "", ()))
    assert verdict(lead, done) == ("ok", None)
