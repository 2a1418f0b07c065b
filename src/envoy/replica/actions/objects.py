"""Actions on objects: share a file, read it back, pin and retract references to it.

The bytes are sealed into the depot of this machine first; then one event refers to them, and the
hub gets the chunks before it gets the event. A pin stays in this copy.

Specification: docs/spec/object.md.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy import limits
from envoy.core.crypto.sign import KEY_BYTES
from envoy.core.log import Entry
from envoy.core.objects import OBJECT_BYTES_MAX as OBJECT_BYTES_MAX
from envoy.core.objects import ObjectPut, ObjectRequest, ObjectRetract
from envoy.errors import (
    AuthorityError,
    ConflictError,
    InternalError,
    NotFoundError,
    RelayError,
    UsageError,
)
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica import objects, slots
from envoy.replica.actions.deliver import deliver, look
from envoy.replica.actions.fields import check_reason
from envoy.replica.actions.names import shared
from envoy.replica.actions.work import usable
from envoy.replica.batch import Batch
from envoy.replica.keyring import KeyRing
from envoy.replica.ports import Chunks, Workers
from envoy.replica.replica import Author, Call, Profile, Replica, Written
from envoy.state.transitions import RANK_CREATOR
from envoy.views import rows

# What faces hand in and never look into.
Read = objects.Read
Write = objects.Write
PINS = "pins"
_ID_BYTES = 32


class Label(NamedTuple):
    """What a reference says of an object beside its bytes; the name is a label, never a path."""

    name: str
    media: str
    task: bytes | None = None


class Put(NamedTuple):
    """A reference that was written: its row, its arrival number and how far it got."""

    row: rows.Object
    n: int | None
    replayed: bool
    delivery: str


class Tools(NamedTuple):
    """What moves bytes: threads, and who is told how many are done."""

    workers: Workers
    tell: Callable[[int], None]


def put(replica: Replica, read: Read, label: Label, *, tools: Tools, key: str | None = None) -> Put:
    """Seal what ``read`` gives into the depot and refer to it in the space.

    Raises UsageError (object_too_large, invalid_argument), InternalError(storage_failed),
    NotFoundError(not_found) for a task that is not known here, ConflictError(event_not_ok).
    """
    _check(label)
    look(replica)
    space, depot = replica.space.id, depot_of(replica.profile)
    secret = replica.profile.entropy(KEY_BYTES)
    sealed = objects.seal(read, space, objects.Depot(depot, *tools), key=secret)
    body = ObjectPut(
        object=sealed.object,
        name=label.name,
        media=label.media,
        size=sealed.size,
        key=sealed.key,
        sha256=sealed.sha256,
        chunks=sealed.chunks,
        task=label.task,
        supersedes=None,
    )

    def work(author: Author) -> list[Entry]:
        if label.task is not None:
            usable(author.batch, label.task)
        if not all(depot.has(one) for one in body.chunks):  # swept: it took over a day
            raise InternalError("storage_failed", reason="swept")
        lease = None if label.task is None else slots.renewal(replica, author.batch, label.task)
        author.batch.send("chunks", b"".join(body.chunks), ident=body.object)
        return [author.say(body, slot=lease)]

    asked = ("object put", sealed.sha256, label.name, label.media, label.task)
    written = replica.compose(work, call=Call(key, asked))
    assert written.event is not None, "a reference always writes an event"
    delivery = deliver(replica)
    sweep(replica.profile)
    row = replica.profile.rows.object(replica.sn, written.event)
    if row is None:  # what a repeated call wrote before does not count any more
        raise NotFoundError("not_found", kind="object")
    return Put(row, written.n, written.replayed, delivery)


def _check(label: Label) -> None:
    """Refuse labels that no reference can have."""
    for name, value in (("name", label.name), ("media-type", label.media)):
        if not 0 < len(value.encode()) <= limits.NAME_BYTES_MAX:
            raise UsageError(
                "invalid_argument", argument=f"--{name}", bytes_max=limits.NAME_BYTES_MAX
            )


def get(replica: Replica, row: rows.Object, write: Write, *, tools: Tools) -> None:
    """Hand the bytes of an object to ``write``, every one checked. What came is it only at the end.

    Raises RelayError(object_incomplete) where chunks are neither here nor at the hub: whoever has
    them is asked. ConflictError(event_not_ok) for a retracted one, IntegrityError
    (signature_invalid) for a reference that is not true.
    """
    if row.retracted is not None:
        raise ConflictError("event_not_ok", status="retracted")
    profile, space = replica.profile, replica.space.id
    depot, body = objects.Depot(depot_of(profile), *tools), _body(replica, row)
    here = objects.gather(body, space, depot, profile.hub)
    whole = here == len(body.chunks)
    if whole and objects.unseal(body, space, depot, hub=profile.hub, write=write):
        return
    request(replica, row)
    raise RelayError(
        "object_incomplete",
        object_id=to_text("obj", row.object),
        have_chunks=depot.chunks.count(row.chunks),
        chunks=len(body.chunks),
    )


def _body(replica: Replica, row: rows.Object) -> ObjectPut:
    """Return what a reference says, key included."""
    events = replica.profile.events
    entry = events.entry(replica.sn, row.id)
    keys = KeyRing(events, replica.sn, replica.space.id)
    body = None if entry is None else keys.body(entry)
    assert isinstance(body, ObjectPut), "a row stands for an event that was read"
    return body


def request(replica: Replica, row: rows.Object) -> bool:
    """Ask whoever has the chunks of an object to bring them, unless it was just done."""
    events, now = replica.profile.events, replica.profile.clock.now_ms()
    keys = KeyRing(events, replica.sn, replica.space.id)
    again, latest = now - limits.KEY_REQUEST_AGAIN_SECONDS * 1000, now + limits.CITABLE_AHEAD_MS
    for entry in events.of_kind(replica.sn, "object.request", after=0):
        if entry.author == replica.me and again < entry.ts <= latest:
            body = keys.body(entry)
            if isinstance(body, ObjectRequest) and body.object == row.object:
                return False
    try:
        replica.write(lambda _: [ObjectRequest(row.object)])
    except (AuthorityError, ConflictError):  # a closed space, or one that I left
        return False
    deliver(replica)
    return True


def retract(
    replica: Replica, reference: bytes, *, reason: str = "", key: str | None = None
) -> rows.Redacted:
    """Take back a reference of one's own, or as an admin anybody's; the chunks remain.

    Raises NotFoundError(not_found), AuthorityError(capability_missing).
    """
    check_reason(reason)
    look(replica)

    def plan(batch: Batch) -> list[ObjectRetract]:
        row = batch.rows.object(batch.sn, reference)
        if row is None:
            raise NotFoundError("not_found", kind="object")
        if batch.rho(reference) < RANK_CREATOR:
            raise AuthorityError("capability_missing", required_verb="admin")
        return [] if row.retracted is not None else [ObjectRetract(reference, reason)]

    written: Written = replica.write(plan, call=Call(key, ("object retract", reference, reason)))
    delivery = deliver(replica)
    return rows.Redacted(written.event, bool(written.entries), written.replayed, delivery)


def pin(replica: Replica, reference: bytes, *, pinned: bool) -> bool:
    """Pin a reference for this copy alone, or no longer; say if that changed anything."""
    profile = replica.profile
    with profile.events.transaction(durable=True):
        before = pins(replica)
        after = before | {reference} if pinned else before - {reference}
        if after != before:
            profile.rows.keep_note(replica.sn, PINS, b"".join(sorted(after)) or None)
    return after != before


def pins(replica: Replica) -> set[bytes]:
    """Return the references that this copy has pinned."""
    return set(objects.split(replica.profile.rows.note(replica.sn, PINS) or b""))


def find(replica: Replica, text: str) -> rows.Object:
    """Return the reference that ``text`` means, as ``names.shared`` finds it, as it stands now."""
    look(replica)
    row = replica.profile.rows.object(replica.sn, shared(replica, text))
    if row is None:  # its author was removed meanwhile
        raise NotFoundError("not_found", kind="object")
    return row


def depot_of(profile: Profile) -> Chunks:
    """Return where the chunks of a profile lie."""
    assert profile.carry is not None, "who has objects can bring them"
    return profile.carry.depot


def have(replica: Replica, row: rows.Object) -> int:
    """Return how many chunks of an object are on this machine."""
    return depot_of(replica.profile).count(row.chunks)


def sweep(profile: Profile) -> int:
    """Delete chunks that no reference names and that are older than any put takes."""
    named = set[bytes]()

    def is_named(ident: bytes) -> bool:
        if not named:
            named.update(_named(profile))
        return ident in named

    return depot_of(profile).sweep(is_named)


def _named(profile: Profile) -> set[bytes]:
    """Return the chunks of every reference that was ever accepted, whether it counts or not."""
    found = {bytes(_ID_BYTES)}
    for space in profile.rows.spaces():
        keys = KeyRing(profile.events, space.sn, space.id)
        for entry in profile.events.of_kind(space.sn, "object.put", after=0):
            body = keys.body(entry)
            if isinstance(body, ObjectPut):
                found.update(body.chunks)
    return found
