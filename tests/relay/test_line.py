"""One line of the fanout by hand: a clock that is turned, a peer that does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from envoy import limits
from envoy.core import access
from envoy.core.access import Statement
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256
from envoy.core.structs import Body
from envoy.errors import InternalError
from envoy.relay.fanout import Fanout, Line, Reading
from envoy.relay.group import GONE, Wake
from envoy.relay.metrics import Metrics
from envoy.relay.wire import framed
from envoy.sync import access as calls
from envoy.sync import frames, live
from hub.scenes import SPACE, envelope
from oracle import events
from relay.scenes import FOUNDER, READER, ROOT, WRITER, Relay, key_of, link

T = TypeVar("T")


class _Ear:
    """The other end of a line in one process, which a test pulls at."""

    def __init__(self) -> None:
        self.said = asyncio.Queue[dict[str, object]]()
        self.got = list[MutableMapping[str, Any]]()
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.aborted = False
        self.is_gone = False
        self.takes_frames = False  # at once, else all waits for its turn

    async def receive(self) -> dict[str, object]:
        return await self.said.get()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.is_open.wait()
        if self.is_gone:
            raise OSError
        self.got.append(message)
        if message["type"] == "websocket.close":
            self.said.put_nowait({"type": "websocket.disconnect"})

    def write(self, framed: bytes) -> bool:
        if not self.takes_frames:
            return False
        message = framed[4:]  # a wake is longer than the shortest frames
        self.got.append({"type": "websocket.send", "bytes": message})
        return True

    def abort(self) -> None:
        self.aborted = True
        self.said.put_nowait({"type": "websocket.disconnect"})

    def heard(self) -> list[Body]:
        found = [one["bytes"] for one in self.got if one["type"] == "websocket.send"]
        return [live.read(one, live.TOLD) for one in found if isinstance(one, bytes)]

    def code(self) -> object:
        return self.got[-1].get("code")


class _Scene:
    """A fanout over a desk in this process, with a clock that stands still."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.now_s = 1000.0
        self.fanout = Fanout(
            relay.desk, self.ask, Metrics(), clock=lambda: self.now_s, now_ms=lambda: relay.now_ms
        )

    async def ask(self, work: Callable[[], T], /) -> T:
        await asyncio.sleep(0)
        return work()

    async def open(self) -> tuple[_Ear, asyncio.Task[None]]:
        ear = _Ear()
        task = asyncio.create_task(self.fanout.serve(ear.receive, ear.send, ear.abort, ear.write))
        await settle()
        return ear, task

    async def sub(self, ear: _Ear, *wanted: tuple[bytes, int]) -> None:
        data = encode(live.Sub("sub", 1, tuple(live.Wanted(*one) for one in wanted)))
        ear.said.put_nowait({"type": "websocket.receive", "bytes": data})
        await settle()

    def wake(self) -> None:
        head = self.relay.ask(frames.HeadGet(SPACE), frames.Head, self.relay.token("founder"))
        self.fanout.wake(Wake(SPACE, head.head, head.rev))


def push(relay: Relay, name: str) -> None:
    relay.ask(frames.Push(SPACE, (envelope(name),)), frames.Pushed, relay.token("writer"))


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[_Scene]:
    relay = Relay(tmp_path / "relay")
    relay.create()
    yield _Scene(relay)
    relay.close()


def test_who_asks_for_nothing_is_closed_after_ten_seconds(scene: _Scene) -> None:
    async def work() -> None:
        ear, task = await scene.open()
        scene.now_s += limits.SOCKET_SECONDS_FIRST - 1
        scene.fanout.tick()
        await settle()
        assert not ear.got
        scene.now_s += 1
        scene.fanout.tick()
        await asyncio.wait_for(task, 5)
        assert ear.code() == 4408 and not len(scene.fanout)

    asyncio.run(work())


def test_who_is_silent_is_asked_and_who_stays_so_is_closed(scene: _Scene) -> None:
    async def work() -> None:
        ear, task = await scene.open()
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        scene.now_s += limits.SOCKET_PING_SECONDS
        scene.fanout.tick()
        await settle()
        assert isinstance(ear.heard()[-1], live.Ping)
        pong = encode(live.Pong("pong"))
        ear.said.put_nowait({"type": "websocket.receive", "bytes": pong})
        await settle()
        scene.now_s += limits.SOCKET_SILENCE_SECONDS_MAX - 1
        scene.fanout.tick()
        assert not task.done()
        scene.now_s += 1
        scene.fanout.tick()
        await asyncio.wait_for(task, 5)
        assert ear.code() == 4408

    asyncio.run(work())


