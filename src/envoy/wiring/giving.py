"""Giving: a session that ends gives back the tasks it holds, so that nobody waits for a lease.

Loaded where a session ends that holds any.

Specification: docs/spec/hooks.md, session-end.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.errors import EnvoyError
from envoy.replica.actions import tasks
from envoy.wiring import writes
from envoy.wiring.config import Config


def give_back(config: Config, held: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """Release tasks, given with the ids of their spaces; return those that went.

    One that cannot be given back is left to its lease.
    """
    done = list[bytes]()
    with writes.open_profile(config) as profile:
        for space, task in held:
            try:
                tasks.release(writes.open_space(profile, space), task)
            except EnvoyError:
                continue
            done.append(task)
    return done
