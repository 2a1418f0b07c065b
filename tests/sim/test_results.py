"""Runs of the same code add up; what other code played counts for nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sim import results
from sim.run import Report


def played(kept: results.Results, seeds: range, *, failing: tuple[int, ...] = ()) -> None:
    """Note that ``seeds`` were played."""
    for seed in seeds:
        failure = "it broke" if seed in failing else None
        what = results.LOST if failure else None
        report = Report(seed, "", 60, 40, Counter(acked=2, killed=1), failure, what, [])
        kept.add(report, results.of(report, 0.25))
    kept.flush()


def test_a_run_goes_on_where_those_before_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    played(results.Results(path, "short"), range(250))
    assert results.Results(path, "short").left(range(240, 260)) == list(range(250, 260))
    assert results.Results(path, "long").left(range(3)) == [0, 1, 2]


def test_other_code_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.jsonl"
    played(results.Results(path, "short"), range(5))
    monkeypatch.setattr(results, "code", lambda: "other")
    assert results.Results(path, "short").left(range(3)) == [0, 1, 2]


def test_a_line_that_was_cut_off_is_played_again(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    played(results.Results(path, "short"), range(200))
    path.write_text(path.read_text("utf-8")[:-30], "utf-8")
    kept = results.Results(path, "short")
    assert kept.left(range(200)) == list(range(100, 200))
    played(kept, range(100, 200))
    assert results.Results(path, "short").left(range(200)) == []


def test_blocks_add_up_to_what_was_played(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    played(results.Results(path, "short"), range(150), failing=(120,))
    played(results.Results(path, "short"), range(150, 300))
    total, failure = results.summaries(path)
    assert "seeds 300, steps 18000, events 12000, acked 600" in total
    assert "kills 300" in total
    assert "divergences 0, lost 1; 0.250 s of CPU" in total
    assert failure == "seed 120 failed: it broke"


def test_blocks_that_touch_become_one_line_and_nothing_else_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.jsonl"
    played(results.Results(path, "short"), range(250), failing=(120, 210))
    played(results.Results(path, "short"), range(400, 450))
    monkeypatch.setattr(results, "code", lambda: "other")
    played(results.Results(path, "short"), range(30))
    before = list(results.summaries(path))
    results.compact(path)
    assert list(results.summaries(path)) == before and len(before) == 5
    assert "seeds 330" in before[2] and before[2].startswith("all together")
    assert len(path.read_text("utf-8").splitlines()) == 3
    assert results.Results(path, "short").left(range(40)) == list(range(30, 40))
    monkeypatch.undo()
    left = results.Results(path, "short").left(range(460))
    assert left == [*range(250, 400), *range(450, 460)]
