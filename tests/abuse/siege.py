"""What attacks have in common: a modified client, and a look at whether anything changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from envoy.core.crypto.sign import sign
from envoy.core.envelope import open_outer, parse, seal
from envoy.core.structs import Body
from envoy.replica.replica import Author
from replica.compare import differences, meaning
from replica.forge import Forger, Value
from replica.scenes import deliver, frames_of, message, quarantine, reader
from replica.world import Actor, World

PLACE_OF_GENESIS: dict[str, Value] = {"seq": 0, "prev": None, "deps": (), "lam": 0, "basis": ()}
NUMBERS = count()


def smuggled(actor: Actor, change: Callable[[bytes], bytes]) -> bytes:
    """Return an envelope of a member, well signed, whose inner is what ``change`` makes of one."""
    forger = Forger(actor)
    writer = forger.writer
    frame, _ = forger.say(message())
    inner = change(open_outer(frame, writer.space, writer.event_key).inner)
    sig = sign(writer.seed, "event", inner)
    return seal(writer, salt=parse(frame).salt, sig=sig, inner=inner)


def turned_away(actor: Actor, *frames: bytes) -> list[str]:
    """Return the codes by which a copy refuses ``frames``; nothing else of it may change."""
    before, known = meaning(actor), quarantine(actor)
    deliver(actor, frames)
    assert differences(before, meaning(actor)) == []
    return [row.code for one, row in quarantine(actor).items() if one not in known]


def verdict(actor: Actor, event: bytes) -> tuple[str, str | None]:
    """Return status and cause of an accepted event."""
    entry = actor.events.entry(actor.space.sn, event)
    assert entry is not None
    return entry.status, entry.cause


def commit(actor: Actor, *bodies: Body) -> list[bytes]:
    """Write acts as a modified client does, without what the actions would ask; return the ids."""
    written = list[bytes]()
    with actor.events.transaction(durable=True):
        batch = actor.copy.batch()
        author = Author(actor.profile, batch)
        written.extend(author.say(body).id for body in bodies)
        batch.finish()
    return written


def mirrored(world: World, source: Actor, orders: Sequence[Sequence[bytes]]) -> list[Actor]:
    """Return a new copy for each order of frames; all must mean what ``source`` means."""
    wanted, found = meaning(source), list[Actor]()
    for frames in orders:
        copy = reader(world, f"mirror{next(NUMBERS)}", source)
        deliver(copy, frames, one_by_one=True)
        assert differences(wanted, meaning(copy)) == []
        found.append(copy)
    return found


def shuffles(actor: Actor) -> list[list[bytes]]:
    """Return the frames of a copy backwards, and the odd ones before the even ones."""
    frames = frames_of(actor)
    return [frames[::-1], [*frames[1::2], *frames[::2]]]
