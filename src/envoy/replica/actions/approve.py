"""Approval: the code of an approve invite asks; somebody on the list of its redeemers lets in.

Who has the code leaves a sealed request at the hub and waits. The redeemer sees who asks, with name
and fingerprint, and grants: a box, the grant, an answer. The code alone opens nothing, and since
one redeemer decides, no more come in than the invite has uses, whatever a hub does.

Laws: a request is believed only with a keys statement of its did for this space and the redeem
proof of the code. What waits has no key, so it is not pulled. A lost answer costs time, not the
way in: once the record is gone the space itself says who is a member.

Specification: docs/spec/invite.md, Approve mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from envoy import ids, limits
from envoy.core import bodies, invite
from envoy.core.capability import CAPS
from envoy.core.codec import B16, B32, decode, encode
from envoy.core.crypto import seal
from envoy.core.crypto.sign import public_key, sha256
from envoy.core.identity import check_statement, make_statement
from envoy.core.invite import InviteInfo, InviteKeys, JoinReply, JoinRequest
from envoy.core.joining import Joining, check_proof
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.errors import AuthorityError, ConflictError, NotFoundError, RelayError, RemoteFault
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica import sync
from envoy.replica.actions import access, enter, recall
from envoy.replica.actions.care import housekeep, post_box
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.rehearsal import Done, check_gives, perform
from envoy.replica.actions.space import blank, introduce
from envoy.replica.ports import call_hub
from envoy.replica.replica import Author, Call, Profile, Replica
from envoy.replica.roads import pack
from envoy.replica.unlocking import unlock
from envoy.state.authority import Judgement
from envoy.state.project import uses_of
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows
from envoy.views.reach import Reach, nothing

WAITING: Final = "joining"  # the note of a copy that waits to be let in
PENDING: Final = "pending_approval"
PREFIX: Final = "req"


class Waiting(Body, frozen=True):
    """What a copy that waits needs to ask after its request: no secret of the code itself."""

    lookup: B16
    fetch_auth: B32
    tag: B16
    name: str


class Request(NamedTuple):
    """A request that proves itself. ``id`` is the SHA-256 of its sealed bytes."""

    id: bytes
    invite: rows.Invite
    tag: bytes
    asks: JoinRequest
    enc: bytes
    is_answered: bool


# -- asking --------------------------------------------------------------------------------------


def ask(profile: Profile, keys: InviteKeys, info: InviteInfo, *, name: str) -> rows.Joined:
    """Leave a request for those who may let this profile in.

    Raises ConflictError (invalid_invite; limit_exceeded where too many ask already).
    """
    me, now = profile.identity, profile.clock.now_ms()
    assert info.enc is not None, "the info of an approve invite has the key that it is sealed to"
    enc, access = me.enc_key(0, info.space), public_key(me.access_seed(info.space))
    statement = bodies.Statement(*make_statement(me, info.space, no=0, ts=now))
    joining = Joining(info.space, info.invite, me.did, seal.kid(enc), access)
    request = JoinRequest(me.did, name, statement, access, invite.prove(keys, joining))
    with profile.events.transaction(durable=True):
        tag = profile.rows.claimer_tag(keys.lookup, profile.entropy(16))
    try:
        sealed = invite.seal_request(info.enc, keys.lookup, request)
        call = frames.InviteRequest(keys.lookup, keys.fetch_auth, tag, sealed)
        call_hub(profile.hub, call, frames.InviteAnswer)
    except HubRefusal as refusal:
        full = refusal.code == "quota_exceeded"
        raise ConflictError("limit_exceeded" if full else "invalid_invite") from refusal
    except RemoteFault as fault:
        raise ConflictError("invalid_invite") from fault
    replica = _wait(profile, info.space, Waiting(keys.lookup, keys.fetch_auth, tag, name))
    return ask_after(replica)


def _wait(profile: Profile, space: bytes, note: Waiting) -> Replica:
    """Return a copy of the space that waits, a new and empty one where there is none."""
    store = profile.rows
    with profile.events.transaction(durable=True):
        known = store.find_space(space)
        if known is None:
            store.let_in(space)
            known = blank(store.next_space(), space, b"")
        store.save(known._replace(join_state=PENDING))
        store.keep_note(known.sn, WAITING, encode(note))
    return Replica(profile, known.sn)


def is_waiting(replica: Replica) -> bool:
    """Say whether a copy waits to be let in."""
    return _note(replica) is not None


def find(profile: Profile, lookup: bytes) -> Replica | None:
    """Return the copy that waits by the invite ``lookup``, None if there is none."""
    for space in profile.rows.spaces():
        replica = Replica(profile, space.sn)
        note = _note(replica)
        if note is not None and note.lookup == lookup:
            return replica
    return None


def ask_after(replica: Replica) -> rows.Joined:
    """Return where a request led: in, or to waiting. Raises ConflictError(invalid_invite)."""
    came_in = complete(replica)
    if not came_in and not is_waiting(replica):
        raise ConflictError("invalid_invite")
    space = replica.space
    return rows.Joined(space, replica.me, space.role, "member" if came_in else PENDING)


def complete(replica: Replica) -> bool:
    """Come in, if this profile was let in; say if it was.

    A request whose record is gone and that led nowhere is given up with its copy.
    """
    note = _note(replica)
    if note is None:
        return replica.space.role is not None
    call = frames.InviteRequest(note.lookup, note.fetch_auth, note.tag, None)
    try:
        answer, is_gone = call_hub(replica.profile.hub, call, frames.InviteAnswer).reply, False
    except RelayError:
        return False
    except HubRefusal:
        answer, is_gone = None, True
    if answer is None and not is_gone:
        return False
    _open(replica, note, answer)
    if replica.space.role is None:
        if is_gone:
            _give_up(replica)
        return False

    def work(author: Author) -> list[Entry]:
        auth = author.batch.court.judgement.best[author.me].key
        introduce(author, replica.profile, name=note.name, auth=auth)
        author.batch.rows.keep_note(replica.sn, WAITING, None)
        return [author.batch.fresh[-1][0]]

    try:
        replica.compose(work)
    except ConflictError as error:
        if error.code != "clock_ahead":
            raise
        return True  # it reads; its card waits until the grant can be cited
    deliver(replica)
    return True


def _open(replica: Replica, note: Waiting, answer: bytes | None) -> None:
    """Read the space; the epoch that an answer names is asked for first."""
    told = None if answer is None else _answered(replica, note, answer)
    if replica.profile.roads is not None:
        with suppress(HubRefusal, RelayError):
            enter.let_in(replica, None if told is None else told.cap)
    sync.pull(replica)
    if told is None:
        return
    if unlock(replica, [told.epoch]):
        sync.pull(replica)


def _answered(replica: Replica, note: Waiting, answer: bytes) -> JoinReply | None:
    """Return what an answer says. Anybody can seal to anybody: what counts is what the space says.

    None for what does not open.
    """
    seed = replica.profile.identity.enc_seed(0, replica.space.id)
    try:
        return invite.open_reply(seed, note.lookup, answer)
    except RemoteFault:
        return None


def _give_up(replica: Replica) -> None:
    """Forget a request, and the copy if nothing else is in it."""
    store = replica.profile.rows
    with replica.profile.events.transaction(durable=True):
        space = store.space(replica.sn)
        store.keep_note(replica.sn, WAITING, None)
        if space.founder:
            store.save(space._replace(join_state="removed"))
        else:
            store.drop_space(replica.sn)
    roads = access.roads_of(replica.profile)
    if roads is not None and not space.founder:
        roads.leave(space.id)


def _note(replica: Replica) -> Waiting | None:
    """Return what a copy that waits noted, None if it does not wait."""
    found = replica.profile.rows.note(replica.sn, WAITING)
    return None if found is None else decode(found, Waiting)


# -- letting in ----------------------------------------------------------------------------------


def pending(replica: Replica) -> list[Request]:
    """Return, ascending by id, who asks to be let in by invites that this profile answers for.

    Those who came in otherwise meanwhile ask no more.
    """
    housekeep(_inside(replica))
    judgement = replica.batch().court.judgement
    found = [one for one in _requests(replica, judgement) if not one.is_answered]
    return sorted(one for one in found if judgement.role_of(one.asks.did) is None)


def _inside(replica: Replica) -> Replica:
    """Return the copy, read up to now. Raises AuthorityError(epoch_revoked) for who is not in."""
    look(replica)
    if replica.space.role is None:
        raise AuthorityError("epoch_revoked", space_id=to_text("space", replica.space.id))
    return replica


def request_of(replica: Replica, text: str) -> Request:
    """Return the request that ``text``, an id or the beginning of one, means.

    One that was answered is found as long as it lies at the hub. Raises NotFoundError (not_found,
    id_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, PREFIX)
    judgement = _inside(replica).batch().court.judgement
    found = {one.id: one for one in _requests(replica, judgement) if low <= one.id <= high}
    return found[ids.choose(text, found, PREFIX)]


