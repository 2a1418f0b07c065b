"""C3: a receipt with any field or bit changed, or by another key, confirms nothing."""

from __future__ import annotations

import os

import pytest

from envoy.core.codec import encode
from envoy.core.receipt import Award, Receipt, issue_receipt, read_receipt
from envoy.core.structs import replace
from envoy.replica.actions import tasks
from replica.scenes import deliver, frames_of, quarantine, reader
from replica.world import Actor, World

OTHER = os.urandom(32)


def claimed(world: World) -> tuple[Actor, Actor, bytes, bytes]:
    """Return a founder, an agent that holds a task for sure, the task, and its receipt."""
    lead, agent = world.team("lead", "agent")
    task = tasks.create(lead.copy, "work").after.id
    agent.sync()
    tasks.claim(agent.copy, task, session="default")
    lead.sync()
    (receipt,) = lead.events.receipt_frames(1)
    return lead, agent, task, receipt


def state(actor: Actor, task: bytes) -> tuple[str, int | None]:
    """Return how sure a claim is, and its fence."""
    row = actor.store.task(actor.space.sn, task)
    assert row is not None
    return row.claim_state, row.fence


@pytest.mark.parametrize("field", Receipt.__struct_fields__[1:])
def test_each_field_is_signed(field: str, world: World) -> None:
    lead, _, task, frame = claimed(world)
    good = read_receipt(frame, lead.space.id)
    was = getattr(good, field)
    now = was + 1 if isinstance(was, int) else os.urandom(len(was))
    forged = encode(replace(good, **{field: now}))
    copy = reader(world, "copy", lead)
    deliver(copy, [*[one for one in frames_of(lead) if one != frame], forged])
    assert state(copy, task) == ("provisional", None)
    deliver(copy, [frame])
    assert state(copy, task) == ("confirmed", 1)  # the control


def test_another_key_signs_for_no_hub(world: World) -> None:
    lead, _, task, frame = claimed(world)
    good = read_receipt(frame, lead.space.id)
    award = {name: getattr(good, name) for name in Award.__struct_fields__}
    forged = issue_receipt(OTHER, Award(**{**award, "fence": 9}))
    copy = reader(world, "copy", lead)
    deliver(copy, [*[one for one in frames_of(lead) if one != frame], forged])
    assert state(copy, task) == ("provisional", None)
    assert {row.code for row in quarantine(copy).values()} == {"bad_signature"}
