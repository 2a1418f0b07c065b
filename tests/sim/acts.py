"""What honest members do, each by the very action that a face would call.

An act chooses with the die it is given among what its member can see, and says in a word what came
of it. To be refused is as good as anything; to break is not, and ``sim.run`` tells the two apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from envoy.replica import sync
from envoy.replica.actions import (
    authority,
    conflicts,
    desk,
    fields,
    handoffs,
    hold,
    local,
    members,
    messages,
    records,
    reviews,
    space,
    tasks,
    work,
)
from envoy.state.gates import Gate
from envoy.views import names
from sim.member import Member
from sim.scene import Violated
from sim.world import World

Act = Callable[[World, Member, random.Random], str]
NOTHING: Final = "nothing to do"
HOUR_MS: Final = 3_600_000
ROLES: Final = ("read", "write", "write", "admin", "owner")
SESSIONS: Final = ("default", "default", "night")


def _events(member: Member, *kinds: str, newest: int = 12) -> list[bytes]:
    """Return the newest events of some kinds that a member has, the oldest first."""
    marks = ",".join("?" * len(kinds))
    sql = f"SELECT id FROM event WHERE kind IN ({marks}) ORDER BY lam DESC, id LIMIT {newest}"
    return member.disk.rows(bytes, sql, kinds)[::-1]


def task_of(member: Member, dice: random.Random) -> bytes | None:
    """Return one of the newest tasks of a member's copy."""
    sql = "SELECT id FROM task ORDER BY lam DESC, id LIMIT 5"
    found = member.disk.rows(bytes, sql)
    return dice.choice(found) if found else None


def other(world: World, member: Member, dice: random.Random) -> Member:
    """Return somebody else."""
    return dice.choice([one for one in world.members if one.me != member.me])


# -- talk ------------------------------------------------------------------------------------


def say(world: World, member: Member, dice: random.Random) -> str:
    """Send a message, at times about a task or in answer to another, at times twice by one key."""
    to = dice.choice([None, None, *_events(member, "message")])
    task = task_of(member, dice) if dice.random() < 0.2 else None
    key = f"key {dice.randrange(1000)}" if dice.random() < 0.3 else None
    text = f"message {world.acting}"
    sent = work.send(member.replica(), text, reply_to=to, task=task, key=key)
    if key is not None and dice.random() < 0.5:
        again = work.send(member.replica(), text, reply_to=to, task=task, key=key)
        if (again.event, again.replayed) != (sent.event, True):
            raise Violated("a retry under a key", "wrote anew")
    return "said"


def redact(world: World, member: Member, dice: random.Random) -> str:
    """Hide the text of a message."""
    found = _events(member, "message")
    if not found:
        return NOTHING
    messages.redact(member.replica(), dice.choice(found), reason="no")
    return "redacted"


def record(world: World, member: Member, dice: random.Random) -> str:
    """Add a record, or take one back."""
    found = _events(member, "record")
    if found and dice.random() < 0.3:
        records.retract(member.replica(), dice.choice(found), reason="no")
        return "retracted"
    task = task_of(member, dice)
    ref = _events(member, "message", "record", "task.complete")
    refs = list[tuple[str | None, bytes]]()
    refs += [("supersedes", dice.choice(found))] if found and dice.random() < 0.4 else []
    refs += [(None, dice.choice(ref))] if ref and dice.random() < 0.3 else []
    if dice.random() < 0.5 and task is not None:
        proof = (("result", "pass"),)
        said = records.Said(
            "evidence", "it ran", "test", task, proof, f"git:repo@{dice.randrange(3)}", refs
        )
    else:
        said = records.Said("decision", f"so be it {world.acting}", refs=refs, task=task)
    records.add(member.replica(), said)
    return "recorded"


# -- tasks -----------------------------------------------------------------------------------


def make(world: World, member: Member, dice: random.Random) -> str:
    """Make a task, given to somebody or in need of another at times."""
    to = other(world, member, dice).me if dice.random() < 0.3 else None
    needs = task_of(member, dice) if dice.random() < 0.2 else None
    gate = (("reviews", 1),) if dice.random() < 0.3 else ()
    more = tasks.More(needs=(needs,) if needs else (), gate=gate)
    tasks.create(member.replica(), f"task {world.acting}", assignee=to, more=more)
    return "made"


def claim(world: World, member: Member, dice: random.Random) -> str:
    """Claim a task, in one of two sessions, or take over what was handed on."""
    task, session = task_of(member, dice), dice.choice(SESSIONS)
    given = _events(member, "task.handoff", newest=3)
    copy = member.replica(session)
    lease_s = dice.choice((60, 600, 900))
    if given and dice.random() < 0.4:
        done = handoffs.accept(copy, dice.choice(given), session=session, lease_s=lease_s)
    elif task is None:
        return NOTHING
    else:
        done = tasks.claim(copy, task, session=session, lease_s=lease_s)
    after = done.after
    if after.claim_state == names.CONFIRMED and after.session == session and done.event:
        at = copy.space
        world.won(after, (at.hub_no, at.hub), (member.me, done.event))
    return str(after.claim_state)


