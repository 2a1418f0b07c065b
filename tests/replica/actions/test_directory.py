"""The directory of the hub: whom something can be sealed to before there is a space to share."""

from __future__ import annotations

import pytest

from envoy.core.bodies import Statement
from envoy.core.structs import Body, replace
from envoy.replica.actions import directory
from envoy.sync import frames
from replica.council import announce
from replica.world import Actor, World


@pytest.fixture
def two(world: World) -> tuple[Actor, Actor]:
    """Return somebody who has put a card key into the directory, and somebody who looks for it."""
    known, asker = world.actor("known"), world.actor("asker")
    assert announce(known)
    return known, asker


def found(asker: Actor, known: Actor) -> Statement | None:
    """Return the statement that is found of somebody."""
    return directory.find(asker.profile, known.me)


def test_a_card_key_is_found_by_whoever_has_the_did(two: tuple[Actor, Actor]) -> None:
    known, asker = two
    statement = found(asker, known)
    assert statement is not None
    key = known.profile.identity.enc_key(0, None)
    assert directory.key_of(statement, known.me) == key
    assert directory.key_of(statement, asker.me) is None
    assert found(known, asker) is None, "who announced nothing is not known"


def test_a_hub_that_does_not_answer_takes_nothing_and_knows_nobody(
    two: tuple[Actor, Actor],
) -> None:
    known, asker = two
    known.door.away = asker.door.away = True
    assert not announce(known) and found(asker, known) is None
    asker.door.away = False
    assert found(asker, known) is not None


def test_a_hub_that_refuses_takes_nothing_and_knows_nobody(two: tuple[Actor, Actor]) -> None:
    known, asker = two
    known.door.refusals[frames.KeysPut] = "quota_exceeded"
    asker.door.refusals[frames.KeysGet] = "unsupported_operation"
    assert not announce(known) and found(asker, known) is None


def altered(reply: frames.KeysFound, **change: bytes) -> Body:
    """Return a reply whose statement says something else."""
    return frames.KeysFound(tuple(one and replace(one, **change) for one in reply.found))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda reply: frames.Done(), id="another reply"),
        pytest.param(lambda reply: frames.KeysFound(()), id="nothing"),
        pytest.param(lambda reply: frames.KeysFound((None,)), id="that there is none"),
        pytest.param(lambda reply: frames.KeysFound(reply.found * 2), id="two for one"),
        pytest.param(lambda reply: altered(reply, sig=bytes(64)), id="what nobody signed"),
        pytest.param(lambda reply: altered(reply, statement=b"\0"), id="what is no statement"),
    ],
)
def test_what_a_hub_makes_up_is_not_believed(two: tuple[Actor, Actor], bad: object) -> None:
    known, asker = two

    def alter(call: Body, reply: Body) -> Body:
        if not isinstance(reply, frames.KeysFound):
            return reply
        made = bad(reply) if callable(bad) else reply
        assert isinstance(made, Body)
        return made

    asker.door.alter = alter
    assert found(asker, known) is None
    asker.door.alter = None
    assert found(asker, known) is not None
