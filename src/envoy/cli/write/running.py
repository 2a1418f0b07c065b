"""Run: a command, and a record of what came of it. Its exit status is ours."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import records as recorded
from envoy.cli.write import typed
from envoy.cli.write.work import NOT_SENT
from envoy.errors import UsageError
from envoy.replica.actions import hold, names, objects, recall, records, runs
from envoy.views import answers, rows
from envoy.views import records as shapes
from envoy.wiring import objects as streams
from envoy.wiring import running, writes
from envoy.wiring.running import Heart, Kept, Ran

Json = dict[str, object]

NOT_KEPT: Json = {
    "code": "output_not_kept",
    "message": "there was too much output, or no room for it: only its end and digest are recorded",
}
LOST: Json = {
    "code": "lease_lost",
    "message": "the task was not held to the end of the run: look at it before going on",
}


def run(call: Call) -> Answer:
    """Run the command of the call, unless its key says that it ran, and put down what came of it.

    Raises UsageError(missing_required_flag) without a command.
    """
    argv = call.args.items("command")
    if not argv:
        raise UsageError("missing_required_flag", argument="COMMAND", expected=["-- COMMAND"])
    kind = typed.line(call.args.need("type"), "--type", bytes_max=limits.LABEL_BYTES_MAX)
    key, cwd, named = typed.key(call.args), call.args.text("cwd"), call.args.text("task")
    keep = call.args.switch("keep_output")
    with writes.open_profile(call.config) as profile:
        replica, task = place_of(call, profile)
        asked = runs.asked(key, list(map(repr, argv)), kind, cwd, named, keep)
        before = recall.told(replica, asked)
        if before is not None and before.event is not None:
            sent = rows.Sent(before.event, before.n or 0, True, answers.PENDING)
            return answer(replica, sent, [])
        runs.check(replica, "record")
        heart = heart_of(replica, task)
        with running.keeping(call.config, wanted=keep) as kept:
            ran = running.run(call.config, argv, cwd=cwd, kept=kept, heart=heart)
            refs = () if kept is None else saved(call, replica, task, kept)
        done = records.add(replica, said(ran, argv, kind, task=task, refs=refs), call=asked)
        warnings = [LOST] if heart.lost is not None else []
        warnings += [NOT_KEPT] if keep and not refs else []
        return answer(replica, done, warnings)


def place_of(call: Call, profile: names.Opened) -> tuple[names.Copy, bytes | None]:
    """Return the copy of the space that is meant, and the task if one is named."""
    named = call.args.text("task")
    if named is None:
        return writes.open_space(profile, call.space()), None
    return names.task(profile, call.space(), named)


def heart_of(replica: names.Copy, task: bytes | None) -> Heart:
    """Return what keeps the lease of a task alive, if this session holds it."""
    lease_s = None if task is None else runs.lease_of(replica, task)
    if task is None or lease_s is None:
        return Heart(None)
    seconds = lease_s
    return Heart(lambda: hold.heartbeat(replica, task, lease_s=seconds))


def saved(
    call: Call, replica: names.Copy, task: bytes | None, kept: Kept
) -> tuple[tuple[str | None, bytes], ...]:
    """Share the output as an object and return the reference to it; none if it is not whole."""
    if not kept.is_whole:
        return ()
    label = objects.Label("output", "text/plain", task)
    with streams.tools(call.config, "kept") as tools:
        put = objects.put(replica, kept.read(), label, tools=tools)
    return (("produced_by", put.row.id),)


def said(
    ran: Ran,
    argv: tuple[str, ...],
    kind: str,
    *,
    task: bytes | None,
    refs: tuple[tuple[str | None, bytes], ...],
) -> records.Said:
    """Return the record of a run."""
    return records.Said(
        kind="evidence",
        text=running.text(argv),
        type=kind,
        task=task,
        fields=running.fields(ran, argv),
        subject=running.subject(ran, argv),
        refs=refs,
    )


def answer(replica: names.Copy, done: rows.Sent, warnings: list[Json]) -> Answer:
    """Return the record of a run, and with it the exit status of what was run."""
    written = rows.Redacted(done.event, True, done.replayed, done.delivery)
    data = recorded.shown(replica, done.event, written)
    row = replica.profile.rows.record(replica.sn, done.event)
    status = 0 if row is None else shapes.fields(row)["exit"]
    assert isinstance(status, int), "a run records its exit status"
    late = answers.is_pending(done.delivery) and not done.replayed
    data["warnings"] = [*warnings, *([NOT_SENT] if late else [])]
    return Answer(data, lambda: run_text(data), status)


def run_text(data: Json) -> Iterator[Block]:
    """Yield what was recorded, and how it ended."""
    found = {one["name"]: one["value"] for one in show.listed(data["fields"])}
    result = show.text(found["result"])
    again = "  run before" if data["replayed"] else ""
    yield line(
        (show.short(data["record_id"]), "strong"),
        f"  {data['kind']} ",
        show.text(data["type"]),
        "  ",
        (result, "ok" if result == "pass" else "bad"),
        f", exit {found['exit']}  ",
        show.text(data["text"]),
        again,
    )