def work_on(world: World, member: Member, dice: random.Random) -> str:
    """Go on with a task, hand it in, finish it, give it back, keep its lease, cancel or reopen."""
    task, copy = task_of(member, dice), member.replica(dice.choice(SESSIONS))
    if task is None:
        return NOTHING
    held = member.profile.rows.tasks_of(copy.sn, member.events.actor(member.me))
    if held and dice.random() < 0.7:
        task = dice.choice(held)
    what = dice.choice(("go", "stop", "release", "done", "done", "submit", "beat", "end"))
    proofs = _events(member, "record", "message")
    evidence = [dice.choice(proofs)] if proofs and dice.random() < 0.5 else []
    match what:
        case "go" | "stop":
            tasks.progress(copy, task, "in_progress" if what == "go" else "blocked")
        case "release":
            tasks.release(copy, task, note="no time")
        case "done" | "submit":
            tasks.complete(
                copy, task, summary="done", evidence=evidence, for_review=what == "submit"
            )
        case "beat":
            hold.heartbeat(copy, task, lease_s=600)
        case _:
            act = fields.cancel if dice.random() < 0.4 else fields.reopen
            act(copy, task, reason="so")
    return what


def give(world: World, member: Member, dice: random.Random) -> str:
    """Give a task to somebody."""
    task = task_of(member, dice)
    if task is None:
        return NOTHING
    tasks.assign(member.replica(), task, other(world, member, dice).me)
    return "given"


def hand_over(world: World, member: Member, dice: random.Random) -> str:
    """Pass a task that one holds on, to somebody or to anybody."""
    copy = member.replica()
    held = member.profile.rows.tasks_of(copy.sn, member.events.actor(member.me))
    if not held:
        return NOTHING
    to = other(world, member, dice).me if dice.random() < 0.5 else None
    handoffs.create(copy, dice.choice(held), handoffs.Capsule("go on"), to=to)
    return "handed over"


def review(world: World, member: Member, dice: random.Random) -> str:
    """Judge what was handed in."""
    sql = "SELECT id FROM task WHERE state IN ('submitted', 'completed') ORDER BY id"
    found = member.disk.rows(bytes, sql)
    if not found:
        return NOTHING
    verdict = dice.choice(("approve", "approve", "request_changes", "reject"))
    reviews.review(member.replica(), dice.choice(found), verdict, note="seen")
    return verdict


def edit(world: World, member: Member, dice: random.Random) -> str:
    """Change fields of a task, or settle a conflict."""
    found = member.disk.rows(bytes, "SELECT id FROM conflict WHERE status = 'open' ORDER BY id")
    if found and dice.random() < 0.5:
        row = member.profile.rows.conflict(member.replica().sn, dice.choice(found))
        assert row is not None, "it was found"
        conflicts.resolve(member.replica(), row.id, dice.choice((row.winner, row.loser)))
        return "resolved"
    task = task_of(member, dice)
    if task is None:
        return NOTHING
    need = task_of(member, dice)
    changes = fields.Changes(
        title=dice.choice((None, f"title {world.acting}")),
        priority=dice.choice((None, 1, 3)),
        label=dice.choice(((), ("a",), ("b",))),
        unlabel=dice.choice(((), ("a",))),
        needs=(need,) if need and need != task and dice.random() < 0.3 else None,
    )
    fields.edit(member.replica(), task, changes)
    return "edited"


def gate(world: World, member: Member, dice: random.Random) -> str:
    """Ask something else of the completion of a task."""
    task = task_of(member, dice)
    if task is None:
        return NOTHING
    roles = dice.choice(((), ("admin",)))
    evidence = dice.choice(((), (), ("test",)))
    asked = Gate(dice.randrange(3), roles, dice.random() < 0.5, evidence)
    reviews.gate(member.replica(), task, asked)
    return "asked"


# -- the space -------------------------------------------------------------------------------


def rename(world: World, member: Member, dice: random.Random) -> str:
    """Rename the space."""
    space.update(member.replica(), name=f"name {world.acting}", description=None)
    return "renamed"


def policy(world: World, member: Member, dice: random.Random) -> str:
    """Ask of all completions."""
    value = {"gate.reviews": dice.randrange(2), "gate.no_self_review": dice.random() < 0.5}
    space.set_policy(member.replica(), dict([dice.choice(list(value.items()))]))
    return "set"


