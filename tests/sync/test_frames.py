"""Calls and replies of a hub: bytes, bounds, ids; and no structure that is read two ways."""

from __future__ import annotations

from typing import Any

import pytest

from envoy import limits
from envoy.core import codec, epoch, genesis, identity
from envoy.core.structs import Body, replace
from envoy.errors import RemoteFault
from envoy.hub.handler import Commitment
from envoy.sync import frames
from oracle import scene
from vectorfile import bad, good, load
from vectors import make_frames

Case = dict[str, Any]


def judge(case: Case) -> object:
    """Do what a vector says."""
    match case["op"]:
        case "id":
            return frames.frame_id(bytes.fromhex(case["hex"])).hex()
        case "chain":
            h = frames.chain_start(bytes.fromhex(case["instance"]), bytes.fromhex(case["space"]))
            return [h.hex()] + [
                (h := frames.chain_after(h, [bytes.fromhex(ident)])).hex() for ident in case["ids"]
            ]
        case "sum":
            idents = [bytes.fromhex(ident) for ident in case["ids"]]
            return frames.sum_after(bytes.fromhex(case["sum"]), idents).hex()
    kind = frames.CALLS[case["name"]][case["op"] == "reply"]
    codec.decode(bytes.fromhex(case["hex"]), kind)
    return True


def test_the_vectors_are_those_of_their_generator() -> None:
    assert load("frames") == make_frames.vectors()
    assert list(make_frames.CALLS) == list(frames.CALLS)


@pytest.mark.parametrize(("case", "expect"), good("frames"))
def test_good_bytes_are_read(case: Case, expect: object) -> None:
    assert judge(case) == expect


@pytest.mark.parametrize(("case", "code"), bad("frames"))
def test_bad_bytes_are_refused(case: Case, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        judge(case)
    assert caught.value.code == code


def test_chain_and_sum_do_not_depend_on_how_frames_are_cut_into_pages() -> None:
    idents = [scene.fixed(f"{n}") for n in range(20)]
    h, total = bytes(32), bytes(32)
    for start in range(0, 20, 3):
        h = frames.chain_after(h, idents[start : start + 3])
        total = frames.sum_after(total, idents[start : start + 3])
    assert h == frames.chain_after(bytes(32), idents)
    assert total == frames.sum_after(bytes(32), reversed(idents))


def frame_of(size: int) -> bytes:
    return make_frames.ENVELOPE[:1] + bytes(size - 1)


PUSH = frames.Push(scene.fixed("space"), (frame_of(10),))
EDGES: list[tuple[Body, Body]] = [
    (replace(PUSH, frames=(frame_of(65_536),)), replace(PUSH, frames=(frame_of(65_537),))),
    (
        replace(PUSH, frames=(frame_of(65_536),) * 16),
        replace(PUSH, frames=(*((frame_of(65_536),) * 16), b"1")),
    ),
    (
        frames.BoxPut(bytes(32), bytes(32), (frames.Box(bytes(16), bytes(1168)),) * 897),
        frames.BoxPut(bytes(32), bytes(32), (frames.Box(bytes(16), bytes(1168)),) * 898),
    ),
]


@pytest.mark.parametrize(("fits", "over"), EDGES, ids=["a frame", "a push", "boxes"])
def test_a_call_is_bounded_to_the_byte(fits: Body, over: Body) -> None:
    fits.check()
    with pytest.raises(RemoteFault):
        over.check()


def test_a_refusal_has_one_of_the_listed_codes() -> None:
    refusal = frames.HubRefusal("slot_moved", fence=3)
    assert (refusal.code, refusal.details) == ("slot_moved", {"fence": 3})
    with pytest.raises(AssertionError):
        frames.HubRefusal("lost")


@pytest.mark.parametrize(
    ("blind", "sighted"),
    [
        pytest.param(frames.KeysStatement, identity.KeysStatement, id="keys statement"),
        pytest.param(frames.EpochHead, epoch.Head, id="epoch head"),
    ],
)
def test_a_hub_reads_the_fields_that_members_write(blind: type[Body], sighted: type[Body]) -> None:
    assert blind.__struct_fields__ == sighted.__struct_fields__


def test_a_hub_recomputes_the_ids_that_members_compute() -> None:
    raw = scene.commitment(scene.B0)
    assert genesis.space_id(raw) == scene.space_of(scene.B0)
    assert codec.decode(raw, Commitment).root_pub == scene.ROOT_PUB
    for wrap in (None, b"wrap"):
        head = frames.EpochHead(1, bytes(32), scene.fixed("c"), wrap)
        wanted = epoch.epoch_id(
            scene.ROOT_PUB, tag=bytes(32), commitment=scene.fixed("c"), wrap=epoch.wrap_hash(wrap)
        )
        assert head.epoch(scene.ROOT_PUB) == wanted
    assert limits.PUSH_BYTES_MAX // frames.BOX_BYTES == 897
