"""Ports: what the application asks of the world, each as a Protocol of its consumer.

``storage.events`` keeps the log, ``hub.handler`` or a client of one is the hub, ``system.host`` the
clock and the entropy, ``system.workers`` the threads. The simulator implements the same ones.

Laws: everything a transaction wrote is there after it, or nothing is. Numbers (``rid``, ``sn``,
``an``, ``cn``, ``ix``) are local to one replica; nothing hashed, signed or sent depends on them.

Specification: docs/ARCHITECTURE.md, sections 4 and 6; docs/spec/store.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from envoy.core.log import Authority, Entry, EpochRow, Head, Outgoing, Parked, ReceiptRow
from envoy.core.structs import Body
from envoy.lean import Protocol
from envoy.views import rows

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C", bound=Body)

Row = (
    rows.Space
    | rows.Item
    | rows.Member
    | rows.Grant
    | rows.Invite
    | rows.Task
    | rows.Edge
    | rows.Conflict
    | rows.Link
    | rows.Object
    | rows.Record
    | rows.RecordRef
    | rows.Stream
)


class EventStore(Protocol):
    """The durable log of one profile."""

    @property
    def parking(self) -> Parking:
        """Return what waits, and what was refused."""

    def transaction(self, *, durable: bool) -> AbstractContextManager[object]:
        """Take the lock and write; ``durable``: the commit survives power loss (FULL)."""

    def actor(self, did: bytes) -> int:
        """Return the local number of ``did``, a new one the first time."""

    def did(self, an: int) -> bytes:
        """Return the did with that number."""

    def chain(self, sn: int, author: bytes, chain: bytes) -> int:
        """Return the local number of a chain, a new one the first time."""

    def entry(self, sn: int, event: bytes) -> Entry | None:
        """Return an accepted event by its id."""

    def event_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three accepted events between ``low`` and ``high``."""

    def number(self, sn: int, author: bytes, chain: bytes) -> tuple[int, int, int]:
        """Return the numbers of the event that is added next, of its author and its chain."""

    def add_event(self, sn: int, entry: Entry, frame: bytes) -> None:
        """Append an accepted event, numbered by ``number``, with its envelope."""

    def at_seq(self, cn: int, seq: int) -> list[bytes]:
        """Return the events with that place in a chain: more than one is a fork."""

    def add_fork(self, sn: int, cn: int, seq: int, pair: tuple[bytes, bytes]) -> None:
        """Keep two events of one place in a chain as proof against their author."""

    def chain_ends(self, sn: int, an: int) -> list[bytes]:
        """Return the last event of each chain of an author."""

    def first_forks(self, sn: int, author: bytes) -> list[tuple[bytes, bytes]]:
        """Return of the first forked chains of an author the two least ids in the least place."""

    def forked(self, sn: int) -> dict[int, int]:
        """Return the forked chains of a space and the number of their author."""

    def newest_seq(self, cn: int) -> int:
        """Return the greatest seq of a chain among the events that are written, -1 for none."""

    def kinds(self) -> set[str]:
        """Return the kinds that whoever folded this log last could read."""

    def note_kinds(self, kinds: Iterable[str]) -> None:
        """Note the kinds that can be read now."""

    def reread(self, sn: int, entry: Entry) -> None:
        """Write entity, fault and status of an event that can be read now."""

    def remake_heads(self, sn: int) -> None:
        """Make the heads of the log and of every entity anew, from the events as they are."""

    def set_verdict(self, sn: int, entry: Entry) -> None:
        """Write the verdict that ``entry`` has now."""

    def frame(self, rid: int) -> bytes:
        """Return the envelope of an event."""

    def frames_of(self, sn: int, events: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the envelopes of accepted events by their ids."""

    def frames(self, sn: int, *, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return (rid, envelope) of the events behind ``after``: what refills a hub."""

    def entries(self, sn: int, *, after: int, limit: int) -> list[Entry]:
        """Return the events behind ``after`` in the order of their arrival."""

    def of_kind(self, sn: int, kind: str, *, after: int) -> list[Entry]:
        """Return the events of a kind behind ``after`` in the order of their arrival."""

    def count_after(self, sn: int, rid: int) -> int:
        """Count the events that arrived behind ``rid``."""

    def under(self, sn: int, auth: bytes) -> list[Entry]:
        """Return the content events under a grant."""

    def contents(self, sn: int) -> Iterator[Entry]:
        """Yield every content event, least (lam, id) first."""

    def entity(self, sn: int, entity: bytes) -> list[Entry]:
        """Return the operations on an entity."""

    def acts(self, sn: int, entities: Sequence[bytes]) -> dict[bytes, list[Entry]]:
        """Return the operations on each of some entities, as ``entity`` does."""

    def heads(self, sn: int, *, citable: bool) -> list[Head]:
        """Return the heads of the log; ``citable``: of the log without invalid events."""

    def entity_heads(self, sn: int, entity: bytes) -> list[tuple[bytes, int]]:
        """Return (event, lam) of the heads of an entity."""

    def authority(self, sn: int) -> list[Authority]:
        """Return all authority events in the order of their numbers."""

    def add_authority(self, sn: int, entry: Entry, *, epoch: bytes, body: bytes) -> None:
        """Record body and epoch of an authority event."""

    def past(self, sn: int, ix: int) -> list[tuple[int, int, bytes]]:
        """Return (cn, seq, tip) of what a revocation had seen, empty where none was stored."""

    def add_past(self, sn: int, ix: int, tips: Iterable[tuple[int, int, bytes]]) -> None:
        """Store what a revocation had seen."""

    def epoch(self, sn: int, epoch: bytes) -> EpochRow | None:
        """Return an epoch."""

    def epochs(self, sn: int) -> list[EpochRow]:
        """Return all epochs."""

    def put_epoch(self, sn: int, row: EpochRow) -> None:
        """Add what ``row`` knows of an epoch to what is known; nothing known is ever lost."""

    def add_receipt(self, sn: int, row: ReceiptRow) -> None:
        """Insert or replace a receipt."""

    def drop_receipt(self, sn: int, receipt: bytes) -> None:
        """Forget a receipt that no pinned hub speaks for."""

    def receipts(self, sn: int, event: bytes) -> list[ReceiptRow]:
        """Return the receipts for an event."""

    def top_receipt(self, sn: int, slot: bytes, no: int) -> ReceiptRow | None:
        """Return the receipt with the highest fence of a slot, whatever it is for; None: none."""

    def receipt_frames(self, sn: int) -> list[bytes]:
        """Return the frames of all receipts: what refills a hub."""

    def unknown(self, sn: int, frames: Sequence[bytes]) -> set[bytes]:
        """Return those frame ids that were never seen here, whatever became of the others."""


class Parking(Protocol):
    """What is no event yet, and the evidence of what never will be one."""

    def park(self, sn: int, row: Parked) -> None:
        """Keep a frame until what it lacks arrives, within the bounds of limits."""

    def parked(self, sn: int, state: str, why: bytes) -> list[Parked]:
        """Return what waits for ``why``."""

    def page(self, sn: int, *, after: bytes, limit: int) -> list[Parked]:
        """Return parked frames behind the id ``after``, ascending."""

    def wanted(self, sn: int, state: str) -> list[bytes]:
        """Return what parked frames wait for, ascending."""

    def since(self, sn: int, state: str) -> list[tuple[bytes, int]]:
        """Return what parked frames wait for, with when the first of them came, oldest first."""

    def accused(self, sn: int, code: str) -> list[str]:
        """Return, ascending, the sources of evidence with a code."""

    def code_of(self, sn: int, frame: bytes) -> str | None:
        """Return why a frame was refused; None for one that was not."""

    def unpark(self, sn: int, frame: bytes) -> bool:
        """Forget that a frame waited or was dropped while it did; say whether it was so."""

    def fetchable(self, sn: int, *, after: bytes, limit: int) -> list[bytes]:
        """Return dropped frames behind the id ``after`` that lack nothing any more."""

    def dropped(self, sn: int, frames: Sequence[bytes]) -> set[bytes]:
        """Return those frame ids that were dropped while they waited."""

    def refuse(self, row: rows.Quarantined) -> None:
        """Keep a quarantine row, within the bounds of limits; the id stays known."""


class RowStore(Protocol):
    """The projections, the outbox and the answered calls of one profile."""

    def save(self, row: Row) -> None:
        """Insert or replace ``row`` by its key."""

    def add(self, row: Row) -> None:
        """Insert ``row``, whose key no row has yet."""

    def delete(self, row: Row) -> None:
        """Remove the row with the key of ``row``."""

    def space(self, sn: int) -> rows.Space:
        """Return the row of a space that exists."""

    def find_space(self, space: bytes) -> rows.Space | None:
        """Return the row of a space by its id."""

    def spaces(self) -> list[rows.Space]:
        """Return all spaces in the order they came here."""

    def next_space(self) -> int:
        """Return an unused number of a space."""

    def drop_space(self, sn: int) -> None:
        """Remove all that this file holds of a space."""

    def leave_out(self, space: bytes, at: int) -> None:
        """Note that the profile forgot a space: no repair brings it back."""

    def let_in(self, space: bytes) -> None:
        """Take a space out of those that were forgotten."""

    def members(self, sn: int) -> dict[bytes, rows.Member]:
        """Return the member rows by did."""

    def grants(self, sn: int) -> dict[bytes, rows.Grant]:
        """Return the grant rows by id."""

    def grant(self, sn: int, grant: bytes) -> rows.Grant | None:
        """Return one grant row."""

    def grants_of(self, sn: int, an: int) -> list[rows.Grant]:
        """Return the live grants to a did, the most senior first."""

    def invites(self, sn: int) -> dict[bytes, rows.Invite]:
        """Return the invite rows by id."""

    def task(self, sn: int, task: bytes) -> rows.Task | None:
        """Return the row of a task."""

    def some_tasks(self, sn: int, tasks: Sequence[bytes]) -> list[rows.Task]:
        """Return those rows that there are of some tasks."""

    def tasks_of(self, sn: int, an: int) -> list[bytes]:
        """Return, ascending, the tasks that a member holds."""

    def task_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three tasks between ``low`` and ``high``."""

    def ready(self, sn: int, an: int, label: str | None, limit: int) -> list[rows.Task]:
        """Return what a member could take now, the first to be done first."""

    def edges(self, sn: int, task: bytes) -> list[rows.Edge]:
        """Return the edges of a task in their order."""

    def is_named(self, sn: int, task: bytes) -> bool:
        """Say whether an edge leads to a task."""

    def has_edited_edges(self, sn: int) -> bool:
        """Say whether any edge of a space comes from an edit: without one there is no circle."""

    def reach(self, sn: int, rel: str, start: bytes | None) -> list[rows.Edge]:
        """Return all edges of a sort that following them from a task leads to; None: all."""

    def conflict(self, sn: int, conflict: bytes) -> rows.Conflict | None:
        """Return the row of a conflict."""

    def conflict_ids(self, sn: int, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids of at most three conflicts between ``low`` and ``high``."""

    def conflicts(self, sn: int, entity: bytes) -> dict[bytes, rows.Conflict]:
        """Return the conflict rows of an entity by id."""

    def conflicts_on(self, sn: int, entities: Sequence[bytes]) -> list[rows.Conflict]:
        """Return the conflict rows of some entities."""

    def object(self, sn: int, reference: bytes) -> rows.Object | None:
        """Return the row of a reference to an object."""

    def object_ids(self, sn: int, low: bytes, high: bytes, *, by_object: bool) -> list[bytes]:
        """Return at most three references with an id of theirs, or of their object, in a range."""

    def objects(self, sn: int, object: bytes | None = None) -> list[rows.Object]:
        """Return the references to an object, or all, those first that sort first."""

    def record(self, sn: int, record: bytes) -> rows.Record | None:
        """Return the row of a record."""

    def record_refs(self, sn: int, record: bytes) -> list[rows.RecordRef]:
        """Return the references of a record in their order."""

    def refs_to(self, sn: int, target: bytes) -> list[rows.RecordRef]:
        """Return the references of records to an event."""

    def records_of(self, sn: int, task: bytes) -> list[rows.Record]:
        """Return the records of a task, those first that sort first."""

    def objects_of(self, sn: int, task: bytes) -> list[rows.Object]:
        """Return the references to objects of a task, those first that sort first."""

    def judged(self, sn: int, gate: str) -> list[bytes]:
        """Return, ascending, the tasks that stand by a completion and have ``gate`` in theirs."""

    def item(self, rid: int) -> rows.Item | None:
        """Return the item of an event."""

    def last_item(self, sn: int) -> tuple[int, bytes] | None:
        """Return (lam, id) of the item that sorts last."""

    def drop(self) -> None:
        """Empty the projections, to be made again in the same transaction."""

    def stream_of(self, rid: int) -> list[rows.Stream]:
        """Return what an event put into the stream."""

    def streams_of(self, sn: int, first: int, last: int) -> list[rows.Stream]:
        """Return what the events with numbers in a range put into the stream, ascending."""

    def add_words(self, rid: int, text: str) -> None:
        """Make the words of an item searchable that is new."""

    def index_words(self, rid: int, text: str | None) -> None:
        """Make the words of an item searchable, or no longer (None)."""

    def unread(self, sn: int, after: int) -> int:
        """Count the inbox items above an arrival number."""

    def outgoing(self, sn: int, limit: int) -> list[Outgoing]:
        """Return the first entries of the outbox."""

    def send_later(self, sn: int, what: str, ident: bytes | None, data: bytes) -> None:
        """Append to the outbox."""

    def sent(self, numbers: Sequence[int]) -> None:
        """Remove entries from the outbox."""

    def queued(self, sn: int, what: str) -> set[bytes]:
        """Return the ids of the entries of one sort in the outbox."""

    def unsend(self, sn: int, what: Sequence[str]) -> None:
        """Remove the entries of some sorts from the outbox."""

    def pending(self, sn: int) -> int:
        """Count the entries of the outbox."""

    def find_reply(self, sn: int, key: str, after: int) -> tuple[bytes, str] | None:
        """Return (digest, result) of an idempotency key used since ``after``."""

    def keep_reply(self, sn: int, key: str, digest: bytes, result: str, *, at: int) -> None:
        """Record what a call under an idempotency key answered."""

    def drop_reply(self, sn: int, key: str) -> None:
        """Forget an idempotency key."""

    def holder(self, sn: int, task: bytes, session: str, fresh: bytes) -> bytes:
        """Return the slot secret of a session for a task, ``fresh`` the first time."""

    def claimer_tag(self, lookup: bytes, fresh: bytes) -> bytes:
        """Return the tag this profile fetches an invite with, ``fresh`` the first time."""

    def note(self, sn: int, what: str) -> bytes | None:
        """Return what this copy noted about a space, None if it did not."""

    def keep_note(self, sn: int, what: str, data: bytes | None) -> None:
        """Note something about a space in the place of what was noted before; None: forget it."""

    def provisional(self, sn: int, an: int) -> list[rows.Task]:
        """Return the tasks that somebody holds by a claim which no hub confirmed."""

    def find_holder(self, sn: int, task: bytes, session: str) -> bytes | None:
        """Return the slot secret of a session for a task, None if it never claimed it."""


class Hub(Protocol):
    """A hub: every call of ``sync.frames`` answered, or refused with HubRefusal.

    ``hub_key`` is the public key that its receipts are signed with.
    """

    hub_key: bytes

    def handle(self, call: Body) -> Body:
        """Return the reply to ``call``."""


class Chunks(Protocol):
    """The ciphertexts of objects on this machine, each by the hash of its bytes.

    ``lend`` and ``borrow`` pass a file to the hub of this machine and take one from it without a
    copy; they say False where that cannot be done, and then a call does it.
    """

    def has(self, ident: bytes) -> bool:
        """Say whether there is a file for that chunk, whatever it holds."""

    def read(self, ident: bytes) -> bytes | None:
        """Return what the file of a chunk holds, None if there is none."""

    def save(self, ident: bytes, chunk: bytes) -> None:
        """Write a chunk in the place of whatever has its name; called by several threads."""

    def drop(self, ident: bytes) -> None:
        """Delete the file of a chunk, if there is one."""

    def settle(self) -> None:
        """Make what was saved survive a loss of power."""

    def lend(self, ident: bytes) -> bool:
        """Give the hub of this machine the file of a chunk that is here."""

    def borrow(self, ident: bytes) -> bool:
        """Take the file of a chunk from the hub of this machine, whatever it holds."""

    def sweep(self, is_named: Callable[[bytes], bool]) -> int:
        """Delete old files that are no chunk, or one that nothing names; return how many."""

    def count(self, joined: bytes) -> int:
        """Return how many of the chunks with these ids, joined, are on this machine."""


class Carry(Protocol):
    """Brings chunks to the hub; loaded only where some wait."""

    @property
    def depot(self) -> Chunks:
        """Return where the chunks lie."""

    def __call__(self, space: bytes, chunks: bytes, *, go: Callable[[], bool]) -> bool:
        """Bring what the hub lacks of ``chunks``, ids joined; say whether there was the time."""


def call_hub(hub: Hub, call: Body, kind: type[C]) -> C:
    """Return the reply to ``call``, which is of ``kind``."""
    reply = hub.handle(call)
    assert isinstance(reply, kind), "a hub answers a call with its own reply"
    return reply


class Clock(Protocol):
    """The wall clock."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""


class Entropy(Protocol):
    """The operating system's randomness, drawn at each use."""

    def __call__(self, count: int, /) -> bytes:
        """Return ``count`` random bytes."""


class Workers(Protocol):
    """A few threads for work that releases the interpreter."""

    def begin(self, work: Callable[[A], B], items: Sequence[A]) -> Callable[[], list[B]]:
        """Begin ``work`` of each item; what is returned waits, and returns the results in order."""
