"""Compat: every command line that people and scripts already use runs unchanged.

The lines are those of the existing product that this version has; capitals stand for real ids,
codes and names, `$P`, `$ENVOY_PROFILE` and `$ENVOY_SPACE` are set by the shell. Each runs in one
shell, in the home of `lead`, whose spaces are bughunt, which `a1` is in too, and two more.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from console import Console

pytestmark = pytest.mark.slow

LINES = r"""
envoy --version
envoy quickstart --human
envoy --profile owner quickstart --human --name N --space-name NAME
envoy quickstart --reusable
envoy invite S
envoy space invite --space S
envoy invite S --ttl 30m --max-uses 1 --role write
envoy invite S --max-uses 0 --ttl 30m --role read
envoy invites list --space S
envoy invites revoke --space S INVITE
envoy invites revoke --space S CODE
envoy --profile j1 join CODE
envoy --profile j2 join --human CODE
envoy --profile $P join --agent --name N CODE
envoy send --space S "Ready to work."
printf '%s' TEXT | envoy --profile "$ENVOY_PROFILE" --json send --space "$ENVOY_SPACE" --stdin
envoy send --space S --refs ID,ID TEXT
envoy send --space S --reply-to ID TEXT
envoy send --space S --task BODY --assignee M
envoy --profile a1 send --space S --task-id T --task-status in_progress TEXT
envoy history S --limit 20
envoy --profile $P --json history "$ENVOY_SPACE" --limit 50
envoy search "some words" --limit 20
envoy --json inbox --space S read
envoy inbox --space S --tasks read
envoy inbox --space S read --wait --wait-timeout 0 --json
envoy inbox --space S ack --up-to-cursor C --json
envoy inbox ack --space S
envoy inbox count
envoy inbox read-ack
timeout 5 envoy listen --space S --no-history --exclude-self
timeout 5 envoy listen --since C
envoy events --space S --types new_message,member_joined --watch-timeout 1
envoy status
envoy diagnose
envoy spaces
envoy space list
envoy rooms
envoy space create NAME2
envoy space create --name NAME3 --expires 7d --description D
envoy space members S
envoy space update S --name N --description D
envoy permissions --space S
envoy roster --space S
envoy fingerprint
envoy identity list
envoy identity create N2
envoy identity use N2
envoy --profile i1 init --name N --agent
envoy task list --space S
envoy task list --space S --include-completed
envoy task list --space S --status all
envoy task list --space S --status completed
envoy task create --space S --body TEXT
envoy task create --space S --body TEXT --assignee M
printf '%s' BODY | envoy --json task create --space S --stdin
envoy --profile a1 task claim --space S --task-id FREE
envoy --json --profile a1 task set --space S FREE in_progress
envoy --profile a1 task complete --space S --task-id FREE
envoy task --space S list
envoy work-record --space S --json
envoy work-record --space S --json --limit 500
envoy space close S
""".strip().splitlines()
# `listen` ends when it is told to; `timeout` says so by 124.
ENDED = {"timeout": (0, 124)}


class Street(NamedTuple):
    """A home, and what the capitals stand for."""

    console: Console
    names: dict[str, str]

    def real(self, line: str) -> str:
        """Return ``line`` with real ids, codes and names in place of the capitals."""
        if "CODE" in line:
            made = self.console.ok("--profile", "lead", "invite", self.names["S"])
            line = line.replace("CODE", made["invite_code"])
        words = sorted(self.names, key=len, reverse=True)
        pattern = rf"(?<![\w$-])(?:{'|'.join(words)})(?![\w])"
        return re.sub(pattern, lambda found: self.names[found[0]], line)


@pytest.fixture
def street(tmp_path: Path) -> Street:
    console = Console(tmp_path)
    lead = ("--profile", "lead")
    made = console.ok(*lead, "quickstart", "--human", "--space-name", "bughunt")
    space = made["space_id"]
    console.ok("--profile", "a1", "join", made["invite_code"])
    invite = console.ok(*lead, "invite", space)["invite_id"]
    said = console.ok("--profile", "a1", "send", "--space", space, "Some words here.")
    tasks = [
        console.ok(*lead, "task", "create", space, text, *for_whom)["task_id"]
        for text, for_whom in (("Given", ("--assignee", "@a1")), ("Free", ()))
    ]
    names = {
        "S": space,
        "INVITE": invite,
        "ID": said["message_id"],
        "M": console.ok("--profile", "a1", "fingerprint")["member"]["member_id"],
        "T": tasks[0],
        "FREE": tasks[1],
        "C": str(said["cursor"]),
    }
    return Street(console, names)


def test_every_line_in_use_runs_unchanged(street: Street) -> None:
    space = street.names["S"]
    variables = {"ENVOY_PROFILE": "lead", "ENVOY_SPACE": space, "P": "lead"}
    for line in LINES:
        if "--wait-timeout 0" in line:  # would wait for ever
            street.console.ok("--profile", "a1", "send", "--space", space, "wake up")
        done = street.console.sh(street.real(line), **variables)
        assert done.status in ENDED.get(line.split()[0], (0,)), (line, done)
        if "--json" in line:
            assert done.data["schema"].startswith("envoy.")


def test_a_person_may_wait_for_the_other_side(street: Street) -> None:
    waiting = "envoy --profile w1 quickstart --wait --space-name waited > shown &"
    until = "until grep -q '^code ' shown; do sleep 0.1; done"
    code = "CODE=$(grep -o '[2-9A-Z-]\\{29\\}' shown | head -n 1)"
    command = f"{waiting} {until}; {code}; envoy --profile w2 join $CODE && wait && cat shown"
    done = street.console.sh(command)
    assert done.status == 0 and "joined" in done.out.splitlines()[-1], done