def _requests(replica: Replica, judgement: Judgement) -> Iterator[Request]:
    """Yield the requests that prove themselves. Raises what a hub that is away raises."""
    seed = replica.profile.identity.enc_seed(0, replica.space.id)
    for row in replica.profile.rows.invites(replica.sn).values():
        body = judgement.ledger.by_id[row.id].body
        if row.status not in ("active", "used") or not isinstance(body, bodies.Invite):
            continue
        for posted in _posted(replica, row) if replica.me in body.redeemers else ():
            asks = _asking(seed, posted.request, row, body, space=replica.space.id)
            if asks is not None:
                ident = sha256(posted.request)
                yield Request(ident, row, posted.tag, *asks, posted.is_answered)


def _posted(replica: Replica, row: rows.Invite) -> tuple[frames.PostedRequest, ...]:
    """Return what lies at the hub for an invite; nothing where it has ended there."""
    call = frames.InviteReply(row.lookup, row.revoke_auth, None, None)
    try:
        return call_hub(replica.profile.hub, call, frames.InviteRequests).requests
    except HubRefusal:
        return ()


def _asking(
    seed: bytes, sealed: bytes, row: rows.Invite, body: bodies.Invite, *, space: bytes
) -> tuple[JoinRequest, bytes] | None:
    """Return a request and the key that it states, None if it does not prove itself."""
    try:
        asks = invite.open_request(seed, row.lookup, sealed)
        keys = asks.keys
        stated = check_statement(keys.statement, keys.sig, did=asks.did, space=space)
    except RemoteFault:
        return None
    joining = Joining(space, row.id, asks.did, seal.kid(stated.enc), asks.access)
    return (asks, stated.enc) if check_proof(body.ipk, asks.proof, joining) else None


