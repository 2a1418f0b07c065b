"""Lines: what an act looks like to readers, and why it is in somebody's inbox."""

from __future__ import annotations

import pytest

from envoy.core import bodies, records
from envoy.core.bodies import Message, Ref, Statement, TaskCreate
from envoy.core.kinds import KINDS
from envoy.core.log import Entry
from envoy.core.objects import ObjectPut, ObjectRetract
from envoy.core.structs import Body, replace
from envoy.state import lines
from envoy.state.lines import Line
from histories import capsule

ME, YOU, TASK, OTHER = (bytes((number,)) * 32 for number in range(4))
KEYS = Statement(b"", bytes(64))
REF = Ref(None, OTHER, None)


def message(*mentions: bytes, task: bytes | None = None) -> Message:
    return Message("text", OTHER, (REF,), (), mentions, task)


def task(title: str | None = "title", assignee: bytes | None = None) -> TaskCreate:
    return TaskCreate(title, "body", (), 2, None, (), None, (REF,), (), assignee)


REVIEW = records.TaskReview(TASK, OTHER, "request_changes", "the keel", (ME,))
RECORD = records.Record("decision", None, TASK, "it is dry", (), None, (Ref("supports", ME, None),))
OBJECT = ObjectPut(OTHER, "crash.log", "text/plain", 1, OTHER, OTHER, (OTHER,), TASK, ME)
HANDOFF = records.TaskHandoff(
    TASK, OTHER, ME, "in_progress", "the mast", ("sanded",), ("paint",), (), ("rain",), (),
    (REF,), records.Frontier(bytes(32), (ME,)),
)  # fmt: skip

