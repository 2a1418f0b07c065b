"""Answers: what a write tells whoever asked for it, as documented objects.

A write that committed is saved: `local_durability` says so, and what a relay heard of it is said
apart, since it changes nothing about that. The code of an invite stands in the answer to the call
that made it and nowhere else.

Specification: docs/spec/cli.md (JSON shapes).
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import ids
from envoy.views import rows, space, tasks
from envoy.views.people import Json, People, actor, stamp

# The warning beside a write that the hub has not heard of yet.
NOT_SENT: Json = {
    "code": "not_delivered",
    "message": "saved here; the hub was not reached and gets it with the next `envoy sync`",
}
LOCAL = "local_only"
DELIVERED = "delivered"
PENDING = "pending"
UNREACHED = "relay_unavailable"
NOT_ATTEMPTED = "not_attempted"
PUBLISHED = "published"
FAILED = "failed"


def is_local(of: rows.Space) -> bool:
    """Return whether a space lives on this machine alone."""
    return of.mode == LOCAL


def relay_delivery(of: rows.Space, delivery: str) -> str:
    """Return what a relay heard of a write; that the local hub has it is `pending_sync`."""
    return NOT_ATTEMPTED if is_local(of) else delivery.partition(" ")[0]


def delivery_reason(of: rows.Space, delivery: str) -> str | None:
    """Return the code of why a relay does not have a write, None where it has it."""
    if is_local(of):
        return LOCAL
    word, _, reason = delivery.partition(" ")
    return None if word == DELIVERED else reason or UNREACHED


def is_pending(delivery: str) -> bool:
    """Say whether something waits to be sent, to a relay or to the hub of this machine."""
    return delivery.startswith((PENDING, FAILED))


def sent(
    done: rows.Sent, of: rows.Space, references: Sequence[tuple[str | None, bytes]] = ()
) -> Json:
    """Return a Send: a message that is saved, and how far it got."""
    reason = delivery_reason(of, done.delivery)
    return {
        "message_id": ids.to_text("msg", done.event),
        "event_id": ids.to_text("evt", done.event),
        "space_id": space.space_id(of),
        "cursor": done.n,
        "local_durability": "durable",
        "delivery_mode": of.mode,
        "relay_delivery": relay_delivery(of, done.delivery),
        "relay_delivery_reason": reason,
        "relay_delivery_attempted": not is_local(of),
        "relay_delivery_requires_subscription": reason == "subscription_required",
        "pending_sync": is_pending(done.delivery),
        "references": [{"rel": rel, "id": ids.to_text("evt", one)} for rel, one in references],
        "replayed": done.replayed,
    }


def said(
    done: rows.Sent,
    of: rows.Space,
    *,
    refs: Sequence[tuple[str | None, bytes]],
    task: bytes | None,
) -> Json:
    """Return a Send, with the task it is about."""
    return {
        **sent(done, of, refs),
        "task_id": None if task is None else ids.to_text("task", task),
        "space_name": of.name,
        "warnings": [NOT_SENT] if is_pending(done.delivery) else [],
        "untrusted_fields": ["*_name"],
    }


def created(done: rows.Transition, people: People, of: rows.Space) -> Json:
    """Return a new task, and how far it got."""
    data: Json = {
        **tasks.task(done.after, tasks.Around(people, of.id)),
        "event_id": ids.to_text("evt", done.after.id),
        "cursor": done.n,
        "replayed": done.replayed,
        "relay_delivery": relay_delivery(of, done.delivery),
        "pending_sync": is_pending(done.delivery),
    }
    task = data["task_id"]
    data["warnings"] = [NOT_SENT] if data["pending_sync"] else []
    data["next_commands"] = [f"envoy task claim --space {data['space_id']} --task-id {task}"]
    data["untrusted_fields"] = tasks.UNTRUSTED
    return data


def changed(done: rows.Transition, people: People, of: rows.Space, *, name: str) -> Json:
    """Return a Transition, and whether the hub has yet to hear of it."""
    data = transition(done, people, of, name=name)
    data["warnings"] = [NOT_SENT] if done.event and is_pending(done.delivery) else []
    return data


def transition(done: rows.Transition, people: People, of: rows.Space, *, name: str) -> Json:
    """Return a Transition with its space, and what a relay heard of it."""
    return {
        **tasks.transition(done, people, name=name),
        "relay_delivery": relay_delivery(of, done.delivery),
        "pending_sync": is_pending(done.delivery),
        "space_id": space.space_id(of),
        "title": done.after.title,
        "assignee_display": people.name(done.after.assignee),
        "untrusted_fields": ["title", "*_display"],
    }


def invite(made: rows.InviteMade, of: rows.Space) -> Json:
    """Return an Invite with its code: this is the only time that anybody can show it."""
    row, space_id = made.invite, space.space_id(of)
    invite_id = ids.to_text("inv", row.id)
    return {
        "invite_id": invite_id,
        "invite_code": made.code,
        "invite_uri": made.uri,
        **_terms(of, role=row.role, uses=row.max_uses, ends_ms=row.na),
        **_publication(made, of),
        "join_mode": row.mode,
        "uses": row.uses,
        "replayed": made.replayed,
        "revoke_command": f"envoy invites revoke --space {space_id} {invite_id}",
    }


def _publication(made: rows.InviteMade, of: rows.Space) -> Json:
    """Return where a code can be redeemed."""
    is_there = made.publication == PUBLISHED
    return {
        "invite_scope": of.mode if made.publication != NOT_ATTEMPTED else LOCAL,
        "invite_transport": "local_hub" if made.publication == NOT_ATTEMPTED else "relay",
        "hosted_publication_attempted": made.publication != NOT_ATTEMPTED,
        "remote_redeemable": is_there,
        "cross_machine_redeemable": is_there,
        "hosted_invite_redeemable": is_there,
        "relay_publication": made.publication,
        "relay_expires_at": stamp(made.invite.na) if is_there else None,
        "intent_satisfied": made.publication != FAILED,
        "next_action": "sync_and_retry" if made.publication == FAILED else None,
    }


def not_made(of: rows.Space, *, role: str, uses: int, ends_ms: int, mode: str = "open") -> Json:
    """Return the Invite that would be made: without id and code, which nobody could redeem."""
    nothing = dict.fromkeys(("invite_id", "invite_code", "invite_uri"))
    return {
        **nothing,
        **_terms(of, role=role, uses=uses, ends_ms=ends_ms),
        "join_mode": mode,
        "revoke_command": None,
    }


def _terms(of: rows.Space, *, role: str, uses: int, ends_ms: int) -> Json:
    """Return what an invite gives, and how far it is known."""
    return {
        "space_id": space.space_id(of),
        "role": role,
        "join_mode": "open",
        "max_uses": uses,
        "uses": 0,
        "expires_at": stamp(ends_ms),
        "expires_at_iso": stamp(ends_ms),
        "invite_scope": of.mode,
        "invite_transport": "local_hub" if is_local(of) else "relay",
        "hosted_publication_attempted": False,
        "remote_redeemable": False,
        "cross_machine_redeemable": False,
        "hosted_invite_redeemable": False,
        "relay_publication": NOT_ATTEMPTED,
        "relay_expires_at": None,
        "invite_status": "active",
        "intended_status": "active",
        "intent_satisfied": True,
        "stale_after_activation": False,
        "next_action": None,
    }


def myself(did: bytes, name: str, kind: str, role: str | None = None) -> Json:
    """Return the Actor that this profile is, by the label it goes by."""
    return {**actor(did, name), "kind": kind, "role": role}


def joined(done: rows.Joined) -> Json:
    """Return where a code led."""
    return {
        "space_id": space.space_id(done.space),
        "space_name": done.space.name,
        "role": done.role,
        "member_id": ids.did_text(done.did),
        "join_state": done.join_state,
        "mode": done.space.mode,
    }


def acked(done: rows.Acked, of: rows.Space) -> Json:
    """Return how an acknowledgement moved the cursor of one space."""
    return {
        "space_id": space.space_id(of),
        "acked": done.acked,
        "remaining": done.remaining,
        "cursor": done.cursor,
    }
