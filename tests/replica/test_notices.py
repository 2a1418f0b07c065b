"""What authority acts tell, under which types, and in whose inbox they are."""

from __future__ import annotations

import pytest

from envoy.core import bodies
from envoy.replica.rebuild import rebuild
from replica.beside import removal, say, settle
from replica.compare import dump
from replica.world import Actor, World


def told(actor: Actor, event: bytes) -> list[tuple[str, str | None, int]]:
    """Return (type, reason, hidden) of all that the stream says of an event."""
    entry = actor.events.entry(actor.space.sn, event)
    assert entry is not None
    return [(row.type, row.reason, row.hidden) for row in actor.store.stream_of(entry.rid)]


def types(actor: Actor, event: bytes) -> list[str]:
    """Return the types under which the stream tells of an event."""
    return [type_ for type_, _, _ in told(actor, event)]


def test_a_removal_lets_somebody_go_and_takes_authority_away(world: World) -> None:
    found = removal(world)
    assert types(found.other, found.remove) == ["member_left", "capability_revoked"]
    assert told(found.eve, found.remove)[0] == ("member_left", "authority", 0)
    assert told(found.other, found.remove)[0] == ("member_left", None, 0)


def test_a_removal_without_effect_lets_nobody_go(world: World) -> None:
    lead, other = world.team("lead", "other")
    settle([lead, other])
    (event,) = say(lead, bodies.Remove(bytes(31) + b"\1", "", ()))
    assert types(lead, event) == ["capability_revoked"]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        pytest.param(("admin",), ["capability_granted"], id="a role up"),
        pytest.param(("admin", "read"), ["capability_revoked"], id="a role down"),
        pytest.param(("write",), ["capability_granted"], id="the same role"),
    ],
)
def test_a_role_gives_or_takes(world: World, roles: tuple[str, ...], expected: list[str]) -> None:
    lead, other = world.team("lead", "other")
    settle([lead, other])
    event = b""
    for role in roles:
        (event,) = say(lead, bodies.Role(other.me, role))
    settle([lead, other])
    assert types(other, event) == expected
    assert told(other, event)[0][1] == "authority"


def test_the_first_role_grant_lets_somebody_join_and_a_second_one_does_not(world: World) -> None:
    (lead,) = world.team("lead")
    new = world.actor("new")
    grant = bodies.Grant(new.me, "write", "new", None, None, None)
    (first,) = say(lead, grant)
    (second,) = say(lead, bodies.Grant(new.me, "read", "new", None, None, None))
    assert types(lead, first) == ["capability_granted", "member_joined"]
    assert types(lead, second) == ["capability_granted"]
    say(lead, bodies.Remove(new.me, "", ()))
    (again,) = say(lead, grant)
    assert types(lead, again) == ["capability_granted", "member_joined"]


def test_the_end_of_an_invite_takes_authority_from_nobody(world: World) -> None:
    lead, other = world.team("lead", "other")
    lead.code()
    (invite,) = [one.id for one in lead.store.invites(lead.space.sn).values() if not one.uses]
    (event,) = say(lead, bodies.Revoke(invite, "unused"))
    (grant,) = [one.id for one in lead.store.grants(lead.space.sn).values() if one.kind == "join"]
    (ended,) = say(lead, bodies.Revoke(grant, ""))
    settle([lead, other])
    assert types(lead, event) == ["invite_revoked"]
    assert types(lead, ended) == ["capability_revoked"]
    assert told(other, event)[0][1] is None and told(other, ended)[0][1] == "authority"


def test_who_loses_a_delegation_with_the_grant_above_is_told(world: World) -> None:
    lead, giver, taker = world.team("lead", "giver", "taker")
    settle([lead, giver, taker])
    say(giver, bodies.Delegate(taker.me, "write", None, 0, None, None))
    settle([lead, giver, taker])
    (event,) = say(lead, bodies.Remove(giver.me, "", ()))
    settle([lead, taker])
    assert told(taker, event)[0] == ("member_left", "authority", 0)


def test_my_event_that_turns_held_comes_as_held_and_once_admitted_again(world: World) -> None:
    found = removal(world)
    lead, eve, held = found.lead, found.eve, found.held[0]
    assert told(eve, held)[-1] == ("event_held", "held", 0)
    assert told(lead, held) == [("event_held", None, 0)]
    say(lead, bodies.Admit((held,), "good work"))
    settle([lead, found.other])
    assert told(lead, held)[-1] == ("event_admitted", "message", 0)
    assert told(found.other, held)[-1] == ("event_admitted", "message", 0)
    unread = [row for row in told(lead, held) if row[1] is not None and not row[2]]
    assert len(unread) == 1


def test_a_grant_that_is_lost_is_told_to_whom_it_was_given(world: World) -> None:
    lead, admin, new = world.team("lead", "admin", "new")
    say(lead, bodies.Role(admin.me, "admin"))
    settle([admin, new])
    lead.door.away = True
    lead.copy.compose(lambda author: [author.say(bodies.Remove(admin.me, "", ()))])
    (granted,) = say(admin, bodies.Role(new.me, "admin"))
    settle([new])
    assert told(new, granted) == [("capability_granted", "authority", 0)]
    lead.door.away = False
    settle([lead, new])
    assert told(new, granted) == [
        ("capability_granted", "authority", 1),
        ("event_held", "authority", 0),
    ]


@pytest.mark.parametrize("admits", [False, True])
def test_what_a_rebuild_writes_is_what_was_there(world: World, admits: bool) -> None:
    found = removal(world)
    if admits:
        say(found.lead, bodies.Admit((found.remove,), "all of it"))
        settle([found.lead, found.other])
    for actor in (found.lead, found.eve, found.other):
        before = dump(actor)
        rebuild(actor.profile)
        assert dump(actor) == before
