"""Audit: what a copy of a space holds and lacks, and what one actor did in it, as answers.

Nothing here judges again: the verdicts are those that the copy keeps. What is not known is said as
such (`unknowns`), what should be there and is not is a gap; both come with what to do.

Law: pure, and the same for the same rows.

Specification: docs/spec/audit.md, Looking at one's own copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from envoy import ids
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.people import Json, People, stamp
from envoy.views.space import space_id

VERDICTS: Final = ("ok", "ok*", "held", "void", "invalid")
COUNTING: Final = ("ok", "ok*")
REVIEWS: Final = "task.review"
UNTRUSTED: Final = ["*.display_name", "*_name"]
# What is not known, by what it hangs on: the word, and what to do about it.
UNKNOWNS: Final = {
    "waiting": ("waiting_parent", "sync_and_retry"),
    "sealed": ("sealed_epoch", "wait_for_key"),
    "unsupported": ("unsupported_kind", "upgrade"),
    "dropped": ("dropped_frames", "sync_and_retry"),
    "epoch": ("epoch_without_key", "wait_for_key"),
}


class Chain(NamedTuple):
    """One chain of events of one author."""

    an: int
    chain: bytes
    forked: int
    events: int
    places: int  # different seq
    newest: int  # greatest seq
    not_counting: int


class Fork(NamedTuple):
    """Two events in one place of a chain."""

    an: int
    seq: int
    first: bytes
    second: bytes


class EpochFact(NamedTuple):
    """An epoch: whether its secret is here, the event that made it, and C(body) of that."""

    id: bytes
    held: int
    created: bytes | None
    lam: int | None
    body: bytes | None


class Act(NamedTuple):
    """One event by its author."""

    id: bytes
    kind: str
    an: int
    ts: int
    status: str
    cause: str | None
    entity: bytes | None


class Given(NamedTuple):
    """A grant from one member to another; ``epoch`` is the one that it is sealed under."""

    id: bytes
    kind: str
    subject: int
    author: int
    role: str | None
    verb: str | None
    status: str
    epoch: bytes


class Slice(NamedTuple):
    """What of a space a report is about: by one author, not before a time (ms), about one task."""

    an: int | None = None
    since: int | None = None
    task: bytes | None = None


EVERYTHING: Final = Slice()


class Material(NamedTuple):
    """What an overview is made of."""

    space: rows.Space
    people: People
    verdicts: Sequence[tuple[str, str, int]]
    chains: Sequence[Chain]
    forks: Sequence[Fork]
    fork_count: int
    epochs: Sequence[EpochFact]
    parked: Mapping[str, int]
    dropped: int
    refused: Mapping[str, int]
    receipts: tuple[int, int]
    heads: int


def states(withheld: int, redact: Sequence[str]) -> str:
    """Return what is known of the states in a bundle.

    ``complete``: nothing is withheld. ``stated``: something is, and its author states that nothing
    of it bears on what is shown. ``partial``: it may, for texts or objects are withheld as such.
    """
    return "complete" if not withheld else "partial" if redact else "stated"


def counts(found: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """Return how many events have each verdict; every verdict is there."""
    told = dict.fromkeys(VERDICTS, 0)
    for _, status, count in found:
        told[status] = told.get(status, 0) + count
    return told


def overview(told: Material) -> Json:
    """Return what a copy of a space holds, what is a gap and what is not known."""
    space, people = told.space, told.people
    gaps = [one for one in told.chains if one.places != one.newest + 1]
    lacking = sum(1 for one in told.epochs if not one.held)
    beside = {**told.parked, "dropped": told.dropped, "epoch": lacking}
    unknowns = [
        {"reason": UNKNOWNS[what][0], "count": count, "next_action": UNKNOWNS[what][1]}
        for what, count in sorted(beside.items())
        if count and what in UNKNOWNS
    ]
    kept, good = told.receipts
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "checked": {
            "events": space.events,
            "heads": told.heads,
            "members": len(people.all()),
            "chains": len(told.chains),
            "receipts": kept,
            "receipts_counting": good,
            "state_sum": space.state_sum.hex(),
        },
        "verdicts": {one.replace("*", "_admitted"): n for one, n in counts(told.verdicts).items()},
        "chains": [chain(one, people) for one in told.chains],
        "forks": [fork(one, people) for one in told.forks],
        "fork_count": told.fork_count,
        "gaps": [chain(one, people) for one in gaps],
        "epochs": {
            "known": len(told.epochs),
            "held": len(told.epochs) - lacking,
            "without_create": sum(1 for one in told.epochs if one.created is None),
        },
        "unknowns": unknowns,
        "refused": [{"code": code, "count": count} for code, count in told.refused.items()],
        "inbox_health": {
            "unacked_count": space.unread,
            "acked_through": space.ack_n,
            "newest": space.next_n - 1,
        },
        "sound": not (gaps or told.fork_count or unknowns or told.refused),
    }


def chain(one: Chain, people: People) -> Json:
    """Return a chain: who writes it, how far it goes, what is wrong with it."""
    return {
        "member": people.actor(one.an),
        "chain": one.chain.hex(),
        "events": one.events,
        "newest_seq": one.newest,
        "forked": bool(one.forked),
        "missing": one.newest + 1 - one.places,
        "not_counting": one.not_counting,
    }


def fork(one: Fork, people: People) -> Json:
    """Return the proof of a fork."""
    return {
        "member": people.actor(one.an),
        "seq": one.seq,
        "event_ids": [ids.to_text("evt", one.first), ids.to_text("evt", one.second)],
    }


# -- one actor ---------------------------------------------------------------------------------


class Told(NamedTuple):
    """What a report is made of; an author None: it is about everybody."""

    space: rows.Space
    people: People
    part: Slice
    verdicts: Sequence[tuple[str, str, int]]
    acts: Sequence[Act]
    given: Sequence[Given]
    epochs: Sequence[EpochFact]
    readable: frozenset[bytes]
    resting: int | None
    limit: int


def report(told: Told) -> Json:
    """Return what an actor wrote, gave, was given, reviewed, could read, and what rests on it."""
    people, total = told.people, sum(count for _, _, count in told.verdicts)
    an = told.part.an
    of_kind: dict[str, Json] = {}
    for kind, status, count in told.verdicts:
        row = of_kind.setdefault(kind, {"kind": kind, "count": 0, "not_counting": 0})
        row["count"] = int(str(row["count"])) + count
        if status not in COUNTING:
            row["not_counting"] = int(str(row["not_counting"])) + count
    reviewed = sum(n for kind, status, n in told.verdicts if kind == REVIEWS and status in COUNTING)
    known = [one for one in told.epochs if one.created is not None]
    return {
        "space_id": space_id(told.space),
        "space_name": told.space.name,
        "member": None if an is None else people.actor(an),
        "task_id": None if told.part.task is None else ids.to_text("task", told.part.task),
        "since": None if told.part.since is None else stamp(told.part.since),
        "events": total,
        "verdicts": {one.replace("*", "_admitted"): n for one, n in counts(told.verdicts).items()},
        "wrote": list(of_kind.values()),
        "reviewed": reviewed,
        "grants": [given(one, people) for one in told.given],
        "epochs": len(known),
        "could_read": None
        if an is None
        else [ids.to_text("epoch", one.id) for one in known if one.id in told.readable],
        "resting_on_it": told.resting,
        "acts": [act(one, people) for one in told.acts],
        "omitted": max(0, total - len(told.acts)),
        "limit": told.limit,
    }


def readable(
    epochs: Sequence[EpochFact], named: Iterable[bytes], under: Iterable[bytes]
) -> frozenset[bytes]:
    """Return the epochs that somebody could read.

    ``named`` are the epochs whose create event names them as a reader, ``under`` those that their
    grants are sealed under. Each epoch wraps those before it, so the last of them opens them all.
    """
    reached = {*named, *under}
    lams = [one.lam for one in epochs if one.id in reached and one.lam is not None]
    last = max(lams, default=-1)
    return frozenset(one.id for one in epochs if one.lam is not None and one.lam <= last)


def given(one: Given, people: People) -> Json:
    """Return a grant."""
    return {
        "event_id": ids.to_text("evt", one.id),
        "kind": one.kind,
        "from": people.actor(one.author),
        "to": people.actor(one.subject),
        "role": one.role,
        "verb": one.verb,
        "status": one.status,
    }


def act(one: Act, people: People) -> Json:
    """Return an event with its verdict."""
    return {
        "event_id": ids.to_text("evt", one.id),
        "kind": one.kind,
        "by": people.actor(one.an),
        "at": stamp(one.ts),
        "event_status": one.status,
        "cause": one.cause,
        "entity_id": None if one.entity is None else ids.to_text("evt", one.entity),
    }