LINES = [
    pytest.param(
        message(ME, task=TASK),
        Line("text", OTHER, TASK, None, None, (REF,), (ME,)),
        id="a message with all that it names",
    ),
    pytest.param(
        Message("text", None, (REF,), (TASK, ME), (), None),
        Line("text", refs=(REF, Ref("attach", TASK, None), Ref("attach", ME, None))),
        id="a message and what is attached, in its order",
    ),
    pytest.param(
        task(assignee=YOU), Line("title", target=YOU, refs=(REF,)), id="a task by its title"
    ),
    pytest.param(task(None), Line("body", refs=(REF,)), id="a task without title by its text"),
    pytest.param(
        bodies.TaskProgress(TASK, OTHER, "blocked", "why"),
        Line("why", task=TASK, detail="blocked"),
        id="progress: our word and the member's note",
    ),
    pytest.param(bodies.TaskRelease(TASK, None), Line(None, task=TASK), id="a release"),
    pytest.param(
        capsule(TASK, TASK, ME), Line("go on", task=TASK, target=ME), id="a handoff to somebody"
    ),
    pytest.param(
        bodies.TaskComplete(TASK, OTHER, "", (), False), Line(None, task=TASK), id="a completion"
    ),
    pytest.param(
        bodies.TaskEdit(TASK, "title", "b", None, 7, None, ("x",), (), (), (OTHER,), (), ()),
        Line("title", task=TASK, detail="title,body,due_at,labels,needs"),
        id="an edit: its title, and the names of the fields",
    ),
    pytest.param(
        bodies.TaskEdit(TASK, None, None, 0, None, OTHER, (), (), (), (), (REF,), ()),
        Line(None, task=TASK, detail="priority,parent,refs"),
        id="an edit of what is no text",
    ),
    pytest.param(
        bodies.TaskEdit(TASK, None, "b", None, None, None, (), ("x",), (OTHER,), (), (), (REF,)),
        Line("b", task=TASK, detail="body,labels,needs,refs"),
        id="an edit by its text, and what it adds and takes away",
    ),
    pytest.param(bodies.TaskCancel(TASK, "why"), Line("why", task=TASK), id="a cancellation"),
    pytest.param(bodies.TaskReopen(TASK, ""), Line(None, task=TASK), id="a reopening"),
    pytest.param(bodies.MessageRedact(OTHER, "why"), Line("why", target=OTHER), id="a redaction"),
    pytest.param(bodies.MessageRedact(OTHER, ""), Line(None, target=OTHER), id="for no reason"),
    pytest.param(bodies.TaskCancel(TASK, ""), Line(None, task=TASK), id="cancelled for no reason"),
    pytest.param(bodies.TaskReopen(TASK, "why"), Line("why", task=TASK), id="reopened for one"),
    pytest.param(bodies.Remove(YOU, "why", ()), Line("why", target=YOU), id="removed for a reason"),
    pytest.param(bodies.Revoke(OTHER, ""), Line(None, target=OTHER), id="revoked for no reason"),
    pytest.param(bodies.Admit((OTHER,), ""), Line(None, target=OTHER), id="let in for no reason"),
    pytest.param(bodies.Leave(""), Line(None), id="gone for no reason"),
    pytest.param(bodies.Close("why"), Line("why"), id="the end, and why"),
    pytest.param(
        bodies.TaskComplete(TASK, OTHER, "done", (), False),
        Line("done", task=TASK),
        id="a completion and what was done",
    ),
    pytest.param(bodies.TaskRelease(TASK, "why"), Line("why", task=TASK), id="a release and why"),
    pytest.param(ObjectRetract(OTHER, ""), Line(None, target=OTHER), id="a file, for no reason"),
    pytest.param(
        records.RecordRetract(OTHER, ""), Line(None, target=OTHER), id="a record, for no reason"
    ),
    pytest.param(bodies.TaskAssign(TASK, YOU), Line(task=TASK, target=YOU), id="an assignment"),
    pytest.param(
        bodies.TaskClaim(TASK, "default", 900, bytes(32), None), Line(task=TASK), id="a claim"
    ),
    pytest.param(bodies.Join("ada", KEYS, bytes(32), bytes(64)), Line("ada"), id="a join"),
    pytest.param(
        bodies.Grant(YOU, "admin", None, None, None, None),
        Line(target=YOU, detail="admin"),
        id="a grant",
    ),
    pytest.param(bodies.Remove(YOU, "", ()), Line(None, target=YOU), id="a removal"),
    pytest.param(bodies.Revoke(OTHER, "why"), Line("why", target=OTHER), id="a revocation"),
    pytest.param(bodies.Admit((OTHER, ME), "why"), Line("why", target=OTHER), id="an admission"),
    pytest.param(bodies.SpaceUpdate(None, "text"), Line("text"), id="a new description"),
    pytest.param(bodies.Close(""), Line(None), id="the end"),
    pytest.param(bodies.Role(YOU, "read"), Line(target=YOU, detail="read"), id="a role"),
    pytest.param(
        bodies.Delegate(YOU, "write", TASK, 0, None, None),
        Line(target=YOU, task=TASK, detail="write"),
        id="a delegation of one task",
    ),
    pytest.param(bodies.Leave("why"), Line("why"), id="who leaves says why"),
    pytest.param(bodies.HubPin(2, OTHER, None), Line(target=OTHER), id="another hub"),
    pytest.param(bodies.SpaceRules(3), Line(detail="3"), id="newer rules"),
    pytest.param(bodies.SpacePolicy(()), Line(detail="policy"), id="a policy"),
    pytest.param(bodies.SpaceUpdate("name", "text"), Line("name"), id="a new name"),
    pytest.param(
        records.Poll("grey?", ("yes", "no")), Line("grey?\n- yes\n- no"), id="a poll, as text"
    ),
    pytest.param(
        records.TaskGate(TASK, (("reviews", 1),)), Line(task=TASK, detail="gate"), id="a gate"
    ),
    pytest.param(
        HANDOFF, Line("the mast", task=TASK, target=ME, refs=(REF,)), id="a handoff with evidence"
    ),
    pytest.param(
        records.RecordRetract(OTHER, "why"), Line("why", target=OTHER), id="a record taken back"
    ),
    pytest.param(
        records.ConflictResolve(OTHER, ME, "so"),
        Line("so", target=OTHER, detail="conflict"),
        id="a conflict that is settled",
    ),
    pytest.param(OBJECT, Line("crash.log", task=TASK, detail="object"), id="a file"),
    pytest.param(ObjectRetract(OTHER, "why"), Line("why", target=OTHER), id="a file taken back"),
    pytest.param(REVIEW, Line("the keel", task=TASK, detail="request_changes"), id="a verdict"),
    pytest.param(
        RECORD, Line("it is dry", task=TASK, detail="decision", refs=RECORD.refs), id="a record"
    ),
    *(
        pytest.param(
            replace(RECORD, kind=kind),
            Line("it is dry", task=TASK, detail=kind, refs=RECORD.refs),
            id=f"a record: {kind}",
        )
        for kind in (
            "approval",
            "charter",
            "correction",
            "decision",
            "evidence",
            "handoff",
            "objection",
            "repair",
            "risk",
        )
    ),
    pytest.param(
        replace(RECORD, kind="saga", text=""),
        Line(None, task=TASK, detail="record", refs=RECORD.refs),
        id="a record of a kind that is not ours: our word, not the member's",
    ),
]


