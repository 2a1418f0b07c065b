"""The hub of a linked machine, the roads and who listens, against a real relay behind a socket."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256
from envoy.core.structs import Body
from envoy.errors import IntegrityError, RelayError
from envoy.hub.handler import LocalHub
from envoy.hub.roads import Delivery
from envoy.sync import access, chunks, frames
from envoy.sync.frames import HubRefusal
from hub.far import FarRelay, Machine
from hub.hostile import http
from hub.scenes import NOW_MS, SPACE, G, envelope, epoch_head, put_epoch
from relay.scenes import CHAINS, seed_of

TAG, BOX = bytes(16), bytes(frames.BOX_BYTES)


def push(*names: str) -> frames.Push:
    """Return a push of some frames."""
    return frames.Push(SPACE, tuple(map(envelope, names)))


def pull(machine: Machine) -> frames.Pull:
    """Return a pull of all that the hub of a machine has."""
    return frames.Pull((frames.Since(SPACE, machine.hub.store.instance, 0),), 100, 0)


def away(relay: FarRelay) -> None:
    """Let a relay hang up on whoever asks."""
    relay.change = lambda _, __: None


# -- by the way -------------------------------------------------------------------------------


def test_a_box_that_no_push_follows_goes_to_the_relay_at_once(at: Machine, other: Machine) -> None:
    (head, epoch), hub = epoch_head(SPACE, "t"), at.linked()
    hub.handle(frames.EpochPut(SPACE, epoch, head))
    hub.handle(frames.BoxPut(SPACE, epoch, (frames.Box(TAG, BOX),)))
    assert at.links.errands(SPACE, 0, 9) == []
    found = other.ask(frames.EpochGet(SPACE, epoch, (TAG,)))
    assert isinstance(found, frames.EpochFound)
    assert [one.box for one in found.boxes[0]] == [BOX]


@pytest.mark.parametrize("code", ["space_not_found", "rate_limited"])
def test_a_box_that_the_relay_refuses_now_waits_for_the_next_exchange(
    at: Machine, code: str
) -> None:
    (head, epoch), hub = epoch_head(SPACE, "t"), at.linked()
    no = http(b'{"error_code":"%s"}' % code.encode(), status="409 No")
    at.relay.change = lambda name, answer: no if name == "epoch_put" else answer
    hub.handle(frames.EpochPut(SPACE, epoch, head))
    assert len(at.links.errands(SPACE, 0, 9)) == 1
    at.relay.change = lambda _, answer: answer
    hub.handle(push("one"))  # the relay is not taken for one that is away
    assert at.links.errands(SPACE, 0, 9) == []


def test_what_is_pushed_here_goes_to_the_relay_and_to_the_other_machine(
    at: Machine, other: Machine
) -> None:
    at.linked().handle(push("one", "two"))
    assert len(at.far_ids()) == 2
    reply = other.linked().handle(pull(other))
    assert isinstance(reply, frames.Pulled)
    assert reply.pages[0].frames == (envelope("one"), envelope("two"))


def test_a_pull_asks_the_relay_once_in_a_process_and_not_for_fresh_news(at: Machine) -> None:
    hub = at.linked(fresh_ms=10_000)
    hub.handle(pull(at))
    assert at.relay.calls == []
    at.now_ms += 11_000
    hub.handle(pull(at))
    hub.handle(pull(at))
    assert at.relay.calls.count("pull") == 1


def test_a_relay_that_is_away_fails_nothing_and_is_left_alone_in_this_process(at: Machine) -> None:
    away(at.relay)
    hub = at.linked()
    hub.handle(push("one"))
    asked = len(at.relay.calls)
    hub.handle(push("two"))
    hub.handle(pull(at))
    assert len(at.relay.calls) == asked
    link = at.links.find(SPACE)
    assert link is not None and (link.trouble, link.tried_ms) == ("relay_unavailable", NOW_MS)
    assert at.roads().delivery(SPACE) == Delivery("pending", "relay_unavailable")
    at.relay.change = lambda _, answer: answer
    at.linked().handle(push("three"))
    assert len(at.far_ids()) == 3
    assert at.roads().delivery(SPACE) == Delivery("delivered", "")


def test_a_refusal_that_no_other_try_turns_is_told_as_a_failure(at: Machine) -> None:
    no = http(b'{"error_code":"read_only"}', status="403 No")
    at.relay.change = lambda name, answer: no if name == "push" else answer
    at.linked().handle(push("one"))
    assert at.roads().delivery(SPACE) == Delivery("failed", "read_only")


def test_who_may_not_write_reads_all_the_same(at: Machine, other: Machine) -> None:
    other.hub.push(envelope("barred"))
    at.linked().handle(push("one"))
    no = http(b'{"error_code":"quota_exceeded"}', status="507 No")
    at.relay.change = lambda name, answer: no if name == "push" else answer
    with pytest.raises(HubRefusal):
        other.roads().sync(SPACE)
    assert len(other.hub.store.frame_ids(SPACE)) == 2


def test_a_space_that_is_not_connected_is_local(at: Machine) -> None:
    at.links.drop(SPACE)
    at.linked().handle(push("one"))
    assert at.relay.calls == []
    assert at.roads().delivery(SPACE) == Delivery("not_attempted", "local_only")
    assert at.roads().waiting(SPACE) == 0
    at.roads().carried(SPACE, bytes(32))


# -- heads, boxes, chunks -----------------------------------------------------------------------


def test_heads_and_boxes_go_up_before_the_frames_behind_them(at: Machine, other: Machine) -> None:
    head, epoch = epoch_head(SPACE, "t")
    hub = at.linked()
    hub.handle(frames.EpochPut(SPACE, epoch, head))
    hub.handle(frames.BoxPut(SPACE, epoch, (frames.Box(TAG, BOX),)))
    hub.handle(push("one"))
    assert at.relay.calls[:3] == ["epoch_put", "box_put", "push"]
    found = other.linked().handle(frames.EpochGet(SPACE, epoch, (TAG,)))
    assert isinstance(found, frames.EpochFound)
    assert found.head == head and [one.box for one in found.boxes[0]] == [BOX]


def test_boxes_that_are_here_are_not_asked_for(at: Machine) -> None:
    epoch = put_epoch(at.hub)
    found = at.linked().handle(frames.EpochGet(SPACE, epoch, ()))
    assert isinstance(found, frames.EpochFound) and found.head is not None
    assert at.relay.calls == []


def test_boxes_of_the_relay_stand_behind_those_that_are_here(at: Machine, other: Machine) -> None:
    head, epoch = epoch_head(SPACE, "t")
    hub, get = at.linked(), frames.EpochGet(SPACE, epoch, (TAG,))
    hub.handle(frames.EpochPut(SPACE, epoch, head))
    hub.handle(frames.BoxPut(SPACE, epoch, (frames.Box(TAG, BOX),)))
    hub.handle(push("one"))
    put_epoch(other.hub)  # the head alone
    found = other.linked().handle(get)
    assert isinstance(found, frames.EpochFound)
    assert found.head == head and [one.box for one in found.boxes[0]] == [BOX]
    false = http(encode(frames.EpochFound(None, None, ())))
    at.relay.change = lambda name, answer: false if name == "epoch_get" else answer
    found = other.linked().handle(get)
    assert isinstance(found, frames.EpochFound) and found.head == head


def test_without_the_relay_boxes_are_those_that_are_here(at: Machine) -> None:
    away(at.relay)
    found = at.linked().handle(frames.EpochGet(SPACE, bytes(32), (TAG,)))
    assert found == frames.EpochFound(None, None, ())


# -- slots ------------------------------------------------------------------------------------


def slot(name: str, seen: int = 0) -> frames.Slot:
    """Return a claim."""
    return frames.Slot("claim", SPACE, 1, bytes(32), seen, bytes(16), 900, envelope(name))


def test_the_pinned_relay_decides_and_its_word_is_entered_here(at: Machine) -> None:
    at.pinned = at.relay.desk.hub_key
    at.hub.push(envelope("what the claim builds on"))
    reply = at.linked().handle(slot("claim"))
    assert isinstance(reply, frames.Slotted) and reply.receipt is not None
    assert at.hub.store.frame_ids(SPACE) == sorted(at.far_ids())
    assert len(at.far_ids()) == 3
    assert at.relay.calls[:2] == ["push", "slot"]


def test_a_hub_that_is_not_pinned_is_not_asked(at: Machine) -> None:
    at.pinned = at.near.hub_key
    at.linked().handle(slot("claim"))
    assert at.relay.calls == []


def test_who_lost_the_slot_is_told_and_nothing_is_entered(at: Machine, other: Machine) -> None:
    at.pinned = other.pinned = at.relay.desk.hub_key
    other.linked().handle(slot("theirs"))
    with pytest.raises(HubRefusal) as caught:
        at.linked().handle(slot("mine"))
    assert caught.value.code in ("slot_moved", "slot_taken")
    assert frames.frame_id(envelope("mine")) not in at.hub.store.frame_ids(SPACE)


def test_a_decision_that_the_relay_did_not_sign_is_none(at: Machine) -> None:
    at.pinned = at.relay.desk.hub_key
    link = at.links.find(SPACE)
    assert link is not None
    at.links.save(link._replace(hub_key=bytes(32)))
    at.pinned = bytes(32)
    with pytest.raises(IntegrityError) as caught:
        at.linked().handle(slot("claim"))
    assert caught.value.code == "relay_inconsistent"


def test_without_the_relay_there_is_no_decision(at: Machine) -> None:
    at.pinned = at.relay.desk.hub_key
    away(at.relay)
    with pytest.raises(RelayError):
        at.linked().handle(slot("claim"))


# -- invites ----------------------------------------------------------------------------------


FETCH, REVOKE, LOOKUP = b"f" * 32, b"r" * 32, b"l" * 16


def invite() -> frames.InvitePut:
    """Return an invite record."""
    blob = bytes(limits.INVITE_BLOB_BYTES)
    return frames.InvitePut(LOOKUP, sha256(FETCH), sha256(REVOKE), blob, NOW_MS + 60_000, 1)


def test_an_invite_that_is_published_lies_at_the_relay_until_it_is_ended(at: Machine) -> None:
    hub, fetch = at.linked(), frames.InviteFetch(LOOKUP, FETCH, bytes(16))
    hub.handle(access.Publish(SPACE, invite()))
    assert at.relay.calls[0] == "invite_put"
    hub.handle(fetch)
    hub.handle(frames.InviteDelete(LOOKUP, REVOKE))
    assert at.relay.calls.count("invite_delete") == 1
    with pytest.raises(HubRefusal) as caught:
        hub.handle(fetch)
    assert caught.value.code == "hosted_relay_invite_not_found"


def test_an_invite_of_this_machine_is_ended_here(at: Machine) -> None:
    hub = at.linked()
    hub.handle(invite())
    hub.handle(frames.InviteDelete(LOOKUP, REVOKE))
    assert at.relay.calls == []


# -- roads ------------------------------------------------------------------------------------


def test_a_relay_says_which_key_it_signs_with(at: Machine) -> None:
    origin = at.relay.server.origin
    assert at.roads().find(origin + "/", None, timeout_s=5) == (origin, at.relay.desk.hub_key)


@pytest.mark.parametrize("key", ["", "zz", "00", 7, None])
def test_what_shows_no_key_is_no_relay(at: Machine, key: object) -> None:
    at.relay.change = lambda _, __: http(json.dumps({"hub_key": key}).encode())
    with pytest.raises(RelayError):
        at.roads().find(at.relay.server.origin, None, timeout_s=5)


def test_a_space_that_the_relay_does_not_take_is_not_linked(tmp_path: Path, at: Machine) -> None:
    stranger = Machine(tmp_path / "three", at.relay, "writer")
    stranger.chain = None
    origin, key = at.relay.server.origin, at.relay.desk.hub_key
    with pytest.raises(HubRefusal):
        stranger.roads().connect(SPACE, G, origin=origin, pin=None, hub_key=key)
    assert stranger.links.find(SPACE) is None
    stranger.close()


def test_a_space_is_entered_by_the_key_of_another(tmp_path: Path, at: Machine) -> None:
    at.linked().handle(push("one"))
    joiner = Machine(tmp_path / "three", at.relay)
    joiner.chain = None
    roads, key = joiner.roads(), (seed_of("reader"), CHAINS["reader"])
    origin, hub_key = at.relay.server.origin, at.relay.desk.hub_key
    roads.enter(SPACE, key, origin=origin, pin=None, hub_key=hub_key)
    assert joiner.hub.store.frame_ids(SPACE) == at.hub.store.frame_ids(SPACE)
    assert roads.place_of(SPACE) == (origin, None, hub_key)
    roads.leave(SPACE)
    assert roads.place_of(SPACE) is None
    joiner.close()


def test_the_logs_are_compared_when_that_is_asked_for(at: Machine, other: Machine) -> None:
    at.linked().handle(push("one"))
    other.hub.push(envelope("two"))
    came, went = other.roads().compare(SPACE)
    assert came == (frames.frame_id(envelope("one")),)
    assert went == (frames.frame_id(envelope("two")),)
    assert other.roads().compare(SPACE) == ((), ())


def test_a_relay_of_which_nothing_was_read_may_lack_chunks(at: Machine) -> None:
    roads = at.roads()
    assert roads.wants_chunks(SPACE)
    roads.has_chunks(SPACE)
    assert not at.roads().wants_chunks(SPACE)


# -- chunks -----------------------------------------------------------------------------------


class Shelf:
    """Chunks in memory, as the hub of a machine answers for them."""

    def __init__(self) -> None:
        self.kept = dict[bytes, bytes]()

    def __call__(self, call: Body) -> Body:
        """Answer one call."""
        match call:
            case chunks.ChunkPut():
                self.kept[call.id] = call.chunk
                return frames.Done()
            case chunks.ChunkGet():
                return chunks.ChunkGot(self.kept.get(call.id))
            case chunks.ChunkHave():
                return chunks.ChunkMap(chunks.bitmap([one in self.kept for one in call.ids]))
        raise HubRefusal("unsupported_operation")


CHUNK = b"ciphertext" * 10
IDENT = sha256(CHUNK)
GET = chunks.ChunkGet(SPACE, IDENT)


def shelved(machine: Machine) -> Shelf:
    """Give the hub of a machine room for chunks."""
    shelf = Shelf()
    store, poster = machine.hub.store, bytes(32)
    machine.near = LocalHub(store, poster=poster, now_ms=lambda: machine.now_ms, more=shelf)
    return shelf


def test_chunks_that_are_here_go_up_and_are_found_by_the_other_machine(
    at: Machine, other: Machine
) -> None:
    shelved(at).kept[IDENT] = CHUNK
    at.roads().carried(SPACE, IDENT + bytes(32))
    assert at.roads().waiting(SPACE) == 1
    at.roads().sync(SPACE)
    assert at.roads().waiting(SPACE) == 0
    kept = shelved(other).kept
    assert other.linked().handle(GET) == chunks.ChunkGot(CHUNK)
    assert kept == {IDENT: CHUNK}


def test_a_chunk_that_nobody_has_is_none(at: Machine, other: Machine) -> None:
    shelved(other)
    assert other.linked().handle(GET) == chunks.ChunkGot(None)
    away(at.relay)
    assert other.linked().handle(GET) == chunks.ChunkGot(None)


def test_other_bytes_than_those_asked_for_are_not_kept(at: Machine, other: Machine) -> None:
    false = http(encode(chunks.ChunkGot(b"other bytes")))
    at.relay.change = lambda name, answer: false if name == "chunk_get" else answer
    other.near = LocalHub(other.hub.store, poster=bytes(32), now_ms=lambda: NOW_MS, more=Picky())
    assert other.linked().handle(GET) == chunks.ChunkGot(None)


class Picky(Shelf):
    """A shelf that looks at what it is given, as the real one does."""

    def __call__(self, call: Body) -> Body:
        """Refuse a chunk under another name."""
        if isinstance(call, chunks.ChunkPut) and sha256(call.chunk) != call.id:
            raise HubRefusal("malformed")
        return super().__call__(call)
