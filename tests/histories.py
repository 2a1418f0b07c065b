"""Histories of one entity, for tests of the folds: every act says what its author had seen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from envoy.core.bodies import (
    TaskAssign,
    TaskCancel,
    TaskClaim,
    TaskComplete,
    TaskCreate,
    TaskEdit,
    TaskProgress,
    TaskRelease,
    TaskReopen,
)
from envoy.core.codec import Open, encode
from envoy.core.dag import tie
from envoy.core.kinds import KINDS, read_body
from envoy.core.records import Frontier, TaskGate, TaskHandoff, TaskReview
from envoy.core.structs import Body, replace
from envoy.state.claims import Receipt
from envoy.state.registers import Op

Vector = dict[str, object]
KIND_OF = {row.body: kind for kind, row in KINDS.items()}


def fixed(name: object) -> bytes:
    """Return 32 bytes that belong to ``name``."""
    return hashlib.sha256(repr(name).encode()).digest()


TASK = fixed("task")
CREATOR, ADMIN, OTHER_ADMIN = fixed("creator"), fixed("admin"), fixed("other admin")
# Of two equals FIRST wins the tie on TASK, before SECOND, before THIRD.
FIRST, SECOND, THIRD = sorted(map(fixed, range(3)), key=lambda one: tie(TASK, one))
MADE = TaskCreate(
    title="repair the parser",
    body="it stops at the first tab",
    labels=(),
    priority=2,
    due_at=None,
    needs=(),
    parent=None,
    refs=(),
    gate=(),
    assignee=None,
)


UNCHANGED = TaskEdit(TASK, None, None, None, None, None, (), (), (), (), (), ())


class History:
    """Acts on one task in the order they were made; an act saw all before it unless it says."""

    def __init__(self, made: TaskCreate | None = MADE, *, entity: bytes = TASK) -> None:
        """Begin with a creation by CREATOR, or empty (``made`` None)."""
        self.entity = entity
        self.ops: list[Op] = []
        self.receipts: list[Receipt] = []
        if made is not None:
            self.act(CREATOR, made, id=entity)

    def act(
        self,
        author: bytes,
        body: Body,
        sees: Sequence[Op] | None = None,
        *,
        counts: bool = True,
        admitted: tuple[int, bytes] | None = None,
        id: bytes | None = None,
    ) -> Op:
        """Append an act of ``author``, who saw ``sees`` and what those saw."""
        seen = self.heads() if sees is None else list(sees)
        rho = {ADMIN: 3, OTHER_ADMIN: 3, CREATOR: 2}.get(author, 1)
        op = Op(
            id=id or fixed(("act", len(self.ops))),
            author=author,
            lam=1 + max((one.lam for one in seen), default=0),
            ts=1_000 * (1 + len(self.ops)),
            kind=KIND_OF[type(body)],
            body=body,
            basis=tuple(sorted(one.id for one in seen)),
            rho=rho,
            counts=counts,
            admitted=admitted,
        )
        self.ops.append(op)
        return op

    def heads(self) -> list[Op]:
        """Return the acts that no other names."""
        named = {one for op in self.ops for one in op.basis}
        return [op for op in self.ops if op.id not in named]

    def assign(self, author: bytes, to: bytes, sees: Sequence[Op] | None = None) -> Op:
        """Append an assignment to ``to``."""
        return self.act(author, TaskAssign(self.entity, to), sees)

    def claim(
        self,
        author: bytes,
        sees: Sequence[Op] | None = None,
        *,
        fence: int = 0,
        no: int = 0,
        handoff: Op | None = None,
    ) -> Op:
        """Append a claim, with a receipt unless ``fence`` is 0; it may accept a handoff."""
        given = None if handoff is None else handoff.id
        body = TaskClaim(self.entity, "default", 900, fixed((author, "holder")), given)
        op = self.act(author, body, sees)
        if fence:
            self.receipt(op, fence, no=no)
        return op

    def receipt(self, claim: Op, fence: int, *, no: int = 0, holder: bytes | None = None) -> None:
        """Append a hub's receipt for ``claim``; ``holder`` None is the right one."""
        given = fixed((claim.author, "holder")) if holder is None else holder
        ident = fixed((claim.id, fence, no, len(self.receipts)))
        until = 1_000_000 + len(self.receipts)
        self.receipts.append(
            Receipt(
                event=claim.id,
                no=no,
                fence=fence,
                holder=given,
                at=1_000,
                until=until,
                instance=bytes(16),
                id=ident,
            )
        )

    def edit(self, author: bytes, sees: Sequence[Op] | None = None, **changes: object) -> Op:
        """Append an edit of the fields that ``changes`` name."""
        body = replace(UNCHANGED, task=self.entity, **changes)
        return self.act(author, body, sees)

    def cancel(self, author: bytes, sees: Sequence[Op] | None = None) -> Op:
        """Append a cancellation."""
        return self.act(author, TaskCancel(self.entity, "no more"), sees)

    def reopen(self, author: bytes, sees: Sequence[Op] | None = None) -> Op:
        """Append a reopening."""
        return self.act(author, TaskReopen(self.entity, "again"), sees)

    def release(self, author: bytes, sees: Sequence[Op] | None = None) -> Op:
        """Append a release."""
        return self.act(author, TaskRelease(self.entity, None), sees)

    def hand(self, tenure: Op, to: bytes | None = None, sees: Sequence[Op] | None = None) -> Op:
        """Append a handoff by the holder of ``tenure``."""
        return self.act(holder(tenure), capsule(self.entity, tenure.id, to), sees)

    def progress(self, tenure: Op, to: str = "in_progress", sees: Sequence[Op] | None = None) -> Op:
        """Append work under ``tenure`` by its holder."""
        return self.act(holder(tenure), TaskProgress(self.entity, tenure.id, to, None), sees)

    def complete(
        self,
        tenure: Op,
        sees: Sequence[Op] | None = None,
        *,
        for_review: bool = False,
        evidence: tuple[bytes, ...] = (),
    ) -> Op:
        """Append a completion under ``tenure`` by its holder."""
        body = TaskComplete(self.entity, tenure.id, "done", evidence, for_review)
        return self.act(holder(tenure), body, sees)

    def review(
        self, author: bytes, done: Op, verdict: str = "approve", sees: Sequence[Op] | None = None
    ) -> Op:
        """Append a verdict on the completion ``done``."""
        return self.act(author, TaskReview(self.entity, done.id, verdict, None, ()), sees)

    def gate(self, author: bytes, gate: Open, sees: Sequence[Op] | None = None) -> Op:
        """Append a gate in the place of the one before."""
        return self.act(author, TaskGate(self.entity, gate), sees)


