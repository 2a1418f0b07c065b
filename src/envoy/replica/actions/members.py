"""Actions on membership: invite, revoke an invite, join, and the housekeeping of admins.

An invite is public halves in the space, a blob and a use count at the hub, and a code that exists
nowhere but in the answer. Who joins reads first, with the key that the code derives, and writes its
join only after it has checked genesis and invite for itself.

Specification: docs/spec/invite.md; docs/spec/authority.md, Invites.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from envoy import ids, limits
from envoy.core import bodies, invite
from envoy.core.codec import encode
from envoy.core.crypto import seal
from envoy.core.crypto.aead import NONCE_BYTES
from envoy.core.crypto.sign import public_key, sha256, tagged
from envoy.core.identity import make_statement
from envoy.core.invite import InviteInfo, InviteKeys
from envoy.core.joining import Joining
from envoy.core.log import Entry
from envoy.errors import (
    ConflictError,
    EnvoyError,
    IntegrityError,
    NotFoundError,
    RemoteFault,
    UsageError,
)
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica import replies
from envoy.replica.actions import approve, enter, publishing
from envoy.replica.actions.care import end_invites, housekeep, post_box
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.local import exchange
from envoy.replica.actions.rehearsal import rehearse
from envoy.replica.actions.space import blank, check_name, introduce
from envoy.replica.ports import call_hub
from envoy.replica.replica import Author, Call, Profile, Replica, Written
from envoy.replica.roads import pin_text, read_pin, told
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows
from envoy.views.people import stamp
from envoy.views.reach import Reach

ROLES: Final = ("read", "write")
_PUBLISHED: Final = "p"  # behind the number in the note of an invite
_SPENT: Final = "invite_already_redeemed"


class Terms(NamedTuple):
    """What an invite is good for."""

    role: str
    max_uses: int
    ttl_ms: int
    mode: str = "open"


def rehearse_invite(replica: Replica, terms: Terms) -> Reach:
    """Return what an invite would do, and make none. Raises as ``make`` does."""
    _check_bounds(terms)
    look(replica)
    _check_open(replica)
    _check_room(replica)
    keys = invite.invite_keys(invite.new_secret(replica.profile.entropy(invite.SECRET_BYTES)))
    na = replica.profile.clock.now_ms() + terms.ttl_ms
    body = _body(keys, bytes(32), terms, na=na, me=replica.me)
    return rehearse(replica, lambda author: [author.say(body)])


def make(
    replica: Replica,
    *,
    role: str,
    max_uses: int,
    ttl_ms: int,
    mode: str = "open",
    key: str | None = None,
) -> rows.InviteMade:
    """Make an invite for ``max_uses`` joiners with ``role``, good for ``ttl_ms``.

    At the relay of the space, if it has one. Raises as ``issue`` does.
    """
    return issue(replica, Terms(role, max_uses, ttl_ms, mode), publish=None, key=key)


def issue(
    replica: Replica, terms: Terms, *, publish: bool | None, key: str | None = None
) -> rows.InviteMade:
    """Make an invite.

    ``publish``: at the relay of the space, or nothing is made; None: if it has one. Raises
    UsageError(invalid_argument), AuthorityError, ConflictError(space_closed, limit_exceeded,
    space_local_only), RelayError.
    """
    _check_bounds(terms)
    look(replica)
    housekeep(replica)
    _check_open(replica)
    _check_room(replica)
    if publish:
        publishing.require(replica)
    call = Call(key, ("invite", *terms, *(() if publish is not False else ("local",))))
    return _issue(replica, terms, call=call, before=lambda _: None, publish=publish is not False)


def rehearse_rotate(replica: Replica, named: bytes, terms: Terms) -> Reach:
    """Return what ending the invite ``named`` and making another would do, and do neither."""
    _check_bounds(terms)
    look(replica)
    _check_open(replica)
    keys = invite.invite_keys(invite.new_secret(replica.profile.entropy(invite.SECRET_BYTES)))
    na = replica.profile.clock.now_ms() + terms.ttl_ms
    body = _body(keys, bytes(32), terms, na=na, me=replica.me)

    def say(author: Author) -> list[Entry]:
        _end_live(author, named)
        return [author.say(body)]

    return rehearse(replica, say)


def rotate(
    replica: Replica, named: bytes, terms: Terms, *, key: str | None = None
) -> rows.InviteMade:
    """End the invite ``named`` and make another one, in one act. Raises as ``make`` does.

    One that has ended already is only followed by the new one.
    """
    _check_bounds(terms)
    look(replica)
    _check_open(replica)

    call = Call(key, ("invites rotate", named, *terms))
    return _issue(replica, terms, call=call, before=lambda author: _end_live(author, named))


def _end_live(author: Author, named: bytes) -> None:
    """End an invite, if it has not ended."""
    row = author.batch.rows.invites(author.batch.sn)[named]
    if row.status in ("active", "used"):
        end_invites(author, [row], "rotated")


def _body(
    keys: InviteKeys, revoke_auth: bytes, terms: Terms, *, na: int, me: bytes
) -> bodies.Invite:
    """Return what an invite says in the space: the public halves of its code.

    In approve mode the code opens no epoch, and its minter ``me`` answers the requests.
    """
    is_open = terms.mode == "open"
    return bodies.Invite(
        ipk=invite.ipk(keys),
        access=public_key(keys.access),
        enc=seal.public_key(keys.enc) if is_open else None,
        mode=terms.mode,
        role=terms.role,
        max_uses=terms.max_uses,
        na=na,
        lookup=keys.lookup,
        revoke_auth=revoke_auth,
        redeemers=() if is_open else (me,),
    )


def _check_open(replica: Replica) -> None:
    """Refuse to let anybody into a space that is closed."""
    if replica.space.closed_ms is not None:
        raise ConflictError("space_closed", space_id=to_text("space", replica.space.id))


def _issue(
    replica: Replica,
    terms: Terms,
    *,
    call: Call,
    before: Callable[[Author], None],
    publish: bool = True,
) -> rows.InviteMade:
    """Write an invite after what ``before`` writes, and return it with its code.

    ``publish``: at the relay of the space, if it has one.

    A code is stored nowhere. Under a key it hangs on the profile's own secret and on a number that
    is kept with the answer, so that the same call can show it again, and nobody else can.
    """
    profile, draw = replica.profile, replica.profile.entropy
    number = draw(32)
    secret = _secret(profile, replica.space.id, number)
    keys, revoke_auth = invite.invite_keys(secret), draw(32)
    na = profile.clock.now_ms() + terms.ttl_ms
    body = _body(keys, revoke_auth, terms, na=na, me=replica.me)
    is_open = terms.mode == "open"
    road = publishing.road(replica, body) if publish else None

    def work(author: Author) -> list[Entry]:
        author.note = number.hex() + ("" if road is None else _PUBLISHED)
        before(author)
        entry = author.say(body)
        if is_open:
            post_box(author, body.enc)
        info = publishing.info(author, body, entry.id, road)
        put = frames.InvitePut(
            lookup=keys.lookup,
            fetch_hash=sha256(keys.fetch_auth),
            revoke_hash=sha256(revoke_auth),
            blob=invite.seal_blob(keys, info, draw(NONCE_BYTES)),
            expires=na,
            uses=terms.max_uses if is_open else limits.JOIN_REQUESTS_MAX,
        )
        what = "invite" if road is None else "publish"
        author.batch.send(what, encode(put), ident=entry.id)
        return [entry]

    written = replica.compose(work, call=call)
    deliver(replica)
    if profile.tend is not None:
        profile.tend(replica)  # what ended with it is to end at the relay, too
    if written.replayed:
        number = bytes.fromhex(written.note.removesuffix(_PUBLISHED))
        secret = _secret(profile, replica.space.id, number)
        road = publishing.road(replica, body) if written.note.endswith(_PUBLISHED) else None
    return _made(replica, written, secret, road)


def _made(
    replica: Replica, written: Written, secret: bytes, road: publishing.Road | None
) -> rows.InviteMade:
    """Return an invite with its code, and where that can be redeemed."""
    assert written.event is not None, "an invite always writes an event"
    row = replica.profile.rows.invites(replica.sn)[written.event]
    uri = invite.uri(secret)
    if road is not None:
        uri = invite.uri(secret, relay=road.origin, pin=pin_text(road.pin))
    publication = publishing.publication(replica, road, row)
    return rows.InviteMade(row, invite.code(secret), uri, written.replayed, publication)


def _secret(profile: Profile, space: bytes, number: bytes) -> bytes:
    """Return the secret of an invite: of the profile's own secret and a random number."""
    own = profile.identity.access_seed(space)
    return invite.new_secret(tagged("invite-code", own, number)[: invite.SECRET_BYTES])


