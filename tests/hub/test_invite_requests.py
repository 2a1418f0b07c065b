"""Requests to be let in, as a hub keeps them: sealed, few, for who has the code and its minter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import replace
from envoy.sync import frames
from envoy.sync.frames import Done, HubRefusal
from hub.scenes import FETCH, INVITE, REVOKE, Hub
from oracle import scene
from processes import python

GONE = "hosted_relay_invite_not_found"
LOOKUP = INVITE.lookup
ROOM = limits.JOIN_REQUESTS_MAX


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """Return a hub with an invite that lets as many ask as a request invite does."""
    made = Hub(tmp_path / "hub")
    made.ask(replace(INVITE, uses=ROOM), Done)
    return made


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(HubRefusal) as caught:
        call()
    return caught.value.code


def tag(name: str) -> bytes:
    return scene.fixed(name, 16)


def sealed(name: str) -> bytes:
    return hashlib.shake_256(name.encode()).digest(limits.JOIN_REQUEST_BYTES)


def fetch(hub: Hub, name: str, lookup: bytes = LOOKUP) -> bytes:
    return hub.ask(frames.InviteFetch(lookup, FETCH, tag(name)), frames.InviteBlob).blob


def request(
    hub: Hub, name: str, text: str | None = None, *, auth: bytes = FETCH, lookup: bytes = LOOKUP
) -> bytes | None:
    """Leave the request ``text`` under a tag, None only asks; return what was answered."""
    body = None if text is None else sealed(text)
    call = frames.InviteRequest(lookup, auth, tag(name), body)
    return hub.ask(call, frames.InviteAnswer).reply


def reply(
    hub: Hub, name: str | None = None, text: str | None = None, *, auth: bytes = REVOKE
) -> list[tuple[bytes, bytes, bool]]:
    """Answer the request under a tag, or only look; return tag, request, whether answered."""
    where, what = (None if name is None else tag(name)), (None if text is None else sealed(text))
    call = frames.InviteReply(LOOKUP, auth, where, what)
    found = hub.ask(call, frames.InviteRequests).requests
    return [(one.tag, one.request, one.is_answered) for one in found]


def uses_left(hub: Hub) -> int | None:
    return hub.store.connection.find(int, "SELECT uses_left FROM invite")


def asked(hub: Hub, name: str) -> None:
    fetch(hub, name)
    request(hub, name, name)


def test_a_request_is_read_by_the_minter_and_its_answer_by_who_asked(hub: Hub) -> None:
    asked(hub, "a")
    assert reply(hub) == [(tag("a"), sealed("a"), False)]
    assert request(hub, "a") is None
    assert reply(hub, "a", "come in") == [(tag("a"), sealed("a"), True)]
    assert request(hub, "a") == sealed("come in")


def test_the_first_request_under_a_tag_stays_and_costs_no_more_uses(hub: Hub) -> None:
    asked(hub, "a")
    for text in ("a", "another", "a"):
        fetch(hub, "a")
        request(hub, "a", text)
    assert reply(hub) == [(tag("a"), sealed("a"), False)]
    assert uses_left(hub) == ROOM - 1


def test_who_did_not_fetch_the_blob_leaves_no_request(hub: Hub) -> None:
    assert refusal(lambda: request(hub, "a", "a")) == GONE
    assert refusal(lambda: request(hub, "a")) == GONE
    assert reply(hub) == [] and uses_left(hub) == ROOM
    asked(hub, "a")
    assert len(reply(hub)) == 1


def test_sixteen_may_ask_and_who_asked_may_ask_after(hub: Hub) -> None:
    for number in range(ROOM):
        asked(hub, f"n{number}")
    assert refusal(lambda: fetch(hub, "late")) == "invite_already_redeemed"
    assert refusal(lambda: request(hub, "late", "late")) == GONE
    assert len(reply(hub)) == ROOM and uses_left(hub) == 0
    assert request(hub, "n3", "n3") is None


def test_a_record_with_more_uses_than_room_takes_sixteen_all_the_same(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    hub.ask(replace(INVITE, uses=limits.INVITE_USES_MAX), Done)
    for number in range(ROOM):
        asked(hub, f"n{number}")
    fetch(hub, "late")
    assert refusal(lambda: request(hub, "late", "late")) == "quota_exceeded"
    assert len(reply(hub)) == ROOM
    request(hub, "n0", "again")  # it has its place


@pytest.mark.parametrize("name", ["nobody", "fetched"])
def test_an_answer_to_a_tag_without_a_request_is_kept_nowhere(hub: Hub, name: str) -> None:
    fetch(hub, "fetched")
    asked(hub, "a")
    assert reply(hub, name, "for nobody") == [(tag("a"), sealed("a"), False)]
    assert request(hub, "a") is None and request(hub, "fetched") is None
    count = "SELECT count(*) FROM invite_item WHERE reply IS NOT NULL"
    assert hub.store.connection.find(int, count) == 0


def test_an_answer_is_given_again_as_often_as_it_takes(hub: Hub) -> None:
    asked(hub, "a")
    for text in ("first", "second"):
        reply(hub, "a", text)
        assert request(hub, "a") == request(hub, "a") == sealed(text)


@pytest.mark.parametrize("auth", [FETCH, bytes(32)], ids=["the code's", "nobody's"])
def test_who_has_the_code_alone_reads_and_answers_no_request(hub: Hub, auth: bytes) -> None:
    asked(hub, "a")
    assert refusal(lambda: reply(hub, auth=auth)) == GONE
    assert refusal(lambda: reply(hub, "a", "forged", auth=auth)) == GONE
    assert request(hub, "a") is None and len(reply(hub)) == 1


@pytest.mark.parametrize("auth", [REVOKE, bytes(32)], ids=["the minter's", "nobody's"])
def test_without_the_code_nobody_asks_or_reads_an_answer(hub: Hub, auth: bytes) -> None:
    asked(hub, "a")
    reply(hub, "a", "come in")
    assert refusal(lambda: request(hub, "a", auth=auth)) == GONE
    assert refusal(lambda: request(hub, "a", "b", auth=auth)) == GONE
    assert refusal(lambda: request(hub, "a", lookup=bytes(16))) == GONE
    assert request(hub, "a") == sealed("come in")


def test_with_the_record_its_requests_and_answers_end(hub: Hub) -> None:
    asked(hub, "a")
    reply(hub, "a", "come in")
    hub.now_ms = INVITE.expires - 1
    assert request(hub, "a") == sealed("come in")
    hub.now_ms = INVITE.expires
    for late in (lambda: request(hub, "a"), lambda: reply(hub), lambda: fetch(hub, "a")):
        assert refusal(late) == GONE


@pytest.mark.parametrize("auth", [FETCH, bytes(32)], ids=["the code's", "nobody's"])
def test_deleting_takes_the_secret_of_the_minter_and_takes_the_requests_along(
    hub: Hub, auth: bytes
) -> None:
    asked(hub, "a")
    assert refusal(lambda: hub.ask(frames.InviteDelete(LOOKUP, auth), Done)) == GONE
    assert len(reply(hub)) == 1
    hub.ask(frames.InviteDelete(LOOKUP, REVOKE), Done)
    assert refusal(lambda: request(hub, "a")) == refusal(lambda: reply(hub)) == GONE
    assert hub.store.connection.find(int, "SELECT count(*) FROM invite_item") == 0


@pytest.mark.parametrize("step", [-1, 1, -limits.JOIN_REQUEST_BYTES], ids=["less", "more", "no"])
def test_what_is_sealed_has_one_size(hub: Hub, step: int) -> None:
    asked(hub, "a")
    fetch(hub, "b")
    body = bytes(limits.JOIN_REQUEST_BYTES + step)
    asks = frames.InviteRequest(LOOKUP, FETCH, tag("b"), body)
    answers = frames.InviteReply(LOOKUP, REVOKE, tag("a"), body)
    assert refusal(lambda: hub.ask(asks, frames.InviteAnswer)) == "malformed"
    assert refusal(lambda: hub.ask(answers, frames.InviteRequests)) == "malformed"
    assert reply(hub) == [(tag("a"), sealed("a"), False)]


def test_an_answer_names_whom_it_is_for_and_says_something(hub: Hub) -> None:
    asked(hub, "a")
    for where, what in ((tag("a"), None), (None, sealed("x"))):
        call = frames.InviteReply(LOOKUP, REVOKE, where, what)
        assert refusal(partial(hub.ask, call, frames.InviteRequests)) == "malformed"
    assert request(hub, "a") is None


# -- at once -------------------------------------------------------------------------------------

ASKER = """
import hashlib, json, sys
from envoy.hub.handler import LocalHub
from envoy.hub.sqlite import open_store
from envoy.sync.frames import HubRefusal, InviteFetch, InviteRequest
from hub.scenes import FETCH, INVITE, NOW_MS
from oracle.scene import fixed

