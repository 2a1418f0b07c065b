"""P6: what a model read in one space it may be talked into carrying to another.

Nothing can prevent it in a server that is open to both; it stands in the log under the name of who
did it, and a server that is pinned, or that denies crossing, refuses.
"""

from __future__ import annotations

from pathlib import Path

from mcpplay import player, team


def test_an_open_server_carries_and_the_log_says_who(tmp_path: Path) -> None:
    console, first = team(tmp_path, "lead")
    second = console.ok("--profile", "lead", "space", "create", "other")["space_id"]
    with player(console, "lead") as lead:
        lead.call("message_send", space=first, body="the number is 4711")
        lead.call("history", space=first)
        lead.call("message_send", space=second, body="the number is 4711")
        (record,) = lead.call("history", space=second, kinds=["message"])["records"]
        assert record["sender_id"] == lead.call("status")["identity"]["member_id"]


def test_a_pinned_server_and_one_that_denies_crossing_refuse(tmp_path: Path) -> None:
    console, first = team(tmp_path, "lead")
    second = console.ok("--profile", "lead", "space", "create", "other")["space_id"]
    for more in ({"pin": first}, {"no_crossing": True}):
        with player(console, "lead", **more) as lead:
            lead.call("history", space=first)
            error = lead.refused("message_send", space=second, body="the number is 4711")
            assert error["error_code"] == "unsupported_operation"
            lead.call("message_send", space=first, body="here it may be said")
    assert not console.ok("--profile", "lead", "history", second, "--kinds", "message")["records"]


def test_the_page_for_users_says_so() -> None:
    page = (Path(__file__).parents[2] / "docs/mcp.md").read_text("utf-8")
    assert "--deny-cross-space" in page and "cannot be prevented" in page
