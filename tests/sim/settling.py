"""Settling: what one member does to come together with the hub again, as `envoy sync` does."""

from __future__ import annotations

from envoy.errors import EnvoyError
from envoy.replica import sync
from envoy.replica.actions import local
from envoy.sync.frames import HubRefusal
from sim.member import Member
from sim.scene import BROKEN, Violated
from sim.world import World


def exchange(world: World, member: Member, *, mends: bool, cares: bool) -> None:
    """Let a member do what `envoy sync` does, or `sync --verify`."""
    try:
        if mends and member.is_in:
            sync.fill_hub(member.replica())
        local.sync_all(member.profile, None, care=cares)
    except HubRefusal:
        world.counts["refused while settling"] += 1
    except EnvoyError as error:
        if error.code in (*BROKEN, "storage_failed"):
            raise Violated("an error while settling", f"{error.code} {error.details}") from error
        world.counts[f"settling {error.code}"] += 1
