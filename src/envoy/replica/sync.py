"""Sync: brings one copy and one hub to the same log, in both directions, in bounded steps.

Pull to the head, check the hub's chain, find the keys of epochs that came by, take the page in;
then send what waits in the outbox, in its order: heads and boxes before the events they open,
claims by the hub's slot. A hub that was wiped or set back is refilled from here; what it lacks and
we have is only sent again, what we lack is asked for by id.

Laws: no lock is held over a hub call. Everything may be repeated: pushes are idempotent by id, a
cursor moves only from where it was read. A hub is believed in nothing but the order of its own log,
its time and its slots.

Specification: docs/spec/frames.md, Sync.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from envoy import limits
from envoy.core import epoch as formulas
from envoy.core import receipt
from envoy.core.codec import decode, encode
from envoy.core.crypto import seal
from envoy.core.log import EpochRow, Outgoing
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RemoteFault
from envoy.ids import to_text
from envoy.replica import epochs
from envoy.replica.ingest import Place, Taken, read, take_in, take_read
from envoy.replica.ports import Hub
from envoy.replica.replica import Replica
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows

T = TypeVar("T", bound=Body)
Go = Callable[[], bool]  # whether there is time left
KEYS_TRIED_MAX = limits.BOX_TAGS_MAX


class Exchange(NamedTuple):
    """What one exchange did, in frames."""

    pushed: int
    pulled: int
    quarantined: int


def always() -> bool:
    """Say that there is time left: for whoever waits until it is done."""
    return True


def exchange(replica: Replica, *, go: Go = always) -> Exchange:
    """Push and pull until both sides have the same, or ``go`` says that the time is over.

    Raises IntegrityError(relay_inconsistent) for a hub whose chain contradicts itself.
    """
    pulled = pull(replica, go=go)
    pushed = push(replica, go=go)
    return Exchange(pushed, pulled.accepted, pulled.quarantined)


# -- pull --------------------------------------------------------------------------------------


def pull(replica: Replica, *, go: Go = always) -> Taken:
    """Take in what the hub has and this copy has not read."""
    total = Taken(0, 0, 0)
    while go():
        space = replica.space
        page = _ask(replica, space)
        if page is None:
            return total
        if page.head is None or page.head.instance != space.instance:
            _follow(replica, page.head)
            continue
        if page.frames:
            taken = _take(replica, space, page)
            total = Taken(*(one + other for one, other in zip(total, taken, strict=True)))
        if page.last >= page.head.head:
            return total
    return total


def _ask(replica: Replica, space: rows.Space) -> frames.Page | None:
    """Return the next page, None for a hub that never heard of a space without events here."""
    since = frames.Since(space.id, space.instance, space.cursor)
    call = frames.Pull((since,), limits.PAGE_FRAMES_MAX, 0)
    (page,) = _reply(replica.profile.hub, call, frames.Pulled).pages
    if page.head is None and space.events == 0:
        return None
    return page


def _follow(replica: Replica, head: frames.Head | None) -> None:
    """Start reading another log from its beginning, after making the hub keep the space at all."""
    space = replica.space
    if head is None:
        call = frames.Create(space.id, space.genesis, None)
        head = _reply(replica.profile.hub, call, frames.Head)
    start = frames.chain_start(head.instance, space.id)
    with replica.profile.events.transaction(durable=True):
        batch = replica.batch()
        is_first = batch.space.instance is None
        batch.space = batch.space._replace(instance=head.instance, cursor=0, hub_chain=start)
        if not is_first:
            _refill(replica, batch.send)
        replica.profile.rows.save(batch.space)


def _refill(replica: Replica, send: Callable[..., None]) -> None:
    """Queue everything this copy has for a hub that lost it; what it knows it takes as known."""
    events, sn = replica.profile.events, replica.sn
    for row in events.epochs(sn):
        if row.head is not None:
            send("epoch", row.head, ident=row.id)
            own = _own_box(replica, row)
            if own is not None:
                send("box", own, ident=row.id)
    after = 0
    while page := events.frames(sn, after=after, limit=limits.PAGE_FRAMES_MAX):
        for rid, frame in page:
            send("frame", b"", ident=frames.frame_id(frame))
            after = rid
    for frame in events.receipt_frames(sn):
        send("receipt", frame, ident=receipt.receipt_id(frame))


def _own_box(replica: Replica, row: EpochRow) -> bytes | None:
    """Return a box of an epoch for my own newest key, as the outbox keeps one."""
    from_members = replica.profile.rows.members(replica.sn).get(replica.me)
    if from_members is None or row.secret is None:
        return None
    space = replica.space.id
    made = epochs.box_for(from_members.enc, space, row.id, row.secret)
    if made is None:
        return None
    return encode((formulas.box_tag(row.id, made[0]), made[1]))


def _take(replica: Replica, space: rows.Space, page: frames.Page) -> Taken:
    """Check a page against the hub's chain and take it in."""
    assert page.head is not None and space.instance is not None, "asked of this very hub"
    start = space.hub_chain or frames.chain_start(space.instance, space.id)
    found = [read(frame) for frame in page.frames]
    h = frames.chain_after(start, [one.id for one in found])
    numbers = page.last - space.cursor == len(page.frames)
    if not numbers or (page.last == page.head.head and h != page.head.h):
        raise IntegrityError(
            "relay_inconsistent", space_id=to_text("space", space.id), cursor=space.cursor
        )
    unlock(replica, {one.outer.epoch for one in found if one.outer is not None})
    place = Place(space.instance, space.cursor, page.last, h)
    taken = take_read(replica, found, source="hub", place=place)
    _fetch_dropped(replica)
    return taken