def _check_bounds(terms: Terms) -> None:
    """Refuse an invite that no replica would accept."""
    role, max_uses, ttl_ms, mode = terms
    if mode not in bodies.MODES:
        raise UsageError("invalid_argument", argument="mode", allowed=list(bodies.MODES))
    if role not in ROLES:
        raise UsageError("invalid_argument", argument="role", allowed=list(ROLES))
    if not 1 <= max_uses <= limits.INVITE_USES_MAX:
        raise UsageError("invalid_argument", argument="max-uses", max=limits.INVITE_USES_MAX)
    if not 0 < ttl_ms <= limits.INVITE_SECONDS_MAX * 1000:
        raise UsageError("invalid_argument", argument="ttl", seconds_max=limits.INVITE_SECONDS_MAX)


def _check_room(replica: Replica) -> None:
    """Refuse more members or live invites than a space takes, and any in a closed one."""
    if replica.space.closed_ms is not None:
        raise ConflictError("space_closed", space_id=to_text("space", replica.space.id))
    store, sn, now = replica.profile.rows, replica.sn, replica.profile.clock.now_ms()
    members = sum(1 for row in store.members(sn).values() if row.role)
    invites = store.invites(sn).values()
    live = sum(1 for row in invites if row.status == "active" and row.na >= now)
    if members >= limits.MEMBERS_MAX or live >= limits.INVITES_MAX:
        raise ConflictError("limit_exceeded", members=members, invites=live)