def capsule(task: bytes, tenure: bytes, to: bytes | None) -> TaskHandoff:
    """Return a handoff that says as little as it may."""
    pinned = Frontier(fixed("frontier"), (task,))
    return TaskHandoff(task, tenure, to, "claimed", "go on", (), (), (), (), (), (), pinned)


def holder(tenure: Op) -> bytes:
    """Return who holds a task by ``tenure``."""
    match tenure.body:
        case TaskHandoff():
            return tenure.author if tenure.body.to is None else tenure.body.to
        case TaskAssign():
            return tenure.body.to
        case TaskCreate():
            assert tenure.body.assignee is not None
            return tenure.body.assignee
        case _:
            return tenure.author


def made(*, assignee: bytes | None = None, gate: Open = ()) -> TaskCreate:
    """Return the body of a creation."""
    return replace(MADE, assignee=assignee, gate=gate)


# -- histories as vectors -------------------------------------------------------------------


def written(op: Op) -> Vector:
    """Return an act as a vector shows it."""
    return {
        "id": op.id.hex(),
        "author": op.author.hex(),
        "lam": op.lam,
        "ts": op.ts,
        "kind": op.kind,
        "body": encode(op.body).hex(),
        "basis": [one.hex() for one in op.basis],
        "rho": op.rho,
        "counts": op.counts,
        "admitted": None if op.admitted is None else [op.admitted[0], op.admitted[1].hex()],
    }


def written_receipt(one: Receipt) -> Vector:
    """Return a receipt as a vector shows it."""
    return {
        "event": one.event.hex(),
        "no": one.no,
        "fence": one.fence,
        "holder": one.holder.hex(),
        "at": one.at,
        "until": one.until,
        "instance": one.instance.hex(),
        "id": one.id.hex(),
    }


def given(history: History) -> Vector:
    """Return the input of a vector."""
    return {
        "task": history.entity.hex(),
        "acts": [written(op) for op in history.ops],
        "receipts": [written_receipt(one) for one in history.receipts],
    }


def read(given: dict[str, Any]) -> tuple[bytes, list[Op], list[Receipt]]:
    """Return task, acts and receipts of a vector."""
    acts = [_read_act(one) for one in given["acts"]]
    return bytes.fromhex(given["task"]), acts, [_read_receipt(one) for one in given["receipts"]]


def _read_act(given: dict[str, Any]) -> Op:
    """Return an act of a vector."""
    body = read_body(given["kind"], bytes.fromhex(given["body"]))
    assert body is not None
    admitted = given["admitted"]
    return Op(
        id=bytes.fromhex(given["id"]),
        author=bytes.fromhex(given["author"]),
        lam=given["lam"],
        ts=given["ts"],
        kind=given["kind"],
        body=body,
        basis=tuple(bytes.fromhex(one) for one in given["basis"]),
        rho=given["rho"],
        counts=given["counts"],
        admitted=None if admitted is None else (admitted[0], bytes.fromhex(admitted[1])),
    )


def _read_receipt(given: dict[str, Any]) -> Receipt:
    """Return a receipt of a vector."""
    hexed = {name: bytes.fromhex(given[name]) for name in ("event", "holder", "instance", "id")}
    return Receipt(
        **hexed, no=given["no"], fence=given["fence"], at=given["at"], until=given["until"]
    )
