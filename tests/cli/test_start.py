"""The script's own first and last moment; everything between belongs to cli.main."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator

import pytest

from envoy.cli import start


class Left(BaseException):
    """Raised in the place of ending the process."""

    def __init__(self, status: int) -> None:
        self.status = status


@pytest.fixture(autouse=True)
def stay(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def leave(status: int) -> None:
        raise Left(status)

    thresholds = gc.get_threshold()
    monkeypatch.setattr(os, "_exit", leave)
    yield
    gc.set_threshold(*thresholds)


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        pytest.param(["envoy", "--version"], 0, id="a command that works"),
        pytest.param(["envoy", "no-such-command"], 2, id="a command that is none"),
    ],
)
def test_the_script_ends_with_the_status_of_its_command(
    argv: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(Left) as left:
        start.main()
    assert left.value.status == status


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("envoy.cli.main.main", interrupted)
    with pytest.raises(Left) as left:
        start.main()
    assert left.value.status == start.EXIT_INTERRUPT


def test_a_stdout_that_fails_at_the_end_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        closed = False

        def flush(self) -> None:
            raise OSError(28, "no space left")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(Left) as left:
        start.leave(0)
    assert left.value.status == 1
