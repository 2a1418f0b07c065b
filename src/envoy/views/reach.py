"""Reach: what an act of authority does, before it is done and after.

Who ends a grant ends more than a name in a list: delegations and invites below it, tasks that are
held by it, and the weight of what was written beside the act. A person who cannot see that cannot
decide, so the same object answers a rehearsal and the act itself.

Laws: nothing here decides. Names are labels, so each stands with its did. What was written keeps
its place; an act that holds it says so and says by which rule.

Specification: docs/spec/authority.md, Acts of clients; docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import ids
from envoy.lean import NamedTuple
from envoy.limits import LIST_ROWS_DEFAULT
from envoy.views import answers, history, rows, space
from envoy.views.people import Json, People, stamp

UNTRUSTED = ["*_name", "*.display_name"]


class Ended(NamedTuple):
    """A grant, delegation or invite that an act ends."""

    id: bytes
    kind: str
    subject: int | None  # an; None for an invite


class Touched(NamedTuple):
    """An event that an act turns held, void or invalid."""

    id: bytes
    kind: str
    author: int  # an
    status: str
    cause: str | None


class Cut(NamedTuple):
    """How far back an act reaches into what its subject wrote, as this copy knows it."""

    accepted: int  # events of the subject that the act had seen: they stay as they are
    accepted_ms: int | None  # when the last of them was written
    uncited: int  # those it had not: what counted of them is held


class Reach(NamedTuple):
    """What one act did, or would do. Without ``event`` it changed nothing."""

    event: bytes | None
    epoch: bytes | None  # written under afterwards
    is_new_epoch: bool
    ended: tuple[Ended, ...]
    freed: tuple[bytes, ...]  # tasks
    kept: tuple[bytes, ...]  # tasks that the subject still holds
    touched: tuple[Touched, ...]
    cut: Cut | None
    acts: tuple[rows.Item, ...]  # by the subject, on authority; newest first
    is_rehearsal: bool
    delivery: str
    replayed: bool = False  # this very act was asked for before, under the same key

    @property
    def changed(self) -> bool:
        """Return whether it wrote anything, or would."""
        return self.event is not None

    @property
    def revoked(self) -> tuple[bytes, ...]:
        """Return the invites among what it ended."""
        return tuple(one.id for one in self.ended if one.kind == "invite")


def nothing(row: rows.Space, *, is_rehearsal: bool) -> Reach:
    """Return the reach of an act that was done before."""
    return Reach(None, row.epoch, False, (), (), (), (), None, (), is_rehearsal, "not_attempted")


def effect(found: Reach, of: rows.Space, people: People) -> Json:
    """Return what an act did, as every answer about one has it."""
    shown = found.touched[:LIST_ROWS_DEFAULT]
    acts = found.acts[:LIST_ROWS_DEFAULT]
    return {
        "space_id": space.space_id(of),
        "space_name": of.name,
        "changed": found.changed,
        "dry_run": found.is_rehearsal,
        "event_id": _event_id(found),
        "epoch_id": None if found.epoch is None else ids.to_text("epoch", found.epoch),
        "new_epoch": found.is_new_epoch,
        "ended": [_ended(one, people) for one in found.ended],
        "revoked": [ids.to_text("inv", one) for one in found.revoked],
        "freed": [ids.to_text("task", one) for one in found.freed],
        "holds": [ids.to_text("task", one) for one in found.kept],
        "held": [_touched(one, people) for one in shown],
        "held_count": len(found.touched),
        "reach": None if found.cut is None else _cut(found.cut),
        "acts": [_act(one, people) for one in acts],
        "acts_count": len(found.acts),
        "relay_delivery": answers.relay_delivery(of, found.delivery),
        "pending_sync": answers.is_pending(found.delivery),
        "replayed": found.replayed,
        "untrusted_fields": UNTRUSTED,
    }


def _event_id(found: Reach) -> str | None:
    """Return the id of the act: what was only rehearsed has none that anybody could look up."""
    if found.event is None or found.is_rehearsal:
        return None
    return ids.to_text("evt", found.event)


def _ended(one: Ended, people: People) -> Json:
    """Return a grant that ended."""
    is_invite = one.kind == "invite"
    return {
        "grant_id": ids.to_text("inv" if is_invite else "grant", one.id),
        "kind": one.kind,
        "member_id": people.did_text(one.subject),
    }


def _touched(one: Touched, people: People) -> Json:
    """Return an event that does not count any more."""
    return {
        "event_id": ids.to_text("evt", one.id),
        "kind": one.kind,
        "by": people.did_text(one.author),
        "event_status": one.status,
        "cause": one.cause,
        "next_action": "ask_admin_to_admit" if one.status == "held" else "stop_and_report",
    }


def _cut(one: Cut) -> Json:
    """Return how far back an act reaches."""
    return {
        "accepted_events": one.accepted,
        "accepted_until": stamp(one.accepted_ms),
        "uncited_events": one.uncited,
    }


def _act(item: rows.Item, people: People) -> Json:
    """Return an act on authority by the subject."""
    return {
        "event_id": ids.to_text("evt", item.id),
        "type": item.type,
        "subject_id": history.target_of(item),
        "by": people.did_text(item.an),
        "at": stamp(item.ts),
        "event_status": item.status,
    }


def minted(found: Sequence[rows.Item]) -> list[str]:
    """Return the ids of what somebody gave to others: grants, roles, delegations, invites."""
    prefix = {"invite": "inv"}
    kinds = ("grant", "role", "delegate", "invite")
    return [
        ids.to_text(prefix.get(item.kind, "grant"), item.id) for item in found if item.kind in kinds
    ]
