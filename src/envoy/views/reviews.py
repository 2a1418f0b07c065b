"""Reviews: what a completion is asked for, what it has, and what is still missing.

The fold decides (`envoy.state.reviews`); this says why from rows alone, so a reviewer sees what a
verdict would do before giving it, and no read loads the fold.

Law 1: a task that is completed misses nothing, whatever a row beside it says.
Law 2: `human` says that a member declares to be one, never that it is.

Specification: docs/spec/tasks.md, Reviews and Gates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from envoy import ids
from envoy.lean import NamedTuple
from envoy.views import names, records, rows, tasks
from envoy.views.people import Json, People, stamp
from envoy.views.space import policy, space_id

HUMAN, DECLARED, APPROVE = "human", "declared", "approve"
ROLES: Final = ("read", "write", "admin", "owner")  # rising
SENIOR: Final = ("admin", "owner")
OWN_UNTRUSTED = [
    *("title", "summary", "evidence.*.text", "evidence.*.type", "evidence.*.subject"),
    *("missing.evidence", "gate.evidence", "verdicts.*.note", "*_name"),
]
UNTRUSTED = ["*_name", *("*." + one for one in OWN_UNTRUSTED if one != "*_name")]


class Gate(NamedTuple):
    """What a completion is asked for."""

    reviews: int
    review_by: tuple[str, ...]
    no_self_review: bool
    evidence: tuple[str, ...]


class Named(NamedTuple):
    """What a completion names as evidence: a record, another event, or what is not here."""

    id: bytes
    item: rows.Item | None
    record: records.Shown | None


class Bench(NamedTuple):
    """A task with all that its gate looks at."""

    space: rows.Space
    row: rows.Task
    people: People
    me: int | None  # number of this profile
    handed_in: rows.Item | None  # the completion
    verdicts: Mapping[str, rows.Item]  # by their ids as text
    holders: frozenset[bytes]  # dids of those who hold the task or held it
    evidence: Sequence[Named]


def gate(bench: Bench) -> Gate:
    """Return what the completion must meet, or what one would have to that came now."""
    found = [tasks.gate(bench.row.gate)]
    if bench.row.completion is None:
        asked = policy(bench.space)["gate"]
        assert isinstance(asked, dict)
        found.append(asked)
    by = {one for each in found for one in _words(each["review_by"])}
    types = {one for each in found for one in _words(each["evidence"])}
    return Gate(
        reviews=max(int(str(each["reviews"])) for each in found),
        review_by=tuple(sorted(by)),
        no_self_review=any(bool(each["no_self_review"]) for each in found),
        evidence=tuple(sorted(types)),
    )


def _words(value: object) -> list[str]:
    """Return the words of a list."""
    assert isinstance(value, list)
    return [str(one) for one in value]


def fits_roles(asked: Gate, role: str | None) -> bool:
    """Say whether a role is at least each of those that a gate names."""
    rank = -1 if role is None else ROLES.index(role)
    return all(rank >= ROLES.index(one) for one in asked.review_by if one != HUMAN)


def fits(bench: Bench, asked: Gate, an: int, role: str | None) -> bool:
    """Say whether an approval of a member, who acted with ``role``, counts for a gate."""
    is_own = an == bench.row.completed_by or bench.people.did(an) in bench.holders
    if asked.no_self_review and is_own:
        return False
    if HUMAN in asked.review_by and human(bench, an) is None:
        return False
    return fits_roles(asked, role)


def human(bench: Bench, an: int) -> str | None:
    """Return `declared` for a member who declares to be human, else None."""
    found = bench.people.member(an)
    return DECLARED if found is not None and found.type == HUMAN else None


def shows(bench: Bench, one: Named) -> bool:
    """Say whether evidence counts for a gate: of this task, passed, neither stale nor retracted."""
    found = one.record
    if found is None or found.row.task != bench.row.id:
        return False
    return records.shows(found.row, stale=found.stale_for(bench.row.completed_by))


def counts(bench: Bench, asked: Gate, verdict: Mapping[str, object]) -> bool:
    """Say whether a standing verdict is an approval that counts for a gate."""
    act = bench.verdicts.get(str(verdict["review_id"]))
    is_approval = verdict["verdict"] == APPROVE and act is not None
    return is_approval and act is not None and fits(bench, asked, act.an, act.role)


def missing(bench: Bench, asked: Gate) -> tuple[int, list[str]]:
    """Return how many approvals and which types of evidence a gate still wants."""
    if bench.row.state == names.COMPLETED:
        return 0, []
    given = sum(counts(bench, asked, one) for one in standing(bench))
    shown = {one.record.row.type for one in bench.evidence if one.record and shows(bench, one)}
    return max(0, asked.reviews - given), [one for one in asked.evidence if one not in shown]


def standing(bench: Bench) -> list[Json]:
    """Return the standing verdicts on the completion."""
    return [one for one in tasks.listed(bench.row.reviews) if isinstance(one, dict)]


def waits_for_me(bench: Bench, asked: Gate) -> bool:
    """Say whether an approval is wanted, and one of this profile would be legal and count."""
    me, row, role = bench.me, bench.row, bench.space.role
    if me is None or role is None or row.state != names.SUBMITTED or me == row.completed_by:
        return False
    is_ranked = role in SENIOR or row.creator == me
    is_named = bool(asked.review_by) and fits_roles(asked, role)
    has_spoken = any(act.an == me for act in bench.verdicts.values())
    can = (is_ranked or is_named) and not has_spoken and fits(bench, asked, me, role)
    return can and missing(bench, asked)[0] > 0


def review(bench: Bench) -> Json:
    """Return a task as its reviewers see it."""
    row, people, asked = bench.row, bench.people, gate(bench)
    reviews, evidence = missing(bench, asked)
    return {
        "task_id": ids.to_text("task", row.id),
        "space_id": space_id(bench.space),
        "space_name": bench.space.name,
        "title": row.title,
        "state": row.state,
        "by": people.actor(row.completed_by),
        "completion_id": None if row.completion is None else ids.to_text("evt", row.completion),
        "handed_in_at": stamp(None if bench.handed_in is None else bench.handed_in.ts),
        "summary": row.summary,
        "gate": {
            "reviews": asked.reviews,
            "review_by": list(asked.review_by),
            "no_self_review": asked.no_self_review,
            "evidence": list(asked.evidence),
        },
        "missing": {"reviews": reviews, "evidence": evidence},
        "evidence": [_evidence(bench, one) for one in bench.evidence],
        "verdicts": [_verdict(bench, asked, one) for one in standing(bench)],
        "waits_for_me": waits_for_me(bench, asked),
        "version": tasks.version(row),
    }


def _evidence(bench: Bench, one: Named) -> Json:
    """Return what a completion names: as the record it is, or as the line of its event."""
    found, item = one.record, one.item
    if found is None:
        is_seen = item is not None and item.status in ("ok", "ok*")
        return {
            "evidence_id": ids.to_text("evt", one.id),
            "kind": None if item is None else item.kind,
            **dict.fromkeys(("type", "state", "grade", "subject")),
            "stale": False,
            "counts": False,
            "text": item.body if item is not None and is_seen else None,
            "by": None if item is None else bench.people.actor(item.an),
        }
    row = found.row
    return {
        "evidence_id": ids.to_text("rec", one.id),
        "kind": row.kind,
        "type": row.type,
        "state": found.state,
        "grade": records.grade(row),
        "subject": row.subject,
        "stale": found.stale_for(bench.row.completed_by),
        "counts": shows(bench, one),
        "text": row.text,
        "by": bench.people.actor(row.an),
    }


def _verdict(bench: Bench, asked: Gate, one: Mapping[str, object]) -> Json:
    """Return a standing verdict, by whom, and whether it counts for the gate."""
    act = bench.verdicts.get(str(one["review_id"]))
    return {
        "review_id": one["review_id"],
        "verdict": one["verdict"],
        "note": one["note"],
        "evidence": one["evidence"],
        "at": one["at"],
        "by": None if act is None else bench.people.actor(act.an, role=act.role),
        "human": None if act is None else human(bench, act.an),
        "counts": counts(bench, asked, one),
    }
