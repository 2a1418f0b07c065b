"""A system call that fails, or that a process does not survive: some of each kind, in CI."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from faults import calls, commands, homes
from faults.commands import Row
from faults.homes import AGENT, LEAD, Said
from faults.layout import FRAME_BYTES, HEAD_BYTES, Layout, meaning
from faults.noted import Case, Notes, Outcome
from faults.suite import run


def test_every_command_that_changes_something_is_played_or_left_out_for_a_reason() -> None:
    assert commands.unplayed() == set()
    assert not commands.ROWS.keys() & commands.LEFT_OUT.keys()


def test_faults_of_a_message_are_survived() -> None:
    done = run("calls", "--command", "send", "--sample", "5")
    assert done.status == 0 and done.figures["count"] == 5, done.out


def test_a_run_goes_on_where_it_ended_also_by_parts_of_one_command(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    words = ("--command", "hooks", "--sample", "6", "--results", os.fspath(results))
    part, rest, again = (run("calls", *words, "--part", one) for one in ("1/2", "2/2", "1/1"))
    counts = [one.figures["count"] for one in (part, rest, again)]
    assert counts == [3, 3, 0], part.out + rest.out + again.out
    lines = [json.loads(one) for one in results.read_text().splitlines() if one]
    assert {(one["command"], one["fault"]) for one in lines} <= {
        ("hooks install", fault) for fault in calls.FAULTS
    }


@pytest.mark.prove
@pytest.mark.parametrize("words", ["space attach", "space connect"])
def test_faults_of_a_command_that_needs_a_relay_are_survived(words: str) -> None:
    done = run("calls", "--command", words, "--sample", "12")
    assert done.status == 0 and done.figures["count"] == 12, done.out


@pytest.mark.prove
def test_faults_of_every_command_are_survived() -> None:
    done = run("calls", "--sample", "1", "--seconds", "150")
    assert done.status == 0 and done.figures["count"] > 60, done.out


# A command that tells first, and answers that all is well whatever comes of it.
EARLY = """
import os
from envoy.cli import main as cli
before, first = cli.guarded, os.getpid()
def early(words, face):
    if "hello" not in words or os.getpid() == first:
        return before(words, face)
    print('{"schema":"envoy.send/1","message_id":"msg_' + "a" * 52 + '"}', flush=True)
    before(words, face._replace(quiet=True))
    return 0
cli.guarded = early
"""
# One that says in a fork, once the fault is over, that a space is closed which nobody closed.
CLOSED = """
import os
from envoy.cli import main as cli
from envoy.errors import ConflictError
before, first = cli.guarded, os.getpid()
def closed(words, face):
    if "after" in words and os.getpid() != first:
        return cli.fail(ConflictError("space_closed"), face)
    return before(words, face)
cli.guarded = closed
"""
# One that answers, and ends with a status for which nothing in the answer stands.
ODD = """
import os
from envoy.cli import main as cli
before, first = cli.guarded, os.getpid()
def odd(words, face):
    return before(words, face) or 4 * ("hello" in words and os.getpid() != first)
cli.guarded = odd
"""
# Files of others that are written to.
BESIDE = """
import os
from envoy.cli import main as cli
before, first = cli.guarded, os.getpid()
def beside(words, face):
    done = before(words, face)
    if "hello" in words and os.getpid() != first:
        with open(os.path.join(os.environ["ENVOY_HOME"], "profiles/lead/identity.json"), "a") as it:
            it.write(" ")
    return done
cli.guarded = beside
"""


@pytest.mark.parametrize(
    ("program", "at", "wrong"),
    [
        pytest.param(EARLY, "200", "acknowledged and lost", id="told and not there"),
        pytest.param(
            CLOSED, "200", "lead send after --space bughunt: 5 space_closed", id="not closed"
        ),
        pytest.param(
            BESIDE, "200", "a file of others changed", id="a file of another profile",
            marks=pytest.mark.prove,
        ),
        pytest.param(
            ODD, "2", "status 4 without a code", id="a status that nothing stands for",
            marks=pytest.mark.prove,
        ),
    ],
)  # fmt: skip
def test_control_what_must_not_be_is_a_failure(program: str, at: str, wrong: str) -> None:
    done = run("calls", "--command", "send", "--at", at, program=program)
    assert done.status == 1 and wrong in done.out, done.out


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


@pytest.mark.parametrize(
    ("results", "statuses"),
    [
        pytest.param([{"error_code": None}], set(), id="no part failed"),
        pytest.param([{"error_code": "storage_failed"}], {1}, id="the disk failed in one"),
    ],
)
def test_a_status_of_a_whole_answer_is_that_of_a_part(
    results: list[dict[str, str | None]], statuses: set[int]
) -> None:
    said = Said(1, json.dumps({"schema": "envoy.agent_revoke/1", "results": results}), "")
    assert calls.partly(said, "results") == statuses
    assert calls.partly(said, "") == set(), "of a command that has no parts"


# -- what is laid out and known again ------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path) -> Path:
    root = tmp_path / "stage"
    (root / "home" / "profiles" / LEAD).mkdir(parents=True)
    (root / "home" / "log.db").write_bytes(b"rows")
    (root / "home" / "log.db-wal").write_bytes(b"")
    (root / "home" / "chunk").write_bytes(b"chunk")
    (root / "home" / "profiles" / LEAD / "chunk").hardlink_to(root / "home" / "chunk")
    return root


def shown(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all that is below a directory: which file it is, its mode, its bytes."""
    return {
        os.fspath(path.relative_to(root)): (
            path.stat().st_ino, path.stat().st_mode, path.read_bytes() if path.is_file() else b""
        )
        for path in root.rglob("*")
    }  # fmt: skip