def revoke_invite(replica: Replica, named: bytes, *, key: str | None = None) -> bool:
    """End the invite with the id or lookup id ``named``; say if that changed anything.

    Raises NotFoundError(not_found), AuthorityError.
    """
    look(replica)
    found = [
        row
        for row in replica.profile.rows.invites(replica.sn).values()
        if named in (row.id, row.lookup)
    ]
    if not found:
        raise NotFoundError("not_found", kind="invite")
    if found[0].status not in ("active", "used"):
        return False
    call = Call(key, ("invites revoke", found[0].id))
    replica.compose(lambda author: end_invites(author, found, "revoked"), call=call)
    deliver(replica)
    return True


def lookup_of(code: str) -> bytes:
    """Return the lookup id that a code derives. Raises ConflictError(invalid_invite)."""
    return invite.invite_keys(invite.parse(code).secret).lookup


def place_in(code: str) -> enter.Place | None:
    """Return the relay that a code or URI names. Raises ConflictError(invalid_invite)."""
    link = invite.parse(code)
    if link.relay is None:
        return None
    try:
        return enter.Place(link.relay, read_pin(link.pin))
    except UsageError as error:
        raise ConflictError("invalid_invite") from error


def find_invite(replica: Replica, text: str) -> rows.Invite:
    """Return the invite that ``text``, its id, a prefix of it or its code, means.

    It may have ended. Raises NotFoundError (not_found, id_ambiguous), ConflictError(invalid_invite)
    for what is neither, UsageError(invalid_argument).
    """
    known = replica.profile.rows.invites(replica.sn)
    if text.partition("_")[0].lower() in ids.EVENT_PREFIXES:
        low, high = ids.span(text, *ids.EVENT_PREFIXES)
        return known[ids.choose(text, [one for one in known if low <= one <= high], "inv")]
    lookup = lookup_of(text)
    for row in known.values():
        if row.lookup == lookup:
            return row
    raise NotFoundError("not_found", kind="invite", next_command="envoy invites list")


# -- joining -------------------------------------------------------------------------------------


def join(
    profile: Profile,
    code: str,
    *,
    name: str,
    place: enter.Place | None = None,
    key: str | None = None,
) -> rows.Joined:
    """Redeem a code and return the space it led to, or will lead to once somebody approves it.

    ``place`` is the relay that is asked where this machine does not know the code, None: none is.
    Raises ConflictError: invalid_invite (wrong, expired, revoked), invite_already_redeemed; of a
    relay NotFoundError(hosted_relay_invite_not_found), RelayError.
    """
    check_name(name)
    keys = invite.invite_keys(invite.parse(code).secret)
    call = Call(key, ("join", keys.lookup, name))
    is_again = _note_join(profile, call)
    known = _joined(profile, keys.lookup)
    if known is not None and known.role is not None:
        deliver(Replica(profile, known.sn))
        housekeep(Replica(profile, known.sn))
        return rows.Joined(known, profile.identity.did, known.role, "member", is_again)
    waiting = approve.find(profile, keys.lookup)
    if waiting is not None:
        return approve.ask_after(waiting)
    info, far = _find(profile, keys, place)
    if info.mode == "approve":
        if far is not None:
            enter.wait_at(profile, far, keys, info)
        return approve.ask(profile, keys, info, name=name)
    replica = _read(profile, keys, info, far)
    statement = make_statement(profile.identity, info.space, no=0, ts=profile.clock.now_ms())
    enc = profile.identity.enc_key(0, info.space)
    access = public_key(profile.identity.access_seed(info.space))
    joining = Joining(info.space, info.invite, replica.me, seal.kid(enc), access)
    body = bodies.Join(name, bodies.Statement(*statement), access, invite.prove(keys, joining))

    def work(author: Author) -> list[Entry]:
        entry = author.say(body, auth=info.invite)
        introduce(author, profile, name=name, auth=entry.id)
        post_box(author, enc)
        return [entry]

    replica.compose(work)
    deliver(replica)
    look(replica)
    space = replica.space
    if space.role is None:
        raise ConflictError(_SPENT, space_id=to_text("space", info.space))
    return rows.Joined(space, replica.me, space.role, "member")


