"""R3: a relay that is set back to an old copy takes nothing away: clients keep, and send again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from relay.running import SPACE, a_relay, two_homes

pytestmark = pytest.mark.slow


def test_an_old_copy_of_its_files(tmp_path: Path) -> None:
    with a_relay(tmp_path / "relay") as relay:
        one, two = two_homes(tmp_path, relay.origin)
        one.ok("send", "old", SPACE)
        two.ok("sync")
        relay.end()
        shutil.copytree(relay.path, tmp_path / "old")
        relay.start()
        for home, text in ((one, "new"), (two, "newer")):
            home.ok("sync")
            home.ok("send", text, SPACE)
        one.ok("sync")
        relay.end()
        shutil.rmtree(relay.path)
        (tmp_path / "old").rename(relay.path)
        relay.start()
        status, told = two.call("sync")
        codes = {row["error_code"] for row in told["relays"]}
        assert (status, codes) in ((0, {None}), (8, {"relay_inconsistent"}))
        assert two.bodies() == ["old", "new", "newer"]  # what a copy has it keeps
        for home in (two, one, two):
            home.call("sync")
        assert one.fingerprint() == two.fingerprint()
        assert one.bodies() == ["old", "new", "newer"]
        late = two.ok("send", "goes on", SPACE)
        assert late["relay_delivery"] == "delivered"
        one.ok("sync")
        assert one.bodies()[-1] == "goes on"
