"""A system call that fails, or that a process does not survive: some of each kind, in CI."""

from __future__ import annotations

import pytest

from faults import commands, homes
from faults.homes import Said
from faults.suite import run


def test_every_command_that_changes_something_is_played_or_left_out_for_a_reason() -> None:
    assert commands.unplayed() == set()
    assert not commands.ROWS.keys() & commands.LEFT_OUT.keys()


def test_faults_of_a_message_are_survived() -> None:
    done = run("calls", "--command", "send", "--sample", "5")
    assert done.status == 0 and done.figures["count"] == 5, done.out


@pytest.mark.slow
def test_faults_of_every_command_are_survived() -> None:
    done = run("calls", "--sample", "1", "--seconds", "150")
    assert done.status == 0 and done.figures["count"] > 60, done.out


# A command that tells first, and answers that all is well whatever comes of it.
EARLY = """
from envoy.cli import main as cli
before = cli.guarded
def early(words, face):
    if "after" in words or "send" not in words:
        return before(words, face)
    print('{"schema":"envoy.send/1","message_id":"msg_' + "a" * 52 + '"}', flush=True)
    before(words, face._replace(quiet=True))
    return 0
cli.guarded = early
"""


def test_control_what_was_told_and_is_not_there_is_a_failure() -> None:
    done = run("calls", "--command", "send", "--at", "200", program=EARLY)
    assert done.status == 1 and "acknowledged and lost" in done.out, done.out


@pytest.mark.parametrize(
    ("said", "sound"),
    [
        pytest.param(Said(0, '{"schema":"envoy.sync/1"}', ""), True, id="an answer"),
        pytest.param(Said(8, '{"error_code":"state_corrupt"}', ""), True, id="a documented code"),
        pytest.param(Said(0, "", "Traceback (most recent call last)"), False, id="a traceback"),
        pytest.param(Said(1, '{"error_code":"internal"}', ""), False, id="a bug"),
        pytest.param(Said(3, '{"error_code":"state_corrupt"}', ""), False, id="another status"),
        pytest.param(Said(77, "", ""), False, id="a status that no code has"),
        pytest.param(Said(8, '{"error_co', ""), False, id="half an answer"),
    ],
)
def test_what_no_command_may_come_to(said: Said, sound: bool) -> None:
    assert (homes.oddities(said) == []) == sound
