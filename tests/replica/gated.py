"""Tasks with gates, and acts on them past every check of a client, as a modified one would write.

``say`` writes bodies as they are; what every copy makes of them is asked here.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import TaskComplete
from envoy.core.codec import Open
from envoy.core.records import Record
from envoy.replica.actions import tasks
from envoy.views import rows
from replica.beside import say, settle
from replica.world import Actor

PASS = (("result", "pass"),)
ONE = (("reviews", 1),)
NO_SELF = (("no_self_review", True), ("reviews", 1))
TEST = (("evidence", ("test",)),)


def row_of(actor: Actor, task: bytes) -> rows.Task:
    """Return the row of a task."""
    found = actor.store.task(actor.space.sn, task)
    assert found is not None
    return found


def states(actors: Sequence[Actor], task: bytes) -> set[str]:
    """Return what state a task is in, for everybody."""
    settle(actors)
    return {row_of(one, task).state for one in actors}


def refusal(actor: Actor, event: bytes) -> str | None:
    """Return why an act was refused, as a copy has it."""
    entry = actor.events.entry(actor.space.sn, event)
    item = None if entry is None else actor.store.item(entry.rid)
    return None if item is None else item.refused


def conflicts(actor: Actor) -> set[str]:
    """Return the kinds of the conflicts that a copy knows."""
    return {one[0] for one in actor.connection.rows(kind_of, "SELECT kind FROM conflict")}


def kind_of(kind: str) -> tuple[str]:
    """Return a row of one word."""
    return (kind,)


def work(lead: Actor, by: Actor, gate: Open) -> tuple[bytes, bytes]:
    """Return a task with a gate that somebody claimed, and the tenure."""
    more = tasks.More((), 2, None, (), None, gate)
    task = tasks.create(lead.copy, "work", more=more).after.id
    settle([lead, by])
    tasks.claim(by.copy, task, session="default")
    settle([by, lead])
    tenure = row_of(by, task).tenure
    assert tenure is not None
    return task, tenure


def done(by: Actor, task: bytes, tenure: bytes, *evidence: bytes) -> bytes:
    """Complete a task past every check and return the completion."""
    (found,) = say(by, TaskComplete(task, tenure, "done", evidence, False))
    return found


def shown(by: Actor, task: bytes | None, *, kind: str = "test", result: str = "pass") -> bytes:
    """Add evidence past every check and return it."""
    body = Record("evidence", kind, task, "", (("result", result),), "git:parser@1", ())
    (found,) = say(by, body)
    return found


def evidence(task: bytes) -> Record:
    """Return evidence of the second version."""
    return Record("evidence", "test", task, "", PASS, "git:parser@2", ())
