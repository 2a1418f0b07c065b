"""What hostile members do: modified clients with real keys, who sign whatever they like.

They backdate, deny what they have seen, write one place of a chain twice, act on authority they do
not have, send rubbish, and carry the work of somebody who was removed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from envoy import limits
from envoy.core import bodies
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.errors import EnvoyError
from envoy.replica.actions.deliver import deliver
from envoy.replica.ingest import take_in
from envoy.replica.replica import Author
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from replica.forge import Forger, Value
from replica.scenes import frames_of, message
from sim.acts import NOTHING, Act
from sim.hubs import drawn
from sim.member import Member
from sim.world import World

ROLES: Final = ("read", "write", "admin", "owner")


def _evil(world: World, member: Member) -> Member | None:
    """Return who is hostile: the member, unless it is the founder, whom nothing could stop."""
    if member.me == world.members[0].me:
        member = world.members[1]
    if not member.is_in or member.space.epoch is None:
        return None
    row = member.events.epoch(member.space.sn, member.space.epoch)
    if row is None or row.secret is None:
        return None
    member.is_hostile = True
    for one in world.members:
        one.is_hostile = one.is_hostile or one.me == member.me
    return member


def _log(member: Member) -> list[Entry]:
    return member.events.entries(member.space.sn, after=0, limit=100_000)


def _any(member: Member, dice: random.Random, *kinds: str) -> bytes:
    """Return an event, of some kinds if there is one."""
    log = _log(member)
    found = [one.id for one in log if one.kind in kinds]
    return dice.choice(found or [one.id for one in log])


def body_of(world: World, member: Member, dice: random.Random) -> Body:
    """Return what somebody may want to say without right."""
    whom = dice.choice(world.members).me
    text = f"evil {world.acting}"
    task = _any(member, dice, "task.create")
    makers: list[Callable[[], Body]] = [
        lambda: message(text),
        lambda: message(text),
        lambda: bodies.Grant(whom, dice.choice(ROLES), None, None, None, None),
        lambda: bodies.Role(whom, dice.choice(ROLES)),
        lambda: bodies.Remove(whom, text, tuple(sorted({_any(member, dice, *_ACTS)}))),
        lambda: bodies.Remove(whom, text, ()),
        lambda: bodies.Revoke(_any(member, dice, *_ACTS), text),
        lambda: bodies.Leave(text),
        lambda: bodies.Admit((_any(member, dice, "message", "remove"),), text),
        lambda: bodies.Delegate(whom, dice.choice(("read", "write")), None, 3, None, None),
        lambda: bodies.HubPin(dice.randrange(1, 3), drawn(text), None),
        lambda: bodies.Close(text),
        lambda: bodies.EpochCreate(1, drawn(text, size=16), drawn(text), ()),
        lambda: bodies.TaskClaim(task, "default", 900, drawn(text), None),
        lambda: bodies.TaskComplete(task, _any(member, dice, "task.claim"), "", (), False),
        lambda: bodies.TaskAssign(task, whom),
        lambda: bodies.TaskCancel(task, text),
        lambda: bodies.SpaceUpdate(text, None),
        lambda: bodies.Merge(dice.choice((None, task))),
        lambda: bodies.KeyRequest((drawn(text),)),
    ]
    return dice.choice(makers)()


_ACTS: Final = ("grant", "role", "join", "delegate", "invite", "remove", "revoke", "epoch.create")


def _publish(world: World, member: Member, dice: random.Random, found: list[bytes]) -> None:
    """Put frames where others find them: at the hub, or in somebody's hands."""
    if dice.random() < 0.5:
        with suppress(EnvoyError, HubRefusal):
            member.net.handle(frames.Push(member.space.id, tuple(found)))
        return
    to = [one for one in world.members if one.is_in and one is not member]
    if to:
        take_in(dice.choice(to).replica(), found, source="hand")


