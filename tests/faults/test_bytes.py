"""Changed bytes of a small home: some in CI; every page in tests/crash.

What the whole sweep infers is held here: a change that only a group shows, a read that is left out,
a child that dies, a sweep that goes on.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from faults import bytes as sweep
from faults import damaged, forks, homes, pages
from faults.suite import run

FILE = "hub/hub.db"
# Some of the groups, or of the audit, of one file.
GROUPS = """
suite.GROUP = 2048
zeros = suite.zeros
suite.zeros = lambda data: zeros(data)[-4096:]
real_full = suite.full
def full(home, seed):
    return (one for one in real_full(home, seed) if (one.file, one.kind) == ("hub/hub.db", KIND))
suite.full = full
"""
# A read shows a byte of the zeros, which no other command does.
SHOWS = """
from faults import homes
say, place = homes.Stage.say, []
def shown(self, name, *args):
    said = say(self, name, *args)
    data = (self.home / "hub" / "hub.db").read_bytes()
    place[:] = place or [suite.zeros(data)[-2000]]
    more = "" if data[place[0]] == 0 or args[0] != "status" else "more"
    return said._replace(out=said.out + more)
homes.Stage.say = shown
"""


def test_a_changed_byte_is_noticed_or_harmless() -> None:
    done = run("bytes", "--sample", "2")
    assert done.status == 0 and done.figures["noticed"] > 0, done.out


# Who looks deeply and says that all is well.
BLIND = """
from faults import damaged
real = damaged.Ground.look
def look(self, trial, *, writes=True):
    well = self.before()
    reads = [one._replace(out=one.out.replace("seen it", "done it")) for one in well.reads]
    return well._replace(reads=reads)
damaged.Ground.look = look
"""


def test_control_what_shows_something_else_with_nobody_noticing_is_a_failure() -> None:
    done = run("bytes", "--sample", "1", program=BLIND)
    assert done.status == 1 and "nobody noticed" in done.out, done.out


@pytest.mark.prove
def test_control_a_change_that_only_a_group_shows_is_found_and_named() -> None:
    well = run("bytes", "--full", program=f"KIND = 'grouped'\n{GROUPS}")
    assert well.status == 0 and well.figures["groups"] > 0, well.out
    done = run("bytes", "--full", program=f"KIND = 'grouped'\n{GROUPS}\n{SHOWS}")
    named = [line for line in done.out.splitlines() if line.startswith("FAILED")]
    assert done.status == 1 and "nobody noticed" in done.out, done.out
    assert len(named) == sweep.ROUNDS and all(f" {FILE} " in one for one in named), done.out
    assert len({one.split(" xor ")[0] for one in named}) == 1, (
        "in each round, one and the same byte"
    )


# Trials in company see nothing; a trial alone does.
HIDES = """
from faults import damaged
real_together = damaged.Ground.together
def together(self, trial):
    return real_together(self, trial)._replace(kind=suite.HARMLESS)
damaged.Ground.together = together
real_judge = damaged.Ground.judge
def judge(self, trial):
    verdict = real_judge(self, trial)
    return verdict._replace(kind=suite.HARMLESS if not self._whole else "noticed")
damaged.Ground.judge = judge
suite.AUDITED_SINGLE, suite.AUDITED_ZERO = 30_000, 2_000
"""


@pytest.mark.prove
def test_control_the_audit_finds_what_is_hidden_in_company() -> None:
    done = run("bytes", "--full", program=f"KIND = 'audit'\n{GROUPS}\n{HIDES}")
    assert done.status == 1 and done.figures["failures"] >= 2, done.out
    named = [line for line in done.out.splitlines() if "alone it is noticed" in line]
    assert len(named) == done.figures["audit"], "in company all are harmless"


# A command that ends its process at one change.
DIES = """
import os
from faults import damaged
real_look = damaged.Ground.look
def look(self, trial, *, writes=True):
    if trial.file.endswith("config.toml") and trial.changes[0][0] == 3:
        os._exit(7)
    return real_look(self, trial, writes=writes)
