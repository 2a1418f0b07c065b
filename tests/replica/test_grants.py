"""Under which of its grants a profile writes: where it has one for a task, or for several."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core.bodies import Grant, Message, Role
from envoy.errors import AuthorityError
from envoy.replica.actions import authority, tasks
from envoy.replica.actions.authority import Delegation
from replica.scenes import status_of
from replica.test_ahead import task_of
from replica.test_epochs import act
from replica.test_linking import flood
from replica.world import Actor, World


def lent(lead: Actor, w: Actor, *asked: bytes) -> None:
    """Make a member a reader who may write in some tasks, one delegation after the other."""
    act(lead, Role(w.me, "read"))
    for task in asked:
        authority.delegate(lead.copy, Delegation(w.me, "write", task, 1, None))
    w.sync()


def assignee(lead: Actor, task: bytes) -> int | None:
    """Return who has a task, in a copy that has synchronized."""
    lead.sync()
    row = lead.store.task(1, task)
    return None if row is None else row.assignee


def test_of_two_delegations_for_tasks_the_one_for_the_task_is_cited(world: World) -> None:
    lead, w = world.team("lead", "w")
    first, second, other = (task_of(lead, name) for name in ("first", "second", "other"))
    lent(lead, w, first, second)
    for task in (second, first):
        tasks.claim(w.copy, task, session="default")
        assert assignee(lead, task) == lead.events.actor(w.me)
    sent = w.copy.write(lambda _: (Message("a note", None, (), (), (), second),))
    w.sync()
    lead.sync()
    assert sent.event is not None and status_of(lead, sent.event) == "ok"
    with pytest.raises(AuthorityError, match="capability_missing"):
        tasks.claim(w.copy, other, session="default")


def test_a_delegation_is_passed_on_for_its_own_task(world: World) -> None:
    lead, w, x = world.team("lead", "w", "x")
    first, second = task_of(lead, "first"), task_of(lead, "second")
    lent(lead, w, first, second)
    act(lead, Role(x.me, "read"))
    x.sync()
    authority.delegate(w.copy, Delegation(x.me, "write", second, 0, None))
    x.sync()
    tasks.claim(x.copy, second, session="default")
    assert assignee(lead, second) == lead.events.actor(x.me)


def test_who_may_write_in_one_task_writes_where_more_heads_are_than_it_can_name(
    world: World,
) -> None:
    lead, w, x = world.team("lead", "w", "x")
    task = task_of(lead, "one")
    lent(lead, w, task)
    flood(lead, [Grant(x.me, "read", None, None, None, None)] * (2 * limits.DEPS_MAX))
    w.sync()
    tasks.claim(w.copy, task, session="default")
    assert assignee(lead, task) == lead.events.actor(w.me)
