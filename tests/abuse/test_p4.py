"""P4: the server of one profile acts for that profile alone, and in the space it is pinned to."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from envoy.mcp.table import TOOLS
from mcpplay import Json, player, team

GIVEN: dict[str, Json] = {
    "trace": {"id": "evt_aaaaaa"},
    "inbox_ack": {"up_to_cursor": 1},
    "events_wait": {"since": 0, "wait_s": 0},
    "message_send": {"body": "x"},
    "task_create": {"title": "x"},
    "task_claim": {"ready": True},
    "task_update": {"task": "task_aaaaaa", "action": "progress"},
    "task_complete": {"task": "task_aaaaaa", "summary": "x", "evidence": []},
    "task_review": {"task": "task_aaaaaa", "verdict": "approve", "note": "x"},
    "record_add": {"kind": "decision", "fields": {"text": "x"}},
    "object_put": {"text": "x", "name": "x"},
    "object_get": {"id": "obj_aaaaaa"},
}
FOREIGN = {"profile": "lead", "as": "lead", "member": "@lead", "session": "other", "home": "/"}


def test_no_tool_takes_another_profile(tmp_path: Path) -> None:
    console, _ = team(tmp_path, "lead", "agent")
    with player(console, "agent") as agent:
        for tool, (name, value) in product(TOOLS, FOREIGN.items()):
            error = agent.refused(tool.name, **{name: value}, **GIVEN.get(tool.name, {}))
            assert error["error_code"] == "invalid_argument", (tool.name, name)
        agent.call("message_send", body="mine")
        (record,) = agent.call("history", kinds=["message"])["records"]
        assert record["sender_id"] == agent.call("status")["identity"]["member_id"]


@pytest.mark.parametrize("profile", ["lead", "agent"])
def test_each_profile_sees_and_does_what_it_may_and_no_more(profile: str, tmp_path: Path) -> None:
    console, shared = team(tmp_path, "lead", "agent")
    private = console.ok("--profile", "lead", "space", "create", "private")["space_id"]
    for space, pin in product((shared, private), (None, shared)):
        with player(console, profile, pin=pin) as one:
            for name in ("message_send", "history", "space_brief", "task_create", "members"):
                done = one.ask(name, space=space, **GIVEN.get(name, {}))
                may = (space == shared or profile == "lead") and pin in (None, space)
                assert done.is_error is not may, (name, profile, space, pin)


def test_a_reader_cannot_write_through_a_server(tmp_path: Path) -> None:
    console, space = team(tmp_path, "lead", "agent")
    member = console.ok("--profile", "agent", "status")["identity"]["member_id"]
    console.ok("--profile", "lead", "space", "role", space, "--member", member, "--role", "read")
    with player(console, "agent") as agent:
        assert agent.refused("message_send", body="x")["error_code"] in (
            *("read_only", "capability_missing"),
        )
        assert agent.call("history")["records"]
