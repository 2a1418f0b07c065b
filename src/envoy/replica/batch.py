"""Batch: everything that one transaction takes into one space, from events to rows.

An event gets here opened, authentic and with all it names accepted. It is held to the structural
rules for ever and appended. At the end the batch is judged by the resolution rules, what an
authority event changed of older content is judged again, the touched entities are folded and their
rows written. The author's own events and everybody else's go this one way.

Laws: nothing here raises for what another wrote. One batch, one space, one transaction: the caller
holds it. What is stored of a verdict equals what a rebuild from the log would store.

Specification: docs/spec/store.md, Taking events in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy import limits
from envoy.core.bodies import Invite, TaskClaim, TaskComplete
from envoy.core.capability import GRANT
from envoy.core.codec import encode
from envoy.core.crypto.sign import prefixed, sha256
from envoy.core.epoch import slot_name
from envoy.core.event import Event
from envoy.core.kinds import KINDS, entity_of, is_auth, read_body
from envoy.core.log import Authority, Entry, ReceiptRow, bits
from envoy.core.objects import ObjectRequest
from envoy.core.structs import Body
from envoy.errors import ConflictError
from envoy.ids import to_text
from envoy.replica import pins
from envoy.replica.court import Court, with_fault
from envoy.replica.gathering import TOGETHER
from envoy.replica.keyring import KeyRing, Reader, Sealed
from envoy.replica.notices import told
from envoy.replica.pins import Pins
from envoy.replica.ports import EventStore, RowStore
from envoy.replica.projector import Projector
from envoy.state.authority import OK, Verdict
from envoy.state.tasks import Task
from envoy.sync.frames import SUM_MODULUS
from envoy.views import names, rows

_PART: Final = prefixed("state", b"\0")


class Tally:
    """What is counted over a space, as numbers that change with every event of a batch."""

    __slots__ = (
        *("events", "frame_count", "frame_sum", "next_n", "pending", "state_sum", "unread"),
    )

    def __init__(self, space: rows.Space) -> None:
        self.frame_sum = int.from_bytes(space.frame_sum, "little")
        self.frame_count = space.frame_count
        self.state_sum = int.from_bytes(space.state_sum, "little")
        self.events = space.events
        self.next_n = space.next_n
        self.unread = space.unread
        self.pending = space.pending

    def into(self, space: rows.Space) -> rows.Space:
        """Return the row of the space with what was counted."""
        return space._replace(
            frame_sum=(self.frame_sum % SUM_MODULUS).to_bytes(32, "little"),
            frame_count=self.frame_count,
            state_sum=(self.state_sum % SUM_MODULUS).to_bytes(32, "little"),
            events=self.events,
            next_n=self.next_n,
            unread=self.unread,
            pending=self.pending,
        )


class Batch:
    """One space while a transaction changes it. ``finish`` comes before the commit."""

    def __init__(
        self,
        events: EventStore,
        store: RowStore,
        sn: int,
        *,
        me: bytes,
        now_ms: int,
        keys: KeyRing | None = None,
    ) -> None:
        self.events = events
        self.rows = store
        self.sn = sn
        self.me = me
        self.now_ms = now_ms
        self.space = store.space(sn)
        self.tally = Tally(self.space)
        self.keys = keys or KeyRing(events, sn, self.space.id)
        self.court = Court(events, sn, self.keys, self.space.id)
        self.fresh: list[tuple[Entry, Body | None]] = []
        self._touched: set[bytes] = set()
        self._newest: dict[int, int] = {}  # seq of the last event of a chain
        self._forked = set[bytes]()  # authors of forks that came in this batch

    # -- taking in --------------------------------------------------------------------------

    def accept(self, event: Event, frame: bytes) -> Entry:
        """Append ``event``, whose parents and basis are all accepted, and return its entry."""
        body = read_body(event.kind, event.body) if event.kind in KINDS else None
        entry = self._entry(event, body)
        self.events.add_event(self.sn, entry, frame)
        if entry.ix is not None:
            self.events.add_authority(self.sn, entry, epoch=event.epoch, body=event.body)
            self.court.file(Authority(entry, event.epoch, event.body))
        self._prove_fork(entry)
        self._count(entry)
        self.fresh.append((entry, body))
        if isinstance(body, TaskClaim):
            self.match_receipts(entry, body)
        return entry

    def _entry(self, event: Event, body: Body | None) -> Entry:
        """Return the entry of ``event``, held to the structural rules."""
        court, kind, entity, ix = self.court, event.kind, None, None
        seen, saw = self._seen(event)
        if is_auth(kind):
            ix = court.next_ix
        else:
            court.begin()
        if body is not None:
            entity = entity_of(kind, body, event=event.id, author=event.author, space=event.space)
        rid, an, cn = self.events.number(self.sn, event.author, event.chain)
        place = (event.chain, event.seq, event.lam, event.ts, event.auth, saw, ix, entity)
        deps, basis = b"".join(event.deps), b"".join(event.basis)
        verdict = (None, "ok", None, None, event.prev, deps, basis)
        header = (rid, event.id, kind, an, event.author, cn)
        # At once: this is made for every event.
        entry = tuple.__new__(Entry, (*header, *place, *verdict))
        if ix is None:
            fault = court.content_fault(event, body, entity=entity, seen=seen)
            return entry if fault is None else with_fault(entry, fault)
        return with_fault(entry, court.fault(entry, event, body))

    def _seen(self, event: Event) -> tuple[int, bytes]:
        """Return the numbers of the authority events in the ancestry of ``event``, twice.

        As a number, and as the bytes that are kept: often those of the one parent.
        """
        seen, find, sn, prev = 0, self.events.entry, self.sn, event.prev
        if prev is not None and not event.deps:
            known = find(sn, prev)
            assert known is not None, "an event is accepted after its parents"
            if known.ix is None:
                return known.saw, known.seen
        for parent in event.deps if prev is None else (prev, *event.deps):
            known = find(sn, parent)
            assert known is not None, "an event is accepted after its parents"
            seen |= known.saw
            if known.ix is not None:
                seen |= 1 << known.ix
        return seen, bits(seen)

    def _prove_fork(self, entry: Entry) -> None:
        """Keep the proof if this place in the chain was taken already."""
        seq, cn = entry.seq, entry.cn
        newest = self._newest.get(cn)
        if newest is None:
            newest = self._newest[cn] = self.events.newest_seq(cn)
        if seq > newest:
            self._newest[cn] = seq
            return
        first, *others = self.events.at_seq(entry.cn, entry.seq)
        if others:
            self.events.add_fork(self.sn, entry.cn, entry.seq, (first, entry.id))
            self._forked.add(entry.author)

    def _count(self, entry: Entry) -> None:
        """Count an event in, with its verdict before it has one of its own."""
        tally = self.tally
        tally.events += 1
        tally.state_sum += int.from_bytes(_part(entry), "little")

    def see(self, *frames: bytes) -> None:
        """Count frames seen for the first time, whatever becomes of them.

        The id of each goes into the sum that hubs are compared with, once.
        """
        self.tally.frame_sum += sum([int.from_bytes(one, "little") for one in frames])
        self.tally.frame_count += len(frames)

    # -- receipts ---------------------------------------------------------------------------

    def pins(self) -> Pins:
        """Return the keys of the hubs that are pinned, by their numbers."""
        if self.space.hub_no == 0 and not self.court.is_grown:
            return {0: self.space.hub}
        return pins.pins_of(self.court.judgement)

    def _look_again(self) -> None:
        """Count receipts by the pins as they are now, if they have changed."""
        before, after = self.court.before, pins.pins_of(self.court.judgement)
        if after == ({0: self.space.hub} if before is None else pins.pins_of(before)):
            return
        for lost in pins.look_again(self, self.space.id, after):
            entry = self.events.entry(self.sn, lost)
            if entry is not None:
                self._touch(entry)

    def add_receipt(self, row: ReceiptRow) -> None:
        """Keep a receipt of the pinned hub; it counts once the claim that it fits is here."""
        claim = self.events.entry(self.sn, row.event)
        body = None if claim is None else self.keys.body(claim)
        good = isinstance(body, TaskClaim) and self._fits(row, body)
        self.events.add_receipt(self.sn, row._replace(good=int(good)))
        if isinstance(body, TaskClaim) and good:
            self._touched.add(body.task)

    def match_receipts(self, entry: Entry, body: TaskClaim) -> None:
        """Let the receipts count that came before their claim."""
        for row in self.events.receipts(self.sn, entry.id):
            if self._fits(row, body):
                self.events.add_receipt(self.sn, row._replace(good=1))

    def _fits(self, row: ReceiptRow, body: TaskClaim) -> bool:
        """Say whether a receipt is for this claim: its slot and its holder."""
        return row.holder == body.holder_hash and row.slot == self.slot_of(body.task, row.no)

    def slot_of(self, task: bytes, no: int) -> bytes:
        """Return the slot of a task at the hub pinned as ``no``."""
        return slot_name(self.space.id, self.space.salt, task, no)

    # -- epochs -----------------------------------------------------------------------------

    def current_readers(self) -> list[Reader]:
        """Return, ascending by id, whom the next epoch is sealed to (rule E4).

        Named are those of its ancestry, where nothing is that is dated too far ahead to be cited.
        Whom such an act put out gets no box; whom one let in gets a box without a name (rule E7).
        """
        from envoy.state import epochs

        judgement = self.court.views.citable(self.now_ms + limits.CITABLE_AHEAD_MS)
        named, reading = epochs.recipients(judgement), {*epochs.recipients(self.court.judgement)}
        members, found = self.rows.members(self.sn), list[Reader]()
        for ident in named:
            event, row = judgement.ledger.by_id.get(ident), members.get(ident)
            enc = None if row is None else row.enc
            if event is not None and isinstance(event.body, Invite):
                enc = event.body.enc
            found.append(Reader(ident, enc if ident in reading else None))
        late = sorted((reading & members.keys()) - {*named})
        return [*found, *(Reader(one, members[one].enc, named=False) for one in late)]

    def adopt_epoch(self, sealed: Sealed) -> None:
        """Hold the keys of an epoch made here, send its head and boxes first, write under it."""
        epoch = sealed.epoch
        self.keys.add(epoch.id, secret=epoch.secret, head=epoch.head)
        self.send("epoch", epoch.head, ident=epoch.id)
        for tag, box in sealed.boxes:
            self.send("box", encode((tag, box)), ident=epoch.id)
        self.space = self.space._replace(epoch=epoch.id, adequate=1)

    def send(self, what: str, data: bytes, *, ident: bytes | None = None) -> None:
        """Queue something for the hub: it goes after the commit."""
        self.rows.send_later(self.sn, what, ident, data)
        self.tally.pending += 1

    # -- again ------------------------------------------------------------------------------

    def begin_again(self) -> None:
        """Start to fold the whole space anew, its projections being empty."""
        self.tally.state_sum = 0
        self._again = Projector(self, self.rows, replay=True)
        if self.space.founder:
            self._again.authority()
            self._touched.add(self.space.id)

    def replay(self, page: Sequence[tuple[Entry, bytes]]) -> None:
        """Take stored events with their frames in again, in the order of their arrival here."""
        first, last = page[0][0].rid, page[-1][0].rid
        self._again.recall(told(self.rows.streams_of(self.sn, first, last)))
        for entry, frame in page:
            self.add_state(_part(entry))
            given = self._give(entry, self.court.verdict(entry))
            self._again.line(given, self.keys.body_in(given, frame))
            self._touch(given)

    def end_again(self) -> None:
        """Fold every entity and write what is counted over the whole space."""
        self._fold(self._again)
        if forked := {self.events.did(an) for an in self.events.forked(self.sn).values()}:
            self._forked |= forked
        if self._forked or (self.space.founder and self._over_used()):
            self._again.doubles(self._forked)
        self._again.close()
        self.tally.unread = self.rows.unread(self.sn, self.space.ack_n)
        self.rows.save(self.tally.into(self.space))

    # -- asking before writing ----------------------------------------------------------------

    def folded(self, task: bytes) -> Task | None:
        """Return a task as it stands here, None if there is none."""
        return Projector(self, self.rows).folded(task)

    def check_evidence(self, task: bytes, named: Sequence[bytes]) -> None:
        """Refuse a completion that shows less than the gate of a task asks for."""
        row = self.rows.task(self.sn, task)
        if "gate.evidence" in self.space.policy or (row is not None and row.gate != "{}"):
            from envoy.replica import gating

            gating.check(self.rows, self.space, task, named)

    def check_awaited(self, task: Task, body: TaskComplete) -> None:
        """Refuse to hand in once more, word for word, what waits for a verdict.

        It would put aside the verdicts there are. Raises ConflictError(review_required).
        """
        before = (task.summary, task.evidence, task.for_review, task.completed_by)
        after = (body.summary, body.evidence, body.for_review, self.me)
        if task.state == names.SUBMITTED and before == after:
            from envoy.replica import gating

            raise ConflictError(
                "review_required",
                task_id=to_text("task", task.id),
                state=task.state,
                reviews_missing=gating.missing_reviews(self.events, self.rows, self.sn, task),
            )

    def check_cited(self, *idents: bytes | None) -> None:
        """Refuse to act on events that are dated ahead of this clock: the act could not name them.

        It would come to nothing. Raises ConflictError(clock_ahead).
        """
        latest = self.now_ms + limits.CITABLE_AHEAD_MS
        for ident in idents:
            entry = None if ident is None else self.events.entry(self.sn, ident)
            if entry is not None and entry.ts > latest:
                raise ConflictError("clock_ahead", event_ids=[to_text("evt", entry.id)])

    def late(self, entity: bytes) -> list[bytes]:
        """Return, ascending, the creation and the heads of an entity that are dated ahead."""
        latest = self.now_ms + limits.CITABLE_AHEAD_MS
        heads = [one for one, _ in self.events.entity_heads(self.sn, entity)]
        found = [self.events.entry(self.sn, one) for one in {entity, *heads}]
        return sorted(one.id for one in found if one is not None and one.ts > latest)

    def rho(self, entity: bytes) -> int:
        """Return the rank that an act of mine on an entity would have (STATE section 1)."""
        latest = self.now_ms + limits.CITABLE_AHEAD_MS
        if self.court.judgement.acting(self.me, GRANT, latest=latest) is not None:
            return 3
        made = self.events.entry(self.sn, entity)
        return 2 if made is not None and made.author == self.me else 1

    # -- the end ----------------------------------------------------------------------------

    def finish(self) -> None:
        """Judge, fold and write the rows of everything that this batch took in."""
        court, projector = self.court, Projector(self, self.rows)
        fresh = self.fresh
        if fresh and court.is_contested and any(court.rejudge_for(entry) for entry, _ in fresh):
            court.rejudge()
        # Without a genesis nothing was accepted: there is nothing to be a member of.
        if self.space.founder and (court.is_grown or self.space.role is None):
            projector.authority()
        if self.space.founder and court.is_grown:
            self._look_again()
        older = {entry.rid: entry for entry in court.stale()}
        for position, (entry, body) in enumerate(self.fresh):
            if older:
                older.pop(entry.rid, None)
            given = self._give(entry, court.verdict(entry))
            if given is not entry:
                entry = given
                self.fresh[position] = (entry, body)
            projector.line(entry, body)
            self._touch(entry)
            if isinstance(body, ObjectRequest):
                self._bring(entry, body.object)
        for entry in older.values():
            given = self._give(entry, court.verdict(entry))
            if given is not entry:
                self._touch(given)
                projector.relabel(given, before=entry.status)
        self._fold(projector)
        if self._forked or (court.is_grown and self._over_used()):
            projector.doubles(self._forked)
        projector.close()
        self.space = self.tally.into(self.space)
        self.rows.save(self.space)

    def _fold(self, projector: Projector) -> None:
        """Fold the touched entities, after asking about many of them at once."""
        every, gather = sorted(self._touched), projector.gathered.gather
        for start in range(0, len(every), TOGETHER):
            gather(every[start : start + TOGETHER])
            for entity in every[start : start + TOGETHER]:
                projector.entity(entity)
        if every:
            gather(())

    def _over_used(self) -> bool:
        """Say whether an invite lets in more than it may, or did before this batch."""
        before = self.court.before
        return self.court.is_contested or (before is not None and bool(before.contested))

    def _bring(self, entry: Entry, object: bytes) -> None:
        """Queue the chunks of an object that somebody misses; those that are here will go."""
        if entry.author == self.me or entry.status not in ("ok", "ok*"):
            return
        found = [one for one in self.rows.objects(self.sn, object) if one.retracted is None]
        if found and object not in self.rows.queued(self.sn, "chunks"):
            self.send("chunks", found[0].chunks, ident=object)

    def refold(self, entity: bytes) -> None:
        """Fold an entity again when the batch ends, for a reason beside its events."""
        self._touched.add(entity)

    def _touch(self, entry: Entry) -> None:
        """Fold the entity of ``entry`` again; a message is its own row and needs no fold."""
        if entry.entity is not None and entry.kind not in ("message", "poll"):
            self._touched.add(entry.entity)

    def _give(self, entry: Entry, verdict: Verdict) -> Entry:
        """Write the verdict on an event, and the state sum with it."""
        if verdict is OK and entry.status == "ok":
            return entry
        status = str(verdict.status)
        if (status, verdict.cause, verdict.by) == (entry.status, entry.cause, entry.cause_by):
            return entry
        given = entry._replace(status=status, cause=verdict.cause, cause_by=verdict.by)
        self.events.set_verdict(self.sn, given)
        self.add_state(_part(given), instead=_part(entry))
        return given

    def add_state(self, part: bytes, *, instead: bytes | None = None) -> None:
        """Add a part to the state sum, in the place of an older one where there is one."""
        self.tally.state_sum += int.from_bytes(part, "little")
        if instead is not None:
            self.tally.state_sum -= int.from_bytes(instead, "little")


def _part(entry: Entry) -> bytes:
    """Return the part of an event, with its verdict, in the state sum."""
    return sha256(_PART, entry.id, entry.status.encode())
