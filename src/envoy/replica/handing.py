"""Handing: writes the rows of handoffs, as the fold of their task says.

Beside the projector, which it is a part of, and loaded only for a task that was handed over. A
handoff is shown as a record of its own kind; what became of it follows from the acts on its task.
One that does not count, or was refused, has no row: its line in the history says why.

Law: a row is a function of the acts on the task, of what came before them and of the receipts of
its slot.

Specification: docs/spec/tasks.md, Handoffs; docs/spec/store.md, Stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from envoy import ids, jsontext
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256, tagged
from envoy.core.log import Entry
from envoy.core.records import TaskHandoff
from envoy.core.structs import Body
from envoy.lean import NamedTuple
from envoy.replica import ancestry
from envoy.replica.ports import EventStore, RowStore
from envoy.state import project
from envoy.state.lines import HANDOFF
from envoy.state.registers import Op
from envoy.state.tasks import Handoff, Task
from envoy.views import handoffs, names, rows

ACCEPTED: Final = "handoff_accepted"
EVIDENCE: Final = "evidence"


class Place(NamedTuple):
    """Where rows are written, and for whom the inbox is."""

    events: EventStore
    rows: RowStore
    sn: int
    me: bytes
    body: Callable[[Entry], Body | None]


class News(NamedTuple):
    """A type for the stream, the event behind it, what it is about, why it is in my inbox."""

    type: str
    event: bytes
    about: bytes
    reason: str | None


def settle(place: Place, task: Task, ops: Sequence[Op]) -> list[News]:
    """Write the rows of the handoffs of ``task`` and return what is told of them."""
    found, stand = list[News](), {one.id: one for one in task.handoffs}
    for op in ops:
        if not isinstance(op.body, TaskHandoff):
            continue
        before = place.rows.record(place.sn, op.id)
        if op.id not in stand:
            _drop(place, before)
            continue
        proved: object = handoffs.said(before)["proved"] if before is not None else None
        if before is None:
            proved = _proved(place, op, op.body)
        after = _row(place, op, op.body, stand[op.id])
        after = after._replace(fields=jsontext.dumps({**handoffs.said(after), "proved": proved}))
        if after == before:
            continue
        place.rows.save(after)
        for at, ref in enumerate(op.body.evidence):
            place.rows.save(rows.RecordRef(place.sn, op.id, at, EVIDENCE, ref.id))
        found += _news(place, op, stand[op.id], before)
    return found


def digest(body: Body | None) -> bytes | None:
    """Return SHA-256 of C(body), by which a handoff names its evidence; None without a body."""
    return None if body is None else sha256(encode(body))


def _proved(place: Place, op: Op, body: TaskHandoff) -> dict[str, object]:
    """Return what a handoff proves by itself and by what it had seen, which never changes.

    What it names and had not seen may come or not: that says nothing about it, so that every copy
    says the same.
    """
    log, words = ancestry.Place(place.events, place.sn), list[str]()
    for ref in body.evidence:
        entry = place.events.entry(place.sn, ref.id)
        if entry is None or not ancestry.has_seen(log, op, entry):
            words.append(handoffs.UNSEEN)
            continue
        found = digest(place.body(entry))
        is_known = found is not None and ref.hash is not None
        words.append(handoffs.OK if found == ref.hash else handoffs.BAD)
        if not is_known:
            words[-1] = handoffs.DIGEST
    is_pinned = body.frontier.hash == tagged("frontier", *body.frontier.heads)
    return {"frontier": handoffs.OK if is_pinned else handoffs.BAD, "evidence": words}


def _drop(place: Place, row: rows.Record | None) -> None:
    """Take away the row of a handoff that does not count any more."""
    if row is None:
        return
    place.rows.delete(row)
    for ref in place.rows.record_refs(place.sn, row.id):
        place.rows.delete(ref)


def _news(place: Place, op: Op, now: Handoff, before: rows.Record | None) -> list[News]:
    """Return that a handoff was accepted, once; its giver hears of it."""
    was = None if before is None else jsontext.loads(before.fields)
    is_known = isinstance(was, dict) and (was["standing"], was["act"]) == (
        now.standing,
        _text("evt", now.act),
    )
    if now.standing != names.ACCEPTED or now.act is None or is_known:
        return []
    taker = place.events.entry(place.sn, now.act)
    by_other = taker is not None and taker.author != place.me
    reason = HANDOFF if op.author == place.me and by_other else None
    return [News(ACCEPTED, now.act, op.id, reason)]


def _row(place: Place, op: Op, body: TaskHandoff, now: Handoff) -> rows.Record:
    """Return the row of a handoff."""
    fields = {
        "standing": now.standing,
        "act": _text("evt", now.act),
        "to": None if body.to is None else ids.did_text(body.to),
        "state": body.state,
        "completed": list(body.completed),
        "remaining": list(body.remaining),
        "commands": list(body.commands),
        "risks": list(body.risks),
        "questions": list(body.questions),
        "frontier": {
            "hash": body.frontier.hash.hex(),
            "heads": [ids.to_text("evt", one) for one in body.frontier.heads],
        },
    }
    return rows.Record(
        sn=place.sn,
        id=op.id,
        lam=op.lam,
        created_ms=op.ts,
        an=place.events.actor(op.author),
        kind=HANDOFF,
        type=None,
        task=body.task,
        text=body.next,
        fields=jsontext.dumps(fields),
        subject=None,
        refs=project.refs_text(body.evidence),
        ranked=int(op.rho >= 3),
        retracted=None,
        digest=tagged("state", b"\3", op.id),
    )


def _text(prefix: str, ident: bytes | None) -> str | None:
    """Return an id in text form."""
    return None if ident is None else ids.to_text(prefix, ident)
