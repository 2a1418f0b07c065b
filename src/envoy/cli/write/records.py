"""Records: hand work in, judge what was handed in, add typed records and take them back."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Args, Call
from envoy.cli.render import Block, line
from envoy.cli.write import typed, work
from envoy.errors import UsageError
from envoy.replica.actions import names, records, reviews, tasks
from envoy.views import answers, rows
from envoy.views import records as shapes
from envoy.views.space import space_id
from envoy.wiring import writes

Json = dict[str, object]


def submit(call: Call) -> Answer:
    """Hand the work in for review."""
    note, key = typed.given(call.args, "note") or "", typed.key(call.args)
    shown = call.args.items("evidence")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        evidence = names.events(replica, shown)
        return tasks.complete(
            replica, task, summary=note, evidence=evidence, for_review=True, key=key
        )

    return work.changed(call, "submit", act)


def approve(call: Call) -> Answer:
    """Approve what was handed in."""
    return judged(call, "approve", note=typed.given(call.args, "note"))


def request_changes(call: Call) -> Answer:
    """Ask for changes."""
    return judged(call, "request_changes", note=needed(call))


def reject(call: Call) -> Answer:
    """Reject what was handed in."""
    return judged(call, "reject", note=needed(call))


def needed(call: Call) -> str:
    """Return the note, without which nobody would know what to change."""
    note = typed.given(call.args, "note")
    if not note:
        raise UsageError("missing_required_flag", argument="--note", expected=["--note"])
    return note


def judged(call: Call, verdict: str, *, note: str | None) -> Answer:
    """Give a verdict and answer with what it changed."""
    key, shown = typed.key(call.args), call.args.items("evidence")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        evidence = names.events(replica, shown)
        return reviews.review(replica, task, verdict, note=note, evidence=evidence, key=key)

    return work.changed(call, verdict, act)


# -- typed records -------------------------------------------------------------------------------


def add(call: Call) -> Answer:
    """Add a record."""
    args, key = call.args, typed.key(call.args)
    text = typed.body(args) if {"body", "stdin", "body_file"} & {*args.given} else ""
    with writes.open_profile(call.config) as profile:
        replica, task = writes.open_space(profile, call.space()), args.text("task")
        said = records.Said(
            kind=args.need("kind"),
            text=text,
            type=worded(args, "type", limits.LABEL_BYTES_MAX),
            task=None if task is None else names.task(profile, space_id(replica.space), task)[1],
            fields=fields_of(args),
            subject=worded(args, "subject", limits.TITLE_BYTES_MAX),
            refs=names.references(replica, (), args.items("ref")),
        )
        done = records.add(replica, said, key=key)
        written = rows.Redacted(done.event, True, done.replayed, done.delivery)
        data = shown(replica, done.event, written)
    return Answer(data, lambda: record_text(data))


def retract(call: Call) -> Answer:
    """Take a record back."""
    reason, key = call.args.text("reason"), typed.key(call.args)
    said = typed.line(reason, "--reason", bytes_max=limits.TITLE_BYTES_MAX) if reason else ""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        record = names.event(replica, call.args.need("record"))
        done = records.retract(replica, record, reason=said, key=key)
        data = shown(replica, record, done)
    return Answer(data, lambda: record_text(data))


def worded(args: Args, name: str, bytes_max: int) -> str | None:
    """Return the line of a flag, None where it was not given."""
    text = args.text(name)
    return None if text is None else typed.line(text, "--" + name, bytes_max=bytes_max)


def fields_of(args: Args) -> tuple[tuple[str, str], ...]:
    """Return the fields of the flags, ascending; of one that is given twice the last."""
    found = dict[str, str]()
    for text in args.items("field"):
        name, equals, value = typed.line(
            text, "--field", bytes_max=limits.TITLE_BYTES_MAX
        ).partition("=")
        if not equals or not name:
            raise UsageError("invalid_argument", argument="--field", expected="name=value")
        found[name] = value
    if len(found) > limits.LABELS_MAX:
        raise UsageError("invalid_argument", argument="--field", max=limits.LABELS_MAX)
    return tuple(sorted(found.items(), key=lambda one: one[0].encode()))


def shown(replica: names.Copy, record: bytes, done: rows.Redacted) -> Json:
    """Return a record as it stands now, and how far the act got."""
    space, found = replica.space, records.shown(replica, record)
    return {
        **shapes.record(found, names.people(replica), space=space_id(space)),
        "space_name": space.name,
        "event_id": None if done.event is None else ids.to_text("evt", done.event),
        "changed": done.changed,
        "replayed": done.replayed,
        "relay_delivery": answers.relay_delivery(space, done.delivery),
        "pending_sync": answers.is_pending(done.delivery),
        "untrusted_fields": shapes.UNTRUSTED,
    }


def record_text(data: Json) -> Iterator[Block]:
    """Yield where a record stands."""
    same = "" if data["changed"] else "  nothing changed"
    name = (show.short(data["record_id"]), "strong")
    yield line(name, f"  {data['kind']}, {data['state']}  ", str(data["text"]), same)
