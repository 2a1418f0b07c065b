"""The meaning of every hub call: ids recompute, repeats are harmless, refusals leave nothing."""

from __future__ import annotations

import hashlib
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
from hub.scenes import NOW_MS, POSTER, SPACE, G, Hub, envelope
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


# -- epochs and boxes ------------------------------------------------------------------------


def epoch_head(space: bytes, name: str, wrap: bytes | None = None) -> tuple[bytes, bytes]:
    """Return the head of an epoch and its id."""
    tag, commitment = scene.fixed(name), scene.fixed("commitment")
    w = bytes(32) if wrap is None else events.h("wrap", wrap)
    head = messagepack.write([1, tag, commitment, wrap])
    return head, events.h("epoch", space, tag, commitment, w)


def put_epoch(hub: Hub, poster: bytes = POSTER) -> bytes:
    head, epoch = epoch_head(SPACE, "t")
    hub.ask(frames.EpochPut(SPACE, epoch, head), Done, poster=poster)
    return epoch


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

FETCH, REVOKE = scene.fixed("fetch auth"), scene.fixed("revoke auth")
INVITE = frames.InvitePut(
    scene.fixed("lookup", 16),
    hashlib.sha256(FETCH).digest(),
    hashlib.sha256(REVOKE).digest(),
    bytes(4096),
    NOW_MS + 60_000,
    2,
)
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


def statement(no: int, *, space: bytes | None = None, v: int = 1, ts: int = 0) -> frames.KeysPut:
    """Return a signed statement of the writer about its card key."""
    raw = messagepack.write([v, scene.WRITER, space, no, bytes(1216), ts])
    return frames.KeysPut(raw, events.sig(scene.WRITER_SEED, "keys", raw))


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
