"""What the tests of the replica look at again and again in a copy."""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import Message
from envoy.replica.actions.space import blank
from envoy.replica.ingest import take_in
from envoy.views import rows
from replica.world import Actor, World

HAND = "hand"


def message(text: str = "hello", *, reply_to: bytes | None = None) -> Message:
    """Return the body of a message."""
    return Message(text, reply_to, (), (), (), None)


def quarantine(actor: Actor) -> dict[bytes, rows.Quarantined]:
    """Return what was refused at the door, by id."""
    sql = "SELECT sn, id, code, source, size, first_ms FROM quarantine"
    return {row.id: row for row in actor.connection.rows(rows.Quarantined, sql)}


def parked(actor: Actor) -> dict[bytes, str]:
    """Return what waits for something, by id, and as what."""
    return dict(actor.connection.rows(_parked, "SELECT id, state FROM parked"))


def dropped(actor: Actor) -> int:
    """Return how many ids are known without their bytes."""
    return actor.count("dropped")


def frames_of(actor: Actor) -> list[bytes]:
    """Return everything that a copy could send on, receipts too."""
    sn = actor.space.sn
    events = [frame for _, frame in actor.events.frames(sn, after=0, limit=100_000)]
    return events + actor.events.receipt_frames(sn)


def status_of(actor: Actor, event: bytes) -> str | None:
    """Return the verdict on an event, None while it is not accepted."""
    entry = actor.events.entry(actor.space.sn, event)
    return None if entry is None else entry.status


def reader(world: World, name: str, source: Actor, *, keys: bool = True) -> Actor:
    """Return somebody with an empty copy of the space of ``source``, and its keys if wanted."""
    made = world.actor(name)
    with made.events.transaction(durable=True):
        made.store.save(blank(1, source.space.id, b"")._replace(join_state="pending_approval"))
    if keys:
        give_keys(source, made)
    return made


def give_keys(source: Actor, to: Actor) -> None:
    """Let ``to`` hold the secrets that ``source`` holds."""
    with to.events.transaction(durable=True):
        for row in source.events.epochs(source.space.sn):
            to.events.put_epoch(to.space.sn, row)


def deliver(actor: Actor, frames: Sequence[bytes], *, one_by_one: bool = False) -> None:
    """Hand frames to a copy, as one page or as a page each."""
    pages = [[frame] for frame in frames] if one_by_one else [list(frames)]
    for page in pages:
        take_in(actor.copy, page, source=HAND)


def _parked(ident: bytes, state: str) -> tuple[bytes, str]:
    return ident, state