def _place(entry: Entry, body: Body, member: Member, dice: random.Random) -> dict[str, Value]:
    """Return a place right behind one old event, under any grant there is."""
    grants = [one for one in _log(member) if one.kind in (*_ACTS[:5], "genesis")]
    mine = [one for one in grants if one.author == member.me] or grants
    grant = dice.choice(mine if dice.random() < 0.5 else grants)
    auth = member.space.id if grant.kind == "genesis" else grant.id
    held = member.profile.rows.grants_of(member.space.sn, member.events.actor(member.me))
    if held and dice.random() < 0.6:
        auth = member.space.id if held[-1].kind == "genesis" else held[-1].id
    return {"deps": (entry.id,), "lam": entry.lam + 1, "ts": entry.ts, "auth": auth, "basis": ()}


def backdate(world: World, member: Member, dice: random.Random) -> str:
    """Write as if nothing had happened since some event."""
    evil = _evil(world, member)
    if evil is None:
        return NOTHING
    found, entry = list[bytes](), dice.choice(_log(evil))
    forger = Forger(evil, draw=world.entropy)
    for number in range(dice.randrange(1, 4)):
        body = body_of(world, evil, dice)
        place = _place(entry, body, evil, dice)
        if number and forger.tip is not None:
            tip = forger.tip
            place |= {"deps": (), "lam": tip.lam + 1, "ts": tip.ts, "seq": tip.seq + 1}
        frame, _ = forger.say(body, **place)
        found.append(frame)
    _publish(world, evil, dice, found)
    return f"backdated {len(found)}"


def equivocate(world: World, member: Member, dice: random.Random) -> str:
    """Write a second event in the place of one of one's own."""
    evil = _evil(world, member)
    own = [] if evil is None else [one for one in _log(evil) if one.author == evil.me and one.seq]
    if evil is None or not own:
        return NOTHING
    entry = dice.choice(own)
    forger = Forger(evil, chain=entry.chain, draw=world.entropy)
    place = _place(entry, message(), evil, dice)
    place |= {"seq": entry.seq, "prev": entry.prev, "lam": entry.lam, "ts": entry.ts}
    place["deps"] = tuple(one for one in entry.parents if one != entry.prev)
    frame, _ = forger.say(body_of(world, evil, dice), **place)
    _publish(world, evil, dice, [frame])
    return "equivocated"


def junk(world: World, member: Member, dice: random.Random) -> str:
    """Send what is no event."""
    evil = _evil(world, member)
    if evil is None:
        return NOTHING
    forger = Forger(evil, draw=world.entropy)
    good, _ = forger.say(message("junk"))
    at = dice.randrange(len(good))
    makers: list[Callable[[], bytes]] = [
        lambda: forger.unsigned(message()),
        lambda: forger.misplaced(message()),
        lambda: forger.anonymous(message()),
        lambda: forger.versioned(2),
        lambda: good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :],
        lambda: good[:-1],
        lambda: forger.say(message(), kind="vote")[0],
        lambda: forger.say(message(), raw=b"\x90")[0],
        lambda: forger.say(message(), deps=(drawn("nothing"),))[0],
        lambda: forger.say(message(), lam=1, ts=limits.CITABLE_AHEAD_MS)[0],
    ]
    found = [one() for one in dice.sample(makers, 3)]
    _publish(world, evil, dice, found)
    return "sent junk"


def defy(world: World, member: Member, dice: random.Random) -> str:
    """Write with the real pen what no action would let one write, after a look or without one."""
    evil = _evil(world, member)
    if evil is None:
        return NOTHING
    body, auth = body_of(world, evil, dice), None
    if dice.random() < 0.4:
        auth = _any(evil, dice, *_ACTS[:5])

    def work(author: Author) -> list[Entry]:
        return [author.say(body, auth=auth)]

    evil.replica().compose(work)
    deliver(evil.replica())
    return f"defied by {type(body).__name__}"


def launder(world: World, member: Member, dice: random.Random) -> str:
    """Hand all that one has to everybody: what the removed wrote, too."""
    if not member.is_in:
        return NOTHING
    found = frames_of(member)
    for one in world.members:
        if one.is_in and one is not member:
            take_in(one.replica(), found, source="hand")
    return "laundered"


EVIL: Final[dict[str, Act]] = {
    "backdate": backdate,
    "equivocate": equivocate,
    "junk": junk,
    "defy": defy,
    "launder": launder,
}
