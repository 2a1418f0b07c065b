"""Tasks: make one with all its fields, change it, end it, open it, take the next one, keep it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Args, Call
from envoy.cli.parse import UNITS_MS, is_digits
from envoy.cli.render import Block, line
from envoy.cli.write import typed, work
from envoy.errors import UsageError
from envoy.replica.actions import fields, hold, names, tasks
from envoy.views import rows
from envoy.views import tasks as shapes
from envoy.views.pages import page, page_json, scope_of
from envoy.views.people import stamp
from envoy.views.space import space_id
from envoy.views.tasks import Around
from envoy.wiring import reads, writes

Json = dict[str, object]

NONE = "none"
REVIEWERS = ("human", "read", "write", "admin", "owner")
# Dates that a double, hence most JSON readers, can hold, and that have four digits for the year.
LATEST_MS = 253_402_300_799_999


def create(call: Call) -> Answer:
    """Make a task."""
    text, title = typed.body(call.args), title_of(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        done = work.made(call, replica, text, title=title, more=more_of(call, replica))
        data = work.created(done, replica)
    return Answer(data, lambda: work.created_text(data))


def title_of(args: Args) -> str | None:
    """Return the title of the flags."""
    title = args.text("title")
    if title is None:
        return None
    return typed.line(title, "--title", bytes_max=limits.TITLE_BYTES_MAX)


def labels_of(args: Args, name: str) -> tuple[str, ...]:
    """Return the labels of one flag, each once."""
    flag = "--" + name.replace("_", "-")
    found = [typed.line(one, flag, bytes_max=limits.LABEL_BYTES_MAX) for one in args.items(name)]
    return tuple(dict.fromkeys(found))


def needs_of(call: Call, replica: names.Copy) -> tuple[bytes, ...]:
    """Return the tasks that the flags name as needed, each once."""
    return tuple(dict.fromkeys(other(replica, one) for one in call.args.items("needs")))


def other(replica: names.Copy, text: str) -> bytes:
    """Return the task of the same space that ``text`` means."""
    return names.task(replica.profile, space_id(replica.space), text)[1]


def more_of(call: Call, replica: names.Copy) -> tasks.More:
    """Return the further fields of a new task."""
    parent, due = call.args.text("parent"), call.args.text("due")
    return tasks.More(
        labels=labels_of(call.args, "label"),
        priority=call.args.count("priority"),
        due_ms=None if due is None else moment(due, now_ms=replica.profile.clock.now_ms()),
        needs=needs_of(call, replica),
        parent=None if parent is None else other(replica, parent),
        gate=gate_of(call.args),
    )


def gate_of(args: Args) -> tuple[tuple[str, bool | int | tuple[str, ...]], ...]:
    """Return the gate of the flags, ascending by field; a field that asks for nothing is none."""
    return tasks.gate(
        args.number("reviews"),
        reviewers_of(args),
        no_self_review=args.switch("no_self_review"),
        evidence=types_of(args),
    )


def reviewers_of(args: Args) -> tuple[str, ...]:
    """Return who has to approve, ascending."""
    found = tuple(sorted({*args.items("review_by")}))
    if "human-present" in found:
        raise UsageError("unsupported_operation", operation="--review-by human-present")
    if not {*found} <= {*REVIEWERS}:
        raise UsageError("invalid_argument", argument="--review-by", expected=list(REVIEWERS))
    return found


def types_of(args: Args) -> tuple[str, ...]:
    """Return the types of evidence that are wanted, ascending."""
    found = args.items("require_evidence")
    most = limits.LABEL_BYTES_MAX
    return tuple(sorted({typed.line(one, "--require-evidence", bytes_max=most) for one in found}))


def moment(text: str, *, now_ms: int) -> int:
    """Return the milliseconds since 1970 that ``--due`` means; 0: none.

    A day (its end, in UTC), a time in RFC 3339, a span from now, or `none`.
    """
    if text == NONE:
        return 0
    if text[-1:] in UNITS_MS and is_digits(text[:-1]):
        found = now_ms + int(text[:-1]) * UNITS_MS[text[-1]]
    else:
        try:
            when = datetime.fromisoformat(text)
        except ValueError as error:
            raise due_error() from error
        if len(text) == len("2026-01-31"):
            when = datetime.combine(when, time(23, 59, 59))
        found = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()) * 1000
    if not 0 < found <= LATEST_MS:
        raise due_error()
    return found


def due_error() -> UsageError:
    """Return the error for a date that is none."""
    return UsageError(
        "invalid_argument", argument="--due", expected=["2026-01-31", "2026-01-31T12:00:00Z", "7d"]
    )


def edit(call: Call) -> Answer:
    """Change the fields of a task."""
    args = call.args
    if not any(name in args.given for name in (*FIELDS, *GATES)):
        flags = ["--" + name for name in FIELDS]
        raise UsageError("missing_required_flag", argument="--title", expected=flags)
    title, body, due = title_of(args), typed.given(args, "body"), args.text("due")
    gate = asked_of(args)

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        now_ms = replica.profile.clock.now_ms()
        changes = fields.Changes(
            title=title,
            body=body,
            priority=args.number("priority"),
            due_ms=None if due is None else moment(due, now_ms=now_ms),
            needs=needs_of(call, replica) if "needs" in args.given else None,
            label=labels_of(args, "label"),
            unlabel=labels_of(args, "unlabel"),
            gate=gate,
        )
        return fields.edit(replica, task, changes, key=typed.key(args))

    return work.changed(call, "edit", act)


FIELDS = ("title", "body", "priority", "label", "unlabel", "due", "needs")
GATES = ("reviews", "review_by", "no_self_review", "self_review", "require_evidence")


def asked_of(args: Args) -> fields.Asked | None:
    """Return what the flags change of the gate of a task, None for nothing."""
    if not any(name in args.given for name in GATES):
        return None
    if args.switch("self_review") and args.switch("no_self_review"):
        raise UsageError("invalid_argument", argument="--self-review", cause="contradicts")
    by, types = reviewers_of(args), types_of(args)
    return fields.Asked(
        reviews=args.number("reviews"),
        review_by=by if "review_by" in args.given else None,
        no_self_review=(
            args.switch("no_self_review")
            if args.switch("self_review") or args.switch("no_self_review")
            else None
        ),
        evidence=types if "require_evidence" in args.given else None,
    )


def cancel(call: Call) -> Answer:
    """Say that a task will not be done."""
    reason, key = reason_of(call.args), typed.key(call.args)

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        return fields.cancel(replica, task, reason=reason, key=key)

    return work.changed(call, "cancel", act)


def reopen(call: Call) -> Answer:
    """Open a task that was completed or cancelled."""
    reason, key = reason_of(call.args), typed.key(call.args)

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        return fields.reopen(replica, task, reason=reason, key=key)

    return work.changed(call, "reopen", act)


def reason_of(args: Args) -> str:
    """Return the reason of the flags, empty without one."""
    reason = args.text("reason")
    if reason is None:
        return ""
    return typed.line(reason, "--reason", bytes_max=limits.TITLE_BYTES_MAX)


def heartbeat(call: Call) -> Answer:
    """Renew the lease of a task; no event."""
    lease_ms = call.args.count("lease")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        return hold.heartbeat(replica, task, lease_s=lease_ms // 1000)

    return work.changed(call, "heartbeat", act)


# -- what is ready -------------------------------------------------------------------------------


def ready(call: Call) -> Answer:
    """List what this profile could take now; with --claim take the first that is won."""
    return take(call) if call.args.switch("claim") else listing(call)


def listing(call: Call) -> Answer:
    """Answer with one page of ready tasks."""
    with reads.open_reader(call.config) as reader:
        space, label = reader.space(call.space()), call.args.text("label")
        scope = scope_of(reader.me.did, "ready", space.id, label or "")
        limit, me = call.args.count("limit"), reader.me_an()
        after = page(scope, limit, call.args.text("cursor"), shape=(int, int, int, bytes)).after
        found = reader.views.ready(space.sn, me, label=label, after=after, limit=limit + 1)
        shown = found[:limit]
        states = reader.views.task_states(space.sn, shapes.needed(shown))
        around = Around(reader.people(space), space.id, states)
        data: Json = {
            "space_id": space_id(space),
            "space_name": space.name,
            "tasks": [shapes.task(row, around) for row in shown],
            "claimed": None,
            "event_id": None,
            "replayed": False,
            "page": page_json(scope, sort_key(shown[-1]) if len(found) > limit else None),
            "freshness": reader.freshness([space]),
            "untrusted_fields": [*shapes.UNTRUSTED_LIST, "*_name"],
        }
    return Answer(data, lambda: ready_text(data))


def sort_key(row: rows.Task) -> tuple[int, int, int, bytes]:
    """Return what a ready task is sorted by; what has no date comes last."""
    return row.priority, limits.INT_MAX if row.due_ms is None else row.due_ms, row.lam, row.id


def take(call: Call) -> Answer:
    """Claim the first ready task that is won."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        done = hold.take(
            replica,
            label=call.args.text("label"),
            limit=call.args.count("limit"),
            session=call.config.session,
            key=typed.key(call.args),
        )
        space = replica.space
        task = shapes.task(done.after, Around(names.people(replica), space.id))
    data: Json = {
        "space_id": space_id(space),
        "space_name": space.name,
        "tasks": [task],
        "claimed": ids.to_text("task", done.after.id),
        "event_id": None if done.event is None else ids.to_text("evt", done.event),
        "replayed": done.replayed,
        "page": page_json("", None),
        "freshness": {"synced_at": stamp(space.synced_ms), "stale": False},
        "untrusted_fields": [*shapes.UNTRUSTED_LIST, "*_name"],
    }
    return Answer(data, lambda: ready_text(data))


def ready_text(data: Json) -> Iterator[Block]:
    """Yield what is ready, or what was taken."""
    found = show.listed(data["tasks"])
    for one in found:
        head = ("claimed  ", "ok") if data["claimed"] else ""
        fence = "" if one["fence"] is None else f"  #{one['fence']}"
        task = (show.short(one["task_id"]), "strong")
        yield line(head, task, f"  {one['priority']}{fence}  ", show.text(one["title"]))
    if not found:
        yield line("nothing ready")
