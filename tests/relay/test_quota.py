"""Pace: buckets that fill, run dry and are forgotten; names of peers."""

from __future__ import annotations

import pytest

from envoy.core.structs import Body
from envoy.relay import quota
from envoy.relay.peers import Peers, name_of
from envoy.relay.quota import Buckets, Pace, Rate, Rates
from envoy.relay.session import Token
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope


class _Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def buckets(clock: _Clock) -> Buckets:
    return Buckets(b"key", clock, most=100)


def test_a_burst_goes_through_and_then_so_many_a_second(clock: _Clock, buckets: Buckets) -> None:
    rate = Rate(2, 3)
    assert [buckets.take("k", b"a", rate) for _ in range(4)] == [0, 0, 0, 500]
    clock.now_s += 0.499
    assert buckets.take("k", b"a", rate) == 1
    clock.now_s += 0.001
    assert buckets.take("k", b"a", rate) == 0
    clock.now_s += 1000
    assert [buckets.take("k", b"a", rate) for _ in range(4)] == [0, 0, 0, 500]


def test_buckets_of_other_names_and_kinds_are_others(buckets: Buckets) -> None:
    rate = Rate(1, 1)
    assert buckets.take("k", b"a", rate) == 0 and buckets.take("k", b"a", rate) > 0
    assert buckets.take("k", b"b", rate) == 0
    assert buckets.take("other", b"a", rate) == 0


def test_what_is_refused_costs_nothing(clock: _Clock, buckets: Buckets) -> None:
    rate = Rate(1, 1)
    assert buckets.take("k", b"a", rate) == 0
    assert {buckets.take("k", b"a", rate) for _ in range(100)} == {1000}
    clock.now_s += 1
    assert buckets.take("k", b"a", rate) == 0


def test_more_than_a_burst_is_let_through_once_and_paid_for_after(
    clock: _Clock, buckets: Buckets
) -> None:
    rate = Rate(10, 20)
    assert buckets.take("k", b"a", rate, count=50) == 0
    assert buckets.take("k", b"a", rate) == 3100
    clock.now_s += 3.1
    assert buckets.take("k", b"a", rate) == 0


def test_h17_a_million_names_are_not_kept(clock: _Clock, buckets: Buckets) -> None:
    rate = Rate(0.001, 1)
    for number in range(1_000):
        assert buckets.take("k", number.to_bytes(4), rate) == 0
        buckets.take("k", b"busy", rate)
    assert len(buckets) == 100
    assert buckets.take("k", b"busy", rate) > 0  # who goes on asking is not forgotten


HOLDER = bytes(range(32))


def token(space: bytes = SPACE, holder: bytes = HOLDER) -> Token:
    return Token(1, space, holder, holder, "w", 0, 10**15, 0)


def push(count: int) -> frames.Push:
    return frames.Push(SPACE, tuple(envelope(str(number)) for number in range(count)))


SLOT = frames.Slot(frames.CLAIM, SPACE, 1, bytes(32), 0, bytes(16), 60, envelope("claim"))
BOXES = frames.BoxPut(SPACE, bytes(32), (frames.Box(bytes(16), bytes(1168)),) * 3)
LITTLE = Rates(*[Rate(1, 3)] * len(Rates()))


@pytest.mark.parametrize(
    ("call", "goes"),
    [
        pytest.param(push(1), 3, id="frames one by one"),
        pytest.param(push(3), 1, id="frames together"),
        pytest.param(BOXES, 1, id="boxes"),
        pytest.param(SLOT, 3, id="slots"),
        pytest.param(calls.Recon(SPACE, b""), 3, id="comparing"),
        pytest.param(frames.HeadGet(SPACE), 100, id="reading, as often as one likes"),
    ],
)
def test_a_session_goes_at_its_pace(buckets: Buckets, call: Body, goes: int) -> None:
    pace = Pace(buckets, LITTLE)
    done = 0
    for _ in range(100):
        try:
            pace.work([token()], call)
        except HubRefusal as refusal:
            assert refusal.code == "rate_limited" and refusal.details["retry_after_ms"] > 0
            continue
        done += 1
    assert done == goes
    pace.work([token(bytes(32))], call)  # who has no token of this space is refused for that


def test_all_sessions_of_a_space_share_its_pace(buckets: Buckets) -> None:
    pace = Pace(buckets, LITTLE._replace(frames=Rate(100, 100)))
    pace.work([token(holder=bytes(32))], push(2))
    pace.work([token(holder=bytes([1]) * 32)], push(1))
    with pytest.raises(HubRefusal):
        pace.work([token(holder=bytes([2]) * 32)], push(1))


def test_what_the_pace_of_the_space_refuses_costs_the_session_nothing(
    clock: _Clock, buckets: Buckets
) -> None:
    pace = Pace(buckets, LITTLE._replace(frames=Rate(0.001, 4), space_frames=Rate(1, 2)))
    for _ in range(2):
        pace.work([token()], push(1))
    for _ in range(5):
        with pytest.raises(HubRefusal):
            pace.work([token()], push(1))
    clock.now_s += 2
    pace.work([token()], push(2))
    clock.now_s += 2
    with pytest.raises(HubRefusal):  # by now the session has nothing left
        pace.work([token()], push(1))


@pytest.mark.parametrize("name", sorted(quota.SESSIONS | quota.INVITES))
def test_a_peer_that_nobody_knows_yet_goes_at_its_pace(buckets: Buckets, name: str) -> None:
    pace = Pace(buckets, LITTLE)
    for _ in range(3):
        pace.admit(name, b"peer")
    with pytest.raises(HubRefusal):
        pace.admit(name, b"peer")
    pace.admit(name, b"other")
    pace.admit("pull", b"peer")


@pytest.mark.parametrize(
    ("address", "said", "name"),
    [
        pytest.param("192.0.2.1", [], "192.0.2.1", id="an address"),
        pytest.param("::ffff:192.0.2.1", [], "192.0.2.1", id="an IPv4 address in IPv6"),
        pytest.param("2001:db8::1", [], "2001:db8::", id="the network of an IPv6 address"),
        pytest.param("192.0.2.1", ["9.9.9.9"], "192.0.2.1", id="a stranger's word is not read"),
        pytest.param("10.0.0.1", ["9.9.9.9"], "9.9.9.9", id="a proxy's word"),
        pytest.param("10.0.0.1", ["1.1.1.1, 9.9.9.9"], "9.9.9.9", id="not what was said before"),
        pytest.param("10.0.0.1", ["1.1.1.1", "9.9.9.9, 10.0.0.2"], "9.9.9.9",
                     id="through two proxies"),
        pytest.param("10.0.0.1", ["garbage"], "10.0.0.1", id="a proxy that says nothing of use"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="a proxy that says nothing"),
    ],
)  # fmt: skip
def test_a_peer_counts_under(address: str, said: list[str], name: str) -> None:
    peers = Peers(["10.0.0.1", "10.0.0.2"])
    headers = [(b"x-forwarded-for", one.encode()) for one in said]
    assert peers.name(address, headers) == name_of(name)
