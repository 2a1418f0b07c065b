"""Auditing: an audit bundle is held to the rules of a replica, by the code of a replica.

Whoever verifies a bundle makes a copy of the space from it and throws it away afterwards. Each
event is opened by the key that came with it, its signature, links and place are checked, and then
it goes the way of every event: ``ingest``, ``Batch``, the authority pass, the reducers. A stub goes
the same way as an event of a kind that nobody knows: accepted, named by others, without effect.

Laws: the first bad event in the order of the file is the one that is named. Nothing waits: what an
event names stands before it, or the bundle has a gap. There is no second judge here.

Specification: docs/spec/audit.md. Test vectors: tests/vectors/audit.json.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core import bodies, bundle, epoch
from envoy.core.bundle import (
    BundleFault,
    EpochLine,
    Group,
    Header,
    Seal,
    Shown,
    Withheld,
    Witness,
    accounts,
)
from envoy.core.capability import READ
from envoy.core.envelope import Opened, envelope_id, open_shown, parse, verify
from envoy.core.event import Event
from envoy.core.identity import space_fingerprint
from envoy.core.kinds import read_body
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple
from envoy.replica import pins
from envoy.replica.actions.space import blank
from envoy.replica.ingest import take_begun
from envoy.replica.keyring import KeyRing
from envoy.replica.opening import Begun, Ready, Sorted
from envoy.replica.replica import Profile, Replica

SOURCE = "bundle"
EVENT, RECEIPT, SEAL = "event", "receipt", "seal"
COUNTING = ("ok", "ok*")
Place = tuple[int, bytes]  # (lam, id)


class Examined(NamedTuple):
    """What came in: events with their stubs, the stubs that a shown event names, receipts.

    ``unmade`` counts the shown events under an epoch that no counting event here created.
    """

    events: int
    stubs: int
    pinned: int
    unmade: int
    receipts: int
    fingerprint: bytes


class Examiner:
    """A copy of a space while it is made from a bundle.

    ``profile`` is nobody's, with an empty store. The methods are called in the order of the file
    and raise BundleFault.
    """

    def __init__(self, profile: Profile, header: Header, epochs: Sequence[EpochLine]) -> None:
        self._header = header
        self._epochs = {one.id: one for one in epochs}
        self._under = dict.fromkeys(self._epochs, 0)  # shown events by their epoch
        self._gone = dict[bytes, Withheld]()  # stubs of what must have been taken back
        self._place: Place = (-1, b"")
        self._loose = set[bytes]()  # stubs that no shown event has named yet
        self._events = self._stubs = self._receipts = 0
        with profile.events.transaction(durable=False):
            sn = profile.rows.next_space()
            profile.rows.save(blank(sn, header.space, b""))
        commitments = {one.id: one.commitment for one in epochs}
        keys = KeyRing(profile.events, sn, header.space, commitments=commitments)
        self.replica = Replica(profile, sn, keys=keys)

    def group(self, group: Group) -> None:
        """Take a group of events in."""
        opened, ready, fault = self._opened(group)
        good = self.replica.profile.workers.begin(verify, [one for one, _, _ in opened])()
        for (_, _, one), is_good in zip(opened, good, strict=True):
            if not is_good:
                raise _bad("bad_signature", one)
        if fault is not None:
            raise fault
        events = [(found.event, frame) for found, frame, _ in opened]
        ready += [Ready(event.lam, event.id, event, frame) for event, frame in events]
        self._take(group, ready)
        self._count(group, [event for event, _ in events])

    def _opened(
        self, group: Group
    ) -> tuple[list[tuple[Opened, bytes, Shown]], list[Ready], BundleFault | None]:
        """Return the events of a group up to the first that fails, and how that one does.

        Those that are shown come with their frame as this copy keeps it; signatures are unchecked.
        """
        opened, ready = list[tuple[Opened, bytes, Shown]](), list[Ready]()
        here = set[bytes]()
        for one in group.events:
            try:
                if isinstance(one, Shown):
                    found = self._open(one)
                    event = found.event
                    opened.append((found, one.opener + one.envelope, one))
                else:
                    event = bundle.stub_event(one, self._header.space)
                    ready.append(Ready(event.lam, event.id, event, b""))
                self._check_place(one, event, here)
            except BundleFault as fault:
                return opened, ready, fault
            here.add(event.id)
        return opened, ready, None

    def _open(self, one: Shown) -> Opened:
        """Open an event that is shown. Raises BundleFault."""
        if envelope_id(one.envelope) != one.id:
            raise _bad("wrong_id", one)
        try:
            outer = parse(one.envelope)
            if outer.epoch not in self._epochs:
                raise _bad("unknown_epoch", one)
            self._under[outer.epoch] += 1
            return open_shown(outer, one.id, self._header.space, one.opener)
        except RemoteFault as fault:
            raise _bad(fault.code, one) from fault

    def _check_place(self, one: Shown | Withheld, event: Event, here: set[bytes]) -> None:
        """Refuse an event that stands before another, or names what does not stand before it."""
        place = (event.lam, event.id)
        if place <= self._place:
            raise _bad("misplaced", one)
        self._place = place
        store, sn = self.replica.profile.events, self.replica.sn
        first = () if event.prev is None else (event.prev,)
        for named in (*first, *event.deps, *event.basis):
            if named not in here and store.entry(sn, named) is None:
                raise _bad("gap", one, missing=named)

    def _take(self, group: Group, ready: list[Ready]) -> None:
        """Let the group in by the door of every event; name the first that did not get in."""
        ids = [one.id for one in group.events]
        store, sn = self.replica.profile.events, self.replica.sn
        count = self.replica.space.frame_count
        begun = Begun(Sorted(ready, [], [], [], ids), [], [], count, again=False)
        taken = take_begun(self.replica, begun, source=SOURCE)
        if taken.accepted == len(ids):
            return
        for one in group.events:
            if store.entry(sn, one.id) is None:
                raise _bad(store.parking.code_of(sn, one.id) or "unsupported", one)

    def _count(self, group: Group, shown: Sequence[Event]) -> None:
        """Count a group in, and which stubs are named by what is shown."""
        withheld = [one for one in group.events if isinstance(one, Withheld)]
        stubs = {one.id for one in withheld}
        self._gone |= {one.id: one for one in withheld if not accounts(self._header, one.stub)}
        self._events += len(group.events)
        self._stubs += len(stubs)
        self._loose |= stubs
        if self._loose:
            for event in shown:
                self._loose.difference_update((event.prev, *event.deps, *event.basis))

    def receipts(self, page: Sequence[Witness]) -> None:
        """Take receipts in, at most as many as a page of frames has."""
        space = self._header.space
        known = self.replica.batch().pins()
        for one in page:
            try:
                pins.row_of(one.frame, one.id, space, known)
            except RemoteFault as fault:
                code = "unpinned" if fault.code == pins.UNSUPPORTED else fault.code
                raise BundleFault(code, RECEIPT, number=one.number) from fault
        frames = [(one.id, one.frame) for one in page]
        count, ids = self.replica.space.frame_count, [one.id for one in page]
        begun = Begun(Sorted([], frames, [], [], ids), [], [], count, again=False)
        take_begun(self.replica, begun, source=SOURCE)
        self._receipts += len(page)

    def finish(self, seal: Seal) -> Examined:
        """Hold the seal, whose signature was checked, to what came in."""
        store, sn = self.replica.profile.events, self.replica.sn
        heads = [head.id for head in store.heads(sn, citable=False)]
        if space_fingerprint(self._header.space, heads) != seal.fingerprint:
            raise BundleFault("wrong_fingerprint", SEAL)
        judgement = self.replica.batch().court.judgement
        if judgement.acting(self._header.author, READ) is None:
            raise BundleFault("no_grant", SEAL)
        for one in self._gone.values():
            self._check_gone(one)
        pinned, receipts = self._stubs - len(self._loose), self._receipts
        unmade = sum(self._under.values()) - sum(self._under[one] for one in self._made())
        return Examined(self._events, self._stubs, pinned, unmade, receipts, seal.fingerprint)

    def _check_gone(self, one: Withheld) -> None:
        """Refuse a stub that only a redaction accounts for, where the bundle shows none of it."""
        acts = self.replica.profile.events.entity(self.replica.sn, one.id)
        wanted = bundle.TAKES_BACK[one.stub.kind]
        if not any(act.kind == wanted and act.status in COUNTING for act in acts):
            raise _bad("unaccounted", one)

    def _made(self) -> set[bytes]:
        """Return the epochs that a counting event of the bundle created."""
        found = set[bytes]()
        for row in self.replica.profile.events.authority(self.replica.sn):
            match read_body(row.entry.kind, row.body) if row.entry.status == "ok" else None:
                case bodies.Genesis(nonce=nonce):
                    wrap = epoch.NO_WRAP
                case bodies.EpochCreate(nonce=nonce, wrap=wrap):
                    pass
                case _:
                    continue
            made, line = (epoch.creator_tag(row.entry.author, nonce), wrap), self._epochs[row.epoch]
            if made == (line.tag, line.wrap):
                found.add(line.id)
        return found


def _bad(reason: str, one: Shown | Withheld, *, missing: bytes | None = None) -> BundleFault:
    """Return the fault of an event."""
    return BundleFault(reason, EVENT, number=one.number, event=one.id, missing=missing)
