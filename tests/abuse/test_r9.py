"""R9: floods of sockets, of heads, of tiny events cost who sends them; others are served."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope
from relay import process
from relay.process import Client, Served, head, raw, rest
from relay.test_face import push, status_of, stored

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Return a relay that keeps the space of the scenes, as it is set up for everybody."""
    with process.serving(tmp_path / "relay", frames_day_max=6_000) as found:
        client = Client(found)
        client.create()
        client.close()
        yield found


def test_sockets_of_one_peer(served: Served) -> None:
    client = Client(served)
    token = client.token("writer")
    lines, turned = [], 0
    for _ in range(300):
        line = raw(served, head(served, "push", size=10)[:-2])
        line.settimeout(0.02)
        try:
            turned += status_of(line.recv(1000)) == 429
            line.close()
        except TimeoutError:
            lines.append(line)
    assert turned > 200 and len(lines) < 65
    assert client.ask(push("meanwhile"), frames.Pushed, token).seqs  # who was there goes on
    for line in lines:
        line.close()
    client.close()


def test_heads_without_an_end(served: Served) -> None:
    for _ in range(20):
        with raw(served, head(served, "push", size=10)[:-2] + b"X: " + b"a" * 40_000) as line:
            assert status_of(rest(line)) in (400, 431)
    client = Client(served)
    assert stored(client) == 0
    client.close()


def test_a_flood_of_tiny_events_runs_dry_and_readers_notice_nothing(served: Served) -> None:
    """One session's burst, then its rate; what others ask for is answered all the while."""
    client, other = Client(served), Client(served)
    writer, reader = client.token("writer"), other.token("reader")
    codes, number = list[str](), 0
    while "rate_limited" not in codes and number < 80:
        names = [f"{number} {each}" for each in range(100)]
        call = frames.Push(SPACE, tuple(envelope(name, 16) for name in names))
        try:
            client.ask(call, frames.Pushed, writer)
        except HubRefusal as refusal:
            codes.append(refusal.code)
        other.ask(frames.HeadGet(SPACE), frames.Head, reader)
        number += 1
    assert codes == ["rate_limited"]
    client.close()
    other.close()


def test_pushes_at_the_edge_of_the_quota_are_counted_exactly(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay", frames_day_max=50, no_pace=True) as served:
        first = Client(served)
        first.create()
        token = first.token("writer")

        def work(number: int) -> int:
            client = Client(served)
            call = frames.Push(SPACE, tuple(envelope(f"{number} {each}") for each in range(3)))
            try:
                return len(client.ask(call, frames.Pushed, token).seqs)
            except HubRefusal as refusal:
                assert refusal.code == "quota_exceeded"
                return 0
            finally:
                client.close()

        with ThreadPoolExecutor(32) as pool:
            assert sum(pool.map(work, range(32))) == 48  # a push is taken whole or not at all
        assert stored(first) == 48
        first.close()
