"""Projector: writes the rows that a batch changes, while the transaction of the batch runs.

It asks the folds and stores what they say: lines, stream entries, authority rows, the rows of all
entities that were touched, counts. A row that did not change is not written.

Laws: an arrival number is given once and kept; nothing here gives one twice or moves one. Whatever
is not visible (held, void, invalid) is in no inbox and in no search.

Specification: docs/spec/store.md, Projections and Stream.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from envoy.core.bodies import Genesis
from envoy.core.crypto.sign import sha256, tagged
from envoy.core.log import Entry, split
from envoy.core.structs import Body
from envoy.lean import Protocol
from envoy.replica import references
from envoy.replica.court import Court
from envoy.replica.digests import canonical
from envoy.replica.gathering import Gathered
from envoy.replica.holders import Holders
from envoy.replica.keyring import KeyRing
from envoy.replica.notices import HELD, Notices, told
from envoy.replica.people import People
from envoy.replica.pins import pins_of, receipts_of
from envoy.replica.ports import EventStore, RowStore
from envoy.replica.turns import turns
from envoy.state import content, lines, project, tasks
from envoy.state.lines import Line
from envoy.state.registers import Conflict, Op
from envoy.state.transitions import WRONG_STATE
from envoy.views import rows

VISIBLE = ("ok", "ok*")
DOUBLES = ("fork", "invite_overused")  # conflicts that are of no entity
# Acts that whoever holds the task hears of.
TO_HOLDER = ("task.edit", "task.cancel", "task.reopen", "task.review", "task.gate")


class Counting(Protocol):
    """What a batch counts and its projector counts along."""

    next_n: int
    unread: int


class Changing(Protocol):
    """What a batch lets its projector use."""

    events: EventStore
    sn: int
    me: bytes
    space: rows.Space
    keys: KeyRing
    court: Court

    @property
    def tally(self) -> Counting:
        """Return what is counted over the space."""

    def add_state(self, part: bytes, *, instead: bytes | None = None) -> None:
        """Add a part to the state sum, in the place of an older one where there is one."""


class Projector:
    """The rows of one space while one batch changes it."""

    def __init__(self, batch: Changing, store: RowStore, *, replay: bool = False) -> None:
        """``replay``: what happened is told already, the stream stays as it is."""
        self._replay = replay
        self._batch = batch
        self._events = batch.events
        self._rows = store
        self._people = People(batch.events, store, batch.sn)
        self._notices = Notices(batch.court, batch.me)
        self._holders = Holders(batch.events, store, batch.sn)
        self.gathered = Gathered(batch.events, store, batch.sn, batch.keys)
        self._last = store.last_item(batch.sn)
        self._creators = dict[bytes, bytes | None]()
        self._edges = dict[bytes, list[rows.Edge]]()  # of the tasks whose edges may have changed
        self._numbers: Mapping[int, int] = {}
        self._fresh = set[bytes]()  # completions that came in this batch

    # -- lines and the stream ---------------------------------------------------------------

    def line(self, entry: Entry, body: Body | None) -> None:
        """Write the line of a new event and what it puts into the stream."""
        if body is None:
            return
        line, kind = lines.line(body), entry.kind
        type_ = lines.TYPES.get(kind)
        if not self._replay:
            self.gathered.note(entry, body)
        visible = entry.status in VISIBLE
        if kind == "task.complete":
            self._fresh.add(entry.id)
        if visible and kind.startswith("task."):
            self._holders.note(entry, body)
        if entry.ix is not None and entry.fault is None:
            self._people.offer(entry.author, body, self._batch.space.id)
        if type_ is None:
            return
        reason = self._reason(entry, body) if visible and not self._replay else None
        n = 0
        if self._replay:
            n = self._told(entry)
        elif visible and entry.ix is not None:
            n = self._tell(entry, body, line, reason)
        elif visible and kind != lines.RESOLVE:
            n = self._stream(entry, type_, lines.subject(entry, line), reason)
        elif entry.status == "held":
            lost = HELD if entry.author == self._batch.me else None  # by another copy of mine
            n = self._stream(entry, "event_held", lines.subject(entry, line), lost, own=False)
        if line is not None:
            self._item(entry, line, n)
            for at, (rel, target) in enumerate(lines.links(body)):
                self._rows.save(rows.Link(self._batch.sn, entry.id, at, rel, target))
            words = lines.words(body) if visible else ""
            if words:
                self._rows.add_words(entry.rid, words)

    def _reason(self, entry: Entry, body: Body) -> str | None:
        """Return why a new event is in my inbox."""
        me = self._batch.me
        if entry.author == me:
            return None
        creator = self._creator(entry.entity) if entry.kind.startswith("task.") else None
        holder = self._holders.of(entry.entity) if entry.kind in TO_HOLDER else None
        reason = lines.inbox_reason(entry.kind, body, me=me, creator=creator, holder=holder)
        if reason is None and entry.ix is not None:
            return self._notices.reason(entry)
        return reason

    def _tell(self, entry: Entry, body: Body, line: Line | None, reason: str | None) -> int:
        """Tell of an authority act under all that it came to; return the number of the first."""
        main, *others = self._notices.types(entry, body)
        about = lines.subject(entry, line)
        n = self._stream(entry, main, about, reason)
        for type_ in others:
            self._stream(entry, type_, about, None)
        return n

    def _creator(self, task: bytes | None) -> bytes | None:
        """Return who made a task, None while that is not known."""
        if task is None:
            return None
        if task not in self._creators:
            made = self._events.entry(self._batch.sn, task)
            self._creators[task] = None if made is None else made.author
        return self._creators[task]

    def _item(self, entry: Entry, line: Line, n: int) -> None:
        """Write the line of an event, and make its words searchable."""
        rid, lam, ident, kind = entry.rid, entry.lam, entry.id, entry.kind
        last = self._last
        late = last is not None and (lam, ident) < last
        if not late:
            self._last = (lam, ident)
        task = entry.entity if kind.startswith("task.") else line.task
        grant = self._batch.court.ledger.grants.get(entry.auth)
        known = grant if entry.fault is None or (grant and grant.is_in(entry.saw)) else None
        role, refs = None if known is None else known.role, line.refs  # of one that was seen
        said = (role, line.body, line.reply_to, task, line.target, line.detail)
        shown = project.refs_text(refs) if refs else "[]"
        head = (rid, self._batch.sn, lam, ident, n, entry.an, kind, lines.TYPES[kind], entry.ts)
        row = (*head, *said, shown, entry.status, entry.cause, None, int(late), None)
        self._rows.add(tuple.__new__(rows.Item, row))  # at once: this is made for every event
        self.gathered.lined(entry)

    def relabel(self, entry: Entry, *, before: str) -> None:
        """Show the new verdict on an older event, and tell of it."""
        item = self._rows.item(entry.rid)
        visible, was_visible = entry.status in VISIBLE, before in VISIBLE
        if visible == was_visible:
            if item is not None:
                self._rows.save(item._replace(status=entry.status, cause=entry.cause))
            return
        if entry.kind not in lines.TYPES:
            return
        body = self._batch.keys.body(entry)
        self._conceal(entry)
        n = self._readmit(entry, body) if visible else self._hide(entry, body)
        if item is None:
            return
        if body is not None and lines.words(body):
            is_shown = visible and item.redacted is None
            self._rows.index_words(entry.rid, lines.words(body) if is_shown else None)
        self._rows.save(item._replace(status=entry.status, cause=entry.cause, n=n))

    def _conceal(self, entry: Entry) -> None:
        """Take out of the inbox what it says of an event: that is not so any more."""
        for row in self._rows.stream_of(entry.rid):
            if not row.hidden:
                self._rows.save(row._replace(hidden=1))
                counted = row.reason is not None and not row.own and row.n > self._batch.space.ack_n
                self._batch.tally.unread -= int(counted)

    def _hide(self, entry: Entry, body: Body | None) -> int:
        """Say that an event is held."""
        reason = self._notices.lost(entry, body)
        return self._stream(entry, "event_held", entry.id, reason, own=False)

    def _readmit(self, entry: Entry, body: Body | None) -> int:
        """Let an event come anew: whoever read past it would never see it otherwise."""
        mine = entry.author == self._batch.me  # who was told that it is held is told of this, too
        reason = HELD if mine else None if body is None else self._reason(entry, body)
        return self._stream(entry, "event_admitted", entry.id, reason, own=False)

    def _stream(
        self,
        entry: Entry,
        type_: str,
        about: bytes | None,
        reason: str | None,
        *,
        own: bool | None = None,
    ) -> int:
        """Put something into the stream under the next arrival number, and return that."""
        if self._replay:
            return self._told(entry)
        tally = self._batch.tally
        mine = entry.author == self._batch.me if own is None else own
        n, sn, an, ts = tally.next_n, self._batch.sn, entry.an, entry.ts
        row = (sn, n, entry.rid, type_, an, ts, about, reason, int(mine), 0)
        self._rows.add(tuple.__new__(rows.Stream, row))  # at once: this is made for every event
        tally.next_n = n + 1
        if reason is not None and not mine:
            tally.unread += 1
        return n

    def _told(self, entry: Entry) -> int:
        """Return the number of an event: of the last change of its verdict, else of its coming."""
        if entry.rid in self._numbers:
            return self._numbers[entry.rid]
        return told(self._rows.stream_of(entry.rid)).get(entry.rid, 0)

    def recall(self, numbers: Mapping[int, int]) -> None:
        """Remember under what numbers a page of events was told, instead of asking for each."""
        self._numbers = numbers

    # -- authority --------------------------------------------------------------------------

    def authority(self) -> None:
        """Write who is a member, which grants and invites stand, and what I may do."""
        from envoy.state import epochs

        batch, court = self._batch, self._batch.court
        judgement, sn = court.judgement, batch.sn
        grants, invites = self._rows.grants(sn), self._rows.invites(sn)
        for grant in project.grant_rows(sn, judgement, self._events.actor):
            if grants.get(grant.id) != grant:
                self._rows.save(grant)
        for invite in project.invite_rows(sn, judgement, self._events.actor):
            if invites.get(invite.id) != invite:
                self._rows.save(invite)
        newcomers = self._people.judged(judgement, batch.space.id)
        role = judgement.role_of(batch.me)
        found = epochs.current(judgement, court.views)
        closed = judgement.closes[0].ts if judgement.closes else None
        hubs = pins_of(judgement)
        space = batch.space._replace(
            hub=hubs[max(hubs)],
            hub_no=max(hubs),
            role=role,
            join_state=project.join_state(role, batch.space.join_state),
            created_ms=project.founding(judgement).ts,
            closed_ms=closed,
            rules=judgement.rules,
            adequate=int(found is not None),
            epoch=batch.space.epoch if found is None else found.epoch,
        )
        batch.space = space
        for did in newcomers:
            self.entity(did)

    # -- entities ---------------------------------------------------------------------------

    def entity(self, entity: bytes) -> None:
        """Fold an entity again and write what changed."""
        batch = self._batch
        entries = self.gathered.acts(entity)
        ops = self.ops(entity)
        if entity == batch.space.id:
            self._space(ops)
        elif any(op.kind == "task.create" for op in ops):
            self._task(entity, ops, {entry.id: entry for entry in entries})
        elif any(op.kind == "object.put" for op in ops):
            self._reference(entity, ops, {entry.id: entry for entry in entries})
        elif any(op.kind == "record" for op in ops):
            self._record(entity, ops, {entry.id: entry for entry in entries})
        elif any(entry.kind == lines.RESOLVE for entry in entries):
            self._resolution(entity, {entry.id: entry for entry in entries})
        elif any(op.kind == "message.redact" for op in ops):
            self._message(entity, ops, {entry.id: entry for entry in entries})
        elif any(entry.kind in ("card", "member.keys") for entry in entries):
            for op in ops:
                self._people.offer(op.author, op.body, batch.space.id)
            labels = content.reduce_member(entity, ops)
            self._people.labelled(entity, labels, batch.court.judgement)
            self._judged_again('"human"')

    def ops(self, entity: bytes) -> list[Op]:
        """Return the acts on an entity as the folds take them."""
        made = [self._op(entry, entity) for entry in self.gathered.acts(entity)]
        return [op for op in made if op is not None]

    def _judged_again(self, gate: str = "", *, of: Collection[bytes | None] | None = None) -> None:
        """Fold tasks again that stand by a completion: those with ``gate`` in theirs, or ``of``."""
        for task in self._rows.judged(self._batch.sn, gate):
            if of is None or task in of:
                self.entity(task)

    def _record(self, record: bytes, ops: list[Op], entries: dict[bytes, Entry]) -> None:
        """Write the row of a record; a task whose completion stands by it may turn."""
        from envoy.replica import recording

        place = recording.Place(self._events, self._rows, self._batch.sn, self)
        done = recording.fold(place, record, ops)
        self._refusals(done.refused, entries)
        for one, rivals in recording.rivals(place, record, done):
            self._conflicts(one, rivals)
        self._digest(done.before and done.before.digest, done.after and done.after.digest)
        self._judged_again(of=done.tasks)

    def _op(self, entry: Entry, entity: bytes) -> Op | None:
        """Return an operation as the folds take it, None for one they never count."""
        body = None if entry.fault is not None else self.gathered.body(entry)
        if body is None:
            return None
        court = self._batch.court
        admitted = court.verdict(entry).admitted if entry.status == "ok*" else None
        grant = court.ledger.grants[entry.auth]
        rho = 3 if grant.rank[0] < 2 else 1
        if rho == 1 and entry.author == self._creator(entity):
            rho = 2
        return Op(
            id=entry.id,
            author=entry.author,
            lam=entry.lam,
            ts=entry.ts,
            kind=entry.kind,
            body=body,
            basis=split(entry.basis),
            rho=rho,
            counts=entry.status in VISIBLE,
            admitted=admitted,
        )

    def _space(self, ops: list[Op]) -> None:
        """Write the name, the description and the policy of the space."""
        found = content.reduce_space(self._batch.space.id, ops)
        founded = self._batch.court.ledger.by_kind["genesis"][0].body
        assert isinstance(founded, Genesis), "a ledger begins with the genesis"
        before = self._batch.space.policy
        self._batch.space = self._batch.space._replace(
            name=founded.name if found.name is None else found.name,
            description=found.description or "",
            policy=project.policy_text(dict(content.sound_policy(founded.policy)), found.policy),
        )
        self._conflicts(self._batch.space.id, found.conflicts)
        if self._batch.space.policy != before:
            self._judged_again()

    def folded(self, task: bytes) -> tasks.Task | None:
        """Return a task as its acts and receipts make it, None if its creation does not count."""
        found = self._reduced(task, self.ops(task))
        return None if found.state == tasks.NONE else found

    def _reduced(self, task: bytes, ops: list[Op]) -> tasks.Task:
        """Fold a task; what lies beside it is gathered only where that can matter."""
        batch, bench = self._batch, None
        ruled = "gate." in batch.space.policy and any(op.kind == "task.complete" for op in ops)
        if ruled or tasks.is_reviewed(ops):
            from envoy.replica import benches

            place = (self._events, self._rows, batch.space, batch.court.judgement, self)
            bench = benches.panel(benches.Place(*place), task, ops)
        return tasks.reduce(task, ops, receipts_of(self._events, batch.sn, ops), bench)

    def _task(self, task: bytes, ops: list[Op], entries: dict[bytes, Entry]) -> None:
        """Write the row of a task, its conflicts, and which of its acts were refused."""
        batch = self._batch
        folded = self._reduced(task, ops)
        before = self.gathered.task(task)
        if any(op.kind == "task.handoff" for op in ops):
            from envoy.replica import handing

            place = handing.Place(self._events, self._rows, batch.sn, batch.me, batch.keys.body)
            for one in handing.settle(place, folded, ops):
                self._stream(entries[one.event], one.type, one.about, one.reason)
        if folded.state == tasks.NONE:
            if before is not None:
                self._rows.delete(before)
                self._digest(before.digest, None)
                self._edges[task] = []
            self._refusals({}, entries)
            self._conflicts(task, ())
            return
        row = project.task_row(batch.sn, folded, self._events.actor)
        row = row._replace(digest=tagged("state", b"\1", canonical(folded)))
        self._digest(None if before is None else before.digest, row.digest)
        row = row._replace(conflicts=self._conflicts(task, folded.conflicts))
        (self._rows.add if before is None else self._rows.save)(row)
        self._refusals(dict(folded.refused), entries)
        if folded.edges or (before is not None and before.edges):
            self._edges[task] = project.edge_rows(batch.sn, folded)
        me, news = self._events.actor(batch.me), row.completion in self._fresh
        for type_, event, reason in turns(before, row, me=me, role=batch.space.role, news=news):
            self._stream(entries[event], type_, task, reason)

    def _message(self, message: bytes, ops: list[Op], entries: dict[bytes, Entry]) -> None:
        """Hide the text of what was said and redacted; show it again if nothing redacts it."""
        found = content.reduce_message(message, ops)
        self._refusals(dict(found.refused), entries)
        entry = entries.get(message)
        item = None if entry is None else self._rows.item(entry.rid)
        body = None if entry is None else self._batch.keys.body(entry)
        if entry is None or item is None or not isinstance(body, lines.SAID):
            return
        text = lines.words(body)
        redacted = None if found.by is None else sha256(text.encode())
        if item.redacted == redacted:
            return
        is_shown = redacted is None and entry.status in VISIBLE
        self._rows.save(item._replace(body=None if redacted else text, redacted=redacted))
        self._rows.index_words(entry.rid, (text or None) if is_shown else None)
        if redacted is not None and not self._replay:  # what was told since stays told
            self._conceal(entry)
        elif redacted is None and is_shown:
            self._stream(entry, "message_changed", message, self._reason(entry, body))

    def _reference(self, reference: bytes, ops: list[Op], entries: dict[bytes, Entry]) -> None:
        """Write the row of a reference to an object, and which of its acts were refused."""
        place, space = (self._events, self._rows, self._batch.sn), self._batch.space.id
        done = references.fold(*place, space=space, reference=reference, ops=ops)
        self._refusals(done.refused, entries)
        self._judged_again(of=done.tasks)

    def _digest(self, before: bytes | None, after: bytes | None) -> None:
        """Exchange the part of an entity in the state sum."""
        if before != after:
            self._batch.add_state(after or bytes(32), instead=before or bytes(32))

    def _refusals(self, refused: dict[bytes, str], entries: dict[bytes, Entry]) -> None:
        """Mark the lines of the acts that a fold refused, and of those that it no longer does."""
        for entry in entries.values():
            reason = refused.get(entry.id)
            if self.gathered.is_settled(entry, reason):
                continue
            item = self._rows.item(entry.rid)
            if item is not None and item.refused != reason:
                self._rows.save(item._replace(refused=reason))

    def _conflicts(self, entity: bytes, found: tuple[Conflict, ...]) -> int:
        """Write the conflicts of an entity, tell both actors of news; return how many are open."""
        known = self.gathered.conflicts(entity)
        if not found and not known:
            return 0
        from envoy.replica import disputes

        place = disputes.Place(self._batch, self._rows, self.ops, self._refusals)
        told = disputes.settle(place, entity, found, known)
        for one in told.news:
            n = self._stream(one.by, one.type, one.about, one.reason, own=one.own)
            if (item := self._rows.item(one.by.rid)) is not None and not item.n:
                self._rows.save(item._replace(n=n))
        return told.open

    def _resolution(self, conflict: bytes, entries: dict[bytes, Entry]) -> None:
        """Fold again what a conflict is on; that there is no such conflict refuses its acts."""
        if (row := self._rows.conflict(self._batch.sn, conflict)) is not None:
            if row.kind in DOUBLES:
                return self.doubles((row.entity,) if row.kind == DOUBLES[0] else ())
            return self.entity(row.entity)
        counting = (one.id for one in entries.values() if one.status in VISIBLE)
        return self._refusals(dict.fromkeys(counting, WRONG_STATE), entries)

    def doubles(self, authors: Collection[bytes]) -> None:
        """Write the conflicts of chains that ``authors`` forked, and of over-used invites."""
        from envoy.replica import doubles

        doubles.write(self._batch, authors, self._conflicts)

    # -- the end ----------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is counted over the whole space."""
        batch = self._batch
        if self._edges:
            from envoy.replica.knots import tie

            tie(self._events, self._rows, batch.sn, self._edges)
            self._edges = {}
        heads = [head.id for head in self._events.heads(batch.sn, citable=False)]
        batch.space = batch.space._replace(heads_hash=tagged("frontier", *heads))
        self._people.flag_forks()
