"""Oracles: what the real store of a copy holds, put to the two slow readings of the specification.

``oracle.tasks`` and ``oracle.authority`` were written from the pages alone. Here the log of a copy
becomes their input, and their answers are compared with what the copy holds.
"""

from __future__ import annotations

from typing import Final

from envoy.core import bodies
from envoy.core.capability import BAD_EPOCH, BAD_PROOF
from envoy.core.envelope import parse
from envoy.core.kinds import KINDS
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.replica import benches
from envoy.replica.batch import Batch
from envoy.replica.pins import receipts_of
from envoy.replica.projector import Projector
from envoy.state import tasks
from oracle.authority import Space
from oracle.authority_events import Event
from oracle.tasks import Outcome, Slow
from sim.member import Member
from sim.scene import Violated

# Beyond that the slow judge takes longer than all the rest of a seed.
ACTS_MAX: Final = 60
EVENTS_MAX: Final = 260
FIELDS: Final = (
    *("subject", "role", "verb", "depth", "na", "mode", "max_uses", "target", "ids", "undo", "no"),
    *("rules", "entity", "task"),
)


def subject_of(member: Member, entry: Entry) -> bytes:
    """Return whom an act is about."""
    body = member.copy.batch().keys.body(entry)
    assert isinstance(body, bodies.Remove), "what counts decodes"
    return body.subject


def epoch_of(member: Member, entry: Entry) -> bytes:
    """Return the epoch that an event is sealed under."""
    return parse(member.events.frame(entry.rid)).epoch


# -- tasks -----------------------------------------------------------------------------------


def tasks_agree(member: Member) -> None:
    """Hold every task of a copy to the slow reading."""
    batch = member.copy.batch()
    ids = {
        one.entity
        for one in member.events.entries(member.space.sn, after=0, limit=1_000_000)
        if one.entity is not None and one.kind.startswith("task.")
    }
    for task in sorted(ids):
        _task(member, batch, task)


def _task(member: Member, batch: Batch, task: bytes) -> None:
    """Hold one task to the slow reading."""
    projector = Projector(batch, member.store)
    ops = projector.ops(task)
    place = (member.events, member.store, batch.space, batch.court.judgement, projector)
    bench = benches.panel(benches.Place(*place), task, ops)
    receipts = receipts_of(member.events, batch.sn, ops)
    slow = Slow(task, ops, receipts, bench.around).outcome()
    found, row = projector.folded(task), member.store.task(batch.sn, task)
    if found is None:
        if row is not None or slow.state not in ("none", tasks.NONE):
            raise Violated("a task as the oracle says", f"{slow.state} is not here")
        return
    if row is None or row.state != found.state or row.tenure != _id(found):
        raise Violated("a task as it is stored", f"{row and row.state} is {found.state}")
    _same(found, slow)


def _id(task: tasks.Task) -> bytes | None:
    return None if task.tenure is None else task.tenure.id


def _same(found: tasks.Task, slow: Outcome) -> None:
    """Compare what both say of a task."""
    here = (found.state, _id(found), found.completion, dict(found.refused), list(found.heads))
    there = (slow.state, slow.tenure, slow.completion, slow.refused, slow.heads)
    names = ("state", "tenure", "completion", "refused", "heads")
    wrong = [name for name, one, two in zip(names, here, there, strict=True) if one != two]
    pairs = {(one.kind, frozenset((one.winner, one.loser))) for one in found.conflicts}
    if pairs != {(kind, frozenset((w, x))) for kind, w, x, _ in slow.conflicts}:
        wrong.append("conflicts")
    if wrong:
        raise Violated("a task as the oracle says", f"{wrong}: {here} is {there}")


# -- authority -------------------------------------------------------------------------------


def authority_agrees(member: Member, log: list[Entry]) -> None:
    """Hold every verdict and role of a copy to the slow judge, where it can be afforded."""
    if len(log) > EVENTS_MAX or sum(one.ix is not None for one in log) > ACTS_MAX:
        return
    view = _space(member, log).whole()
    for one in log:
        said = str(view.verdicts[one.id].status)
        if said != one.status:
            how = f"{one.kind} is {one.status} ({one.cause}), not {view.verdicts[one.id]}"
            raise Violated("a verdict as the oracle says", how)
    members = member.store.members(member.space.sn)
    here = {did: row.role for did, row in members.items() if row.role}
    if here != view.roles():
        raise Violated("roles as the oracle says", f"{len(here)} and {len(view.roles())}")


def readers(member: Member, log: list[Entry], seen: set[bytes]) -> set[object]:
    """Return who may read, as the slow judge says of who has seen these events and no others."""
    return _space(member, log).view(frozenset(seen)).readers()


def _space(member: Member, log: list[Entry]) -> Space:
    """Return the events of a copy as the slow judge reads them."""
    keys = member.copy.batch().keys
    return Space(member.space.id, [_event(member, one, keys.body(one)) for one in log])


def _event(member: Member, entry: Entry, body: Body | None) -> Event:
    """Return an event as the slow judge reads it."""
    return Event(
        id=entry.id,
        author=entry.author,
        auth=entry.auth,
        chain=entry.chain,
        seq=entry.seq,
        prev=entry.prev,
        deps=tuple(one for one in entry.parents if one != entry.prev),
        lam=entry.lam,
        ts=entry.ts,
        kind=entry.kind,
        body=_fields(entry, body),
        proved=entry.fault != BAD_PROOF,
        creates=entry.fault != BAD_EPOCH,
        epoch=epoch_of(member, entry) if entry.kind in ("genesis", "epoch.create") else b"",
    )


def _fields(entry: Entry, body: Body | None) -> dict[str, object] | None:
    """Return the fields of a body that authority looks at."""
    if body is None or entry.kind not in KINDS:
        return None
    found: dict[str, object] = {one: getattr(body, one) for one in FIELDS if hasattr(body, one)}
    if entry.kind == "task.create":
        found["task"] = entry.id
    if isinstance(body, bodies.EpochCreate):
        found["rcpt"] = {one.id for one in body.rcpt}
    return found
