"""Bridge: brings the log of one space at the hub of this machine and at a relay to the same frames.

Both are blind logs of opaque frames with the same calls, so what travels between machines is copied
from log to log: errands and then the local frames up, the relay's frames down. A replica reads and
writes the hub of its machine alone and judges every event there, whatever way it came.

A relay is believed in nothing but the order of its own log. Its pages must go on from where it was
read, by number and by hub chain; its replies to pushes are signed, and two signed heads of one
number prove that it rewrote its log. A relay that was wiped, set back or replaced is compared id by
id and refilled; what it hides shows as another sum, and is asked for by id.

Laws: nothing is deleted on anybody's word. Everything may be repeated: frames are known by their
ids, cursors move only behind what is stored. No lock is held over a call.

Specification: docs/spec/bridge.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from envoy import limits
from envoy.core.codec import decode, encode
from envoy.core.crypto import sign
from envoy.core.receipt import LogState, is_push_signed
from envoy.core.structs import Body
from envoy.errors import EnvoyError, IntegrityError, NotFoundError, RemoteFault
from envoy.hub import log
from envoy.hub.errands import Caller, Errands, Go
from envoy.hub.links import Link, Links
from envoy.hub.sqlite import LogStore, SpaceRow
from envoy.hub.verdicts import BARRED
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.sync import access, frames, recon
from envoy.sync.frames import HubRefusal
from envoy.system.db import Value

T = TypeVar("T", bound=Body)
# A relay that is another one each time it is asked is none.
RESTARTS_MAX: Final = 2
# A log that is none of the relay's: it is compared with, and filled, as one that was wiped.
_ANOTHER: Final = b""


class Moved(NamedTuple):
    """Frames that went up and that came down; ``whole``: there was time for all of it."""

    pushed: int
    pulled: int
    whole: bool = True


class Compared(NamedTuple):
    """The ids of frames that came and that went up because one log lacked them, ascending."""

    came: tuple[bytes, ...]
    went: tuple[bytes, ...]


class Signed(Body, frozen=True):
    """The relay's signed word on where its log stood."""

    instance: bytes
    head: int
    h: bytes
    at: int
    sig: bytes


