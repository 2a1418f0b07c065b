"""Drafts: what a program says of a new task, an edit, a record or a handoff, by name.

Specification: docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from envoy import limits
from envoy.errors import UsageError
from envoy.replica.actions import fields as editing
from envoy.replica.actions import handoffs as handing
from envoy.replica.actions import names, records
from envoy.replica.actions import tasks as acts
from envoy.sdk import given, writing
from envoy.sdk.given import Named, Ref

REVIEWERS = ("human", "read", "write", "admin", "owner")
EVIDENCE, RESULT = "evidence", "result"
LISTS = ("completed", "remaining", "commands", "risks", "questions")


class Gate(TypedDict, total=False):
    """What the completion of a task must meet: approvals, by whom, types of evidence."""

    reviews: int
    review_by: Sequence[str]
    no_self_review: bool
    require_evidence: Sequence[str]


class NewTask(Gate, total=False):
    """The further fields of a new task."""

    body: str
    assignee: str
    priority: int
    labels: Sequence[str]
    due: datetime
    needs: Sequence[Named]
    parent: Named
    key: str


class TaskEdit(Gate, total=False):
    """What is to change about a task; ``due`` None takes the date away."""

    title: str
    body: str
    priority: int
    label: Sequence[str]
    unlabel: Sequence[str]
    due: datetime | None
    needs: Sequence[Named]
    if_version: str
    key: str


class Said(TypedDict, total=False):
    """What a record says beside its text; ``refs`` name events, records and objects."""

    type: str
    fields: Mapping[str, str]
    subject: str
    refs: Sequence[Ref]
    key: str


class Capsule(TypedDict, total=False):
    """What a handoff says beside the next action; ``to`` None: it is for whoever takes it."""

    to: str | None
    completed: Sequence[str]
    remaining: Sequence[str]
    commands: Sequence[str]
    risks: Sequence[str]
    questions: Sequence[str]
    evidence: Sequence[Named]
    key: str


def checked(said: Mapping[str, object], kind: type) -> dict[str, object]:
    """Return what is given for ``kind``, whose annotations are all the names there are."""
    known = kind.__annotations__
    for name in said:
        if name not in known:
            raise given.wrong(name, "unknown", expected=sorted(known))
    return {name: value for name, value in said.items() if value is not None or name == "due"}


def more_of(said: Mapping[str, object], replica: names.Copy) -> acts.More:
    """Return the further fields of a new task."""
    priority, due = said.get("priority"), said.get("due")
    parent = given.find_ident(said.get("parent"), "parent")
    return acts.More(
        labels=tags(said.get("labels", ()), "labels"),
        priority=acts.NORMAL if priority is None else rank(priority),
        due_ms=None if due is None else given.moment(due, "due"),
        needs=needs_of(said.get("needs", ()), replica),
        parent=None
        if parent is None
        else writing.other_task(replica, given.ident(parent, "parent")),
        gate=gate_of(said),
    )


def gate_of(said: Mapping[str, object]) -> tuple[tuple[str, bool | int | tuple[str, ...]], ...]:
    """Return a gate, ascending by field; a field that asks for nothing is none."""
    asked = asked_of(said)
    return acts.gate(
        asked.reviews,
        asked.review_by or (),
        no_self_review=asked.no_self_review or False,
        evidence=asked.evidence or (),
    )


def asked_of(said: Mapping[str, object]) -> editing.Asked:
    """Return what a gate is to ask; None where nothing is said of a field."""
    reviews, by = said.get("reviews"), said.get("review_by")
    own, evidence = said.get("no_self_review"), said.get("require_evidence")
    most = limits.REVIEWS_MAX
    return editing.Asked(
        reviews=None if reviews is None else given.count(reviews, "reviews", least=0, most=most),
        review_by=None if by is None else reviewers(by),
        no_self_review=None if own is None else given.switch(own, "no_self_review"),
        evidence=None if evidence is None else tuple(sorted(tags(evidence, "require_evidence"))),
    )


def reviewers(values: object) -> tuple[str, ...]:
    """Return who has to approve, ascending."""
    found = given.listed(values, "review_by")
    return tuple(sorted({given.choice(one, "review_by", REVIEWERS) for one in found}))


def changes_of(said: Mapping[str, object], replica: names.Copy) -> editing.Changes:
    """Return what is to change about a task."""
    title, body, priority = said.get("title"), said.get("body"), said.get("priority")
    asked, most = asked_of(said), limits.TITLE_BYTES_MAX
    made = editing.Changes(
        title=given.find_line(title, "title", bytes_max=most),
        body=None if body is None else given.text(body, "body"),
        priority=None if priority is None else rank(priority),
        due_ms=due_of(said),
        needs=needs_of(said["needs"], replica) if "needs" in said else None,
        label=tags(said.get("label", ()), "label"),
        unlabel=tags(said.get("unlabel", ()), "unlabel"),
        gate=None if asked == editing.Asked() else asked,
    )
    if made == editing.Changes():
        raise UsageError("missing_required_flag", argument="title")
    return made


def due_of(said: Mapping[str, object]) -> int | None:
    """Return the date of an edit in milliseconds; 0 takes it away, None leaves it."""
    if "due" not in said:
        return None
    return 0 if said["due"] is None else given.moment(said["due"], "due")


def rank(value: object) -> int:
    """Return a priority."""
    return given.count(value, "priority", least=0, most=limits.PRIORITY_MAX)


def tags(values: object, argument: str) -> tuple[str, ...]:
    """Return labels, each once."""
    return given.lines(values, argument, bytes_max=limits.LABEL_BYTES_MAX)


def needs_of(values: object, replica: names.Copy) -> tuple[bytes, ...]:
    """Return tasks that are needed, each once."""
    found = (writing.other_task(replica, one) for one in given.idents(values, "needs"))
    return tuple(dict.fromkeys(found))


def said_of(replica: names.Copy, kind: str, text: str, said: Mapping[str, object]) -> records.Said:
    """Return what a record says; in ``said`` also the task that it is about.

    Evidence without a result is `info`, which claims nothing; without a subject it speaks of the
    first file that it refers to.
    """
    task = given.find_ident(said.get("task"), "task")
    label, line = limits.LABEL_BYTES_MAX, limits.TITLE_BYTES_MAX
    refs = writing.references(replica, given.refs(said.get("refs", ())))
    subject = given.find_line(said.get("subject"), "subject", bytes_max=line)
    fields = writing.fields(said.get("fields", {}))
    if kind == EVIDENCE:
        subject = subject or writing.subject_of(replica, refs)
        fields = fields if RESULT in dict(fields) else (*fields, (RESULT, "info"))
    return records.Said(
        kind=kind,
        text=text,
        type=given.find_line(said.get("type"), "type", bytes_max=label),
        task=None if task is None else writing.other_task(replica, task),
        fields=tuple(sorted(fields, key=lambda one: one[0].encode())),
        subject=subject,
        refs=refs,
    )


def capsule_of(
    replica: names.Copy, next: str, said: Mapping[str, object]
) -> tuple[handing.Capsule, bytes | None]:
    """Return what a handoff says, and the did that it is for."""
    most = limits.HANDOFF_ITEM_BYTES_MAX
    lists = {name: given.lines(said.get(name, ()), name, bytes_max=most) for name in LISTS}
    evidence = writing.events(replica, given.idents(said.get("evidence", ()), "evidence"))
    to = writing.member(replica, given.find_ident(said.get("to"), "to"))
    return handing.Capsule(next, **lists, evidence=evidence), to
