"""Caller: one profile's way to talk to relays about its spaces: sessions, tokens, one retry.

A call about a space needs a token; a token needs a proof of the access key that the profile has
there. Tokens are kept between commands, in the file of links, so that most commands pay one
exchange for a call. Where the relay says that a token is over, or that access changed, a new proof
is given, once; where it says that the clock is off, the proof is given again with the relay's time.

Spaces of one relay share a connection, and a question for news. One that is isolated shares neither
with any other, so that the relay is not told that one profile is behind both.

Laws: the key of a space signs for that space alone. A proof names the relay that it is meant for,
so no relay can use it at another. No request and no connection carries an isolated space together
with another one.

Specification: docs/spec/access.md, Session; docs/spec/bridge.md, Isolated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from envoy import limits
from envoy.core import access as proofs
from envoy.core.access import PROOF_VERSION, Proof
from envoy.core.crypto.sign import public_key
from envoy.core.structs import Body
from envoy.errors import NotFoundError, RelayError
from envoy.hub import account
from envoy.hub.client import Client, Reach, read_origin
from envoy.hub.links import Link, Links, Pass
from envoy.ids import to_text
from envoy.lean import NamedTuple
from envoy.sync import access, frames
from envoy.sync.frames import HubRefusal

# Calls that need no token: they show what they need themselves.
OPEN: Final = frozenset((
    "Create", "Session", "InviteFetch", "InviteRequest", "InviteReply", "InviteDelete",
    "SpaceDelete",
))  # fmt: skip
# What a new proof may turn.
AGAIN: Final = frozenset(("session_expired", "session_stale", "auth_failed"))
SKEWED: Final = frozenset(("clock_skew_ahead", "clock_skew_behind"))
# What a chain of one's own may turn, where the relay does not know one.
UNKNOWN: Final = frozenset(("capability_missing", "epoch_revoked", "capability_expired"))
# A relay asks for a slower pace; how long it is left alone at least, and where it does not say, ms.
SLOWER: Final = "rate_limited"
PAUSE_MS_MIN, PAUSE_MS = 20, 1_000


def pause_ms(refusal: HubRefusal) -> int:
    """Return how long a relay that asks for a slower pace is to be left alone, ms."""
    asked = refusal.details.get("retry_after_ms", PAUSE_MS)
    return max(asked, PAUSE_MS_MIN) if isinstance(asked, int) else PAUSE_MS


class Key(NamedTuple):
    """The seed of an access key, and the chain that leads to it, None: the relay knows one."""

    seed: bytes
    chain: tuple[bytes, ...] | None


class World(NamedTuple):
    """What a caller asks of its process: the key of a space, the time, randomness.

    ``seconds`` is how long one exchange may take; ``is_local``: only this machine may be called.
    ``account`` is the seed of the account at a relay, by its origin. ``rest`` waits so many ms
    where a relay asks for a slower pace, and says if there was the time; None: there never is.
    """

    key: Callable[[bytes], Key]
    now_ms: Callable[[], int]
    entropy: Callable[[int], bytes]
    seconds: Callable[[], float]
    is_local: bool
    account: Callable[[str], bytes] | None = None
    rest: Callable[[int], bool] | None = None


class Caller:
    """The calls of one profile to the relays of its spaces."""

    def __init__(self, links: Links, world: World) -> None:
        self._links = links
        self._world = world
        self._clients = dict[Reach, Client]()
        self._apart = dict[tuple[Reach, bytes], Client]()  # of isolated spaces, by last use
        self._lent = dict[bytes, Key]()
        self._owners = dict[bytes, bytes]()
        self._skew_ms = 0
        self.is_local = world.is_local

    def close(self) -> None:
        """Close all connections."""
        for client in self._all():
            client.close()
        self._clients.clear()
        self._apart.clear()

    def seconds(self) -> float:
        """Return how long one exchange may take."""
        return self._world.seconds()

    def lend(self, space: bytes, key: Key | None) -> None:
        """Use ``key`` for ``space`` from now on, None: the profile's own again."""
        if key is None:
            self._lent.pop(space, None)
        else:
            self._lent[space] = key

    def owner(self, space: bytes) -> bytes:
        """Return the own access key in ``space``, whichever key speaks for it now."""
        if space not in self._owners:
            self._owners[space] = public_key(self._world.key(space).seed)
        return self._owners[space]

    def _key(self, space: bytes) -> Key:
        return self._lent.get(space) or self._world.key(space)

    def call(self, space: bytes, call: Body) -> Body:
        """Return the reply to a call about ``space``.

        Raises HubRefusal, RelayError(relay_unavailable), NotFoundError(space_not_found) for a
        space that is not connected.
        """
        link = self._links.find(space)
        if link is None:
            raise NotFoundError("space_not_found", space_id=to_text("space", space))
        if type(call).__name__ in OPEN:
            return self.at(link, call)
        try:
            return self.at(link, call, self.token(link))
        except HubRefusal as refusal:
            if refusal.code not in AGAIN:
                raise
        return self.at(link, call, self._new_token(link))

    def create(self, space: bytes, g: bytes) -> frames.Head:
        """Make the relay keep ``space``, and register the own chain. Raises as ``call`` does."""
        key = self._key(space)
        link = self._links.find(space)
        if link is None:  # another process forgot it
            raise NotFoundError("space_not_found", space_id=to_text("space", space))
        head = self._created(link, frames.Create(space, g, key.chain))
        assert isinstance(head, frames.Head), "the reply of its call"
        self._new_token(link)
        return head

    def _created(self, link: Link, call: frames.Create) -> Body:
        """Return the reply to ``call``, in the name of an account where the relay asks for one."""
        try:
            return self.at(link, call)
        except HubRefusal as refusal:
            if refusal.code != "subscription_required" or self._world.account is None:
                raise
        client = self.client(link)
        seed = self._world.account(client.reach.origin.text)
        token = account.token(client, seed, self._world.now_ms, self._world.entropy)
        return self.at(link, call, token)

    def at(self, link: Link, call: Body, *tokens: bytes) -> Body:
        """Return the reply of the relay of ``link`` to a call with these tokens.

        Where it asks for a slower pace it is waited for and asked again, if there is the time.
        """
        while True:
            try:
                return self.client(link).ask(call, tokens, timeout_s=self._world.seconds())
            except HubRefusal as refusal:
                if not self._rests(refusal):
                    raise

    def _rests(self, refusal: HubRefusal) -> bool:
        """Wait as a relay asks for it; say whether that was asked for, and there was the time."""
        rest = self._world.rest
        return rest is not None and refusal.code == SLOWER and rest(pause_ms(refusal))

    def news(self, links: Sequence[Link], wait_ms: int) -> tuple[frames.Page, ...]:
        """Return what comes behind the cursors of ``links``, all of one relay, in their order.

        One that is isolated is asked about alone.

        The relay answers as soon as it has something, at the latest after ``wait_ms``; it gives one
        frame a space, since what came is fetched by the bridge. Raises HubRefusal, RelayError.
        """
        assert len(links) == 1 or not any(one.isolated for one in links), "nothing is shared"
        spaces = tuple(frames.Since(one.space, one.instance or None, one.cursor) for one in links)
        call = frames.Pull(spaces, 1, wait_ms)
        tokens = [self.token(link) for link in links]
        try:
            reply = self._waited(links[0], call, tokens, wait_ms)
        except HubRefusal as refusal:
            if refusal.code not in AGAIN:
                raise
            tokens = [self._new_token(link) for link in links]
            reply = self._waited(links[0], call, tokens, wait_ms)
        if not isinstance(reply, frames.Pulled) or len(reply.pages) != len(links):
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
        return reply.pages

    def _waited(self, link: Link, call: Body, tokens: Sequence[bytes], wait_ms: int) -> Body:
        """Return the reply to a call that the relay may hold back for ``wait_ms``."""
        timeout_s = self._world.seconds() + wait_ms / 1000
        return self.client(link).ask(call, tuple(tokens), timeout_s=timeout_s)

    def end(self) -> None:
        """Hang up, from another thread: what waits for a relay fails at once."""
        for client in self._all():
            client.end()

    def _all(self) -> list[Client]:
        return [*self._clients.values(), *self._apart.values()]

    def reach(self, reach: Reach) -> Client:
        """Return the connection to a relay."""
        if reach not in self._clients:
            self._clients[reach] = Client(reach)
        return self._clients[reach]

    def client(self, link: Link) -> Client:
        """Return the connection for the space of ``link``, which no other uses if it is isolated.

        Of many isolated spaces the one whose turn is longest ago gives its connection up.
        """
        reach = Reach(read_origin(link.origin), link.pin, self._world.is_local)
        if not link.isolated:
            return self.reach(reach)
        found = self._apart.pop((reach, link.space), None) or Client(reach)
        if len(self._apart) >= limits.ISOLATED_MAX:
            self._apart.pop(next(iter(self._apart))).close()
        self._apart[reach, link.space] = found
        return found

    # -- tokens -----------------------------------------------------------------------------

    def token(self, link: Link) -> bytes:
        """Return a token that is good by our clock, a new one where none is. Raises as ``call``."""
        holder = public_key(self._key(link.space).seed)
        kept = self._links.find_pass(link.space, holder)
        if kept is not None and kept.exp > self._now():
            return kept.token
        return self._new_token(link)

    def _new_token(self, link: Link) -> bytes:
        """Return a token for a new proof: by the chain that the relay has, else by the own one."""
        key = self._key(link.space)
        holder = public_key(key.seed)
        try:
            entry = self._prove(link, key, None)
            if entry.code in UNKNOWN and key.chain is not None:
                entry = self._prove(link, key, key.chain)
        except HubRefusal:
            self._links.keep_pass(link.space, holder, None)
            raise
        if entry.code is not None or entry.token is None:
            self._links.keep_pass(link.space, holder, None)
            raise HubRefusal(entry.code or "auth_failed")
        self._links.keep_pass(link.space, holder, Pass(entry.token, entry.exp))
        return entry.token

    def _prove(
        self, link: Link, key: Key, chain: tuple[bytes, ...] | None, *, again: bool = False
    ) -> access.Entry:
        """Return what one proof comes to; a clock that is off is asked for the relay's time."""
        aud = read_origin(link.origin).text
        nonce, holder = self._world.entropy(16), public_key(key.seed)
        proof = Proof(PROOF_VERSION, aud, self._now(), nonce, link.space, holder, chain)
        session = access.Session((access.Proved(*proofs.prove(key.seed, proof)),))
        reply = self.at(link, session)
        if not isinstance(reply, access.Entries) or len(reply.entries) != 1:
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
        entry = reply.entries[0]
        if entry.token is not None and len(entry.token) > limits.TOKEN_BYTES_MAX:
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
        if entry.code in SKEWED and not again:
            self._skew_ms = reply.at - self._world.now_ms()
            return self._prove(link, key, chain, again=True)
        if entry.code == "replayed" and not again:  # it was sent twice, over two connections
            return self._prove(link, key, chain, again=True)
        return entry

    def _now(self) -> int:
        """Return the time by the relay's clock, as far as it is known."""
        return self._world.now_ms() + self._skew_ms
