"""Retries: a call under a key is made once, whatever the command, and answered as the first time.

The table walks every command that writes into a space; `test_table.py` sees that none is without a
key. What a retry may say anew is how far it was sent and what the space is like by now.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

import schemas
from console import Console


class Town(NamedTuple):
    """A home where `lead` has a space, `admin` is one in it, `agent` and `other` write."""

    console: Console
    space: str
    dids: dict[str, str]

    def run(self, profile: str, *args: str) -> dict[str, Any]:
        """Run a command that has to succeed."""
        return self.console.ok("--profile", profile, *args, ENVOY_SPACE=self.space)

    def code(self, profile: str, *args: str) -> str:
        """Return the code of a command that has to fail."""
        found = self.console.call("--profile", profile, "--json", *args, ENVOY_SPACE=self.space)
        assert found.status != 0, found
        return str(found.data["error_code"])

    def events(self, profile: str) -> int:
        """Return how many events a profile has in the space."""
        return int(self.run(profile, "work-record")["frontier"]["events"])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    console = Console(tmp_path_factory.mktemp("town"))
    made = console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    found = Town(console, made["space_id"], {})
    code = found.run("lead", "invite", "--max-uses", "3")["invite_code"]
    for name in ("admin", "agent", "other"):
        joined = found.run(name, "join", "--agent", "--name", name, code)
        found.dids[name] = joined["member_id"]
    found.run("lead", "space", "role", "--member", found.dids["admin"], "--role", "admin")
    return found


# What a command is, as who, and what it must not be under the same key. AGENT stands for a did,
# INVITE, GRANT and TASK for what was made just before.
ROWS = (
    ("lead", "space role --member AGENT --role read", "--role write"),
    ("lead", "space policy --reviews 1", "--reviews 2"),
    ("lead", "space rotate", ""),
    ("lead", "space update --description one", "--description two"),
    ("lead", "delegate AGENT --verb write --ttl 1h", "--ttl 2h"),
    ("lead", "revoke GRANT --reason one", "--reason two"),
    ("lead", "invites revoke INVITE", ""),
    ("lead", "invites rotate INVITE --ttl 1h", "--ttl 2h"),
    ("lead", "invite --ttl 1h", "--ttl 2h"),
    ("lead", "card publish --version 7", "--version 8"),
    ("lead", "message redact MESSAGE --reason one", "--reason two"),
    ("lead", "task ready --claim", "--label other"),
    ("admin", "inbox read-ack --limit 3", "--limit 4"),
    ("admin", "inbox ack --up-to-cursor 20", "--up-to-cursor 21"),
    ("lead", "space remove AGENT --reason one", "--reason two"),
    ("lead", "agent revoke OTHER --reason one", "--reason two"),
    ("admin", "space leave", ""),
    ("lead", "space close", ""),
)
# What a retry says as it is by now.
ANEW = (
    *("replayed", "freshness", "tasks", "page", "warnings", "pending_sync", "relay_delivery"),
    *("events", "unread_count", "synced_at", "latest_cursor", "matching_unread_count"),
)


def filled(town: Town, line: str) -> list[str]:
    """Return a command line with what it needs made."""
    words = line.split()
    if "INVITE" in words:
        words[words.index("INVITE")] = town.run("lead", "invite")["invite_id"]
    if "GRANT" in words:
        lent = town.run("lead", "delegate", town.dids["other"], "--verb", "write", "--ttl", "1h")
        words[words.index("GRANT")] = lent["grant_id"]
    if "MESSAGE" in words:
        words[words.index("MESSAGE")] = town.run("lead", "send", "unfortunate")["message_id"]
    if "--claim" in words:
        for title in ("first", "second"):
            town.run("lead", "task", "create", title)
    return [town.dids.get(word.lower(), word) if word.isupper() else word for word in words]


def kept(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what a retry has to say again, at any depth."""
    return {
        name: kept(value)
        if isinstance(value, dict)
        else [kept(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list)
        else value
        for name, value in answer.items()
        if name not in ANEW
    }


def test_every_command_that_writes_is_made_once_under_a_key(town: Town) -> None:
    for number, (who, line, other) in enumerate(ROWS):
        words = [*filled(town, line), "--idempotency-key", f"k{number}"]
        first = town.run(who, *words)
        events = town.events(who)
        again = town.run(who, *words)
        assert (first["replayed"], again["replayed"]) == (False, True), line
        assert kept(again) == kept(first), line
        schema = str(first["schema"]).removeprefix("envoy.").removesuffix("/1")
        assert schemas.problems(first, schema) == schemas.problems(again, schema) == [], line
        assert town.events(who) == events, line
        changed = [*words, *other.split()] if other else ["send", "x", *words[-2:]]
        for flag in (word for word in other.split() if word.startswith("--")):
            if words.count(flag):  # given twice it is refused as such
                place = words.index(flag)
                changed = [*words[:place], *other.split(), *words[place + 2 :]]
        assert town.code(who, *changed) == "idempotency_mismatch", line
        # The control: under another key it is another call.
        assert town.events(who) == events, line


def test_a_walk_that_broke_off_takes_no_second_task(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("quickstart", "--human", "--space-name", "b")
    for title in ("first", "second"):
        console.ok("task", "create", title)
    walk = ("--json", "task", "ready", "--claim", "--idempotency-key", "k")
    away = console.call("--no-sync", *walk)
    assert away.data["error_code"] == "claim_unconfirmed"
    assert console.call("--no-sync", *walk).data["error_code"] == "claim_unconfirmed"
    done = console.ok(*walk[1:])
    assert done["tasks"][0]["title"] == "first" and done["tasks"][0]["claim_state"] == "confirmed"
    assert console.ok(*walk[1:])["claimed"] == done["claimed"]
    states = [one["state"] for one in console.ok("task", "list", "--status", "all")["tasks"]]
    assert sorted(states) == ["claimed", "open"]
    # The control: another key takes the other one.
    assert console.ok(*walk[1:-1], "k2")["claimed"] != done["claimed"]
