"""Ingest: takes a page of frames from outside in; the only judge of foreign bytes.

A page is opened and verified first, without a lock (``replica.opening``). Then, in one
transaction: what is refused at the door becomes a quarantine row, what lacks a key or a parent is
parked, the rest is accepted in causal order and pulls in whatever waited for it. The place in the
hub's log moves in the same transaction.

Laws: one bad frame never blocks a page, a cursor, another chain or another space. A code depends on
the bytes alone. Nothing here raises for what another wrote; RemoteFault ends here.

Specification: docs/spec/store.md, Taking events in; docs/spec/event.md, States.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from envoy import limits
from envoy.core.dag import missing
from envoy.core.envelope import open_outer, parse
from envoy.core.event import GENESIS, Event, check_own_links, check_parents
from envoy.core.log import Entry, Parked
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple
from envoy.replica import pins
from envoy.replica.batch import Batch
from envoy.replica.opening import Begun, Reading, Ready, Sorted, begin, read, settled
from envoy.replica.replica import Counted, Replica
from envoy.views import rows


class Place(NamedTuple):
    """Where a copy stands in the log of a hub: after the page, and what it stood at before."""

    instance: bytes
    before: int
    after: int
    h: bytes


class Taken(NamedTuple):
    """What became of a page, in frames."""

    accepted: int
    parked: int
    quarantined: int


def take_in(
    replica: Replica, frames: Sequence[bytes], *, source: str, again: bool = False
) -> Taken:
    """Take ``frames`` into the copy of ``replica`` and return what became of them.

    ``again``: they waited here, or were dropped while they did, and lack nothing any more. They
    were counted when they were seen first; what has come in meanwhile is left alone.
    """
    return take_read(replica, [read(frame) for frame in frames], source=source, again=again)


def take_read(
    replica: Replica,
    page: Sequence[Reading],
    *,
    source: str,
    place: Place | None = None,
    sent: Sequence[int] = (),
    again: bool = False,
) -> Taken:
    """Take frames that were read into the copy of ``replica`` and return what became of them.

    ``place`` is stored with them, unless another process moved on meanwhile. ``sent`` are entries
    of the outbox that they answer: somebody will be told at once, so that is durable.
    """
    begun = begin(replica, page, again=again)
    return take_begun(replica, begun, source=source, place=place, sent=sent)


def take_begun(
    replica: Replica,
    begun: Begun,
    *,
    source: str,
    place: Place | None = None,
    sent: Sequence[int] = (),
) -> Taken:
    """Take a page that ``opening.begin`` opened, as ``take_read`` does."""
    found, space = settled(begun), replica.space
    scarce = space.next_n + 2 * len(found.unknown) + limits.ARRIVALS_RESERVED > space.reserved_n
    with replica.profile.events.transaction(durable=bool(sent) or scarce):
        taking = _Page(replica, source)
        mine = taking.returned(found) if begun.again else taking.new(found, begun.frame_count)
        taken = taking.take(found, mine)
        taking.move(place)
        taking.strike(sent)
        if scarce:
            taking.reserve()
        taking.batch.finish()
    replica.counted = taking.counted
    if replica.space.next_n > replica.space.reserved_n:
        _secure(replica)
    return taken


def _secure(replica: Replica) -> None:
    """Make durable what a page told that set more free than it held.

    A block of numbers was reserved for what a page may tell; one event may end the waiting of
    thousands. So their numbers are secured here, before anybody is told that they were taken in.
    """
    with replica.profile.events.transaction(durable=True):
        page = _Page(replica, "")
        page.reserve()
        replica.profile.rows.save(page.batch.space)


class _Page:
    """A page while its transaction runs."""

    def __init__(self, replica: Replica, source: str) -> None:
        self.replica = replica
        self.source = source
        self.events = replica.profile.events
        self.sn = replica.sn
        self.batch: Batch = replica.batch()
        self.accepted = self.parked = self.quarantined = 0
        self.counted = replica.counted
        self._parking = self.events.parking
        self._wanted = set(self._parking.wanted(self.sn, "waiting"))

    def new(self, found: Sorted, frame_count: int) -> set[bytes]:
        """Count the frames that were never seen and return their ids.

        ``frame_count`` frames had been seen when the page was sorted. Nobody took anything in since
        if there are as many still, and nobody but this copy the page before, if that one counts
        for the difference.
        """
        new, now, last = set(found.unknown), self.batch.space.frame_count, self.counted
        if last is not None and (last.before, last.after) == (frame_count, now):
            new -= last.ids
        elif now != frame_count:
            new = self.events.unknown(self.sn, found.unknown)
        self.batch.see(*new)
        self.counted = Counted(now, now + len(new), new)
        return new

    def returned(self, found: Sorted) -> set[bytes]:
        """Return the ids of the frames that waited until now, and that wait no longer."""
        return {one for one in found.unknown if self._parking.unpark(self.sn, one)}

    def take(self, found: Sorted, mine: set[bytes]) -> Taken:
        """Take in those frames of a page that are ``mine`` to take."""
        for row in found.parked:
            if row.id in mine:
                self._park(row)
        for ident, code, size in found.refused:
            if ident in mine:
                self._refuse(ident, code, size)
        self._accept([one for one in found.ready if one.id in mine])
        for ident, frame in found.receipts:
            if ident in mine:
                self._receipt(ident, frame)
        return Taken(self.accepted, self.parked, self.quarantined)

    # -- events -----------------------------------------------------------------------------

    def _accept(self, ready: list[Ready]) -> None:
        """Accept events, causes first, and whatever waited for one of them."""
        ready.sort(reverse=True)  # the next is the last
        freed = list[Ready]()  # a heap: one event may end the waiting of thousands
        while ready or freed:
            is_freed = bool(freed) and (not ready or freed[0] < ready[-1])
            one = heappop(freed) if is_freed else ready.pop()
            if not self._is_possible(one):
                continue
            named = self._named(one)
            if named is None:
                continue
            _, ident, event, frame = one
            try:
                self._check(event, named)
            except RemoteFault as fault:
                self._turn_away(ident, fault.code, frame)
                continue
            self.batch.accept(event, frame)
            self.accepted += 1
            if ident in self._wanted:
                for waiting in self._released(ident):
                    heappush(freed, waiting)
            if event.kind == GENESIS:
                self._receipts_early()

    def _is_possible(self, one: Ready) -> bool:
        """Turn an event away that no parent can make right; so none of them waits here."""
        try:
            check_own_links(one.event)
        except RemoteFault as fault:
            self._turn_away(one.id, fault.code, one.frame)
            return False
        return True

    def _named(self, one: Ready) -> dict[bytes, Entry] | None:
        """Return what an event names, as accepted here; park it and return None if any is not."""
        event, known, lacks = one.event, dict[bytes, Entry](), False
        prev, deps, basis = event.prev, event.deps, event.basis
        find, sn, first = self.events.entry, self.sn, () if prev is None else (prev,)
        for ident in (*first, *deps, *basis) if deps or basis else first:
            entry = find(sn, ident)
            if entry is None:
                lacks = True
            else:
                known[ident] = entry
        if not lacks:
            return known
        why, *_ = missing(event.prev, event.deps, event.basis, known)
        now = self.batch.now_ms
        self._park(Parked(one.id, "waiting", why, event.author, now, one.frame))
        return None

    def _check(self, event: Event, named: Mapping[bytes, Entry]) -> None:
        """Hold an event to the rules that look at what it names. Raises RemoteFault."""
        if event.kind == GENESIS:
            self._found(event)
            return
        check_parents(event, named)
        space = self.batch.space
        if event.author == self.replica.me and event.chain == space.chain:
            # Another copy of this profile writes the same chain: this one starts another.
            self.batch.space = space._replace(chain=None, tip=None)

    def _found(self, event: Event) -> None:
        """Learn what the space is from its genesis. Raises RemoteFault."""
        from envoy.core.genesis import check_genesis, genesis_commitment

        body, space = check_genesis(event), self.batch.space
        if space.founder:
            return  # another envelope of the same genesis: a fork of its chain, nothing new
        self.batch.space = space._replace(
            genesis=genesis_commitment(event.body),
            suite=body.suite,
            rules=body.rules,
            salt=body.salt,
            root_pub=body.root_pub,
            founder=body.founder,
            hub=body.hub,
            name=body.name,
            created_ms=event.ts,
            expires_ms=body.expires,
        )

    def _released(self, ident: bytes) -> list[Ready]:
        """Return the events that waited for ``ident``, opened again."""
        found = list[Ready]()
        for row in self._unparked(ident):
            keys = self.batch.keys.find(parse(row.bytes).epoch)
            assert keys is not None, "what waits for a parent was opened before"
            event = open_outer(row.bytes, self.batch.space.id, keys.event_key).event
            found.append(Ready(event.lam, event.id, event, row.bytes))
        return found

    def _unparked(self, why: bytes) -> list[Parked]:
        """Return what waited for ``why`` and waits no longer."""
        found = self._parking.parked(self.sn, "waiting", why) if why in self._wanted else []
        for row in found:
            self._parking.unpark(self.sn, row.id)
            self.parked -= 1
        return found

    # -- the rest ---------------------------------------------------------------------------

    def _receipts_early(self) -> None:
        """Take in the receipts that came before the genesis: it says whose hub is believed."""
        for row in self._unparked(self.batch.space.id):
            self._receipt(row.id, row.bytes)

    def _receipt(self, ident: bytes, frame: bytes) -> None:
        """Keep a receipt of the pinned hub; any other counts for nothing."""
        space, now = self.batch.space, self.batch.now_ms
        if not space.founder:
            self._park(Parked(ident, "waiting", space.id, None, now, frame))
            return
        try:
            row = pins.row_of(frame, ident, space.id, self.batch.pins())
        except RemoteFault as fault:
            self._turn_away(ident, fault.code, frame, why=space.id)
            return
        self.batch.add_receipt(row)
        self.accepted += 1

    def _turn_away(
        self, ident: bytes, code: str, frame: bytes, *, why: bytes | None = None
    ) -> None:
        """Refuse a frame for ``code``; one that a later build, or a pin, can read is kept."""
        if code == "unsupported":
            self._park(Parked(ident, "unsupported", why, None, self.batch.now_ms, frame))
        else:
            self._refuse(ident, code, len(frame))

    def _park(self, row: Parked) -> None:
        """Keep a frame until what it lacks arrives."""
        self._parking.park(self.sn, row)
        if row.state == "waiting" and row.why is not None:
            self._wanted.add(row.why)
        self.parked += 1

    def _refuse(self, ident: bytes, code: str, size: int) -> None:
        """Keep evidence of a frame that is no event."""
        now = self.batch.now_ms
        self._parking.refuse(rows.Quarantined(self.sn, ident, code, self.source, size, now))
        self.quarantined += 1

    def move(self, place: Place | None) -> None:
        """Store how far the hub's log was read."""
        space = self.batch.space
        if place is None or space.cursor != place.before:
            return
        if space.instance not in (None, place.instance):
            return
        self.batch.space = space._replace(
            instance=place.instance,
            cursor=place.after,
            hub_chain=place.h,
            synced_ms=self.batch.now_ms,
        )

    def strike(self, sent: Sequence[int]) -> None:
        """Take entries out of the outbox."""
        store = self.replica.profile.rows
        store.sent(sent)
        self.batch.tally.pending = store.pending(self.sn)

    def reserve(self) -> None:
        """Take a block of arrival numbers that a lost commit cannot give out twice."""
        reserved = self.batch.tally.next_n + limits.ARRIVALS_RESERVED * 100
        self.batch.space = self.batch.space._replace(reserved_n=reserved)