@pytest.mark.parametrize(("body", "line"), LINES)
def test_an_act_is_one_line(body: Body, line: Line) -> None:
    assert lines.line(body) == line


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(bodies.Merge(None), id="a merge"),
        pytest.param(bodies.MemberKeys(KEYS), id="keys"),
        pytest.param(bodies.KeyRequest((OTHER,)), id="a request for keys"),
        pytest.param(bodies.Card("a", "agent", "1", None, ()), id="a card"),
        pytest.param(bodies.EpochCreate(1, bytes(16), bytes(32), ()), id="an epoch"),
    ],
)
def test_some_acts_have_no_line(body: Body) -> None:
    assert lines.line(body) is None


# As programs that read the stream know them: added, never renamed.
TYPES = {
    "genesis": "room_created",
    "grant": "capability_granted",
    "role": "capability_granted",
    "join": "member_joined",
    "delegate": "capability_granted",
    "invite": "invite_created",
    "remove": "member_left",
    "revoke": "capability_revoked",
    "leave": "member_left",
    "admit": "event_admitted",
    "close": "space_closed",
    "epoch.create": "epoch_bumped",
    "hub.pin": "space_updated",
    "space.rules": "space_updated",
    "card": "agent_card_published",
    "space.update": "space_updated",
    "space.policy": "space_updated",
    "message": "new_message",
    "message.redact": "message_changed",
    "poll": "new_message",
    "task.create": "task_created",
    "task.assign": "task_assigned",
    "task.claim": "task_claimed",
    "task.release": "task_released",
    "task.progress": "task_progress",
    "task.complete": "task_completed",
    "task.edit": "task_edited",
    "task.cancel": "task_cancelled",
    "task.reopen": "task_reopened",
    "task.gate": "task_edited",
    "task.handoff": "handoff_created",
    "task.review": "review_recorded",
    "record": "record_added",
    "record.retract": "record_retracted",
    "conflict.resolve": "conflict_resolved",
    "object.put": "object_added",
    "object.retract": "object_retracted",
}


def test_every_kind_shows_itself_by_its_type_or_is_plumbing() -> None:
    assert lines.TYPES == TYPES
    assert {"epoch_bumped", "capability_revoked"} == lines.RE_READ
    assert (Message, records.Poll) == lines.SAID
    silent = {"merge", "member.keys", "key.request", "object.request"}
    assert lines.TYPES.keys() == KINDS.keys() - silent


def told(kind: str, *, entity: bytes | None = None) -> Entry:
    """Return an event as the log knows it; its id is OTHER."""
    return Entry(
        *(1, OTHER, kind, 1, ME, 1, ME, 1, 1, 1, ME, b"", None),
        *(entity, None, "ok", None, None, None, b"", b""),
    )


