"""Actions on conflicts: say that one is settled, and which side is kept.

Specification: docs/spec/conflicts.md.
"""

from __future__ import annotations

from envoy import ids
from envoy.core.records import ConflictResolve
from envoy.core.structs import Body
from envoy.errors import AuthorityError, ConflictError, NotFoundError, UsageError
from envoy.replica.actions import names
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.batch import Batch
from envoy.replica.replica import Call, Profile, Replica, check_text
from envoy.state import doubles, settling
from envoy.state.transitions import RANK_CREATOR
from envoy.views import rows, space


def find(profile: Profile, within: str | None, text: str) -> tuple[Replica, rows.Conflict]:
    """Return the conflict that ``text`` means and its space; ``within`` None: in any space.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, "cfl")
    every = profile.rows.spaces()
    chosen = [space.choose(every, within)] if within is not None or len(every) < 2 else every
    for one in chosen:
        look(Replica(profile, one.sn))
    found = {ident: one for one in chosen for ident in profile.rows.conflict_ids(one.sn, low, high)}
    wanted = ids.choose(text, found, "cfl")
    row = profile.rows.conflict(found[wanted].sn, wanted)
    if row is None:  # what met was ended meanwhile
        raise NotFoundError("not_found", kind="conflict")
    return Replica(profile, row.sn), row


def side(replica: Replica, row: rows.Conflict, text: str) -> bytes:
    """Return the act of a conflict that ``text`` means: its id, or the member who wrote it.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument) for what is no
    side, and for a member who wrote both.
    """
    both = (row.winner, row.loser)
    prefix, _, _ = text.lower().rpartition("_")
    if prefix in ids.EVENT_PREFIXES:
        low, high = ids.span(text, *ids.EVENT_PREFIXES)
        return ids.choose(text, [one for one in both if low <= one <= high], "evt")
    did = names.people(replica).find_ever(text).did
    found = [one for one in both if author(replica, one) == did]
    if len(found) != 1:
        cause = "both_sides" if found else "no_side"
        sides = [ids.to_text("evt", one) for one in both]
        raise UsageError("invalid_argument", argument="--keep", cause=cause, expected=sides)
    return found[0]


def author(replica: Replica, event: bytes) -> bytes | None:
    """Return who wrote an event."""
    entry = replica.profile.events.entry(replica.sn, event)
    return None if entry is None else entry.author


def resolve(
    replica: Replica,
    conflict: bytes,
    keep: bytes,
    *,
    note: str | None = None,
    key: str | None = None,
) -> rows.Redacted:
    """Mark a conflict as resolved with the side ``keep``; nothing else changes.

    Raises NotFoundError(not_found), AuthorityError(capability_missing), ConflictError
    (invalid_transition) for what is a side no more.
    """
    check_text(note or "")
    look(replica)

    def plan(batch: Batch) -> list[Body]:
        row = batch.rows.conflict(batch.sn, conflict)
        if row is None:
            raise NotFoundError("not_found", kind="conflict")
        body = ConflictResolve(conflict, keep, note)
        loser = batch.events.entry(batch.sn, row.loser)
        assert loser is not None, "a conflict is between accepted events"
        is_fork, rho = row.kind == doubles.FORK, batch.rho(row.entity)
        sides = settling.Sides(row.winner, row.loser, loser.author, is_fork)
        if body.keep not in (row.winner, row.loser):
            raise ConflictError("invalid_transition", conflict_id=ids.to_text("cfl", conflict))
        if row.kept == keep:
            return []
        refused = settling.refusal(body, sides, batch.me, rho=rho)
        if refused is not None or (row.kept is not None and rho < RANK_CREATOR):
            raise AuthorityError("capability_missing", required_verb="admin")
        return [body]

    asked = ("conflicts resolve", conflict, keep, note)
    written = replica.write(plan, call=Call(key, asked))
    changed = bool(written.entries) or written.replayed
    return rows.Redacted(written.event, changed, written.replayed, deliver(replica))
