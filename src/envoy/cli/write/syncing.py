"""Syncing: the command `sync` as agents give it all day, without what else it can be asked for.

Looking deeply at the home, mending it, and files instead of a relay are `upkeep`'s, which is loaded
for them alone.
"""

from __future__ import annotations

from envoy.cli import synctext
from envoy.cli.args import Answer, Call
from envoy.replica.actions import far
from envoy.views.space import find
from envoy.wiring import writes


def sync(call: Call) -> Answer:
    """Push and pull until this copy and the hub have the same."""
    asked = call.args
    if asked.switch("verify") or asked.text("to") is not None or asked.text("from") is not None:
        from envoy.cli.write import upkeep

        return upkeep.sync(call)
    named = call.space()
    with writes.open_profile(call.config, roads=writes.is_connected(call.config)) as profile:
        spaces = profile.rows.spaces()
        chosen = list(spaces) if named is None else [find(spaces, named)]
        wanted = None if len(chosen) == len(spaces) else [one.id for one in chosen]
        done, reached = far.exchange_all(profile, wanted, compare=False)
    data = synctext.moved(chosen, done, reached)
    return Answer(data, lambda: synctext.text(data), exit=synctext.worst(reached))
