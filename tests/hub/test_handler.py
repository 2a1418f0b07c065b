"""The meaning of every hub call: ids recompute, repeats are harmless, refusals leave nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envoy import limits
from envoy.core import receipt
from envoy.core.crypto import sign
from envoy.core.structs import Body, replace
from envoy.hub.handler import LocalHub
from envoy.sync import frames
from envoy.sync.frames import Done, HubRefusal
from hub.scenes import (
    FETCH,
    INVITE,
    NOW_MS,
    REVOKE,
    SPACE,
    G,
    Hub,
    envelope,
    epoch_head,
    put_epoch,
    statement,
)
from oracle import events, messagepack, scene


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub")


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(HubRefusal) as caught:
        call()
    return caught.value.code


# -- spaces ----------------------------------------------------------------------------------


def test_a_space_begins_empty_with_the_chain_of_its_hub(hub: Hub) -> None:
    instance = hub.store.instance
    start = events.h("hub-chain", instance, SPACE)
    assert hub.head() == frames.Head(instance, 0, start, bytes(32), 0, 0, NOW_MS)


def test_a_space_is_made_once_and_keeps_what_it_has(hub: Hub) -> None:
    hub.push(envelope("one"))
    hub.now_ms += 5
    assert hub.ask(frames.Create(SPACE, G, None), frames.Head) == hub.head()
    assert hub.head().head == 1


@pytest.mark.parametrize(
    ("g", "code"),
    [
        pytest.param(messagepack.write([1, scene.OTHER, bytes(32)]), "malformed", id="another id"),
        pytest.param(messagepack.write([1, scene.ROOT_PUB]), "malformed", id="two elements"),
        pytest.param(messagepack.write([1, bytes(31), bytes(32)]), "malformed", id="a short key"),
        pytest.param(messagepack.write([2, scene.ROOT_PUB, bytes(32)]), "unsupported_operation",
                     id="a suite of another time"),
        pytest.param(bytes(257), "message_too_large", id="larger than any G"),
    ],
)  # fmt: skip
def test_a_space_whose_id_does_not_recompute_is_not_made(
    tmp_path: Path, g: bytes, code: str
) -> None:
    hub = Hub(tmp_path / "hub", space=False)
    assert refusal(lambda: hub.ask(frames.Create(SPACE, g, None), frames.Head)) == code
    assert refusal(hub.head) == "space_not_found"
    hub.ask(frames.Create(SPACE, G, None), frames.Head)


def test_calls_on_an_unknown_space_are_refused(hub: Hub) -> None:
    other = scene.fixed("other space")
    frame = envelope("one")
    slot = frames.Slot("claim", other, 0, other, 0, bytes(16), 60, frame)
    boxes = (frames.Box(bytes(16), bytes(1168)),)
    head, epoch = epoch_head(other, "t")
    calls: list[Body] = [
        frames.Push(other, (frame,)),
        frames.ById(other, (SPACE,)),
        frames.HeadGet(other),
        slot,
        frames.EpochPut(other, epoch, head),
        frames.BoxPut(other, epoch, boxes),
        frames.EpochGet(other, epoch, ()),
    ]
    for call in calls:
        with pytest.raises(HubRefusal, match="space_not_found"):
            hub.ask(call, Done)


# -- frames ----------------------------------------------------------------------------------


def test_numbers_are_dense_and_chain_sum_and_count_follow_the_ids(hub: Hub) -> None:
    pushed = [envelope(f"{n}") for n in range(7)]
    assert hub.push(*pushed[:3]).seqs == (1, 2, 3)
    answer = hub.push(*pushed[3:])
    assert answer.seqs == (4, 5, 6, 7)
    h, total = events.h("hub-chain", hub.store.instance, SPACE), 0
    for frame in pushed:
        ident = events.h("env", frame)
        h = events.h("hub-chain", h, ident)
        total += int.from_bytes(ident, "little")
    head = hub.head()
    assert (head.head, head.count, head.h, answer.h) == (7, 7, h, h)
    assert int.from_bytes(head.sum, "little") == total % 2**256
    assert hub.pull() == frames.Page(tuple(pushed), 7, head)


def test_a_known_frame_keeps_its_number_also_within_one_push(hub: Hub) -> None:
    one, two, three = (envelope(name) for name in ("one", "two", "three"))
    hub.push(one, two)
    before = hub.head()
    assert hub.push(two, three, one, three).seqs == (2, 3, 1, 3)
    assert hub.head().count == before.count + 1


def test_a_push_of_known_frames_alone_moves_the_time_and_is_committed(hub: Hub) -> None:
    hub.push(envelope("one"))
    before, commits = hub.head(), hub.store.connection.commits["full"]
    hub.now_ms += 7
    assert hub.push(envelope("one")).at == before.at + 7
    assert hub.head() == replace(before, at=before.at + 7)
    assert hub.store.connection.commits["full"] == commits + 1


def test_the_time_of_a_space_never_runs_back(hub: Hub) -> None:
    hub.push(envelope("one"))
    hub.now_ms -= 60_000
    assert hub.push(envelope("two")).at == NOW_MS


def test_a_push_is_signed_for_the_state_it_led_to(hub: Hub) -> None:
    answer = hub.push(envelope("one"))
    state = receipt.LogState(answer.instance, SPACE, answer.head, answer.h, answer.at)
    assert receipt.is_push_signed(state, answer.sig, hub.handler.hub_key)


def test_receipts_of_another_hub_are_taken_like_any_frame(hub: Hub) -> None:
    award = receipt.Award(SPACE, 0, bytes(16), SPACE, 1, SPACE, SPACE, 0, 0)
    frame = receipt.issue_receipt(scene.fixed("other hub"), award)
    hub.push(frame)
    assert hub.pull().frames == (frame,)


@pytest.mark.parametrize(
    ("pushed", "code"),
    [
        pytest.param((), "malformed", id="no frame"),
        pytest.param(tuple(envelope(f"{n}") for n in range(257)), "malformed", id="257 frames"),
        pytest.param((envelope("a"), b""), "malformed", id="an empty frame"),
        pytest.param((envelope("a"), messagepack.write(["card/1"])), "malformed", id="no frame id"),
        pytest.param((envelope("a"), messagepack.write([None])), "malformed", id="no first label"),
        pytest.param((messagepack.write([1, bytes(65_532)]),), "message_too_large", id="65,537 B"),
        pytest.param(tuple(envelope(f"{n}", 60_000) for n in range(18)), "message_too_large",
                     id="over 1 MiB together"),
    ],
)  # fmt: skip
def test_a_push_out_of_bounds_leaves_nothing(
    hub: Hub, pushed: tuple[bytes, ...], code: str
) -> None:
    before = hub.head()
    hub.now_ms += 1
    assert refusal(lambda: hub.push(*pushed)) == code
    assert hub.head() == before
    hub.push(*(envelope(f"{n}") for n in range(256)))
    hub.push(messagepack.write([1, bytes(65_531)]))
    hub.push(*(envelope(f"{n}", 60_000) for n in range(17)))


def test_a_pull_goes_on_where_the_last_one_ended(hub: Hub) -> None:
    pushed = [envelope(f"{n}") for n in range(10)]
    hub.push(*pushed)
    found, cursor = list[bytes](), 0
    while (page := hub.pull(cursor, limit=3)).frames:
        found += page.frames
        cursor = page.last
    assert (found, cursor) == (pushed, 10)
    assert hub.pull(99) == frames.Page((), 99, hub.head())


def test_a_cursor_of_another_instance_gets_the_head_and_no_frames(hub: Hub) -> None:
    hub.push(envelope("one"))
    for instance, count in ((bytes(16), 0), (None, 1), (hub.store.instance, 1)):
        call = frames.Pull((frames.Since(SPACE, instance, 0),), 10, 0)
        (page,) = hub.ask(call, frames.Pulled).pages
        assert (len(page.frames), page.head) == (count, hub.head())


def test_one_pull_serves_several_spaces_within_one_bound(hub: Hub) -> None:
    g = messagepack.write([1, scene.OTHER, bytes(32)])
    second, unknown = events.h("genesis", g), scene.fixed("nowhere")
    hub.ask(frames.Create(second, g, None), frames.Head)
    hub.push(*(envelope(f"{n}") for n in range(5)))
    hub.ask(frames.Push(second, (envelope("x"), envelope("y"))), frames.Pushed)
    spaces = tuple(frames.Since(space, None, 0) for space in (unknown, SPACE, second))
    pages = hub.ask(frames.Pull(spaces, 6, 0), frames.Pulled).pages
    assert [len(page.frames) for page in pages] == [0, 5, 1]
    assert [page.last for page in pages] == [0, 5, 1]
    assert pages[0].head is None


def test_a_page_stays_below_its_bytes_and_always_goes_on(hub: Hub) -> None:
    for part in range(6):
        hub.push(*(envelope(f"{part} {n}", 61_000) for n in range(17)))
    first = hub.pull()
    assert sum(map(len, first.frames)) <= limits.PAGE_BYTES_MAX < 102 * 61_000
    assert len(first.frames) + len(hub.pull(first.last).frames) == 102
    idents = tuple(frames.frame_id(frame) for frame in first.frames) * 2
    found = hub.ask(frames.ById(SPACE, idents), frames.Found).frames
    assert sum(map(len, found)) <= limits.PAGE_BYTES_MAX


def test_the_bytes_of_a_pull_are_bounded_over_all_its_spaces(hub: Hub) -> None:
    g = messagepack.write([1, scene.OTHER, bytes(32)])
    second = events.h("genesis", g)
    hub.ask(frames.Create(second, g, None), frames.Head)
    for part in range(3):
        pushed = tuple(envelope(f"{part} {n}", 61_000) for n in range(17))
        hub.push(*pushed)
        hub.ask(frames.Push(second, pushed), frames.Pushed)
    call = frames.Pull((frames.Since(SPACE, None, 0), frames.Since(second, None, 0)), 1000, 0)
    first, rest = hub.ask(call, frames.Pulled).pages
    assert (len(first.frames), rest.last) == (51, len(rest.frames))
    assert 0 < len(rest.frames) < 51
    assert sum(map(len, first.frames + rest.frames)) <= limits.PAGE_BYTES_MAX


def test_frames_are_found_by_id_in_the_order_asked(hub: Hub) -> None:
    pushed = [envelope(f"{n}") for n in range(3)]
    hub.push(*pushed)
    idents = [frames.frame_id(frame) for frame in pushed]
    call = frames.ById(SPACE, (idents[2], scene.fixed("unknown"), idents[0]))
    assert hub.ask(call, frames.Found).frames == (pushed[2], pushed[0])


# -- all calls -------------------------------------------------------------------------------


def test_every_call_of_the_table_has_a_meaning_here(hub: Hub) -> None:
    epoch = put_epoch(hub)
    hub.ask(INVITE, Done)
    calls: list[Body] = [
        frames.Create(SPACE, G, None),
        frames.HeadGet(SPACE),
        frames.Push(SPACE, (envelope("one"),)),
        frames.Pull((frames.Since(SPACE, None, 0),), 1, 0),
        frames.ById(SPACE, (SPACE,)),
        frames.Slot("claim", SPACE, 0, SPACE, 0, bytes(16), 60, envelope("claim")),
        frames.EpochPut(SPACE, epoch, epoch_head(SPACE, "t")[0]),
        frames.BoxPut(SPACE, epoch, (frames.Box(bytes(16), bytes(1168)),)),
        frames.EpochGet(SPACE, epoch, (bytes(16),)),
        INVITE,
        frames.InviteFetch(INVITE.lookup, FETCH, bytes(16)),
        frames.InviteRequest(INVITE.lookup, FETCH, bytes(16), bytes(4096)),
        frames.InviteReply(INVITE.lookup, REVOKE, None, None),
        frames.InviteDelete(INVITE.lookup, REVOKE),
        statement(0),
        frames.KeysGet((scene.WRITER,)),
    ]
    assert [type(call) for call in calls] == [kind for kind, _ in frames.CALLS.values()]
    for call, (_, reply) in zip(calls, frames.CALLS.values(), strict=True):
        hub.ask(call, reply)
    assert refusal(lambda: hub.ask(Done(), Done)) == "unsupported_operation"


def test_the_local_hub_fills_in_poster_and_time(hub: Hub) -> None:
    local = LocalHub(hub.store, poster=b"q" * 32, now_ms=lambda: NOW_MS + 9)
    answer = local.handle(frames.Push(SPACE, (envelope("one"),)))
    assert isinstance(answer, frames.Pushed)
    assert (answer.at, answer.instance) == (NOW_MS + 9, local.instance)
    head, epoch = epoch_head(SPACE, "t")
    local.handle(frames.EpochPut(SPACE, epoch, head))
    assert hub.ask(frames.EpochGet(SPACE, epoch, ()), frames.EpochFound).poster == b"q" * 32
    assert local.hub_key == sign.public_key(hub.store.seed)
