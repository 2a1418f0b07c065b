"""R11: a session proof is good once, for a minute, at the relay that it names, and for its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.codec import encode
from envoy.relay.app import STATUS
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE
from oracle import events
from relay.scenes import ORIGIN, WRITER, Relay, key_of, seed_of

HOUR_MS = 3_600_000


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    """Return a relay that keeps the space of the scenes."""
    found = Relay(tmp_path / "relay")
    found.create()
    yield found
    found.close()


def entries(relay: Relay, *proofs: calls.Proved) -> list[calls.Entry]:
    """Return what proofs come to."""
    return list(relay.ask(calls.Session(proofs), calls.Entries).entries)


def test_replayed_by_who_heard_it(relay: Relay) -> None:
    proof = relay.proof("writer", WRITER)
    (first,) = entries(relay, proof)
    assert first.code is None and first.token  # the control
    for wait_ms in (0, 1, 59_000, 60_000):
        relay.now_ms += wait_ms
        (again,) = entries(relay, proof)
        assert again.code in ("replayed", "clock_skew_behind") and again.token is None
    assert STATUS["replayed"] == 409


def test_replayed_after_the_relay_forgot_it_is_too_old(relay: Relay) -> None:
    """A nonce is kept for as long as its proof could be taken, counted from either clock."""
    ahead = relay.proof("writer", WRITER, ts=relay.now_ms + 60_000)
    assert entries(relay, ahead)[0].code is None
    codes = list[str | None]()
    for _ in range(2 * limits.NONCE_SECONDS):
        relay.now_ms += 1_000
        codes.append(entries(relay, ahead)[0].code)
    assert set(codes) == {"replayed", "clock_skew_behind"}
    assert codes.index("clock_skew_behind") == len([one for one in codes if one == "replayed"])


def test_replayed_after_a_restart(tmp_path: Path) -> None:
    relay = Relay(tmp_path / "relay")
    relay.create()
    proof = relay.proof("writer", WRITER)
    assert entries(relay, proof)[0].code is None
    relay.close()
    again = Relay(tmp_path / "relay")
    assert entries(again, proof)[0].code == "replayed"
    again.close()


STALE = [
    pytest.param({"ts": -61_000}, "clock_skew_behind", id="a minute old"),
    pytest.param({"ts": -HOUR_MS}, "clock_skew_behind", id="an hour old"),
    pytest.param({"ts": 61_000}, "clock_skew_ahead", id="made for later"),
    pytest.param({"aud": "https://other.example"}, "auth_failed", id="for another relay"),
    pytest.param({"aud": ORIGIN + "/"}, "auth_failed", id="for nearly this one"),
    pytest.param({"aud": ORIGIN.upper()}, "auth_failed", id="for this one in capitals"),
    pytest.param({"holder": key_of("admin")}, "auth_failed", id="of another key"),
    pytest.param({"space": bytes(32)}, "space_not_found", id="for a space that is not here"),
    pytest.param({"v": 2}, "auth_failed", id="of another version"),
]


@pytest.mark.parametrize(("change", "code"), STALE)
def test_no_token_for_a_proof(relay: Relay, change: dict[str, object], code: str) -> None:
    given = dict(change)
    if isinstance(ts := given.get("ts"), int):
        given["ts"] = relay.now_ms + ts
    v = given.pop("v", 1)
    good = relay.proof("writer", WRITER, **given)
    raw = bytes([good.proof[0], v]) + good.proof[2:] if isinstance(v, int) else b""
    proved = calls.Proved(raw, events.sig(seed_of("writer"), "session", raw))
    (entry,) = entries(relay, proved)
    assert (entry.code, entry.token) == (code, None)
    assert STATUS[code] in (401, 404)


FORGED: dict[str, Callable[[calls.Proved], calls.Proved]] = {
    "a bit of the signature": lambda one: calls.Proved(
        one.proof, bytes([one.sig[0] ^ 1]) + one.sig[1:]
    ),
    "a signature under another label": lambda one: calls.Proved(
        one.proof, events.sig(seed_of("writer"), "access-state", one.proof)
    ),
    "somebody else's signature": lambda one: calls.Proved(
        one.proof, events.sig(seed_of("admin"), "session", one.proof)
    ),
    "a byte more": lambda one: calls.Proved(
        one.proof + b"\x00", events.sig(seed_of("writer"), "session", one.proof + b"\x00")
    ),
}


@pytest.mark.parametrize("how", sorted(FORGED))
def test_a_proof_that_was_altered(relay: Relay, how: str) -> None:
    (entry,) = entries(relay, FORGED[how](relay.proof("writer", WRITER)))
    assert (entry.code, entry.token) == ("auth_failed", None)


def test_a_proof_is_no_token_and_a_token_ends(relay: Relay) -> None:
    proof = relay.proof("writer", WRITER)
    pull = frames.Pull((frames.Since(SPACE, None, 0),), 10, 0)
    for junk in (proof.proof, encode(proof), proof.sig):
        with pytest.raises(HubRefusal, match=r"auth_failed|malformed"):
            relay.ask(pull, frames.Pulled, junk)
    token = relay.token("writer")
    assert relay.ask(pull, frames.Pulled, token).pages
    relay.now_ms += limits.SESSION_SECONDS * 1000
    with pytest.raises(HubRefusal, match="session_expired"):
        relay.ask(pull, frames.Pulled, token)
    assert STATUS["session_expired"] == 401
