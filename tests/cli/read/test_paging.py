"""Paging: every list of the command line, page by page, while the space goes on.

The table is held against the rows of the commands: a list that takes no cursor is found here. A
cursor means something in one profile, space and list; rows that come between two pages neither
hide others nor show one twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from console import Console
from envoy.cli.schemas import ANSWERS
from envoy.cli.table import every

# Command -> where its rows are, and what tells them apart.
LISTS = {
    "spaces": ("spaces", "space_id"),
    "space members SPACE": ("members", "member_id"),
    "roster SPACE": ("members", "member_id"),
    "permissions SPACE": ("spaces.members", "member_id"),
    "invites list SPACE": ("invites", "invite_id"),
    "history SPACE": ("records", "event_id"),
    "history SPACE --kinds message": ("records", "event_id"),
    "history SPACE --task TASK": ("records", "event_id"),
    "history SPACE --thread MESSAGE": ("records", "event_id"),
    "search word SPACE": ("hits", "event_id"),
    "inbox read SPACE --include-self": ("messages", "event_id"),
    "task list SPACE": ("tasks", "task_id"),
    "task ready SPACE": ("tasks", "task_id"),
    "record list SPACE": ("records", "record_id"),
    "card list SPACE": ("cards", "event_id"),
    "identity list": ("profiles", "profile"),
}
ELSEWHERE = {
    "inbox read-ack": "acknowledges its page, so the next one is asked for by the same words",
    "quarantine list": "tests/cli/read/test_desk.py",
    "invites pending": "tests/cli/write/test_pending.py",
    "object list": "tests/cli/read",
    "review list": "tests/cli/read/test_records.py",
    "conflicts list": "tests/cli/read/test_conflicts.py",
    "work-record": "its cursor is in `bounds`: tests/cli/read/test_work.py",
}


class Town(NamedTuple):
    """A home where `lead` has several of everything in one space, and another space."""

    console: Console
    names: dict[str, str]

    def call(self, profile: str, line: str, *more: str) -> dict[str, Any]:
        """Return the answer of a command line with its names put in, or its error."""
        words = [self.names.get(word, word) for word in line.split()]
        return self.console.call("--json", "--profile", profile, *words, *more).data

    def noise(self, *more: str) -> None:
        """Let the space go on."""
        for line in ("send word SPACE", "task create SPACE another", *more):
            assert "error_code" not in self.call("lead", line)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    console = Console(tmp_path_factory.mktemp("town"))
    made = console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    found = Town(console, {"SPACE": made["space_id"]})
    code = found.call("lead", "invite SPACE --max-uses 5")["invite_code"]
    for name in ("a", "b", "c"):
        assert found.call(name, f"join {code}")["role"] == "write"
    for name in ("second", "third"):
        found.names["OTHER"] = found.call("lead", f"space create {name}")["space_id"]
    for _ in range(4):
        found.noise("invite SPACE")
    found.names["TASK"] = found.call("a", "task create SPACE one")["task_id"]
    for line in ("task claim TASK SPACE", "task set TASK in_progress", "task release TASK"):
        found.call("a", line)
    found.names["MESSAGE"] = found.call("a", "send root SPACE")["message_id"]
    for _ in range(4):
        found.call("b", "send answer SPACE --reply-to MESSAGE")
        found.call("b", "record add decision yes SPACE")
    return found


def rows_of(answer: dict[str, Any], path: str) -> list[dict[str, Any]]:
    """Return the rows of an answer."""
    found = [answer]
    for name in path.split("."):
        found = [row for one in found for row in one[name]]
    return found


def pages(town: Town, line: str, *, noise: bool) -> Iterator[dict[str, Any]]:
    """Yield the pages of a list, two rows each, with or without noise between them."""
    cursor: tuple[str, ...] = ()
    while True:
        answer = town.call("lead", line, "--limit", "2", *cursor)
        yield answer
        if not answer["page"]["has_more"]:
            return
        cursor = ("--cursor", answer["page"]["next_cursor"])
        if noise:
            more = {"invites": ["invite SPACE"], "record": ["record add decision no SPACE"]}
        town.noise(*more.get(line.split()[0], []))


def test_every_list_is_here_and_takes_a_page() -> None:
    paged = {row.path for row in every() if "page" in ANSWERS[row.schema]}
    taking = {row.path for row in every() if any(arg.name == "cursor" for arg in row.args)}
    nouns = {" ".join(word for word in line.split() if word.islower()) for line in LISTS}
    here = {path for path in paged | taking if any(line.startswith(path) for line in nouns)}
    assert paged | taking == here | ELSEWHERE.keys()
    assert paged - taking == {"inbox read-ack"}


@pytest.mark.parametrize("line", [pytest.param(line, id=line) for line in LISTS])
def test_no_row_is_lost_or_shown_twice_while_others_come(town: Town, line: str) -> None:
    path, key = LISTS[line]
    before = [row[key] for row in rows_of(town.call("lead", line, "--limit", "500"), path)]
    found: list[str] = []
    for number, answer in enumerate(pages(town, line, noise=True)):
        rows = rows_of(answer, path)
        assert len(rows) <= 2 and (rows or number)
        found += [row[key] for row in rows]
        if len(found) >= len(before) + 6:
            break  # what comes goes behind what was here, and never ends
    assert len(found) == len(set(found)), "a row came twice"
    assert set(before) <= set(found), "a row was lost"
    assert len(before) > 2


@pytest.mark.parametrize("line", [pytest.param(line, id=line) for line in LISTS])
def test_a_cursor_means_nothing_elsewhere(town: Town, line: str) -> None:
    cursor = next(pages(town, line, noise=False))["page"]["next_cursor"]
    if line == "identity list":  # of the home: each profile sees the same
        assert "error_code" not in town.call("a", line, "--cursor", cursor)
    else:
        assert town.call("a", line, "--cursor", cursor)["error_code"] == "invalid_argument"
    if "SPACE" in line and "TASK" not in line and "MESSAGE" not in line:
        other = line.replace("SPACE", "OTHER")
        assert town.call("lead", other, "--cursor", cursor)["error_code"] == "invalid_argument"
        # A space is the same space however it is named.
        named = line.replace("SPACE", "--space bughunt")
        assert "error_code" not in town.call("lead", named, "--cursor", cursor)
    assert town.call("lead", line, "--cursor", cursor[1:])["error_code"] == "invalid_argument"
