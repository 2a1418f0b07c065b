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

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from envoy import limits
from envoy.core import epoch as formulas
from envoy.core import receipt
from envoy.core.codec import decode, encode
from envoy.core.crypto import seal
from envoy.core.log import EpochRow, Outgoing
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RemoteFault
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica import epochs
from envoy.replica.batch import Batch
from envoy.replica.ingest import Place, Taken, read, take_in, take_read
from envoy.replica.ports import Hub
from envoy.replica.replica import Replica
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows

T = TypeVar("T", bound=Body)
Go = Callable[[], bool]  # whether there is time left
KEYS_TRIED_MAX = limits.BOX_TAGS_MAX
# A hub that is another one each time it is asked is none.
RESTARTS_MAX = 2
GIVEN_UP = frozenset(("box", "invite", "uninvite"))
# Epochs that were asked for when their frames came by, and that are asked for again each time: who
# invents epochs must not make every later exchange a flood of calls.
EPOCHS_AGAIN_MAX = 64


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
    total, restarts = Taken(0, 0, 0), 0
    while go():
        space = replica.space
        page = _ask(replica, space)
        if page is None:
            break
        if page.head is None or not _is_read(space, page.head):
            restarts += 1
            if restarts > RESTARTS_MAX:
                raise _inconsistent(space)
            _follow(replica, page.head)
            continue
        if page.frames or page.last != space.cursor:
            taken = _take(replica, space, page)
            total = Taken(*(one + other for one, other in zip(total, taken, strict=True)))
        if page.last >= page.head.head:
            break
        if not page.frames:
            raise _inconsistent(space)
    if go():
        unlock(replica)  # a box may have come without any frame
    _fetch_dropped(replica, go)
    return total


def _ask(replica: Replica, space: rows.Space) -> frames.Page | None:
    """Return the next page, None for a hub that never heard of a space without events here."""
    since = frames.Since(space.id, space.instance, space.cursor)
    call = frames.Pull((since,), limits.PAGE_FRAMES_MAX, 0)
    pages = _reply(replica.profile.hub, call, frames.Pulled).pages
    if len(pages) != 1 or len(pages[0].frames) > call.limit:
        raise _inconsistent(space)
    page = pages[0]
    if page.head is None and space.events == 0:
        return None
    return page


def _is_read(space: rows.Space, head: frames.Head) -> bool:
    """Say whether the log that stands at ``head`` is the one this copy reads, and goes on from it.

    One that is shorter, or ends otherwise where this copy stands, was set back.
    """
    if head.instance != space.instance or head.head < space.cursor:
        return False
    return head.head > space.cursor or space.hub_chain in (None, head.h)


def _follow(replica: Replica, head: frames.Head | None) -> None:
    """Start reading another log from its beginning, after making the hub keep the space at all."""
    space = replica.space
    if head is None:
        call = frames.Create(space.id, space.genesis, None)
        head = _reply(replica.profile.hub, call, frames.Head)
    with replica.profile.events.transaction(durable=True):
        if replica.space != space:
            return  # another process was here meanwhile: look again
        _restart(replica, head.instance)


def _restart(replica: Replica, instance: bytes) -> None:
    """Read the log of ``instance`` from its beginning; one that lost something is filled again."""
    batch = replica.batch()
    if batch.space.instance is not None:
        _refill(replica, batch)
    start = frames.chain_start(instance, batch.space.id)
    began = batch.space._replace(instance=instance, cursor=0, hub_chain=start)
    replica.profile.rows.save(batch.tally.into(began))


def _inconsistent(space: rows.Space) -> IntegrityError:
    """Return the error for a hub whose log contradicts itself."""
    return IntegrityError(
        "relay_inconsistent", space_id=to_text("space", space.id), cursor=space.cursor
    )


def _refill(replica: Replica, batch: Batch) -> None:
    """Queue everything this copy has for a hub that lost it; what it knows it takes as known."""
    events, sn, send = replica.profile.events, replica.sn, batch.send
    batch.rows.unsend(sn, ("frame", "receipt"))
    batch.tally.pending = batch.rows.pending(sn)
    # A hub that starts again at every exchange makes the outbox no longer each time.
    queued = batch.rows.queued(sn, "epoch")
    for row in events.epochs(sn):
        if row.head is not None and row.id not in queued:
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
    numbers = page.last - space.cursor == len(page.frames) and page.last <= page.head.head
    if not numbers or (page.last == page.head.head and h != page.head.h):
        # It was set back and went on, or rewritten: told once, and read anew from the beginning.
        with replica.profile.events.transaction(durable=True):
            _restart(replica, space.instance)
        raise _inconsistent(space)
    unlock(replica, {one.outer.epoch for one in found if one.outer is not None})
    place = Place(space.instance, space.cursor, page.last, h)
    return take_read(replica, found, source="hub", place=place)


def _fetch_dropped(replica: Replica, go: Go) -> None:
    """Ask by id for frames that fell out of the bounds while they waited and lack nothing now.

    One that comes in may be what others lacked, so this goes on until none does.
    """
    parking, sn = replica.profile.events.parking, replica.sn
    after, accepted = b"", 0
    while go():
        dropped = parking.fetchable(sn, after=after, limit=limits.BY_ID_MAX)
        if dropped:
            call = frames.ById(replica.space.id, tuple(dropped))
            found = _reply(replica.profile.hub, call, frames.Found).frames
            accepted += take_in(replica, found, source="hub", again=True).accepted
            after = dropped[-1]
        elif accepted:
            after, accepted = b"", 0
        else:
            return


# -- keys --------------------------------------------------------------------------------------


