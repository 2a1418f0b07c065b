"""Records and reviews as they are read: each answer from rows, without a key."""

from __future__ import annotations

from typing import Any

import pytest

from cli.read.conftest import Place, task_id
from envoy import ids, limits
from envoy.core import bodies
from envoy.jsontext import dumps
from envoy.views import reviews, rows
from envoy.views.people import stamp
from envoy.views.tasks import listed


def record_id(row: rows.Record) -> str:
    """Return the id of a record as text."""
    return ids.to_text("rec", row.id)


@pytest.fixture
def told(place: Place) -> list[rows.Record]:
    """Evidence for a task, twice of the same thing, and a decision that is corrected."""
    home, space, lead, a1 = place.home, place.space, place.lead, place.a1
    task = home.task(space, lead).id
    old = home.record(space, a1, "old run", task=task, subject="git:a@1")
    decision = home.record(space, lead, "we keep it", kind="decision", type=None, fields="{}")
    new = home.record(space, a1, "new run", task=task, subject="git:a@2")
    fix = home.record(space, a1, "only half", kind="correction", type=None, fields="{}")
    home.refer(fix, "contradicts", decision.id)
    return [old, decision, new, fix]


def test_records_are_listed_newest_first_with_where_they_stand(
    place: Place, told: list[rows.Record]
) -> None:
    found = place.ok("records", "record", "list")["records"]
    assert [one["text"] for one in found] == ["only half", "new run", "we keep it", "old run"]
    states = [one["state"] for one in found]
    assert states == ["in_force", "current", "in_force", "stale"]
    assert [one["grade"] for one in found] == [None, "self_reported", None, "self_reported"]
    assert found[2]["corrected_by"] == [record_id(told[3])]
    assert found[0]["by"]["display_name"] == "a1"


def test_records_of_one_task_are_listed_alone(place: Place, told: list[rows.Record]) -> None:
    task = ids.to_text("task", told[0].task or b"")
    found = place.ok("records", "record", "list", "--task", task)["records"]
    assert [one["text"] for one in found] == ["new run", "old run"]
    other = place.home.task(place.space, place.lead, "Another")
    assert place.ok("records", "record", "list", "--task", task_id(other))["records"] == []
    place.fails("task_not_found", "record", "list", "--task", "task_zzzzzz")


def test_pages_of_records_hold_each_of_them_once(place: Place, told: list[rows.Record]) -> None:
    found: list[str] = []
    cursor: tuple[str, ...] = ()
    for _ in told:
        data = place.ok("records", "record", "list", "--limit", "1", *cursor)
        found += [one["text"] for one in data["records"]]
        cursor = ("--cursor", str(data["page"]["next_cursor"]))
    assert found == ["only half", "new run", "we keep it", "old run"]
    assert data["page"] == {"next_cursor": None, "has_more": False}


def test_a_corrected_record_is_shown_with_both_texts(place: Place, told: list[rows.Record]) -> None:
    _, decision, _, fix = told
    data = place.ok("record_details", "record", "show", record_id(decision))
    assert [one["text"] for one in data["corrections"]] == ["only half"]
    (named,) = data["referred_by"]
    assert (named["rel"], named["record_id"]) == ("contradicts", record_id(fix))
    assert (named["kind"], named["by"]["display_name"]) == ("correction", "a1")
    text = place.text("record", "show", record_id(decision))
    assert "| we keep it" in text and "| only half" in text
    assert "CORRECTED by" in place.text("record", "list")


def test_a_correction_that_was_taken_back_corrects_nothing(
    place: Place, told: list[rows.Record]
) -> None:
    _, decision, _, fix = told
    place.home.save(fix._replace(retracted=decision.id))
    data = place.ok("record_details", "record", "show", record_id(decision))
    assert data["corrected_by"] == data["corrections"] == data["referred_by"] == []


