"""Effects: what was just written made the difference that its author asked for.

An event cannot name what is dated ahead of this clock, so it stands beside that: the fold may
refuse it, or go on by the other. To call it done would be untrue, and it would stay untrue for as
long as the other clock was ahead.

Laws: an act is refused only where it came to nothing, and something on its entity is dated ahead;
one that is ahead and in nobody's way stops nobody.

Specification: docs/spec/event.md, Graph; docs/adr/0022-acts-beside-what-is-dated-ahead.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import limits
from envoy.core import bodies, records
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.errors import ConflictError
from envoy.ids import to_text
from envoy.jsontext import loads
from envoy.replica import gating
from envoy.replica.batch import Batch
from envoy.replica.pins import receipts_of
from envoy.replica.projector import Projector
from envoy.state import content, gates, tasks
from envoy.state.claims import Tenure
from envoy.views import names


def check(batch: Batch, entries: Sequence[Entry]) -> None:
    """Refuse the acts ``entries`` of a finished batch if one of them came to nothing by a clock.

    The caller gives the transaction up. Raises ConflictError(clock_ahead).
    """
    said = {entry.id for entry in entries}
    for entry, body in batch.fresh:
        if entry.id not in said or not entry.entity or body is None:
            continue
        late = batch.late(entry.entity)
        if late and not _stands(batch, entry, body):
            named = [to_text("evt", one) for one in late[: limits.DEPS_MAX]]
            raise ConflictError("clock_ahead", event_ids=named)


def _stands(batch: Batch, entry: Entry, body: Body) -> bool:
    """Say whether an act is neither refused nor put aside: the entity is as it says."""
    item = batch.rows.item(entry.rid)
    refused = None if item is None else item.refused
    match body:
        case _ if refused is not None and not isinstance(body, bodies.TaskClaim):
            return False
        case bodies.SpaceUpdate(name=name, description=description):
            space = batch.space
            return name in (None, space.name) and description in (None, space.description)
        case bodies.SpacePolicy(policy=policy):
            shown = loads(batch.space.policy)
            assert isinstance(shown, dict), "the fold wrote an object"
            return all(shown.get(field) == _plain(value) for field, value in policy)
        case bodies.Card():
            ops = Projector(batch, batch.rows).ops(batch.me)
            return content.reduce_member(batch.me, ops).card == entry.id
        case records.ConflictResolve(conflict=conflict, keep=keep):
            row = batch.rows.conflict(batch.sn, conflict)
            return row is not None and row.kept == keep
        case _:
            assert entry.entity is not None, "it is an act on something"
            folded = batch.folded(entry.entity) if entry.kind.startswith("task.") else None
            return folded is None or _shows(batch, folded, entry, body, refused)


def _shows(batch: Batch, task: tasks.Task, entry: Entry, body: Body, refused: str | None) -> bool:
    """Say whether a task is as an act on it says; only a claim may be ``refused`` for a while."""
    match body:
        case bodies.TaskClaim():
            return tasks.repeats(task, body, batch.me) or (
                refused in (None, names.OVER_ANOTHER) and _is_over(batch, task.tenure)
            )
        case bodies.TaskRelease():
            before = _before(batch, task, entry)
            return task.tenure is None or before is None or task.tenure.id != before.id
        case bodies.TaskComplete():
            return task.completion == entry.id
        case bodies.TaskProgress(to=to):
            return task.state == to
        case records.TaskReview(verdict=records.REJECT):
            return task.state == names.OPEN  # nothing stands by the completion any more
        case records.TaskGate(gate=gate):
            own = gating.own(Projector(batch, batch.rows), task)
            return gates.written(own) == gates.written(gates.read(gate))
        case records.TaskHandoff():
            return (entry.id, names.OFFERED) in [(one.id, one.standing) for one in task.handoffs]
        case _:
            return tasks.repeats(task, body, batch.me)


def _is_over(batch: Batch, tenure: Tenure | None) -> bool:
    """Say whether the lease of whoever holds a task is over: the hub decides on a claim, then."""
    grace = limits.LEASE_GRACE_SECONDS * 1000
    until = None if tenure is None else tenure.lease_until
    return until is not None and until + grace < batch.now_ms


def _before(batch: Batch, task: tasks.Task, entry: Entry) -> Tenure | None:
    """Return the tenure that a task had without an act."""
    ops = [op for op in Projector(batch, batch.rows).ops(task.id) if op.id != entry.id]
    return tasks.reduce(task.id, ops, receipts_of(batch.events, batch.sn, ops)).tenure


def _plain(value: object) -> object:
    """Return a value of a policy as the row has it."""
    return list(value) if isinstance(value, tuple) else value
