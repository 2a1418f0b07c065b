"""R5: a relay that lost everything is filled again by whoever comes, with all that anybody has."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from console import Console
from relay.running import a_relay

pytestmark = pytest.mark.slow
NAMES = ("ada", "bob", "cid")


def member(home: Console) -> list[str]:
    """Return what a home reads of the space."""
    rows = home.ok("history")["records"]
    return sorted(str(one["body"]) for one in rows if one["kind"] == "message")


@pytest.mark.parametrize("order", list(permutations(range(3)))[::2])
def test_three_clients_each_with_something_that_the_others_lack(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    homes = [Console(tmp_path / name) for name in NAMES]
    with a_relay(tmp_path / "relay") as relay:
        first = ("--relay-url", relay.origin, "quickstart", "--cross-machine", "--reusable")
        code = str(homes[0].ok(*first, "--name", "ada")["invite_uri"])
        for name, home in zip(NAMES[1:], homes[1:], strict=True):
            home.ok("join", code, "--name", name)
        homes[1].ok("send", "for everybody")
        for home in homes:
            home.ok("sync")
        relay.end()
        for name, home in zip(NAMES, homes, strict=True):
            assert home.ok("send", f"of {name} alone")["relay_delivery"] == "pending"
        relay.start()
        relay.wipe()
        for number in (*order, *order):
            homes[number].ok("sync")
        prints = {str(home.ok("audit", "fingerprint")["fingerprint"]) for home in homes}
        assert len(prints) == 1
        alone = sorted(f"of {name} alone" for name in NAMES)
        assert member(homes[0]) == ["for everybody", *alone]
        late = Console(tmp_path / "late")
        gone = late.call("--json", "join", code, "--name", "late")  # records of invites do not last
        assert gone.data["error_code"] == "hosted_relay_invite_not_found"
        late.ok("join", str(homes[0].ok("invite")["invite_uri"]), "--name", "late")
        assert member(late) == member(homes[0])
