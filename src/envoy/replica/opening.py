"""Opening: reads a page of frames, opens what there are keys for, and verifies it; no lock.

All of this looks at bytes and keys alone, so it is done before the transaction that takes the page
in, and signatures, which are most of the work, are verified on a few threads meanwhile: while the
rest of the page is opened, and while the page before it is stored.

Laws: nothing is written here. What an event names is not asked for. A code depends on the bytes
alone; RemoteFault ends here.

Specification: docs/spec/store.md, Taking events in; docs/spec/event.md, Opening.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from envoy.core import receipt
from envoy.core.crypto.sign import SUITE
from envoy.core.envelope import Opened, Outer, envelope_id, open_parsed, parse, verify
from envoy.core.event import Event
from envoy.core.log import Parked
from envoy.core.structs import State
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple
from envoy.replica.keyring import KeyRing
from envoy.replica.replica import Replica
from envoy.sync.frames import frame_id, is_envelope

# How an envelope of this suite begins: an array of four, the suite.
_ENVELOPE: Final = bytes((0x94, SUITE))
# Signatures that are handed over at once: the first are verified while the others are opened.
TOGETHER: Final = 128


class Ready(NamedTuple):
    """An authentic event with its frame, ordered so that causes come first."""

    lam: int
    id: bytes
    event: Event
    frame: bytes


class Sorted(NamedTuple):
    """A page after its first reading."""

    ready: list[Ready]
    receipts: list[tuple[bytes, bytes]]
    parked: list[Parked]
    refused: list[tuple[bytes, str, int]]
    unknown: list[bytes]


class Reading(State, frozen=True, gc=False):
    """A frame read once: its id, and the outside of an envelope or why it is none.

    Neither ``outer`` nor ``code``: a receipt.
    """

    id: bytes
    frame: bytes
    outer: Outer | None
    code: str | None


def read(frame: bytes) -> Reading:
    """Return what ``frame`` shows without a key. What no door lets in has an id all the same."""
    if frame[:2] != _ENVELOPE and not is_envelope(frame):
        try:
            return Reading(frame_id(frame), frame, None, None)
        except RemoteFault as fault:
            return Reading(receipt.receipt_id(frame), frame, None, fault.code)
    ident = envelope_id(frame)
    try:
        return Reading(ident, frame, parse(frame), None)
    except RemoteFault as fault:
        return Reading(ident, frame, None, fault.code)


class Begun(NamedTuple):
    """A page that is opened, and whose signatures are being verified.

    ``frame_count`` is how many frames the copy had seen before it was asked which ones of these.
    """

    found: Sorted
    opened: list[tuple[Opened, bytes]]
    waits: list[Callable[[], list[bool]]]
    frame_count: int
    again: bool


def begin(replica: Replica, page: Sequence[Reading], *, again: bool = False) -> Begun:
    """Open ``page`` and begin to verify it. ``again``: it was seen before, and waited here."""
    events, sn, space = replica.profile.events, replica.sn, replica.space
    begun = Begun(Sorted([], [], [], [], []), [], [], space.frame_count, again)
    opening = _Opening(begun, KeyRing(events, sn, space.id), space.id, replica)
    named = [one.id for one in page]
    unknown = set(named) if again else events.unknown(sn, named)
    for one in page:
        if one.id in unknown:
            unknown.remove(one.id)  # a page that repeats itself says nothing new
            opening.take(one)
    opening.verify()
    return begun


def settled(begun: Begun) -> Sorted:
    """Wait for the signatures of a page, and return it sorted by what is to be done with it."""
    found = begun.found
    good = [is_good for wait in begun.waits for is_good in wait()]
    for (one, frame), is_good in zip(begun.opened, good, strict=True):
        event = one.event
        if is_good:  # at once: this is made for every event
            found.ready.append(tuple.__new__(Ready, (event.lam, event.id, event, frame)))
        else:
            found.refused.append((event.id, "bad_signature", len(frame)))
    return found


class _Opening:
    """Opens frames one by one and hands their signatures over."""

    def __init__(self, begun: Begun, keys: KeyRing, space: bytes, replica: Replica) -> None:
        self._begun = begun
        self._opened = begun.opened
        self._unknown = begun.found.unknown
        self._keys = keys
        self._space = space
        self._workers = replica.profile.workers
        self._now = replica.profile.clock.now_ms()
        self._handed = 0

    def take(self, one: Reading) -> None:
        """Sort one frame in."""
        self._unknown.append(one.id)
        if one.outer is not None:
            self._open(one, one.outer)
        elif one.code is not None:
            self._reject(one, one.code)
        else:
            self._begun.found.receipts.append((one.id, one.frame))

    def _open(self, one: Reading, outer: Outer) -> None:
        """Open one envelope, or say why not."""
        keys = self._keys.find(outer.epoch)
        if keys is None:
            parked = Parked(one.id, "sealed", outer.epoch, None, self._now, one.frame)
            self._begun.found.parked.append(parked)
            return
        try:
            opened = open_parsed(outer, one.id, self._space, keys.event_key)
        except RemoteFault as fault:
            self._reject(one, fault.code)
            return
        self._opened.append((opened, one.frame))
        if len(self._opened) - self._handed >= TOGETHER:
            self.verify()

    def _reject(self, one: Reading, code: str) -> None:
        """Refuse a frame for ``code``; one that a later build can read is kept instead."""
        if code == "unsupported":
            parked = Parked(one.id, "unsupported", None, None, self._now, one.frame)
            self._begun.found.parked.append(parked)
        else:
            self._begun.found.refused.append((one.id, code, len(one.frame)))

    def verify(self) -> None:
        """Begin to verify what was opened since."""
        part = [opened for opened, _ in self._opened[self._handed :]]
        self._begun.waits.append(self._workers.begin(verify, part))
        self._handed = len(self._opened)
