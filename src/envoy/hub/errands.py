"""Errands: what must reach a relay beside frames: heads, boxes, invites, chunks, access.

They wait as calls in the file of links, each with the access key of who left it, and go before the
frames behind them. A machine has several profiles, and what one may not do another may: so only
its owner's refusal ends an errand, and what somebody else may not bring stays where it is and bars
nothing.

Laws: an errand is struck off when the relay answered, or refused it for good; a statement that the
relay knows another one of is noted, so that who reads both can merge them.

Specification: docs/spec/bridge.md, Up; Comparing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from envoy import limits
from envoy.core.codec import decode, encode
from envoy.core.structs import Body
from envoy.hub.links import ACCESS, CHUNKS, Errand, Links
from envoy.hub.sqlite import LogStore
from envoy.hub.verdicts import CHUNK, GIVEN_UP, PASSING
from envoy.lean import Protocol
from envoy.sync import access, chunks, frames
from envoy.sync.frames import HubRefusal

T = TypeVar("T", bound=Body)
Go = Callable[[], bool]  # whether there is time left
STALE: Final = "stale"


class Caller(Protocol):
    """Somebody who may talk to the relay about a space."""

    def call(self, space: bytes, call: Body) -> Body:
        """Return the reply. Raises HubRefusal, RelayError(relay_unavailable)."""

    def create(self, space: bytes, g: bytes) -> frames.Head:
        """Make the relay keep ``space``. Raises as ``call`` does."""

    def owner(self, space: bytes) -> bytes:
        """Return the access key that this profile has in ``space``."""


class Errands:
    """What waits for the relay of one space, and what is left for it."""

    def __init__(
        self,
        store: LogStore,
        links: Links,
        caller: Caller,
        space: bytes,
        *,
        near: Callable[[Body], Body],
    ) -> None:
        """``near`` answers calls as the hub of this machine does."""
        self._store = store
        self._links = links
        self._caller = caller
        self._space = space
        self._near = near

    def count(self) -> int:
        """Return how many errands of this profile, or of nobody, wait."""
        return self._links.errand_count(self._space, self._caller.owner(self._space))

    def run(self, go: Go) -> None:
        """Send what waits beside frames, in its order."""
        after, most = 0, limits.ERRANDS_PAGE
        while go() and (waiting := self._links.errands(self._space, after, most)):
            for errand in waiting:
                if not go():
                    return
                self._run(errand)
                after = errand.n

    def _run(self, errand: Errand) -> None:
        """Make the call of an errand; what the relay refuses for good is given up."""
        try:
            if errand.name == CHUNK:
                self._bring_chunk(decode(errand.call, chunks.ChunkGet))
            else:
                self._ask(decode(errand.call, access.EVERY[errand.name][0]), Body)
        except HubRefusal as refusal:
            if not self._is_over(errand, refusal):
                return  # its owner brings it
        self._links.done(errand)

    def _is_over(self, errand: Errand, refusal: HubRefusal) -> bool:
        """Say whether an errand ends with ``refusal``; raises it where another try may turn it."""
        if errand.name == "access_put" and refusal.code == STALE:
            self._links.mark(ACCESS, self._space, wanted=True)
            return True
        if errand.owner not in (b"", self._caller.owner(self._space)):
            if refusal.code in PASSING and not self._lacks_role(refusal):
                raise refusal
            return False
        is_over = errand.name in GIVEN_UP and refusal.code not in PASSING
        if not is_over and not self._lacks_role(refusal):
            raise refusal
        if errand.name == "invite_put":  # who made it is told that it is not there
            self._links.unpoint(decode(errand.call, frames.InvitePut).lookup)
        return True

    def _lacks_role(self, refusal: HubRefusal) -> bool:
        """Say whether who is let in lacks the role: others bring it. Raises where nobody is."""
        if refusal.code == "capability_missing":
            self._ask(frames.HeadGet(self._space), frames.Head)
        return refusal.code in ("read_only", "capability_missing")

    def _bring_chunk(self, get: chunks.ChunkGet) -> None:
        """Send a chunk that the relay lacks; one that is here no more is nobody's loss."""
        have = chunks.ChunkHave(self._space, (get.id,), refresh=True)
        there = self._ask(have, chunks.ChunkMap)
        if chunks.among((get.id,), there.bits):
            return
        found = self._near(get)
        assert isinstance(found, chunks.ChunkGot), "the reply of its call"
        if found.chunk is not None:
            self._ask(chunks.ChunkPut(self._space, get.id, found.chunk), frames.Done)

    def refill(self) -> None:
        """Queue what a relay that has no space yet needs beside frames: heads, boxes, access.

        Chunks too, but which those are is known only where the events are read.
        """
        self._links.mark(CHUNKS, self._space, wanted=True)
        for statement in statements_of(self._links, self._space):
            self._leave("access_put", access.AccessPut(self._space, (), statement))
        for epoch in self._putable():
            found = self._store.find_epoch(self._space, epoch)
            assert found is not None, "its id was just read"
            put_head = frames.EpochPut(self._space, epoch, found[0])
            self._leave("epoch_put", put_head)
            boxes = self._store.all_boxes(self._space, epoch)
            for start in range(0, len(boxes), limits.BOXES_PER_CALL):
                some = tuple(
                    frames.Box(*box) for box in boxes[start : start + limits.BOXES_PER_CALL]
                )
                put_boxes = frames.BoxPut(self._space, epoch, some)
                self._leave("box_put", put_boxes)

    def _putable(self) -> list[bytes]:
        """Return the epochs to put, the oldest first; none where the relay takes none from here.

        A reader may put none, and what it left for later would wait for ever.
        """
        epochs = list(reversed(self._store.epochs(self._space)))
        first = self._store.find_epoch(self._space, epochs[0]) if epochs else None
        if first is None:
            return []
        try:
            self._ask(frames.EpochPut(self._space, epochs[0], first[0]), frames.Done)
        except HubRefusal as refusal:
            if refusal.code == "read_only":
                return []
            raise
        return epochs

    def _leave(self, name: str, call: Body) -> None:
        owner = self._caller.owner(self._space)
        self._links.send_later(self._space, name, encode(call), owner=owner)

    def _ask(self, call: Body, kind: type[T]) -> T:
        """Return the reply to ``call``, which is of ``kind``."""
        reply = self._caller.call(self._space, call)
        assert isinstance(reply, kind), "a reply is decoded as that of its call"
        return reply


def statements_of(links: Links, space: bytes) -> tuple[bytes, ...]:
    """Return the access statements of ``space`` that are known here, root's first."""
    link = links.find(space)
    raw = None if link is None else link.statement
    return () if raw is None else decode(raw, tuple[bytes, ...])
