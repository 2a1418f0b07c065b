"""`invites pending` and `invites approve` where several ask: pages, order, and who is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console import Console
from schemas import problems


class Gate:
    """A space of `lead` with an invite of two uses, by which three ask."""

    def __init__(self, root: Path) -> None:
        self.console = Console(root)
        self.console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
        made = self.ok("lead", "invite", "--mode", "approve", "--max-uses", "2")
        self.code = str(made["invite_code"])
        for name in ("one", "two", "three"):
            found = self.ok(name, "join", "--agent", "--name", name, self.code)
            assert found["join_state"] == "pending_approval"

    def ok(self, profile: str, *args: str) -> dict[str, Any]:
        """Return the answer of a command that succeeds."""
        return self.console.ok("--profile", profile, *args)

    def pending(self, *args: str) -> dict[str, Any]:
        """Return one page of who asks."""
        found = self.ok("lead", "invites", "pending", *args)
        assert problems(found, "join_requests") == []
        return found


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def ids(page: dict[str, Any]) -> list[str]:
    """Return the requests on a page."""
    return [one["request_id"] for one in page["requests"]]


def test_who_asks_comes_on_pages_each_once(gate: Gate) -> None:
    every = gate.pending()
    assert len(set(ids(every))) == len(ids(every)) == 3
    assert every["page"] == {"next_cursor": None, "has_more": False}
    first = gate.pending("--limit", "2")
    assert first["page"]["has_more"] and len(first["next_commands"]) == 2
    second = gate.pending("--limit", "2", "--cursor", first["page"]["next_cursor"])
    assert ids(first) + ids(second) == ids(every)
    assert second["page"] == {"next_cursor": None, "has_more": False}


def test_a_page_goes_on_although_who_was_on_it_came_in_meanwhile(gate: Gate) -> None:
    every = ids(gate.pending())
    first = gate.pending("--limit", "1")
    gate.ok("lead", "invites", "approve", ids(first)[0])
    second = gate.pending("--limit", "1", "--cursor", first["page"]["next_cursor"])
    assert ids(second) == every[1:2]


@pytest.mark.parametrize("cursor", ["nope", "0000.x00"])
def test_the_cursor_of_another_list_is_refused(cursor: str, gate: Gate) -> None:
    found = gate.console.call(
        "--json", "--profile", "lead", "invites", "pending", "--cursor", cursor
    )
    assert (found.status, found.data["error_code"]) == (2, "invalid_argument")


def test_nobody_is_offered_what_is_used_up(gate: Gate) -> None:
    *chosen, left = ids(gate.pending())
    for one in chosen:
        gate.ok("lead", "invites", "approve", one)
    after = gate.pending()
    assert (ids(after), after["next_commands"]) == ([left], [])
    assert [(one["uses"], one["max_uses"]) for one in after["requests"]] == [(2, 2)]
    shown = gate.console.call("--profile", "lead", "invites", "pending")
    assert "2 of 2" in shown.out and "envoy invite --mode approve" in shown.out
    refused = gate.console.call("--json", "--profile", "lead", "invites", "approve", left)
    assert refused.data["error_code"] == "invite_already_redeemed"
