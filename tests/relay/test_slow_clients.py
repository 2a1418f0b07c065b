"""H10: whoever sends half of something, or nothing, is gone after twice the deadline, all of them.

What counts as alive is what the relay itself counts: its gauge of open connections.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from envoy import limits
from envoy.relay import app
from relay import process
from relay.process import Client, Here, Served, head, raw, rest
from relay.test_face import packed, push, status_of, stored
from relay.test_process import UnixConnection, get

COUNT = 30
CI_SECONDS = 0.5


def alive(admin: Path) -> int:
    """Return how many connections a relay has."""
    text = get(UnixConnection(admin), "/metrics")[1]
    found = re.search(r"^envoy_relay_connections (\d+)", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1])


def besiege(served: Here | Served, admin: Path, deadline_s: float) -> None:
    """Send thirty half heads and thirty half bodies; see all of them gone in time."""
    client = Client(served)
    client.create()
    whole = packed(push("half"), client.token("writer"))
    client.close()
    begun = time.monotonic()
    half_head = head(served, "push", size=len(whole))[:-2]
    half_body = head(served, "push", size=len(whole)) + whole[: len(whole) // 2]
    wait_s = 3 * deadline_s + 5
    lines = [raw(served, one, wait_s) for one in [half_head] * COUNT + [half_body] * COUNT]
    assert alive(admin) >= 2 * COUNT  # they were let in
    time.sleep(max(0.0, begun + 2 * deadline_s - time.monotonic()))
    assert alive(admin) == 0
    assert {status_of(rest(line)) for line in lines} == {408}
    for line in lines:
        line.close()
    client = Client(served)
    assert stored(client) == 0
    assert client.post("/v1/push", whole)[0] == 200  # the control: the whole of it is taken
    client.close()


def test_h10_thirty_half_heads_and_thirty_half_bodies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_seconds", lambda _size: CI_SECONDS)
    admin = tmp_path / "admin.sock"
    settings = {"deadline_s": CI_SECONDS, "admin": f"unix:{admin}"}
    process.be(tmp_path / "relay", lambda here: besiege(here, admin, CI_SECONDS), **settings)


@pytest.mark.prove
def test_h10_the_same_with_the_deadlines_that_everybody_has(tmp_path: Path) -> None:
    admin = tmp_path / "admin.sock"
    with process.serving(tmp_path / "relay", admin=f"unix:{admin}") as served:
        besiege(served, admin, max(limits.HEADER_SECONDS, limits.BODY_SECONDS))