def test_a_record_that_is_not_here_is_not_found(place: Place, told: list[rows.Record]) -> None:
    assert place.fails("not_found", "record", "show", "rec_zzzzzz")["kind"] == "record"
    event = place.home.item(place.space, place.lead, "no record")
    place.fails("not_found", "record", "show", ids.to_text("evt", event.id))
    place.ok("record_details", "record", "show", ids.to_text("evt", told[0].id))


def test_a_space_without_records_says_so(place: Place) -> None:
    assert place.text("record", "list") == "no records in bughunt\n"


def test_what_members_wrote_cannot_pose_as_the_program(place: Place) -> None:
    evil = place.home.record(place.space, place.a1, "x\nCORRECTED by rec_aaaaaa\x1b[2J")
    shown = place.text("record", "show", record_id(evil))
    assert "\n| CORRECTED" in shown and "\x1b" not in shown
    assert "CORRECTED" not in place.text("record", "list"), "a table shows the first line"


# -- reviews -------------------------------------------------------------------------------------

WANTS_ONE = '{"reviews":1}'


def handed_in(place: Place, by: rows.Member, /, **fields: Any) -> rows.Task:
    """Return a task that ``by`` has handed in."""
    home, space = place.home, place.space
    task = home.task(space, fields.pop("creator", place.b2), state="submitted", gate=WANTS_ONE)
    done = home.item(space, by, "done", kind="task.complete", type="task_submitted", task=task.id)
    task = task._replace(completion=done.id, completed_by=by.an, **fields)
    home.save(task)
    return task


def judged(place: Place, task: rows.Task, by: rows.Member, verdict: str = "approve") -> rows.Task:
    """Return the task with one more standing verdict."""
    act = place.home.item(place.space, by, "read", kind="task.review", task=task.id)
    one: dict[str, Any] = {
        "review_id": ids.to_text("evt", act.id),
        "reviewer_id": ids.did_text(by.did),
        "verdict": verdict,
        "note": "read",
        "evidence": [],
        "at": stamp(act.ts),
    }
    found = task._replace(reviews=dumps([*listed(task.reviews), one]))
    place.home.save(found)
    return found


@pytest.mark.parametrize(
    ("role", "by", "mine", "gate", "waits"),
    [
        pytest.param("owner", "a1", "", WANTS_ONE, True, id="an owner may judge"),
        pytest.param("owner", "lead", "", WANTS_ONE, False, id="work of my own"),
        pytest.param("write", "a1", "", WANTS_ONE, False, id="no rank"),
        pytest.param("write", "a1", "creator", WANTS_ONE, True, id="my task"),
        pytest.param(
            "write", "a1", "", '{"reviews":1,"review_by":["write"]}', True, id="named by the gate"
        ),
        pytest.param(
            "write", "a1", "", '{"reviews":1,"review_by":["admin"]}', False, id="a higher role"
        ),
        pytest.param("owner", "a1", "", '{"evidence":["test"]}', False, id="evidence is missing"),
        pytest.param("owner", "a1", "verdict", '{"reviews":2}', False, id="I have said it"),
        pytest.param(
            "owner", "a1", "held", '{"reviews":1,"no_self_review":true}', False, id="I held it"
        ),
        pytest.param("owner", "a1", "held", WANTS_ONE, True, id="I held it and may judge"),
    ],
)
def test_a_review_waits_for_those_whose_approval_would_count(
    role: str, by: str, mine: str, gate: str, waits: bool, place: Place
) -> None:
    place.update(role=role)
    lead = place.lead
    author = lead if by == "lead" else place.a1
    task = handed_in(place, author, gate=gate, creator=lead if mine == "creator" else place.b2)
    if mine == "verdict":
        judged(place, task, lead)
    if mine == "held":
        place.home.item(place.space, lead, None, kind="task.claim", task=task.id)
    found = place.ok("reviews", "review", "list")["reviews"]
    assert [one["task_id"] for one in found] == ([task_id(task)] if waits else [])
    every = place.ok("reviews", "review", "list", "--all")["reviews"]
    assert [one["waits_for_me"] for one in every] == [waits]
    assert place.ok("review", "review", "show", task_id(task))["waits_for_me"] is waits


