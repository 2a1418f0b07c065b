"""Actions on a copy as a whole: fill one anew from what is left of another, and from the hub.

Everything that hubs and members have of a space comes back by the same door as ever. So a copy that
was lost, or that fails its checks, is not mended in its place: a new one is filled from what can
still be read of the old one, each frame opened and verified again, and from the hub; what the hub
lost goes to it from here. Only what was this copy's own (how far the inbox was acknowledged, the
secrets of sessions, calls that were answered) is believed as it stands.

Laws: nothing of the old copy counts that does not prove itself. The new copy has no chain yet.
Arrival numbers begin behind those that the old one gave out.

Specification: docs/spec/home.md, Repair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from envoy import limits
from envoy.core import epoch as formulas
from envoy.core.codec import decode
from envoy.core.crypto.sign import tagged
from envoy.core.envelope import open_outer, parse
from envoy.core.genesis import space_id
from envoy.core.log import EpochRow, Outgoing, Parked
from envoy.errors import EnvoyError, RemoteFault
from envoy.lean import Protocol
from envoy.replica import sync
from envoy.replica.actions.space import blank
from envoy.replica.ingest import take_in
from envoy.replica.keyring import KeyRing
from envoy.replica.replica import Profile, Replica
from envoy.replica.slots import Asked
from envoy.replica.unlocking import unlock
from envoy.sync import frames
from envoy.sync.frames import HubRefusal

SOURCE: Final = "repair"
PAGE_FRAMES: Final = 256
HASH_BYTES: Final = 32
Progress = Callable[[int], None]  # frames read so far


class Lost(Protocol):
    """A space of the old copy."""

    @property
    def sn(self) -> int:
        """Its number there."""

    @property
    def id(self) -> bytes:
        """Its id."""

    @property
    def genesis(self) -> bytes:
        """Its G."""

    @property
    def ack_n(self) -> int:
        """How far its inbox was acknowledged."""

    @property
    def next_n(self) -> int:
        """The next arrival number."""

    @property
    def reserved_n(self) -> int:
        """The last arrival number of the block that was reserved."""

    @property
    def muted(self) -> int:
        """1: it makes no counts."""

    @property
    def pinned(self) -> int:
        """1: it stands first."""


class Frame(Protocol):
    """An envelope of the old copy, and its arrival number, 0 where it has none."""

    @property
    def bytes(self) -> bytes:
        """The envelope."""

    @property
    def told(self) -> int:
        """The arrival number."""


class Reply(Protocol):
    """An answered call of the old copy."""

    @property
    def key(self) -> str:
        """The caller's key."""

    @property
    def digest(self) -> bytes:
        """What stands for the arguments."""

    @property
    def result(self) -> str:
        """What was answered."""

    @property
    def at(self) -> int:
        """When."""


class Holder(Protocol):
    """The secret of a session for a slot."""

    @property
    def task(self) -> bytes:
        """The task."""

    @property
    def session(self) -> str:
        """The session."""

    @property
    def secret(self) -> bytes:
        """The secret."""


class Wreck(Protocol):
    """What is left of the old copy."""

    def spaces(self) -> Sequence[Lost]:
        """Return its spaces."""

    def tags(self) -> Sequence[tuple[str, bytes]]:
        """Return the tags under which invites were fetched, by their keys."""

    def epochs(self, sn: int) -> Sequence[EpochRow]:
        """Return what it knew of the epochs of a space."""

    def parked(self, sn: int) -> Sequence[Parked]:
        """Return the frames that waited."""

    def receipts(self, sn: int) -> Sequence[bytes]:
        """Return the frames of receipts."""

    def outbox(self, sn: int) -> Sequence[Outgoing]:
        """Return what was not sent."""

    def holders(self, sn: int) -> Sequence[Holder]:
        """Return the secrets for slots."""

    def replies(self, sn: int) -> Sequence[Reply]:
        """Return the answered calls."""

    def frames(self) -> Iterator[Frame]:
        """Yield the envelopes of all spaces, in the order of their arrival."""


# -- filling a copy anew ---------------------------------------------------------------------------


