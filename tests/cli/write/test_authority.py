"""The commands that change authority: answers against their schemas, rehearsals, questions."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import schemas
from console import Console
from envoy.cli.write.authority import status_of


class Town(NamedTuple):
    """A home where `lead` has a space, `admin` is one in it, `agent` writes."""

    console: Console
    space: str
    dids: dict[str, str]

    def ok(self, profile: str, schema: str, *args: str) -> dict[str, Any]:
        """Run a command that has to succeed; return its answer, which fits ``schema``."""
        found = self.console.ok("--profile", profile, *args, ENVOY_SPACE=self.space)
        assert found["schema"] == f"envoy.{schema}/1"
        assert schemas.problems(found, schema) == []
        return found

    def failed(self, profile: str, *args: str) -> dict[str, Any]:
        """Run a command that has to fail; return its error, with the exit status."""
        args = ("--profile", profile, "--json", *args)
        found = self.console.call(*args, ENVOY_SPACE=self.space)
        assert found.status != 0 and found.err == "", found
        assert schemas.problems(found.data, "error") == []
        return {**found.data, "exit": found.status}

    def events(self, profile: str) -> int:
        """Return how many events a profile has in the space."""
        answer = self.console.ok("--profile", profile, "work-record", self.space)
        return int(answer["frontier"]["events"])


@pytest.fixture
def town(tmp_path: Path) -> Town:
    console = Console(tmp_path)
    made = console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    code = console.ok("--profile", "lead", "invite", "--max-uses", "2")["invite_code"]
    dids = {"lead": made["identity"]["member_id"]}
    for name in ("admin", "agent"):
        joined = console.ok("--profile", name, "join", "--agent", "--name", name, code)
        dids[name] = joined["member_id"]
    found = Town(console, made["space_id"], dids)
    found.ok("lead", "authority", "space", "role", "--member", dids["admin"], "--role", "admin")
    return found


def test_the_command_lines_of_scripts_run_unasked(town: Town) -> None:
    agent, space = town.dids["agent"], town.space
    down = town.ok("lead", "authority", "space", "role", space, "--member", agent, "--role", "read")
    assert down["changed"] and down["grant_id"].startswith("grant_") and down["new_epoch"]
    line = ("delegate", space, agent, "--verb", "write", "--scope", "room", "--depth", "0")
    lent = town.ok("admin", "delegation", *line, "--ttl", "24h")
    assert (lent["verb"], lent["scope"], lent["depth"]) == ("write", "space", 0)
    assert lent["expires_at"] is not None and not lent["new_epoch"]
    gone = town.ok("lead", "agent_revoke", "agent", "revoke", agent, "--reason", "R")
    (result,) = gone["results"]
    assert (result["space_id"], result["removed"], result["error_code"]) == (space, True, None)
    assert result["effect"]["new_epoch"] and result["wrote"] >= 2 and result["minted"] == []
    again = town.ok("lead", "agent_revoke", "agent", "revoke", agent, "--reason", "R")
    assert again["results"][0]["effect"]["changed"] is False
    town.ok("lead", "changed", "space", "close", space)


def test_a_rehearsal_of_each_command_writes_nothing(town: Town) -> None:
    agent, admin = town.dids["agent"], town.dids["admin"]
    invite = town.ok("admin", "invite", "invite")["invite_id"]
    lent = town.ok("admin", "delegation", "delegate", agent, "--verb", "read")["grant_id"]
    commands = {
        ("space", "role", "--member", admin, "--role", "write"): "authority",
        ("space", "remove", admin, "--reason", "R"): "authority",
        ("revoke", lent): "authority",
        ("revoke", invite): "authority",
        ("delegate", agent, "--verb", "write"): "delegation",
        ("space", "rotate"): "authority",
        ("invites", "revoke", invite): "changed",
        ("invite",): "invite",
        ("space", "close"): "changed",
        ("agent", "revoke", admin): "agent_revoke",
    }
    town.console.ok("--profile", "lead", "sync")
    before = town.events("lead")
    for args, schema in commands.items():
        shown = town.ok("lead", schema, *args, "--dry-run")
        effect = shown.get("effect") or shown
        if schema == "agent_revoke":
            effect = shown["results"][0]["effect"]
        assert effect["dry_run"] is True and effect["changed"] is True, args
        assert effect["event_id"] is None and effect["relay_delivery"] == "not_attempted", args
        assert town.events("lead") == before, args
    shown = town.ok("lead", "authority", "space", "remove", admin, "--dry-run")
    assert invite in shown["revoked"] and lent in {one["grant_id"] for one in shown["ended"]}
    assert shown["acts_count"] >= 3 and lent.replace("grant", "evt") in {
        one["event_id"] for one in shown["acts"]
    }
    left = town.ok("agent", "authority", "space", "leave", "--dry-run")
    assert left["ended"] and town.events("agent") == before
    plan = town.ok("lead", "invite", "invite", "--dry-run", "--max-uses", "0")
    assert plan["invite_code"] is None and plan["max_uses"] == 100


def test_a_copy_goes_on_in_its_chain_after_a_rehearsal(town: Town) -> None:
    town.ok("lead", "send", "send", "before")
    before = town.ok("lead", "audit", "audit")["checked"]["chains"]
    cursor = town.console.ok("--profile", "lead", "history")["records"][-1]["cursor"]
    for _ in range(3):
        town.ok("lead", "authority", "space", "rotate", "--dry-run")
        town.ok("lead", "send", "send", "after")
    assert town.ok("lead", "audit", "audit")["checked"]["chains"] == before
    assert town.console.ok("--profile", "lead", "history")["records"][-1]["cursor"] == cursor + 3


def test_what_a_delegation_adds_to_a_role_is_among_what_a_member_may(town: Town) -> None:
    agent = town.dids["agent"]
    town.ok("lead", "authority", "space", "role", "--member", agent, "--role", "read")

    def may() -> list[str]:
        members = town.ok("lead", "permissions", "permissions")["spaces"][0]["members"]
        (found,) = (one["verbs"] for one in members if one["member_id"] == agent)
        return list(found)

    assert may() == ["read"]
    town.ok("admin", "delegation", "delegate", agent, "--verb", "write")
    assert may() == ["read", "write"]
    assert town.ok("lead", "can", "can", agent, "write")["allowed"]


@pytest.mark.parametrize(
    ("profile", "args", "code", "status"),
    [
        pytest.param(
            "admin", ("space", "remove", "@lead"), "outranked", 4, id="a senior is removed"
        ),
        pytest.param(
            "agent", ("space", "remove", "@admin"), "capability_missing", 4, id="by a writer"
        ),
        pytest.param("admin", ("space", "remove", "@me"), "invalid_argument", 2, id="oneself"),
        pytest.param("lead", ("space", "remove", "@nobody"), "not_found", 3, id="nobody"),
        pytest.param("lead", ("agent", "revoke", "@nobody"), "not_found", 3, id="no agent"),
        pytest.param("lead", ("revoke", "grant_aaaaaaaa"), "not_found", 3, id="no grant"),
        pytest.param("lead", ("space", "leave"), "outranked", 4, id="the founder leaves"),
        pytest.param(
            "agent", ("space", "rotate"), "capability_missing", 4, id="a rotation without a cause"
        ),
        pytest.param(
            "lead",
            ("delegate", "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH",
             "--verb", "read"),
            "enc_key_missing", 5, id="an outsider without keys",
        ),
        pytest.param(
            "lead", ("delegate", "@agent", "--verb", "read", "--scope", "object:obj_aaaaaa"),
            "unsupported_operation", 2, id="an object",
        ),
        pytest.param(
            "lead", ("delegate", "@agent", "--verb", "read", "--scope", "all"),
            "invalid_argument", 2, id="no scope",
        ),
        pytest.param(
            "lead", ("delegate", "@agent", "--verb", "read", "--depth", "11"),
            "invalid_argument", 2, id="too deep",
        ),
        pytest.param(
            "lead", ("delegate", "@agent", "--verb", "read", "--ttl", "9m"),
            "invalid_argument", 2, id="too short",
        ),
        pytest.param(
            "lead", ("delegate", "@agent", "--verb", "write", "--scope", "task:task_aaaaaaaa"),
            "task_not_found", 3, id="no task",
        ),
        pytest.param(
            "lead", ("space", "policy", "--review-by", "human-present"),
            "unsupported_operation", 2, id="presence",
        ),
        pytest.param(
            "lead", ("space", "policy", "--review-by", "everybody"),
            "field_invalid", 2, id="no reviewer",
        ),
        pytest.param(
            "agent", ("space", "policy", "--audit", "free"), "capability_missing", 4,
            id="a policy by a writer",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_and_written_nowhere(
    town: Town, profile: str, args: tuple[str, ...], code: str, status: int
) -> None:
    before = town.events(profile)
    found = town.failed(profile, *args)
    assert (found["error_code"], found["exit"]) == (code, status)
    assert town.events(profile) == before


def test_an_outsider_of_another_machine_is_delegated_to_by_its_card_string(
    town: Town, tmp_path: Path
) -> None:
    there = Console(tmp_path / "there")
    made = there.ok("--profile", "far", "init", "--recovery-output", "skip")
    shown = there.ok("--profile", "far", "card", "show")
    assert schemas.problems(shown, "card") == [] and shown["card"] is None
    text, did = shown["card_string"], made["identity"]["member_id"]
    said = there.call("--profile", "far", "card", "show").out.split()[-1]
    assert len(said) == len(text) and said[:1800] == text[:1800]  # a time later
    line = ("delegate", "--verb", "read")
    assert town.failed("lead", *line, did)["error_code"] == "enc_key_missing"
    for wrong, code, status in (
        (text[:-60] + ("A" if text[-60] != "A" else "B") + text[-59:], "signature_invalid", 8),
        (text[:-60], "invalid_argument", 2),
        ("envoy-card:", "invalid_argument", 2),
    ):
        found = town.failed("lead", *line, wrong)
        assert (found["error_code"], found["exit"]) == (code, status)
    lent = town.ok("lead", "delegation", *line, text)
    assert lent["changed"] and lent["member"]["member_id"] == did
    member = town.ok("lead", "card", "card", "show", "--agent", "@agent")
    assert member["card_string"] is None and member["card"]["name"] == "agent"
    own = town.ok("agent", "card", "card", "show", "--agent", town.dids["agent"])
    assert own["card"] == member["card"] and own["card_string"].startswith("envoy-card:")


def test_a_policy_is_set_field_by_field_and_shown_with_the_space(town: Town) -> None:
    plain = town.ok("agent", "policy", "space", "policy")
    assert plain["changed"] is False and plain["policy"]["lease_s"] == 900
    town.ok("lead", "policy", "space", "policy", "--reviews", "2", "--no-self-review")
    found = town.ok("admin", "policy", "space", "policy", "--require-evidence", "test,log")
    assert found["policy"]["gate"] == {
        "reviews": 2, "review_by": [], "no_self_review": True, "evidence": ["test", "log"]
    }  # fmt: skip
    town.console.ok("--profile", "agent", "sync")
    record = town.ok("agent", "work_record", "work-record")
    assert record["authority"]["policy"] == found["policy"]
    town.console.ok("--profile", "lead", "sync")
    assert town.ok("lead", "space", "space", "update", "--name", "x")["policy"] == found["policy"]


def test_a_rule_of_the_policy_is_taken_back_by_its_other_value(town: Town) -> None:
    rules = ("--reviews", "1", "--no-self-review", "--require-evidence", "test")
    strict = town.ok("lead", "policy", "space", "policy", *rules, "--review-by", "admin")
    free = town.ok("lead", "policy", "space", "policy", "--self-review", "--require-evidence=")
    assert free["changed"] and strict["policy"]["gate"]["no_self_review"]
    assert free["policy"]["gate"] == {
        "reviews": 1, "review_by": ["admin"], "no_self_review": False, "evidence": []
    }  # fmt: skip
    town.ok("lead", "policy", "space", "policy", "--review-by", "", "--reviews", "0")
    kept = town.ok("lead", "policy", "space", "policy", "--self-review")
    assert not kept["changed"] and kept["policy"]["gate"]["review_by"] == []
    both = town.failed("lead", "space", "policy", "--self-review", "--no-self-review")
    assert (both["error_code"], both["exit"]) == ("invalid_argument", 2)


def test_a_removal_in_some_spaces_only_tells_the_failures_and_fails(town: Town) -> None:
    made = town.console.ok("--profile", "admin", "space", "create", "theirs")
    code = town.console.ok("--profile", "admin", "invite", made["space_id"], "--max-uses", "2")
    for name in ("lead", "agent"):
        town.console.ok("--profile", name, "join", code["invite_code"])
    args = ("--profile", "lead", "--json", "agent", "revoke", town.dids["agent"])
    found = town.console.call(*args)
    assert found.status == 4 and schemas.problems(found.data, "agent_revoke") == []
    told = {one["space_name"]: one["error_code"] for one in found.data["results"]}
    assert told == {"bughunt": None, "theirs": "capability_missing"}


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        pytest.param([None, None], 0, id="none failed"),
        pytest.param([None, "capability_missing"], 4, id="a right is missing"),
        pytest.param([None, "storage_failed", "capability_missing"], 1, id="the disk failed first"),
    ],
)
def test_a_removal_that_fails_has_the_status_of_what_failed(
    codes: list[str | None], status: int
) -> None:
    assert status_of([{"error_code": code} for code in codes]) == status


# -- questions -----------------------------------------------------------------------------------


class Terminal(StringIO):
    """A terminal at which somebody types one line."""

    def isatty(self) -> bool:
        """Say that a person is there."""
        return True


def at_a_terminal(
    town: Town, monkeypatch: pytest.MonkeyPatch, typed: str, *args: str
) -> tuple[int, str]:
    """Run a command where a person sits; return status and what was shown on stderr."""
    from envoy.cli.main import main

    for name, value in town.console.environment(ENVOY_SPACE=town.space).items():
        monkeypatch.setenv(name, value)
    shown = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(sys, "stdout", StringIO())
    return main(["--profile", "lead", "--color", "never", *args]), shown.getvalue()


@pytest.mark.parametrize(
    ("typed", "flags", "status", "is_asked"),
    [
        pytest.param("n\n", (), 9, True, id="no"),
        pytest.param("", (), 9, True, id="nothing"),
        pytest.param("yes\n", (), 0, True, id="yes"),
        pytest.param("", ("--yes",), 0, False, id="answered before"),
        pytest.param("", ("--json",), 0, False, id="a program"),
        pytest.param("", ("--dry-run",), 0, False, id="a rehearsal"),
    ],
)
def test_a_person_is_shown_who_is_meant_and_asked(
    town: Town,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    flags: tuple[str, ...],
    status: int,
    is_asked: bool,
) -> None:
    before = town.events("lead")
    args = ("space", "remove", "@agent", "--reason", "R", *flags)
    found, shown = at_a_terminal(town, monkeypatch, typed, *args)
    monkeypatch.undo()
    assert found == status and ("remove this member? [y/N]" in shown) is is_asked
    assert ('"agent" (' in shown and "ends" in shown) is is_asked
    wrote = status == 0 and "--dry-run" not in flags
    assert (town.events("lead") > before) is wrote


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("space", "close"), id="a space ends"),
        pytest.param(("agent", "revoke", "@agent"), id="an agent goes"),
        pytest.param(("space", "role", "--member", "@agent", "--role", "read"), id="a role falls"),
        pytest.param(("delegate", "@agent", "--verb", "read"), id="a grant is lent"),
    ],
)
def test_without_a_yes_nothing_is_written(
    town: Town, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    before = town.events("lead")
    status, shown = at_a_terminal(town, monkeypatch, "no\n", *args)
    monkeypatch.undo()
    assert status == 9 and "[y/N]" in shown and town.events("lead") == before