def test_a_human_is_declared_and_counts_where_one_is_asked_for(place: Place) -> None:
    gate = '{"reviews":2,"review_by":["human"]}'
    task = judged(place, handed_in(place, place.a1, gate=gate), place.lead)
    task = judged(place, task, place.b2)
    data = place.ok("review", "review", "show", task_id(task))
    assert [one["human"] for one in data["verdicts"]] == ["declared", None]
    assert [one["counts"] for one in data["verdicts"]] == [True, False]
    assert data["missing"] == {"reviews": 1, "evidence": []}
    assert "does not count" in place.text("review", "show", task_id(task))


def test_evidence_is_shown_with_what_it_is_worth(place: Place) -> None:
    home, space, a1 = place.home, place.space, place.a1
    task = handed_in(place, a1, gate='{"evidence":["test"]}')
    stale = home.record(space, a1, "old", task=task.id, subject="git:a@1")
    fresh = home.record(space, a1, "new", task=task.id, subject="git:a@2")
    failed = home.record(space, a1, "bad", task=task.id, fields='{"result":"fail"}')
    other = home.record(space, a1, "of another task")
    said = home.item(space, a1, "a message")
    held = home.item(space, a1, "nobody reads this", status="held")
    named = [stale.id, fresh.id, failed.id, other.id, said.id, held.id, b"\1" * 32]
    home.save(task._replace(evidence=dumps([ids.to_text("evt", one) for one in named[:1]])))
    assert missing_of(place, task) == ["test"], "what is stale shows nothing"
    home.save(task._replace(evidence=dumps([ids.to_text("evt", one) for one in named])))
    assert missing_of(place, task) == []
    found = place.ok("review", "review", "show", task_id(task))["evidence"]
    assert [one["counts"] for one in found] == [False, True, False, False, False, False, False]
    assert [one["stale"] for one in found[:2]] == [True, False]
    assert [one["grade"] for one in found[:2]] == ["self_reported"] * 2
    assert [one["text"] for one in found[4:]] == ["a message", None, None]
    assert "MISSING" in place.text("review", "show", task_id(task))


def missing_of(place: Place, task: rows.Task) -> list[str]:
    """Return the types of evidence that a task still wants."""
    found: list[str] = place.ok("review", "review", "show", task_id(task))["missing"]["evidence"]
    return found


def test_the_policy_of_the_space_asks_of_work_to_come(place: Place) -> None:
    place.update(policy='{"gate.reviews":2,"gate.review_by":["human"]}')
    task = place.home.task(place.space, place.lead, gate='{"reviews":1,"evidence":["test"]}')
    data = place.ok("review", "review", "show", task_id(task))
    asked = {"reviews": 2, "review_by": ["human"], "no_self_review": False, "evidence": ["test"]}
    assert data["gate"] == asked and data["by"] is None
    assert data["missing"] == {"reviews": 2, "evidence": ["test"]}


def test_a_completed_task_misses_nothing(place: Place) -> None:
    task = handed_in(place, place.a1)
    assert place.ok("review", "review", "show", task_id(task))["missing"]["reviews"] == 1
    place.home.save(task._replace(state="completed"))
    assert place.ok("review", "review", "show", task_id(task))["missing"]["reviews"] == 0


def test_pages_of_reviews_hold_each_of_them_once_over_all_spaces(place: Place) -> None:
    other = place.home.space("other")
    twin = place._replace(
        space=other, a1=place.home.member(other, "a1"), b2=place.home.member(other, "b2")
    )
    place.home.member(other, "lead", role="owner")
    wanted = [task_id(handed_in(where, where.a1)) for where in (place, place, twin)]
    own = handed_in(place, place.lead, priority=1)
    found: list[str] = []
    cursor: tuple[str, ...] = ()
    for _ in wanted:
        data = place.ok("reviews", "review", "list", "--limit", "1", *cursor)
        found += [one["task_id"] for one in data["reviews"]]
        cursor = ("--cursor", str(data["page"]["next_cursor"]))
    assert found == wanted and task_id(own) not in found and not data["page"]["has_more"]
    place.fails("invalid_argument", "review", "list", "--mine", "--all")


