"""Actions on authority: roles, removals, revocations, delegations, leaving, a new epoch.

Each is one transaction: the act, what ends with it, the epoch that leaves its subject out, and the
tasks it sets free. Before it ends a grant its author cites all it knows, so that what was seen
stays. Afterwards the very rules that everybody applies are asked what came of it: an act that they
would make void, or that leaves its target standing, is refused and writes nothing (``outranked``).

Laws: no face decides whether an act is allowed, and nothing here does either: the judgement after
the act does. Boxes and epoch heads stand in the outbox before the events that they open.

Specification: docs/spec/authority.md, Acts of clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from envoy import limits
from envoy.core import bodies
from envoy.core.capability import OTHERS, Grant
from envoy.core.cards import Known
from envoy.errors import AuthorityError, ConflictError, EnvoyError, NotFoundError, UsageError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica import slots
from envoy.replica.actions import directory, recall
from envoy.replica.actions.care import end_invites, post_box
from envoy.replica.actions.deliver import look
from envoy.replica.actions.rehearsal import Done, check_counts, check_gives, perform
from envoy.replica.actions.space import close_out
from envoy.replica.grants import dated_ahead
from envoy.replica.replica import Author, Call, Profile, Replica
from envoy.state import epochs as duties
from envoy.state import tasks
from envoy.state.authority import Judgement
from envoy.views import rows
from envoy.views.reach import Reach

SENIOR_FIRST: Final = ("read", "write", "admin", "owner")


# -- the acts ------------------------------------------------------------------------------------


def set_role(
    replica: Replica, member: bytes, role: str, *, dry_run: bool = False, key: str | None = None
) -> Reach:
    """Give the member ``role``; a lower one than before leaves the epoch, too.

    Raises NotFoundError(not_found) for who is no member, AuthorityError (capability_missing,
    outranked), ConflictError.
    """

    def act(author: Author) -> Done | None:
        court = author.batch.court
        was = court.judgement
        before = was.role_of(member)
        if before is None:
            raise NotFoundError("not_found", kind="member", next_command="envoy space members")
        if before == role and _is_citable(author, member, role):
            return None
        is_lower = SENIOR_FIRST.index(role) < SENIOR_FIRST.index(before)
        if is_lower:
            author.gather()
        entry = author.say(bodies.Role(member, role))
        check_counts(court.judgement, entry)
        if court.judgement.role_of(member) != role:
            raise _outranked(was, court.judgement, member)
        if is_lower:
            author.rotate()
        return Done(entry)

    call = Call(key, ("space role", member, role))
    return perform(replica, act, about=member, dry_run=dry_run, call=call)


def remove(
    replica: Replica,
    member: bytes,
    *,
    reason: str,
    undo: Sequence[bytes] = (),
    dry_run: bool = False,
    key: str | None = None,
) -> Reach:
    """End all grants of ``member`` and every open invite, leave the epoch, free its tasks.

    ``undo`` names acts of the member on authority that are void from here on. Raises NotFoundError
    (not_found), UsageError, AuthorityError (capability_missing, outranked), ConflictError.
    """
    if member == replica.me:
        raise UsageError("invalid_argument", argument="member", cause="self")
    if len(undo) > limits.UNDO_MAX:
        raise ConflictError("limit_exceeded", undo=len(undo), max=limits.UNDO_MAX)

    def act(author: Author) -> Done | None:
        court = author.batch.court
        was = court.judgement
        _check_undo(was, member, undo)
        if not undo and _is_removed(was, member):
            author.ensure_epoch()  # says again what is dated ahead
            new = [entry for entry, _ in author.batch.fresh]
            ends = [entry for entry in new if entry.kind in ("remove", "revoke")]
            return Done((ends or new)[-1]) if new else None
        author.gather()
        entry = author.say(bodies.Remove(member, reason, tuple(sorted(set(undo)))))
        check_counts(court.judgement, entry)
        if _grants_to(court.judgement, member):
            raise _outranked(was, court.judgement, member)
        standing = [one for one in undo if court.judgement.is_ok(one)]
        if standing:
            raise AuthorityError("outranked", event_ids=[to_text("evt", one) for one in standing])
        end_invites(author, _open_invites(author), "a member was removed")
        author.settle()
        return Done(entry, _free(author, [member]))

    call = _removing(key, member, reason, undo)
    return perform(replica, act, about=member, dry_run=dry_run, call=call)


def _removing(key: str | None, member: bytes, reason: str, undo: Sequence[bytes]) -> Call:
    """Return the call that removes ``member``."""
    return Call(key, ("space remove", member, reason, sorted(set(undo))))


def revoke(
    replica: Replica, target: bytes, *, reason: str, dry_run: bool = False, key: str | None = None
) -> Reach:
    """End one grant, delegation or invite, named by its id, of the genesis the id of the space.

    Raises NotFoundError(not_found), AuthorityError (capability_missing, outranked), ConflictError.
    """

    def act(author: Author) -> Done | None:
        court = author.batch.court
        grant = court.ledger.grants.get(target)
        if grant is None:
            raise NotFoundError("not_found", kind="grant", next_command="envoy permissions")
        if not court.judgement.is_live(target):
            return None
        author.gather()
        was = court.judgement
        under = _revoking(was, grant, author.me)
        entry = author.say(bodies.Revoke(target, reason), auth=under)
        check_counts(court.judgement, entry)
        if court.judgement.is_live(target):
            raise AuthorityError("outranked", grant_id=to_text("grant", target))
        author.settle()
        return Done(entry, _free(author, _lost(was, court.judgement)))

    call = Call(key, ("revoke", target, reason))
    return perform(replica, act, about=_subject(replica, target), dry_run=dry_run, call=call)


def leave(
    replica: Replica, *, reason: str = "", dry_run: bool = False, key: str | None = None
) -> Reach:
    """Give up every grant of this profile here, and the tasks it holds.

    Raises AuthorityError(outranked) for the founder, who stays.
    """

    def act(author: Author) -> Done | None:
        judgement = author.batch.court.judgement
        if author.me == judgement.ledger.founder:
            raise AuthorityError("outranked", cause="founder")
        if not _grants_to(judgement, author.me):
            return None
        freed = _free(author, [author.me])
        author.gather()
        entry = author.say(bodies.Leave(reason))
        if _grants_to(author.batch.court.judgement, author.me):
            raise AuthorityError("outranked")
        return Done(entry, freed)

    call = Call(key, ("space leave", reason))
    return perform(replica, act, about=replica.me, dry_run=dry_run, call=call)


def rotate(replica: Replica, *, dry_run: bool = False, key: str | None = None) -> Reach:
    """Write under a new epoch from here on.

    Raises AuthorityError(capability_missing) for a writer without a cause: nobody would use it.
    """

    def act(author: Author) -> Done:
        court = author.batch.court
        author.ensure_epoch()
        entry = author.rotate()
        latest = author.batch.now_ms + limits.CITABLE_AHEAD_MS
        plan = duties.plan(court.judgement, court.views, author=author.me, latest=latest)
        if plan.epoch is None or plan.epoch.epoch != author.batch.space.epoch:
            if plan.epoch is not None and plan.epoch.ts > latest:
                raise dated_ahead([plan.epoch])
            raise AuthorityError("capability_missing", required_verb="grant")
        return Done(entry)

    call = Call(key, ("space rotate",))
    return perform(replica, act, about=None, dry_run=dry_run, call=call)


class Delegation(NamedTuple):
    """What is delegated to whom; ``ttl_ms`` None: as long as what it is made from."""

    to: bytes
    verb: str
    task: bytes | None
    depth: int
    ttl_ms: int | None


def delegate(
    replica: Replica,
    given: Delegation,
    *,
    card: Known | None = None,
    dry_run: bool = False,
    key: str | None = None,
) -> Reach:
    """Let somebody act under a grant of this profile, and read the space if no member does already.

    ``card``: the card string that names ``given.to``; its key counts where no event has stated one.
    Raises ConflictError(enc_key_missing) where no key is known to seal the epoch to,
    AuthorityError (capability_missing, outranked), UsageError.
    """
    if not 0 <= given.depth <= limits.DELEGATION_DEPTH_MAX:
        raise UsageError("invalid_argument", argument="depth", max=limits.DELEGATION_DEPTH_MAX)
    if given.task is not None and given.verb == "read":  # a delegate reads the whole space anyway
        raise UsageError("invalid_argument", argument="scope", cause="read")
    look(replica)
    assert card is None or card.did == given.to, "the card names who is meant"
    statement = _stated(replica, given.to, card)

    def act(author: Author) -> Done:
        batch, court = author.batch, author.batch.court
        is_outside = court.judgement.role_of(given.to) is None
        known = batch.rows.members(batch.sn).get(given.to)
        enc = known.enc if known is not None and known.enc is not None else None
        if enc is None and statement is not None:
            enc = directory.key_of(statement, given.to)
        author.ensure_epoch()
        if is_outside:
            if enc is None:
                raise ConflictError("enc_key_missing", kind="member")
            post_box(author, enc)
        na = None if given.ttl_ms is None else batch.now_ms + given.ttl_ms
        keys = statement if is_outside else None
        made = bodies.Delegate(given.to, given.verb, given.task, given.depth, na, keys)
        entry = author.say(made)
        check_gives(court.judgement, entry)
        return Done(entry)

    call = Call(key, ("delegate", *given))
    return perform(replica, act, about=given.to, dry_run=dry_run, call=call)


def _stated(replica: Replica, did: bytes, card: Known | None) -> bodies.Statement | None:
    """Return the statement of the card key of ``did``, None where it stated a key here."""
    row = replica.profile.rows.members(replica.sn).get(did)
    if row is not None and row.enc is not None:
        return None
    return directory.find(replica.profile, did) if card is None else card.keys


def end_space(
    replica: Replica, *, reason: str = "", dry_run: bool = False, key: str | None = None
) -> Reach:
    """Close the space for good, with its open invites."""

    def act(author: Author) -> Done | None:
        if author.batch.space.closed_ms is not None:
            return None
        entry = close_out(author, reason)
        check_counts(author.batch.court.judgement, entry)
        return Done(entry)

    call = Call(key, ("space close", reason))
    return perform(replica, act, about=None, dry_run=dry_run, care=False, call=call)


# -- what the rules say --------------------------------------------------------------------------


def _is_citable(author: Author, member: bytes, role: str) -> bool:
    """Say whether ``member`` has ``role`` by a grant that is not dated ahead of this clock."""
    latest = author.batch.now_ms + limits.CITABLE_AHEAD_MS
    found = [one for one in _grants_to(author.batch.court.judgement, member) if one.role == role]
    return any(one.kind == "genesis" or one.act.ts <= latest for one in found)


def _grants_to(judgement: Judgement, did: bytes) -> list[Grant]:
    """Return the live grants to ``did``, senior first."""
    return [one for one in judgement.live if one.subject == did]


def _outranked(before: Judgement, after: Judgement, did: bytes) -> EnvoyError:
    """Return the error for a member whose grants an act left standing."""
    found = [one.key for one in _grants_to(before, did) if after.is_live(one.key)]
    return AuthorityError("outranked", grant_ids=[to_text("grant", one) for one in found])


def _is_removed(judgement: Judgement, did: bytes) -> bool:
    """Say whether a removal stands behind the end of every grant that ``did`` ever had.

    Who left, or was demoted, still writes from the past; a removal stops that. Raises
    NotFoundError(not_found) for somebody who never had a grant.
    """
    every = [one for one in judgement.ledger.grants.values() if one.subject == did]
    if not every:
        raise NotFoundError("not_found", kind="member", next_command="envoy roster")
    return all(
        any(kill.event.kind == "remove" for kill in judgement.kills.get(one.key, ()))
        for one in every
        if judgement.is_ok(one.event)
    )


def _check_undo(judgement: Judgement, did: bytes, undo: Sequence[bytes]) -> None:
    """Refuse to name acts that a removal of ``did`` cannot undo."""
    for one in undo:
        event = judgement.ledger.by_id.get(one)
        if event is None:
            raise NotFoundError("not_found", kind="event", event_id=to_text("evt", one))
        if event.author != did or event.kind in ("leave", "genesis"):
            raise UsageError(
                "invalid_argument",
                argument="--undo",
                cause="no_act_of_the_member",
                event_id=to_text("evt", one),
            )


def _revoking(judgement: Judgement, target: Grant, me: bytes) -> bytes:
    """Return the grant of mine to revoke ``target`` under: of a writer only one above it."""
    mine = _grants_to(judgement, me)
    for grant in mine:
        if grant.rank[0] < OTHERS or judgement.ledger.is_below(target, grant.key):
            return grant.key
    if not mine:
        raise AuthorityError("epoch_revoked", required_verb="read")
    raise AuthorityError("capability_missing", required_verb="grant")


def _lost(before: Judgement, after: Judgement) -> list[bytes]:
    """Return, ascending, who had a live grant and has none any more."""
    had, has = ({one.subject for one in judged.live} for judged in (before, after))
    return sorted(one for one in had - has if one is not None)


def _subject(replica: Replica, target: bytes) -> bytes | None:
    """Return who the grant ``target`` is to, None for an invite and what is not known."""
    row = replica.profile.rows.grant(replica.sn, target)
    return None if row is None else replica.profile.events.did(row.subject)


def _open_invites(author: Author) -> list[rows.Invite]:
    """Return the live open invites, used up or not: whoever left may hold their codes."""
    batch = author.batch
    known = batch.rows.invites(batch.sn)
    live = sorted(one.key for one in batch.court.judgement.live if one.ipk is not None)
    return [known[one] for one in live if one in known]


def _free(author: Author, dids: Iterable[bytes]) -> tuple[bytes, ...]:
    """Give back the tasks of ``dids`` as far as the rules of tasks let this profile do it."""
    batch, freed = author.batch, list[bytes]()
    ended = batch.space.expires_ms is not None and batch.space.expires_ms < batch.now_ms
    if batch.space.closed_ms is not None or ended:
        return ()
    for did in dids if author.has("write") else ():
        for task in batch.rows.tasks_of(batch.sn, batch.events.actor(did)):
            folded, body = batch.folded(task), bodies.TaskRelease(task, None)
            if folded is None or folded.tenure is None or folded.tenure.holder != did:
                continue
            if did == author.me and folded.tenure.id in batch.late(task):
                continue  # it cannot be named, so it stays held: its slot as well
            if tasks.refusal(folded, body, author.me, rho=batch.rho(task)) is None:
                author.say(body, slot=_slot(author, task) if did == author.me else None)
                freed.append(task)
    return tuple(freed)


def _slot(author: Author, task: bytes) -> tuple[str, bytes] | None:
    """Return the entry of the outbox that frees my slot of a task, None if I hold none."""
    batch = author.batch
    row = batch.rows.task(batch.sn, task)
    if row is None or row.fence is None or row.session is None:
        return None
    secret = batch.rows.find_holder(batch.sn, task, row.session)
    return None if secret is None else slots.give_back(task, secret)


# -- in every space ------------------------------------------------------------------------------


class Cast(NamedTuple):
    """What the removal of somebody from one space came to: its reach, or the code why it failed."""

    space: rows.Space
    reach: Reach | None
    error: str | None


def cast_out(
    profile: Profile, did: bytes, *, reason: str, dry_run: bool = False, key: str | None = None
) -> list[Cast]:
    """Remove ``did`` from every space of this profile that it is in, as far as each allows.

    Where it left by itself it is removed, too: who left can still write from the past. A ``key``
    is of each space, and is looked at in all of them first. Raises NotFoundError(not_found) where
    no space knows it, ConflictError(idempotency_mismatch).
    """
    found, call = list[Cast](), _removing(key, did, reason, ())
    for row in profile.rows.spaces() if key is not None and not dry_run else ():
        recall.told(Replica(profile, row.sn), call)
    for row in profile.rows.spaces():
        replica = Replica(profile, row.sn)
        look(replica)
        member = profile.rows.members(row.sn).get(did)
        if member is None or replica.space.role is None:
            continue
        try:
            reach = remove(replica, did, reason=reason, dry_run=dry_run, key=key)
        except EnvoyError as error:
            if member.role or member.reader:
                found.append(Cast(replica.space, None, error.code))
        else:
            found.append(Cast(replica.space, reach, None))
    if not found:
        raise NotFoundError("not_found", kind="member", next_command="envoy roster")
    return found
