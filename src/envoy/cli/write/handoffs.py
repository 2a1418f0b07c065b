"""Handoffs: pass a task on, take it over, check what somebody left."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Args, Call
from envoy.cli.render import Block, Body, line
from envoy.cli.write import typed, work
from envoy.errors import UsageError
from envoy.replica.actions import handoffs, names
from envoy.views import answers
from envoy.views import handoffs as shapes
from envoy.views.space import space_id
from envoy.wiring import writes

Json = dict[str, object]

# Flag -> the list of the capsule that it fills.
LISTS = {
    "done": "completed",
    "remaining": "remaining",
    "command": "commands",
    "risk": "risks",
    "question": "questions",
}


def create(call: Call) -> Answer:
    """Pass a task on."""
    args, key = call.args, typed.key(call.args)
    lists = {field: texts_of(args, flag) for flag, field in LISTS.items()}
    words, to = next_of(args), args.text("to")
    with writes.open_profile(call.config) as profile:
        replica, task = names.task(profile, call.space(), args.need("task_id"))
        replica = names.expecting(replica, args.text("if_version"))
        taker = None if to is None else names.member(replica, to)
        evidence = names.events(replica, args.items("evidence"))
        said = handoffs.Capsule(words, **lists, evidence=evidence)
        done = handoffs.create(replica, task, said, to=taker, key=key)
        assert done.event is not None, "a handoff always writes an event"
        row = handoffs.known(replica, done.event)
        space = replica.space
        data: Json = {
            **shapes.handoff(row, names.people(replica), space=space_id(space)),
            "space_name": space.name,
            "event_id": ids.to_text("evt", done.event),
            "changed": done.changed,
            "replayed": done.replayed,
            "relay_delivery": answers.relay_delivery(space, done.delivery),
            "pending_sync": answers.is_pending(done.delivery),
            "next_commands": [
                f"envoy handoff accept {ids.to_text('rec', row.id)} --space {space_id(space)}"
            ],
            "untrusted_fields": shapes.UNTRUSTED,
        }
    return Answer(data, lambda: handoff_text(data))


def next_of(args: Args) -> str:
    """Return the next action, without which a handoff says nothing."""
    words = typed.given(args, "next")
    if not words:
        raise UsageError("missing_required_flag", argument="--next", expected=["--next"])
    return words


def texts_of(args: Args, flag: str) -> tuple[str, ...]:
    """Return the lines of a flag that may be repeated."""
    most = limits.HANDOFF_ITEM_BYTES_MAX
    found = tuple(typed.line(one, f"--{flag}", bytes_max=most) for one in args.items(flag))
    if len(found) > limits.LABELS_MAX:
        raise UsageError("invalid_argument", argument=f"--{flag}", max=limits.LABELS_MAX)
    return found


def accept(call: Call) -> Answer:
    """Take a task over."""
    require, lease_ms = call.args.need("require"), call.args.count("lease")
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        handoff = names.event(replica, call.args.need("handoff"))
        done = handoffs.accept(
            names.expecting(replica, call.args.text("if_version")),
            handoff,
            session=call.config.session,
            lease_s=lease_ms // 1000,
            require=require,
            key=typed.key(call.args),
        )
        data = answers.transition(done, names.people(replica), replica.space, name="accept")
    data["warnings"] = [work.NOT_SENT] if done.event and data["pending_sync"] else []
    return Answer(data, lambda: work.changed_text(data))


def handoff_text(data: Json) -> Iterator[Block]:
    """Yield what is handed over, by whom and to whom."""
    to = show.person(data["to"]) if data["to"] is not None else ["whoever takes it"]
    name = (show.short(data["record_id"]), "strong")
    state = f"  {data['state']}  {show.short(data['task_id'])}  "
    yield line(name, state, *show.person(data["by"]), " to ", *to)
    yield Body(show.text(data["next"]), indent=2)
    for field in shapes.LISTS:
        for one in show.listed(data[field]):
            yield line(f"  {field}: ", show.text(one))
