"""Every tool: it answers what the command line answers, by the same schema, and fails like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import schemas
from console import Console
from envoy import limits
from envoy.mcp import fence
from mcpplay import Json, Player, outside, player, team

VARIES = ("synced_at", "generated_at", "freshness")


class Place(NamedTuple):
    """A space with a lead and an agent who has done something, and a session of the agent."""

    console: Console
    space: str
    a1: Player
    lead: Player
    task: str

    def cli(self, *words: str) -> Json:
        """Return what the command line answers the agent."""
        return self.console.ok("--profile", "a1", *words)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return one place for the tests that only look."""
    yield from made(tmp_path_factory.mktemp("looked"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Place]:
    """Return a place of its own."""
    yield from made(tmp_path)


def made(root: Path) -> Iterator[Place]:
    console, space = team(root, "lead", "a1")
    with player(console, "a1") as a1, player(console, "lead") as lead:
        lead.call("message_send", body="welcome\nto all")
        task = lead.call("task_create", title="Fix it", body="It crashes", labels=["bug"])
        name = task["task_id"]
        said = a1.call("message_send", body="on it", reply_to=first_message(a1))
        a1.call("task_claim", task=name)
        proof = a1.call(
            "record_add",
            kind="evidence",
            fields={"type": "test", "text": "passes", "subject": "git:main@abc", "result": "pass"},
            task=name,
            refs=[f"produced_by:{said['event_id']}"],
        )
        a1.call("task_complete", task=name, summary="fixed", evidence=[proof["record_id"]])
        lead.call("task_create", title="Next", priority=0)
        a1.call("object_put", text="log", name="log.txt", task=name)
        yield Place(console, space, a1, lead, name)


def first_message(player: Player) -> str:
    records = player.call("history", kinds=["message"])["records"]
    return str(records[0]["event_id"])


def same(left: Any, right: Any) -> bool:
    """Say whether two answers say the same, but for when they were up to date."""
    if isinstance(left, dict) and isinstance(right, dict):
        names = (left.keys() | right.keys()) - {*VARIES}
        return all(same(left.get(name), right.get(name)) for name in names)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


# -- tools that look: the command line answers the same -----------------------------------------

LOOKS: list[Any] = [
    pytest.param("status", {}, ["status"], id="status"),
    pytest.param("history", {"limit": 3}, ["history", "--limit", "3"], id="a page of history"),
    pytest.param("history", {"kinds": ["message"]}, ["history", "--kinds", "message"], id="kinds"),
    pytest.param("history", {"task": "TASK"}, ["history", "--task", "TASK"], id="of a task"),
    pytest.param("history", {"query": "crashes"}, ["search", "crashes", "--space", "SPACE"],
                 id="a search"),
    pytest.param("members", {}, ["permissions", "SPACE"], id="members"),
    pytest.param("inbox_read", {}, ["inbox", "read", "--space", "SPACE"], id="the inbox"),
    pytest.param("inbox_read", {"tasks_only": True}, ["inbox", "read", "--tasks-only", "--space",
                 "SPACE"], id="what of it is about tasks"),
    pytest.param("tasks", {}, ["task", "list", "--space", "SPACE"], id="what is to be done"),
    pytest.param("tasks", {"state": "all"}, ["task", "list", "--space", "SPACE", "--status", "all"],
                 id="all tasks"),
    pytest.param("tasks", {"mine": True, "state": "completed"},
                 ["task", "list", "--space", "SPACE", "--mine", "--status", "completed"],
                 id="what I did"),
    pytest.param("tasks", {"ready": True}, ["task", "ready", "--space", "SPACE"], id="ready tasks"),
    pytest.param("tasks", {"task": "TASK"}, ["task", "show", "TASK"], id="one task"),
    pytest.param("trace", {"id": "TASK", "direction": "forward"},
                 ["provenance", "TASK", "--direction", "forward"], id="what rests on a task"),
    pytest.param("trace", {"id": "TASK"}, ["provenance", "TASK"], id="what a task rests on"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "words"), LOOKS)
def test_a_look_shows_what_the_command_line_shows(
    place: Place, name: str, given: Json, words: list[str]
) -> None:
    filled = {key: place.task if one == "TASK" else one for key, one in given.items()}
    names = {"TASK": place.task, "SPACE": place.space}
    if name == "inbox_read":
        filled["space"] = place.space
    shown = place.a1.call(name, **filled)
    wanted = place.cli(*[names.get(one, one) for one in words])
    assert shown["schema"] == wanted["schema"]
    extra = {one: shown.pop(one) for one in ("timed_out", "can") if one in shown}
    assert same(shown, wanted), (shown, wanted)
    schema = shown["schema"].removeprefix("envoy.").removesuffix("/1")
    assert schemas.problems(shown, schema) == []
    assert extra in ({}, {"timed_out": False}, {"timed_out": True}, {"can": None})


def test_a_brief_is_the_work_record_in_its_budget(place: Place) -> None:
    shown = place.a1.call("space_brief", budget=1500, task=place.task, since=0)
    wanted = place.cli(
        *("work-record", place.space, "--budget", "1500", "--task", place.task, "--since", "0")
    )
    assert same(shown, wanted)
    assert schemas.problems(shown, "work_record") == []
    assert len(str(place.a1.call("space_brief"))) > len(str(shown)) / 2


def test_whether_somebody_may_do_something_is_answered_with_the_chain(place: Place) -> None:
    shown = place.a1.call("members", can={"member": "@me", "verb": "write"})["can"]
    wanted = place.cli("can", "@me", "write", place.space)
    names = wanted.keys() - {"schema", "freshness", "untrusted_fields"}
    assert same({name: shown[name] for name in names}, {name: wanted[name] for name in names})
    may_not = place.a1.call("members", can={"member": "@me", "verb": "admin"})["can"]
    assert may_not["allowed"] is False and may_not["missing"] is not None
    stranger = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
    nobody = place.a1.call("members", can={"member": stranger, "verb": "write", "task": place.task})
    assert nobody["can"]["allowed"] is False and nobody["can"]["task_id"] == place.task


def test_events_go_on_from_their_cursor_and_nothing_is_a_normal_result(place: Place) -> None:
    shown = place.a1.call("events_wait", since=0, wait_s=0)
    assert not shown["timed_out"] and shown["cursor"] == shown["events"][-1]["cursor"]
    for one in shown["events"]:
        assert schemas.problems({"schema": "envoy.event/1", **one}, "event") == []
    kinds = {one["type"] for one in shown["events"]}
    some = place.a1.call("events_wait", since=0, wait_s=0, types=["task_claimed"])
    assert {one["type"] for one in some["events"]} == {"task_claimed"} < kinds
    rest = place.a1.call("events_wait", since=some["cursor"], wait_s=0)
    assert rest["timed_out"] and rest["events"] == [] and rest["cursor"] == some["cursor"]


def test_pages_go_on_and_have_no_gap(place: Place) -> None:
    found, cursor = list[str](), None
    while True:
        page = place.a1.call("history", limit=2, **({"cursor": cursor} if cursor else {}))
        found += [one["event_id"] for one in reversed(page["records"])]
        cursor = page["page"]["next_cursor"]
        if cursor is None:
            break
    whole = place.cli("history", place.space)["records"]
    assert found == [one["event_id"] for one in reversed(whole)]
    for name in ("tasks", "history"):
        error = place.a1.refused(name, cursor="00000000.1")
        assert error["error_code"] == "invalid_argument"
    ready = place.a1.call("tasks", ready=True, limit=1)
    assert ready["page"]["has_more"] is False
    every = place.a1.call("tasks", state="all", limit=1)
    assert place.a1.call("tasks", state="all", limit=1, cursor=every["page"]["next_cursor"])[
        "tasks"
    ]
    hits = place.a1.call("history", query="e", limit=1)
    assert hits["page"]["has_more"] in (True, False)


# -- tools that act ------------------------------------------------------------------------------

SCHEMAS = {
    "inbox_ack": "inbox_ack",
    "message_send": "send",
    "task_create": "task",
    "task_claim": "transition",
    "task_update": "transition",
    "task_complete": "transition",
    "task_review": "transition",
    "record_add": "record",
    "object_put": "object_put",
}


def act(player: Player, name: str, /, **given: Any) -> Json:
    """Call a tool that acts, hold its answer against its schema, and return it."""
    shown = player.call(name, **given)
    schema = shown["schema"].removeprefix("envoy.").removesuffix("/1")
    assert schema in (SCHEMAS[name], "handoff")
    assert schemas.problems(shown, schema) == []
    return shown


def test_acts_answer_by_their_schemas_and_once_for_each_key(fresh: Place) -> None:
    a1, lead = fresh.a1, fresh.lead
    for who, name, given in (
        (a1, "message_send", {"body": "hello"}),
        (a1, "task_create", {"title": "Twice"}),
        (a1, "record_add", {"kind": "decision", "fields": {"text": "we use it"}}),
        (a1, "object_put", {"text": "same", "name": "same.txt"}),
    ):
        first = act(who, name, key=f"k-{name}", **given)
        again = act(who, name, key=f"k-{name}", **given)
        assert (first["replayed"], again["replayed"]) == (False, True), name
        assert first["event_id"] == again["event_id"]
        other = {**given, "body": "other", "title": "Other", "name": "other"}
        changed = {key: other.get(key, one) for key, one in given.items()}
        if name == "record_add":
            changed["fields"] = {"text": "we do not"}
        error = who.refused(name, key=f"k-{name}", **changed)
        assert error["error_code"] == "idempotency_mismatch", name
    assert lead.call("inbox_read")["messages"]
    newest = lead.call("inbox_read")["messages"][-1]["cursor"]
    acked = act(lead, "inbox_ack", up_to_cursor=newest)
    assert acked["acked"] > 0
    assert act(lead, "inbox_ack", up_to_cursor=newest)["acked"] == 0


def test_a_task_goes_its_way_through_a_gate(fresh: Place) -> None:
    a1, lead = fresh.a1, fresh.lead
    gate = {"reviews": 1, "no_self_review": True, "evidence": ["test"]}
    task = act(lead, "task_create", title="Gated", body="b", gate=gate, assignee="@a1")["task_id"]
    assert a1.refused("task_review", task=task, verdict="approve", note="x")["error_code"] in (
        *("invalid_transition", "self_review_denied"),
    )
    claim = act(a1, "task_claim", task=task, require="confirmed", lease=120)
    assert (claim["claim_state"], claim["fence"]) == ("confirmed", 1)
    assert act(a1, "task_claim", task=task)["changed"] is False
    assert lead.refused("task_claim", task=task)["error_code"] == "task_already_claimed"
    assert act(a1, "task_update", task=task, action="progress", note="half")["lifecycle_state"] == (
        "in_progress"
    )
    assert act(a1, "task_update", task=task, action="heartbeat")["transition"] == "heartbeat"
    assert act(a1, "task_update", task=task, action="blocked")["lifecycle_state"] == "blocked"
    assert a1.refused("task_complete", task=task, summary="s", evidence=[])["error_code"] == (
        "evidence_missing"
    )
    proof = act(
        a1,
        "record_add",
        kind="evidence",
        fields={"type": "test", "text": "ok", "subject": "git:x@1", "result": "pass", "runs": 3},
        task=task,
    )
    done = act(a1, "task_complete", task=task, summary="s", evidence=[proof["record_id"]])
    assert done["lifecycle_state"] == "submitted"
    assert (
        a1.refused("task_review", task=task, verdict="approve", note="I think so")["error_code"]
        == "self_review_denied"
    )
    asked = act(lead, "task_review", task=task, verdict="request_changes", note="and the rest?")
    assert asked["lifecycle_state"] == "changes_requested"
    act(a1, "task_complete", task=task, summary="all", evidence=[proof["record_id"]])
    assert (
        act(lead, "task_review", task=task, verdict="approve", note="checked")["lifecycle_state"]
        == "completed"
    )


def test_work_is_given_back_taken_up_and_handed_over(fresh: Place) -> None:
    a1, lead = fresh.a1, fresh.lead
    taken = act(a1, "task_claim", ready=True)
    assert taken["claim_state"] == "confirmed"
    task = taken["task_id"]
    given = act(a1, "task_update", task=task, action="release", note="not mine")
    assert given["lifecycle_state"] == "unassigned"
    act(a1, "task_claim", task=task)
    capsule = act(
        a1,
        "record_add",
        kind="handoff",
        task=task,
        fields={
            "next": "look at the log",
            "to": "@lead",
            "completed": ["read it"],
            "risks": "it may crash",
            "evidence": [],
        },
    )
    assert capsule["next"] == "look at the log" and capsule["risks"] == ["it may crash"]
    accepted = act(lead, "task_claim", handoff=capsule["record_id"])
    assert (accepted["transition"], accepted["fence"]) == ("accept", 3)
    brief = lead.call("space_brief", task=task)
    assert [one["next"] for one in brief["handoffs"]] == ["look at the log"]
    assert a1.refused("task_claim", ready=True)["error_code"] == "nothing_ready"


def test_objects_go_in_and_come_out_in_slices(fresh: Place) -> None:
    a1, console = fresh.a1, fresh.console
    (console.cwd / "sub").mkdir()
    (console.cwd / "sub" / "log.txt").write_text("äöü" * 5000)
    put = act(a1, "object_put", path="sub/log.txt", name="log", media_type="text/plain")
    whole, offset = "", 0
    while offset is not None:
        part = a1.call("object_get", id=put["object_id"], offset=offset, max_bytes=7001)
        assert part["encoding"] == "utf-8" and part["bytes"] <= 7001
        whole, offset = whole + part["content"], part["next_offset"]
    assert whole == "äöü" * 5000
    (console.cwd / "b.bin").write_bytes(bytes(range(256)) * 100)
    binary = act(a1, "object_put", path=str(console.cwd / "b.bin"), name="b")
    part = a1.call("object_get", id=binary["event_id"])
    assert (part["encoding"], part["bytes"]) == ("base64", limits.MCP_BASE64_BYTES_MAX)
    beyond = a1.call("object_get", id=binary["object_id"], offset=10**9)
    assert (beyond["bytes"], beyond["next_offset"], beyond["content"]) == (0, None, "")
    sent = act(a1, "message_send", body="see", attach=[put["object_id"]])
    assert sent["references"] == [{"rel": "attach", "id": put["event_id"]}]


# -- their own errors ----------------------------------------------------------------------------

NOTHING = "task_" + "a" * 52
ERRORS: list[Any] = [
    pytest.param("space_brief", {"budget": 800, "task": NOTHING}, "task_not_found", id="brief"),
    pytest.param("history", {"thread": NOTHING}, "not_found", id="history"),
    pytest.param("history", {"query": "x", "thread": "y"}, "invalid_argument", id="of a search"),
    pytest.param("members", {"can": {"member": "@nobody", "verb": "write"}}, "not_found",
                 id="members"),
    pytest.param("inbox_read", {"space": "nowhere"}, "space_not_found", id="inbox_read"),
    pytest.param("inbox_ack", {"up_to_cursor": 1, "space": "x"}, "space_not_found", id="inbox_ack"),
    pytest.param("events_wait", {"since": 0, "types": ["x"]}, "invalid_argument", id="events"),
    pytest.param("message_send", {"body": ""}, "invalid_argument", id="nothing to say"),
    pytest.param("message_send", {"body": "x" * 33_000}, "message_too_large", id="too much to say"),
    pytest.param("message_send", {"body": "x\0"}, "invalid_argument", id="no text"),
    pytest.param("message_send", {"body": "\ud800"}, "invalid_argument", id="half a character"),
    pytest.param("message_send", {"body": "x", "refs": ["hates:evt_x"]}, "invalid_argument",
                 id="no such relation"),
    pytest.param("tasks", {"task": NOTHING}, "task_not_found", id="tasks"),
    pytest.param("tasks", {"ready": True, "mine": True}, "invalid_argument", id="ready and mine"),
    pytest.param("task_create", {"title": "a\nb"}, "invalid_argument", id="a title of two lines"),
    pytest.param("task_create", {"title": "x", "gate": {"review_by": ["x"]}}, "invalid_argument",
                 id="nobody to review"),
    pytest.param("task_create", {"title": "x", "needs": [NOTHING]}, "task_not_found", id="needs"),
    pytest.param("task_claim", {}, "missing_required_flag", id="nothing to take"),
    pytest.param("task_claim", {"task": NOTHING, "ready": True}, "invalid_argument", id="two ways"),
    pytest.param("task_claim", {"ready": True, "lease": 60}, "invalid_argument", id="its lease"),
    pytest.param("task_claim", {"handoff": NOTHING}, "not_found", id="no handoff"),
    pytest.param("task_update", {"task": "TASK", "action": "progress"}, "invalid_transition",
                 id="task_update"),
    pytest.param("task_update", {"task": "TASK", "action": "heartbeat", "note": "x"},
                 "invalid_argument", id="a heartbeat says nothing"),
    pytest.param("task_complete", {"task": NOTHING, "summary": "x", "evidence": []},
                 "task_not_found", id="task_complete"),
    pytest.param("task_review", {"task": "TASK", "verdict": "approve", "note": ""},
                 "missing_required_flag", id="a verdict without a reason"),
    pytest.param("record_add", {"kind": "evidence", "fields": {"text": "x"}}, "field_invalid",
                 id="record_add"),
    pytest.param("record_add", {"kind": "risk", "fields": {"a": []}}, "invalid_argument",
                 id="a field that is no text"),
    pytest.param("record_add", {"kind": "risk", "fields": {"": "x"}}, "invalid_argument",
                 id="a field without a name"),
    pytest.param("record_add", {"kind": "risk", "fields": {str(n): "x" for n in range(40)}},
                 "invalid_argument", id="too many fields"),
    pytest.param("record_add", {"kind": "handoff", "fields": {}, "task": NOTHING},
                 "missing_required_flag", id="a handoff to nothing"),
    pytest.param("record_add", {"kind": "handoff", "fields": {"next": "x", "more": 1}},
                 "invalid_argument", id="an unknown part of a handoff"),
    pytest.param("record_add", {"kind": "handoff", "fields": {"next": "x", "to": 7}},
                 "invalid_argument", id="nobody to hand over to"),
    pytest.param("record_add", {"kind": "handoff", "fields": {"next": "x", "risks": [7]}},
                 "invalid_argument", id="a risk that is no text"),
    pytest.param("record_add", {"kind": "handoff", "fields": {"next": "x", "risks": {}}},
                 "invalid_argument", id="risks that are no list"),
    pytest.param("record_add", {"kind": "handoff", "fields": {"next": "x"}},
                 "missing_required_flag", id="a handoff of no task"),
    pytest.param("trace", {"id": NOTHING}, "not_found", id="trace"),
    pytest.param("object_put", {"name": "x"}, "missing_required_flag", id="object_put"),
    pytest.param("object_put", {"name": "x", "path": "a", "text": "b"}, "invalid_argument",
                 id="a path and a text"),
    pytest.param("object_put", {"name": "x", "text": "b", "media_type": "text"}, "invalid_argument",
                 id="no media type"),
    pytest.param("object_get", {"id": "obj_" + "a" * 52}, "not_found", id="object_get"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "code"), ERRORS)
def test_a_tool_fails_with_the_flat_object(place: Place, name: str, given: Json, code: str) -> None:
    filled = {key: place.task if one == "TASK" else one for key, one in given.items()}
    error = place.a1.refused(name, **filled)
    assert error["error_code"] == code
    assert schemas.problems(error, "error") == []
    assert error["exit"] > 0 and error["next_action"]


def test_where_there_is_no_profile_every_tool_says_so(tmp_path: Path) -> None:
    with player(Console(tmp_path), "nobody") as nobody:
        assert nobody.refused("status")["error_code"] == "profile_not_found"
        assert nobody.refused("message_send", body="x")["error_code"] == "profile_not_found"


# -- size ----------------------------------------------------------------------------------------


def test_a_page_is_a_page_whatever_is_in_it(fresh: Place) -> None:
    a1 = fresh.a1
    for number in range(4):
        a1.call("message_send", body=f"{number} " + "ä" * 16_000)
    for number in range(25):
        a1.call("message_send", body=f"{number} short")
    page = a1.ask("history", limit=100).data
    assert fence.size(page) <= limits.MCP_PAGE_CHARS_MAX + 100
    assert page["page"]["has_more"] and len(page["records"]) > 5
    long = a1.ask("history", query="3 äää").data
    assert fence.size(long) <= limits.MCP_PAGE_CHARS_MAX + 100
    events = a1.call("events_wait", since=0)
    assert 0 < events["cursor"] < 30
    assert len(a1.ask("history", limit=100).text) < 1.3 * limits.MCP_PAGE_CHARS_MAX


def test_a_page_remembers_what_fits_until_texts_are_short_again(fresh: Place) -> None:
    a1, shown = fresh.a1, list[int]()

    def rows() -> int:
        data = a1.ask("history", limit=12).data
        assert data["page"]["has_more"] and fence.size(data) <= limits.MCP_PAGE_CHARS_MAX
        shown.append(len(data["records"]))
        return shown[-1]

    for number in range(14):
        a1.call("message_send", body=f"{number} " + "long " * 400)
    few = rows()
    assert rows() == few < 6
    assert len(a1.ask("history", limit=2).data["records"]) == 2
    assert rows() == few, "what was asked for says nothing of what fits"
    for number in range(14):
        a1.call("message_send", body=f"{number}")
    assert [rows(), rows()] == [few, 12]


def test_an_error_is_short_whatever_it_would_list(place: Place) -> None:
    error = place.a1.refused("events_wait", since=0, types=["x"])
    assert len(error["expected"]) > 20
    long: Callable[..., Json] = place.a1.refused
    assert "cause" in long("status", **{f"x{n}": n for n in range(500)})


def test_nothing_a_member_wrote_stands_bare(place: Place) -> None:
    for name, given in (("history", {}), ("tasks", {"state": "all"}), ("status", {}),
                        ("space_brief", {}), ("members", {}), ("inbox_read", {}),
                        ("tasks", {"task": place.task}), ("trace", {"id": place.task}),
                        ("events_wait", {"since": 0})):  # fmt: skip
        bare_texts = [*outside(place.a1.ask(name, **given).data)]
        for word in ("welcome", "crashes", "on it", "Fix it", "bughunt", "passes", "bug", "log"):
            assert not [one for one in bare_texts if word in one.split()], (name, word)
