"""A race: of eight profiles that claim one task at once one wins, and seven know who has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from console import SECONDS_MAX, Console

pytestmark = pytest.mark.slow

RUNNERS = [f"r{number}" for number in range(8)]


def test_a_race_of_eight_has_one_winner_and_seven_who_know(tmp_path: Path) -> None:
    console = Console(tmp_path)
    made = console.ok("--profile", "lead", "quickstart", "--reusable", "--space-name", "bughunt")
    dids = {}
    for name in RUNNERS:
        joined = console.ok("--profile", name, "join", made["invite_code"])
        dids[joined["member_id"]] = name
    task = console.ok("--profile", "lead", "task", "create", "Repro crash")["task_id"]
    racing = [
        subprocess.Popen(
            ["envoy", "--profile", name, "--json", "task", "claim", task],
            env=console.environment(),
            cwd=console.cwd,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in RUNNERS
    ]
    results = [(one.communicate(timeout=SECONDS_MAX)[0], one.returncode) for one in racing]
    answers = [json.loads(out) for out, _ in results]
    winners = [one for one in answers if one["schema"] == "envoy.transition/1"]
    losers = [one for one in answers if one["schema"] == "envoy.error/1"]
    assert sorted(status for _, status in results) == [0] + [5] * 7
    assert len(winners) == 1 and winners[0]["claim_state"] == "confirmed"
    assert {one["error_code"] for one in losers} == {"task_already_claimed"}
    assert {one["holder"] for one in losers} == {winners[0]["assignee_id"]}
    assert winners[0]["assignee_id"] in dids
