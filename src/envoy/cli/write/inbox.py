"""Inbox: acknowledge what was seen to."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.read import talk
from envoy.cli.render import Block, line
from envoy.cli.write import typed
from envoy.replica.actions import local, names
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
    again = retry(call)
    before = None
    if again.key is not None:
        with writes.open_profile(call.config) as profile:
            before = local.shown_before(profile, again)
    part = None if before is None else {one.space: (one.after, one.acked.cursor) for one in before}
    with reads.open_reader(call.config) as reader:
        data = talk.inbox_data(call, reader, part)
    by_space = list[Json]()
    shown = seen_of(data)
    if shown or before is not None or again.key is not None:
        with writes.open_profile(call.config) as profile:
            done = before or local.ack_shown(profile, shown, call=again)
            known = {one.id: one for one in profile.rows.spaces()}
            by_space = [answers.acked(one.acked, known[one.space]) for one in done
                        if one.space in known]  # fmt: skip
    data |= {
        "acked": sum(int(str(one["acked"])) for one in by_space),
        "remaining": sum(int(str(one["remaining"])) for one in by_space),
        "by_space": by_space,
        "replayed": before is not None,
        # No cursor: what is acknowledged is unread no more, so the next page is the first.
        "page": {**show.mapping(data["page"]), "next_cursor": None},
        "next_commands": [],
    }
    return Answer(data, lambda: read_ack_text(data))


def retry(call: Call) -> names.Retry:
    """Return the key of the call with what it asks."""
    own, limit = call.args.switch("include_self"), call.args.count("limit")
    return names.Retry(typed.key(call.args), ("inbox read-ack", call.space(), own, limit))


def seen_of(data: Json) -> dict[bytes, int]:
    """Return up to which number each inbox was shown, by space."""
    found = dict[bytes, int]()
    for one in show.listed(data["messages"]):
        space, cursor = ids.from_text(show.text(one["space_id"]), "space"), one["cursor"]
        assert isinstance(cursor, int)
        found[space] = max(cursor, found.get(space, 0))
    return found


def read_ack_text(data: Json) -> Iterator[Block]:
    """Yield what was unread, then how the cursor moved."""
    yield from talk.inbox_text(data)
    yield from ack_text(data)