def _fetch_dropped(replica: Replica) -> None:
    """Ask by id for frames that fell out of the bounds while they waited, now that they can go."""
    events, sn = replica.profile.events, replica.sn
    for epoch in [row.id for row in events.epochs(sn) if row.secret is not None]:
        dropped = events.dropped(sn, epoch)[: limits.BY_ID_MAX]
        if dropped:
            with events.transaction(durable=False):
                for ident in dropped:
                    events.unpark(sn, ident)
            call = frames.ById(replica.space.id, tuple(dropped))
            take_in(replica, _reply(replica.profile.hub, call, frames.Found).frames, source="hub")


# -- keys --------------------------------------------------------------------------------------


def unlock(replica: Replica, named: Iterable[bytes] = ()) -> int:
    """Find the secrets of the epochs ``named``, and of those that parked frames are sealed under.

    What was sealed under an epoch that opens now is taken in. Returns how many epochs opened.
    """
    events, sn = replica.profile.events, replica.sn
    known = {row.id: row for row in events.epochs(sn)}
    wanted = {one for one in named if one not in known or known[one].secret is None}
    wanted.update(events.wanted(sn, "sealed"))
    if not wanted:
        return 0
    for epoch in sorted(wanted):
        found = _fetch_epoch(replica, epoch)
        if found is not None:
            known[epoch] = found
    for epoch, secret in epochs.unwrapped(replica.space.id, known).items():
        row = known.get(epoch) or EpochRow(epoch, None, None, None, None, None)
        known[epoch] = row._replace(secret=secret)
    opened = [row for row in known.values() if row.id in wanted and row.secret is not None]
    if known:
        with events.transaction(durable=True):
            for row in known.values():
                events.put_epoch(sn, row)
    for row in opened:
        _unseal(replica, row.id)
    return len(opened)


def _fetch_epoch(replica: Replica, epoch: bytes) -> EpochRow | None:
    """Return head and, if one of my boxes is there, secret of an epoch; None without a head."""
    space = replica.space.id
    mine = [replica.profile.identity.enc_seed(no, space) for no in range(2)]
    tried = [*replica.seeds, *mine][:KEYS_TRIED_MAX]
    tags = [formulas.box_tag(epoch, seal.kid(seal.public_key(seed))) for seed in tried]
    call = frames.EpochGet(space, epoch, tuple(tags))
    try:
        found = _reply(replica.profile.hub, call, frames.EpochFound)
        if found.head is None:
            return None
        head = formulas.read_head(found.head, space, epoch)
    except (HubRefusal, RemoteFault):
        return None
    row = EpochRow(epoch, found.head, None, None, None, None)
    for seed, posted in zip(tried, found.boxes, strict=True):
        boxes = [one.box for one in posted]
        secret, _ = formulas.open_boxes(seed, boxes, space=space, epoch=epoch, head=head)
        if secret is not None:
            return row._replace(secret=secret)
    return row


def _unseal(replica: Replica, epoch: bytes) -> None:
    """Take in what was parked for the secret of an epoch."""
    events, sn = replica.profile.events, replica.sn
    rows_ = events.parked(sn, "sealed", epoch)
    if not rows_:
        return
    with events.transaction(durable=False):
        for row in rows_:
            events.unpark(sn, row.id)
    take_in(replica, [row.bytes for row in rows_], source="hub")


