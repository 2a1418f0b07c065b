"""Invites in approve mode: the code asks, its minter lets in, and nobody else comes by it."""

from __future__ import annotations

import pytest

from envoy import limits
from envoy.core import invite
from envoy.core.bodies import Close, Revoke, Statement
from envoy.core.crypto import seal
from envoy.core.crypto.sign import public_key, sign
from envoy.core.identity import make_statement
from envoy.core.joining import Joining
from envoy.core.structs import Body, replace
from envoy.errors import AuthorityError, ConflictError, NotFoundError
from envoy.replica.actions import approve, authority, local, members
from envoy.sync import frames
from replica.compare import differences, meaning
from replica.scenes import status_of
from replica.world import DAY_MS, MINUTE_MS, Actor, World


def code(lead: Actor, *, uses: int = 1, role: str = "write") -> str:
    """Make a code that asks."""
    made = members.make(lead.copy, role=role, max_uses=uses, ttl_ms=10 * MINUTE_MS, mode="approve")
    assert made.invite.mode == "approve"
    return made.code


def asking(world: World, lead: Actor, given: str, name: str = "agent") -> Actor:
    """Return somebody who asked and waits."""
    one = world.actor(name)
    done = one.join(given)
    assert (done.join_state, done.role) == ("pending_approval", None)
    return one


def let_in(lead: Actor, name: str) -> None:
    """Let somebody in by the name it gives itself."""
    (found,) = [one for one in approve.pending(lead.copy) if one.asks.name == name]
    approve.approve(lead.copy, found.id)


def sync(actor: Actor) -> None:
    """Do what the command does."""
    local.sync_all(actor.profile, None)


def code_of(refused: pytest.ExceptionInfo[ConflictError]) -> str:
    return refused.value.code


@pytest.mark.parametrize("how", ["sync", "join"])
def test_who_is_let_in_reads_the_whole_history(world: World, how: str) -> None:
    lead = world.actor("lead")
    lead.found()
    said = lead.send("before anybody came").event
    given = code(lead)
    agent = asking(world, lead, given)
    let_in(lead, "agent")
    if how == "sync":
        sync(agent)
    done = agent.join(given)
    assert (done.join_state, done.role) == ("member", "write")
    assert status_of(agent, said) == "ok" and agent.space.join_state == "member"
    after = agent.send("I am here").event
    sync(lead)
    assert status_of(lead, after) == "ok"
    assert lead.store.members(1)[agent.me].name == "agent"
    assert lead.store.members(1)[agent.me].type == "agent"  # its card came, too
    assert not approve.is_waiting(agent.copy)
    assert differences(meaning(lead), meaning(agent)) == []


