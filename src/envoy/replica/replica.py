"""Replica: one profile's copy of one space, and the only maker of events.

Every face comes here to write. A write happens under the lock: what other processes committed is
there already, the caller's plan is asked what to say in that state (and may refuse, which writes
nothing), the events are linked, signed, sealed and taken in by the same ``Batch`` that takes in
everybody's, and rows, outbox and the answer under an idempotency key are committed with them. Only
then is anything sent.

Laws: nothing else signs or numbers an event. An event is committed before it is published: one that
was published and then lost by its author would be written again under the same number. Time is
never cited ahead of this clock by more than limits.CITABLE_AHEAD_MS.

Specification: docs/spec/event.md, Authoring; docs/spec/store.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from envoy import limits
from envoy.core.bodies import Delegate, Grant, Merge, Role
from envoy.core.capability import (
    CAPS,
    DEPTH_BEYOND,
    END_BEYOND,
    FOUNDER_STAYS,
    NO_CAP,
    NO_GRANT,
    OUT_OF_SCOPE,
    OUTSIDER,
    ROLE_NEEDS,
    SCOPE_BEYOND,
    SELF_GRANT,
    TOO_LATE,
    task_of,
)
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256
from envoy.core.envelope import ENTROPY_BYTES, Writer, author_event
from envoy.core.identity import Identity
from envoy.core.kinds import KINDS, entity_of, read_body
from envoy.core.log import Entry
from envoy.core.structs import Body
from envoy.errors import AuthorityError, ConflictError, IntegrityError, UsageError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.batch import Batch
from envoy.replica.grants import Grants, dated_ahead
from envoy.replica.keyring import KeyRing
from envoy.replica.linking import Linker
from envoy.replica.ports import Carry, Clock, Entropy, EventStore, Hub, RowStore, Workers
from envoy.views import rows

KIND_OF: Final[Mapping[type[Body], str]] = {row.body: kind for kind, row in KINDS.items()}


class Profile(NamedTuple):
    """An identity with its stores, its hub and the world it may ask."""

    identity: Identity
    events: EventStore
    rows: RowStore
    hub: Hub
    clock: Clock
    entropy: Entropy
    workers: Workers
    session: str
    name: str
    type: str  # declared: human, agent
    carry: Carry | None = None  # None: where nothing is sent
    roads: object = None  # replica.roads.Roads where a space is connected; loaded only there
    tend: Callable[[Replica], bool] | None = None  # what is owed to relays, where there are roads


class Call(NamedTuple):
    """A retry-safe call: the caller's key, and what it asked, to tell a retry from another call."""

    key: str | None
    asked: tuple[object, ...]

    @property
    def digest(self) -> bytes:
        """Return what stands for the arguments."""
        return sha256(encode(self.asked))


class Written(NamedTuple):
    """What a write left: its entries, or the first event and number of the call it repeats."""

    entries: tuple[Entry, ...]
    event: bytes | None
    n: int | None
    replayed: bool
    note: str = ""  # what the act kept beside it, under its key


Work = Callable[["Author"], Sequence[Entry]]


class Counted(NamedTuple):
    """The frames that one page counted in: how many there were before and after, and their ids."""

    before: int
    after: int
    ids: set[bytes]


