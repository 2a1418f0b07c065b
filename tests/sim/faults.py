"""What goes wrong around honest members: network, crashes, power, disks, copies, clocks, hub."""

from __future__ import annotations

import random
from typing import Final

from envoy.replica.ingest import take_in
from replica.scenes import frames_of
from sim.acts import HONEST, NOTHING, Act
from sim.disk import Killed, broken
from sim.member import Member
from sim.scene import FAIR, Weather
from sim.world import World

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
# What is interrupted: acts that write much, in several transactions and calls.
INNER: Final = ("say", "claim", "work", "make", "remove", "invite", "join", "sync", "sync", "pull")


def _inner(world: World, member: Member, dice: random.Random) -> str:
    """Do something honest, which may not come to its end."""
    names = INNER if member.is_in else ("join",)
    outcome = HONEST[dice.choice(names)](world, member, dice)
    world.counts["survived"] += 1
    return outcome


# -- the network -----------------------------------------------------------------------------


def storm(world: World, member: Member, dice: random.Random) -> str:
    """Change the weather for everybody."""
    if world.weather != FAIR:
        world.weather = FAIR
        return "fair"
    world.weather = Weather(
        lost=dice.choice((0, 0.1, 0.3)),
        unheard=dice.choice((0, 0.1, 0.3)),
        doubled=dice.choice((0, 0.2)),
        late=dice.choice((0, 0.15)),
        beside=dice.choice((0.04, 0.3)),
        slow_ms=dice.choice((40, 900)),
    )
    return "storm"


def part(world: World, member: Member, dice: random.Random) -> str:
    """Cut some members off for a while, or let all through again."""
    if dice.random() < 0.2:
        for one in world.members:
            one.net.cut_until = 0
        return "joined"
    gone = dice.sample(world.members, dice.randrange(1, len(world.members)))
    for one in gone:
        one.net.cut_until = world.now + dice.randrange(30 * MINUTE_MS)
    return f"parted {len(gone)}"


def hand(world: World, member: Member, dice: random.Random) -> str:
    """Carry frames past the hub: some, twice, in any order, cut into pages anew."""
    to = dice.choice(world.members)
    if to is member or not to.is_in or not member.is_in:
        return NOTHING
    frames = frames_of(member)
    if dice.random() < 0.6:
        frames = dice.sample(frames, dice.randrange(1, len(frames) + 1))
    dice.shuffle(frames)
    frames += frames[: dice.randrange(3)]
    while frames:
        size = dice.randrange(1, 12)
        take_in(to.replica(), frames[:size], source="hand")
        frames = frames[size:]
    return f"handed to {to.name}"


# -- machines --------------------------------------------------------------------------------


def kill(world: World, member: Member, dice: random.Random) -> str:
    """End the process in the middle of something: at a statement, or around a call."""
    if dice.random() < 0.6:
        member.disk.arm(dice.randrange(1, 120), Killed)
    else:
        member.net.dies_in = dice.randrange(1, 6)
    return _inner(world, member, dice)


def restart(world: World, member: Member, dice: random.Random) -> str:
    """End the process between two acts."""
    raise Killed


def cut(world: World, member: Member, dice: random.Random) -> str:
    """Take the power away: what was not forced to the disk is lost."""
    member.is_powerless = True
    return kill(world, member, dice)


def fail(world: World, member: Member, dice: random.Random) -> str:
    """Let a statement fail as a bad disk lets it; the process goes on."""
    member.disk.arm(dice.randrange(1, 120), broken)
    return _inner(world, member, dice)


def full(world: World, member: Member, dice: random.Random) -> str:
    """Leave hardly any room on the disk."""
    member.disk.fill(dice.randrange(0, 4))
    return _inner(world, member, dice)


def backup(world: World, member: Member, dice: random.Random) -> str:
    """Keep a copy of the disk."""
    member.back_up()
    return "backed up"


def restore(world: World, member: Member, dice: random.Random) -> str:
    """Go back to a backup, noticed or not."""
    if not member.backups:
        return NOTHING
    world.set_back(member, dice.choice(member.backups), unnoticed=dice.random() < 0.5)
    return "restored"


def clone(world: World, member: Member, dice: random.Random) -> str:
    """Let a copy of the home live beside it, known as one or not."""
    if len(world.members) > world.cast:
        return NOTHING
    world.double(member, unnoticed=dice.random() < 0.5)
    return "cloned"


def skew(world: World, member: Member, dice: random.Random) -> str:
    """Set the clock of a member wrong, or right."""
    member.skewed.skew = dice.choice((0, -DAY_MS, DAY_MS, -3 * MINUTE_MS, 7 * MINUTE_MS))
    return f"skewed {member.skewed.skew}"


def sleep(world: World, member: Member, dice: random.Random) -> str:
    """Let a long time go by."""
    world.now += dice.choice((2 * 60 * MINUTE_MS, DAY_MS))
    return "slept"


# -- the hub ---------------------------------------------------------------------------------


def wipe(world: World, member: Member, dice: random.Random) -> str:
    """Let the hub lose everything."""
    world.lie()
    world.hub.wipe(key_stays=dice.random() < 0.5)
    return "wiped"


def roll_back(world: World, member: Member, dice: random.Random) -> str:
    """Set the hub back."""
    world.lie()
    return f"rolled back {world.hub.roll_back(dice)}"


def _some(world: World, dice: random.Random) -> list[str]:
    names = [one.name for one in world.members]
    return dice.sample(names, dice.randrange(1, len(names)))


def fork(world: World, member: Member, dice: random.Random) -> str:
    """Let the hub tell two stories."""
    world.lie()
    world.hub.fork(_some(world, dice), dice)
    return "forked"


def omit(world: World, member: Member, dice: random.Random) -> str:
    """Let the hub leave frames out for some."""
    world.lie()
    return f"omitted {world.hub.omit(_some(world, dice), dice)}"


def heal(world: World, member: Member, dice: random.Random) -> str:
    """Let the hub tell one story again."""
    return f"healed {world.hub.heal(dice)}"


def garble(world: World, member: Member, dice: random.Random) -> str:
    """Let the hub spoil answers for a while."""
    world.lie()
    spoiled = 0.0 if world.weather.spoiled else dice.choice((0.1, 0.4))
    world.weather = world.weather._replace(spoiled=spoiled)
    return f"spoils {spoiled}"


def unbox(world: World, member: Member, dice: random.Random) -> str:
    """Let the hub lose keys that it was to keep."""
    return f"lost {world.hub.lose_keys(dice)} keys"


FAULTS: Final[dict[str, Act]] = {
    "storm": storm,
    "part": part,
    "hand": hand,
    "kill": kill,
    "restart": restart,
    "cut": cut,
    "fail": fail,
    "full": full,
    "backup": backup,
    "restore": restore,
    "clone": clone,
    "skew": skew,
    "sleep": sleep,
    "wipe": wipe,
    "roll_back": roll_back,
    "fork": fork,
    "omit": omit,
    "heal": heal,
    "garble": garble,
    "unbox": unbox,
}
# What happens to a disk: the store is told nothing else is wrong with it.
DISK: Final = ("fail", "full")