def test_the_code_alone_opens_nothing(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    lead.send("not for everybody")
    agent = asking(world, lead, code(lead))
    sync(agent)
    assert agent.count("event") == agent.count("parked") == 0
    agent.pull()  # whoever has the hub's file may read its bytes
    assert agent.count("event") == 0 and agent.count("epoch") == 0
    assert agent.space.join_state == "pending_approval"


def test_who_asks_again_waits_on_and_is_one_request(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    given = code(lead)
    agent = asking(world, lead, given)
    assert agent.join(given).join_state == "pending_approval"
    assert len(approve.pending(lead.copy)) == 1


def test_two_requests_for_one_use_are_two_and_one_is_granted(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    given = code(lead)
    first, second = (asking(world, lead, given, name) for name in ("first", "second"))
    assert len(approve.pending(lead.copy)) == 2
    let_in(lead, "first")
    with pytest.raises(ConflictError) as caught:
        let_in(lead, "second")
    assert code_of(caught) == "invite_already_redeemed"
    for one in (first, second):
        sync(one)
    assert first.space.role == "write" and second.space.role is None
    (row,) = lead.store.invites(1).values()
    assert (row.status, row.uses) == ("used", 1)


def test_a_request_is_granted_once_and_answered_again(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    agent = asking(world, lead, code(lead))
    (request,) = approve.pending(lead.copy)
    done = approve.approve(lead.copy, request.id)
    again = approve.approve(lead.copy, request.id)
    assert done.changed and not again.changed
    sync(agent)
    assert agent.space.role == "write" and len(lead.store.grants(1)) == 2


def test_a_rehearsal_lets_nobody_in(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    agent = asking(world, lead, code(lead))
    (request,) = approve.pending(lead.copy)
    before = lead.space
    done = approve.approve(lead.copy, request.id, dry_run=True)
    assert done.changed and done.is_rehearsal and lead.space == before
    sync(agent)
    assert agent.space.role is None


def test_only_the_minter_sees_who_asks(world: World) -> None:
    lead, other = world.team("lead", "other")
    authority.set_role(lead.copy, other.me, "admin")
    asking(world, lead, code(lead))
    (request,) = approve.pending(lead.copy)
    other.sync()
    assert approve.pending(other.copy) == []
    with pytest.raises(NotFoundError):
        approve.approve(other.copy, request.id)


def test_a_minter_who_may_not_grant_any_more_lets_nobody_in(world: World) -> None:
    lead, other = world.team("lead", "other")
    authority.set_role(lead.copy, other.me, "admin")
    other.sync()
    asking(world, other, code(other))
    (request,) = approve.pending(other.copy)
    authority.set_role(lead.copy, other.me, "write")
    other.sync()
    with pytest.raises((ConflictError, AuthorityError, NotFoundError)):
        approve.approve(other.copy, request.id)


@pytest.mark.parametrize("how", ["revoked", "late"])
def test_by_an_invite_that_ended_nobody_is_let_in(world: World, how: str) -> None:
    lead = world.actor("lead")
    lead.found()
    given = code(lead)
    agent = asking(world, lead, given)
    (request,) = approve.pending(lead.copy)
    if how == "revoked":
        lead.copy.write(lambda _: [Revoke(request.invite.id, "")])
        with pytest.raises(NotFoundError):
            approve.approve(lead.copy, request.id)
        members.revoke_invite(lead.copy, request.invite.id)
    world.clock.now += DAY_MS
    with pytest.raises((ConflictError, NotFoundError)):
        approve.approve(lead.copy, request.id)
    with pytest.raises(ConflictError) as caught:
        agent.join(given)
    assert code_of(caught) == "invalid_invite"
    assert agent.profile.rows.spaces() == []  # what led nowhere leaves nothing


def test_a_lost_answer_costs_no_more_than_time(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    given = code(lead)
    agent = asking(world, lead, given)
    (request,) = approve.pending(lead.copy)
    approve.approve(lead.copy, request.id)
    agent.door.alter = lose_answer
    sync(agent)
    assert agent.space.join_state == "pending_approval"
    agent.door.alter = None
    world.clock.now += DAY_MS  # the record is gone, the grant is not
    sync(agent)
    assert agent.space.join_state == "member"


def lose_answer(call: Body, reply: Body) -> Body:
    """Let an answer to a request be lost."""
    return replace(reply, reply=None) if isinstance(reply, frames.InviteAnswer) else reply


@pytest.mark.parametrize("reply", [bytes(4096), None])
def test_an_answer_that_says_nothing_changes_nothing(world: World, reply: bytes | None) -> None:
    lead = world.actor("lead")
    lead.found()
    agent = asking(world, lead, code(lead))
    agent.door.alter = lambda _, found: (
        replace(found, reply=reply) if isinstance(found, frames.InviteAnswer) else found
    )
    sync(agent)
    assert agent.space.join_state == "pending_approval"


def post(agent: Actor, given: str, **changes: object) -> None:
    """Leave a request at the hub that says something else than its author's client would."""
    keys = invite.invite_keys(invite.parse(given).secret)
    profile, tag = agent.profile, bytes(16)
    blob = profile.hub.handle(frames.InviteFetch(keys.lookup, keys.fetch_auth, tag))
    assert isinstance(blob, frames.InviteBlob)
    info = invite.open_blob(keys, blob.blob)
    me, space = profile.identity, info.space
    enc = changes.pop("enc", me.enc_key(0, space))
    assert isinstance(enc, bytes) and info.enc is not None
    raw, _ = make_statement(me, space, no=0, ts=agent.clock.now)
    raw = raw.replace(me.enc_key(0, space), enc)
    stated = Statement(raw, sign(me.signing_seed, "keys", raw))
    access = public_key(me.access_seed(space))
    joining = Joining(space, info.invite, me.did, seal.kid(enc), access)
    asks = invite.JoinRequest(me.did, agent.name, stated, access, invite.prove(keys, joining))
    sealed = invite.seal_request(info.enc, keys.lookup, replace(asks, **changes))
    profile.hub.handle(frames.InviteRequest(keys.lookup, keys.fetch_auth, tag, sealed))


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({}, 1, id="a request that proves itself"),
        pytest.param({"did": bytes(32)}, 0, id="for another member"),
        pytest.param({"access": bytes(32)}, 0, id="with another access key"),
        pytest.param({"proof": bytes(64)}, 0, id="without the code"),
        pytest.param({"keys": Statement(b"", bytes(64))}, 0, id="without keys"),
    ],
)
def test_only_a_request_that_proves_itself_is_shown(
    world: World, changes: dict[str, object], count: int
) -> None:
    lead = world.actor("lead")
    lead.found()
    post(world.actor("agent"), code(lead), **changes)
    assert len(approve.pending(lead.copy)) == count


def test_whose_key_cannot_be_sealed_to_is_not_let_in(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    post(world.actor("agent"), code(lead), enc=b"\xff" * seal.PUBLIC_BYTES)
    (request,) = approve.pending(lead.copy)
    before = lead.space
    with pytest.raises(ConflictError) as caught:
        approve.approve(lead.copy, request.id)
    assert code_of(caught) == "enc_key_missing" and lead.space == before


def test_no_more_ask_than_an_invite_has_room_for(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    given = code(lead)
    for number in range(16):
        asking(world, lead, given, f"n{number}")
    late = world.actor("late")
    with pytest.raises(ConflictError):
        late.join(given)
    assert len(approve.pending(lead.copy)) == 16


@pytest.mark.parametrize(
    ("refusal", "code_"),
    [
        pytest.param("quota_exceeded", "limit_exceeded", id="too many ask already"),
        pytest.param("hosted_relay_invite_not_found", "invalid_invite", id="it has ended there"),
    ],
)
def test_who_may_not_even_ask_is_told_why_and_keeps_nothing(
    world: World, refusal: str, code_: str
) -> None:
    lead, agent = world.actor("lead"), world.actor("agent")
    lead.found()
    given = code(lead)
    agent.door.refusals[frames.InviteRequest] = refusal
    with pytest.raises(ConflictError) as caught:
        agent.join(given)
    assert code_of(caught) == code_ and agent.profile.rows.spaces() == []
    agent.door.refusals.clear()
    assert agent.join(given).join_state == "pending_approval"


def test_who_was_a_member_asks_again_and_keeps_its_copy_if_that_leads_nowhere(
    world: World,
) -> None:
    lead, agent = world.team("lead", "agent")
    authority.remove(lead.copy, agent.me, reason="")
    said = lead.send("not for the agent").event
    agent.sync()
    agent.join(code(lead))
    assert approve.is_waiting(agent.copy) and agent.space.join_state == "pending_approval"
    before = agent.count("event")
    world.clock.now += DAY_MS  # nobody answers in time
    sync(agent)
    assert agent.space.join_state == "removed" and agent.count("event") == before
    assert not approve.is_waiting(agent.copy) and not approve.complete(agent.copy)
    agent.join(code(lead))
    let_in(lead, "agent")
    sync(agent)
    assert agent.space.role == "write" and status_of(agent, said) == "ok"
    assert approve.complete(agent.copy), "who is in waits for nothing"


def test_who_was_removed_sees_nobody_ask(world: World) -> None:
    lead, other = world.team("lead", "other")
    authority.set_role(lead.copy, other.me, "admin")
    other.sync()
    asking(world, other, code(other))
    assert len(approve.pending(other.copy)) == 1
    authority.remove(lead.copy, other.me, reason="")
    with pytest.raises(AuthorityError) as caught:
        approve.pending(other.copy)
    assert caught.value.code == "epoch_revoked"


def test_nobody_is_let_into_a_space_that_has_ended(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    asking(world, lead, code(lead))
    (request,) = approve.pending(lead.copy)
    lead.copy.write(lambda _: [Close("done")])
    with pytest.raises(ConflictError) as caught:
        approve.approve(lead.copy, request.id)
    assert code_of(caught) == "space_closed" and len(lead.store.members(1)) == 1


def test_nobody_is_let_in_where_there_is_no_room_for_a_member(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = world.actor("lead")
    lead.found()
    agent = asking(world, lead, code(lead))
    (request,) = approve.pending(lead.copy)
    monkeypatch.setattr(limits, "MEMBERS_MAX", 1)
    with pytest.raises(ConflictError) as caught:
        approve.approve(lead.copy, request.id)
    assert (code_of(caught), caught.value.details["members"]) == ("limit_exceeded", 1)
    monkeypatch.undo()
    approve.approve(lead.copy, request.id)
    sync(agent)
    assert agent.space.role == "write"


def test_a_rehearsal_for_somebody_who_is_in_sends_nothing(world: World) -> None:
    lead = world.actor("lead")
    lead.found()
    asking(world, lead, code(lead))
    (request,) = approve.pending(lead.copy)
    approve.approve(lead.copy, request.id)
    lead.door.calls.clear()
    done = approve.approve(lead.copy, request.id, dry_run=True)
    assert done.is_rehearsal and not done.changed
    sent = [one for one in lead.door.calls if isinstance(one, frames.InviteReply) and one.reply]
    assert sent == [] and lead.space.pending == 0
