"""F5: SQL in any argument is text: it finds nothing, changes nothing, and breaks nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console

SQL = [
    "'; DROP TABLE event; --",
    '" OR 1=1 --',
    "x' UNION SELECT secret FROM epoch --",
    "%",
    "task_' OR '1'='1",
    "\\'; DELETE FROM item; --",
]
COMMANDS = [
    ("task", "show"),
    ("task", "claim"),
    ("why",),
    ("search", "--query"),
    ("history", "--since"),
    ("history", "--space"),
    ("space", "remove", "--yes"),
    ("inbox", "--cursor"),
]


def test_every_command_with_every_one(tmp_path: Path) -> None:
    console = Console(tmp_path)
    call = ("--profile", "lead")
    console.ok(*call, "quickstart", "--space-name", "bughunt")
    task = console.ok(*call, "task", "create", "Repro")["task_id"]
    before = console.ok(*call, "history")["records"]
    for sql in SQL:
        for command in COMMANDS:
            found = console.call("--json", *call, *command, sql)
            assert "Traceback" not in found.err and "secret" not in found.out.replace(sql, "")
            assert found.status != 10, (command, sql, found)
        console.ok(*call, "send", sql)
    after = console.ok(*call, "history")["records"]
    assert len(after) == len(before) + len(SQL)
    assert [one["body"] for one in after if one["body"] in SQL] == SQL
    assert console.ok(*call, "task", "show", task)


@pytest.mark.parametrize("name", ["a'b", 'a"b', "x; DROP TABLE space"])
def test_a_name_of_a_space_is_a_name(name: str, tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("--profile", "lead", "quickstart", "--space-name", name)
    console.ok("--profile", "lead", "send", "hello", "--space", name)
