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
from typing import TypeVar

from envoy import limits
from envoy.core import epoch as formulas
from envoy.core import receipt
from envoy.core.codec import decode, encode
from envoy.core.crypto.sign import tagged
from envoy.core.log import EpochRow, Outgoing
from envoy.core.structs import Body
from envoy.errors import EnvoyError, IntegrityError
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.replica.batch import Batch
from envoy.replica.ingest import Place, Taken, take_begun
from envoy.replica.opening import Begun, Reading, begin, read
from envoy.replica.ports import call_hub
from envoy.replica.replica import Replica
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows

T = TypeVar("T", bound=Body)
Go = Callable[[], bool]  # whether there is time left
# A hub that is another one each time it is asked is none.
RESTARTS_MAX = 2
# As many frames at the end of a log tell a newcomer of its newest epoch.
TAIL_FRAMES = 16
GIVEN_UP = frozenset(("box", "invite", "publish", "uninvite", "reply"))


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


class _Coming(NamedTuple):
    """A page that was checked against the hub's chain, and is being opened and verified."""

    place: Place
    start: bytes | None  # where the chain stood before the page, as the copy had stored it
    is_last: bool
    begun: Begun

    def follows(self, space: rows.Space) -> bool:
        """Say whether the page goes on where a copy stands now: another process may write too."""
        place = self.place
        stands = (space.instance, space.cursor, space.hub_chain)
        return stands == (place.instance, place.before, self.start)


def pull(replica: Replica, *, go: Go = always) -> Taken:
    """Take in what the hub has and this copy has not read."""
    total, restarts, ahead = Taken(0, 0, 0), 0, None
    while go():
        space = replica.space
        coming = ahead if ahead is not None and ahead.follows(space) else None
        if coming is None:
            page = _ask(replica, space)
            if page is None:
                break
            if page.head is None or not _is_read(space, page.head):
                restarts = _turn(replica, space, page.head, restarts)
                continue
            if _is_empty(space, page, page.head):
                break
            coming = _begin(replica, space, page)
        ahead = _look_ahead(replica, space, coming) if go() else None
        taken = take_begun(replica, coming.begun, source="hub", place=coming.place)
        total = Taken(*(one + other for one, other in zip(total, taken, strict=True)))
        if coming.is_last:
            break
    if go() and replica.profile.events.parking.wanted(replica.sn, "sealed"):
        _unlock(replica, ())  # a box may have come without any frame
    _fetch_dropped(replica, go)
    return total


def _ask(replica: Replica, space: rows.Space) -> frames.Page | None:
    """Return the next page, None for a hub that never heard of a space without events here."""
    since = frames.Since(space.id, space.instance, space.cursor)
    call = frames.Pull((since,), limits.PAGE_FRAMES_MAX, 0)
    pages = call_hub(replica.profile.hub, call, frames.Pulled).pages
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


def _turn(replica: Replica, space: rows.Space, head: frames.Head | None, restarts: int) -> int:
    """Start reading another log; return how often that was done. Raises IntegrityError."""
    if restarts == RESTARTS_MAX:
        raise _inconsistent(space)
    _follow(replica, head)
    return restarts + 1


def _is_empty(space: rows.Space, page: frames.Page, head: frames.Head) -> bool:
    """Say whether a page has nothing new. Raises IntegrityError if the log goes on all the same."""
    if page.frames or page.last != space.cursor:
        return False
    if page.last != head.head:
        raise _inconsistent(space)
    return True


def _follow(replica: Replica, head: frames.Head | None) -> None:
    """Start reading another log from its beginning, after making the hub keep the space at all."""
    space = replica.space
    if head is None:
        if tagged("genesis", space.genesis) != space.id:  # a hub would keep no such space
            raise IntegrityError("state_corrupt", cause="genesis")
        call = frames.Create(space.id, space.genesis, None)
        head = call_hub(replica.profile.hub, call, frames.Head)
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
    queued = batch.rows.queued(sn, "epoch") | batch.rows.queued(sn, "chunks")
    for row in events.epochs(sn):
        if row.head is not None and row.id not in queued:
            send("epoch", row.head, ident=row.id)
            own = _own_box(replica, row)
            if own is not None:
                send("box", own, ident=row.id)
    for one in batch.rows.objects(sn):
        if one.retracted is None and one.object not in queued:
            queued.add(one.object)
            send("chunks", one.chunks, ident=one.object)
    after = 0
    while page := events.frames(sn, after=after, limit=limits.PAGE_FRAMES_MAX):
        for rid, frame in page:
            send("frame", b"", ident=frames.frame_id(frame))
            after = rid
    for frame in events.receipt_frames(sn):
        send("receipt", frame, ident=receipt.receipt_id(frame))
    # What waits here, with its bytes as a receipt goes: nobody else may have it any more.
    last = b""
    while parked := events.parking.page(sn, after=last, limit=limits.PAGE_FRAMES_MAX):
        for waiting in parked:
            send("receipt", waiting.bytes, ident=waiting.id)
        last = parked[-1].id


