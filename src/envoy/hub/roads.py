"""Roads: what a profile does about relays in so many words: connect, enter, sync, give access.

Beside the hub port, which lets relays help where they can, these acts fail where a relay does: a
space that was to be connected is told not to be, a code that lies at a relay cannot be redeemed
without it.

Laws: a link is saved before the first call about its space, and taken back if the space does not
come to stand at the relay. The key of a space is sent nowhere; what leaves are proofs and chains.

Specification: docs/spec/bridge.md; docs/spec/access.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy.core.codec import encode
from envoy.core.crypto.sign import KEY_BYTES
from envoy.core.structs import Body
from envoy.errors import EnvoyError, RelayError
from envoy.hub.bridge import CHUNK, Bridge, Moved
from envoy.hub.caller import Caller, Key
from envoy.hub.client import Reach, read_origin
from envoy.hub.handler import LocalHub
from envoy.hub.linked import Patience
from envoy.hub.links import Link, Links
from envoy.hub.sqlite import LogStore
from envoy.lean import NamedTuple
from envoy.sync import access, chunks, frames
from envoy.sync.frames import HubRefusal

# What is said of a delivery.
DELIVERED, PENDING, LOCAL = "delivered", "pending", "not_attempted"
_ID_BYTES: Final = 32


class Delivery(NamedTuple):
    """Whether the relay has what this machine wrote, and why not: a code, or empty."""

    state: str
    reason: str


class Roads:
    """The relays of one profile's spaces."""

    def __init__(
        self, near: LocalHub, store: LogStore, links: Links, caller: Caller, patience: Patience
    ) -> None:
        self._near = near
        self._store = store
        self._links = links
        self._caller = caller
        self._patience = patience

    # -- connecting -------------------------------------------------------------------------

    def find(self, origin: str, pin: bytes | None, *, timeout_s: float) -> tuple[str, bytes]:
        """Return the origin of a relay in its one form, and the key it signs with.

        Raises UsageError(invalid_argument), AuthorityError(egress_denied),
        RelayError(relay_unavailable).
        """
        read = read_origin(origin)
        found = self._caller.reach(self._reach(origin, pin)).info(timeout_s=timeout_s)
        try:
            key = bytes.fromhex(str(found.get("hub_key", "")))
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
        return read.text, key

    def connect(
        self, space: bytes, g: bytes, *, origin: str, pin: bytes | None, hub_key: bytes
    ) -> None:
        """Make the relay keep ``space``; one that is connected there already stays as it is.

        Raises HubRefusal, RelayError(relay_unavailable).
        """
        known = self._links.find(space)
        if known is not None and (known.origin, known.hub_key) == (origin, hub_key):
            self._caller.create(space, g)
            return
        self._links.save(self._fresh(space, origin, pin, hub_key))
        try:
            self._caller.create(space, g)
        except (HubRefusal, EnvoyError):
            if known is None:
                self._links.drop(space)
            else:
                self._links.save(known)
            raise

    def visit(self, origin: str, pin: bytes | None, call: Body) -> Body:
        """Return the reply of a relay to a call that needs no token.

        Raises HubRefusal, RelayError, UsageError(invalid_argument).
        """
        client = self._caller.reach(self._reach(origin, pin))
        return client.ask(call, (), timeout_s=self._caller.seconds())

    def enter(
        self,
        space: bytes,
        key: tuple[bytes, tuple[bytes, ...] | None],
        *,
        origin: str,
        pin: bytes | None,
        hub_key: bytes,
    ) -> None:
        """Link a space that the relay has, and bring its log to this machine, by ``key``.

        Until ``own`` is called that key, a seed and a chain, speaks for the space. Raises
        HubRefusal, RelayError(relay_unavailable), IntegrityError(relay_inconsistent).
        """
        self._caller.lend(space, Key(*key))
        known = self._links.find(space)
        if known is None:
            self._links.save(self._fresh(space, origin, pin, hub_key))
        try:
            reply = self._caller.call(space, access.GenesisGet(space))
            assert isinstance(reply, access.GenesisFound), "the reply of its call"
            self._near.handle(frames.Create(space, reply.g, None))
            self.sync(space)
        except (HubRefusal, EnvoyError):
            if known is None:
                self._links.drop(space)
            raise

    def own(self, space: bytes) -> None:
        """Use the profile's own access key for ``space`` again."""
        self._caller.lend(space, None)

    def leave(self, space: bytes) -> None:
        """Forget that ``space`` is connected; its log on this machine stays."""
        self._links.drop(space)

    # -- access -----------------------------------------------------------------------------

    def give(
        self, space: bytes, chains: Sequence[tuple[bytes, ...]], statement: bytes | None
    ) -> None:
        """Leave chains for others, and an access statement, for the relay of ``space``."""
        link = self._links.find(space)
        if link is None:
            return
        put = access.AccessPut(space, tuple(chains), statement)
        self._links.send_later(space, "access_put", encode(put))
        if statement is not None:
            self._links.save(link._replace(statement=statement))

    def ask(self, space: bytes, call: Body) -> Body:
        """Return the reply of the relay of ``space``. Raises HubRefusal, RelayError."""
        return self._caller.call(space, call)

    # -- state ------------------------------------------------------------------------------

    def place_of(self, space: bytes) -> tuple[str, bytes | None, bytes] | None:
        """Return origin, pin and hub key of the relay of ``space``, None without one."""
        link = self._links.find(space)
        return None if link is None else (link.origin, link.pin, link.hub_key)

    def links(self) -> list[Link]:
        """Return all links of this machine."""
        return self._links.every()

    def sync(self, space: bytes) -> Moved:
        """Bring the local log and the relay's to the same frames, and tell what goes wrong.

        Raises HubRefusal, RelayError(relay_unavailable), IntegrityError(relay_inconsistent).
        """
        return self._bridge(space).sync(now_ms=self._patience.now_ms(), go=self._patience.go)

    def delivery(self, space: bytes) -> Delivery:
        """Return whether the relay has all that this machine wrote into ``space``."""
        link = self._links.find(space)
        if link is None:
            return Delivery(LOCAL, "local_only")
        if self._bridge(space).pending():
            return Delivery(PENDING, link.trouble or "relay_unavailable")
        return Delivery(DELIVERED, "")

    def carried(self, space: bytes, ids: bytes) -> None:
        """Leave the chunks with these ids, joined, for the relay of ``space``."""
        if self._links.find(space) is None:
            return
        for start in range(0, len(ids), _ID_BYTES):
            get = chunks.ChunkGet(space, ids[start : start + _ID_BYTES])
            self._links.send_later(space, CHUNK, encode(get))

    def _bridge(self, space: bytes) -> Bridge:
        return Bridge(self._store, self._links, self._caller, space, near=self._near.handle)

    def _reach(self, origin: str, pin: bytes | None) -> Reach:
        return Reach(read_origin(origin), pin, self._caller.is_local)

    def _fresh(self, space: bytes, origin: str, pin: bytes | None, hub_key: bytes) -> Link:
        """Return the link of a space of which nothing was read or pushed yet."""
        local = self._store.instance
        return Link(space, origin, pin, hub_key, None, 0, None, local, 0, b"", b"", None, 0, "")
