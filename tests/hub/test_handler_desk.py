"""What a hub keeps beside the log: epoch heads, boxes, invites, the directory of keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import replace
from envoy.sync import frames
from envoy.sync.frames import Done, HubRefusal
from hub.scenes import (
    FETCH,
    INVITE,
    POSTER,
    REVOKE,
    SPACE,
    Hub,
    epoch_head,
    put_epoch,
    statement,
)
from oracle import scene


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub")


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(HubRefusal) as caught:
        call()
    return caught.value.code


# -- epochs and boxes ------------------------------------------------------------------------


def box(name: str) -> bytes:
    return hashlib.shake_256(name.encode()).digest(1168)


def post(hub: Hub, epoch: bytes, tag: str, *names: str, poster: bytes = POSTER) -> None:
    boxes = tuple(frames.Box(scene.fixed(tag, 16), box(name)) for name in names)
    hub.ask(frames.BoxPut(SPACE, epoch, boxes), Done, poster=poster)


def boxes_of(hub: Hub, epoch: bytes, *tags: str) -> list[list[bytes]]:
    call = frames.EpochGet(SPACE, epoch, tuple(scene.fixed(tag, 16) for tag in tags))
    return [[one.box for one in found] for found in hub.ask(call, frames.EpochFound).boxes]


@pytest.mark.parametrize("wrap", [None, b"wrap", bytes(12_000)], ids=["first", "small", "large"])
def test_an_epoch_head_is_kept_once_with_its_first_poster(hub: Hub, wrap: bytes | None) -> None:
    head, epoch = epoch_head(SPACE, "t", wrap)
    hub.ask(frames.EpochPut(SPACE, epoch, head), Done)
    hub.ask(frames.EpochPut(SPACE, epoch, head), Done, poster=b"q" * 32)
    found = hub.ask(frames.EpochGet(SPACE, epoch, ()), frames.EpochFound)
    assert (found.head, found.poster) == (head, POSTER)


def test_an_unknown_epoch_has_no_head_and_no_boxes(hub: Hub) -> None:
    call = frames.EpochGet(SPACE, SPACE, (bytes(16),))
    assert hub.ask(call, frames.EpochFound) == frames.EpochFound(None, None, ())


HEAD, EPOCH = epoch_head(SPACE, "t", b"wrap")


@pytest.mark.parametrize(
    ("head", "epoch", "code"),
    [
        pytest.param(epoch_head(SPACE, "x", b"wrap")[0], EPOCH, "malformed", id="another tag"),
        pytest.param(epoch_head(SPACE, "t", b"warp")[0], EPOCH, "malformed", id="another wrap"),
        pytest.param(epoch_head(SPACE, "t", None)[0], EPOCH, "malformed", id="the wrap left out"),
        pytest.param(HEAD.replace(scene.fixed("commitment"), bytes(32)), EPOCH, "malformed",
                     id="another commitment"),
        pytest.param(HEAD, scene.fixed("x"), "malformed", id="another epoch"),
        pytest.param(HEAD, epoch_head(bytes(32), "t", b"wrap")[1], "malformed",
                     id="the epoch of another space"),
        pytest.param(*epoch_head(SPACE, "t", b""), "malformed", id="an empty wrap"),
        pytest.param(*epoch_head(SPACE, "t", bytes(12_288)), "message_too_large", id="over 12 KiB"),
        pytest.param(b"\x94\x02" + HEAD[2:], EPOCH, "unsupported_operation", id="another suite"),
        pytest.param(HEAD + b"\0", EPOCH, "malformed", id="a byte behind"),
    ],
)  # fmt: skip
def test_nobody_puts_a_bogus_head_first(hub: Hub, head: bytes, epoch: bytes, code: str) -> None:
    assert refusal(lambda: hub.ask(frames.EpochPut(SPACE, epoch, head), Done)) == code
    assert hub.ask(frames.EpochGet(SPACE, epoch, ()), frames.EpochFound).head is None
    hub.ask(frames.EpochPut(SPACE, EPOCH, HEAD), Done)


def test_boxes_stand_in_reading_order_the_head_posters_first(hub: Hub) -> None:
    epoch = put_epoch(hub)
    post(hub, epoch, "a", "bogus 1", "bogus 2", poster=b"q" * 32)
    post(hub, epoch, "a", "good", poster=POSTER)
    post(hub, epoch, "a", "bogus 3", poster=b"r" * 32)
    post(hub, epoch, "b", "other")
    wanted = [[box("good"), box("bogus 1"), box("bogus 2"), box("bogus 3")], [], [box("other")]]
    assert boxes_of(hub, epoch, "a", "c", "b") == wanted


def test_a_box_posted_again_is_there_once(hub: Hub) -> None:
    epoch = put_epoch(hub)
    for _ in range(10):
        post(hub, epoch, "a", "one", "one")
    assert boxes_of(hub, epoch, "a") == [[box("one")]]


def test_a_box_needs_the_head_of_its_epoch(hub: Hub) -> None:
    assert refusal(lambda: post(hub, EPOCH, "a", "one")) == "not_found"
    post(hub, put_epoch(hub), "a", "one")


def test_a_poster_has_four_boxes_a_tag_and_64_an_epoch(hub: Hub) -> None:
    epoch, spammer = put_epoch(hub), b"q" * 32
    post(hub, epoch, "a", "1", "2", "3", "4", poster=spammer)
    fifth = ("5", "1")
    assert refusal(lambda: post(hub, epoch, "a", *fifth, poster=spammer)) == "quota_exceeded"
    assert len(boxes_of(hub, epoch, "a")[0]) == 4
    for n in range(60):
        post(hub, epoch, f"tag {n}", "x", poster=spammer)
    assert refusal(lambda: post(hub, epoch, "more", "x", poster=spammer)) == "quota_exceeded"
    assert boxes_of(hub, epoch, "more") == [[]]
    post(hub, epoch, "a", "from another", poster=b"r" * 32)
    post(hub, epoch, "more", "x")


def test_the_poster_of_the_head_serves_1100_readers(hub: Hub) -> None:
    epoch = put_epoch(hub)

    def many(start: int, stop: int) -> None:
        boxes = tuple(
            frames.Box(scene.fixed(f"tag {n}", 16), bytes(1168)) for n in range(start, stop)
        )
        hub.ask(frames.BoxPut(SPACE, epoch, boxes), Done)

    many(0, 800)
    assert refusal(lambda: many(800, 1101)) == "quota_exceeded"
    assert boxes_of(hub, epoch, "tag 800") == [[]]
    many(800, 1100)
    assert boxes_of(hub, epoch, "tag 1099") == [[bytes(1168)]]


def test_at_most_64_boxes_of_a_tag_are_answered(hub: Hub) -> None:
    epoch = put_epoch(hub)
    for n in range(17):
        post(hub, epoch, "a", *(f"{n} {i}" for i in range(4)), poster=bytes((n,)) * 32)
    post(hub, epoch, "a", "good")
    found = boxes_of(hub, epoch, "a")[0]
    assert (len(found), found[0]) == (64, box("good"))


# -- invites ---------------------------------------------------------------------------------

GONE = "hosted_relay_invite_not_found"


def fetch(hub: Hub, tag: str, auth: bytes = FETCH, lookup: bytes = INVITE.lookup) -> bytes:
    return hub.ask(frames.InviteFetch(lookup, auth, scene.fixed(tag, 16)), frames.InviteBlob).blob


def test_each_claimer_burns_one_use_however_often_it_asks(hub: Hub) -> None:
    hub.ask(INVITE, Done)
    for tag in ("a", "a", "b", "a", "b"):
        assert fetch(hub, tag) == INVITE.blob
    assert refusal(lambda: fetch(hub, "c")) == "invite_already_redeemed"
    assert fetch(hub, "a") == INVITE.blob


def test_a_wrong_secret_and_an_unknown_invite_are_answered_alike(hub: Hub) -> None:
    hub.ask(INVITE, Done)
    assert refusal(lambda: fetch(hub, "a", REVOKE)) == GONE
    assert refusal(lambda: fetch(hub, "a", FETCH, bytes(16))) == GONE
    fetch(hub, "a")
    fetch(hub, "b")


def test_an_invite_ends_with_its_time_and_makes_room(hub: Hub) -> None:
    hub.ask(INVITE, Done)
    hub.now_ms = INVITE.expires - 1
    fetch(hub, "a")
    hub.now_ms = INVITE.expires
    assert refusal(lambda: fetch(hub, "a")) == GONE
    hub.ask(replace(INVITE, lookup=bytes(16), expires=hub.now_ms + 1), Done)
    count = "SELECT count(*) FROM "
    assert hub.store.connection.find(int, count + "invite") == 1
    assert hub.store.connection.find(int, count + "invite_item") == 0


def test_no_invite_outlives_a_week(hub: Hub) -> None:
    hub.ask(replace(INVITE, expires=limits.INT_MAX), Done)
    hub.now_ms += limits.INVITE_SECONDS_MAX * 1000 - 1
    fetch(hub, "a")
    hub.now_ms += 1
    assert refusal(lambda: fetch(hub, "a")) == GONE


def test_an_invite_is_put_once_and_its_uses_do_not_come_back(hub: Hub) -> None:
    hub.ask(INVITE, Done)
    fetch(hub, "a")
    hub.now_ms += 1
    hub.ask(INVITE, Done)
    fetch(hub, "b")
    assert refusal(lambda: fetch(hub, "c")) == "invite_already_redeemed"
    other = replace(INVITE, blob=bytes(4095) + b"x")
    assert refusal(lambda: hub.ask(other, Done)) == "already_exists"


def test_only_who_may_revoke_deletes_an_invite(hub: Hub) -> None:
    hub.ask(INVITE, Done)
    wrong = frames.InviteDelete(INVITE.lookup, FETCH)
    assert refusal(lambda: hub.ask(wrong, Done)) == GONE
    fetch(hub, "a")
    hub.ask(frames.InviteDelete(INVITE.lookup, REVOKE), Done)
    assert refusal(lambda: fetch(hub, "a")) == GONE
    assert refusal(lambda: hub.ask(frames.InviteDelete(INVITE.lookup, REVOKE), Done)) == GONE


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(replace(INVITE, blob=bytes(4095)), id="a shorter blob"),
        pytest.param(replace(INVITE, blob=bytes(4097)), id="a longer blob"),
        pytest.param(replace(INVITE, uses=0), id="no use"),
        pytest.param(replace(INVITE, uses=101), id="101 uses"),
    ],
)
def test_an_invite_out_of_bounds_is_refused(hub: Hub, bad: frames.InvitePut) -> None:
    assert refusal(lambda: hub.ask(bad, Done)) == "malformed"
    hub.ask(INVITE, Done)


# -- directory of keys -----------------------------------------------------------------------


def known(hub: Hub, *dids: bytes) -> tuple[frames.KeysPut | None, ...]:
    return hub.ask(frames.KeysGet(dids), frames.KeysFound).found


def test_the_directory_keeps_the_newest_statement_of_each_member(hub: Hub) -> None:
    assert known(hub, scene.WRITER) == (None,)
    for no in (1, 3, 2):
        hub.ask(statement(no), Done)
    hub.ask(statement(3, ts=9), Done)
    assert known(hub, scene.OTHER, scene.WRITER) == (None, statement(3))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param(replace(statement(5), sig=bytes(64)), "malformed", id="no signature"),
        pytest.param(replace(statement(5), sig=statement(6).sig), "malformed", id="another's"),
        pytest.param(statement(5, space=SPACE), "malformed", id="of one space"),
        pytest.param(statement(5, v=2), "malformed", id="a later version"),
        pytest.param(frames.KeysPut(bytes(2049), bytes(64)), "message_too_large", id="too large"),
    ],
)
def test_a_bad_statement_displaces_nothing(hub: Hub, bad: frames.KeysPut, code: str) -> None:
    hub.ask(statement(4), Done)
    assert refusal(lambda: hub.ask(bad, Done)) == code
    assert known(hub, scene.WRITER) == (statement(4),)
    hub.ask(statement(5), Done)