def test_a_token_that_ends_ends_what_is_heard_by_it_unless_a_younger_came(scene: _Scene) -> None:
    async def work() -> None:
        ear, task = await scene.open()
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        scene.relay.now_ms += (limits.SESSION_SECONDS - 60) * 1000
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        scene.relay.now_ms += 61_000
        scene.fanout.tick()
        await settle()
        assert not task.done() and len(ear.heard()) == 2
        scene.relay.now_ms += limits.SESSION_SECONDS * 1000
        scene.fanout.tick()
        await asyncio.wait_for(task, 5)
        last = ear.heard()[-1]
        assert isinstance(last, live.End) and last.code == "session_expired"
        assert ear.code() == 4401

    asyncio.run(work())


def test_a_token_that_ended_hears_nothing_even_before_the_tick(scene: _Scene) -> None:
    async def work() -> None:
        ear, task = await scene.open()
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        scene.relay.now_ms += limits.SESSION_SECONDS * 1000
        put = frames.Push(SPACE, (envelope("late"),))
        scene.relay.ask(put, frames.Pushed, scene.relay.token("writer"))
        scene.wake()
        await settle()
        scene.fanout.tick()
        await asyncio.wait_for(task, 5)
        assert not any(isinstance(one, live.Woken) for one in ear.heard())

    asyncio.run(work())


def test_a_change_of_access_that_was_not_told_of_yet_lets_nothing_through(scene: _Scene) -> None:
    """The page is read in one state with the number of changes: a wake from before is too late."""

    async def work() -> None:
        ear, task = await scene.open()
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        said = Statement(SPACE, 1, 0, 0, (sha256(key_of("reader")),))
        raw = access.state_access(ROOT, said, ())
        founder = scene.relay.token("founder")
        scene.relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, founder)
        put = frames.Push(SPACE, (envelope("newer"),))
        scene.relay.ask(put, frames.Pushed, scene.relay.token("writer"))
        scene.fanout.wake(Wake(SPACE, 1, 0))  # as it stood before the removal
        await settle()
        await asyncio.wait_for(task, 5)
        assert ear.code() == 4403
        assert not any(isinstance(one, live.Woken) for one in ear.heard())

    asyncio.run(work())