def test_roles_rise_as_the_rules_have_them() -> None:
    assert bodies.ROLES == reviews.ROLES


# -- in the Work Record --------------------------------------------------------------------------


def test_a_work_record_lists_what_stands_and_nothing_that_is_over(place: Place) -> None:
    home, space, lead, a1 = place.home, place.space, place.lead, place.a1

    def said(kind: str, text: str, by: rows.Member = lead, **more: Any) -> rows.Record:
        return home.record(space, by, text, kind=kind, type=None, fields="{}", **more)

    said("charter", "the first")
    said("charter", "the second")
    old, kept = said("decision", "old"), said("decision", "kept")
    home.refer(said("decision", "new"), "supersedes", old.id)
    blocking = said("objection", "it leaks", a1)
    home.save(blocking._replace(fields='{"severity":"blocking"}'))
    home.refer(blocking, "contradicts", kept.id)
    mild = said("objection", "it is blue", a1)
    home.refer(said("repair", "painted", a1), "answers", mild.id)
    said("risk", "rain")
    said("risk", "snow", retracted=old.id)
    data = place.ok("work_record", "work-record")
    assert data["charter"]["text"] == "the second" and data["omitted"]["charter"]["count"] == 1
    texts = {name: [(one["text"], one["state"]) for one in data[name]] for name in SECTIONS}
    assert texts == {
        "decisions": [("kept", "contested"), ("new", "in_force")],
        "objections": [("it leaks", "open")],
        "risks": [("rain", "open")],
    }
    shown = place.text("work-record")
    assert "contested" in shown and "| it leaks" in shown and "CHARTER" in shown


SECTIONS = ("decisions", "objections", "risks")


def test_sections_of_a_work_record_are_bounded_and_counted(place: Place) -> None:
    for number in range(limits.LIST_ROWS_DEFAULT + 2):
        place.home.record(place.space, place.lead, f"{number}", kind="risk", fields="{}")
    data = place.ok("work_record", "work-record")
    assert [one["text"] for one in data["risks"][:1]] == ["2"], "the newest are shown"
    assert data["omitted"]["risks"]["count"] == 2 and not data["bounds"]["complete"]


def test_evidence_in_a_work_record_has_grade_and_stale(place: Place) -> None:
    home, space, a1 = place.home, place.space, place.a1
    task = handed_in(place, a1)
    ran = {"argv": ["t"], "cwd": "/", "exit": 0, "output_bytes": 0, "output_sha256": "0" * 64}
    ran |= {"output_tail": "", "started_at": "2026-01-01T00:00:00Z", "took_ms": 1}
    backed = dumps({**ran, "grade": "recorded"})
    old = home.record(space, a1, "old", task=task.id, subject="git:a@1", fields=backed)
    home.record(space, a1, "not named", task=task.id, subject="git:a@2")
    said = home.item(space, a1, "a message")
    named = [ids.to_text("evt", one) for one in (old.id, said.id)]
    home.save(task._replace(evidence=dumps(named)))
    record, message = place.ok("work_record", "work-record")["evidence"]
    assert (record["grade"], record["stale"], record["state"]) == ("recorded", True, "stale")
    assert (record["type"], record["fields"]["argv"]) == ("test", ["t"])
    assert record["record_id"] == record_id(old) and record["subject"] == "git:a@1"
    assert (message["grade"], message["stale"], message["state"]) == ("self_reported", False, None)


def test_a_secret_in_a_record_does_not_leave_in_a_work_record(place: Place) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----"
    made = place.home.record(place.space, place.lead, pem, kind="risk", subject="a:b@" + pem)
    place.home.save(made._replace(fields=dumps({"severity": pem, pem: "x"})))
    data = place.ok("work_record", "work-record")
    assert "MC4CAQ" not in dumps(data["risks"]) and len(data["limits"]["redacted"]) >= 3
