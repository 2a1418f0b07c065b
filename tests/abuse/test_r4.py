"""R4: a relay that shows two members two logs is caught when the two meet, and by fingerprints."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from relay.running import SPACE, Running, a_relay, two_homes
from relay.test_homes import lead_over

pytestmark = pytest.mark.slow


def test_two_logs_for_two_members(tmp_path: Path) -> None:
    with a_relay(tmp_path / "relay") as relay:
        one, two = two_homes(tmp_path, relay.origin)
        one.ok("send", "to both", SPACE)
        two.ok("sync")
        assert one.fingerprint() == two.fingerprint()
        relay.end()
        shutil.copytree(relay.path, tmp_path / "fork")  # with its key: it signs as the relay
        relay.start()
        fork = Running(tmp_path / "fork")
        try:
            lead_over(two, fork.origin)
            one.ok("send", "for one side", SPACE)
            two.ok("send", "for the other", SPACE)
            for home in (one, two, one, two):
                home.ok("sync")
            # While the sides are kept apart, nothing inside either shows it; whoever compares does.
            assert one.fingerprint() != two.fingerprint()
            assert "for the other" not in one.bodies()
        finally:
            fork.end()
        lead_over(two, relay.origin)
        status, told = two.call("sync")
        assert (status, told["relays"][0]["error_code"]) == (8, "relay_inconsistent")
        for home in (two, one, two):
            home.call("sync")
        assert one.fingerprint() == two.fingerprint()
        assert sorted(one.bodies()) == ["for one side", "for the other", "to both"]