def fill_hub(replica: Replica) -> bool:
    """Queue everything for the hub, if it does not have the same frames; say if it was so."""
    reply = call_hub(replica.profile.hub, frames.HeadGet(replica.space.id), frames.Head)
    with replica.profile.events.transaction(durable=True):
        batch = replica.batch()
        if reply.sum == batch.space.frame_sum:
            return False
        _refill(replica, batch)
        replica.profile.rows.save(batch.tally.into(batch.space))
    return True


def _own_box(replica: Replica, row: EpochRow) -> bytes | None:
    """Return a box of an epoch for my own newest key, as the outbox keeps one."""
    from_members = replica.profile.rows.members(replica.sn).get(replica.me)
    if from_members is None or row.secret is None:
        return None
    from envoy.replica import epochs

    space = replica.space.id
    made = epochs.box_for(from_members.enc, space, row.id, row.secret)
    if made is None:
        return None
    return encode((formulas.box_tag(row.id, made[0]), made[1]))


def _begin(replica: Replica, space: rows.Space, page: frames.Page) -> _Coming:
    """Check a page against the hub's chain and begin to open and verify it."""
    coming = _checked(replica, space, page)
    if coming is None:
        # It was set back and went on, or rewritten: told once, and read anew from the beginning.
        assert space.instance is not None, "asked of this very hub"
        with replica.profile.events.transaction(durable=True):
            _restart(replica, space.instance)
        raise _inconsistent(space)
    return coming


def _checked(replica: Replica, space: rows.Space, page: frames.Page) -> _Coming | None:
    """Return a page that goes on from ``space``, begun; None for one that contradicts the chain."""
    assert page.head is not None and space.instance is not None, "asked of this very hub"
    start = space.hub_chain or frames.chain_start(space.instance, space.id)
    found = [read(frame) for frame in page.frames]
    h = frames.chain_after(start, [one.id for one in found])
    numbers = page.last - space.cursor == len(page.frames) and page.last <= page.head.head
    is_last = page.last == page.head.head
    if not numbers or (is_last and h != page.head.h):
        return None
    named = _epochs(found)
    if not space.events and not is_last:
        named |= _newest(replica, space, page.head)
    _unlock(replica, named)
    place = Place(space.instance, space.cursor, page.last, h)
    return _Coming(place, space.hub_chain, is_last, begin(replica, found))


def _epochs(found: Iterable[Reading]) -> set[bytes]:
    """Return the epochs that frames are sealed under."""
    return {one.outer.epoch for one in found if one.outer is not None}


def _newest(replica: Replica, space: rows.Space, head: frames.Head) -> set[bytes]:
    """Return the epochs of the last frames of a log of which nothing was read yet.

    A newcomer has a box of the newest epoch, whose wrap opens the ones before it: so what stands
    first opens at once, and need not wait for the end of the log.
    """
    last = _ask(replica, space._replace(cursor=max(space.cursor, head.head - TAIL_FRAMES)))
    return set() if last is None else _epochs(map(read, last.frames))


def _unlock(replica: Replica, named: Iterable[bytes]) -> None:
    """Find the secrets of epochs that came by; loaded where there may be any to find."""
    from envoy.replica.unlocking import unlock

    unlock(replica, named)