@pytest.mark.parametrize(
    ("kind", "line", "about"),
    [
        pytest.param("task.claim", Line(task=YOU), TASK, id="a task"),
        pytest.param("task.assign", Line(task=YOU, target=ME), TASK, id="a task, not its holder"),
        pytest.param("invite", Line(), OTHER, id="an invite by its own id"),
        pytest.param("grant", Line(target=ME), OTHER, id="a grant by its own id"),
        pytest.param("delegate", Line(target=ME), OTHER, id="a delegation by its own id"),
        pytest.param("role", Line(target=ME), OTHER, id="a role by its own id"),
        pytest.param("object.put", Line(task=ME), OTHER, id="a file by its own id"),
        pytest.param("record", Line(task=ME), OTHER, id="a record by its own id"),
        pytest.param("remove", Line(target=ME), ME, id="who is removed"),
        pytest.param("message", Line(task=YOU), YOU, id="the task of a message"),
        pytest.param("message.redact", Line(target=ME, task=YOU), ME, id="the target comes first"),
        pytest.param("message", Line("text"), None, id="nothing"),
        pytest.param("merge", None, None, id="what has no line"),
    ],
)
def test_what_an_act_is_about_in_the_stream(
    kind: str, line: Line | None, about: bytes | None
) -> None:
    assert lines.subject(told(kind, entity=TASK), line) == about


WORDS = [
    pytest.param(message(), "text", id="a message"),
    pytest.param(task(), "title\nbody", id="title and text of a task"),
    pytest.param(task(None), "body", id="the text of a task"),
    pytest.param(bodies.TaskProgress(TASK, OTHER, "blocked", "why"), "why", id="a note"),
    pytest.param(bodies.TaskRelease(TASK, None), "", id="no note"),
    pytest.param(
        replace(capsule(TASK, TASK, ME), risks=("rain",), completed=("sanded",)),
        "go on\nsanded\nrain",
        id="what a handoff says",
    ),
    pytest.param(bodies.TaskComplete(TASK, OTHER, "done", (), False), "done", id="a summary"),
    pytest.param(bodies.Join("ada", KEYS, bytes(32), bytes(64)), "", id="not a name"),
    pytest.param(bodies.Remove(YOU, "why", ()), "", id="not a reason"),
    pytest.param(records.Poll("grey?", ("yes", "no")), "grey?\n- yes\n- no", id="a poll"),
    pytest.param(REVIEW, "the keel", id="what a verdict says"),
    pytest.param(replace(REVIEW, note=None), "", id="a verdict that says nothing"),
    pytest.param(RECORD, "it is dry", id="what a record says"),
    pytest.param(OBJECT, "crash.log", id="the name of an object"),
    pytest.param(HANDOFF, "the mast\nsanded\npaint\nrain", id="what is handed over"),
]


@pytest.mark.parametrize(("body", "words"), WORDS)
def test_what_somebody_wrote_to_say_is_searched(body: Body, words: str) -> None:
    assert lines.words(body) == words


LINKS = [
    pytest.param(
        Message("text", OTHER, (REF, Ref("supports", ME, None)), (TASK,), (), None),
        (("ref", OTHER), ("supports", ME), ("attach", TASK)),
        id="a message: references and what is attached",
    ),
    pytest.param(task(), (("ref", OTHER),), id="a task"),
    pytest.param(RECORD, (("supports", ME),), id="a record"),
    pytest.param(
        bodies.TaskEdit(TASK, None, None, None, None, None, (), (), (), (), (REF,), ()),
        (("ref", OTHER),),
        id="an edit: what it adds",
    ),
    pytest.param(
        bodies.TaskProgress(TASK, OTHER, "blocked", None), (("tenure", OTHER),), id="progress"
    ),
    pytest.param(
        bodies.TaskComplete(TASK, OTHER, "", (ME,), False),
        (("tenure", OTHER), ("evidence", ME)),
        id="a completion: by which tenure and evidence",
    ),
    pytest.param(REVIEW, (("reviews", OTHER), ("evidence", ME)), id="a verdict on a completion"),
    pytest.param(
        records.ConflictResolve(TASK, OTHER, None), (("resolves", OTHER),), id="a resolution"
    ),
    pytest.param(HANDOFF, (("tenure", OTHER), ("evidence", OTHER)), id="a handoff"),
    pytest.param(
        bodies.TaskClaim(TASK, "default", 900, bytes(32), OTHER),
        (("accepts", OTHER),),
        id="a claim by a handoff",
    ),
    pytest.param(
        bodies.TaskClaim(TASK, "default", 900, bytes(32), None), (), id="a claim by nothing"
    ),
    pytest.param(OBJECT, (("supersedes", ME),), id="an object in the place of another"),
    pytest.param(replace(OBJECT, supersedes=None), (), id="an object"),
    pytest.param(bodies.Close(""), (), id="the end"),
]


