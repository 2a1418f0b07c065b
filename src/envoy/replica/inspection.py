"""Inspection: does what a copy keeps of its log still prove itself, event by event?

Every stored envelope is hashed, opened and its signature verified again, its header compared with
what it says, its place with its parents, its chain with itself; heads, ancestries and structural
rules are computed again. Nothing is believed because it was believed before: a byte of the file may
have changed since.

Laws: it only looks; whoever calls it holds a copy of the file that nobody writes to. Each finding
is a sentence of our own, with counts and ids, never what members wrote.

Specification: docs/spec/home.md, Looking deeply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from envoy import limits
from envoy.core import receipt
from envoy.core.envelope import envelope_id, open_parsed, parse, verify
from envoy.core.event import Event, check_own_links, check_parents
from envoy.core.kinds import KINDS, entity_of, is_auth, read_body
from envoy.core.log import Authority, Entry, bits, split
from envoy.errors import EnvoyError, RemoteFault
from envoy.replica import pins
from envoy.replica.court import Court
from envoy.replica.keyring import KeyRing
from envoy.replica.replica import Replica

Progress = Callable[[int], None]  # events looked at


class Inspection:
    """The look at one space. ``findings`` yields what is wrong, with the first event of each."""

    def __init__(self, replica: Replica, progress: Progress) -> None:
        self._events = replica.profile.events
        self._sn = replica.sn
        self._space = replica.space
        self._progress = progress
        self._keys = KeyRing(self._events, self._sn, self._space.id)
        self._found = Counter[str]()
        self._first = dict[str, bytes]()
        self._chains = dict[int, set[int]]()
        self._heads = dict[bytes, bool]()  # of the log, and whether an author may cite them
        self._entities = dict[bytes, set[bytes]]()
        self._forks = set[int]()
        self._next_ix = 0

    def findings(self) -> Iterator[str]:
        """Yield what is wrong with the log of the space; nothing if it is sound."""
        after, done = 0, 0
        while page := self._events.entries(self._sn, after=after, limit=limits.PAGE_FRAMES_MAX):
            frames = dict(self._events.frames(self._sn, after=after, limit=len(page)))
            for entry in page:
                event = self._opened(entry, frames.get(entry.rid))
                if event is not None:
                    self._compare(entry, event)
            after, done = page[-1].rid, done + len(page)
            self._progress(done)
        self._sums()
        self._receipts()
        if not self._found and self._space.founder:
            self._rules()
        for what, count in sorted(self._found.items()):
            first = self._first.get(what)
            yield f"{count} {what}" + ("" if first is None else f", first {first.hex()[:8]}")

    def _note(self, what: str, ident: bytes | None = None) -> None:
        """Count a finding."""
        self._found[what] += 1
        if ident is not None:
            self._first.setdefault(what, ident)

    # -- one event ------------------------------------------------------------------------------

    def _opened(self, entry: Entry, frame: bytes | None) -> Event | None:
        """Return the event in a stored envelope that proves itself."""
        if frame is None:
            self._note("events without their frame", entry.id)
            return None
        if envelope_id(frame) != entry.id:
            self._note("altered frames", entry.id)
            return None
        try:
            outer = parse(frame)
            keys = self._keys.find(outer.epoch)
            if keys is None:
                self._note("frames whose key is missing", entry.id)
                return None
            opened = open_parsed(outer, entry.id, self._space.id, keys.event_key)
        except RemoteFault:
            self._note("frames that do not open", entry.id)
            return None
        if not verify(opened):
            self._note("signatures that do not verify", entry.id)
        return opened.event

    def _compare(self, entry: Entry, event: Event) -> None:
        """Compare the row of an event with what the event says, and with its parents."""
        if _said(event) != _kept(entry):
            self._note("events whose row says something else", entry.id)
        self._chains.setdefault(entry.cn, set())
        if entry.seq in self._chains[entry.cn]:
            self._forks.add(entry.cn)
        self._chains[entry.cn].add(entry.seq)
        named = {one: self._events.entry(self._sn, one) for one in (*entry.parents, *event.basis)}
        known = {one: found for one, found in named.items() if found is not None}
        if len(known) < len(named) or any(one.rid >= entry.rid for one in known.values()):
            self._note("events that name what is not here", entry.id)
            return
        try:
            check_own_links(event)
            check_parents(event, known)
        except RemoteFault:
            self._note("events in a place that is none", entry.id)
        self._ancestry(entry, [known[one] for one in entry.parents])
        self._move(entry)

    def _ancestry(self, entry: Entry, parents: Sequence[Entry]) -> None:
        """Compute again which authority events an event had seen, and its number among them."""
        seen = 0
        for one in parents:
            seen |= one.saw | (0 if one.ix is None else 1 << one.ix)
        if bits(seen) != entry.seen:
            self._note("events whose ancestry is wrong", entry.id)
        if entry.ix is not None and entry.ix != self._next_ix:
            self._note("authority events out of their order", entry.id)
        if (entry.ix is not None) != is_auth(entry.kind):
            self._note("events of another sort", entry.id)
        self._next_ix += entry.ix is not None

    def _move(self, entry: Entry) -> None:
        """Make an event a head of the log and of its entity, and what it names none."""
        citable = entry.fault is None
        for parent in entry.parents:
            if not self._heads.get(parent, False) or citable:
                self._heads.pop(parent, None)
        self._heads[entry.id] = citable
        if entry.entity is not None and citable:
            heads = self._entities.setdefault(entry.entity, set())
            heads.difference_update(split(entry.basis))
            heads.add(entry.id)

    # -- what they add up to --------------------------------------------------------------------

    def _sums(self) -> None:
        """Compare chains, forks and heads with what is kept of them."""
        for seqs in self._chains.values():
            if len(seqs) != max(seqs) + 1:
                self._note("chains with a hole")
        if set(self._events.forked(self._sn)) != self._forks:
            self._note("chains wrongly told to be forked, or not")
        kept = [one.id for one in self._events.heads(self._sn, citable=True)]
        if kept != sorted(one for one, citable in self._heads.items() if citable):
            self._note("wrong lists of heads")
        for entity, heads in self._entities.items():
            if [one for one, _ in self._events.entity_heads(self._sn, entity)] != sorted(heads):
                self._note("wrong lists of heads of an entity", entity)
        for row in self._events.authority(self._sn):
            self._authority(row)

    def _authority(self, row: Authority) -> None:
        """Compare what is kept of an authority event beside its frame."""
        try:
            event = self._keys.reopen(row.entry, self._events.frame(row.entry.rid))
        except EnvoyError:
            return  # told already
        if (row.epoch, row.body) != (event.epoch, event.body):
            self._note("authority events with another body", row.entry.id)

    def _receipts(self) -> None:
        """Check the receipts that are kept by the keys of their hubs."""
        space = self._space
        known = {space.hub_no: space.hub}
        if space.hub_no and not self._found:
            known = pins.pins_of(self._court().judgement)
        for frame in self._events.receipt_frames(self._sn):
            ident = receipt.receipt_id(frame)
            try:
                row = pins.row_of(frame, ident, space.id, known)
            except RemoteFault:
                self._note("receipts that do not hold", ident)
                continue
            kept = self._events.receipts(self._sn, row.event)
            # A renewal moves the end of a lease in the row, either way; the signed bytes stay.
            if not any(
                one._replace(good=0, until=row.until) == row and one.until > row.at for one in kept
            ):
                self._note("receipts whose row says something else", ident)

    def _court(self) -> Court:
        """Return the court of the space, with everything judged."""
        court = Court(self._events, self._sn, self._keys, self._space.id)
        court.begin()
        return court

    def _rules(self) -> None:
        """Hold every event to the structural rules again; the rest of the log is sound."""
        court, after = self._court(), 0
        while page := self._events.entries(self._sn, after=after, limit=limits.PAGE_FRAMES_MAX):
            frames = dict(self._events.frames(self._sn, after=after, limit=len(page)))
            for entry in page:
                event = self._keys.reopen(entry, frames[entry.rid])
                body = read_body(event.kind, event.body) if event.kind in KINDS else None
                if entry.ix is None:
                    entity, seen = entry.entity, entry.saw
                    fault = court.content_fault(event, body, entity=entity, seen=seen)
                else:
                    fault = court.fault(entry, event, body)
                if fault != entry.fault:
                    self._note("events wrongly told to break a rule, or not", entry.id)
            after = page[-1].rid


Said = tuple[object, ...]


def _said(event: Event) -> Said:
    """Return what an event says of itself, as its row keeps it."""
    body = read_body(event.kind, event.body) if event.kind in KINDS else None
    entity = None
    if body is not None:
        entity = entity_of(event.kind, body, event=event.id, author=event.author, space=event.space)
    return (
        *(event.kind, event.author, event.chain, event.seq, event.lam, event.ts, event.auth),
        *(entity, event.prev, b"".join(event.deps), b"".join(event.basis)),
    )


def _kept(entry: Entry) -> Said:
    """Return what the row of an event says."""
    return (
        *(entry.kind, entry.author, entry.chain, entry.seq, entry.lam, entry.ts, entry.auth),
        *(entry.entity, entry.prev, entry.deps, entry.basis),
    )