class Replica:
    """The copy of the space with the local number ``sn``.

    ``seeds`` are encryption keys beside the profile's own that epochs may be sealed to: those of
    the invite that is being redeemed. ``expects`` is the version of a task that the caller acts
    upon (None: whatever it is); an act on another version is refused inside the lock. ``keys`` is
    the ring of a copy that was made from an audit bundle.
    """

    def __init__(
        self,
        profile: Profile,
        sn: int,
        *,
        seeds: Sequence[bytes] = (),
        expects: str | None = None,
        keys: KeyRing | None = None,
    ) -> None:
        self.profile = profile
        self.sn = sn
        self.me = profile.identity.did
        self.seeds = tuple(seeds)
        self.expects = expects
        self.keys = keys
        self.full: bytes | None = None  # the task whose slot a hub had no room for just now
        self.counted: Counted | None = None  # by the last page that was taken in through this copy

    @property
    def space(self) -> rows.Space:
        """Return the row of the space as committed."""
        return self.profile.rows.space(self.sn)

    def batch(self) -> Batch:
        """Return a batch for this space; the caller holds the transaction."""
        events, store = self.profile.events, self.profile.rows
        now = self.profile.clock.now_ms()
        return Batch(events, store, self.sn, me=self.me, now_ms=now, keys=self.keys)

    def write(
        self, plan: Callable[[Batch], Sequence[Body]], *, call: Call | None = None
    ) -> Written:
        """Write the events that ``plan`` returns, all or none, and durably.

        ``plan`` is asked inside the lock and raises to refuse; nothing to say writes nothing.
        Raises as ``compose`` does.
        """
        return self.compose(
            lambda author: [author.say(body) for body in plan(author.batch)], call=call
        )

    def compose(self, work: Work, *, call: Call | None = None) -> Written:
        """Write what ``work`` says with the pen it is given, all or none, and durably.

        The last event is the one the caller is told of. Raises ConflictError
        (idempotency_mismatch, space_closed, clock_ahead), AuthorityError, UsageError
        (message_too_large), and whatever ``work`` raises to refuse.
        """
        with self.profile.events.transaction(durable=True):
            before = self.replayed(call)
            if before is not None:
                return before
            batch = self.batch()
            if not batch.space.founder:  # it waits to be let in, and holds nothing yet
                space_id = to_text("space", batch.space.id)
                raise AuthorityError("epoch_revoked", space_id=space_id, cause="pending_approval")
            author = Author(self.profile, batch)
            entries = tuple(work(author))
            if not entries:
                return Written((), None, None, replayed=False)
            author.settle()
            batch.finish()
            known = [one.entity for one in entries if one.entity and one.entity != one.id]
            if any(map(batch.late, known)):
                from envoy.replica import effects

                effects.check(batch, entries)
            written = self._answer(entries)._replace(note=author.note)
            if call is not None and call.key is not None:
                self._remember(call, written)
            return written

    def _answer(self, entries: tuple[Entry, ...]) -> Written:
        """Return what the caller is told of ``entries``: the last one is what it asked for."""
        last = entries[-1]
        found = self.profile.rows.stream_of(last.rid)
        return Written(entries, last.id, found[0].n if found else None, replayed=False)

    def replayed(self, call: Call | None) -> Written | None:
        """Return the answer to the call that ``call`` repeats, None if it is a new one.

        The caller holds the transaction. Raises ConflictError(idempotency_mismatch).
        """
        if call is None or call.key is None:
            return None
        after = self.profile.clock.now_ms() - limits.IDEMPOTENCY_SECONDS_MAX * 1000
        found = self.profile.rows.find_reply(self.sn, call.key, after)
        if found is None:
            return None
        digest, result = found
        if digest != call.digest:
            raise ConflictError("idempotency_mismatch")
        event, n, note = (*result.split(" "), "")[:3]
        return Written((), bytes.fromhex(event), int(n) if n else None, replayed=True, note=note)

    def _remember(self, call: Call, written: Written) -> None:
        """Keep the answer for a retry."""
        assert call.key is not None and written.event is not None, "something was written"
        result = f"{written.event.hex()} {'' if written.n is None else written.n}"
        result = f"{result} {written.note}" if written.note else result
        now = self.profile.clock.now_ms()
        self.profile.rows.keep_reply(self.sn, call.key, call.digest, result, at=now)