def _look_ahead(replica: Replica, space: rows.Space, coming: _Coming) -> _Coming | None:
    """Return the page behind ``coming``, so that it is verified while ``coming`` is stored.

    None if there is none, or whatever is wrong with it: it is asked for again behind ``coming``,
    and told of then.
    """
    if coming.is_last:
        return None
    place = coming.place
    there = space._replace(instance=place.instance, cursor=place.after, hub_chain=place.h)
    try:
        page = _ask(replica, there)
        if page is None or page.head is None or not page.frames:
            return None
        if not _is_read(there, page.head):
            return None
        return _checked(replica, there, page)
    except (EnvoyError, HubRefusal):
        return None


def _fetch_dropped(replica: Replica, go: Go) -> None:
    """Ask for frames that fell out of the bounds while they waited and lack nothing now."""
    if go() and replica.profile.events.parking.fetchable(replica.sn, after=b"", limit=1):
        from envoy.replica.dropped import fetch

        fetch(replica, go, ask=_ask)


# -- push --------------------------------------------------------------------------------------


def push(replica: Replica, *, go: Go = always) -> int:
    """Send what waits in the outbox, in its order; return how many frames went."""
    count = 0
    while go():
        waiting = replica.profile.rows.outgoing(replica.sn, limits.PUSH_FRAMES_MAX)
        if not waiting:
            break
        if waiting[0].what in ("slot", "free", "renew"):
            break  # ``replica.slots`` asks for it
        count += _send(replica, waiting, go)
    return count


def _send(replica: Replica, waiting: Sequence[Outgoing], go: Go) -> int:
    """Send the first run of entries of one sort and strike them off; return its frames."""
    what = waiting[0].what
    run = []
    for one in waiting:
        if one.what != what or (what == "box" and one.id != waiting[0].id):
            break
        run.append(one)
    if what in ("frame", "receipt"):
        return _push_frames(replica, run)
    if what == "chunks":
        return _carry(replica, run[0], go)
    for group in [run] if what == "box" else [[one] for one in run]:
        _post(replica, group)
        advance(replica, None, (), sent=[one.o for one in group])
    return 0


def _carry(replica: Replica, one: Outgoing, go: Go) -> int:
    """Bring the chunks of an object to the hub: they stand there before a reference names them.

    One that the hub refuses for good is given up: it must not bar what stands behind it.
    """
    carry = replica.profile.carry
    assert carry is not None, "who sends brings chunks"
    try:
        is_done = carry(replica.space.id, one.data, go=go)
    except HubRefusal as refusal:
        if refusal.code == "space_not_found":
            raise
        is_done = True
    if is_done:
        advance(replica, None, (), sent=[one.o])
    return 0


def _post(replica: Replica, group: Sequence[Outgoing], *, again: bool = False) -> None:
    """Make the call for entries that are no frames.

    A box, an invite or its end that the hub refuses for good is given up: it must not bar what
    stands behind it. Who lacks the box asks a member for another.
    """
    try:
        call_hub(replica.profile.hub, _call(replica, group), Body)
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
    call_hub(replica.profile.hub, frames.EpochPut(replica.space.id, row.id, row.head), frames.Done)
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
        case "reply":
            return decode(one.data, frames.InviteReply)
        case "publish" | "uninvite":
            return _about_invite(replica, one)
        case _:
            raise AssertionError(f"nobody queues {one.what}")


def _about_invite(replica: Replica, one: Outgoing) -> Body:
    """Return the call that publishes an invite at the relay of its space, or ends one."""
    if one.what == "uninvite" and replica.profile.roads is None:
        return decode(one.data, frames.InviteDelete)
    from envoy.sync import access

    if one.what == "publish":
        return access.Publish(replica.space.id, decode(one.data, frames.InvitePut))
    return access.Withdraw(replica.space.id, decode(one.data, frames.InviteDelete))


def _push_frames(replica: Replica, run: Sequence[Outgoing]) -> int:
    """Push as many frames as one call takes."""
    events, sn = replica.profile.events, replica.sn
    batch, sent, size = list[bytes](), list[Outgoing](), 0
    kept = events.frames_of(sn, [one.id for one in run if one.what == "frame" and one.id])
    for one in run:
        # An own event is in the log before it is queued: the outbox has its id alone.
        frame = kept[one.id] if one.what == "frame" and one.id else one.data
        size += len(frame)
        if batch and size > limits.PUSH_BYTES_MAX:
            break
        batch.append(frame)
        sent.append(one)
    call = frames.Push(replica.space.id, tuple(batch))
    reply = call_hub(replica.profile.hub, call, frames.Pushed)
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
