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

from envoy import limits
from envoy.core.codec import decode, encode
from envoy.core.crypto.sign import KEY_BYTES
from envoy.core.structs import Body
from envoy.errors import EnvoyError, RelayError
from envoy.hub.bridge import Bridge, Compared, Moved
from envoy.hub.caller import Caller, Key
from envoy.hub.client import Reach, read_origin
from envoy.hub.errands import statements_of
from envoy.hub.handler import LocalHub
from envoy.hub.linked import Patience
from envoy.hub.links import ACCESS, CHUNKS, Link, Links
from envoy.hub.sqlite import LogStore
from envoy.hub.verdicts import CHUNK
from envoy.lean import NamedTuple
from envoy.sync import access, chunks, frames
from envoy.sync.frames import HubRefusal

# What is said of a delivery.
DELIVERED, PENDING, FAILED, LOCAL = "delivered", "pending", "failed", "not_attempted"
# Refusals that no other try turns before somebody does something about them.
FINAL: Final = frozenset((
    "auth_failed", "capability_missing", "capability_expired", "egress_denied", "epoch_revoked",
    "read_only", "relay_inconsistent", "subscription_required",
))  # fmt: skip
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
        self._apart = set[bytes]()  # spaces that are to be isolated once they are linked

    # -- connecting -------------------------------------------------------------------------

    def find(self, origin: str, pin: bytes | None, *, timeout_s: float) -> tuple[str, bytes]:
        """Return the origin of a relay in its one form, and the key it signs with.

        Raises UsageError(invalid_argument), AuthorityError(egress_denied),
        RelayError(relay_unavailable).
        """
        read = read_origin(origin)
        found = self._caller.reach(self._reach(origin, pin)).info(
            timeout_s=min(timeout_s, self._caller.seconds())
        )
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

        But for the pin: who has the new one of a relay connects to it again. Raises HubRefusal,
        RelayError(relay_unavailable).
        """
        known = self._links.find(space)
        if known is not None and (known.origin, known.hub_key) == (origin, hub_key):
            self._links.change(space, pin=pin)
            try:
                self._caller.create(space, g)
            except (HubRefusal, EnvoyError):
                self._links.change(space, pin=known.pin)
                raise
            return
        fresh = self._fresh(space, origin, pin, hub_key)
        if known is not None:
            fresh = fresh._replace(statement=known.statement, isolated=known.isolated)
        self._links.save(fresh)
        try:
            self._caller.create(space, g)
        except (HubRefusal, EnvoyError):
            if known is None:
                self._links.drop(space)
            else:
                self._links.save(known)
            raise
        self._bridge(space).refill()

    def isolate(self, space: bytes) -> None:
        """Let nothing that is asked about ``space`` share a connection with another space.

        From now on, also where it is linked later. What the relay saw before it has seen.
        """
        self._apart.add(space)
        self._links.change(space, isolated=1)

    def is_isolated(self, space: bytes) -> bool:
        """Say whether ``space`` shares no connection with others."""
        link = self._links.find(space)
        return link is not None and link.isolated == 1

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

    def lend(self, space: bytes, key: tuple[bytes, tuple[bytes, ...] | None]) -> None:
        """Let ``key``, a seed and a chain, speak for ``space`` as long as this process goes on."""
        self._caller.lend(space, Key(*key))

    def wait_at(
        self, space: bytes, invite: tuple[bytes, int], *, origin: str, pin: bytes | None, key: bytes
    ) -> None:
        """Let what is asked about ``invite``, lookup id and end, ms, go to the relay ``origin``.

        ``key`` is the relay's. Nothing else is asked about ``space`` until it is entered.
        """
        if self._links.find(space) is None:
            self._links.save(self._fresh(space, origin, pin, key))
        self._links.point(invite[0], space, invite[1])

    def leave(self, space: bytes) -> None:
        """Forget that ``space`` is connected; its log on this machine stays."""
        self._links.drop(space)

    # -- access -----------------------------------------------------------------------------

    def give(
        self, space: bytes, chains: Sequence[tuple[bytes, ...]], statement: bytes | None
    ) -> None:
        """Leave chains for others, and an access statement, for the relay of ``space``."""
        if self._links.find(space) is None:
            return
        put = access.AccessPut(space, tuple(chains), statement)
        owner = self._caller.owner(space)
        self._links.send_later(space, "access_put", encode(put), owner=owner)

    def has_invite(self, space: bytes, lookup: bytes) -> bool:
        """Say whether the relay of ``space`` took the invite ``lookup`` from this machine."""
        link = self._links.pointed(lookup, self._patience.now_ms())
        waiting = self._links.waiting(space, "invite_put")
        puts = (decode(raw, frames.InvitePut) for raw in waiting)
        return link is not None and all(put.lookup != lookup for put in puts)

    def put(
        self, space: bytes, chains: Sequence[tuple[bytes, ...]], statement: bytes | None
    ) -> None:
        """Bring chains for others and an access statement to the relay of ``space`` now.

        Raises HubRefusal, RelayError(relay_unavailable).
        """
        self._caller.call(space, access.AccessPut(space, tuple(chains), statement))

    def know(self, space: bytes, statements: Sequence[bytes]) -> None:
        """Keep the access statements of ``space``: any member brings them to a wiped relay."""
        if self.stated(space) != tuple(statements):
            self._links.change(space, statement=encode(tuple(statements)))

    def stated(self, space: bytes) -> tuple[bytes, ...]:
        """Return the last access statement of each signer that is known here, root's first."""
        return statements_of(self._links, space)

    def wants_access(self, space: bytes) -> bool:
        """Say whether the relay of ``space`` refused a statement, since it knew another."""
        return self._links.is_marked(ACCESS, space)

    def has_access(self, space: bytes) -> None:
        """Note that what was stated about ``space`` was merged."""
        if self._links.is_marked(ACCESS, space):
            self._links.mark(ACCESS, space, wanted=False)

    def adopt(self, space: bytes, hub_key: bytes) -> None:
        """Believe the signatures of ``hub_key``, which the space pinned, from now on."""
        link = self._links.find(space)
        if link is not None and link.hub_key != hub_key:
            self._links.change(space, hub_key=hub_key, signed=b"")

    def instance_of(self, space: bytes) -> bytes | None:
        """Return the instance of the relay's log of ``space``, None before it was read."""
        link = self._links.find(space)
        return None if link is None else link.instance

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
        moved, error = self.exchange(space)
        if error is not None:
            raise error
        return moved

    def exchange(self, space: bytes) -> tuple[Moved, HubRefusal | EnvoyError | None]:
        """Do as ``sync`` does; return what moved, and what went wrong after that."""
        bridge = self._bridge(space)
        try:
            return bridge.sync(now_ms=self._patience.now_ms(), go=self._patience.go), None
        except (HubRefusal, EnvoyError) as error:
            self._links.note(space, error.code, self._patience.now_ms())
            return bridge.moved, error

    def waiting(self, space: bytes) -> int:
        """Return how many frames and calls wait for the relay of ``space``."""
        return 0 if self._links.find(space) is None else self._bridge(space).pending()

    def delivery(self, space: bytes) -> Delivery:
        """Return whether the relay has all that this machine wrote into ``space``."""
        link = self._links.find(space)
        if link is None:
            return Delivery(LOCAL, "local_only")
        if not self._bridge(space).pending():
            return Delivery(DELIVERED, "")
        reason = link.trouble or "relay_unavailable"
        return Delivery(FAILED if reason in FINAL else PENDING, reason)

    def compare(self, space: bytes) -> Compared:
        """Compare both logs id by id, whatever their sums say. Raises as ``sync`` does."""
        return self._bridge(space).compare(go=self._patience.go)

    def carried(self, space: bytes, ids: bytes) -> None:
        """Leave the chunks with these ids, joined, for the relay: those that are here."""
        if self._links.find(space) is None:
            return
        wanted = [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)]
        for start in range(0, len(wanted), limits.CHUNK_HAVE_MAX):
            group = wanted[start : start + limits.CHUNK_HAVE_MAX]
            have = self._near.handle(chunks.ChunkHave(space, tuple(group), False))
            assert isinstance(have, chunks.ChunkMap), "the reply of its call"
            here = chunks.among(group, have.bits)
            calls = [encode(chunks.ChunkGet(space, one)) for one in group if one in here]
            self._links.send_all(space, CHUNK, calls, owner=self._caller.owner(space))

    def wants_chunks(self, space: bytes) -> bool:
        """Say whether the relay of ``space`` may lack the chunks of its objects."""
        return self._links.is_marked(CHUNKS, space)

    def has_chunks(self, space: bytes) -> None:
        """Note that all chunks were left for the relay of ``space``."""
        self._links.mark(CHUNKS, space, wanted=False)

    def _bridge(self, space: bytes) -> Bridge:
        return Bridge(
            self._store,
            self._links,
            self._caller,
            space,
            near=self._near.handle,
            tell=self._patience.tell,
        )

    def _reach(self, origin: str, pin: bytes | None) -> Reach:
        return Reach(read_origin(origin), pin, self._caller.is_local)

    def _fresh(self, space: bytes, origin: str, pin: bytes | None, hub_key: bytes) -> Link:
        """Return the link of a space of which nothing was read or pushed yet."""
        local = self._store.instance
        made = Link(space, origin, pin, hub_key, None, 0, None, local, 0, b"", b"", None, 0, "")
        return made._replace(isolated=int(space in self._apart))