def test_what_is_committed_while_somebody_asks_is_not_missed(
    scene: _Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        ear, _ = await scene.open()
        token, writer = scene.relay.token("reader"), scene.relay.token("writer")
        put = frames.Push(SPACE, (envelope("meanwhile"),))
        subscribe = scene.relay.desk.subscribe

        def late(given: bytes) -> object:
            found = subscribe(given)
            scene.relay.ask(put, frames.Pushed, writer)
            scene.wake()
            return found

        monkeypatch.setattr(scene.relay.desk, "subscribe", late)
        await scene.sub(ear, (token, 0))
        woken = ear.heard()[-1]
        assert isinstance(woken, live.Woken) and woken.head == 1

    asyncio.run(work())


def test_a_line_whose_peer_does_not_read_is_cut(scene: _Scene) -> None:
    async def work() -> None:
        ear, task = await scene.open()
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        ear.is_open.clear()
        scene.now_s += limits.SOCKET_SILENCE_SECONDS_MAX
        scene.fanout.tick()
        await settle()
        assert not task.done()
        scene.now_s += 10
        scene.fanout.tick()
        await asyncio.wait_for(task, 5)
        assert ear.aborted

    asyncio.run(work())


def test_what_waits_for_nothing_is_written_at_once(scene: _Scene) -> None:
    async def work() -> None:
        ear, _ = await scene.open()
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        ear.is_open.clear()  # who waits for its turn would wait for ever
        ear.takes_frames = True
        push(scene.relay, "at once")
        scene.wake()
        await settle()
        woken = ear.heard()[-1]
        assert isinstance(woken, live.Woken) and woken.head == 1

    asyncio.run(work())


def test_what_is_written_at_once_never_overtakes_what_is_on_its_way(scene: _Scene) -> None:
    async def work() -> None:
        ear, _ = await scene.open()
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        ear.is_open.clear()
        for number in range(3):  # the first one is with the server, the others wait behind it
            push(scene.relay, f"on its way {number}")
            scene.wake()
            await settle()
            ear.takes_frames = True
        assert not [one for one in ear.heard() if isinstance(one, live.Woken)]
        ear.is_open.set()
        await settle()
        heads = [one.head for one in ear.heard() if isinstance(one, live.Woken)]
        assert heads == [1, 2, 3]

    asyncio.run(work())


def test_whoever_asks_and_never_reads_is_too_much() -> None:
    async def work() -> None:
        line = Line(lambda: None, lambda _: False, 0.0)
        head = frames.Head(bytes(16), 0, bytes(32), bytes(32), 0, 0, 0)
        for number in range(200):
            line.say(live.Subbed("ok", number, (head,) * limits.PULL_SPACES_MAX))
        assert line.closing == 4429

    asyncio.run(work())


def test_a_full_queue_keeps_what_must_be_heard_and_drops_wakes() -> None:
    async def work() -> None:
        line = Line(lambda: None, lambda _: False, 0.0)
        line.readings[SPACE] = Reading.__new__(Reading)
        line.readings[SPACE].sent = 7
        line.say(live.Ping("ping"))
        for _ in range(limits.SOCKET_QUEUE_MAX - 1):
            assert line.tell(SPACE, b"wake", framed(b"wake"))
        assert not line.tell(SPACE, b"one too many", b"")
        line.note_lag(SPACE, 9)
        assert await line.next() == encode(live.Ping("ping"))
        assert await line.next() == encode(live.Lag("lag", (live.Place(SPACE, 9),)))
        assert line.readings[SPACE].sent == 9

    asyncio.run(work())


def test_who_is_given_a_longer_chain_reads_on_by_the_same_line(scene: _Scene) -> None:
    async def work() -> None:
        relay = scene.relay
        ear, task = await scene.open()
        await scene.sub(ear, (relay.token("reader"), 0))
        before = relay.create().rev
        renewed = (*FOUNDER, link("founder", "reader", "r", 0, exp=relay.now_ms + 10**9))
        put = calls.AccessPut(SPACE, (renewed, WRITER), None)
        relay.ask(put, frames.Done, relay.token("founder"))
        assert relay.create().rev == before  # nothing that a token says changed
        raised = (*FOUNDER, link("founder", "reader", "w", 0))
        relay.ask(calls.AccessPut(SPACE, (raised,), None), frames.Done, relay.token("founder"))
        assert relay.create().rev == before + 1
        scene.wake()
        await settle()
        assert not task.done() and relay.entry("reader", READER).code is None

    asyncio.run(work())


def sent(data: bytes | str) -> dict[str, object]:
    kind = "text" if isinstance(data, str) else "bytes"
    return {"type": "websocket.receive", kind: data}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param("text", 4400, id="text"),
        pytest.param(b"\xff", 4400, id="garbage"),
        pytest.param(b"x" * (limits.SOCKET_MESSAGE_BYTES_MAX + 1), 4413, id="too large"),
        pytest.param(
            encode(live.Sub("sub", 1, (live.Wanted(b"x" * 80, 0),))), 4401, id="no good token"
        ),
    ],
)
def test_what_no_listener_says_ends_its_line(scene: _Scene, data: bytes | str, code: int) -> None:
    async def work() -> None:
        ear, task = await scene.open()
        ear.said.put_nowait(sent(data))
        ear.said.put_nowait(sent(b"and more, which nobody reads"))
        await asyncio.wait_for(task, 5)
        assert ear.code() == code

    asyncio.run(work())


def test_what_is_told_is_one_page_for_all_and_none_for_who_left(scene: _Scene) -> None:
    async def work() -> None:
        relay = scene.relay
        ears = [(await scene.open())[0] for _ in range(3)]
        for ear in ears:
            await scene.sub(ear, (relay.token("reader"), 0))
        ears[2].said.put_nowait(sent(encode(live.Unsub("unsub", SPACE))))
        ears[2].said.put_nowait(sent(encode(live.Unsub("unsub", bytes(32)))))
        await settle()
        put = frames.Push(SPACE, (envelope("one"),))
        relay.ask(put, frames.Pushed, relay.token("writer"))
        scene.wake()
        scene.wake()
        await settle()
        told = [[type(one).__name__ for one in ear.heard()] for ear in ears]
        assert told == [["Subbed", "Woken"], ["Subbed", "Woken"], ["Subbed"]]
        assert ears[0].got[-1]["bytes"] is ears[1].got[-1]["bytes"]

    asyncio.run(work())


