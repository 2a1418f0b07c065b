"""Unlocking: finds the secrets of epochs, in boxes and wraps at the hub, and opens what waited.

An envelope names its epoch. Head and box of one stand at the hub before its first frame, so who
asks when that comes by finds them. An epoch that opens takes in what was parked for it, and its
wrap opens the ones before it.

Laws: a head is kept only with its secret: anybody can invent epochs. Who invents many makes no
flood of calls. No lock is held over a hub call. Who posted a bogus box is named.

Specification: docs/spec/epoch.md; docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from envoy import limits
from envoy.core import epoch as formulas
from envoy.core.crypto import seal
from envoy.core.crypto.seal import BOX_BYTES
from envoy.core.crypto.sign import sha256
from envoy.core.log import EpochRow
from envoy.errors import RemoteFault
from envoy.replica import epochs
from envoy.replica.ingest import take_in
from envoy.replica.ports import call_hub
from envoy.replica.replica import Replica
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows

KEYS_TRIED_MAX = limits.BOX_TAGS_MAX
# Epochs that were asked for when their frames came by, and that are asked for again each time: who
# invents epochs must not make every later exchange a flood of calls.
EPOCHS_AGAIN_MAX = 64
BAD_BOX: Final = "epoch_box_bad"


def unlock(replica: Replica, named: Iterable[bytes] = ()) -> int:
    """Find the secrets of the epochs ``named``, and of those that parked frames are sealed under.

    What was sealed under an epoch that opens now is taken in. Returns how many epochs opened.
    """
    events, sn = replica.profile.events, replica.sn
    fresh = set(named)
    parked = set(events.parking.wanted(sn, "sealed")) - fresh
    known = [events.epoch(sn, one) for one in fresh | parked]
    held = {row.id for row in known if row is not None and row.secret is not None}
    opens = held | _learn(replica, sorted(fresh - held), sorted(parked - held))
    opened = sorted((fresh | parked) & opens)
    for one in opened:
        _unseal(replica, one)
    return len(opened)


def _learn(replica: Replica, fresh: Sequence[bytes], parked: Sequence[bytes]) -> set[bytes]:
    """Keep what the hub tells of epochs whose secret is unknown; return those that open now.

    A head is kept only with its secret: anybody can invent epochs, and heads for them.
    """
    if not fresh and not parked:
        return set()
    before = {row.id: row for row in replica.profile.events.epochs(replica.sn)}
    known = _walked(replica, {**before, **_fetch_epochs(replica, fresh, parked)})
    return _keep(replica, before, known)


def find_heads(replica: Replica) -> int:
    """Ask again for heads of epochs whose secret is held, and walk on from them.

    Without its head nobody walks back behind an epoch. Returns how many epochs opened.
    """
    before = {row.id: row for row in replica.profile.events.epochs(replica.sn)}
    lacking = [row for row in before.values() if row.secret is not None and row.head is None]
    found = dict[bytes, EpochRow]()
    for row in lacking[:EPOCHS_AGAIN_MAX]:
        there = _fetch_epoch(replica, row.id, ())
        if there is not None:
            found[row.id] = row._replace(head=there.head)
    opened = _keep(replica, before, _walked(replica, {**before, **found})) if found else set()
    for one in sorted(opened):
        _unseal(replica, one)
    return len(opened)


def _keep(
    replica: Replica, before: Mapping[bytes, EpochRow], known: Mapping[bytes, EpochRow]
) -> set[bytes]:
    """Store what was learned of epochs that open; return them."""
    events, sn = replica.profile.events, replica.sn
    learned = [row for one, row in known.items() if row.secret and row != before.get(one)]
    if learned:
        with events.transaction(durable=True):
            for row in learned:
                events.put_epoch(sn, row)
    return {row.id for row in learned}


def _walked(replica: Replica, known: Mapping[bytes, EpochRow]) -> dict[bytes, EpochRow]:
    """Return ``known`` with all that wraps add to it; a head on the way that is lacking is got."""
    found, todo = dict(known), dict(known)
    while todo:
        secrets, todo = epochs.unwrapped(replica.space.id, todo), {}
        for epoch, secret in secrets.items():
            row = found.get(epoch) or EpochRow(epoch, None, None, None, None, None)
            if row.secret is not None:
                continue
            if row.head is None:
                row = _fetch_epoch(replica, epoch, ()) or row
            found[epoch] = todo[epoch] = row._replace(secret=secret)
    return found


def _fetch_epochs(
    replica: Replica, fresh: Sequence[bytes], parked: Sequence[bytes]
) -> dict[bytes, EpochRow]:
    """Return what the hub has of ``fresh`` epochs, and of so many that frames were parked for.

    Head and box stand at the hub before the first frame, so who asks when that comes by finds them,
    whatever a flood of others has left here. Of the parked ones each call begins somewhere else.
    """
    space = replica.space.id
    mine = [replica.profile.identity.enc_seed(no, space) for no in _own_numbers(replica)]
    seeds = [*replica.seeds, *mine][:KEYS_TRIED_MAX]
    keys = [(seed, seal.kid(seal.public_key(seed))) for seed in seeds]
    start = int.from_bytes(replica.profile.entropy(4)) % max(1, len(parked))
    turned = [*parked[start:], *parked[:start]][:EPOCHS_AGAIN_MAX]
    found = [_fetch_epoch(replica, one, keys) for one in (*fresh, *turned)]
    return {row.id: row for row in found if row is not None}


def _own_numbers(replica: Replica) -> list[int]:
    """Return the numbers of my keys that a box may be for: the first two, and the newest stated."""
    row = replica.profile.rows.members(replica.sn).get(replica.me)
    newest = 0 if row is None or row.enc_no is None else max(0, row.enc_no)
    return sorted({0, 1, newest})


def _fetch_epoch(
    replica: Replica, epoch: bytes, keys: Sequence[tuple[bytes, bytes]]
) -> EpochRow | None:
    """Return head and, if there is a box for one of ``keys``, secret; None without a head."""
    space = replica.space.id
    tags = [formulas.box_tag(epoch, kid) for _, kid in keys]
    call = frames.EpochGet(space, epoch, tuple(tags))
    try:
        found = call_hub(replica.profile.hub, call, frames.EpochFound)
        if found.head is None:
            return None
        head = formulas.read_head(found.head, space, epoch)
    except (HubRefusal, RemoteFault):
        return None
    row = EpochRow(epoch, found.head, None, None, None, None)
    if len(found.boxes) != len(keys):
        return row
    for (seed, _), posted in zip(keys, found.boxes, strict=True):
        boxes = [one.box for one in posted]
        secret, bogus = formulas.open_boxes(seed, boxes, space=space, epoch=epoch, head=head)
        _accuse(replica, [posted[position] for position in bogus])
        if secret is not None:
            return row._replace(secret=secret)
    return row


def _accuse(replica: Replica, bogus: Sequence[frames.PostedBox]) -> None:
    """Keep evidence of boxes that do not hold the secret of their epoch, by their posters."""
    if not bogus:
        return
    events, sn, now = replica.profile.events, replica.sn, replica.profile.clock.now_ms()
    with events.transaction(durable=False):
        for one in bogus:
            row = rows.Quarantined(sn, sha256(one.box), BAD_BOX, one.poster.hex(), BOX_BYTES, now)
            events.parking.refuse(row)


def _unseal(replica: Replica, epoch: bytes) -> None:
    """Take in what was parked for the secret of an epoch."""
    found = replica.profile.events.parking.parked(replica.sn, "sealed", epoch)
    if found:
        take_in(replica, [row.bytes for row in found], source="hub", again=True)
