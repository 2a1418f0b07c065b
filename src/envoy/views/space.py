"""Space: spaces in a list, members with their grants, invites without their codes.

What a member may do is what its best live role grant gives, and the grants stand beside it, so that
nobody has to believe a role. Expiry is shown by the clock of the reader and decides nothing.

Specification: docs/spec/authority.md, docs/spec/cli.md (JSON shapes).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from envoy import ids
from envoy.errors import NotFoundError, UsageError
from envoy.jsontext import loads
from envoy.lean import NamedTuple
from envoy.limits import LEASE_SECONDS_DEFAULT
from envoy.views import rows
from envoy.views.people import Json, People, stamp

VERBS = {
    "read": ["read"],
    "write": ["read", "write"],
    "admin": ["read", "write", "grant", "admin"],
    "owner": ["read", "write", "grant", "admin", "own"],
}


class Tally(NamedTuple):
    """What there is to do in a space."""

    open: int
    mine: int
    conflicts: int
    held: int
    quarantined: int
    waiting: int
    sealed: int
    isolated: bool = False  # shares no connection to its relay with other spaces


def find(spaces: Sequence[rows.Space], text: str) -> rows.Space:
    """Return the space that ``text`` means: an id, a unique prefix of one, or a unique name.

    Raises NotFoundError: space_not_found, id_ambiguous, space_name_ambiguous with both ids.
    """
    if text.lower().startswith("space_"):
        low, high = ids.span(text, "space")
        found = [space for space in spaces if low <= space.id <= high]
        wanted = ids.choose(text, [space.id for space in found], "space")
        return next(space for space in found if space.id == wanted)
    wanted_name = unicodedata.normalize("NFC", text)
    found = [one for one in spaces if unicodedata.normalize("NFC", one.name) == wanted_name]
    if len(found) == 1:
        return found[0]
    if found:
        matching = [ids.to_text("space", space.id) for space in found]
        raise NotFoundError("space_name_ambiguous", matching_ids=matching)
    raise NotFoundError("space_not_found", next_command="envoy spaces")


def choose(spaces: Sequence[rows.Space], text: str | None) -> rows.Space:
    """Return the space that ``text`` means; None means the only one there is.

    Raises NotFoundError, UsageError(missing_required_flag) where there are several.
    """
    if text is not None:
        return find(spaces, text)
    if len(spaces) == 1:
        return spaces[0]
    if not spaces:
        raise NotFoundError("space_not_found", next_command="envoy quickstart")
    raise UsageError("missing_required_flag", argument="--space", next_command="envoy spaces")


def space_id(row: rows.Space) -> str:
    """Return the id of a space as text."""
    return ids.to_text("space", row.id)


def policy(row: rows.Space) -> Json:
    """Return the policy of a space with every field; most spaces never set one."""
    found = loads(row.policy) if row.policy != "{}" else {}
    assert isinstance(found, dict)
    gate = {"reviews": 0, "review_by": [], "no_self_review": False, "evidence": []}
    return {
        "gate": {name: found.get(f"gate.{name}", value) for name, value in gate.items()},
        "lease_s": found.get("lease_s", LEASE_SECONDS_DEFAULT),
        "audit": found.get("audit", "keep"),
    }


def space(row: rows.Space, tally: Tally) -> Json:
    """Return a space as an entry of a list."""
    apart: Json = {"isolated": True} if tally.isolated else {}
    return {
        "space_id": space_id(row),
        "space_name": row.name,
        "role": row.role,
        "join_state": row.join_state,
        "mode": row.mode,
        **apart,
        "unread_count": 0 if row.muted else row.unread,
        "open_tasks": tally.open,
        "my_tasks": tally.mine,
        "conflicts": tally.conflicts,
        "held": tally.held,
        "quarantined": tally.quarantined,
        "waiting": tally.waiting,
        "sealed": tally.sealed,
        "pending_sync": row.pending > 0,
        "synced_at": stamp(row.synced_ms),
        "pinned": row.pinned == 1,
        "muted": row.muted == 1,
        "closed_at": stamp(row.closed_ms),
    }


def details(row: rows.Space, tally: Tally) -> Json:
    """Return a Space: its entry of a list, with what only its own page shows."""
    return {
        **space(row, tally),
        "description": row.description,
        "policy": policy(row),
        "created_at": stamp(row.created_ms),
        "expires_at": stamp(row.expires_ms),
    }


def member(row: rows.Member, people: People) -> Json:
    """Return a Member: the actor, and since when and by what."""
    current = row.role is not None
    made = people.actor(row.an)
    assert made is not None
    return {
        **made,
        "status": "active" if current else "removed",
        "membership_state": "current" if current else "history_only_not_current",
        "joined_at": stamp(row.joined_ms),
        "via": None if row.via is None else ids.to_text("grant", row.via),
        "removed_at": stamp(row.removed_ms),
        "is_me": row.did == people.me,
        "reads": row.reader == 1,
        "encryption_key_known": row.kid is not None,
        "forked": "fork" in row.flags,
    }


def is_live(row: rows.Grant, now_ms: int) -> bool:
    """Say whether a grant stands, at ``now_ms``."""
    return row.status == "live" and (row.na is None or row.na >= now_ms)


def grant(row: rows.Grant, people: People, *, now_ms: int) -> Json:
    """Return a grant and whether it stands."""
    expired = row.status == "live" and not is_live(row, now_ms)
    return {
        "grant_id": ids.to_text("grant", row.id),
        "kind": row.kind,
        "role": row.role,
        "verb": row.verb or (VERBS[row.role][-1] if row.role in VERBS else None),
        "scope": "space" if row.task is None else f"task:{ids.to_text('task', row.task)}",
        "depth": row.depth,
        "expires_at": stamp(row.na),
        "from": people.actor(row.author),
        "status": "expired" if expired else row.status,
        "ended_by": None if row.cause is None else ids.to_text("evt", row.cause),
    }


def permissions(
    row: rows.Member, people: People, grants: Sequence[rows.Grant], *, now_ms: int
) -> Json:
    """Return what a member may do and the grants that say so."""
    made = people.actor(row.an)
    assert made is not None
    mine = [one for one in grants if one.subject == row.an]
    given = {one.verb for one in mine if is_live(one, now_ms) and one.verb and not one.task}
    given.update(VERBS.get(row.role or "", ()))
    return {
        **made,
        "verbs": [verb for verb in VERBS["owner"] if verb in given],
        "grants": [grant(one, people, now_ms=now_ms) for one in mine],
    }


def epoch(row: rows.Space) -> Json:
    """Return the epoch that the space is written under."""
    found = None if row.epoch is None else ids.to_text("epoch", row.epoch)
    return {"epoch_id": found, "adequate": row.adequate == 1}


def invite(row: rows.Invite, people: People, space: rows.Space, *, now_ms: int) -> Json:
    """Return an invite without its code."""
    within = space_id(space)
    invite_id = ids.to_text("inv", row.id)
    status = "expired" if row.status == "active" and row.na < now_ms else row.status
    return {
        "invite_id": invite_id,
        "space_id": within,
        "role": row.role,
        "join_mode": row.mode,
        "max_uses": row.max_uses,
        "uses": row.uses,
        "created_at": stamp(row.created_ms),
        "expires_at": stamp(row.na),
        "expires_at_iso": stamp(row.na),
        "invite_scope": space.mode,
        "invite_status": status,
        "by": people.actor(row.author),
        "revoke_command": f"envoy invites revoke --space {within} {invite_id}",
    }
