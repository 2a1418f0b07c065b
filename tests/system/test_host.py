"""What only the machine knows."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from envoy.system import host


def test_the_clocks_tell_milliseconds_and_the_monotonic_one_never_runs_back() -> None:
    before = time.time()
    assert before * 1000 - 1 <= host.now_ms() <= time.time() * 1000 + 1
    ticks = [host.monotonic_ms() for _ in range(100)]
    assert ticks == sorted(ticks)


def test_entropy_is_drawn_anew_at_each_call() -> None:
    assert len({host.entropy(16) for _ in range(100)}) == 100
    assert [len(host.entropy(size)) for size in (0, 1, 32)] == [0, 1, 32]


def test_machine_and_boot_are_told_the_same_way_twice() -> None:
    assert host.machine_id() == host.machine_id() != ""
    if Path("/proc/sys/kernel/random/boot_id").exists():
        assert host.boot_id() == host.boot_id()
    assert 1 <= host.cpu_count() <= (os.cpu_count() or 1)


def test_a_machine_that_does_not_say_counts_every_process_as_a_new_boot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host, "_BOOT_ID", str(tmp_path / "missing"))
    monkeypatch.setattr(host, "_MACHINE_ID", (str(tmp_path / "missing"),))
    assert host.boot_id() != host.boot_id()
    assert host.machine_id() == os.uname().nodename