def unlock(replica: Replica, named: Iterable[bytes] = ()) -> int:
    """Find the secrets of the epochs ``named``, and of those that parked frames are sealed under.

    What was sealed under an epoch that opens now is taken in. Returns how many epochs opened.
    """
    events, sn = replica.profile.events, replica.sn
    fresh = set(named)
    parked = set(events.parking.wanted(sn, "sealed")) - fresh
    known = [events.epoch(sn, one) for one in fresh | parked]
    held = {row.id for row in known if row is not None and row.secret is not None}
    opens = held | _learn(replica, sorted(fresh - held), sorted(parked - held))
    opened = sorted((fresh | parked) & opens)
    for one in opened:
        _unseal(replica, one)
    return len(opened)


def _learn(replica: Replica, fresh: Sequence[bytes], parked: Sequence[bytes]) -> set[bytes]:
    """Keep what the hub tells of epochs whose secret is unknown; return those that open now.

    A head is kept only with its secret: anybody can invent epochs, and heads for them.
    """
    if not fresh and not parked:
        return set()
    events, sn = replica.profile.events, replica.sn
    before = {row.id: row for row in events.epochs(sn)}
    known = _walked(replica, {**before, **_fetch_epochs(replica, fresh, parked)})
    learned = [row for one, row in known.items() if row.secret and row != before.get(one)]
    if learned:
        with events.transaction(durable=True):
            for row in learned:
                events.put_epoch(sn, row)
    return {row.id for row in learned}


def _walked(replica: Replica, known: Mapping[bytes, EpochRow]) -> dict[bytes, EpochRow]:
    """Return ``known`` with all that wraps add to it; a head on the way that is lacking is got."""
    found, todo = dict(known), dict(known)
    while todo:
        secrets, todo = epochs.unwrapped(replica.space.id, todo), {}
        for epoch, secret in secrets.items():
            row = found.get(epoch) or EpochRow(epoch, None, None, None, None, None)
            if row.secret is not None:
                continue
            if row.head is None:
                row = _fetch_epoch(replica, epoch, ()) or row
            found[epoch] = todo[epoch] = row._replace(secret=secret)
    return found


def _fetch_epochs(
    replica: Replica, fresh: Sequence[bytes], parked: Sequence[bytes]
) -> dict[bytes, EpochRow]:
    """Return what the hub has of ``fresh`` epochs, and of so many that frames were parked for.

    Head and box stand at the hub before the first frame, so who asks when that comes by finds them,
    whatever a flood of others has left here. Of the parked ones each call begins somewhere else.
    """
    space = replica.space.id
    mine = [replica.profile.identity.enc_seed(no, space) for no in range(2)]
    seeds = [*replica.seeds, *mine][:KEYS_TRIED_MAX]
    keys = [(seed, seal.kid(seal.public_key(seed))) for seed in seeds]
    start = int.from_bytes(replica.profile.entropy(4)) % max(1, len(parked))
    turned = [*parked[start:], *parked[:start]][:EPOCHS_AGAIN_MAX]
    found = [_fetch_epoch(replica, one, keys) for one in (*fresh, *turned)]
    return {row.id: row for row in found if row is not None}


def _fetch_epoch(
    replica: Replica, epoch: bytes, keys: Sequence[tuple[bytes, bytes]]
) -> EpochRow | None:
    """Return head and, if there is a box for one of ``keys``, secret; None without a head."""
    space = replica.space.id
    tags = [formulas.box_tag(epoch, kid) for _, kid in keys]
    call = frames.EpochGet(space, epoch, tuple(tags))
    try:
        found = _reply(replica.profile.hub, call, frames.EpochFound)
        if found.head is None:
            return None
        head = formulas.read_head(found.head, space, epoch)
    except (HubRefusal, RemoteFault):
        return None
    row = EpochRow(epoch, found.head, None, None, None, None)
    if len(found.boxes) != len(keys):
        return row
    for (seed, _), posted in zip(keys, found.boxes, strict=True):
        boxes = [one.box for one in posted]
        secret, _ = formulas.open_boxes(seed, boxes, space=space, epoch=epoch, head=head)
        if secret is not None:
            return row._replace(secret=secret)
    return row


def _unseal(replica: Replica, epoch: bytes) -> None:
    """Take in what was parked for the secret of an epoch."""
    found = replica.profile.events.parking.parked(replica.sn, "sealed", epoch)
    if found:
        take_in(replica, [row.bytes for row in found], source="hub", again=True)


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
        _post(replica, group)
        advance(replica, None, (), sent=[one.o for one in group])
    return 0


def _post(replica: Replica, group: Sequence[Outgoing], *, again: bool = False) -> None:
    """Make the call for entries that are no frames.

    A box, an invite or its end that the hub refuses for good is given up: it must not bar what
    stands behind it. Who lacks the box asks a member for another.
    """
    try:
        _reply(replica.profile.hub, _call(replica, group), Body)
    except HubRefusal as refusal:
        if refusal.code == "space_not_found" or group[0].what not in GIVEN_UP:
            raise
        if not again and refusal.code == "not_found" and _put_head(replica, group[0].id):
            _post(replica, group, again=True)
        elif len(group) > 1:
            for one in group:
                _post(replica, [one], again=True)


def _put_head(replica: Replica, epoch: bytes | None) -> bool:
    """Put the head of an epoch that the hub lost; say if there was one to put."""
    row = None if epoch is None else replica.profile.events.epoch(replica.sn, epoch)
    if row is None or row.head is None:
        return False
    _reply(replica.profile.hub, frames.EpochPut(replica.space.id, row.id, row.head), frames.Done)
    return True


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
