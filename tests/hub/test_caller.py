"""Sessions: one proof for many calls, and one new one where the relay wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.codec import encode
from envoy.errors import NotFoundError, RelayError
from envoy.hub.caller import Key
from envoy.hub.links import Pass
from envoy.sync import access, frames
from envoy.sync.frames import HubRefusal
from hub.far import FarRelay, Machine
from hub.hostile import http
from hub.scenes import NOW_MS, SPACE, G, envelope
from relay.scenes import CHAINS, key_of, seed_of

HEAD = frames.HeadGet(SPACE)


@pytest.fixture
def at(tmp_path: Path, relay: FarRelay) -> Iterator[Machine]:
    found = Machine(tmp_path / "one", relay)
    found.connect()
    relay.calls.clear()
    yield found
    found.close()


def refusal(at: Machine) -> str:
    """Return the code that a call is refused with."""
    with pytest.raises(HubRefusal) as caught:
        at.ask(HEAD)
    return caught.value.code


def test_one_session_is_for_many_calls_and_for_the_next_process(at: Machine) -> None:
    at.ask(HEAD)
    at.ask(frames.Push(SPACE, (envelope("one"),)))
    at.a_caller().call(SPACE, HEAD)
    assert at.relay.calls == ["head", "push", "head"]


def test_a_token_whose_time_is_over_by_our_clock_is_not_shown(at: Machine) -> None:
    over = (limits.SESSION_SECONDS + 1) * 1000
    at.now_ms = at.relay.now_ms = NOW_MS + over
    at.ask(HEAD)
    assert at.relay.calls == ["session", "head"]


def test_a_token_whose_time_is_over_by_the_relays_clock_is_made_anew_once(at: Machine) -> None:
    at.relay.now_ms = NOW_MS + (limits.SESSION_SECONDS + 1) * 1000
    at.now_ms = at.relay.now_ms - 30_000  # behind, and within what a clock may be
    at.links.keep_pass(SPACE, key_of("founder"), Pass(kept(at).token, at.now_ms + 10_000_000))
    at.ask(HEAD)
    assert at.relay.calls == ["head", "session", "head"]


def kept(at: Machine) -> Pass:
    """Return the token that is kept."""
    found = at.links.find_pass(SPACE, key_of("founder"))
    assert found is not None
    return found


def test_a_token_from_before_access_changed_is_made_anew_once(at: Machine) -> None:
    stale = iter([http(b'{"error_code":"session_stale"}', status="401 No")])
    at.relay.change = lambda name, answer: next(stale, answer) if name == "head" else answer
    at.ask(HEAD)
    assert at.relay.calls == ["head", "session", "head"]
    at.ask(HEAD)
    assert at.relay.calls[3:] == ["head"]


def test_a_token_of_nobody_is_made_anew_once(at: Machine) -> None:
    at.links.keep_pass(SPACE, key_of("founder"), Pass(b"nonsense", kept(at).exp))
    at.ask(HEAD)
    assert at.relay.calls == ["head", "session", "head"]


def test_who_is_refused_after_a_new_proof_is_told(at: Machine) -> None:
    bad = http(b'{"error_code":"session_stale"}', status="401 No")
    at.relay.change = lambda name, answer: bad if name == "head" else answer
    assert refusal(at) == "session_stale"
    assert at.relay.calls == ["head", "session", "head"]


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_off_is_set_by_the_relays_once(at: Machine, hours: int) -> None:
    at.links.keep_pass(SPACE, key_of("founder"), None)
    at.now_ms = NOW_MS + hours * 3_600_000
    at.ask(HEAD)
    at.ask(HEAD)
    assert at.relay.calls == ["session", "session", "head", "head"]


def test_a_relay_whose_clock_runs_away_is_asked_twice_and_no_more(at: Machine) -> None:
    at.links.keep_pass(SPACE, key_of("founder"), None)
    skewed = access.Entries(7, (access.Entry("clock_skew_ahead", None, None, 0, None),))
    at.relay.change = lambda _, __: http(encode(skewed))
    assert refusal(at) == "clock_skew_ahead"
    assert at.relay.calls == ["session", "session"]


def test_a_proof_that_was_sent_twice_is_given_anew(at: Machine) -> None:
    at.links.keep_pass(SPACE, key_of("founder"), None)
    lost = iter([True])

    def lose(name: str, answer: bytes) -> bytes | None:
        return None if name == "session" and next(lost, False) else answer

    at.relay.change = lose
    at.ask(HEAD)
    # Lost and sent again over another connection, which makes it a replay: then a new one.
    assert at.relay.calls == ["session", "session", "session", "head"]


def test_a_chain_is_shown_where_the_relay_does_not_know_one(tmp_path: Path, at: Machine) -> None:
    other = Machine(tmp_path / "two", at.relay, "writer")
    other.link()
    other.ask(HEAD)
    assert at.relay.calls == ["session", "session", "head"]
    other.links.keep_pass(SPACE, key_of("writer"), None)
    at.relay.calls.clear()
    other.ask(HEAD)
    assert at.relay.calls == ["session", "head"]
    other.close()


def test_who_has_no_chain_and_is_not_known_is_told(tmp_path: Path, at: Machine) -> None:
    other = Machine(tmp_path / "two", at.relay, "writer")
    other.chain = None
    other.link()
    assert refusal(other) == "capability_missing"
    assert other.links.find_pass(SPACE, key_of("writer")) is None
    other.close()


def test_a_key_that_is_lent_speaks_until_it_is_given_back(at: Machine) -> None:
    at.caller.lend(SPACE, Key(seed_of("reader"), CHAINS["reader"]))
    with pytest.raises(HubRefusal) as caught:
        at.ask(access.AccessPut(SPACE, (CHAINS["writer"],), None))
    assert caught.value.code in ("read_only", "capability_missing")
    at.caller.lend(SPACE, None)
    at.ask(access.AccessPut(SPACE, (CHAINS["writer"],), None))


def test_a_space_that_is_not_connected_has_no_relay(at: Machine) -> None:
    with pytest.raises(NotFoundError) as caught:
        at.caller.call(bytes(32), HEAD)
    assert caught.value.code == "space_not_found"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(access.Entries(NOW_MS, ()), id="no answer"),
        pytest.param(
            access.Entries(NOW_MS, (access.Entry(None, bytes(9000), "w", 1, None),)),
            id="a token of 9,000 bytes",
        ),
    ],
)
def test_what_is_no_answer_to_a_proof_is_no_relay(at: Machine, reply: access.Entries) -> None:
    at.links.keep_pass(SPACE, key_of("founder"), None)
    at.relay.change = lambda _, __: http(encode(reply))
    with pytest.raises(RelayError):
        at.ask(HEAD)


def test_an_answer_without_a_token_and_without_a_reason_is_a_refusal(at: Machine) -> None:
    at.links.keep_pass(SPACE, key_of("founder"), None)
    nothing = access.Entries(NOW_MS, (access.Entry(None, None, None, 0, None),))
    at.relay.change = lambda _, __: http(encode(nothing))
    assert refusal(at) == "auth_failed"


# -- news -------------------------------------------------------------------------------------


def test_news_of_several_links_come_with_one_call(at: Machine) -> None:
    at.ask(frames.Push(SPACE, (envelope("one"), envelope("two"))))
    link = at.links.find(SPACE)
    assert link is not None
    at.relay.calls.clear()
    (page,) = at.caller.news([link], 0)
    assert (len(page.frames), page.last) == (1, 1)
    assert at.relay.calls == ["pull"]


def test_news_are_asked_for_again_with_a_new_proof(at: Machine) -> None:
    link = at.links.find(SPACE)
    assert link is not None
    at.links.keep_pass(SPACE, key_of("founder"), Pass(b"nonsense", kept(at).exp))
    assert len(at.caller.news([link], 0)) == 1
    bad = http(b'{"error_code":"quota_exceeded"}', status="507 No")
    at.relay.change = lambda name, answer: bad if name == "pull" else answer
    with pytest.raises(HubRefusal):
        at.caller.news([link], 0)


def test_pages_of_other_spaces_than_those_asked_for_are_none(at: Machine) -> None:
    link = at.links.find(SPACE)
    assert link is not None
    at.relay.change = lambda name, answer: (
        http(encode(frames.Pulled(()))) if name == "pull" else answer
    )
    with pytest.raises(RelayError):
        at.caller.news([link], 0)


def test_a_space_is_made_with_the_own_chain(at: Machine) -> None:
    assert at.caller.create(SPACE, G).head == 0


# -- spaces that share nothing ------------------------------------------------------------------


def test_isolated_spaces_have_a_connection_each_and_the_others_one(at: Machine) -> None:
    link = at.links.find(SPACE)
    assert link is not None
    apart = link._replace(isolated=1)
    second = apart._replace(space=bytes(32))
    shared = at.caller.client(link)
    assert shared is at.caller.client(link._replace(space=bytes(32)))
    assert at.caller.client(apart) is at.caller.client(apart)
    assert (
        len({id(one) for one in (shared, at.caller.client(apart), at.caller.client(second))}) == 3
    )
    with pytest.raises(AssertionError, match="nothing is shared"):
        at.caller.news([link, apart], 0)


def test_of_many_isolated_spaces_the_oldest_gives_its_connection_up(at: Machine) -> None:
    link = at.links.find(SPACE)
    assert link is not None
    spaces = [bytes([n]) * 32 for n in range(limits.ISOLATED_MAX + 1)]
    links = [link._replace(isolated=1, space=one) for one in spaces]
    first, *others = [at.caller.client(one) for one in links]
    assert [at.caller.client(one) for one in links[1:]] == others
    assert at.caller.client(links[0]) is not first


# -- a slower pace ----------------------------------------------------------------------------


def slower(details: str) -> bytes:
    """Return the answer of a relay that asks for a slower pace."""
    return http(b'{"error_code":"rate_limited"%s}' % details.encode(), status="429 Slow")


@pytest.mark.parametrize(
    ("details", "pause_ms"),
    [
        pytest.param(',"retry_after_ms":250', 250, id="as long as the relay asks"),
        pytest.param(',"retry_after_ms":0', 20, id="a little where it asks for nothing"),
        pytest.param("", 1_000, id="a second where it does not say"),
    ],
)
def test_a_relay_that_asks_for_a_slower_pace_is_waited_for(
    at: Machine, details: str, pause_ms: int
) -> None:
    at.rests = True
    slow = iter([slower(details)] * 2)
    at.relay.change = lambda name, answer: next(slow, answer) if name == "head" else answer
    assert isinstance(at.a_caller().call(SPACE, HEAD), frames.Head)
    assert at.rested == [pause_ms, pause_ms]
    assert at.relay.calls == ["head"] * 3


@pytest.mark.parametrize(
    ("rests", "asked"),
    [
        pytest.param(None, [], id="a short command does not wait"),
        pytest.param(False, [250], id="nor does one that has not that long"),
    ],
)
def test_without_the_time_a_slower_pace_is_told_of(
    at: Machine, rests: bool | None, asked: list[int]
) -> None:
    at.rests = rests
    at.relay.change = lambda *_: slower(',"retry_after_ms":250')
    with pytest.raises(HubRefusal) as caught:
        at.a_caller().call(SPACE, HEAD)
    assert (caught.value.code, at.rested) == ("rate_limited", asked)
    assert caught.value.details["retry_after_ms"] == 250
