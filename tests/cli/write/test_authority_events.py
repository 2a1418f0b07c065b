"""What programs are told when authority changes: every type, and when to read authority again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from console import Console
from schemas import problems

# Type of the stream -> whether whoever acts reads its authority again first; None: as the act says.
TOLD = {
    "member_joined": False,
    "member_left": False,
    "capability_granted": False,
    "capability_revoked": True,
    "epoch_bumped": True,
    "event_held": None,
    "event_admitted": None,
}


class Town(NamedTuple):
    """A space of `lead`, with `late`, `crosser` and `goer` in it."""

    console: Console
    dids: dict[str, str]

    def ok(self, profile: str, *args: str) -> dict[str, Any]:
        """Return the answer of a command that succeeds."""
        return self.console.ok("--profile", profile, *args)

    def events(self, profile: str, *args: str) -> list[dict[str, Any]]:
        """Return the stream of a profile from its beginning."""
        call = ("--profile", profile, "--json", "events", "--since", "0", "--watch-timeout", "0")
        found = self.console.call(*call, *args)
        assert found.status == 0, found
        made = [json.loads(line) for line in found.out.splitlines()]
        assert [problem for one in made for problem in problems(one, "event")] == []
        return made


def town(root: Path) -> Town:
    """Return a town whose members have read each other."""
    console = Console(root)
    console.ok("--profile", "lead", "quickstart", "--human", "--space-name", "bughunt")
    code = str(console.ok("--profile", "lead", "invite", "--max-uses", "3")["invite_code"])
    made = Town(console, {})
    for name in ("late", "crosser", "goer"):
        made.dids[name] = made.ok(name, "join", "--agent", "--name", name, code)["member_id"]
    for name in ("lead", "late", "crosser", "goer"):
        made.ok(name, "sync")
    return made


def test_every_change_of_authority_is_told_with_whether_to_read_again(tmp_path: Path) -> None:
    made = town(tmp_path)
    lead = "lead"
    made.ok(lead, "space", "role", "--member", "@late", "--role", "admin")
    made.ok("late", "sync")
    # Two who do not know of their removal: one speaks, one lets somebody write.
    task = str(made.ok(lead, "task", "create", "work")["task_id"])
    made.ok("crosser", "sync")
    spoken = made.ok("crosser", "--no-sync", "send", "unaware")["event_id"]
    lent = made.ok(
        "crosser", "--no-sync", "delegate", "@goer", "--verb", "write", "--scope", f"task:{task}"
    )["event_id"]
    made.ok(lead, "space", "remove", "--member", "@crosser", "--reason", "R")
    made.ok("crosser", "sync")
    made.ok(lead, "sync")
    made.ok(lead, "quarantine", "admit", spoken, "--reason", "it meant well")
    made.ok("goer", "space", "leave")
    made.ok(lead, "sync")

    told = made.events(lead)
    kinds = {one["type"] for one in told}
    assert kinds >= set(TOLD) - {"event_held"}, "what was held when it came was never told as ok"
    for one in told:
        expected = TOLD.get(one["type"], False)
        if expected is not None:
            assert one["requires_re_read_before_mutation"] is expected, one
    # The author had counted both: for it they turn held. The grant asks for another look.
    mine = {one["event_id"]: one for one in made.events("crosser", "--types", "event_held")}
    assert mine[spoken]["requires_re_read_before_mutation"] is False
    assert mine[lent]["requires_re_read_before_mutation"] is True
    freed = {one["event_id"]: one for one in made.events(lead, "--types", "event_admitted")}
    assert freed[spoken]["requires_re_read_before_mutation"] is False


def test_those_concerned_find_it_in_their_inbox(tmp_path: Path) -> None:
    made = town(tmp_path)
    made.ok("lead", "space", "role", "--member", "@late", "--role", "admin")
    made.ok("crosser", "--no-sync", "send", "unaware")
    made.ok("lead", "space", "remove", "--member", "@crosser", "--reason", "R")
    made.ok("crosser", "sync")
    for profile, types in (
        ("late", {"capability_granted"}),
        ("crosser", {"member_left", "event_held"}),
    ):
        made.ok(profile, "sync")
        items = made.ok(profile, "inbox", "read")["messages"]
        assert types <= {one["event_type"] for one in items}, items
        found = [one for one in items if one["event_type"] in types]
        assert {one["inbox_reason"] for one in found} <= {"authority", "held"}
