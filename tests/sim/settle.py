"""Settle: everybody comes together at one honest hub, and must then have the same."""

from __future__ import annotations

from sim.invariants import Watch
from sim.member import Member
from sim.scene import Violated, Weather
from sim.settling import exchange
from sim.world import World

ROUNDS_MAX = 16
MENDING = 6  # rounds after which `sync --verify` is asked to help
# What puts frames where no outbox knows of them: only these, and a lie, excuse asking for that.
BY_HAND = ("hand", "launder", "backdate", "equivocate", "junk")
MINUTE_MS = 60_000
CALM = Weather(beside=0.0, slow_ms=1)


def settle(world: World, watch: Watch) -> None:
    """End all that goes wrong, and let everybody exchange until nothing moves any more."""
    world.hub.heal(world.dice)
    world.reckon()  # what a hub that lied alone had of a backup is gone with it
    world.weather = CALM
    for member in world.members:
        member.net.cut_until = 0
        member.disk.disarm()
    gather(world, watch)


def gather(world: World, watch: Watch, *, cares: bool = True) -> None:
    """Let everybody exchange until nothing moves any more; ``cares``: with all a client owes."""
    for number in range(ROUNDS_MAX):
        world.now += 2 * MINUTE_MS
        before = _all(world)
        mends = number >= MENDING and (world.has_lied or any(world.counts[one] for one in BY_HAND))
        world.counts["mended"] += number == MENDING and mends
        for member in world.members:
            exchange(world, member, mends=mends, cares=cares)
            watch.look(member)
        after = _all(world)
        if (number or not cares) and before == after and not _lacking(world, after):
            world.counts["rounds"] += number
            return
    raise Violated("members who do not come together", _lacking(world, _all(world)))


def _in(world: World) -> list[Member]:
    return [one for one in world.members if one.is_in]


def _all(world: World) -> set[bytes]:
    """Return the ids of all events and receipts that any copy has accepted."""
    return set[bytes]().union(*(one.ids() | one.receipts() for one in _in(world)))


def _lacking(world: World, every: set[bytes]) -> dict[str, int]:
    """Return how many events a copy has never met, or has still to send; and the hub."""
    found = dict[str, int]()
    for member in _in(world):
        known = member.ids() | member.receipts() | member.parked_ids()
        if lacking := len(every - known) + member.space.pending:
            found[member.name] = lacking
    if lacking := len(every - world.hub.frame_ids()):
        found["hub"] = lacking
    return found