def _read(profile: Profile, keys: InviteKeys, info: InviteInfo, far: enter.Place | None) -> Replica:
    """Return a copy of the space of an invite, read and checked; ``far``: from a relay."""
    is_new = profile.rows.find_space(info.space) is None
    replica = _copy(profile, info, keys)
    try:
        if far is not None:
            enter.come_in(profile, far, keys, info)
        exchange(replica)
        _check(replica, info)
        if far is not None:
            enter.settle_in(replica, keys, info)
    except EnvoyError:
        if is_new:  # who is not let in keeps nothing of what is inside
            with profile.events.transaction(durable=True):
                profile.rows.drop_space(replica.sn)
            if far is not None:
                enter.leave(profile, info.space)
        raise
    return replica


def _note_join(profile: Profile, call: Call) -> bool:
    """Note the key of a join; say if it was noted before. The code itself makes it happen once."""
    with profile.events.transaction(durable=True):
        told = replies.find(profile, replies.PROFILE, call)
        if told is None:
            replies.keep(profile, replies.PROFILE, call, "join")
    return told is not None


def _joined(profile: Profile, lookup: bytes) -> rows.Space | None:
    """Return the space of the invite ``lookup`` if this profile is in it: that burns no use."""
    for space in profile.rows.spaces():
        invites = profile.rows.invites(space.sn).values()
        if space.role is not None and any(row.lookup == lookup for row in invites):
            return space
    return None


def _find(
    profile: Profile, keys: InviteKeys, place: enter.Place | None
) -> tuple[InviteInfo, enter.Place | None]:
    """Return what an invite says, and the relay that it is to be read from, None: it is here."""
    call = _fetching(profile, keys)
    try:
        info = _opened(profile, keys, call_hub(profile.hub, call, frames.InviteBlob))
    except HubRefusal as refusal:
        if refusal.code != enter.NOT_THERE:
            raise told(refusal) from refusal
        if place is None:
            raise ConflictError("invalid_invite") from refusal
        info = _opened(profile, keys, enter.fetch(profile, place, call))
        return info, enter.at(place, info)
    return info, publishing.place_of(profile, info)


def _fetching(profile: Profile, keys: InviteKeys) -> frames.InviteFetch:
    """Return the call that redeems a use, the same one each time."""
    with profile.events.transaction(durable=True):
        tag = profile.rows.claimer_tag(keys.lookup, profile.entropy(16))
    return frames.InviteFetch(keys.lookup, keys.fetch_auth, tag)


def _opened(profile: Profile, keys: InviteKeys, reply: frames.InviteBlob) -> InviteInfo:
    """Return what the record of an invite says. Raises ConflictError(invalid_invite)."""
    try:
        info = invite.open_blob(keys, reply.blob)
    except RemoteFault as fault:
        raise ConflictError("invalid_invite") from fault
    if info.na < profile.clock.now_ms():
        raise ConflictError("invalid_invite", expired_at=stamp(info.na))
    return info


def _copy(profile: Profile, info: InviteInfo, keys: InviteKeys) -> Replica:
    """Return a copy of the space to read into, a new one where there is none."""
    with profile.events.transaction(durable=True):
        known = profile.rows.find_space(info.space)
        sn = profile.rows.next_space() if known is None else known.sn
        if known is None:
            profile.rows.let_in(info.space)
            profile.rows.save(blank(sn, info.space, b"")._replace(join_state="pending_approval"))
    return Replica(profile, sn, seeds=[keys.enc])


def _check(replica: Replica, info: InviteInfo) -> None:
    """Refuse to join what the space itself does not confirm: its genesis, a live invite."""
    if not replica.space.founder:
        raise IntegrityError(
            "state_corrupt", space_id=to_text("space", info.space), cause="genesis_missing"
        )
    row = replica.profile.rows.invites(replica.sn).get(info.invite)
    if row is None or row.status in ("revoked", "void", "invalid"):
        raise ConflictError("invalid_invite", space_id=to_text("space", info.space))
    if row.status == "used":
        raise ConflictError(_SPENT, space_id=to_text("space", info.space))
    if replica.space.closed_ms is not None:
        raise ConflictError("space_closed", space_id=to_text("space", info.space))
