"""Relay: a profile's hub with the relays of its spaces behind it.

The place where links, connections and keys meet. It is loaded where a space of this machine is
connected, or where a command is about to connect one; nothing else pays for it.

Specification: docs/spec/bridge.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack

from envoy import limits
from envoy.core.identity import Identity
from envoy.hub import links
from envoy.hub.bridge import Moved
from envoy.hub.caller import Caller, Key, World
from envoy.hub.handler import LocalHub
from envoy.hub.linked import LinkedHub, Patience
from envoy.hub.roads import Roads
from envoy.hub.sqlite import LogStore
from envoy.lean import NamedTuple
from envoy.replica.actions import access
from envoy.replica.ports import RowStore
from envoy.replica.replica import Profile, Replica
from envoy.system import host
from envoy.wiring.config import Config
from envoy.wiring.progress import Teller

EGRESS_LOCAL = "local"
CONNECTED = "connected"


class Keys:
    """The access keys of a profile, which is known only after its hub is."""

    def __init__(self, me: Identity, rows: RowStore) -> None:
        self._me = me
        self._rows = rows
        self.profile: Profile | None = None

    def of(self, space: bytes) -> Key:
        """Return the access key for ``space``, with the chain that leads to it if one is here."""
        row, chain = self._rows.find_space(space), None
        if row is not None and self.profile is not None:
            chain = access.own_chain(self.profile, row)
        return Key(self._me.access_seed(space), chain)

    def account(self, origin: str) -> bytes:
        """Return the seed of the account at a relay."""
        return self._me.account_seed(origin)

    def pinned(self, space: bytes) -> bytes:
        """Return the key of the hub that orders the slots of ``space``."""
        row = self._rows.find_space(space)
        return b"" if row is None else row.hub


class Told:
    """What somebody who waits for relays is told: how much moved, and that a relay asks for time.

    ``tell`` shows a text and a number.
    """

    def __init__(self, tell: Callable[[str, int], None]) -> None:
        self._tell = tell

    def moved(self, moved: Moved) -> None:
        """Show how many frames moved."""
        self._tell("frames to and from the relay", moved.pushed + moved.pulled)

    def rest(self, pause_ms: int) -> None:
        """Show that a relay asks for a slower pace, and wait."""
        self._tell("the relay asks for a slower pace, ms", pause_ms)
        time.sleep(pause_ms / 1000)


class Far(NamedTuple):
    """What a profile is given where relays may be asked: hub port, roads, care for them."""

    hub: LinkedHub
    roads: Roads
    keys: Keys
    tend: Callable[[Replica], bool]

    def settle(self, profile: Profile) -> None:
        """Take ``profile`` as the one whose relays these are.

        Whoever of this machine connected a space did so for all profiles that have it.
        """
        self.keys.profile = profile
        for link in self.roads.links():
            row = profile.rows.find_space(link.space)
            if row is not None and row.mode != access.CONNECTED:
                with profile.events.transaction(durable=False):
                    profile.rows.save(profile.rows.space(row.sn)._replace(mode=access.CONNECTED))


def open_far(
    config: Config, near: LocalHub, log: LogStore, keys: Keys, *, stack: ExitStack, wait_ms: int
) -> Far:
    """Return the hub of a profile with its relays.

    ``wait_ms``: how long relays are waited for in all; 0 is the patience of a whole call, and then
    for the newest news: otherwise news that are ten seconds old are good enough. Raises
    IntegrityError as ``links.open_links`` does.
    """
    found = links.open_links(os.path.dirname(log.connection.path))
    stack.callback(found.close)
    keen = wait_ms == 0
    until = host.monotonic_ms() + (config.timeout_ms if keen else wait_ms)
    told = Told(stack.enter_context(Teller(config))) if keen else None

    def seconds() -> float:
        return max(0.0, (until - host.monotonic_ms()) / 1000)

    def rest(pause_ms: int) -> bool:
        """Wait as a relay asks for it, if the command has the time."""
        if told is None or host.monotonic_ms() + pause_ms >= until:
            return False
        told.rest(pause_ms)
        return True

    is_local = config.egress == EGRESS_LOCAL
    world = World(keys.of, host.now_ms, host.entropy, seconds, is_local, keys.account, rest)
    caller = Caller(found, world)
    stack.callback(caller.close)
    fresh_ms = 0 if keen else limits.FRESH_SECONDS * 1000
    patience = Patience(lambda: host.monotonic_ms() < until, host.now_ms, fresh_ms)
    if told is not None:
        patience = patience._replace(tell=told.moved)
    hub = LinkedHub(near, log, found, caller, pinned=keys.pinned, patience=patience)
    return Far(hub, Roads(near, log, found, caller, patience), keys, access.tend)