def test_what_was_changed_is_laid_out_again_in_the_same_files(here: Path, tmp_path: Path) -> None:
    layout = Layout(here, tmp_path / "kept")
    before = shown(here)
    home = here / "home"
    (home / "log.db").write_bytes(b"swor")  # as long as it was
    (home / "log.db-wal").chmod(0o640)
    (home / "aside").mkdir()
    (home / "aside" / "more").write_bytes(b"new")
    (home / "profiles").chmod(0o700)
    assert layout.tree().changed == {
        "home/log.db", "home/log.db-wal", "home/aside", "home/aside/more", "home/profiles"
    }  # fmt: skip
    layout.restore()
    assert shown(here) == before and not layout.was_moved
    assert layout.tree().changed == set()


def test_what_was_deleted_or_replaced_is_there_again_as_another_file(
    here: Path, tmp_path: Path
) -> None:
    layout = Layout(here, tmp_path / "kept")
    before = {path: one[1:] for path, one in shown(here).items()}
    (here / "home" / "new").write_bytes(b"another")
    (here / "home" / "new").rename(here / "home" / "log.db")
    (here / "home" / "chunk").unlink()
    layout.restore()
    assert {path: one[1:] for path, one in shown(here).items()} == before and layout.was_moved
    assert (here / "home/chunk").samefile(here / "home/profiles" / LEAD / "chunk")


def frame(page: bytes, *, salt: bytes = b"saltsalt", commits: bool = False) -> bytes:
    """Return a frame of a log."""
    head = (1).to_bytes(4, "big") + int(commits).to_bytes(4) + salt + bytes(8)
    assert len(head) == FRAME_BYTES
    return head + page


HEAD = bytes(8) + (8).to_bytes(4) + bytes(4) + b"saltsalt" + bytes(8)
COMMITTED = HEAD + frame(b"page one") + frame(b"page two", commits=True)


@pytest.mark.parametrize(
    ("log", "meant"),
    [
        pytest.param(COMMITTED, COMMITTED, id="a commit is meant"),
        pytest.param(COMMITTED + frame(b"lost one"), COMMITTED, id="no commit behind it"),
        pytest.param(COMMITTED + b"half", COMMITTED, id="half a frame"),
        pytest.param(
            COMMITTED + frame(b"older...", salt=b"tlastlas", commits=True), COMMITTED,
            id="of the log that was there before",
        ),
        pytest.param(HEAD + frame(b"lost one"), b"", id="nothing was committed"),
        pytest.param(HEAD[:20], b"", id="half a head"),
    ],
)  # fmt: skip
def test_what_a_log_means(log: bytes, meant: bytes) -> None:
    assert len(HEAD) == HEAD_BYTES
    assert meaning("home/log.db-wal", log) == meant
    assert meaning("home/log.db", log) == log, "any other file means all of it"


def test_a_tree_has_another_name_for_its_bytes_than_for_its_meaning(
    here: Path, tmp_path: Path
) -> None:
    layout, log = Layout(here, tmp_path / "kept"), here / "home/log.db-wal"
    log.write_bytes(COMMITTED)
    one = layout.tree()
    log.write_bytes(COMMITTED + frame(b"lost one"))
    other = layout.tree()
    assert one.exact != other.exact and one.meant == other.meant
    log.write_bytes(COMMITTED + frame(b"page one", commits=True))
    assert layout.tree().meant != one.meant


def test_files_of_other_profiles_are_told_from_ones_own(here: Path, tmp_path: Path) -> None:
    layout = Layout(here, tmp_path / "kept")
    (here / "home/profiles" / LEAD / "new").write_bytes(b"new")
    assert calls.beside(Row(AGENT, ()), layout.tree()) >= {f"home/profiles/{LEAD}/new"}
    assert calls.beside(Row(LEAD, ()), layout.tree()) == set()
    made = Row(AGENT, (), makes=frozenset({LEAD}))
    assert calls.beside(made, layout.tree()) == set()


def test_notes_are_of_one_code_and_stand_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "results"
    first, second = Case("send", "EIO", 1), Case("send", "KILL", 2)
    Notes(path, "code").add(first, Outcome("0", "read", ()))
    with path.open("a") as file:
        file.write('{"command": "send"')
    Notes(path, "code").add(second, Outcome("killed", "write", ("lost",)))
    assert Notes(path, "code").known == {
        first: Outcome("0", "read", ()), second: Outcome("killed", "write", ("lost",))
    }  # fmt: skip
    assert Notes(path, "another").known == {}
