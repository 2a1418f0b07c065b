"""R13: an access statement goes on from the one before, and reaches nobody above who signs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.core import access
from envoy.core.access import Statement
from envoy.core.crypto.sign import sha256
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE
from relay.scenes import ADMIN, FOUNDER, READER, ROOT, WRITER, Relay, key_of, link, seed_of

STORED = 5
SIGNERS = {"root": (), "founder": FOUNDER, "admin": ADMIN}
BELOW_ADMIN = (*ADMIN, link("admin", "helper", "w", 0))
TARGETS = {"founder": FOUNDER, "admin": ADMIN, "writer": WRITER, "helper": BELOW_ADMIN}
# Who ends whose access at once: root everybody's, the others that of who is below them.
REACHES = {
    "root": {"founder", "admin", "writer", "helper"},
    "founder": {"admin", "writer", "helper"},
    "admin": {"helper"},
}
NUMBERS = {1: False, 4: False, STORED: False, STORED + 1: True, STORED + 2**16: True,
           STORED + 2**16 + 1: False, 2**62: False, 2**63 - 1: False}  # fmt: skip


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    """Return a relay where a statement with a number stands and everybody is in."""
    found = Relay(tmp_path / "relay")
    found.create()
    put(found, "root", Statement(SPACE, STORED, 0, 0, ()))
    for signer in ("founder", "admin"):
        put(found, signer, Statement(SPACE, STORED, STORED, 0, ()))
    for name, chain in TARGETS.items():
        found.token(name, chain)
    yield found
    found.close()


def base(signer: str) -> int:
    """Return what a statement of somebody adds to: that of root, which adds to nothing."""
    return 0 if signer == "root" else STORED


def put(relay: Relay, signer: str, said: Statement, chain: tuple[bytes, ...] | None = None) -> None:
    """Send a statement by somebody's token, who need not be who signed it."""
    seed = ROOT if signer == "root" else seed_of(signer)
    raw = access.state_access(seed, said, SIGNERS[signer] if chain is None else chain)
    relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, relay.token("founder"))


def living(relay: Relay) -> set[str]:
    """Return who gets in still."""
    return {name for name in TARGETS if relay.entry(name).code is None}


@pytest.mark.parametrize("signer", sorted(SIGNERS))
@pytest.mark.parametrize("target", sorted(TARGETS))
@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_number_by_signer_by_target(relay: Relay, number: int, signer: str, target: str) -> None:
    said = Statement(SPACE, number, base(signer), 0, (sha256(key_of(target)),))
    before = relay.create().rev
    if not NUMBERS[number]:
        with pytest.raises(HubRefusal, match=r"^stale$"):
            put(relay, signer, said)
        assert living(relay) == set(TARGETS) and relay.create().rev == before
        return
    put(relay, signer, said)
    above = target not in REACHES[signer]
    size = len(TARGETS[target])
    below = {name for name, chain in TARGETS.items() if chain[:size] == TARGETS[target]}
    assert living(relay) == (set(TARGETS) if above else set(TARGETS) - below)


def test_what_an_admin_said_of_a_senior_is_done_when_root_says_it(relay: Relay) -> None:
    hashes = (sha256(key_of("founder")),)
    put(relay, "admin", Statement(SPACE, STORED + 1, STORED, 0, hashes))
    assert "founder" in living(relay)
    token = relay.token("founder")
    raw = access.state_access(ROOT, Statement(SPACE, STORED + 1, 0, 0, hashes), ())
    relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, token)
    assert living(relay) == set()  # everybody's chain passes through it


@pytest.mark.parametrize(
    ("signer", "chain"),
    [
        pytest.param("writer", WRITER, id="a writer"),
        pytest.param("reader", READER, id="a reader"),
        pytest.param("stranger", FOUNDER, id="somebody with another's chain"),
        pytest.param("founder", ADMIN, id="the founder by a chain that is not its own"),
        pytest.param("stranger", (link("stranger", "stranger", "a", 3),), id="by one's own word"),
        pytest.param("founder", (), id="the founder as if it were root"),
    ],
)
def test_who_may_not_state_anything(relay: Relay, signer: str, chain: tuple[bytes, ...]) -> None:
    said = Statement(SPACE, STORED + 1, STORED, 0, (sha256(key_of("helper")),))
    raw = access.state_access(seed_of(signer), said, chain)
    with pytest.raises(HubRefusal, match=r"auth_failed|capability_missing|malformed|read_only"):
        relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, relay.token("founder"))
    assert living(relay) == set(TARGETS)


def test_a_statement_of_another_space(relay: Relay) -> None:
    raw = access.state_access(ROOT, Statement(bytes(32), STORED + 1, 0, 0, ()), ())
    with pytest.raises(HubRefusal, match=r"auth_failed|malformed"):
        relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, relay.token("founder"))


def test_an_admin_raises_no_generation_that_ends_everybody(relay: Relay) -> None:
    with pytest.raises(HubRefusal, match="auth_failed"):
        put(relay, "admin", Statement(SPACE, STORED + 1, STORED, 2**62, ()))
    assert living(relay) == set(TARGETS)
