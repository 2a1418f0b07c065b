"""Attending: what a process that lives on does beside its calls: it hears of commits, and syncs.

A server has nobody who types `envoy sync`. So while it lives it exchanges with the relays of its
spaces now and then, and it is told when another process of this machine has written. One process of
a profile at a time attends to the relays: the others have nothing to add.

Laws: no lock is held between two turns; a turn ends as soon as ``go`` says so.

Specification: docs/spec/mcp.md, While it lives.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy import limits
from envoy.errors import EnvoyError
from envoy.hub import peek
from envoy.replica.actions import local
from envoy.storage import home
from envoy.system import files, host
from envoy.system.watch import Watcher
from envoy.views import rows
from envoy.views.answers import is_local
from envoy.wiring import writes
from envoy.wiring.config import Config


def watch(config: Config) -> Watcher:
    """Return what notices every commit to the hub of this machine and to the profile's copy.

    Raises NotFoundError(profile_not_found).
    """
    where = home.paths(config.home, config.profile)
    return Watcher([peek.wake_path(where.hub), peek.wake_path(where.replica)])


def wants_turn(spaces: list[rows.Space]) -> list[bytes]:
    """Return the spaces that have something to exchange with a relay, or wait to be sent."""
    return [one.id for one in spaces if one.pending or not is_local(one)]


def take_turn(config: Config, spaces: list[bytes], go: Callable[[], bool]) -> bool:
    """Exchange ``spaces`` with their hubs while ``go`` allows, a second at most; say if it went.

    Another process of the profile that is at it is as good.
    """
    where = home.paths(config.home, config.profile)
    until = host.monotonic_ms() + limits.PULL_SECONDS_MAX * 1000
    try:
        with (
            files.lock(where.sync_lock, timeout_s=0),
            writes.open_profile(config) as profile,
        ):
            local.sync_all(profile, spaces, go=lambda: go() and host.monotonic_ms() < until)
    except EnvoyError as error:
        return error.code == "timeout"
    return True
