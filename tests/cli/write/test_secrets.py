"""Secrets and questions: recovery words, what a terminal is asked, what a screen must not obey."""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
from pathlib import Path

import pytest

from console import SECONDS_MAX, Console

pytestmark = pytest.mark.slow

WORDS = re.compile(r"\b\d+ ([a-z]+)\b")


def on_terminal(console: Console, *args: str, typed: str = "") -> tuple[int, str, str]:
    """Run `envoy` with stdin and stderr on a terminal; return status, stdout and the terminal."""
    mine, theirs = pty.openpty()
    try:
        os.write(mine, typed.encode())
        done = subprocess.run(
            ["envoy", *args],
            env=console.environment(TERM="xterm"),
            cwd=console.cwd,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=SECONDS_MAX,
            check=False,
        )
        os.set_blocking(mine, False)
        shown = os.read(mine, 65536) if done.returncode is not None else b""
    except BlockingIOError:
        shown = b""
    finally:
        os.close(theirs)
        os.close(mine)
    return done.returncode, done.stdout.decode(), shown.decode()


def test_the_words_are_shown_once_on_a_terminal_and_never_on_stdout(tmp_path: Path) -> None:
    console = Console(tmp_path)
    status, out, shown = on_terminal(console, "quickstart", "--human")
    words = WORDS.findall(shown)
    assert status == 0 and len(words) == 24
    # One word may well be one of ours ("code", "space"); three in a row are a phrase.
    said = " ".join(out.split())
    assert not any(" ".join(words[at : at + 3]) in said for at in range(22))
    assert "recovery_words_not_shown" not in shown
    _, _, again = on_terminal(console, "quickstart", "--space-name", "other")
    assert WORDS.findall(again) == []


def test_the_words_never_stand_in_json(tmp_path: Path) -> None:
    console = Console(tmp_path)
    status, out, shown = on_terminal(console, "--json", "quickstart")
    assert status == 0 and shown == "" and '"recovery_delivery":"skipped"' in out
    for flag in ("--recovery-output=stderr", "--show-recovery-phrase"):
        refused = console.run("--json", "--profile", "b", "init", flag)
        assert refused.status == 2 and refused.data["error_code"] == "invalid_argument"


def test_the_words_go_into_a_file_of_mine_that_was_not_there(tmp_path: Path) -> None:
    console = Console(tmp_path)
    made = console.ok("init", "--recovery-output", "file:words.txt")
    path = console.cwd / "words.txt"
    assert made["recovery_delivery"] == "file" and made["recovery_path"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    words = path.read_text()
    assert len(words.split()) == 24
    again = console.run("--json", "identity", "create", "b", "--recovery-output", "file:words.txt")
    assert again.data["error_code"] == "already_exists" and path.read_text() == words
    assert [one["profile"] for one in console.ok("identity", "list")["profiles"]] == ["default"]


def test_a_file_is_given_up_if_the_identity_exists(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("init", "--recovery-output", "skip")
    refused = console.run("--json", "init", "--recovery-output", "file:words.txt")
    assert refused.data["error_code"] == "already_exists"
    assert not (console.cwd / "words.txt").exists()
    refused = console.run("--json", "quickstart", "--recovery-output", "file:words.txt")
    assert refused.data["error_code"] == "already_exists"


@pytest.mark.parametrize("where", ["file:", "somewhere", "skip:x", "file:/nowhere/words.txt"])
def test_words_have_to_go_somewhere(tmp_path: Path, where: str) -> None:
    console = Console(tmp_path)
    assert console.run("init", "--recovery-output", where).status in (2, 8)
    assert console.run("status").status == 3


def test_a_person_is_asked_before_a_space_ends(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.ok("quickstart", "--space-name", "bughunt")
    status, _, shown = on_terminal(console, "space", "close", "bughunt", typed="\n")
    assert status == 9 and "[y/N]" in shown and "confirmation_required" in shown
    assert on_terminal(console, "space", "close", "bughunt", typed="y\n")[0] == 0
    console.ok("space", "create", "other")
    assert on_terminal(console, "--yes", "space", "close", "other")[0] == 0


def test_a_code_stands_in_no_error_and_no_list(tmp_path: Path) -> None:
    console = Console(tmp_path)
    code = console.ok("quickstart")["invite_code"]
    symbols = code.replace("-", "")
    listed = console.run("--json", "invites", "list")
    console.ok("--profile", "b", "join", code)
    failed = console.run("--profile", "c", "join", code)
    for text in (listed.out, failed.out, failed.err, console.run("history").out):
        assert code not in text and symbols not in text


HOSTILE = "\x1b[2J\x1b]0;owned\x07 a\u202eb\u200b"


def test_no_answer_obeys_what_a_member_wrote(tmp_path: Path) -> None:
    console = Console(tmp_path)
    code = console.ok("quickstart", "--name", HOSTILE, "--space-name", HOSTILE)["invite_code"]
    task = console.ok("task", "create", f"{HOSTILE}\nbody")["task_id"]
    shown = [
        console.run("--profile", "b", "join", "--name", HOSTILE, code),
        console.run("--profile", "b", "send", HOSTILE),
        console.run("--profile", "b", "task", "claim", task),
        console.run("task", "claim", task),
        console.run("task", "create", HOSTILE),
        console.run("space", "update", "--description", HOSTILE),
        console.run("inbox", "read-ack"),
        console.run("space", "close", HOSTILE),
    ]
    for one in shown:
        assert one.out + one.err != "" and "internal" not in one.err
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", one.out + one.err)


def test_waiting_ends_when_somebody_joins(tmp_path: Path) -> None:
    console = Console(tmp_path)
    waiting = subprocess.Popen(
        ["envoy", "--json", "quickstart", "--wait"],
        env=console.environment(),
        cwd=console.cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    code = waiting.stderr.readline().split()[1]
    joined = console.ok("--profile", "b", "join", code)
    out, _ = waiting.communicate(timeout=SECONDS_MAX)
    assert waiting.returncode == 0 and out.count("\n") == 1
    assert joined["member_id"] in out
