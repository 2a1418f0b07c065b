"""Cards: published, read back as signed, and labels only."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core import bodies
from envoy.core.envelope import Writer, open_outer, parse, seal
from envoy.errors import AuthorityError, ConflictError, IntegrityError, UsageError
from envoy.replica.actions import cards, space
from envoy.replica.actions.cards import Cards, Wanted
from envoy.replica.keyring import KeyRing
from replica.beside import removal, say, settle
from replica.world import Actor, World

NOTHING = Wanted(None, None, None, None)
WHOLE = Wanted("Scout", "2.1", "mcp", ("inbox", "task"))


def card_of(actor: Actor, did: bytes) -> cards.Shown | None:
    """Return the card of ``did`` in the copy of ``actor``."""
    return Cards(actor.events, actor.space).of(did)


def test_a_card_is_read_as_it_was_published(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    done = cards.publish(agent.copy, WHOLE)
    lead.sync()
    shown = card_of(lead, agent.me)
    assert (
        done.changed
        and shown is not None
        and shown[1:2] + shown[3:]
        == (
            *(agent.me, "Scout", "agent", "2.1", "mcp"),
            ("inbox", "task"),
        )
    )
    assert lead.store.members(lead.space.sn)[agent.me].name == "Scout"


def test_what_is_not_given_stays_and_the_same_card_is_not_written_again(world: World) -> None:
    (lead,) = world.team("lead")
    cards.publish(lead.copy, WHOLE)
    count = lead.space.events
    assert not cards.publish(lead.copy, NOTHING).changed
    assert not cards.publish(lead.copy, WHOLE).changed and lead.space.events == count
    done = cards.publish(lead.copy, Wanted(None, None, "", ()))
    assert done.changed and done.card[3:] == ("Scout", "agent", "2.1", None, ())


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(Wanted("n" * (limits.NAME_BYTES_MAX + 1), None, None, None), id="name"),
        pytest.param(Wanted(None, "v" * (limits.NAME_BYTES_MAX + 1), None, None), id="version"),
        pytest.param(Wanted(None, None, "nul\0", None), id="service"),
        pytest.param(Wanted(None, None, None, ("c" * 200,)), id="capability"),
        pytest.param(
            Wanted(None, None, None, tuple(str(one) for one in range(limits.LABELS_MAX + 1))),
            id="too many capabilities",
        ),
    ],
)
def test_a_card_that_nobody_would_read_is_not_written(world: World, wanted: Wanted) -> None:
    (lead,) = world.team("lead")
    count = lead.space.events
    with pytest.raises(UsageError) as caught:
        cards.publish(lead.copy, wanted)
    assert caught.value.code == "invalid_argument" and lead.space.events == count


def test_a_card_gives_nothing(world: World) -> None:
    lead, agent = world.team("lead", "agent", role="read")
    cards.publish(agent.copy, Wanted("owner", None, None, ("admin", "own")))
    lead.sync()
    assert lead.store.members(lead.space.sn)[agent.me].role == "read"
    with pytest.raises(AuthorityError):
        agent.send("I may not")


def test_a_closed_space_takes_no_card(world: World) -> None:
    (lead,) = world.team("lead")
    space.close(lead.copy)
    with pytest.raises(ConflictError) as caught:
        cards.publish(lead.copy, WHOLE)
    assert caught.value.code == "space_closed"


def test_a_held_card_has_no_part_until_it_is_admitted(world: World) -> None:
    lead, eve = world.team("lead", "eve")
    settle([lead, eve])
    eve.door.away = True
    done = cards.publish(eve.copy, WHOLE)
    (remove,) = say(lead, bodies.Remove(eve.me, "", ()))
    eve.door.away = False
    settle([eve, lead])
    shown = card_of(lead, eve.me)
    assert shown is not None and shown.name == "eve"
    say(lead, bodies.Admit((remove,), ""))
    shown = card_of(lead, eve.me)
    assert shown is not None and shown.event == done.card.event and shown.name == "Scout"
    assert lead.store.members(lead.space.sn)[eve.me].name == "Scout"


def test_a_stored_card_that_its_author_did_not_sign_is_not_shown(world: World) -> None:
    lead, agent = world.team("lead", "agent")
    done = cards.publish(agent.copy, WHOLE)
    lead.sync()
    entry = lead.events.entry(lead.space.sn, done.card.event)
    assert entry is not None and card_of(lead, agent.me) is not None
    frame = lead.events.frame(entry.rid)
    outer = parse(frame)
    keys = KeyRing(lead.events, lead.space.sn, lead.space.id).find(outer.epoch)
    assert keys is not None
    opened = open_outer(frame, lead.space.id, keys.event_key)
    writer = Writer(lead.space.id, outer.epoch, keys.event_key, bytes(32))
    forged = seal(writer, salt=outer.salt, sig=bytes(64), inner=opened.inner)
    lead.connection.run("UPDATE frame SET bytes = ? WHERE rid = ?", (forged, entry.rid))
    with pytest.raises(IntegrityError) as caught:
        card_of(lead, agent.me)
    assert caught.value.code == "signature_invalid"


def test_the_cards_of_those_who_are_gone_are_still_shown(world: World) -> None:
    found = removal(world)
    shown = Cards(found.lead.events, found.lead.space).of_all([found.eve.me, found.lead.me])
    assert [one.name for one in shown] == ["eve", "lead"]
