"""Writing: the tools that act, each by one action of ``replica.actions``, as every face does.

A tool checks the form of what it was given, opens the one profile, calls the action and says what
it changed. Whether the profile may do it is decided where it is decided for everybody.

Law: no tool gives, takes or changes authority; a key makes an act of many calls.

Specification: docs/spec/mcp.md, Tools.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy import ids, limits
from envoy.errors import UsageError
from envoy.mcp.arguments import Given, missing
from envoy.mcp.session import Session
from envoy.mcp.table import HANDOFF, Json
from envoy.replica.actions import handoffs, hold, local, names, records, reviews, tasks, work
from envoy.views import answers, rows
from envoy.views import handoffs as capsules
from envoy.views import records as shapes
from envoy.views.names import BLOCKED, IN_PROGRESS
from envoy.views.space import space_id

REVIEWERS = ("human", "read", "write", "admin", "owner")
PRIORITY_DEFAULT = tasks.PLAIN.priority
CONFIRMED = "confirmed"
ANY = "any"
# Of a record, what is no field of its own.
OF_RECORDS = ("text", "type", "subject")
Act = Callable[[names.Copy, bytes], rows.Transition]


# -- talk --------------------------------------------------------------------------------------


def inbox_ack(session: Session, given: Given) -> tuple[str, Json]:
    """Move the inbox cursor of a space."""
    with session.writing() as profile:
        replica = writable(session, profile, given)
        done = local.ack(replica, given.count("up_to_cursor"))
        data = {**answers.acked(done, replica.space), "replayed": done.replayed, "warnings": []}
    return "inbox_ack", data


def writable(session: Session, profile: names.Opened, given: Given) -> names.Copy:
    """Return the copy of the space of a call."""
    return session.copy(profile, given.text("space"))


def message_send(session: Session, given: Given) -> tuple[str, Json]:
    """Say something in a space."""
    words, key, answered = given.said("body"), given.key(), given.text("reply_to")
    if not words:
        raise UsageError("invalid_argument", argument="body", cause="empty")
    with session.writing() as profile:
        replica = writable(session, profile, given)
        refs = references(replica, given)
        reply_to = None if answered is None else names.event(replica, answered)
        done = work.send(replica, words, reply_to=reply_to, refs=refs, key=key)
        return "send", answers.said(done, replica.space, refs=refs, task=None)


def references(replica: names.Copy, given: Given) -> tuple[names.Reference, ...]:
    """Return what a call refers to: ``refs`` as ID or REL:ID, ``attach`` objects."""
    texts = given.items("refs")
    return names.references(
        replica,
        [one for one in texts if ":" not in one],
        [one for one in texts if ":" in one],
        attach=given.items("attach"),
    )


# -- tasks -------------------------------------------------------------------------------------


def task_create(session: Session, given: Given) -> tuple[str, Json]:
    """Make a task; without a body its title is all there is to say."""
    title, key = given.line("title", limits.TITLE_BYTES_MAX), given.key()
    labels, gate = given.lines("labels", limits.LABEL_BYTES_MAX), gate_of(given.group("gate"))
    body, member, priority = given.said("body"), given.text("assignee"), given.number("priority")
    with session.writing() as profile:
        replica = writable(session, profile, given)
        assignee = None if member is None else names.member(replica, member)
        within = space_id(replica.space)
        needs = [names.task(profile, within, one)[1] for one in given.items("needs")]
        more = tasks.More(
            labels=labels,
            priority=PRIORITY_DEFAULT if priority is None else priority,
            needs=tuple(dict.fromkeys(needs)),
            gate=gate,
        )
        done = tasks.create(
            replica, body or title or "", title=title, assignee=assignee, more=more, key=key
        )
        return "task", answers.created(done, names.people(replica), replica.space)


def gate_of(given: Given | None) -> tuple[tuple[str, bool | int | tuple[str, ...]], ...]:
    """Return a gate, ascending by field; a field that asks for nothing is none."""
    if given is None:
        return ()
    by = tuple(sorted({*given.items("review_by")}))
    if not {*by} <= {*REVIEWERS}:
        raise UsageError("invalid_argument", argument="gate.review_by", expected=list(REVIEWERS))
    return tasks.gate(
        given.number("reviews"),
        by,
        no_self_review=given.switch("no_self_review"),
        evidence=tuple(sorted(given.lines("evidence", limits.LABEL_BYTES_MAX))),
    )


def task_claim(session: Session, given: Given) -> tuple[str, Json]:
    """Take a task, the first ready one, or what somebody handed over."""
    named, handoff, ready = given.text("task"), given.text(HANDOFF), given.switch("ready")
    given_ways = [one for one in (named, handoff, ready or None) if one is not None]
    if len(given_ways) != 1:
        error = UsageError if given_ways else None
        raise (
            missing("task")
            if error is None
            else error("invalid_argument", argument="task", cause="several_ways", expected="one of")
        )
    with session.writing() as profile:
        if named is not None:
            replica, task = session.task(profile, given.text("space"), named)
            done = claimed(session, replica, task, given)
        else:
            replica = writable(session, profile, given)
            done = (
                taken(session, replica, given)
                if handoff is None
                else accepted(session, replica, handoff, given)
            )
        name = "claim" if handoff is None else "accept"
        return "transition", answers.changed(done, names.people(replica), replica.space, name=name)


def claimed(session: Session, replica: names.Copy, task: bytes, given: Given) -> rows.Transition:
    """Take one task."""
    return tasks.claim(
        replica,
        task,
        require=given.text("require") or ANY,
        lease_s=lease_of(given),
        session=session.config.session,
    )


def accepted(session: Session, replica: names.Copy, handoff: str, given: Given) -> rows.Transition:
    """Take over what somebody handed over."""
    return handoffs.accept(
        replica,
        names.event(replica, handoff),
        session=session.config.session,
        lease_s=lease_of(given),
        require=given.text("require") or ANY,
    )


def taken(session: Session, replica: names.Copy, given: Given) -> rows.Transition:
    """Take the first ready task that is won: the hub confirms it, for as long as it does for all.

    Raises UsageError(invalid_argument) where another lease is asked for.
    """
    if given.number("lease") not in (None, limits.LEASE_SECONDS_DEFAULT):
        raise UsageError("invalid_argument", argument="lease", cause="ready")
    limit = limits.MCP_ROWS_DEFAULT
    return hold.take(replica, label=None, limit=limit, session=session.config.session)


def lease_of(given: Given) -> int:
    """Return for how many seconds a task is to be mine without a sign of life."""
    return given.number("lease") or limits.LEASE_SECONDS_DEFAULT


def task_update(session: Session, given: Given) -> tuple[str, Json]:
    """Tell how a held task goes on, or give it back."""
    action, note, key = given.need("action"), given.said("note"), given.key()
    if action == "heartbeat" and note is not None:
        raise UsageError("invalid_argument", argument="note", cause="heartbeat")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        match action:
            case "heartbeat":
                return hold.heartbeat(replica, task, lease_s=limits.LEASE_SECONDS_DEFAULT)
            case "release":
                return tasks.release(replica, task, note=note, key=key)
        status = BLOCKED if action == "blocked" else IN_PROGRESS
        return tasks.progress(replica, task, status, note=note, key=key)

    name = {"progress": "set", "blocked": "set"}.get(action, action)
    return changed(session, given, name, act)


def task_complete(session: Session, given: Given) -> tuple[str, Json]:
    """Hand a task in."""
    summary, key, shown = given.said("summary") or "", given.key(), given.items("evidence")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        evidence = names.events(replica, shown)
        return tasks.complete(replica, task, summary=summary, evidence=evidence, key=key)

    return changed(session, given, "complete", act)


def task_review(session: Session, given: Given) -> tuple[str, Json]:
    """Judge what was handed in."""
    verdict, note, key = given.need("verdict"), given.said("note"), given.key()
    if not note:
        raise missing("note")

    def act(replica: names.Copy, task: bytes) -> rows.Transition:
        return reviews.review(replica, task, verdict, note=note, key=key)

    return changed(session, given, verdict, act)


def changed(session: Session, given: Given, name: str, act: Act) -> tuple[str, Json]:
    """Do ``act`` with the task of a call and return what that changed."""
    with session.writing() as profile:
        replica, task = session.task(profile, given.text("space"), given.need("task"))
        done = act(replica, task)
        return "transition", answers.changed(done, names.people(replica), replica.space, name=name)


# -- records -----------------------------------------------------------------------------------


def record_add(session: Session, given: Given) -> tuple[str, Json]:
    """Add a typed record; of kind handoff, pass a held task on."""
    if given.need("kind") == HANDOFF:
        return handed_over(session, given)
    key, fields = given.key(), fields_of(given)
    text, sort, subject = (fields.pop(name, None) for name in OF_RECORDS)
    task = given.text("task")
    with session.writing() as profile:
        replica = writable(session, profile, given)
        within = space_id(replica.space)
        said = records.Said(
            kind=given.need("kind"),
            text=names.typed_text(text or "", "fields.text"),
            type=None if sort is None else typed(sort, "type", limits.LABEL_BYTES_MAX),
            task=None if task is None else names.task(profile, within, task)[1],
            fields=tuple(sorted(fields.items(), key=lambda one: one[0].encode())),
            subject=None if subject is None else typed(subject, "subject", limits.TITLE_BYTES_MAX),
            refs=references(replica, given),
        )
        done = records.add(replica, said, key=key)
        return "record", recorded(replica, done)


def typed(value: str, name: str, bytes_max: int) -> str:
    """Return a field of a record as it is signed."""
    return names.typed_line(value, f"fields.{name}", bytes_max=bytes_max)


def fields_of(given: Given) -> dict[str, str]:
    """Return the fields of a record: texts, or numbers and truths as texts.

    Raises UsageError(invalid_argument).
    """
    values, found = given.values["fields"], dict[str, str]()
    assert isinstance(values, dict)
    if len(values) > limits.LABELS_MAX:
        raise UsageError("invalid_argument", argument="fields", max=limits.LABELS_MAX)
    for name, value in values.items():
        if not name or len(name.encode("utf-8", "replace")) > limits.OPEN_KEY_BYTES_MAX:
            raise UsageError("invalid_argument", argument="fields", cause="name")
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str | int):
            raise UsageError("invalid_argument", argument="fields", expected="texts")
        most, plain = limits.TITLE_BYTES_MAX, str(value)
        label = names.typed_line(name, "fields", bytes_max=limits.OPEN_KEY_BYTES_MAX)
        is_text = label == "text"
        found[label] = plain if is_text else names.typed_line(plain, "fields", bytes_max=most)
    return found


def recorded(replica: names.Copy, done: rows.Sent) -> Json:
    """Return a record as it stands now, and how far it got."""
    space, shown = replica.space, records.shown(replica, done.event)
    return {
        **shapes.record(shown, names.people(replica), space=space_id(space)),
        "space_name": space.name,
        "event_id": ids.to_text("evt", done.event),
        "changed": True,
        "replayed": done.replayed,
        "relay_delivery": answers.relay_delivery(space, done.delivery),
        "pending_sync": answers.is_pending(done.delivery),
        "untrusted_fields": shapes.UNTRUSTED,
    }


def handed_over(session: Session, given: Given) -> tuple[str, Json]:
    """Pass a held task on: the record that its next holder countersigns."""
    key, said = given.key(), given.values["fields"]
    assert isinstance(said, dict)
    known = ("next", "to", "evidence", *capsules.LISTS)
    if not {*said} <= {*known}:
        raise UsageError("invalid_argument", argument="fields", expected=list(known))
    following, to = said.get("next"), said.get("to")
    if not isinstance(following, str) or not following:
        raise missing("fields.next")
    if not isinstance(to, str | None):
        raise UsageError("invalid_argument", argument="fields.to", expected="string")
    lists = {name: lines_of(said, name) for name in capsules.LISTS}
    with session.writing() as profile:
        replica, task = session.task(profile, given.text("space"), given.need("task"))
        taker = None if to is None else names.member(replica, to)
        evidence = names.events(replica, lines_of(said, "evidence"))
        words = names.typed_text(following, "fields.next")
        capsule = handoffs.Capsule(words, **lists, evidence=evidence)
        done = handoffs.create(replica, task, capsule, to=taker, key=key)
        return HANDOFF, passed(replica, done)


def lines_of(said: Json, name: str) -> tuple[str, ...]:
    """Return a list of a capsule. Raises UsageError(invalid_argument)."""
    found, path = said.get(name, []), f"fields.{name}"
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list) or len(found) > limits.LABELS_MAX:
        raise UsageError("invalid_argument", argument=path, max=limits.LABELS_MAX)
    texts = [one for one in found if isinstance(one, str)]
    if len(texts) < len(found):
        raise UsageError("invalid_argument", argument=path, expected="array of strings")
    most = limits.HANDOFF_ITEM_BYTES_MAX
    return tuple(names.typed_line(one, path, bytes_max=most) for one in texts)


def passed(replica: names.Copy, done: rows.Transition) -> Json:
    """Return the capsule of a handoff, and how far it got."""
    assert done.event is not None, "a handoff always writes an event"
    row, space = handoffs.known(replica, done.event), replica.space
    name, within = ids.to_text("rec", row.id), space_id(space)
    return {
        **capsules.handoff(row, names.people(replica), space=within),
        "space_name": space.name,
        "event_id": ids.to_text("evt", done.event),
        "changed": done.changed,
        "replayed": done.replayed,
        "relay_delivery": answers.relay_delivery(space, done.delivery),
        "pending_sync": answers.is_pending(done.delivery),
        "next_commands": [f"envoy handoff accept {name} --space {within}"],
        "untrusted_fields": capsules.UNTRUSTED,
    }
