"""Slots: one winner, fences that only rise, no live lease lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import receipt
from envoy.core.crypto import sign
from envoy.core.structs import replace
from envoy.sync import frames
from envoy.sync.frames import HubRefusal, Slot, Slotted
from hub.scenes import NOW_MS, SPACE, Hub, envelope
from oracle import scene
from processes import python
from vectorfile import bad, good, load
from vectors import make_slot

Case = dict[str, Any]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub")


def call_of(step: Case, number: int) -> Slot:
    event = step["event"]
    return Slot(
        step["op"],
        SPACE,
        0,
        scene.fixed(f"slot {number}" if number else "slot"),
        step["seen"],
        scene.fixed(f"holder {step['holder']}", 16),
        step["lease_s"],
        None if event is None else envelope(f"{event} of slot {number}"),
    )


def play(hub: Hub, step: Case) -> Slotted:
    """Do a step of a vector; with ``slots`` on as many other slots, too."""
    hub.now_ms = NOW_MS + step["at"] * 1000
    poster = scene.fixed("poster " + step["poster"])
    numbers = range(1, step["slots"] + 1) if "slots" in step else (0,)
    answers = [hub.ask(call_of(step, number), Slotted, poster=poster) for number in numbers]
    return answers[-1]


def seconds(time_ms: int) -> int:
    assert time_ms % 1000 == 0
    return (time_ms - NOW_MS) // 1000


def test_the_vectors_are_those_of_their_generator() -> None:
    assert load("slot") == make_slot.vectors()


@pytest.mark.parametrize(("case", "expect"), good("slot"))
def test_a_slot_is_claimed_renewed_released(hub: Hub, case: Case, expect: Case) -> None:
    answers = [play(hub, step) for step in case["steps"]]
    last = answers[-1]
    fence = None
    if last.receipt is not None:
        issued = receipt.read_receipt(last.receipt, SPACE)
        assert receipt.is_signed(issued, hub.handler.hub_key)
        fence = issued.fence
    shown = {"fence": fence, "until": seconds(last.until), "seqs": list(last.seqs)}
    assert shown == expect


@pytest.mark.parametrize(("case", "code"), bad("slot"))
def test_a_refused_slot_call_leaves_nothing_behind(hub: Hub, case: Case, code: str) -> None:
    for step in case["steps"][:-1]:
        play(hub, step)
    before, rows = hub.pull(), dump(hub)
    with pytest.raises(HubRefusal) as caught:
        play(hub, case["steps"][-1])
    assert caught.value.code == code
    assert (hub.pull(), dump(hub)) == (before, rows)


def dump(hub: Hub) -> list[tuple[object, ...]]:
    """Return all rows of slots."""
    columns = "slot, fence, holder_hash, event, until, cap, receipt"
    return hub.store.connection.rows(lambda *row: row, f"SELECT {columns} FROM slot ORDER BY slot")


def test_a_receipt_says_all_and_stands_in_the_log_behind_its_claim(hub: Hub) -> None:
    holder, slot = scene.fixed("holder", 16), scene.fixed("slot")
    call = Slot("claim", SPACE, 3, slot, 0, holder, 60, envelope("claim"))
    answer = hub.ask(call, Slotted)
    assert answer.receipt is not None
    assert hub.pull().frames == (envelope("claim"), answer.receipt)
    issued = receipt.read_receipt(answer.receipt, SPACE)
    assert (issued.no, issued.slot, issued.fence) == (3, slot, 1)
    assert issued.event == frames.frame_id(envelope("claim"))
    assert issued.holder == sign.sha256(holder)
    assert (issued.instance, issued.at, issued.until) == (
        hub.store.instance,
        NOW_MS,
        NOW_MS + 60_000,
    )
    state = receipt.LogState(answer.instance, SPACE, answer.head, answer.h, answer.at)
    assert receipt.is_push_signed(state, answer.sig, hub.handler.hub_key)


def test_a_claim_that_was_pushed_before_keeps_its_number(hub: Hub) -> None:
    hub.push(envelope("claim"), envelope("other"))
    call = replace(call_of(make_slot.FIRST, 0), frame=envelope("claim"))
    assert hub.ask(call, Slotted).seqs == (1, 3)


def test_the_loser_learns_the_fence_or_the_end_of_the_lease(hub: Hub) -> None:
    play(hub, make_slot.FIRST)
    with pytest.raises(HubRefusal) as moved:
        play(hub, make_slot.claim(1, "b", 0))
    assert moved.value.details == {"fence": 1}
    with pytest.raises(HubRefusal) as taken:
        play(hub, make_slot.claim(1, "b", 1))
    assert taken.value.details == {"until": NOW_MS + 60_000}
    with pytest.raises(HubRefusal) as unknown:
        play(
            hub,
            make_slot.release(1, "b", 1) | {"op": "renew", "lease_s": 60, "holder": "a", "seen": 9},
        )
    assert unknown.value.details == {"fence": 1}


def test_fences_rise_over_a_wiped_hub_by_what_was_seen(tmp_path: Path) -> None:
    first = Hub(tmp_path / "one")
    play(first, make_slot.claim(0, "a", 41))
    wiped = Hub(tmp_path / "two")
    answer = play(wiped, make_slot.claim(1, "b", 42))
    assert answer.receipt is not None
    assert receipt.read_receipt(answer.receipt, SPACE).fence == 43
    assert answer.instance != first.store.instance


def test_the_slots_of_a_space_are_bounded_whoever_pays(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOTS_MAX", 3)
    for number in range(3):
        hub.ask(call_of(make_slot.FIRST, number), Slotted, poster=bytes((number,)) * 32)
    late = call_of(make_slot.FIRST, 9)
    with pytest.raises(HubRefusal, match="quota_exceeded"):
        hub.ask(late, Slotted)
    hub.now_ms += make_slot.FREE * 1000
    # A row that changes hands needs no room.
    again = call_of(make_slot.claim(make_slot.FREE, "b", 1), 0)
    assert hub.ask(again, Slotted, poster=b"q" * 32).receipt
    assert len(dump(hub)) == 3
    hub.ask(late, Slotted)
    assert len(dump(hub)) == 3
    assert scene.fixed("slot") in {row[0] for row in dump(hub)}


def test_the_row_whose_lease_ended_longest_ago_goes_first(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOTS_PER_POSTER_MAX", 3)
    for number in range(3):
        hub.now_ms = NOW_MS + number * 1000
        hub.ask(call_of(make_slot.FIRST, number), Slotted)
    hub.ask(call_of(make_slot.renew(0, "a", 1), 0), Slotted)  # the first one ends last now
    hub.now_ms = NOW_MS + 1_000_000
    hub.ask(call_of(make_slot.FIRST, 9), Slotted)
    assert {row[0] for row in dump(hub)} == {
        scene.fixed(name) for name in ("slot", "slot 2", "slot 9")
    }


def test_to_take_over_a_slot_needs_a_place_in_the_own_share(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOTS_PER_POSTER_MAX", 1)
    other = b"q" * 32
    hub.ask(call_of(make_slot.FIRST, 1), Slotted, poster=other)
    hub.now_ms += make_slot.FREE * 1000
    hub.ask(call_of(make_slot.FIRST, 2), Slotted)
    with pytest.raises(HubRefusal, match="quota_exceeded"):
        hub.ask(call_of(make_slot.claim(0, "b", 1), 1), Slotted)
    assert hub.ask(call_of(make_slot.claim(0, "b", 1), 1), Slotted, poster=other).receipt


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "claim", "renew", "release"]),
        st.integers(0, 120),
        st.sampled_from("abc"),
        st.integers(-1, 1),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_no_sequence_of_calls_gives_a_fence_twice_or_a_live_lease_away(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str, int]]
) -> None:
    hub = Hub(tmp_path_factory.mktemp("hub") / "hub")
    fence, owner, busy_until, now = 0, "", -1, 0
    for number, (op, wait, holder, off) in enumerate(steps):
        now += wait
        step = {
            "op": op,
            "at": now,
            "holder": holder,
            "seen": max(fence + off, 0),
            "poster": "p",
            "lease_s": 0 if op == "release" else 60,
            "event": f"{number}",
        }
        try:
            answer = play(hub, step)
        except HubRefusal:
            continue
        if op == "claim":
            assert answer.receipt is not None
            new = receipt.read_receipt(answer.receipt, SPACE).fence
            assert new > fence
            assert now >= busy_until
            fence, owner = new, holder
        else:
            assert (holder, step["seen"]) == (owner, fence)
        busy_until = -1 if op == "release" else now + make_slot.FREE
    hub.store.close()


CLAIMER = """
import json, sys
from envoy.core import receipt
from envoy.hub.handler import LocalHub
from envoy.hub.sqlite import open_store
from envoy.sync.frames import HubRefusal, Slot
from envoy.system import host
from hub.scenes import SPACE, envelope
from oracle.scene import fixed

me = sys.argv[2]
local = LocalHub(open_store(sys.argv[1]), poster=fixed(me), now_ms=host.now_ms)
won, codes = {}, set()
for task in range(25):
    call = Slot("claim", SPACE, 0, fixed(f"task {task}"), 0, fixed(me, 16), 900,
                envelope(f"{me} claims {task}"))
    try:
        answer = local.handle(call)
        won[task] = receipt.read_receipt(answer.receipt, SPACE).fence
    except HubRefusal as refusal:
        codes.add(refusal.code)
print(json.dumps([won, sorted(codes)]))
"""


@pytest.mark.slow
def test_eight_processes_that_claim_25_slots_win_each_once(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    claimers = [python(CLAIMER, str(tmp_path / "hub"), f"claimer {n}") for n in range(8)]
    answers = [json.loads(claimer.communicate(timeout=60)[0]) for claimer in claimers]
    wins = [int(task) for won, _ in answers for task in won]
    assert sorted(wins) == list(range(25))
    assert {fence for won, _ in answers for fence in won.values()} == {1}
    assert {code for _, codes in answers for code in codes} <= {"slot_moved", "slot_taken"}
    assert hub.head().head == 50  # the losers' frames are not in: they push them plain