def test_a_line_that_lags_hears_how_far_when_it_reads_on(scene: _Scene) -> None:
    async def work() -> None:
        relay = scene.relay
        ear, _ = await scene.open()
        await scene.sub(ear, (relay.token("reader"), 0))
        ear.is_open.clear()
        writer = relay.token("writer")
        for number in range(24):
            put = frames.Push(SPACE, (envelope(f"big {number}", 60_000),))
            relay.ask(put, frames.Pushed, writer)
            scene.wake()
            await settle()
        ear.is_open.set()
        await settle()
        lag = ear.heard()[-1]
        assert isinstance(lag, live.Lag) and lag.places == (live.Place(SPACE, 24),)
        relay.ask(frames.Push(SPACE, (envelope("last"),)), frames.Pushed, writer)
        scene.wake()
        await settle()
        woken = ear.heard()[-1]
        assert isinstance(woken, live.Woken) and woken.page is not None
        assert woken.page.frames == (envelope("last"),)

    asyncio.run(work())


def test_a_line_and_a_holder_have_their_bounds(
    scene: _Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SOCKETS_HOLDER_MAX", 1)

    async def work() -> None:
        token = scene.relay.token("reader")
        first, second = (await scene.open())[0], (await scene.open())[0]
        await scene.sub(first, (token, 0), (token, 0))
        await scene.sub(second, (token, 0))
        monkeypatch.setattr(limits, "SOCKET_SPACES_MAX", 0)
        await scene.sub(second, (token, 0))
        entries = [one.entries for one in second.heard() if isinstance(one, live.Subbed)]
        assert entries == [("rate_limited",), ("quota_exceeded",)]
        (told,) = [one for one in first.heard() if isinstance(one, live.Subbed)]
        assert all(isinstance(one, frames.Head) for one in told.entries)

    asyncio.run(work())


def test_a_space_that_is_gone_ends_for_who_listens(scene: _Scene) -> None:
    async def work() -> None:
        relay = scene.relay
        ear, task = await scene.open()
        await scene.sub(ear, (relay.token("reader"), 0))
        instance = relay.create().instance
        sig = events.sig(ROOT, "space-delete", SPACE, instance)
        relay.ask(calls.SpaceDelete(SPACE, instance, sig), frames.Done)
        scene.fanout.wake(Wake(SPACE, GONE, GONE))
        await asyncio.wait_for(task, 5)
        end = ear.heard()[-1]
        assert isinstance(end, live.End) and (end.code, ear.code()) == ("space_not_found", 4403)

    asyncio.run(work())


def test_a_store_that_fails_is_told_of_and_tried_again(
    scene: _Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise InternalError("storage_failed")

    async def work() -> None:
        relay = scene.relay
        ear, _ = await scene.open()
        with monkeypatch.context() as patch:
            patch.setattr(relay.desk, "subscribe", broken)
            await scene.sub(ear, (relay.token("reader"), 0))
        assert isinstance(ear.heard()[-1], live.Subbed) and not ear.got[-1].get("code")
        await scene.sub(ear, (relay.token("reader"), 0))
        put = frames.Push(SPACE, (envelope("one"),))
        relay.ask(put, frames.Pushed, relay.token("writer"))
        with monkeypatch.context() as patch:
            patch.setattr(relay.desk, "page", broken)
            scene.wake()
            await settle()
        assert isinstance(ear.heard()[-1], live.Subbed)
        scene.wake()
        await settle()
        assert isinstance(ear.heard()[-1], live.Woken)

    asyncio.run(work())


def test_who_goes_says_so_and_cuts_who_does_not_listen(scene: _Scene) -> None:
    async def work() -> None:
        (good, done), (deaf, stuck) = await scene.open(), await scene.open()
        deaf.is_open.clear()
        leaving = asyncio.create_task(scene.fanout.bye(1.0))
        await asyncio.wait_for(done, 5)
        assert good.heard() == [live.Bye("bye", "relay_unavailable")] and good.code() == 4503
        scene.now_s += 2
        await leaving
        await asyncio.wait_for(stuck, 5)
        assert deaf.aborted and not len(scene.fanout)

    asyncio.run(work())


def test_a_peer_that_went_ends_its_line(scene: _Scene) -> None:
    async def work() -> None:
        ear, task = await scene.open()
        ear.is_gone = True
        await scene.sub(ear, (scene.relay.token("reader"), 0))
        ear.said.put_nowait({"type": "websocket.disconnect"})
        await asyncio.wait_for(task, 5)
        assert not len(scene.fanout)

    asyncio.run(work())