class Author:
    """The pen of one batch: links, signs and seals, and takes its own events in."""

    def __init__(self, profile: Profile, batch: Batch) -> None:
        self.profile = profile
        self.batch = batch
        self.me = profile.identity.did
        self._grants = Grants(
            batch, profile.rows.grants_of(batch.sn, profile.events.actor(self.me))
        )
        self._linker = Linker(batch, profile.entropy)
        self.note = ""  # kept with the answer under the caller's key
        self._is_ready = False
        self._gathers = False

    def say(
        self, body: Body, *, auth: bytes | None = None, slot: tuple[str, bytes] | None = None
    ) -> Entry:
        """Write one event with ``body`` under the most senior grant that allows it.

        ``auth`` names another grant: the invite of a join. ``slot``: the event goes to the hub by
        this entry of the outbox, (what, data), instead of a plain push.
        """
        kind = KIND_OF[type(body)]
        self._prepare(kind)
        space = self.batch.space
        # What creates its entity has no id yet, hence nothing to have seen of it.
        entity = entity_of(kind, body, event=b"", author=self.me, space=space.id) or None
        self._merge_heads(kind, entity)
        links = self._linker.links(
            entity,
            auth or self._grants.under(KINDS[kind].cap, _about(kind, body)),
            gathers=self._gathers,
        )
        frame, event = author_event(
            self._writer(),
            links=links,
            kind=kind,
            body=_written(kind, body),
            entropy=self.profile.entropy(ENTROPY_BYTES),
        )
        self.batch.see(event.id)
        entry = self.batch.accept(event, frame)
        self._check(entry, body)
        self._check_stands(entry)
        self.batch.space = self.batch.space._replace(
            chain=links.chain, tip=event.id, tip_seq=event.seq
        )
        # The frame is in the log: the outbox names it.
        self.batch.send(*(slot or ("frame", b"")), ident=event.id)
        return entry

    def _prepare(self, kind: str) -> None:
        """Refuse what the space no longer takes; before the first event see to the epoch.

        A join is written under any epoch that the invite opens: its author could not make one.
        """
        self._check_open(kind)
        if kind == "join" and self.batch.space.epoch is None:
            self.batch.space = self.batch.space._replace(epoch=self._opened())
        if not self._is_ready and kind != "join":
            self.ensure_epoch()

    def _opened(self) -> bytes | None:
        """Return the newest epoch that is held here, adequate or not."""
        held = [one for one in self.batch.events.epochs(self.batch.sn) if one.secret is not None]
        return max(held, key=lambda one: (one.lam or 0, one.id)).id if held else None

    def check(self, kind: str) -> None:
        """Refuse what ``say`` would refuse for the space and my grants; nothing is written.

        Raises ConflictError(space_closed), AuthorityError.
        """
        self._check_open(kind)
        self.under(KINDS[kind].cap)

    def _check_open(self, kind: str) -> None:
        """Refuse content for a space that is closed or past its end."""
        space = self.batch.space
        ended = space.expires_ms is not None and space.expires_ms < self.batch.now_ms
        if (space.closed_ms is not None or ended) and not KINDS[kind].auth and kind != "merge":
            raise ConflictError("space_closed", space_id=to_text("space", space.id))

    def stay(self, epoch: bytes) -> None:
        """Write under ``epoch``, which is held, adequate or not: to ask for another (rule E7)."""
        self._is_ready = True
        self.batch.space = self.batch.space._replace(epoch=epoch)

    def gather(self) -> None:
        """Come to have seen all that may be cited, by merges where one event cannot name it.

        Who ends a grant holds what it had not seen, so it looks at everything first; whoever opened
        a thousand chains does not get away with that. Readers cannot merge and name what fits.
        """
        self._gathers = True
        for _ in range(limits.MERGES_MAX):
            if not self._grants.reaches("write", None) or not self._linker.is_scattered():
                return
            self.say(Merge(None))

    def settle(self) -> None:
        """Create an epoch after an act of this batch that ended somebody's reading (rule E3)."""
        court, latest = self.batch.court, self.batch.now_ms + limits.CITABLE_AHEAD_MS
        if not court.is_grown or court.judgement.acting(self.me, CAPS["write"]) is None:
            return
        if not self._grants.reaches("write", None):
            return  # who came in just now leaves it to its next write
        from envoy.state import epochs as duties

        plan = duties.plan(court.judgement, court.views, author=self.me, latest=latest)
        if plan.duty is not duties.Duty.WRITE:
            self.rotate()

    def ensure_epoch(self) -> None:
        """Come to write under an adequate epoch: create one if there is none (rules E1 to E3).

        Raises ConflictError(clock_ahead) where a removal is known that cannot be cited yet.
        """
        batch, latest = self.batch, self.batch.now_ms + limits.CITABLE_AHEAD_MS
        self._is_ready = True  # what is said for it asks for no second one
        if batch.space.adequate:
            return
        from envoy.state import epochs as duties

        judged, views = batch.court.judgement, batch.court.views
        plan = duties.plan(judged, views, author=self.me, latest=latest)
        if plan.duty is duties.Duty.REFUSE:
            raise dated_ahead(plan.acts)
        if plan.duty is duties.Duty.WRITE and plan.epoch is not None:
            is_whole = duties.current(judged, views) is not None  # else it is excused until then
            batch.space = batch.space._replace(epoch=plan.epoch.epoch, adequate=int(is_whole))
        elif self._grants.reaches("write", None):
            self.rotate()
        # Who may only read makes no epoch: what it writes is under a stale one, and flagged.

    def rotate(self) -> Entry:
        """Create an epoch for all readers and open invites, and write under it from here on.

        What ends a reading and is dated ahead is said again first. Raises ConflictError
        (clock_ahead) where that is not for this profile: the epoch would be for the removed, too.
        """
        from envoy.replica import epochs

        batch, latest = self.batch, self.batch.now_ms + limits.CITABLE_AHEAD_MS
        self._repeat(latest)
        sealed = epochs.create(
            batch.space.id,
            self.me,
            older=epochs.wrapped(
                batch.space.id,
                epochs.settled(self.profile.events, batch.sn, batch.court.judgement, latest=latest),
            ),
            to=batch.current_readers(),
            nonce=self.profile.entropy(16),
            secret=self.profile.entropy(32),
        )
        batch.adopt_epoch(sealed)
        return self.say(sealed.body)

    def _repeat(self, latest: int) -> None:
        """Say again what ends a reading and cannot be cited, where it is not said again yet."""
        from envoy.state import epochs as duties

        court = self.batch.court
        acts = duties.uncovered(court.judgement, latest=latest)
        again = duties.to_repeat(court.judgement, acts, author=self.me, latest=latest)
        if again:
            for body in again:
                self.say(body)
            acts = duties.uncovered(court.judgement, latest=latest)
        if any(act.kind == "remove" for act in acts):
            raise dated_ahead(acts)

    # -- the parts of an event ----------------------------------------------------------------

    def _writer(self) -> Writer:
        """Return the keys to write with: those of the epoch the space is written under."""
        space = self.batch.space
        keys = self.batch.keys.find(space.epoch) if space.epoch is not None else None
        if space.epoch is None or keys is None:
            raise AuthorityError("epoch_revoked", space_id=to_text("space", space.id))
        seed = self.profile.identity.signing_seed
        return Writer(space=space.id, epoch=space.epoch, event_key=keys.event_key, seed=seed)

    def under(self, cap: str) -> bytes:
        """Return the most senior grant of mine that has ``cap`` and can be cited (``Grants``)."""
        return self._grants.under(cap)

    def has(self, cap: str) -> bool:
        """Say whether a live grant of mine that can be cited has ``cap``."""
        return self._grants.has(cap)

    def _check_stands(self, entry: Entry) -> None:
        """Refuse to give what an act that is dated ahead has ended already, unseen by it."""
        if entry.kind not in _GIVES:
            return
        kills = self.batch.court.judgement.kills.get(entry.id, ())
        ahead = [one.event for one in kills if self._grants.is_late(one.event.ts)]
        if ahead:
            raise dated_ahead(ahead)

    def _merge_heads(self, kind: str, entity: bytes | None) -> None:
        """Join heads until what the next event must name fits into it.

        Who reads cannot, and who writes in one task only within it: they name what fits.
        """
        if kind == "merge" or not self.has("write"):
            return
        while (merge := self._linker.surplus(entity)) is not None:
            if not self._grants.reaches("write", merge.entity):
                return
            self.say(merge)

    def _check(self, entry: Entry, body: Body) -> None:
        """Refuse to commit an event of mine that no replica would let count, for ever."""
        fault = entry.fault
        if fault is None:
            return
        if fault in _NOT_MINE:
            raise AuthorityError("outranked", cause=fault)
        if fault in _TOO_WIDE:
            raise AuthorityError("capability_missing", cause=fault, required_verb=_needed(body))
        if entry.kind == "join" and fault == NO_GRANT:  # the invite is dated ahead: not cited yet
            raise ConflictError("clock_ahead", cause="this_clock_is_behind")
        grant = self.batch.court.ledger.grants.get(entry.auth)
        if fault == NO_GRANT and grant is not None and self._grants.is_late(grant.act.ts):
            raise dated_ahead([grant.act])
        if fault != TOO_LATE:  # the rows that the grant was chosen from do not fit the log
            raise IntegrityError("state_corrupt", cause=fault)
        if entry.kind == "join":
            raise ConflictError("invalid_invite", cause=fault)
        raise AuthorityError("capability_expired", required_verb=KINDS[entry.kind].cap)