def invite(world: World, member: Member, dice: random.Random) -> str:
    """Make an invite."""
    made = members.make(
        member.replica(),
        role=dice.choice(("read", "write")),
        max_uses=dice.choice((1, 1, 2, 5)),
        ttl_ms=dice.choice((HOUR_MS // 4, HOUR_MS)),
    )
    world.codes.append(made.code)
    return "invited"


def uninvite(world: World, member: Member, dice: random.Random) -> str:
    """End an invite."""
    found = _events(member, "invite")
    if not found:
        return NOTHING
    return f"ended {members.revoke_invite(member.replica(), dice.choice(found))}"


def join(world: World, member: Member, dice: random.Random) -> str:
    """Redeem a code, who is out as well as who is in."""
    if not world.codes:
        return NOTHING
    world.had_code.add(member.me)  # who holds a code reads as long as the invite lives
    members.join(member.profile, dice.choice(world.codes[-3:]), name=member.name)
    return "joined"


def role(world: World, member: Member, dice: random.Random) -> str:
    """Set the role of somebody."""
    authority.set_role(member.replica(), other(world, member, dice).me, dice.choice(ROLES))
    return "set"


def remove(world: World, member: Member, dice: random.Random) -> str:
    """Remove somebody, and at times what it did before."""
    gone, undo = other(world, member, dice).me, list[bytes]()
    if dice.random() < 0.3:
        sql = (
            "SELECT e.id FROM event e JOIN actor a USING(an)"
            " WHERE a.did = ? AND ix IS NOT NULL AND kind <> 'leave' ORDER BY ix"
        )
        acts = member.disk.rows(bytes, sql, (gone,))
        undo = dice.sample(acts, min(len(acts), 2))
    authority.remove(member.replica(), gone, reason="so", undo=undo)
    return "removed"


def leave(world: World, member: Member, dice: random.Random) -> str:
    """Go."""
    if dice.random() < 0.5:
        return NOTHING
    authority.leave(member.replica())
    return "left"


def admit(world: World, member: Member, dice: random.Random) -> str:
    """Let something that is held count, or all that one act holds."""
    held = member.disk.rows(_pair, "SELECT id, cause_by FROM event WHERE status = 'held'")
    if not held:
        return NOTHING
    named = [dice.choice([one, one, by or one]) for one, by in dice.sample(held, min(2, len(held)))]
    desk.admit(member.replica(), named, reason="good")
    return "admitted"


def _pair(ident: bytes, by: bytes | None) -> tuple[bytes, bytes | None]:
    return ident, by


def delegate(world: World, member: Member, dice: random.Random) -> str:
    """Let somebody act under one's own grant."""
    task = task_of(member, dice) if dice.random() < 0.3 else None
    verb = "write" if task else dice.choice(("read", "write"))
    ttl = dice.choice((None, HOUR_MS // 2))
    to = other(world, member, dice).me
    authority.delegate(
        member.replica(), authority.Delegation(to, verb, task, dice.randrange(3), ttl)
    )
    return "delegated"


def revoke(world: World, member: Member, dice: random.Random) -> str:
    """End a grant, a delegation or an invite."""
    found = _events(member, "grant", "join", "delegate", "invite", "role")
    if not found:
        return NOTHING
    authority.revoke(member.replica(), dice.choice(found), reason="so")
    return "revoked"


def rotate(world: World, member: Member, dice: random.Random) -> str:
    """Leave the epoch."""
    authority.rotate(member.replica())
    return "rotated"


def close(world: World, member: Member, dice: random.Random) -> str:
    """Close the space, seldom: not much happens afterwards."""
    if dice.random() < 0.8:
        return NOTHING
    authority.end_space(member.replica())
    return "closed"


# -- care ------------------------------------------------------------------------------------


def exchange(world: World, member: Member, dice: random.Random) -> str:
    """Exchange with the hub and do what a client owes the space."""
    done = local.sync_all(member.profile, None)
    return f"{done.pushed} out, {done.pulled} in"


def pull(world: World, member: Member, dice: random.Random) -> str:
    """Read what the hub has."""
    taken = sync.pull(member.replica())
    return f"{taken.accepted} in"


def ack(world: World, member: Member, dice: random.Random) -> str:
    """Acknowledge what was read, to somewhere."""
    before = member.space
    done = local.ack(member.replica(), dice.choice((None, before.next_n // 2, before.next_n + 5)))
    if done.cursor < before.ack_n or done.cursor >= before.next_n:
        raise Violated("the inbox cursor", f"{before.ack_n} to {done.cursor} of {before.next_n}")
    return "acked"


HONEST: Final[dict[str, Act]] = {
    "say": say,
    "make": make,
    "claim": claim,
    "work": work_on,
    "give": give,
    "review": review,
    "edit": edit,
    "gate": gate,
    "hand_over": hand_over,
    "record": record,
    "redact": redact,
    "rename": rename,
    "policy": policy,
    "invite": invite,
    "uninvite": uninvite,
    "join": join,
    "role": role,
    "remove": remove,
    "leave": leave,
    "admit": admit,
    "delegate": delegate,
    "revoke": revoke,
    "rotate": rotate,
    "close": close,
    "sync": exchange,
    "pull": pull,
    "ack": ack,
}