@pytest.mark.parametrize(("body", "links"), LINKS)
def test_what_an_act_names_beside_its_task_is_a_link(
    body: Body, links: tuple[tuple[str, bytes], ...]
) -> None:
    assert lines.links(body) == links


INBOX = [
    pytest.param(records.Poll("grey?", ("yes", "no")), None, "message", id="a poll"),
    pytest.param(HANDOFF, YOU, "handoff", id="a task handed to me"),
    pytest.param(replace(HANDOFF, to=YOU), ME, "message", id="my task handed to another"),
    pytest.param(replace(HANDOFF, to=None), YOU, None, id="another's task handed over"),
    pytest.param(message(), None, "message", id="a message"),
    pytest.param(message(YOU, ME), None, "mention", id="a message that addresses me"),
    pytest.param(task(), None, "message", id="a new task"),
    pytest.param(task(assignee=ME), None, "assigned", id="a new task for me"),
    pytest.param(bodies.TaskAssign(TASK, ME), None, "assigned", id="a task given to me"),
    pytest.param(bodies.TaskAssign(TASK, YOU), ME, None, id="a task given to another"),
    pytest.param(
        bodies.TaskComplete(TASK, OTHER, "", (), False), ME, "message", id="my task is done"
    ),
    pytest.param(
        bodies.TaskComplete(TASK, OTHER, "", (), False), YOU, None, id="another's task is done"
    ),
    pytest.param(bodies.TaskRelease(TASK, None), ME, "message", id="my task comes back"),
    pytest.param(capsule(TASK, TASK, ME), None, "handoff", id="handed over to me"),
    pytest.param(capsule(TASK, TASK, None), ME, "message", id="my task is handed on"),
    pytest.param(capsule(TASK, TASK, None), None, None, id="handed to others"),
    pytest.param(
        bodies.TaskClaim(TASK, "default", 900, bytes(32), None), ME, None, id="a claim of my task"
    ),
    pytest.param(bodies.Role(ME, "read"), None, "authority", id="my role"),
    pytest.param(bodies.Role(YOU, "read"), None, None, id="another's role"),
    pytest.param(bodies.Remove(ME, "", ()), None, "authority", id="my removal"),
    pytest.param(bodies.Delegate(ME, "write", None, 0, None, None), None, "authority", id="to me"),
    pytest.param(
        bodies.Join("ada", KEYS, bytes(32), bytes(64)), None, "authority", id="somebody comes"
    ),
    pytest.param(bodies.Leave(""), None, "authority", id="somebody goes"),
    pytest.param(bodies.Close(""), None, "authority", id="the end"),
    pytest.param(bodies.SpaceUpdate("name", None), None, None, id="a new name"),
]


@pytest.mark.parametrize(("body", "creator", "reason"), INBOX)
def test_why_an_act_of_another_is_in_my_inbox(
    body: Body, creator: bytes | None, reason: str | None
) -> None:
    kind = next(name for name, row in KINDS.items() if row.body is type(body))
    assert lines.inbox_reason(kind, body, me=ME, creator=creator) == reason


def test_an_edit_is_searched_by_its_texts_and_told_to_who_holds_the_task() -> None:
    edit = bodies.TaskEdit(TASK, "title", "body", None, None, None, (), (), (), (), (), ())
    assert lines.words(edit) == "title\nbody"
    told = [
        lines.inbox_reason("", body, me=ME, creator=creator, holder=holder)
        for body in (edit, bodies.TaskCancel(TASK, ""), bodies.TaskReopen(TASK, ""))
        for creator, holder in ((YOU, ME), (ME, YOU), (YOU, None))
    ]
    assert told == ["message", None, None, *["message", "message", None] * 2]


def test_a_gate_and_a_verdict_are_told_to_who_holds_the_task() -> None:
    gate = records.TaskGate(TASK, (("reviews", 1),))
    for body, reason in ((gate, "message"), (REVIEW, "verdict")):
        told = [
            lines.inbox_reason("", body, me=ME, creator=creator, holder=holder)
            for creator, holder in ((YOU, ME), (ME, YOU), (YOU, None))
        ]
        assert told == [reason, None, None]