def is_usable(request: Request) -> bool:
    """Say whether the epoch can be sealed to who asks: else nobody can let it in."""
    return seal.is_usable(request.enc)


def approve(
    replica: Replica, named: bytes, *, dry_run: bool = False, key: str | None = None
) -> Reach:
    """Let in who asks by the request ``named``.

    Somebody who is in already is only answered again. Raises NotFoundError(not_found),
    ConflictError (invalid_invite, invite_already_redeemed, limit_exceeded, enc_key_missing,
    space_closed), AuthorityError.
    """
    judgement = _inside(replica).batch().court.judgement
    found = [one for one in _requests(replica, judgement) if one.id == named]
    if not found:
        raise NotFoundError("not_found", kind="request", next_command="envoy invites pending")
    request, call = found[0], Call(key, ("invites approve", named))
    is_in = judgement.role_of(request.asks.did) is not None
    if is_in and (dry_run or not recall.told(replica, call)):
        if not dry_run:
            _answer_again(replica, request)
        return nothing(replica.space, is_rehearsal=dry_run)

    def act(author: Author) -> Done:
        _check_use(author, request)
        author.ensure_epoch()
        if not is_usable(request):
            raise ConflictError("enc_key_missing", kind="member")
        post_box(author, request.enc)
        asks = request.asks
        role, access = request.invite.role, asks.access
        made = bodies.Grant(asks.did, role, asks.name, asks.keys, access, request.invite.id)
        entry = author.say(made)
        check_gives(author.batch.court.judgement, entry)
        _reply(author.batch.space, author, request)
        return Done(entry)

    return perform(replica, act, about=request.asks.did, dry_run=dry_run, call=call)


def _check_use(author: Author, request: Request) -> None:
    """Refuse to let in by an invite that has ended or is used up: its uses count here."""
    batch, row = author.batch, request.invite
    judgement, now = batch.court.judgement, batch.now_ms
    if batch.space.closed_ms is not None:
        raise ConflictError("space_closed", space_id=to_text("space", batch.space.id))
    if not judgement.is_live(row.id) or row.na < now:
        raise ConflictError("invalid_invite", invite_id=to_text("inv", row.id))
    if judgement.acting(author.me, CAPS["grant"]) is None:
        raise AuthorityError("capability_missing", required_verb="grant")
    body = judgement.ledger.by_id[row.id].body
    assert isinstance(body, bodies.Invite), "its request was read by it"
    if uses_of(row.id, body, judgement) >= row.max_uses:
        raise ConflictError("invite_already_redeemed", invite_id=to_text("inv", row.id))
    if len(judgement.members()) >= limits.MEMBERS_MAX:
        raise ConflictError("limit_exceeded", members=len(judgement.members()))


def _reply(space: rows.Space, author: Author, request: Request) -> None:
    """Queue the answer behind the grant: who reads it finds all it needs."""
    row = request.invite
    assert space.epoch is not None, "the grant was written under it"
    told = JoinReply(space.id, space.epoch, _chain(author.profile, space, request))
    sealed = invite.seal_reply(request.enc, row.lookup, told)
    call = frames.InviteReply(row.lookup, row.revoke_auth, request.tag, sealed)
    author.batch.send("reply", encode(call), ident=row.id)


def _chain(profile: Profile, space: rows.Space, request: Request) -> bytes | None:
    """Return a chain for who is let in, None where no relay asks for one or I can give none."""
    roads = access.roads_of(profile)
    if roads is None or roads.place_of(space.id) is None:
        return None
    role = access.ROLES[request.invite.role]
    chain = access.issued(profile, space, request.asks.access, role)
    return None if chain is None else pack(chain)


def _answer_again(replica: Replica, request: Request) -> None:
    """Answer and box somebody who is in already: the first answer may have been lost."""
    with replica.profile.events.transaction(durable=True):
        batch = replica.batch()
        author = Author(replica.profile, batch)
        if batch.space.epoch is not None and batch.keys.find(batch.space.epoch) is not None:
            post_box(author, request.enc)
            _reply(batch.space, author, request)
        batch.finish()
    deliver(replica)
