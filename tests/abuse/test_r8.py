"""R8: who shows no capability chain uses nothing of a relay, reads nothing, and learns nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy.core.codec import encode
from envoy.core.structs import Body
from envoy.relay.app import STATUS
from envoy.relay.rules import OPEN, ROLES
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE
from oracle import events, scene
from relay.scenes import CHAINS, FOUNDER, READER, Relay, key_of, link
from relay.test_desk import EXAMPLES, refusal

OTHER_BODY = {**scene.B0, "root_pub": events.public(scene.fixed("another root"))}
DENIED = {"auth_failed", "capability_missing", "read_only"}


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """Return a relay with a space in which somebody wrote."""
    found = Relay(tmp_path_factory.mktemp("r8") / "relay")
    found.create()
    found.ask(EXAMPLES["epoch_put"], frames.Done, found.token("writer"))
    found.ask(EXAMPLES["push"], frames.Pushed, found.token("writer"))
    yield found
    found.close()


def state(relay: Relay) -> frames.Head:
    """Return where the space stands."""
    return relay.ask(frames.HeadGet(SPACE), frames.Head, relay.token("reader"))


def tokens_of(relay: Relay, who: str) -> tuple[bytes, ...]:
    """Return what somebody shows who has no business here."""
    good = relay.token("founder")
    return {
        "no token": (),
        "junk": (b"x" * len(good),),
        "one that was altered": (bytes([good[0]]) + good[1:-1] + bytes([good[-1] ^ 1]),),
        "one whose fields were altered": (good[:9] + bytes([good[9] ^ 1]) + good[10:],),
        "one that was cut": (good[:-1],),
        "one of an account": (account(relay),),
    }[who]


def account(relay: Relay) -> bytes:
    """Return a token that is about no space: anybody gets one."""
    proof = relay.proof("anybody", None, space=None)
    (entry,) = relay.ask(calls.Session((proof,)), calls.Entries).entries
    assert entry.token is not None
    return entry.token


@pytest.mark.parametrize(
    "who",
    [
        "no token",
        "junk",
        "one that was altered",
        "one whose fields were altered",
        "one that was cut",
        "one of an account",
    ],
)
@pytest.mark.parametrize("name", sorted(ROLES))
def test_every_call_is_refused_to(relay: Relay, name: str, who: str) -> None:
    before = state(relay)
    tokens = tokens_of(relay, who)
    code = refusal(lambda: relay.ask(EXAMPLES[name], calls.EVERY[name][1], *tokens))
    assert code in DENIED
    after = state(relay)
    assert (after.head, after.rev) == (before.head, before.rev)


@pytest.mark.parametrize("name", sorted(ROLES))
def test_control_the_founder_may(relay: Relay, name: str) -> None:
    assert relay.ask(EXAMPLES[name], calls.EVERY[name][1], relay.token("founder"))


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_space_that_is_there_and_one_that_is_not_are_told_alike(relay: Relay, name: str) -> None:
    def answer(space: bytes) -> str:
        raw = encode(EXAMPLES[name]).replace(SPACE, space)
        body = encode(calls.Request((), raw))
        with pytest.raises(HubRefusal) as caught:
            relay.desk.answer(name, body)
        return caught.value.code

    assert answer(SPACE) == answer(scene.fixed("a space that nobody has"))


def test_an_invite_that_is_there_and_one_that_is_not_are_told_alike(relay: Relay) -> None:
    put = EXAMPLES["invite_put"]
    assert isinstance(put, frames.InvitePut)
    relay.ask(put, frames.Done, relay.token("founder"))
    for lookup in (put.lookup, scene.fixed("no lookup", 16)):
        guess = frames.InviteFetch(lookup, bytes(32), bytes(16))
        code = refusal(partial(relay.ask, guess, frames.InviteBlob))
        assert code == "hosted_relay_invite_not_found"


STRANGE = [
    pytest.param("stranger", None, id="no chain"),
    pytest.param("stranger", READER, id="somebody's chain"),
    pytest.param("reader", FOUNDER, id="the chain of who let one in"),
    pytest.param("stranger", (link("stranger", "stranger", "a", 3),), id="one's own word"),
    pytest.param("stranger", (*READER, link("reader", "stranger", "r", 0)), id="of who may not"),
    pytest.param("writer", (*FOUNDER, link("founder", "x", "r", 1), link("x", "writer", "w", 0)),
                 id="more than was given"),
    pytest.param("stranger", (link("root", "founder", "a", 3), link("admin", "stranger", "w", 0)),
                 id="signed by another than its holder"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "chain"), STRANGE)
def test_no_token_is_given_for(relay: Relay, name: str, chain: tuple[bytes, ...] | None) -> None:
    proof = relay.proof(name, chain)
    (entry,) = relay.ask(calls.Session((proof,)), calls.Entries).entries
    assert entry.token is None and entry.head is None and entry.code in DENIED


def test_a_token_of_one_space_is_none_of_another(tmp_path: Path) -> None:
    relay = Relay(tmp_path / "relay")
    relay.create()
    other = scene.space_of(OTHER_BODY)
    assert other != SPACE
    token = relay.token("founder")
    # What names no space is about that of its token.
    for name in sorted(one for one in ROLES if SPACE in encode(EXAMPLES[one])):
        raw = encode(EXAMPLES[name]).replace(SPACE, other)
        with pytest.raises(HubRefusal) as caught:
            relay.desk.answer(name, encode(calls.Request((token,), raw)))
        assert caught.value.code == "auth_failed", name
    relay.close()


def mangled(name: str, body: Body, at: int, value: int) -> bytes:
    """Return a request one byte of which is another."""
    raw = bytearray(encode(calls.Request((b"x" * 80,), encode(body))))
    raw[at % len(raw)] ^= value
    return bytes(raw)


@given(
    name=st.sampled_from(sorted(calls.EVERY)),
    at=st.integers(0, 10_000),
    value=st.integers(1, 255),
    junk=st.none() | st.binary(max_size=200),
)
def test_whatever_bytes_come_the_answer_is_a_code(
    relay: Relay, name: str, at: int, value: int, junk: bytes | None
) -> None:
    call = EXAMPLES.get(name, frames.HeadGet(SPACE))
    body = mangled(name, call, at, value) if junk is None else junk
    try:
        relay.desk.answer(name, body)
    except HubRefusal as refused:
        assert refused.code in STATUS
    else:
        assert name in OPEN


def test_control_every_actor_of_the_scenes_gets_in(relay: Relay) -> None:
    assert all(relay.token(name) for name in CHAINS) and key_of("founder")