class Bridge:
    """One space between the local hub ``store`` and the relay that ``caller`` talks to."""

    def __init__(
        self,
        store: LogStore,
        links: Links,
        caller: Caller,
        space: bytes,
        *,
        near: Callable[[Body], Body],
        tell: Callable[[Moved], None] = lambda _: None,
    ) -> None:
        """``near`` answers calls as the hub of this machine does; ``tell`` hears what moved."""
        self._near = near
        self._tell = tell
        self._pushed = self._pulled = 0
        self._is_cut = False  # the time was over before the end
        self._store = store
        self._links = links
        self._caller = caller
        self._space = space
        self._errands = Errands(store, links, caller, space, near=near)

    def sync(self, *, now_ms: int, go: Go) -> Moved:
        """Push, pull and compare until both have the same, or ``go`` says the time is over.

        Nothing more is done once the space is linked no more. Raises HubRefusal,
        RelayError(relay_unavailable), IntegrityError(relay_inconsistent); ``moved`` is true then
        as well.
        """
        self._pushed = self._pulled = 0
        with suppress(NotFoundError):  # another process forgot the link
            self._sync(now_ms=now_ms, go=self._watched(go))
        return self.moved

    def _watched(self, go: Go) -> Go:
        """Return ``go`` for one run, which notes where it said that the time is over."""
        self._is_cut = False

        def watched() -> bool:
            self._is_cut = not go()
            return not self._is_cut

        return watched

    @property
    def moved(self) -> Moved:
        """Return what moved since ``sync`` was called last, also where it was refused then."""
        return Moved(self._pushed, self._pulled, not self._is_cut)

    def _sync(self, *, now_ms: int, go: Go) -> None:
        barred: HubRefusal | EnvoyError | None = None
        try:
            self._begin()
            self.push(go=go)
        except IntegrityError as error:
            barred = error  # what it signed for is no proof; what comes down is judged by itself
        except HubRefusal as refusal:
            if refusal.code in BARRED:
                barred = refusal  # nothing goes up; what comes down is wanted all the same
            elif refusal.code == "space_not_found":
                self._restart(None, go)
                self.push(go=go)
            else:
                raise
        try:
            head = self._pull(now_ms=now_ms, go=go)
        except IntegrityError as error:
            if barred is None:
                raise
            raise barred from error
        if barred is not None:
            raise barred
        if head is not None and go():
            self._heal(head, go)

    def _begin(self) -> None:
        """Queue heads and boxes for a relay of which nothing was read yet: they go up first."""
        link = self._link()
        if link.instance is None:
            self.refill()

    def pending(self) -> int:
        """Return how many frames wait for the relay, and how many errands of this profile."""
        link = self._links.find(self._space)
        if link is None:
            return 0
        begun = link.pushed if link.local == self._store.instance else 0
        return max(0, self._row().head - begun) + self._errands.count()

    # -- up ---------------------------------------------------------------------------------

    def push(self, *, go: Go) -> int:
        """Send the errands, then the local frames that the relay lacks; return how many went."""
        self._settle_local()
        self._errands.run(go)
        count = 0
        while go() and (sent := self._push_page()):
            count += sent
        return count

    def _settle_local(self) -> None:
        """Begin counting anew at a local hub that is another one, or that was set back."""
        link = self._link()
        if link.local != self._store.instance or link.pushed > self._row().head:
            self._change(local=self._store.instance, pushed=0)

    def _push_page(self) -> int:
        """Push the next frames of the local log; return how many, 0 when there are none."""
        link = self._link()
        page = self._store.frames_after(
            self._space,
            link.pushed,
            limit=limits.PUSH_FRAMES_MAX,
            bytes_max=limits.PUSH_BYTES_MAX,
        )
        if page:
            reply = self._push_frames(page)
            self._note_push(link, reply, page)
        return len(page)

    def _push_frames(self, page: Sequence[bytes]) -> frames.Pushed:
        """Push frames, at most one call of them, and check that the relay signed for it."""
        reply = self._ask(frames.Push(self._space, tuple(page)), frames.Pushed)
        link = self._link()
        state = LogState(reply.instance, self._space, reply.head, reply.h, reply.at)
        if len(reply.seqs) != len(page) or not is_push_signed(state, reply.sig, link.hub_key):
            raise self._inconsistent(link)
        self._pushed += len(page)
        self._tell(self.moved)
        return reply

    def _note_push(self, link: Link, reply: frames.Pushed, page: Sequence[bytes]) -> None:
        """Save where both logs stand; own frames that came next need not be pulled."""
        self._check_word(link, reply)
        word = encode((reply.instance, reply.head, reply.h, reply.at, reply.sig))
        self._change(signed=word, pushed=link.pushed + len(page))
        follows = list(range(link.cursor + 1, link.cursor + 1 + len(page)))
        if link.instance == reply.instance and list(reply.seqs) == follows and link.h is not None:
            h = frames.chain_after(link.h, map(frames.frame_id, page))
            if reply.head > follows[-1]:
                self._change(instance=reply.instance, cursor=follows[-1], h=h)
            elif reply.head == follows[-1] and h == reply.h:
                self._change(instance=reply.instance, cursor=reply.head, h=h)

    def _check_word(self, link: Link, reply: frames.Pushed) -> None:
        """Raise the error for a relay that signed two different logs of one length.

        Told of once: then its log is read as another one, and filled as after a wipe.
        """
        if not link.signed:
            return
        before = decode(link.signed, Signed)
        same = (before.instance, before.head) == (reply.instance, reply.head)
        if same and before.h != reply.h:
            self._change(instance=_ANOTHER, cursor=0, h=None, signed=b"")
            raise self._inconsistent(link, signed=link.signed.hex(), other=reply.sig.hex())

    # -- down -------------------------------------------------------------------------------

    def pull(self, *, now_ms: int, go: Go) -> int:
        """Append what the relay has and the local log lacks; return how many frames came."""
        before = self._pulled
        self._pull(now_ms=now_ms, go=go)
        return self._pulled - before

    def _pull(self, *, now_ms: int, go: Go) -> frames.Head | None:
        """Pull; return where the log stands that was read to its end, None without the time."""
        restarts = 0
        while go():
            link = self._link()
            page = self._page(link)
            if page.head is None or not self._goes_on(link, page.head):
                if restarts == RESTARTS_MAX:
                    raise self._inconsistent(link)
                restarts += 1
                self._restart(page.head, go)
                continue
            self._store_page(link, page, page.head)
            if page.last == page.head.head:
                self._change(asked_ms=now_ms, trouble="")
                return page.head
            if not page.frames:
                raise self._inconsistent(link)
        return None

    def _page(self, link: Link) -> frames.Page:
        """Return the next page of the relay's log, one without a head where it has none."""
        since = frames.Since(self._space, link.instance or None, link.cursor)
        try:
            call = frames.Pull((since,), limits.PAGE_FRAMES_MAX, 0)
            pages = self._ask(call, frames.Pulled).pages
        except HubRefusal as refusal:
            if refusal.code != "space_not_found":
                raise
            return frames.Page((), 0, None)
        if len(pages) != 1 or len(pages[0].frames) > limits.PAGE_FRAMES_MAX:
            raise self._inconsistent(link)
        return pages[0]

    def _goes_on(self, link: Link, head: frames.Head) -> bool:
        """Say whether the log at ``head`` is the one that was read, and goes on from there.

        Raises the error for one of the same length that is another.
        """
        if head.instance != link.instance or head.head < link.cursor:
            return False
        if head.head == link.cursor and link.h not in (None, head.h):
            raise self._rewritten(link)
        return True

    def _rewritten(self, link: Link) -> IntegrityError:
        """Return the error for a log that was rewritten, or set back and gone on.

        Told of once: it is compared anew the next time.
        """
        self._change(instance=None, cursor=0, h=None)
        return self._inconsistent(link)

    def _store_page(self, link: Link, page: frames.Page, head: frames.Head) -> None:
        """Append a page that goes on from ``link``."""
        found = self._ids(link, page.frames)
        start = link.h or frames.chain_start(head.instance, self._space)
        h = frames.chain_after(start, found)
        dense = page.last - link.cursor == len(found) and page.last <= head.head
        if not dense or (page.last == head.head and h != head.h):
            raise self._rewritten(link)
        self._append(page.frames)
        self._change(instance=head.instance, cursor=page.last, h=h)

    def _ids(self, link: Link, page: Sequence[bytes]) -> list[bytes]:
        """Return the ids of frames. A relay that keeps what is no frame contradicts itself."""
        try:
            if any(len(frame) > limits.ENVELOPE_BYTES_MAX for frame in page):
                raise RemoteFault("too_large")
            return [frames.frame_id(frame) for frame in page]
        except RemoteFault as fault:
            raise self._inconsistent(link) from fault

    def _append(self, page: Sequence[bytes]) -> None:
        """Append frames of the relay to the local log.

        Where the relay had all of the local log before, it has all of it still.
        """
        if not page:
            return
        with self._store.transaction():
            before = self._row()
            row, _ = log.append(self._store, before, page)
        link = self._link()
        if (link.local, link.pushed) == (self._store.instance, before.head):
            self._change(pushed=row.head)
        self._pulled += row.head - before.head
        self._tell(self.moved)

    def enter(self, issued: Sequence[bytes]) -> frames.Pushed:
        """Push frames that the relay has into the local log, by its own call; return the reply."""
        before, link = self._row(), self._link()
        reply = self._near(frames.Push(self._space, tuple(issued)))
        assert isinstance(reply, frames.Pushed), "the reply of its call"
        stood = (link.local, link.pushed) == (self._store.instance, before.head)
        # Nobody else's frame came in between: that one would never be pushed.
        if stood and set(range(before.head + 1, reply.head + 1)) <= set(reply.seqs):
            self._change(pushed=reply.head)
        return reply

    # -- healing ----------------------------------------------------------------------------

    def _restart(self, head: frames.Head | None, go: Go) -> None:
        """Begin to read another log; one that was read before is compared and filled again."""
        link, row = self._link(), self._row()
        is_lost = head is None
        if head is None:
            head = self._caller.create(self._space, row.g)
        if is_lost or link.instance is not None:  # else it was done before the first frame
            self.refill()
            self._errands.run(go)  # heads and boxes stand there before the frames they open
        if link.instance is None and not link.pushed:
            start = frames.chain_start(head.instance, self._space)
            self._change(instance=head.instance, cursor=0, h=start)
        else:
            self._compare(go)

    def refill(self) -> None:
        """Queue what a relay that has no space yet needs beside frames."""
        self._errands.refill()

    def _heal(self, head: frames.Head, go: Go) -> None:
        """Compare the logs if their sums differ though each was read to its end.

        ``head`` came with the page that ended there: a call of its own would tell no more.
        """
        link, row = self._link(), self._row()
        if link.pushed != row.head or link.instance is None:
            return
        sums = head.sum + row.sum
        is_read = head.instance == link.instance and head.head == link.cursor
        if is_read and head.sum != row.sum and link.settled != sign.sha256(sums):
            self._compare(go)

    def compare(self, *, go: Go) -> Compared:
        """Find what either log lacks, fetch and push it, a part at a time where it is very much.

        Where the time is over before the end, the cursor stays and it is begun again.
        """
        return self._compare(self._watched(go))

    def _compare(self, go: Go) -> Compared:
        """Compare in parts, as long as one run does not find all."""
        came, went = set[bytes](), set[bytes]()
        while True:
            found, more = self._compare_part(go)
            came.update(found.came)
            went.update(found.went)
            if not more:
                return Compared(tuple(sorted(came)), tuple(sorted(went)))
            if not found.came:  # it names what it does not give
                raise self._inconsistent(self._link())

    def _compare_part(self, go: Go) -> tuple[Compared, bool]:
        """Compare until all is known, or as many ids as are noted; say whether there is more."""
        head = self._ask(frames.HeadGet(self._space), frames.Head)
        row = self._row()
        asker = recon.Asker(recon.Ids(self._store.frame_ids(self._space)))
        message: bytes | None = asker.begin()
        while message is not None:
            if not go():
                return Compared((), ()), False
            try:
                reply = self._ask(access.Recon(self._space, message), access.Reconciled)
                message = asker.take(reply.message)
            except RemoteFault as fault:
                raise self._inconsistent(self._link()) from fault
        came, whole = self._fetch(sorted(asker.lacks), go)
        whole = self._push_beside(asker.beside, go) and whole
        is_part = len(asker.lacks) >= limits.RECON_IDS_MAX
        if whole and not is_part:
            self._settle(head, row, found=bool(asker.lacks or asker.beside))
        return Compared(came, tuple(sorted(asker.beside))), whole and is_part

    def _fetch(self, wanted: Sequence[bytes], go: Go) -> tuple[tuple[bytes, ...], bool]:
        """Ask for frames by id; return those that came, and whether there was time for all."""
        came = list[bytes]()
        for start in range(0, len(wanted), limits.BY_ID_MAX):
            if not go():
                return tuple(came), False
            some = wanted[start : start + limits.BY_ID_MAX]
            found = self._ask(frames.ById(self._space, tuple(some)), frames.Found).frames
            ids = self._ids(self._link(), found)
            if not set(some).issuperset(ids):
                raise self._inconsistent(self._link())
            self._append(found)
            came += ids
        return tuple(came), True

    def _push_beside(self, ids: set[bytes], go: Go) -> bool:
        """Push what the relay lacks, in the order of the local log; say if there was time."""
        seqs = sorted(
            seq for one in ids if (seq := self._store.find_seq(self._space, one)) is not None
        )
        page, size = list[bytes](), 0
        for seq in seqs:
            frame = self._store.frame_at(self._space, seq)
            size += len(frame)
            if page and (size > limits.PUSH_BYTES_MAX or len(page) == limits.PUSH_FRAMES_MAX):
                if not go():
                    return False
                self._push_frames(page)
                page, size = [], len(frame)
            page.append(frame)
        if page:
            self._push_frames(page)
        return True

    def _settle(self, head: frames.Head, row: SpaceRow, *, found: bool) -> None:
        """Go on reading behind ``head``: all before it was compared with the log at ``row``."""
        link = self._link()
        settled = link.settled if found else sign.sha256(head.sum + row.sum)
        self._change(
            instance=head.instance,
            cursor=head.head,
            h=head.h,
            pushed=max(row.head, link.pushed if link.local == self._store.instance else 0),
            local=self._store.instance,
            settled=settled,
        )

    # -- parts ------------------------------------------------------------------------------

    def _link(self) -> Link:
        """Return the link as it stands: another process may bridge as well.

        Raises NotFoundError(space_not_found) where it was forgotten meanwhile.
        """
        link = self._links.find(self._space)
        if link is None:
            raise NotFoundError("space_not_found", space_id=to_text("space", self._space))
        return link

    def _change(self, **values: Value) -> None:
        """Write what moved; all else of the link is left as another process may have it."""
        self._links.change(self._space, **values)

    def _row(self) -> SpaceRow:
        """Return the row of the space at the local hub. Raises HubRefusal(space_not_found)."""
        return log.require_space(self._store, self._space)

    def _ask(self, call: Body, kind: type[T]) -> T:
        """Return the reply to ``call``, which is of ``kind``."""
        reply = self._caller.call(self._space, call)
        assert isinstance(reply, kind), "a reply is decoded as that of its call"
        return reply

    def _inconsistent(self, link: Link, **evidence: str) -> IntegrityError:
        """Return the error for a relay whose log contradicts itself."""
        return IntegrityError(
            "relay_inconsistent",
            space_id=to_text("space", self._space),
            cursor=link.cursor,
            **evidence,
        )
