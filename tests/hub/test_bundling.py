"""Bundles at a hub: all that one has comes to another, in ordinary calls."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.hub import bundling
from envoy.hub.bundling import Counts
from envoy.sync import bundles, frames
from envoy.sync.bundles import BoxRecord, FrameRecord, Header, HeadRecord, Record
from hub.scenes import SPACE, G, Hub, envelope, epoch_head, put_epoch

TAG, BOX = bytes(16), bytes(frames.BOX_BYTES)


def near(hub: Hub, heard: list[Body]) -> Callable[[Body], Body]:
    """Return who answers calls as ``hub`` does."""

    def handle(call: Body) -> Body:
        heard.append(call)
        return hub.handler.handle(call, poster=bytes(32), now_ms=hub.now_ms)

    return handle


def packed(hub: Hub) -> tuple[bytes, Counts]:
    """Return a bundle of all that ``hub`` has, and what is in it."""
    told = list[Counts]()
    return b"".join(bundling.pieces(hub.store, SPACE, told.append)), told[0]


def test_all_that_one_hub_has_comes_to_another(tmp_path: Path) -> None:
    one, two = Hub(tmp_path / "one"), Hub(tmp_path / "two", space=False)
    count = limits.PUSH_FRAMES_MAX + 3
    for start in range(0, count, 100):
        one.push(*(envelope(str(n)) for n in range(start, min(count, start + 100))))
    epoch = put_epoch(one)
    one.ask(frames.BoxPut(SPACE, epoch, (frames.Box(TAG, BOX),)), frames.Done)
    raw, counts = packed(one)
    assert counts == Counts(count, 1, 1)
    assert bundling.check(BytesIO(raw).read) == SPACE
    heard = list[Body]()
    for _ in range(2):  # it may be taken in twice
        assert bundling.load(near(two, heard), BytesIO(raw).read) == counts
        assert two.store.frame_ids(SPACE) == one.store.frame_ids(SPACE)
        assert two.store.all_boxes(SPACE, epoch) == [(TAG, BOX)]
    pushes = [len(call.frames) for call in heard if isinstance(call, frames.Push)]
    assert pushes == [limits.PUSH_FRAMES_MAX, 3] * 2


def test_large_frames_go_in_several_calls(tmp_path: Path) -> None:
    one, two = Hub(tmp_path / "one"), Hub(tmp_path / "two", space=False)
    for number in range(20):
        one.push(envelope(str(number), 60_000))
    heard = list[Body]()
    bundling.load(near(two, heard), BytesIO(packed(one)[0]).read)
    assert sum(isinstance(call, frames.Push) for call in heard) == 2


def test_what_a_hub_refuses_for_good_is_skipped(tmp_path: Path) -> None:
    two = Hub(tmp_path / "two", space=False)
    head, _ = epoch_head(SPACE, "t")
    records: list[Record] = [
        HeadRecord("head", bytes(32), head),  # its id does not recompute
        BoxRecord("box", bytes(32), TAG, BOX),
        FrameRecord("frame", envelope("one")),
    ]
    raw = b"".join(bundles.write(Header(1, SPACE, G), records))
    assert bundling.load(near(two, []), BytesIO(raw).read) == Counts(1, 0, 0)


def test_a_space_that_is_not_that_of_its_g_is_no_bundle(tmp_path: Path) -> None:
    two = Hub(tmp_path / "two", space=False)
    raw = b"".join(bundles.write(Header(1, bytes(32), G), []))
    with pytest.raises(RemoteFault) as caught:
        bundling.load(near(two, []), BytesIO(raw).read)
    assert caught.value.code == "malformed"
