"""Work: say something, and what becomes of tasks. The hot writes.

Loads neither `rich` nor the read side: `send` and `task claim` are typed and scripted all day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from envoy import limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, Span, line
from envoy.cli.write import typed
from envoy.errors import UsageError
from envoy.replica.actions import names, tasks, work
from envoy.views import answers, rows
from envoy.views.names import ASSIGNED, COMPLETED, ENDED, OPEN, UNASSIGNED
from envoy.wiring import config as configs
from envoy.wiring import writes

Json = dict[str, object]
Act = Callable[[names.Copy, bytes], rows.Transition]

NOT_SENT = answers.NOT_SENT
STATE_STYLES = {
    "provisional": "warn",
    "confirmed": "ok",
    "lost": "bad",
    "blocked": "warn",
    "completed": "ok",
}


# -- send ----------------------------------------------------------------------------------------


def send(call: Call) -> Answer:
    """Say something, or make a task of it; with --task-status also set the status of a task."""
    config = speaker(call)
    title = typed.given(call.args, "task")
    check_flags(call)
    if title is not None:
        return send_task(call, config, title)
    if "poll_question" in call.args.given:
        return send_poll(call, config)
    words = typed.body(call.args)
    with writes.open_profile(config) as profile:
        task, named = None, call.args.text("task_id")
        if named is None:
            replica = writes.open_space(profile, call.space())
        else:
            replica, task = names.task(profile, call.space(), named)
        answered = call.args.text("reply_to")
        refs = names.references(
            replica,
            call.args.items("refs"),
            call.args.items("ref"),
            attach=call.args.items("attach"),
        )
        reply_to = None if answered is None else names.event(replica, answered)
        status = call.args.text("task_status")
        if status is not None and task is not None:
            # Done before, it changes nothing: the key is left to the message.
            summary = words if status == COMPLETED else None
            change(call, status, summary, key=None)(replica, task)
        key = typed.key(call.args)
        done = work.send(replica, words, reply_to=reply_to, refs=refs, task=task, key=key)
        data = sent(done, replica.space, refs=refs, task=task)
    return Answer(data, lambda: sent_text(data))


def speaker(call: Call) -> configs.Config:
    """Return the configuration of the profile that speaks."""
    name, config = call.args.text("as"), call.config
    if name is None:
        return config
    if config.origins["profile"] == "flag" and name != config.profile:
        raise UsageError("invalid_argument", argument="--as", cause="--profile")
    return config._replace(profile=configs.profile_name(name, "--as"))


# What a message can have, and neither a task that `send` makes nor a poll.
OF_MESSAGES = (
    *("body", "stdin", "body_file", "task_id", "task_status", "reply_to", "refs", "ref", "attach"),
)


def check_flags(call: Call) -> None:
    """Refuse flags that mean nothing beside each other."""
    given = call.args.given
    status = given.get("task_status")
    sorts = [("task", ("poll_question", "poll_options")), ("poll_question", ("assignee",))]
    for name, others in sorts:
        found = [one for one in (*OF_MESSAGES, *others) if one in given]
        if name in given and found:
            flag = "--" + found[0].replace("_", "-")
            argument = "--" + name.replace("_", "-")
            raise UsageError("invalid_argument", argument=argument, cause=flag)
    if ("poll_question" in given) != ("poll_options" in given):
        missing = "--poll-options" if "poll_question" in given else "--poll-question"
        raise UsageError("missing_required_flag", argument=missing)
    if "task" in given:
        return
    if status is not None and "task_id" not in given:
        raise UsageError("missing_required_flag", argument="--task-id")
    elif "assignee" in given and status != ASSIGNED:
        raise UsageError("invalid_argument", argument="--assignee", cause="--task")


def send_task(call: Call, config: configs.Config, text: str) -> Answer:
    """Make a task, and answer as `send` does."""
    with writes.open_profile(config) as profile:
        replica = writes.open_space(profile, call.space())
        done = made(call, replica, text, title=None)
        assert done.event is not None, "a new task always writes an event"
        said = rows.Sent(done.event, done.n or 0, done.replayed, done.delivery)
        data = sent(said, replica.space, refs=(), task=done.after.id)
    return Answer(data, lambda: sent_text(data))


def send_poll(call: Call, config: configs.Config) -> Answer:
    """Put a poll into the space, and answer as `send` does."""
    question = typed.line(
        call.args.need("poll_question"), "--poll-question", bytes_max=limits.TEXT_BYTES_MAX
    )
    options = [
        typed.line(one.strip(), "--poll-options", bytes_max=limits.TITLE_BYTES_MAX)
        for one in call.args.items("poll_options")
    ]
    least, most = limits.POLL_OPTIONS_MIN, limits.POLL_OPTIONS_MAX
    if not least <= len(options) <= most or len({*options}) < len(options):
        raise UsageError("invalid_argument", argument="--poll-options", least=least, most=most)
    with writes.open_profile(config) as profile:
        replica = writes.open_space(profile, call.space())
        done = work.ask(replica, question, options, key=typed.key(call.args))
        data = sent(done, replica.space, refs=(), task=None)
    return Answer(data, lambda: sent_text(data))


def sent(
    done: rows.Sent, space: rows.Space, *, refs: tuple[names.Reference, ...], task: bytes | None
) -> Json:
    """Return a Send, with the task it is about."""
    return answers.said(done, space, refs=refs, task=task)


def sent_text(data: Json) -> Iterator[Block]:
    """Yield what was said where."""
    again: list[Span] = [("  sent before", "dim")] if data["replayed"] else []
    message, task = show.short(data["message_id"]), show.short(data["task_id"])
    is_task = message.partition("_")[2] == task.partition("_")[2]
    about = "" if is_task or data["task_id"] is None else f" on {task}"
    space = show.label(data["space_name"])
    yield line((task if is_task else message, "strong"), f"{about} in {space}", *again)


# -- tasks ---------------------------------------------------------------------------------------


def created(done: rows.Transition, replica: names.Copy) -> Json:
    """Return a new task, and how far it got."""
    return answers.created(done, names.people(replica), replica.space)


def made(
    call: Call,
    replica: names.Copy,
    text: str,
    *,
    title: str | None,
    more: tasks.More = tasks.PLAIN,
) -> rows.Transition:
    """Make a task of ``text`` for whom the flags say."""
    member = call.args.text("assignee")
    assignee = None if member is None else names.member(replica, member)
    key = typed.key(call.args)
    return tasks.create(replica, text, title=title, assignee=assignee, more=more, key=key)


def created_text(data: Json) -> Iterator[Block]:
    """Yield the new task."""
    holder: list[Span] = []
    if data["assignee_id"] is not None:
        holder = ["for ", *show.by_id(data["assignee_id"], data["assignee_display"]), "  "]
    task = (show.short(data["task_id"]), "strong")
    yield line(task, f"  {data['state']}  ", *holder, str(data["title"]))


def claim(call: Call) -> Answer:
    """Take a task."""
    require, lease_ms = call.args.need("require"), call.args.count("lease")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        return tasks.claim(
            replica,
            task,
            require=require,
            lease_s=lease_ms // 1000,
            session=call.config.session,
            key=typed.key(call.args),
        )

    return changed(call, "claim", act)


def release(call: Call) -> Answer:
    """Give a task back."""
    note, key = typed.given(call.args, "note"), typed.key(call.args)
    return changed(call, "release", lambda to, task: tasks.release(to, task, note=note, key=key))


def assign(call: Call) -> Answer:
    """Give a task to a member."""
    key = typed.key(call.args)
    return changed(call, "assign", change(call, ASSIGNED, None, key=key))


def set_status(call: Call) -> Answer:
    """Set the status of a task by the public words."""
    status, note = call.args.need("status"), typed.given(call.args, "note")
    if "assignee" in call.args.given and status != ASSIGNED:
        raise UsageError("invalid_argument", argument="--assignee", cause=status)
    key = typed.key(call.args)
    return changed(call, "set", change(call, status, note, key=key))


def complete(call: Call) -> Answer:
    """Say that a task is done, and by what events that can be seen."""
    note = typed.given(call.args, "note") or ""
    key, shown = typed.key(call.args), call.args.items("evidence")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        evidence = names.events(replica, shown)
        return tasks.complete(replica, task, summary=note, evidence=evidence, key=key)

    return changed(call, "complete", act)


def change(call: Call, status: str, note: str | None, *, key: str | None) -> Act:
    """Return the act that brings a task to a public ``status``."""
    if status == ASSIGNED:
        member = call.args.need("assignee")
        return lambda to, task: tasks.assign(to, task, names.member(to, member), key=key)
    if status == COMPLETED:
        return lambda to, task: tasks.complete(to, task, summary=note or "", key=key)
    return lambda to, task: tasks.progress(to, task, status, note=note, key=key)


def changed(call: Call, name: str, act: Act) -> Answer:
    """Do ``act`` with the task of the call and answer with what that changed."""
    with writes.open_profile(call.config) as profile:
        replica, task = names.task(profile, call.space(), call.args.need("task_id"))
        replica = names.expecting(replica, call.args.text("if_version"))
        done = act(replica, task)
        data = answers.changed(done, names.people(replica), replica.space, name=name)
    return Answer(data, lambda: changed_text(data))


def changed_text(data: Json) -> Iterator[Block]:
    """Yield where a task stands now, and who has it."""
    state, claimed = show.text(data["lifecycle_state"]), show.text(data["claim_state"])
    words = OPEN if state == UNASSIGNED else state.replace("_", " ")
    spans: list[Span] = [(show.short(data["task_id"]), "strong"), "  "]
    spans.append((words, STATE_STYLES[state]) if state in STATE_STYLES else words)
    if state == "claimed":
        fence = "" if data["fence"] is None else f" #{data['fence']}"
        spans += [", ", (claimed, STATE_STYLES[claimed]), fence]
    if data["assignee_id"] is not None:
        spans += ["  ", *show.by_id(data["assignee_id"], data["assignee_display"])]
    if data["lease_expires_at"] is not None and state not in ENDED:
        until = show.clock(data["lease_expires_at"], now_ms=show.now())
        # Seconds say nothing of a lease; what ends on another day comes without them already.
        spans.append(f"  lease to {until[:5] if until[2] == ':' else until}")
    spans += ["  ", str(data["title"])]
    if not data["changed"]:
        spans.append(("  nothing changed", "dim"))
    yield line(*spans)
