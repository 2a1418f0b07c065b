"""Calls that the loop waits for: answered behind their commit, refused, late, left alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from envoy.core.codec import decode, encode
from envoy.relay.group import Job, close
from envoy.relay.metrics import Metrics
from envoy.relay.tables import RelayStore
from envoy.relay.waiting import Waiting
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope
from relay.scenes import Relay


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    found = Relay(tmp_path / "relay")
    found.create()
    yield found
    found.close()


def push(relay: Relay, token: bytes, name: str) -> bytes:
    call = frames.Push(SPACE, (envelope(name),))
    return encode(calls.Request((token,), encode(call)))


def wait(
    relay: Relay,
    work: Callable[[Waiting], Coroutine[object, object, None]],
    *,
    seconds: float = 10.0,
) -> Metrics:
    """Run ``work`` with calls that wait; return what was counted."""
    metrics = Metrics()

    async def run() -> None:
        await work(Waiting(relay.desk, metrics, seconds=seconds))

    asyncio.run(run())
    return metrics


class _Stuck:
    """A call that keeps the writer until it is let go."""

    def __init__(self, relay: Relay) -> None:
        self.free = threading.Event()
        self.thread = threading.Thread(target=relay.desk.do, args=(self.work,))
        self.begun = threading.Event()
        self.thread.start()
        assert self.begun.wait(10)

    def work(self, _: RelayStore) -> frames.Done:
        self.begun.set()
        self.free.wait(10)
        return frames.Done()

    def end(self) -> None:
        self.free.set()
        self.thread.join(10)


def test_calls_that_wait_together_are_each_given_their_own_answer(relay: Relay) -> None:
    token = relay.token("writer")

    async def work(waiting: Waiting) -> None:
        asked = [waiting.answer("push", push(relay, token, f"p{n}")) for n in range(40)]
        replies = [decode(one, frames.Pushed) for one in await asyncio.gather(*asked)]
        assert sorted(reply.seqs for reply in replies) == [(n,) for n in range(1, 41)]

    metrics = wait(relay, work)
    assert metrics.value("appends_total", label="ok") == 40


def test_a_refusal_is_that_of_its_own_call(relay: Relay) -> None:
    token, bad = relay.token("writer"), push(relay, b"x" * 80, "no token")

    async def work(waiting: Waiting) -> None:
        good = asyncio.ensure_future(waiting.answer("push", push(relay, token, "good")))
        with pytest.raises(HubRefusal) as refused:
            await waiting.answer("push", bad)
        assert refused.value.code == "auth_failed"
        assert decode(await good, frames.Pushed).head == 1

    metrics = wait(relay, work)
    assert metrics.value("appends_total", label="auth_failed") == 1


def test_what_the_writer_refuses_is_told_behind_its_group(relay: Relay) -> None:
    box = frames.Box(bytes(16), bytes(frames.BOX_BYTES))
    put = frames.BoxPut(SPACE, bytes(32), (box,))  # for an epoch that has no head
    call = encode(calls.Request((relay.token("writer"),), encode(put)))

    async def work(waiting: Waiting) -> None:
        with pytest.raises(HubRefusal) as refused:
            await waiting.answer("box_put", call)
        assert refused.value.code == "not_found"

    wait(relay, work)


def test_who_waits_too_long_is_told_that_nobody_knows(relay: Relay) -> None:
    token, stuck = relay.token("writer"), _Stuck(relay)

    async def work(waiting: Waiting) -> None:
        with pytest.raises(HubRefusal) as refused:
            await waiting.answer("push", push(relay, token, "late"))
        assert refused.value.code == "relay_unavailable"

    try:
        metrics = wait(relay, work, seconds=0.2)
    finally:
        stuck.end()
    assert metrics.value("commit_unknown_total") == 1


def test_a_call_that_nobody_waits_for_any_more_is_done_all_the_same(relay: Relay) -> None:
    token, stuck = relay.token("writer"), _Stuck(relay)

    async def work(waiting: Waiting) -> None:
        task = asyncio.ensure_future(waiting.answer("push", push(relay, token, "left")))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stuck.end()
        reply = await waiting.answer("push", push(relay, token, "next"))
        assert decode(reply, frames.Pushed).head == 2

    wait(relay, work)


def test_a_call_that_ends_behind_the_loop_wakes_nobody(relay: Relay) -> None:
    ended = list[Job]()

    async def work(waiting: Waiting) -> None:
        reply = await waiting.answer("push", push(relay, relay.token("writer"), "one"))
        assert decode(reply, frames.Pushed).head == 1
        ended.append(Job(b"", lambda _: frames.Done(), 1, waiting._end))

    wait(relay, work)
    close(ended)
    assert not ended[0].is_open


@pytest.mark.parametrize(
    ("name", "waits"),
    [
        pytest.param("push", True, id="what appends waits here"),
        pytest.param("session", True, id="so does what registers"),
        pytest.param("pull", False, id="what reads has a thread"),
        pytest.param("chunk_put", False, id="so has what writes a file"),
        pytest.param("billing/redeem", False, id="and what is about an account"),
    ],
)
def test_what_blocks_is_asked_of_a_thread(name: str, *, waits: bool) -> None:
    assert Waiting.takes(name) is waits