local = LocalHub(open_store(sys.argv[1]), poster=fixed(sys.argv[2]), now_ms=lambda: NOW_MS)
got, codes = [], set()
for number in range(10):
    name = f"{sys.argv[2]} {number}"
    tag, sealed = fixed(name, 16), hashlib.shake_256(name.encode()).digest(4096)
    try:
        for _ in range(2):  # each asks twice, as one whose answer was lost
            local.handle(InviteFetch(INVITE.lookup, FETCH, tag))
            local.handle(InviteRequest(INVITE.lookup, FETCH, tag, sealed))
        got.append(tag.hex())
    except HubRefusal as refusal:
        codes.add(refusal.code)
print(json.dumps([got, sorted(codes)]))
"""


@pytest.mark.slow
def test_of_forty_in_four_processes_sixteen_leave_their_requests(hub: Hub, tmp_path: Path) -> None:
    askers = [python(ASKER, str(tmp_path / "hub"), f"asker {number}") for number in range(4)]
    answers = [json.loads(one.communicate(timeout=60)[0]) for one in askers]
    got = sorted(one for found, _ in answers for one in found)
    assert len(got) == ROOM and [one.hex() for one, _, _ in reply(hub)] == got
    assert {code for _, codes in answers for code in codes} == {"invite_already_redeemed"}
    assert uses_left(hub) == 0
