"""Conflicts: say that one is settled, and which side is kept."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import typed
from envoy.replica.actions import conflicts
from envoy.views import answers
from envoy.views.space import space_id
from envoy.wiring import writes

Json = dict[str, object]


def resolve(call: Call) -> Answer:
    """Mark a conflict as resolved with one of its sides."""
    note, key = typed.given(call.args, "note"), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica, row = conflicts.find(profile, call.space(), call.args.need("conflict"))
        keep = conflicts.side(replica, row, call.args.need("keep"))
        done = conflicts.resolve(replica, row.id, keep, note=note, key=key)
        space = replica.space
    data: Json = {
        "conflict_id": ids.to_text("cfl", row.id),
        "space_id": space_id(space),
        "space_name": space.name,
        "kept": ids.to_text("evt", keep),
        "event_id": None if done.event is None else ids.to_text("evt", done.event),
        "changed": done.changed,
        "replayed": done.replayed,
        "relay_delivery": answers.relay_delivery(space, done.delivery),
        "pending_sync": answers.is_pending(done.delivery),
        "untrusted_fields": ["*_name"],
    }
    return Answer(data, lambda: resolved_text(data))


def resolved_text(data: Json) -> Iterator[Block]:
    """Yield what was kept."""
    same = "" if data["changed"] else "  nothing changed"
    name = (show.short(data["conflict_id"]), "strong")
    yield line(name, f"  resolved, {show.short(data['kept'])} is kept", same)
