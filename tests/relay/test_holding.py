"""What homes hold on to about a relay: its TLS key, its hub key, chains that let them in."""

from __future__ import annotations

import hashlib
import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import Console
from envoy import limits
from envoy.hub.client import spki
from envoy.system import certificate, host
from relay import process
from relay.running import Running, a_relay

pytestmark = pytest.mark.slow
DAY_MS = limits.DAY_SECONDS * 1000


def code(home: Console, *args: str) -> tuple[int, object, object]:
    """Return status, code and next action of a command that fails."""
    found = home.call("--json", *args)
    assert found.status, found
    return found.status, found.data["error_code"], found.data["next_action"]


def reach(home: Console) -> object:
    """Return what the relay said to a home the last time: a code, or None."""
    return home.call("--json", "sync").data["relays"][0]["error_code"]


def founded(root: Path, origin: str, *args: str) -> Console:
    """Return the home of a founder whose space lives at a relay."""
    home = Console(root / "ada")
    words = ("--recovery-output", f"file:{root}/words", "--name", "Ada", "--space-name", "s")
    home.ok("--relay-url", origin, "quickstart", "--cross-machine", *words, *args)
    return home


def joined(root: Path, name: str, founder: Console) -> Console:
    """Return the home of somebody who joined by a published code."""
    home = Console(root / name)
    home.ok("join", str(founder.ok("invite")["invite_uri"]), "--name", name)
    return home


# -- its TLS key -----------------------------------------------------------------------------------


class Secured:
    """A relay with a certificate of its own, at one port for all its life."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = 0
        self.renew()

    def renew(self) -> None:
        """Begin anew under another certificate."""
        cert, key = certificate.make(["127.0.0.1"], now_s=int(time.time()))
        for name, data in (("cert", cert), ("key", key)):
            (self.path.parent / f"{name}.pem").write_bytes(data)
        self.pin = hashlib.sha256(spki(ssl.PEM_cert_to_DER_cert(cert.decode()))).hexdigest()
        files = {name: f"{self.path.parent}/{name}.pem" for name in ("cert", "key")}
        self.served = process.start(self.path, port=self.port, **files)
        self.origin, self.port = self.served.origin, self.served.address[1]


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    found = Secured(tmp_path / "relay")
    yield found
    found.served.stop()


def test_a_relay_that_shows_another_key_than_the_pinned_one_gets_nothing(
    secured: Secured, tmp_path: Path
) -> None:
    ada = founded(tmp_path, secured.origin, "--pin", secured.pin)
    uri = str(ada.ok("invite")["invite_uri"])
    assert f"pin={secured.pin}" in uri
    bob = joined(tmp_path, "bob", ada)
    before, space = secured.pin, str(ada.ok("spaces")["spaces"][0]["space_id"])
    secured.served.stop()
    secured.renew()
    assert secured.pin != before

    told = (8, "relay_inconsistent", "stop_and_report")
    assert (ada.call("--json", "sync").status, reach(ada)) == (8, "relay_inconsistent")
    assert code(Console(tmp_path / "cy"), "join", uri, "--name", "cy") == told
    sent = ada.ok("send", "still here")
    assert (sent["relay_delivery"], sent["relay_delivery_reason"]) == (
        "failed",
        "relay_inconsistent",
    )
    connect = ("space", "connect", space, "--relay", secured.origin, "--pin")
    assert code(ada, *connect, before) == told
    for home in (ada, bob):  # by another way they were told the new one
        assert home.ok(*connect, secured.pin)["relay_delivery"] == "delivered"
    bob.ok("sync")
    assert [one["body"] for one in bob.ok("history")["records"] if one["kind"] == "message"] == [
        "still here"
    ]


def test_a_space_is_not_put_on_a_relay_with_another_key(secured: Secured, tmp_path: Path) -> None:
    for number, make in enumerate((("quickstart",), ("space", "create", "t"))):
        home = Console(tmp_path / str(number))
        home.ok("init", "--name", "Ada", "--recovery-output", f"file:{tmp_path}/{number}.words")
        asked = ("--relay-url", secured.origin, *make, "--cross-machine", "--pin", "00" * 32)
        found = home.call("--json", *asked)
        assert found.data["error_code"] == "connected_intent_unsatisfied"
        assert found.data["cause"] == "relay_inconsistent"
        lone = (*asked[:-3], *asked[-2:])
        assert code(home, *lone) == (2, "invalid_argument", "fix_arguments")


# -- its hub key -----------------------------------------------------------------------------------


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Running]:
    with a_relay(tmp_path / "relay") as found:
        yield found


def test_a_relay_that_lost_its_key_is_believed_again_once_an_admin_pinned_the_new_one(
    relay: Running, tmp_path: Path
) -> None:
    ada = founded(tmp_path, relay.origin)
    bob = joined(tmp_path, "bob", ada)
    ada.ok("sync")
    space = str(ada.ok("spaces")["spaces"][0]["space_id"])
    relay.wipe(keep_key=False)
    for home in (ada, bob):
        home.ok("send", "of " + home.cwd.parent.name)
        assert reach(home) == "relay_inconsistent"
    done = ada.ok("space", "connect", space, "--relay", relay.origin)
    assert done["relay_delivery"] == "delivered"
    bob.call("sync")
    assert reach(bob) is None
    assert reach(ada) is None
    prints = {home.ok("audit", "fingerprint")["fingerprint"] for home in (ada, bob)}
    assert len(prints) == 1
    claimed = str(ada.ok("task", "create", "--body", "after")["task_id"])
    bob.ok("sync")
    assert bob.ok("task", "claim", claimed)["claim_state"] == "confirmed"


# -- chains ----------------------------------------------------------------------------------------


def later(relay: Running, days: int, patch: pytest.MonkeyPatch) -> None:
    """Let the clocks of the relay and of this process be ``days`` ahead."""
    relay.end()
    relay.ahead_ms = days * DAY_MS
    relay.start()
    real = time.time_ns
    patch.setattr(host, "now_ms", lambda: real() // 1_000_000 + days * DAY_MS)


@pytest.mark.parametrize(
    "was_there",
    [
        pytest.param(True, id="an admin was there in time"),
        pytest.param(False, id="no admin was there"),
    ],
)
def test_a_joiner_lasts_30_days_by_itself_and_longer_by_an_admin(
    relay: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    ada = founded(tmp_path, relay.origin)
    ci = joined(tmp_path, "ci", ada)
    if was_there:
        ada.ok("sync")
    later(relay, 29, monkeypatch)
    assert reach(ci) is None
    later(relay, 31, monkeypatch)
    assert reach(ci) == (None if was_there else "capability_expired")
    assert reach(ada) is None
    assert reach(ci) is None
    ci.ok("send", "still in")
    assert os.path.isdir(relay.path)
