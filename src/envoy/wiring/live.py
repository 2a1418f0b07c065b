"""Live: the relays of a profile's spaces, listened to while a command waits.

Its threads open the hub of this machine and the links for themselves, and the first one the keys:
nothing of the reader that waits is shared. Where a passphrase would have to be asked for, nobody
listens; what waits then asks the relay every ten seconds, as every reader does.

Specification: docs/spec/bridge.md, Waiting.
"""

from __future__ import annotations

from contextlib import ExitStack

from envoy import limits
from envoy.core.identity import Identity
from envoy.hub import links, sqlite
from envoy.hub.caller import Caller, Key, World
from envoy.hub.handler import LocalHub
from envoy.hub.live import Line, Live
from envoy.storage import home
from envoy.system import host
from envoy.wiring import writes
from envoy.wiring.config import Config

EGRESS_LOCAL = "local"
# Locks that open without a word from anybody.
SILENT = ("none", "keyring")


def listen(config: Config, lock: str) -> Live | None:
    """Return what listens for the profile of ``config``, whose lock is ``lock``; None: nobody can.

    To be used as a context: it begins and ends there.
    """
    if lock not in SILENT and config.passphrase_file in (None, "-"):
        return None
    where = home.paths(config.home, config.profile)
    kept = list[Identity]()  # unlocked once: the others start behind the first

    def opened(stack: ExitStack) -> Line:
        if not kept:
            kept.append(writes.unlocked(config)[0].identity)
        return _open(config, where, kept[0], stack)

    return Live(opened, lock_path=where.sync_lock)


def _open(config: Config, where: home.Paths, me: Identity, stack: ExitStack) -> Line:
    """Return the log and the links of the profile, opened on this thread, with its keys."""
    directory = home.hub_directory(where)
    store = sqlite.open_store(directory)
    stack.callback(store.close)
    found = links.open_links(directory)
    stack.callback(found.close)
    near = LocalHub(
        store,
        poster=writes.poster(me),
        now_ms=host.now_ms,
        more=writes.ChunkCalls(store, where),
    )
    world = World(
        lambda space: Key(me.access_seed(space), None),
        host.now_ms,
        host.entropy,
        lambda: float(limits.RPC_SECONDS_DEFAULT),
        config.egress == EGRESS_LOCAL,
    )
    caller = Caller(found, world)
    stack.callback(caller.close)
    return Line(store, found, caller, near.handle)
