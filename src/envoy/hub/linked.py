"""Linked: the hub of this machine, for spaces that a relay has as well.

It answers every call as the local hub does, and lets the bridge run where a call is about a space
that is connected: before a pull, so that what other machines wrote is there, and behind a push, so
that they get what was written. What the local hub lacks of boxes and chunks is asked of the relay;
heads, boxes and invites that the relay must have are left for it as errands. Slots are decided by
the hub that the space has pinned: where that is the relay, its word is fetched first and entered
here.

Laws: a relay that is away changes nothing that the local hub answers, but for confirmed claims and
codes that lie at the relay. In one process a relay that failed is left alone, unless somebody asks
for it in so many words.

Specification: docs/spec/bridge.md.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from envoy import limits
from envoy.core.codec import encode
from envoy.core.receipt import LogState, is_push_signed
from envoy.core.structs import Body
from envoy.errors import EnvoyError, IntegrityError
from envoy.hub.bridge import Bridge, Moved
from envoy.hub.caller import Caller
from envoy.hub.handler import LocalHub
from envoy.hub.links import Link, Links
from envoy.hub.sqlite import LogStore
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.sync import access, chunks, frames
from envoy.sync.frames import HubRefusal

# Calls of the local hub that the relay must hear as well.
INCONSISTENT: Final = "relay_inconsistent"
BOTH: Final = {frames.EpochPut: "epoch_put", frames.BoxPut: "box_put"}


class Patience(NamedTuple):
    """How long a command waits for relays: ``go`` until then, ``fresh_ms`` how old news may be.

    ``tell`` hears of what moved while it waits.
    """

    go: Callable[[], bool]
    now_ms: Callable[[], int]
    fresh_ms: int
    tell: Callable[[Moved], None] = lambda _: None


class LinkedHub:
    """The hub of this machine as one profile's port, with the relays of its spaces behind it.

    ``pinned`` returns the key of the hub that orders the slots of a space now.
    """

    def __init__(
        self,
        near: LocalHub,
        store: LogStore,
        links: Links,
        caller: Caller,
        *,
        pinned: Callable[[bytes], bytes],
        patience: Patience,
    ) -> None:
        self._near = near
        self._store = store
        self._links = links
        self._caller = caller
        self._pinned = pinned
        self._patience = patience
        self._asked = set[bytes]()  # the spaces whose relay was asked for news in this process
        self._away = set[str]()  # origins that failed in this process
        self._begun_ms = patience.now_ms()
        self.hub_key = near.hub_key

    def handle(self, call: Body) -> Body:
        """Return the reply to ``call``. Raises HubRefusal, RelayError, IntegrityError."""
        match call:
            case frames.Pull():
                for since in call.spaces:
                    self._look(since.space)
            case frames.Slot():
                return self._slot(call)
            case frames.InviteFetch() | frames.InviteRequest() | frames.InviteReply():
                link = self._links.pointed(call.lookup, self._patience.now_ms())
                return self._near.handle(call) if link is None else self._caller.at(link, call)
            case frames.InviteDelete():
                return self._uninvite(call)
            case access.Publish():
                return self._publish(call)
            case access.Withdraw():
                return self._withdraw(call)
        reply = self._near.handle(call)
        match call:
            case frames.Push():
                self._tell(call.space)
            case frames.EpochPut() | frames.BoxPut():
                if self._links.find(call.space) is not None:
                    self._leave(call.space, BOTH[type(call)], call)
                    self._bring(call.space)
            case frames.EpochGet():
                assert isinstance(reply, frames.EpochFound), "the reply of its call"
                return self._more_boxes(call, reply)
            case chunks.ChunkGet():
                assert isinstance(reply, chunks.ChunkGot), "the reply of its call"
                return self._chunk(call, reply)
        return reply

    # -- the bridge ---------------------------------------------------------------------------

    def _bridge(self, space: bytes) -> Bridge:
        return Bridge(self._store, self._links, self._caller, space, near=self._near.handle)

    def _look(self, space: bytes) -> None:
        """Fetch news of a connected space, once in a process, and not if they are fresh."""
        link = self._links.find(space)
        if link is None or space in self._asked or link.origin in self._away:
            return
        if self._is_fresh(link):
            return
        self._asked.add(space)
        self._run(link)

    def _is_fresh(self, link: Link) -> bool:
        """Say whether the news of a space are young enough.

        Who wants the newest has them if they came since it began, by its other way to the relay.
        What came under a clock that was ahead is as good as never.
        """
        fresh, now = self._patience.fresh_ms, self._patience.now_ms()
        since = now - fresh + 1 if fresh else self._begun_ms
        return since <= link.asked_ms <= now

    def _tell(self, space: bytes) -> None:
        """Send what was written to the relay of a connected space."""
        link = self._links.find(space)
        if link is not None and link.origin not in self._away:
            self._run(link)

    def _bring(self, space: bytes) -> None:
        """Send what was left for the relay of ``space``: no push may come behind it.

        What the relay refuses the next exchange turns, or tells.
        """
        link = self._links.find(space)
        if link is None or link.origin in self._away:
            return

        def push() -> None:
            with suppress(HubRefusal):
                self._bridge(space).push(go=self._patience.go)

        self._try(link, push)

    def _run(self, link: Link) -> None:
        """Let the bridge run."""
        patience = self._patience
        bridge = self._bridge(link.space)
        self._try(link, lambda: bridge.sync(now_ms=patience.now_ms(), go=patience.go))

    def _try(self, link: Link, deed: Callable[[], object]) -> None:
        """Do what a relay has part in; what goes wrong is noted with the link and fails nothing."""
        if not self._patience.go():
            return
        try:
            deed()
        except (HubRefusal, EnvoyError) as error:
            # One that answers and contradicts itself has boxes and chunks all the same.
            if error.code != INCONSISTENT or error.details.get("cause") == "pin":
                self._away.add(link.origin)
            self._links.note(link.space, error.code, self._patience.now_ms())

    def _leave(self, space: bytes, name: str, call: Body) -> None:
        """Leave a call of this profile for the relay of ``space``."""
        owner = self._caller.owner(space)
        self._links.send_later(space, name, encode(call), owner=owner)

    # -- calls that a relay decides or completes ----------------------------------------------

    def _slot(self, call: frames.Slot) -> Body:
        """Let the pinned hub decide, and enter its word here."""
        link = self._links.find(call.space)
        if link is None or self._pinned(call.space) != link.hub_key:
            return self._near.handle(call)
        bridge = self._bridge(call.space)
        bridge.push(go=self._patience.go)  # what the claim builds on stands before it
        reply = self._caller.call(call.space, call)
        assert isinstance(reply, frames.Slotted), "the reply of its call"
        state = LogState(reply.instance, call.space, reply.head, reply.h, reply.at)
        if not is_push_signed(state, reply.sig, link.hub_key):
            raise IntegrityError("relay_inconsistent", space_id=to_text("space", call.space))
        issued = [one for one in (call.frame, reply.receipt) if one is not None]
        if not issued:
            return reply
        pushed = bridge.enter(issued)
        return frames.Slotted(
            pushed.instance,
            pushed.seqs,
            pushed.head,
            pushed.h,
            pushed.at,
            pushed.sig,
            until=reply.until,
            receipt=reply.receipt,
        )

    def _publish(self, call: access.Publish) -> Body:
        """Leave an invite for the relay, and remember that it is there."""
        put = call.put
        self._links.point(put.lookup, call.space, put.expires)
        self._leave(call.space, "invite_put", put)
        self._tell(call.space)
        return frames.Done()

    def _uninvite(self, call: frames.InviteDelete) -> Body:
        """End an invite where it is."""
        link = self._links.pointed(call.lookup, self._patience.now_ms())
        if link is None:
            return self._near.handle(call)
        self._leave(link.space, "invite_delete", call)
        self._tell(link.space)
        return frames.Done()

    def _withdraw(self, call: access.Withdraw) -> Body:
        """End an invite here, and at the relay whoever published it there."""
        link = self._links.find(call.space)
        if link is None:
            return self._near.handle(call.delete)
        with suppress(HubRefusal):
            self._near.handle(call.delete)
        self._leave(call.space, "invite_delete", call.delete)
        self._tell(call.space)
        return frames.Done()

    def _more_boxes(self, call: frames.EpochGet, found: frames.EpochFound) -> frames.EpochFound:
        """Return a head and boxes, those of the relay behind those of this machine."""
        link = self._links.find(call.space)
        enough = found.head is not None and (not call.tags or any(found.boxes))
        if link is None or enough or link.origin in self._away or not self._patience.go():
            return found
        try:
            more = self._caller.call(call.space, call)
        except (HubRefusal, EnvoyError):
            return found
        assert isinstance(more, frames.EpochFound), "the reply of its call"
        if found.head is None and more.head is not None:
            with suppress(HubRefusal):  # a head of another epoch: who asked finds out as well
                self._near.handle(frames.EpochPut(call.space, call.epoch, more.head))
        if found.head is None or len(more.boxes) != len(call.tags):
            return more if len(more.boxes) == len(call.tags) else found
        both = zip(found.boxes, more.boxes, strict=True)
        boxes = tuple((near + far)[: limits.BOXES_TRIED_MAX] for near, far in both)
        return frames.EpochFound(found.head, found.poster, boxes)

    def _chunk(self, call: chunks.ChunkGet, found: chunks.ChunkGot) -> chunks.ChunkGot:
        """Return a chunk, the relay's where this machine has none; it is kept here then."""
        link = self._links.find(call.space)
        if found.chunk is not None or link is None or link.origin in self._away:
            return found
        try:
            more = self._caller.call(call.space, call)
        except (HubRefusal, EnvoyError):
            return found
        assert isinstance(more, chunks.ChunkGot), "the reply of its call"
        if more.chunk is None:
            return found
        try:
            self._near.handle(chunks.ChunkPut(call.space, call.id, more.chunk))
        except HubRefusal:  # other bytes than those that were asked for
            return found
        return more
