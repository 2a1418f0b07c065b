"""Who listens to a relay, for as long as a command waits."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from envoy.errors import IntegrityError, WaitTimeoutError
from envoy.hub.live import Line, Live, pause_s
from envoy.hub.roads import Delivery
from envoy.sync import frames
from envoy.system import files
from hub.far import Machine
from hub.hostile import http
from hub.scenes import SPACE, envelope

TAG, BOX = bytes(16), bytes(frames.BOX_BYTES)


def push(*names: str) -> frames.Push:
    """Return a push of some frames."""
    return frames.Push(SPACE, tuple(map(envelope, names)))


def listening(at: Machine, path: Path) -> Live:
    """Return who listens at a machine."""

    def opened(stack: ExitStack) -> Line:
        again = Machine(path / "one", at.relay)
        stack.callback(again.close)
        return Line(again.hub.store, again.links, again.a_caller(), again.near.handle)

    return Live(opened, lock_path=os.fspath(path / "sync.lock"))


def wait_for(found: object) -> None:
    """Wait until ``found`` is so."""
    assert callable(found)
    until = time.monotonic() + 10
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_news_come_in_while_somebody_listens(tmp_path: Path, at: Machine, other: Machine) -> None:
    other.roads().sync(SPACE)
    with listening(at, tmp_path):
        other.linked().handle(push("one"))
        wait_for(lambda: len(at.hub.store.frame_ids(SPACE)) == 1)
        at.hub.push(envelope("two"))
        wait_for(lambda: len(other.far_ids()) == 2)


def test_a_relay_that_fails_is_asked_again(tmp_path: Path, at: Machine, other: Machine) -> None:
    other.roads().sync(SPACE)
    at.relay.change = lambda name, answer: None if name == "pull" else answer
    with listening(at, tmp_path):
        wait_for(lambda: (at.links.find(SPACE) or at.link()).trouble == "relay_unavailable")
        at.relay.change = lambda _, answer: answer
        other.linked().handle(push("one"))
        wait_for(lambda: len(at.hub.store.frame_ids(SPACE)) == 1)


def test_a_relay_that_asks_for_a_slower_pace_is_waited_for_and_goes_on(
    tmp_path: Path, at: Machine
) -> None:
    slow = http(b'{"error_code":"rate_limited","retry_after_ms":100}', status="429 Slow")
    left = iter([slow] * 3)
    at.relay.change = lambda name, answer: next(left, answer) if name == "push" else answer
    at.hub.push(envelope("one"))
    with listening(at, tmp_path):
        wait_for(lambda: at.relay.calls.count("push") == 4)  # a space that is barred has a minute
        wait_for(lambda: at.roads().delivery(SPACE) == Delivery("delivered", ""))


def test_a_space_whose_relay_lets_nobody_in_is_left_alone_for_a_while(
    tmp_path: Path, at: Machine
) -> None:
    no = http(b'{"error_code":"auth_failed"}', status="401 No")
    at.relay.change = lambda _, __: no
    with listening(at, tmp_path):
        wait_for(lambda: at.relay.calls)
        time.sleep(0.5)
        time.sleep(1)
        asked = len(at.relay.calls)
        time.sleep(1.2)
        assert len(at.relay.calls) == asked


def test_one_process_listens_and_another_takes_over(tmp_path: Path, at: Machine) -> None:
    with files.lock(os.fspath(tmp_path / "sync.lock"), timeout_s=1), listening(at, tmp_path):
        time.sleep(0.3)
        assert at.relay.calls == []
    with listening(at, tmp_path):
        wait_for(lambda: "pull" in at.relay.calls)


def test_who_listens_ends_at_once_and_leaves_no_thread(tmp_path: Path, at: Machine) -> None:
    before = threading.active_count()
    with listening(at, tmp_path):
        wait_for(lambda: "pull" in at.relay.calls)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    assert threading.active_count() <= before + 2  # the server has one per connection


def test_news_of_an_isolated_space_come_on_a_connection_of_its_own(
    tmp_path: Path, at: Machine, other: Machine
) -> None:
    other.roads().sync(SPACE)
    at.roads().isolate(SPACE)
    assert at.roads().is_isolated(SPACE)
    before = threading.active_count()
    with listening(at, tmp_path):
        other.linked().handle(push("one"))
        wait_for(lambda: len(at.hub.store.frame_ids(SPACE)) == 1)
        assert "envoy-live-1" in [one.name for one in threading.enumerate()]
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    assert threading.active_count() <= before + 2


@pytest.mark.parametrize(
    ("code", "goes_on"),
    [
        pytest.param("state_corrupt", False, id="a thread without a sound log ends"),
        pytest.param("timeout", True, id="one whose log is held by another process tries again"),
    ],
)
def test_a_thread_for_isolated_spaces_that_cannot_begin(
    tmp_path: Path, at: Machine, monkeypatch: pytest.MonkeyPatch, *, code: str, goes_on: bool
) -> None:
    monkeypatch.setattr("envoy.hub.live.LOOK_SECONDS", 0.01)
    at.roads().isolate(SPACE)
    fails, found = iter([False, True]), listening(at, tmp_path)
    sound = found._opened

    def opened(stack: ExitStack) -> Line:
        if next(fails, False):
            raise IntegrityError(code) if code == "state_corrupt" else WaitTimeoutError(code)
        return sound(stack)

    with Live(opened, lock_path=os.fspath(tmp_path / "sync.lock")):
        if goes_on:
            wait_for(lambda: "pull" in at.relay.calls)
        else:
            time.sleep(0.3)
            assert at.relay.calls == []


def test_without_a_sound_log_nobody_listens(tmp_path: Path, at: Machine) -> None:
    def broken(_: ExitStack) -> Line:
        raise IntegrityError("state_corrupt")

    with Live(broken, lock_path=os.fspath(tmp_path / "sync.lock")):
        time.sleep(0.1)
    assert at.relay.calls == []


@pytest.mark.parametrize(
    ("failures", "retry_ms", "drawn", "expect"),
    [
        pytest.param(0, 0, b"\x80", 0.25, id="the first is drawn from half a second"),
        pytest.param(3, 0, b"\x80", 2.0, id="the span doubles"),
        pytest.param(99, 0, b"\x80", 30.0, id="and ends at a minute"),
        pytest.param(0, 5_000, b"\x00", 5.0, id="what the relay asked for wins"),
        pytest.param(0, 10**9, b"\x00", 60.0, id="within the bound"),
    ],
)
def test_the_pause_after_a_failure(
    failures: int, retry_ms: int, drawn: bytes, expect: float
) -> None:
    assert pause_s(failures, retry_ms, drawn) == pytest.approx(expect)
