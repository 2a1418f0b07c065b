"""Inbox: acknowledge what was seen to."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.read import talk
from envoy.cli.render import Block, line
from envoy.cli.write import typed
from envoy.replica.actions import local
from envoy.views import answers
from envoy.wiring import reads, writes

Json = dict[str, object]


def ack(call: Call) -> Answer:
    """Move the inbox cursor of a space."""
    up_to = call.args.number("up_to_cursor")
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        done = local.ack(replica, up_to, key=typed.key(call.args))
        data = {**answers.acked(done, replica.space), "replayed": done.replayed}
    data["warnings"] = [unseen(done.acked)] if up_to is None and done.acked else []
    return Answer(data, lambda: ack_text(data))


def unseen(count: int) -> Json:
    """Return the warning for acknowledging what perhaps nobody read."""
    items = show.count(count, "item")
    message = f"{items} acknowledged without --up-to-cursor, whether seen or not"
    return {"code": "acknowledged_all", "message": message}


def ack_text(data: Json) -> Iterator[Block]:
    """Yield how the cursor moved."""
    yield line(f"{data['acked']} acknowledged, {data['remaining']} unread")


def read_ack(call: Call) -> Answer:
    """Show what is unread and acknowledge just what is shown."""
    with reads.open_reader(call.config) as reader:
        data = talk.inbox_data(call, reader)
    shown: dict[str, int] = {}
    for one in show.listed(data["messages"]):
        space, cursor = show.text(one["space_id"]), one["cursor"]
        assert isinstance(cursor, int)
        shown[space] = max(cursor, shown.get(space, 0))
    by_space = []
    if shown:
        with writes.open_profile(call.config) as profile:
            for space, cursor in sorted(shown.items()):
                replica = writes.open_space(profile, space)
                by_space.append(answers.acked(local.ack(replica, cursor), replica.space))
    data |= {
        "acked": sum(int(str(one["acked"])) for one in by_space),
        "remaining": sum(int(str(one["remaining"])) for one in by_space),
        "by_space": by_space,
        "next_commands": [],
    }
    return Answer(data, lambda: read_ack_text(data))


def read_ack_text(data: Json) -> Iterator[Block]:
    """Yield what was unread, then how the cursor moved."""
    yield from talk.inbox_text(data)
    yield from ack_text(data)
