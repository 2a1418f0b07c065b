"""Peers of the bench: where they are looked for, what a case says without them, how both count."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from bench import report, rounds
from bench.cases import peer_servers, peers
from bench.peers import finding, git, nats
from bench.peers.finding import Program
from bench.report import Played
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Setting, Spent

from test_bench import HEAD

CASES = (*peers.CASES, *peer_servers.CASES)
SPENT = Spent(cpu_ms=2.0, wall_ms=3.0, exit=0, out="", err="")


def run(race: Race) -> rounds.Outcome:
    """Run a race of three rounds."""
    return rounds.run(race, rounds=3, chance=random.Random(1))


def script(place: Path, name: str, text: str) -> Path:
    """Make a program of a shell."""
    place.mkdir(parents=True, exist_ok=True)
    path = place / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o700)
    return path


@pytest.mark.parametrize("case", [pytest.param(one, id=one.name) for one in CASES])
def test_a_case_whose_peer_is_absent_says_so_and_measures_nothing(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(finding.VARIABLE, "")
    setting = Setting(tmp_path, tmp_path, quick=True, envoy="envoy", held=ExitStack())
    played = [Played(case, run(case.play(setting)), None)]
    (row,), (found,) = report.rows(played[0]), report.results(played[0])
    assert row[1].startswith("absent: ")
    assert found["remarks"] == [row[1]]
    assert report.is_good(played)


def test_peers_are_looked_for_where_the_variable_says_before_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = script(tmp_path / "given", "task", "echo 9.9")
    script(tmp_path / "path", "task", "echo 1.1")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv(finding.VARIABLE, str(tmp_path / "given"))
    assert finding.program("task", "--version") == Program(str(given), "9.9")
    monkeypatch.delenv(finding.VARIABLE)
    found = finding.program("task", "--version")
    assert found is not None
    assert found.version == "1.1"


def test_a_python_counts_only_if_it_has_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "without", "python", "exit 1")
    there = script(tmp_path / "with", "python", "echo 0.1.0")
    without, both = str(tmp_path / "without"), f"{tmp_path / 'without'}:{tmp_path / 'with'}"
    monkeypatch.setenv(finding.VARIABLE, without)
    assert finding.python_with("mail") is None
    monkeypatch.setenv(finding.VARIABLE, both)
    assert finding.python_with("mail") == Program(str(there), "0.1.0")


def test_a_round_runs_a_command_once_for_both_of_its_figures() -> None:
    runs: list[int] = []

    def act() -> Spent:
        runs.append(1)
        return SPENT

    outcome = run(Race(peers.both("send", act)))
    assert [one.median for one in outcome.figures] == [2.0, 3.0]
    assert len(runs) == 4  # three rounds and one that is thrown away


def test_a_ratio_without_a_bound_is_told_and_missed_by_nobody() -> None:
    def taking(value: float) -> Callable[[], float]:
        return lambda: value

    both = (
        Contender("mine", "wall_ms", taking(9.0)),
        Contender("peer", "wall_ms", taking(1.0)),
    )
    race = Race(both, (Target("mine", "peer", None, is_most=True),), remarks=("peer: unsynced",))
    played = [Played(CASES[0], run(race), None)]
    rows = report.rows(played[0])
    assert rows[0][-3:] == ["9.00x", "beside peer", ""]
    assert report.is_good(played)
    assert "peer: unsynced" in report.table(played, HEAD)


def test_notes_in_git_are_counted_and_a_lost_one_is_told(tmp_path: Path) -> None:
    peer = git.find()
    assert peer is not None, "the project is in git"
    made = git.Repository(peer, tmp_path / "peer", 12, "a note")
    made.note("one more", signed=False)
    if made.signs:
        made.note("signed", signed=True)
    made.newest(10)
    assert made.problems() == []
    made.commits += 1
    assert len(made.problems()) == 1
    with pytest.raises(Wrong, match="of 50 commits"):
        made.newest(50)


def trickle(line: socket.socket, answer: bytes) -> None:
    """Send an answer byte by byte."""
    for byte in answer:
        line.sendall(bytes((byte,)))


def serving(listener: socket.socket, answers: list[bytes]) -> threading.Thread:
    """Answer one client of NATS with ``answers``, one for each thing that it publishes."""

    def serve() -> None:
        line, _ = listener.accept()
        with line:
            line.sendall(b"INFO {}\r\n")
            said = line.recv(4096)
            while not said.endswith(b"PING\r\n"):
                said += line.recv(4096)
            line.sendall(b"PONG\r\n")
            for answer in answers:
                line.recv(4096)
                trickle(line, answer)
            # Closed with something unread, the line would be reset before the client has read on.
            line.shutdown(socket.SHUT_WR)
            while line.recv(4096):
                pass

    found = threading.Thread(target=serve)
    found.start()
    return found


def acknowledged(answers: list[bytes]) -> int:
    """Return how many of two messages the client takes for acknowledged."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = serving(listener, answers)
        line = nats.Line(listener.getsockname(), 1)
        with line.socket:
            try:
                return int(nats.publish([line], nats.Task(2, 64))["acked"])
            finally:
                line.socket.close()
                thread.join()


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        pytest.param(
            [b'PING\r\nMSG _I 1 9\r\n{"seq":1}\r\n', b'MSG _I 1 9\r\n{"seq":2}\r\n'],
            2,
            id="answers in pieces, with a question of the server between them",
        ),
        pytest.param(
            [b'MSG _I 1 9\r\n{"seq":1}\r\n', b'MSG _I 1 9\r\n{"seq":1}\r\n'],
            1,
            id="a number given twice is one message",
        ),
        pytest.param([b"-ERR 'no'\r\n"], None, id="a refusal is no rate"),
        pytest.param([], None, id="a server that hangs up is no rate"),
    ],
)
def test_the_client_of_nats_counts_what_was_acknowledged(
    answers: list[bytes], told: int | None
) -> None:
    if told is not None:
        assert acknowledged(answers) == told
        return
    with pytest.raises((Wrong, OSError)):
        acknowledged(answers)
