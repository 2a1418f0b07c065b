"""Messages: hide the text of one. It hides, it does not erase: copies elsewhere remain."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import typed
from envoy.cli.write.tasks import reason_of
from envoy.replica.actions import messages, names
from envoy.views import answers
from envoy.views.space import space_id
from envoy.wiring import writes

Json = dict[str, object]


def redact(call: Call) -> Answer:
    """Hide the text of a message."""
    reason, key = reason_of(call.args), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        message = names.event(replica, call.args.need("message"))
        done = messages.redact(replica, message, reason=reason, key=key)
        space = replica.space
    data: Json = {
        "space_id": space_id(space),
        "message_id": ids.to_text("msg", message),
        "event_id": None if done.event is None else ids.to_text("evt", done.event),
        "changed": done.changed,
        "replayed": done.replayed,
        "relay_delivery": answers.relay_delivery(space, done.delivery),
        "pending_sync": answers.is_pending(done.delivery),
    }
    return Answer(data, lambda: redact_text(data))


def redact_text(data: Json) -> Iterator[Block]:
    """Yield what is hidden now."""
    words = "hidden from here on; who has read it has read it"
    if not data["changed"]:
        words = "hidden before: nothing changed"
    yield line((show.short(data["message_id"]), "strong"), f"  {words}")
