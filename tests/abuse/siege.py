"""What attacks have in common: a modified client, and a look at whether anything changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from envoy.core import invite
from envoy.core.bodies import Join, Statement
from envoy.core.codec import encode
from envoy.core.crypto.seal import kid
from envoy.core.crypto.sign import public_key, sign
from envoy.core.envelope import author_event, open_outer, parse, seal
from envoy.core.event import Event
from envoy.core.identity import make_statement
from envoy.core.joining import Joining
from envoy.core.kinds import KINDS
from envoy.core.structs import Body, replace
from envoy.replica import epochs
from envoy.replica.keyring import Reader
from envoy.replica.replica import Author
from replica.compare import differences, meaning
from replica.forge import Forger, Value
from replica.scenes import deliver, frames_of, message, quarantine, reader
from replica.world import Actor, World

NUMBERS = count()


@contextmanager
def without(kind: str) -> Iterator[None]:
    """Be a build that does not know ``kind``; the table is afterwards as it was, order included."""
    assert isinstance(KINDS, dict)
    before = dict(KINDS)
    del KINDS[kind]
    try:
        yield
    finally:
        KINDS.clear()
        KINDS.update(before)


def smuggled(actor: Actor, change: Callable[[bytes], bytes]) -> bytes:
    """Return an envelope of a member, well signed, whose inner is what ``change`` makes of one."""
    forger = Forger(actor)
    writer = forger.writer
    frame, _ = forger.say(message())
    inner = change(open_outer(frame, writer.space, writer.event_key).inner)
    sig = sign(writer.seed, "event", inner)
    return seal(writer, salt=parse(frame).salt, sig=sig, inner=inner)


def inner_of(actor: Actor) -> bytes:
    """Return a good inner part of a member."""
    seen = list[bytes]()

    def look(inner: bytes) -> bytes:
        seen.append(inner)
        return inner

    smuggled(actor, look)
    return seen[0]


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


def forged_join(code: str, thief: Actor, *, via: Actor, **place: Value) -> tuple[bytes, Event]:
    """Return the join that whoever holds ``code`` signs, at a place of its choice.

    ``via`` is somebody inside whose keys and heads it is sealed and placed with.
    """
    keys = invite.invite_keys(invite.parse(code).secret)
    (row,) = [one for one in via.store.invites(1).values() if one.lookup == keys.lookup]
    identity, space = thief.profile.identity, via.space.id
    statement = Statement(*make_statement(identity, space, no=0, ts=thief.clock.now))
    access = public_key(identity.access_seed(space))
    enc_kid = kid(identity.enc_key(0, space))
    proof = invite.prove(keys, Joining(space, row.id, thief.me, enc_kid, access))
    forger = Forger(via)
    links = replace(forger.links(message(), "message"), chain=thief.me[:16], auth=row.id, **place)
    writer = replace(forger.writer, seed=identity.signing_seed)
    body = encode(Join(thief.name, statement, access, proof))
    return author_event(writer, links=links, kind="join", body=body, entropy=os.urandom(32))


def rotated(actor: Actor, to: Callable[[list[Reader]], list[Reader]] = list) -> bytes:
    """Create an epoch as a modified client does, sealed to whom ``to`` makes of the readers."""
    space = actor.space
    with actor.events.transaction(durable=True):
        batch = actor.copy.batch()
        author = Author(actor.profile, batch)
        sealed = epochs.create(
            space.id,
            actor.me,
            older=epochs.wrapped(space.id, actor.events.epochs(space.sn)),
            to=to(batch.current_readers()),
            nonce=os.urandom(16),
            secret=os.urandom(32),
        )
        batch.adopt_epoch(sealed)
        author.say(sealed.body)
        batch.finish()
    actor.sync()
    return sealed.epoch.id
