"""Epochs of a space as one replica drives them: rules E1 to E8 beside the store.

Which epoch may be written under is a pure question (``state.epochs``). Here is what follows: create
an epoch when none is adequate, seal its secret to every reader and open invite, find the secrets of
epochs that others made, walk back through history, and post boxes for those who come in.

Laws: the epoch head and its boxes go into the outbox before the events that are sealed under it. A
secret from outside is used only after its epoch id was computed again from it. A key that cannot be
sealed to never stops a rotation: its reader gets no box and asks.

Specification: docs/spec/epoch.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envoy import limits
from envoy.core import epoch as formulas
from envoy.core.bodies import EpochCreate, Recipient
from envoy.core.crypto import seal
from envoy.core.crypto.sign import SUITE
from envoy.core.envelope import parse
from envoy.core.epoch import Entry
from envoy.core.log import EpochRow
from envoy.errors import RemoteFault
from envoy.replica.keyring import Reader, Sealed
from envoy.replica.ports import EventStore
from envoy.state.authority import Judgement


def create(
    space: bytes,
    author: bytes,
    *,
    older: list[Entry],
    to: list[Reader],
    nonce: bytes,
    secret: bytes,
) -> Sealed:
    """Return a new epoch of ``space`` by ``author``, sealed to every reader with a usable key."""
    new = formulas.new_epoch(space, author, nonce=nonce, secret=secret, older=older)
    boxes, recipients = list[tuple[bytes, bytes]](), list[Recipient]()
    for reader in to:
        box = box_for(reader.enc, space, new.id, secret)
        if reader.named:
            recipients.append(Recipient(reader.id, None if box is None else box[0]))
        if box is not None:
            boxes.append((formulas.box_tag(new.id, box[0]), box[1]))
    body = EpochCreate(SUITE, nonce, new.wrap, tuple(recipients))
    return Sealed(new, body, tuple(boxes))


def box_for(
    enc: bytes | None, space: bytes, epoch: bytes, secret: bytes
) -> tuple[bytes, bytes] | None:
    """Return (kid, box) for the holder of ``enc``, None if there is no key that can be used."""
    if enc is None:
        return None
    try:
        return seal.kid(enc), formulas.seal_box(enc, space, epoch, secret)
    except RemoteFault:
        return None


def settled(events: EventStore, sn: int, judgement: Judgement, *, latest: int) -> list[EpochRow]:
    """Return the epochs that the next one may pass on: those an accepted event makes or is under.

    A box comes with the first frame under its epoch, which may wait for a removal that its author
    had seen. Who does not know yet whom that epoch was made against must not hand it to them; nor
    who cannot cite that yet: what makes an epoch may be dated after ``latest``.
    """
    known, kinds = events.epochs(sn), judgement.ledger.by_kind
    every = [*kinds["genesis"], *kinds.get("epoch.create", ())]
    every = [one for one in every if one.fault is None]
    made = {one.epoch for one in every if one.kind == "genesis" or one.ts <= latest}
    later = {one.epoch for one in every} - made
    unmade = {row.id for row in known if row.secret is not None} - made - later
    if unmade:
        made |= _used(events, sn, unmade)
    return [row for row in known if row.id in made]


def _used(events: EventStore, sn: int, some: set[bytes]) -> set[bytes]:
    """Return those of some epochs that accepted events are sealed under; seldom asked."""
    after, found = 0, set[bytes]()
    while page := events.frames(sn, after=after, limit=limits.PAGE_FRAMES_MAX):
        found |= {parse(frame).epoch for _, frame in page} & some
        after = page[-1][0]
    return found


def wrapped(space: bytes, known: Iterable[EpochRow]) -> list[Entry]:
    """Return the entries that the next epoch lists: every known epoch that no other one wraps."""
    held = {row.id: row for row in known if row.secret is not None and row.head is not None}
    listed, made = dict[bytes, list[bytes]](), dict[bytes, Entry]()
    for row in held.values():
        assert row.head is not None and row.secret is not None, "held has both"
        head = formulas.read_head(row.head, space, row.id)
        wrap = formulas.wrap_hash(head.prev_wrap)
        made[row.id] = Entry(row.id, head.tag, wrap, row.secret)
        listed[row.id] = _inside(space, head, row.secret)
    return [made[one] for one in formulas.maximal(listed)]


def _inside(space: bytes, head: formulas.Head, secret: bytes) -> list[bytes]:
    """Return the ids in the wrap of ``head``, none where it has no wrap that opens."""
    if head.prev_wrap is None:
        return []
    key = formulas.epoch_keys(space, secret).wrap_key
    try:
        return [entry.id for entry in formulas.open_wrap(key, space, head.tag, head.prev_wrap)]
    except RemoteFault:
        return []


def unwrapped(space: bytes, known: Mapping[bytes, EpochRow]) -> dict[bytes, bytes]:
    """Return the secrets that the wraps of ``known`` epochs add to those that are held."""
    secrets = {row.id: row.secret for row in known.values() if row.secret is not None}
    heads = {
        row.id: formulas.read_head(row.head, space, row.id)
        for row in known.values()
        if row.head is not None
    }
    found = formulas.walk(space, secrets, heads).secrets
    return {one: secret for one, secret in found.items() if one not in secrets}
