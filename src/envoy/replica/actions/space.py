"""Actions on a space: found it, rename it, close it.

A space is founded locally and whole: its genesis, the founder's keys and card are one transaction,
and the hub hears of it afterwards. Closing ends content for everybody and is final.

Specification: docs/spec/event.md, Genesis; docs/spec/authority.md, Close.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy import limits
from envoy.core.bodies import (
    Card,
    Close,
    Genesis,
    MemberKeys,
    SpacePolicy,
    SpaceUpdate,
    Statement,
)
from envoy.core.codec import encode
from envoy.core.crypto.sign import SUITE, public_key
from envoy.core.epoch import box_tag
from envoy.core.genesis import RULES, Founding, found
from envoy.core.identity import make_statement
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.errors import UsageError
from envoy.jsontext import dumps, loads
from envoy.lean import NamedTuple
from envoy.replica import epochs, replies
from envoy.replica.actions.care import end_invites, housekeep
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.rehearsal import rehearse
from envoy.replica.batch import Batch
from envoy.replica.linking import CHAIN_BYTES
from envoy.replica.replica import Author, Call, Profile, Replica
from envoy.state.content import PolicyValue, sound_policy
from envoy.views import rows

VERSION: Final = "1.0.0"
LOCAL: Final = "local_only"


NO_CALL: Final = Call(None, ())


class Made(NamedTuple):
    """A space that was founded or changed; ``replayed``: by the call that this one repeats."""

    space: rows.Space
    replayed: bool


def create(
    profile: Profile,
    name: str,
    *,
    description: str = "",
    expires_ms: int | None = None,
    call: Call = NO_CALL,
) -> rows.Space:
    """Found a space and return its row. Arguments and errors are those of ``found_once``."""
    made = found_once(profile, name, description=description, expires_ms=expires_ms, call=call)
    return made.space


def found_once(
    profile: Profile, name: str, *, description: str, expires_ms: int | None, call: Call
) -> Made:
    """Found a space called ``name``, or return that of the call that ``call`` repeats.

    ``expires_ms`` is when clients show it as ended. Raises UsageError(invalid_argument),
    ConflictError(idempotency_mismatch).
    """
    check_name(name)
    me, now, draw = profile.identity, profile.clock.now_ms(), profile.entropy
    salt = draw(32)
    body = Genesis(
        founder=me.did,
        root_pub=public_key(me.space_root_seed(salt)),
        suite=SUITE,
        rules=RULES,
        name=name,
        expires=expires_ms,
        policy=(),
        hub=profile.hub.hub_key,
        nonce=draw(16),
        salt=salt,
    )
    made = found(
        me.signing_seed, body, secret=draw(32), chain=draw(CHAIN_BYTES), ts=now, entropy=draw(32)
    )
    with profile.events.transaction(durable=True):
        told = replies.find(profile, replies.PROFILE, call)
        before = None if told is None else profile.rows.find_space(bytes.fromhex(told))
        if before is not None:
            return Made(before, replayed=True)
        replies.keep(profile, replies.PROFILE, call, made.space.hex())
        sn = profile.rows.next_space()
        profile.rows.save(_row(sn, made, body, now))
        replica = Replica(profile, sn)
        batch = replica.batch()
        _begin(batch, made)
        author = Author(profile, batch)
        introduce(author, profile, name=profile.name, auth=made.space)
        if description:
            author.say(SpaceUpdate(None, check_description(description)), auth=made.space)
        box = epochs.box_for(
            me.enc_key(0, made.space), made.space, made.epoch.id, made.epoch.secret
        )
        if box is not None:
            batch.send("box", encode((box_tag(made.epoch.id, box[0]), box[1])), ident=made.epoch.id)
        batch.finish()
    deliver(replica)
    return Made(replica.space, replayed=False)


def _row(sn: int, made: Founding, body: Genesis, now: int) -> rows.Space:
    """Return the row of a space that is being founded."""
    return blank(sn, made.space, made.commitment)._replace(
        rules=body.rules,
        salt=body.salt,
        root_pub=body.root_pub,
        founder=body.founder,
        hub=body.hub,
        name=body.name,
        created_ms=now,
        expires_ms=body.expires,
        epoch=made.epoch.id,
        adequate=1,
    )


def blank(sn: int, space: bytes, genesis: bytes) -> rows.Space:
    """Return the row of a space of which nothing is known yet but its id and G."""
    return rows.Space(
        sn=sn,
        id=space,
        genesis=genesis,
        suite=SUITE,
        rules=RULES,
        salt=b"",
        root_pub=b"",
        founder=b"",
        hub=b"",
        hub_no=0,
        name="",
        description="",
        mode=LOCAL,
        created_ms=0,
        expires_ms=None,
        closed_ms=None,
        role=None,
        join_state="member",
        chain=None,
        tip=None,
        tip_seq=-1,
        instance=None,
        cursor=0,
        hub_chain=None,
        frame_sum=bytes(32),
        frame_count=0,
        next_n=1,
        reserved_n=0,
        ack_n=0,
        unread=0,
        epoch=None,
        adequate=0,
        events=0,
        heads_hash=bytes(32),
        state_sum=bytes(32),
        muted=0,
        pinned=0,
        synced_ms=None,
        pending=0,
        policy="{}",
    )


def _begin(batch: Batch, made: Founding) -> None:
    """Take the genesis in, and queue what hubs get of it, heads before events."""
    batch.keys.add(made.epoch.id, secret=made.epoch.secret, head=made.epoch.head)
    batch.send("create", made.commitment)
    batch.send("epoch", made.epoch.head, ident=made.epoch.id)
    batch.see(made.event.id)
    batch.accept(made.event, made.envelope)
    batch.space = batch.space._replace(chain=made.event.chain, tip=made.event.id, tip_seq=0)
    batch.send("frame", b"", ident=made.event.id)


def introduce(author: Author, profile: Profile, *, name: str, auth: bytes) -> None:
    """Write the keys and the card of a new member, under the grant it came in by."""
    me, now = profile.identity, profile.clock.now_ms()
    if auth == author.batch.space.id:  # a join brings its keys along
        stated = make_statement(me, author.batch.space.id, no=0, ts=now)
        author.say(MemberKeys(Statement(*stated)), auth=auth)
    author.say(Card(name, profile.type, VERSION, None, ()), auth=auth)


def update(
    replica: Replica, *, name: str | None, description: str | None, key: str | None = None
) -> Made:
    """Write a new name or description; None leaves a field alone."""
    if name is not None:
        check_name(name)
    if description is not None:
        check_description(description)
    housekeep(replica)

    def plan(batch: Batch) -> list[SpaceUpdate]:
        space = batch.space
        new_name = None if name == space.name else name
        new_description = None if description == space.description else description
        is_new = new_name is not None or new_description is not None
        return [SpaceUpdate(new_name, new_description)] if is_new else []

    written = replica.write(plan, call=Call(key, ("space update", name, description)))
    deliver(replica)
    return Made(replica.space, written.replayed)


def close(replica: Replica, *, reason: str = "", key: str | None = None) -> bool:
    """Close the space for good, with its open invites; say if that changed anything."""
    if replica.space.closed_ms is not None:
        return False

    call = Call(key, ("space close", reason))
    replica.compose(lambda author: [close_out(author, reason)], call=call)
    deliver(replica)
    return True


def close_out(author: Author, reason: str) -> Entry:
    """Write the end of a space and of its open invites; return the event that closes it."""
    live = author.batch.court.judgement.open_invites()
    known = author.batch.rows.invites(author.batch.sn)
    author.gather()
    said = author.say(Close(reason))
    end_invites(author, [known[one] for one in live], "closed")
    return said


class PolicySet(NamedTuple):
    """What became of a policy; ``replayed``: by the call that this one repeats."""

    changed: bool
    replayed: bool


def set_policy(
    replica: Replica, fields: Mapping[str, PolicyValue], *, key: str | None = None
) -> PolicySet:
    """Write those ``fields`` of the policy that have another value; say if there were any.

    By their dotted names (docs/spec/messages.md, Policy). Raises UsageError(field_invalid) for what
    no policy can have, AuthorityError, ConflictError.
    """
    given = _sound(fields)
    look(replica)
    housekeep(replica)

    def plan(batch: Batch) -> list[Body]:
        new = _newer(batch.space, given)
        return [SpacePolicy(new)] if new else []

    written = replica.write(plan, call=Call(key, ("space policy", given)))
    deliver(replica)
    return PolicySet(bool(written.entries) or written.replayed, written.replayed)


def rehearse_policy(replica: Replica, fields: Mapping[str, PolicyValue]) -> rows.Space:
    """Return the space as ``set_policy`` would leave it, changing nothing. Raises as that does."""
    given = _sound(fields)
    look(replica)
    row = replica.space
    new = _newer(row, given)
    if not new:
        return row
    rehearse(replica, lambda author: [author.say(SpacePolicy(new))])
    after = {**_policy(row), **{field: _shown(value) for field, value in new}}
    return row._replace(policy=dumps(after))


def _sound(fields: Mapping[str, PolicyValue]) -> tuple[tuple[str, PolicyValue], ...]:
    """Return fields in their order, which a policy can have. Raises UsageError(field_invalid)."""
    given = tuple(sorted(fields.items()))
    if sound_policy(given) != given:
        raise UsageError("field_invalid", kind="space.policy")
    return given


def _newer(
    space: rows.Space, given: tuple[tuple[str, PolicyValue], ...]
) -> tuple[tuple[str, PolicyValue], ...]:
    """Return those fields that have another value in ``space``."""
    shown = _policy(space)
    return tuple((field, value) for field, value in given if _shown(value) != shown.get(field))


def _policy(space: rows.Space) -> dict[str, object]:
    """Return the policy that the fold wrote into a row."""
    shown = loads(space.policy)
    assert isinstance(shown, dict), "the fold wrote an object"
    return shown


def _shown(value: PolicyValue) -> object:
    """Return a value of a policy as the row has it."""
    return list(value) if isinstance(value, tuple) else value


def check_name(name: str) -> str:
    """Return ``name``, which is short enough and not empty."""
    size = len(name.encode())
    if not name.strip() or size > limits.NAME_BYTES_MAX or "\0" in name:
        raise UsageError("invalid_argument", argument="name", bytes_max=limits.NAME_BYTES_MAX)
    return name


def check_description(text: str) -> str:
    """Return ``text``, which is short enough."""
    if len(text.encode()) > limits.TITLE_BYTES_MAX or "\0" in text:
        raise UsageError(
            "invalid_argument", argument="description", bytes_max=limits.TITLE_BYTES_MAX
        )
    return text