def fill(profile: Profile, wreck: Wreck, *, progress: Progress) -> None:
    """Fill the empty copy of ``profile`` from an old one and the hub.

    Spaces that the old one no longer tells of are for ``actions.identities.find_spaces``.
    """
    copies = dict[bytes, _Copy]()
    for lost in wreck.spaces():
        if space_id(lost.genesis) == lost.id and lost.id not in copies:
            copies[lost.id] = _Copy(_begin(profile, lost, wreck), lost)
    owners = {epoch: copy for copy in copies.values() for epoch in copy.epochs()}
    for number, one in enumerate(wreck.frames(), 1):
        copy = owners.get(_epoch_of(one.bytes))
        if copy is not None:
            copy.add(one.bytes, one.told)
        progress(number)
    for copy in copies.values():
        copy.flush()
        _fill_rest(copy.replica, copy.lost, wreck)
        _meet_hub(copy.replica)
    for key, tag in wreck.tags():
        with profile.events.transaction(durable=True):
            _keep_tag(profile, key, tag)


def _begin(profile: Profile, lost: Lost, wreck: Wreck) -> Replica:
    """Return the new copy of a space with the keys that prove themselves."""
    with profile.events.transaction(durable=True):
        sn = profile.rows.next_space()
        profile.rows.save(blank(sn, lost.id, lost.genesis))
    replica = Replica(profile, sn)
    # A number that is out of all bounds was damaged itself.
    gave = [one for one in (lost.next_n, lost.reserved_n) if 0 < one < limits.JSON_INT_MAX // 2]
    first = 1 + max(gave, default=0)
    with profile.events.transaction(durable=True):
        row = profile.rows.space(replica.sn)._replace(next_n=first, ack_n=first - 1)
        row = row._replace(muted=int(lost.muted == 1), pinned=int(lost.pinned == 1))
        profile.rows.save(row)
        found = wreck.epochs(lost.sn)
        for epoch in found:
            if _is_true(lost.id, epoch):
                profile.events.put_epoch(replica.sn, epoch._replace(created=None, lam=None))
    with suppress(EnvoyError, HubRefusal):  # the hub may be gone as well
        unlock(replica, {one.id for one in found})
    return replica


def _is_true(space: bytes, row: EpochRow) -> bool:
    """Say whether head and secret of an epoch give its id."""
    if row.head is None or row.secret is None:
        return False
    try:
        head = formulas.read_head(row.head, space, row.id)
        wrap = formulas.wrap_hash(head.prev_wrap)
        formulas.check_secret(space, row.id, tag=head.tag, wrap=wrap, secret=row.secret)
    except RemoteFault:
        return False
    return True


class _Copy:
    """A new copy of a space while frames go into it, those that were acknowledged first."""

    def __init__(self, replica: Replica, lost: Lost) -> None:
        self.replica = replica
        self.lost = lost
        self._ack_n = lost.ack_n if lost.ack_n < lost.next_n else 0  # beyond: damaged itself
        self._is_new = False
        self._page: list[bytes] = []
        self._keys = KeyRing(replica.profile.events, replica.sn, lost.id)

    def epochs(self) -> list[bytes]:
        """Return the epochs whose secrets are here."""
        known = self.replica.profile.events.epochs(self.replica.sn)
        return [row.id for row in known if row.secret is not None]

    def add(self, frame: bytes, told: int) -> None:
        """Take a frame in, sooner or later; what does not open was damaged and is left out."""
        if not self._opens(frame):
            return
        if told > self._ack_n and not self._is_new:
            self.flush()
            self._is_new = True
        self._page.append(frame)
        if len(self._page) >= PAGE_FRAMES:
            self.flush()

    def _opens(self, frame: bytes) -> bool:
        """Say whether an envelope opens under a key of this space."""
        try:
            outer = parse(frame)
            keys = self._keys.find(outer.epoch)
            if keys is not None:
                open_outer(frame, self.lost.id, keys.event_key)
        except RemoteFault:
            return False
        return keys is not None

    def flush(self) -> None:
        """Take in what is gathered; before the first new frame all of it was seen to."""
        if self._page:
            take_in(self.replica, self._page, source=SOURCE)
            self._page = []
        if self._is_new:
            return
        store = self.replica.profile.rows
        with self.replica.profile.events.transaction(durable=True):
            row = store.space(self.replica.sn)
            store.save(row._replace(ack_n=row.next_n - 1, unread=0))


def _epoch_of(frame: bytes) -> bytes:
    """Return the epoch that an envelope names, nothing where it is none."""
    try:
        return parse(frame).epoch
    except RemoteFault:
        return b""


def _fill_rest(replica: Replica, lost: Lost, wreck: Wreck) -> None:
    """Take in what waited, receipts, and what was this copy's own."""
    waited = [one.bytes for one in wreck.parked(lost.sn) if _has_id(one)]
    for page in (waited, list(wreck.receipts(lost.sn))):
        good = [one for one in page if _is_frame(one)]
        if good:
            take_in(replica, good, source=SOURCE)
    store, events, sn = replica.profile.rows, replica.profile.events, replica.sn
    with events.transaction(durable=True):
        for holder in wreck.holders(lost.sn):
            store.holder(sn, holder.task, holder.session, holder.secret)
        for reply in wreck.replies(lost.sn):
            event = bytes.fromhex(reply.result.partition(" ")[0]) if _is_hex(reply.result) else b""
            if events.entry(sn, event) is not None:
                store.keep_reply(sn, reply.key, reply.digest, reply.result, at=reply.at)
        for one in wreck.outbox(lost.sn):
            if _may_go(replica, one):
                store.send_later(sn, one.what, one.id, one.data)
        store.save(store.space(sn)._replace(pending=store.pending(sn)))


def _is_hex(result: str) -> bool:
    """Say whether an answer begins with an id."""
    ident = result.partition(" ")[0]
    return len(ident) == 64 and not set(ident) - set("0123456789abcdef")


def _has_id(row: Parked) -> bool:
    """Say whether a frame that waited is the one that came."""
    try:
        return frames.frame_id(row.bytes) == row.id
    except RemoteFault:
        return tagged("env", row.bytes) == row.id


def _is_frame(frame: bytes) -> bool:
    """Say whether bytes are a frame."""
    try:
        frames.frame_id(frame)
    except RemoteFault:
        return False
    return True


def _may_go(replica: Replica, one: Outgoing) -> bool:
    """Say whether an entry of the outbox can still be sent as it is."""
    try:
        match one.what:
            case "invite":
                decode(one.data, frames.InvitePut)
                return True
            case "uninvite":
                decode(one.data, frames.InviteDelete)
                return True
            case "reply":
                decode(one.data, frames.InviteReply)
                return True
            case "create":
                return tagged("genesis", one.data) == replica.space.id
            case "chunks":
                return bool(one.data) and not len(one.data) % HASH_BYTES
            case "receipt":
                return _is_frame(one.data)
        return one.id is not None and _is_known(replica, one.what, one.id, one.data)
    except RemoteFault:
        return False


def _is_known(replica: Replica, what: str, ident: bytes, data: bytes) -> bool:
    """Say whether an entry about an epoch or an event can be sent. Raises RemoteFault."""
    match what:
        case "box":
            decode(data, frames.Box)
            return True
        case "epoch":
            formulas.read_head(data, replica.space.id, ident)
            return True
        case "slot" | "free" | "renew":
            decode(data, Asked)
        case "frame":
            pass
        case _:
            return False
    return replica.profile.events.entry(replica.sn, ident) is not None


def _keep_tag(profile: Profile, key: str, tag: bytes) -> None:
    """Keep the tag that an invite was fetched under."""
    _, _, lookup = key.partition(" ")
    if not set(lookup) - set("0123456789abcdef") and len(lookup) == 32:
        profile.rows.claimer_tag(bytes.fromhex(lookup), tag)


def _meet_hub(replica: Replica) -> None:
    """Read the whole log of the hub, and queue for it what it has not."""
    with suppress(EnvoyError, HubRefusal):  # what is here is here; the next exchange goes on
        sync.pull(replica)
        sync.fill_hub(replica)
