"""Giving: a session that ends gives back the tasks it holds, so that nobody waits for a lease.

It is done at the hub of this machine alone: who ends does not wait for another one.

Loaded where a session ends that holds any.

Specification: docs/spec/hooks.md, session-end; docs/spec/mcp.md, Starting.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.errors import EnvoyError
from envoy.replica.actions import returning
from envoy.replica.replica import Replica
from envoy.wiring import writes
from envoy.wiring.config import Config


def give_back(config: Config, held: Sequence[tuple[int, bytes]]) -> None:
    """Release tasks of the session of ``config``, given with the numbers of their spaces.

    What cannot be given back is left to its lease. Raises as ``writes.open_profile`` does.
    """
    with writes.open_profile(config._replace(egress="local")) as profile:
        for space in sorted({one for one, _ in held}):
            wanted = [task for one, task in held if one == space]
            try:
                returning.release_all(Replica(profile, space), wanted)
            except EnvoyError:  # one space that is closed or broken keeps no other's tasks
                continue
