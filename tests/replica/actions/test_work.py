"""Messages: what is said, what it refers to, and who finds it in the inbox."""

from __future__ import annotations

import os

import pytest

from envoy.core.bodies import Message
from envoy.errors import EnvoyError
from envoy.replica.actions import tasks, work
from envoy.replica.ingest import take_in
from replica.forge import Forger
from replica.scenes import HAND
from replica.world import Actor, World


def inbox(actor: Actor) -> list[tuple[int, str]]:
    """Return (number, reason) of what an actor has not acknowledged."""
    return actor.connection.rows(
        lambda n, reason: (n, reason),
        "SELECT n, reason FROM stream WHERE reason IS NOT NULL AND own = 0 AND hidden = 0"
        " AND n > (SELECT ack_n FROM space)",
    )


def test_what_is_said_has_an_id_and_a_number_here(world: World) -> None:
    (lead,) = world.team("lead")
    first, second = lead.send("one"), lead.send("two")
    assert second.n == first.n + 1 and first.event != second.event
    assert (first.delivery, first.replayed) == ("delivered", False)


def test_a_message_refers_to_what_is_known_here(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    said = lead.send("question").event
    sent = work.send(
        agent.copy, "answer", reply_to=said, refs=[("supports", said), (None, task)], task=task
    )
    lead.sync()
    entry = lead.events.entry(1, sent.event)
    assert entry is not None
    item = lead.store.item(entry.rid)
    assert item is not None and (item.reply_to, item.task) == (said, task)
    assert item.refs.count("evt_") == 2


@pytest.mark.parametrize("field", ["reply_to", "refs", "task"])
def test_what_is_not_known_here_cannot_be_referred_to(world: World, field: str) -> None:
    (lead,) = world.team("lead")
    unknown = os.urandom(32)
    before = lead.space.events
    with pytest.raises(EnvoyError, match="not_found"):
        match field:
            case "reply_to":
                work.send(lead.copy, "x", reply_to=unknown)
            case "refs":
                work.send(lead.copy, "x", refs=[(None, unknown)])
            case _:
                work.send(lead.copy, "x", task=unknown)
    assert lead.space.events == before


def test_what_does_not_count_cannot_be_built_on(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    frame, event = Forger(agent).say(Message("x", None, (), (), (), None), raw=b"\xc0")
    take_in(lead.copy, [frame], source=HAND)
    with pytest.raises(EnvoyError) as caught:
        work.send(lead.copy, "answer", reply_to=event.id)
    assert caught.value.code == "event_not_ok"


def test_a_message_is_in_the_inbox_of_all_others_once(world: World) -> None:
    lead, one, two = world.team("lead", "one", "two")
    assert all(actor.space.unread == len(inbox(actor)) for actor in (lead, one, two))
    sent = one.send("hello")
    for actor in (lead, two):
        before = inbox(actor)
        actor.sync()
        actor.sync()
        assert len(inbox(actor)) == len(before) + 1 == actor.space.unread
    assert sent.n not in [n for n, _ in inbox(one)]