# -- push --------------------------------------------------------------------------------------


def push(replica: Replica, *, go: Go = always) -> int:
    """Send what waits in the outbox, in its order; return how many frames went."""
    count = 0
    while go():
        waiting = replica.profile.rows.outgoing(replica.sn, limits.PUSH_FRAMES_MAX)
        if not waiting:
            break
        if waiting[0].what in ("slot", "free"):
            break  # ``replica.slots`` asks for it
        count += _send(replica, waiting)
    return count


def _send(replica: Replica, waiting: Sequence[Outgoing]) -> int:
    """Send the first run of entries of one sort and strike them off; return its frames."""
    what = waiting[0].what
    run = []
    for one in waiting:
        if one.what != what or (what == "box" and one.id != waiting[0].id):
            break
        run.append(one)
    if what in ("frame", "receipt"):
        return _push_frames(replica, run)
    for group in [run] if what == "box" else [[one] for one in run]:
        _reply(replica.profile.hub, _call(replica, group), Body)
        advance(replica, None, (), sent=[one.o for one in group])
    return 0


def _call(replica: Replica, group: Sequence[Outgoing]) -> Body:
    """Return the call that sends entries which are no frames."""
    space, one = replica.space.id, group[0]
    match one.what:
        case "create":
            return frames.Create(space, one.data, None)
        case "epoch":
            assert one.id is not None, "an epoch is queued by its id"
            return frames.EpochPut(space, one.id, one.data)
        case "box":
            assert one.id is not None, "a box is queued by its epoch"
            boxes = [decode(entry.data, frames.Box) for entry in group]
            return frames.BoxPut(space, one.id, tuple(boxes))
        case "invite":
            return decode(one.data, frames.InvitePut)
        case "uninvite":
            return decode(one.data, frames.InviteDelete)
        case _:
            raise AssertionError(f"nobody queues {one.what}")


def _push_frames(replica: Replica, run: Sequence[Outgoing]) -> int:
    """Push as many frames as one call takes."""
    events, sn = replica.profile.events, replica.sn
    batch, sent, size = list[bytes](), list[Outgoing](), 0
    for one in run:
        frame = one.data
        if one.what == "frame" and one.id is not None:
            entry = events.entry(sn, one.id)
            assert entry is not None, "an own event is in the log before it is queued"
            frame = events.frame(entry.rid)
        size += len(frame)
        if batch and size > limits.PUSH_BYTES_MAX:
            break
        batch.append(frame)
        sent.append(one)
    call = frames.Push(replica.space.id, tuple(batch))
    reply = _reply(replica.profile.hub, call, frames.Pushed)
    ids = [one.id for one in sent if one.id is not None]
    advance(replica, reply, ids, sent=[one.o for one in sent])
    return len(batch)


def _advanced(
    space: rows.Space, reply: frames.Pushed | frames.Slotted, ids: Sequence[bytes]
) -> Place | None:
    """Return where this copy stands if nobody wrote between its cursor and its own frames.

    Then they need not be pulled: the hub's chain over their ids shows that nothing else is there.
    """
    start, stop = space.cursor, space.cursor + len(ids)
    if space.instance != reply.instance or space.hub_chain is None:
        return None
    if list(reply.seqs) != list(range(start + 1, stop + 1)) or reply.head != stop:
        return None
    h = frames.chain_after(space.hub_chain, ids)
    return Place(reply.instance, start, stop, h) if h == reply.h else None


def advance(
    replica: Replica,
    reply: frames.Pushed | frames.Slotted | None,
    ids: Sequence[bytes],
    *,
    sent: Sequence[int],
) -> None:
    """Take acknowledged entries out of the outbox, and move the cursor past own frames."""
    store = replica.profile.rows
    with replica.profile.events.transaction(durable=False):
        store.sent(sent)
        space = store.space(replica.sn)
        place = None if reply is None else _advanced(space, reply, ids)
        moved = space._replace(pending=store.pending(replica.sn))
        if place is not None:
            now = replica.profile.clock.now_ms()
            moved = moved._replace(cursor=place.after, hub_chain=place.h, synced_ms=now)
        store.save(moved)


def _reply(hub: Hub, call: Body, kind: type[T]) -> T:
    """Return the reply to ``call``, which is of ``kind``."""
    reply = hub.handle(call)
    assert isinstance(reply, kind), "a hub answers a call with its own reply"
    return reply