damaged.Ground.look = look
"""


def test_control_a_child_that_dies_is_traced_to_its_byte() -> None:
    done = run("bytes", "--sample", "18", "--only", "config.toml", program=DIES)
    named = [line for line in done.out.splitlines() if line.startswith("FAILED")]
    assert done.status == 1 and "a command died" in done.out, done.out
    assert len(named) == 1 and "config.toml 3 xor" in named[0], done.out
    assert done.figures["count"] == 18


def test_a_sweep_goes_on_where_it_ended(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    asked = ("bytes", "--sample", "2", "--keep", str(kept))
    first = run(*asked, "--shard", "0/2")
    assert 0 < first.figures["done"] < first.figures["batches"], first.out
    lines = (kept / "done.jsonl").read_text()
    (kept / "done.jsonl").write_text(lines + '\n{"plan": "')  # killed in the middle of a line
    whole = run(*asked)
    assert whole.figures["done"] == whole.figures["batches"], whole.out
    assert whole.figures["count"] > first.figures["count"]
    again = run(*asked)
    assert {**again.figures, "seconds": 0} == {**whole.figures, "seconds": 0}
    numbers = [json.loads(line)["batch"] for line in (kept / "done.jsonl").read_text().split("\n")
               if line.endswith("}")]  # fmt: skip
    assert sorted(numbers) == list(range(whole.figures["batches"])), "each batch once"
    other = run(*asked, "--seed", "2", "--seconds", "0.001")
    assert other.figures["done"] == 0, "another plan begins anew"


def test_a_read_is_left_out_only_where_it_does_not_read(tmp_path: Path) -> None:
    bench = damaged.Bench(tmp_path)
    path = os.fspath(bench.stage.home / "profiles" / homes.AGENT / "replica.db")

    def reads() -> dict[str, set[int]]:
        ground = damaged.Ground(bench)
        ground.before()
        found = {" ".join(words): set(seen.get(path, ())) for words, seen in ground._read.items()}
        with open(path, "rb"):
            pass
        by_hand = pages.read_by(lambda: Path(path).read_bytes())
        return {**found, "by hand": by_hand[path]}

    found = forks.ask(reads)
    assert found.pop("by hand") == {pages.ALL}
    assert all(0 in seen and pages.ALL not in seen for seen in found.values()), found
    assert found["task list"] - found["spaces"] and found["work-record"] - found["status"]


def test_the_plan_has_every_byte_and_a_change_of_each(tmp_path: Path) -> None:
    data = {"a.db": bytes(100) + b"x" * 30 + bytes(5000), "b": b"\1\0\2"}
    plan = list(sweep.full(data, seed=1))
    for turn in range(sweep.ROUNDS):
        tried = [
            (one.file, at)
            for batch in plan
            if batch.kind != sweep.AUDIT and (batch.turn == turn or batch.kind == sweep.SINGLE)
            for one in batch.trials(1)
            for at, mask in one.changes
            if 0 < mask < 256
        ]
        assert sorted(tried) == [(file, at) for file in data for at in range(len(data[file]))]
    grouped = [one for one in plan if one.kind == sweep.GROUPED]
    first, second = ({frozenset(some) for one in grouped if one.turn == turn for some in one.places}
                     for turn in range(2))  # fmt: skip
    assert not first & second, "the second round has other groups"
    audited = [one for one in plan if one.kind == sweep.AUDIT]
    assert {len(some) > 1 for one in audited for some in one.places} <= {True, False}


def test_a_hub_that_was_asked_anew_is_no_difference_and_what_is_pending_then() -> None:
    def said(pending: str, stamp: str) -> homes.Said:
        out = f'{{"pending_sync":{pending},"synced_at":"{stamp}","stale":{pending}}}'
        return homes.Said(0, out, "")

    ground = object.__new__(damaged.Ground)
    ground._since = "2026-01-02T00:00:00.000000"
    was, fresh = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.001Z"
    before = said("false", was)
    assert ground._is_same(before, said("true", fresh))
    assert ground._is_same(before, said("false", fresh))
    assert not ground._is_same(before, said("true", was))
    assert not ground._is_same(before, said("true", "2999-01-01T00:00:00.000Z"))
