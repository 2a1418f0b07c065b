"""The tools: exactly those of the specification, the same bytes for everybody, small."""

from __future__ import annotations

from hashlib import sha256

import pytest

from envoy.cli.schemas import ANSWERS
from envoy.errors import UsageError
from envoy.jsontext import dumps
from envoy.mcp import arguments, table, tools
from envoy.mcp.table import BY_NAME, TOOLS

# A client may have pinned it. Whoever changes a word here changes what models were told.
PINNED = "411fc7c4fba0a2c954dd5e42c923a50163a3c9c70b38db46a4e4f6cdd5a43301"
LIST_BYTES_MAX = 12 * 1024
INSTRUCTIONS_CHARS_MAX = 1_900
NAME_CHARS_MAX = 24
# docs/spec/mcp.md: tool, nature, arguments that have to be given, those that may be.
WANTED = {
    "status": ("reads", "", ""),
    "space_brief": ("reads", "", "space budget task since"),
    "history": ("reads", "", "space query thread task kinds cursor limit"),
    "members": ("reads", "", "space can"),
    "inbox_read": ("reads", "", "space wait_s tasks_only limit"),
    "inbox_ack": ("repeats", "up_to_cursor", "space"),
    "events_wait": ("reads", "since", "space types wait_s"),
    "message_send": ("adds", "body key", "space reply_to refs attach"),
    "tasks": ("reads", "", "space task state ready mine cursor limit"),
    "task_create": ("adds", "title key", "space body assignee priority labels needs gate"),
    "task_claim": ("repeats", "", "space task ready require lease handoff"),
    "task_update": ("adds", "task action key", "space note"),
    "task_complete": ("adds", "task summary evidence key", "space"),
    "task_review": ("adds", "task verdict note key", "space"),
    "record_add": ("adds", "kind fields key", "space refs task"),
    "trace": ("reads", "id", "depth direction"),
    "object_put": ("adds", "name key", "space path text media_type task"),
    "object_get": ("reads", "id", "offset max_bytes"),
}
# Nothing here may be done by a model.
FORBIDDEN = (
    *("join", "invite", "role", "delegate", "revoke", "remove", "leave", "policy", "admit"),
    *("resolve", "audit", "identity", "recover", "reset", "backup", "run", "shell", "close"),
)


def test_the_tools_are_those_of_the_specification() -> None:
    found = {
        one.name: (
            one.nature,
            {arg.name for arg in one.args if arg.needed},
            {arg.name for arg in one.args if not arg.needed},
        )
        for one in TOOLS
    }
    assert found == {
        name: (nature, {*needed.split()}, {*may.split()})
        for name, (nature, needed, may) in WANTED.items()
    }
    assert {*tools.READINGS} | {*tools.WRITINGS} == {*BY_NAME}
    assert all((one.name in tools.READINGS) == (one.nature == "reads") for one in TOOLS)


def test_the_list_is_pinned_and_small() -> None:
    listed = dumps(table.listed(read_only=False))
    assert len(listed) <= LIST_BYTES_MAX
    assert sha256(listed.encode()).hexdigest() == PINNED
    assert len(table.INSTRUCTIONS) <= INSTRUCTIONS_CHARS_MAX
    assert table.INSTRUCTIONS.isascii()


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_fits_what_clients_take(tool: table.Tool) -> None:
    assert len(tool.name) <= NAME_CHARS_MAX
    assert {*tool.name} <= {*"abcdefghijklmnopqrstuvwxyz_"}
    assert not [word for word in FORBIDDEN if word in tool.name.split("_")]
    assert not any(arg.name in ("profile", "home", "relay_url") for arg in tool.args)
    hints = table.hints(tool)
    assert hints["destructiveHint"] is False and hints["openWorldHint"] is False
    assert hints["readOnlyHint"] is (tool.nature == "reads")
    assert {*tool.answers} <= {*ANSWERS, *table.OWN_ANSWERS}


def test_a_server_that_only_reads_lists_nothing_else() -> None:
    names = [one["name"] for one in table.listed(read_only=True)]
    assert names == [one.name for one in TOOLS if one.nature == "reads"]


@pytest.mark.parametrize(
    ("name", "given", "code", "detail"),
    [
        pytest.param("status", {"profile": "b"}, "invalid_argument", "unknown_argument", id="more"),
        pytest.param("trace", {}, "missing_required_flag", "id", id="one is missing"),
        pytest.param("trace", {"id": None}, "missing_required_flag", "id", id="null is no value"),
        pytest.param("trace", {"id": 7}, "invalid_argument", "string", id="a number for a text"),
        pytest.param("tasks", {"limit": 0}, "invalid_argument", 1, id="below its least"),
        pytest.param("tasks", {"limit": 101}, "invalid_argument", 100, id="above its most"),
        pytest.param("tasks", {"limit": 1.5}, "invalid_argument", "integer", id="half a number"),
        pytest.param("tasks", {"limit": True}, "invalid_argument", "integer", id="a truth as one"),
        pytest.param("tasks", {"ready": 1}, "invalid_argument", "boolean", id="a number as truth"),
        pytest.param("tasks", {"state": "x"}, "invalid_argument", "state", id="no such word"),
        pytest.param("history", {"kinds": "x"}, "invalid_argument", "array", id="no list"),
        pytest.param("history", {"kinds": [1]}, "invalid_argument", "array of strings", id="items"),
        pytest.param("history", {"kinds": [""] * 257}, "invalid_argument", 256, id="a long list"),
        pytest.param("members", {"can": []}, "invalid_argument", "object", id="no object"),
        pytest.param(
            "members",
            {"can": {"verb": "write"}},
            "missing_required_flag",
            "can.member",
            id="inside",
        ),
        pytest.param(
            "message_send", {"body": "x", "key": "a b"}, "invalid_argument", "symbols", id="a key"
        ),
    ],
)
def test_arguments_that_do_not_fit(
    name: str, given: dict[str, object], code: str, detail: object
) -> None:
    with pytest.raises(UsageError) as caught:
        arguments.check(BY_NAME[name], given).key()
    assert caught.value.code == code
    details = str(caught.value.details)
    assert str(detail) in details


def test_arguments_that_fit_get_their_defaults() -> None:
    found = arguments.check(BY_NAME["tasks"], {"limit": 7.0, "ready": None, "mine": True})
    assert (found.count("limit"), found.switch("ready"), found.switch("mine")) == (7, False, True)
    assert arguments.check(BY_NAME["history"], {}).count("limit") == 20
    assert arguments.check(BY_NAME["history"], {}).items("kinds") == ()
