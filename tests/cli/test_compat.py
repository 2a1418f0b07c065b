"""Compat: every command line that people and scripts already use runs unchanged.

The lines are those of the existing product, all of them; capitals stand for real ids, codes and
names, `$P`, `$ENVOY_PROFILE` and `$ENVOY_SPACE` are set by the shell. Each runs in one shell, in
the home of `lead`, whose spaces are bughunt, which `a1` is in too, and two more. What needs a relay
has one, what asks for a passphrase has a terminal. `claude` is a program of others: of its line the
part that starts ours is run.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from console import Console
from relay.running import Running
from terminal import Terminal

pytestmark = pytest.mark.slow

LINES = r"""
envoy --version
envoy onboarding
envoy onboarding --agent
envoy quickstart --human
envoy --profile owner quickstart --human --name N --space-name NAME
envoy quickstart --reusable
envoy invite S
envoy space invite --space S
envoy invite S --ttl 30m --max-uses 1 --role write
envoy invite S --max-uses 0 --ttl 30m --role read
envoy invites list --space S
envoy invites revoke --space S INVITE
envoy invites rotate --space S ROTATED --ttl 30m
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
envoy work-record --space S --json --limit 500 --cursor PAGE
envoy provenance ID --space S
envoy audit --space S
envoy card publish --name N --capabilities inbox,task,summary --json
envoy card show --identity M
envoy card list
envoy space mute S
envoy space unmute S
envoy space pin S
envoy space unpin S
envoy delegate S M --verb write --scope room --depth 0 --ttl 24h
envoy space role S --member M --role read
envoy agent revoke M --reason R
envoy identity rename --name N
envoy space close S
envoy space forget S
envoy reset --yes --backup
envoy-mcp --version
envoy-mcp --envoy-bin /abs/envoy --profile $P < call.json
claude mcp add envoy -- envoy-mcp --profile $P < call.json
""".strip().splitlines()
# `listen` ends when it is told to; `timeout` says so by 124.
ENDED = {"timeout": (0, 124)}
# What the server says, to `--version` as to a client: its name.
ANSWERS = "envoy"
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "sh", "version": "1"},
    },
}
# With a relay that the environment names, and without one.
CONNECTED = r"""
envoy --profile c1 quickstart --cross-machine
envoy --profile c2 quickstart --human --cross-machine
envoy diagnose time
envoy billing status
envoy billing plans
envoy --profile c3 join --allow-relay-lookup CODE
""".strip().splitlines()
# A program of others that starts ours.
ADAPTER = "claude mcp add envoy -- "


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
    page = console.ok(*lead, "work-record", space, "--limit", "1")["bounds"]
    names = {
        "S": space,
        "INVITE": invite,
        "ROTATED": console.ok(*lead, "invite", space)["invite_id"],
        "PAGE": page["next_cursor"],
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
    (street.console.cwd / "call.json").write_text(json.dumps(CALL) + "\n", "utf-8")
    for line in LINES:
        if "--wait-timeout 0" in line:  # would wait for ever
            street.console.ok("--profile", "a1", "send", "--space", space, "wake up")
        line = line.removeprefix(ADAPTER)
        done = street.console.sh(street.real(line), **variables)
        if line.startswith("envoy-mcp"):
            assert (done.status, done.err) == (0, "") and ANSWERS in done.out, (line, done)
            continue
        assert done.status in ENDED.get(line.split()[0], (0,)), (line, done)
        if "--json" in line:
            assert done.data["schema"].startswith("envoy.")


def test_lines_for_two_machines_run_where_a_relay_is(street: Street, tmp_path: Path) -> None:
    console = street.console
    elsewhere = Console(tmp_path / "elsewhere")
    running = Running(tmp_path / "relay")
    try:
        relay = {"ENVOY_RELAY_URL": running.origin, "ENVOY_PROFILE": "c1"}
        for line in CONNECTED:
            place = console if "join" not in line else elsewhere
            if "CODE" in line:
                made = console.ok("--profile", "c1", "invite", **relay)
                line = line.replace("CODE", made["invite_code"])
            done = place.sh(line, **relay)
            assert done.status == 0, (line, done)
    finally:
        running.end()
    # Without a relay the space is made all the same, and it is said that nobody reaches it.
    alone = console.call("--profile", "c4", "--json", "quickstart", "--cross-machine")
    assert alone.data["error_code"] == "connected_intent_unsatisfied"


def test_an_identity_travels_by_the_lines_in_use(street: Street) -> None:
    console = street.console
    words = console.sh("envoy --profile old init --recovery-output file:words && cat words")
    typed = (("assphrase", "a long enough one"), ("again", "a long enough one"))
    terminal = Terminal(console, 80, ENVOY_PROFILE="old")
    out = terminal.run("identity", "export", "--file", "F", answers=typed)
    assert out.status == 0, out.text
    back = Terminal(console, 80, ENVOY_PROFILE="new").run(
        "identity", "import", "F", answers=typed[:1]
    )
    assert back.status == 0, back.text
    found = [console.ok("--profile", name, "fingerprint")["fingerprint"] for name in ("old", "new")]
    assert found[0] == found[1]
    again = console.sh("envoy --profile again recover --stdin < words")
    assert again.status == 0, again
    assert console.ok("--profile", "again", "fingerprint")["fingerprint"] == found[0], words


def test_a_person_may_wait_for_the_other_side(street: Street) -> None:
    waiting = "envoy --profile w1 quickstart --wait --space-name waited > shown &"
    until = "until grep -q '^code ' shown; do sleep 0.1; done"
    code = "CODE=$(grep -o '[2-9A-Z-]\\{29\\}' shown | head -n 1)"
    command = f"{waiting} {until}; {code}; envoy --profile w2 join $CODE && wait && cat shown"
    done = street.console.sh(command)
    assert done.status == 0 and "joined" in done.out.splitlines()[-1], done