# What a grant never reaches, whoever holds it: the grants of its own holder, and the founder.
_NOT_MINE: Final = (SELF_GRANT, FOUNDER_STAYS)
_GIVES: Final = frozenset({"grant", "role", "join", "delegate", "invite"})
# What takes a wider grant than the most senior one there is.
_TOO_WIDE: Final = (NO_CAP, OUT_OF_SCOPE, DEPTH_BEYOND, SCOPE_BEYOND, END_BEYOND, OUTSIDER)


def _about(kind: str, body: Body) -> bytes | None:
    """Return the task that an event has to be in the scope of, None for the space (rule S3)."""
    return body.task if isinstance(body, Delegate) else task_of(kind, body, b"")


def _needed(body: Body) -> str:
    """Return the cap that an act takes by what it gives."""
    match body:
        case Grant(role=role) | Role(role=role):
            need = ROLE_NEEDS[role]
            return next(cap for cap, bit in CAPS.items() if bit == need)
        case Delegate():
            return "grant"
    return KINDS[KIND_OF[type(body)]].cap


def _written(kind: str, body: Body) -> bytes:
    """Return the bytes of a body that every reader decodes. Raises UsageError(field_invalid)."""
    raw = encode(body)
    if read_body(kind, raw) is None:
        raise UsageError("field_invalid", kind=kind)
    return raw


def check_text(body: str) -> None:
    """Refuse a text that is longer than an event may carry."""
    size = len(body.encode())
    if size > limits.TEXT_BYTES_MAX:
        raise UsageError("message_too_large", bytes=size, bytes_max=limits.TEXT_BYTES_MAX)
