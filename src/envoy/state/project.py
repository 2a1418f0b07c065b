"""Project: from what the folds say to the rows that reads show.

One way only: entity in, row out, nothing asked back. What a row needs of the store (local numbers
of actors) comes in as a function, so this stays pure and the same for every replica.

Specification: docs/spec/store.md, Projections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from envoy import ids, jsontext
from envoy.core import bodies
from envoy.core.capability import CAPS, AuthEvent, Grant
from envoy.core.objects import ObjectPut
from envoy.lean import NamedTuple
from envoy.state.authority import Judgement, Status, place
from envoy.state.content import Policy, PolicyValue
from envoy.state.registers import Op
from envoy.state.tasks import Task
from envoy.views import names, rows
from envoy.views.people import stamp

Number = Callable[[bytes], int]
# Behind every place that a live grant can have in the order of rank.
NOWHERE: Final = 2**31


def refs_text(refs: Sequence[bodies.Ref]) -> str:
    """Return references as a JSON array of {rel, id}."""
    if not refs:
        return "[]"
    return jsontext.dumps([{"rel": ref.rel, "id": ids.to_text("evt", ref.id)} for ref in refs])


def ids_text(prefix: str, found: Sequence[bytes]) -> str:
    """Return ids as a JSON array of their text forms."""
    if not found:
        return "[]"
    return jsontext.dumps([ids.to_text(prefix, one) for one in found])


def policy_text(founded: Mapping[str, PolicyValue], written: Policy) -> str:
    """Return the policy that a space began with, and what was written since, as a JSON object."""
    every = {**founded, **dict(written)}
    return jsontext.dumps(
        {key: list(one) if isinstance(one, tuple) else one for key, one in sorted(every.items())}
    )


def task_row(sn: int, task: Task, number: Number) -> rows.Task:
    """Return the row of a task, with an empty digest."""
    tenure = task.tenure
    return rows.Task(
        sn=sn,
        id=task.id,
        lam=task.lam,
        created_ms=task.created,
        changed_ms=task.changed,
        creator=number(task.creator),
        title=task.title,
        body=task.body,
        state=task.state,
        assignee=None if tenure is None else number(tenure.holder),
        tenure=None if tenure is None else tenure.id,
        is_claim=int(tenure is not None and tenure.kind == "claim"),
        claim_state=names.UNCLAIMED if tenure is None else tenure.claim_state,
        session=None if tenure is None else tenure.session,
        fence=None if tenure is None else tenure.fence,
        lease_ms=None if tenure is None else tenure.lease_until,
        priority=task.priority,
        due_ms=task.due_at,
        labels=jsontext.dumps(list(task.labels)) if task.labels else "[]",
        needs=ids_text("task", task.needs),
        parent=task.parent,
        refs=refs_text(task.refs),
        gate=jsontext.dumps(
            {key: list(value) if isinstance(value, tuple) else value for key, value in task.gate}
        )
        if task.gate
        else "{}",
        summary=task.summary,
        evidence=ids_text("evt", task.evidence),
        completion=task.completion,
        completed_by=None if task.completed_by is None else number(task.completed_by),
        conflicts=sum(1 for one in task.conflicts if one.is_open),
        version=task.version,
        digest=b"",
        edges=len(task.edges),
        reviews=reviews_text(task),
    )


def reviews_text(task: Task) -> str:
    """Return the standing verdicts on the completion of a task as a JSON array."""
    if not task.reviews:
        return "[]"
    return jsontext.dumps(
        [
            {
                "review_id": ids.to_text("evt", one.id),
                "reviewer_id": ids.did_text(one.author),
                "verdict": one.verdict,
                "note": one.note,
                "evidence": [ids.to_text("evt", each) for each in one.evidence],
                "at": stamp(one.ts),
            }
            for one in task.reviews
        ]
    )


def edge_rows(sn: int, task: Task) -> list[rows.Edge]:
    """Return the rows of the edges of a task, as if they all stood."""
    return [
        rows.Edge(
            sn=sn,
            task=task.id,
            rel=edge.rel,
            target=edge.to,
            at=at,
            act=edge.act,
            lam=edge.place[0],
            ident=edge.place[1],
            made=int(edge.made),
            refused=0,
        )
        for at, edge in enumerate(task.edges)
    ]


def object_row(
    sn: int, put: Op, body: ObjectPut, *, retracted: bytes | None, number: Number
) -> rows.Object:
    """Return the row of a reference to an object; one that is retracted shows no name."""
    return rows.Object(
        sn=sn,
        id=put.id,
        object=body.object,
        lam=put.lam,
        created_ms=put.ts,
        an=number(put.author),
        name=body.name if retracted is None else "",
        media=body.media,
        size=body.size,
        sha256=body.sha256,
        chunks=b"".join(body.chunks),
        task=body.task,
        supersedes=body.supersedes,
        retracted=retracted,
    )


def grant_rows(sn: int, judgement: Judgement, number: Number) -> list[rows.Grant]:
    """Return a row for every grant to somebody, whatever became of it."""
    places = {grant.key: place for place, grant in enumerate(judgement.live)}
    found = []
    for grant in judgement.ledger.grants.values():
        if grant.subject is None:
            continue
        status, cause = _standing(grant, judgement)
        found.append(
            rows.Grant(
                sn=sn,
                id=grant.key,
                subject=number(grant.subject),
                author=number(grant.author),
                kind=grant.kind,
                role=grant.role,
                verb=None if grant.role else _verb(grant),
                task=grant.task,
                depth=grant.depth if grant.role is None else 0,
                na=grant.na,
                status=status,
                cause=cause,
                ix=grant.index,
                senior=places.get(grant.key, NOWHERE),
            )
        )
    return found


def invite_rows(sn: int, judgement: Judgement, number: Number) -> list[rows.Invite]:
    """Return a row for every invite, whatever became of it."""
    found = []
    for grant in judgement.ledger.grants.values():
        event = judgement.ledger.by_id[grant.event]
        body = event.body
        if not isinstance(body, bodies.Invite):
            continue
        status, _ = _standing(grant, judgement)
        uses = uses_of(grant.key, body, judgement)
        if status == "live":
            status = "used" if uses >= body.max_uses else "active"
        found.append(
            rows.Invite(
                sn=sn,
                id=event.id,
                author=number(event.author),
                role=body.role,
                mode=body.mode,
                max_uses=body.max_uses,
                uses=uses,
                na=body.na,
                created_ms=event.ts,
                lookup=body.lookup,
                revoke_auth=body.revoke_auth,
                enc=body.enc,
                access=body.access,
                status="revoked" if status == "killed" else status,
            )
        )
    return found


def uses_of(invite: bytes, body: bodies.Invite, judgement: Judgement) -> int:
    """Return how many came in by an invite: by joins that stand, in approve mode by grants."""
    if body.mode == "open":
        return judgement.uses.get(invite, 0)
    return sum(
        isinstance(event.body, bodies.Grant)
        and event.body.invite == invite
        and judgement.is_ok(event.id)
        for event in judgement.ledger.by_kind.get("grant", ())
    )


def _standing(grant: Grant, judgement: Judgement) -> tuple[str, bytes | None]:
    """Return the status of a grant and the event behind it."""
    verdict = judgement.verdicts[grant.event]
    if verdict.status is not Status.OK:
        return str(verdict.status), verdict.by
    kills = judgement.kills.get(grant.key)
    return ("killed", kills[0].event.id) if kills else ("live", None)


def _verb(grant: Grant) -> str:
    """Return the verb of a delegation."""
    return "write" if grant.caps & CAPS["write"] else "read"


def founding(judgement: Judgement) -> AuthEvent:
    """Return the genesis: of several envelopes of it the one that stands first everywhere."""
    return min(judgement.ledger.by_kind["genesis"], key=place)


def join_state(role: str | None, before: str) -> str:
    """Return what a copy of a space is to its holder, who has ``role`` now."""
    if role is not None:
        return "member"
    return "removed" if before == "member" else before


class Arrival(NamedTuple):
    """How a member came in and went: what the row says beside name and keys."""

    joined_ms: int
    via: bytes
    removed_ms: int | None


def arrivals(judgement: Judgement) -> dict[bytes, Arrival]:
    """Return by did when it first had an ok grant, by what, and when the last one ended."""
    found = dict[bytes, Arrival]()
    ledger = judgement.ledger
    for grant in sorted(ledger.grants.values(), key=lambda one: one.index):
        event = founding(judgement) if grant.parent is None else ledger.by_id[grant.event]
        if grant.subject is None or not judgement.is_ok(event.id):
            continue
        via = grant.parent if grant.kind == "join" and grant.parent else grant.key
        known = found.get(grant.subject)
        ended = [kill.event.ts for kill in judgement.kills.get(grant.key, ())]
        if known is not None and known.removed_ms is not None:
            ended.append(known.removed_ms)
        if known is None or (event.ts, via) < (known.joined_ms, known.via):
            known = Arrival(event.ts, via, None)
        found[grant.subject] = known._replace(removed_ms=max(ended, default=None))
    readers = set(judgement.readers())
    return {
        did: one._replace(removed_ms=None) if did in readers else one for did, one in found.items()
    }
