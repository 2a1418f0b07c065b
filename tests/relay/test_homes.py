"""Two homes that share nothing but a relay: what either does reaches the other, whatever happens.

Every relay here is a process of its own, every home has its own hub and its own profile.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from console import Console
from envoy import limits
from envoy.hub import links as linking
from hub.hostile import http, read_request, says, serving
from relay.proxy import Fault, proxied
from relay.running import SPACE, Home, Running, a_relay, two_homes


class Two(NamedTuple):
    """Two homes and the relay between them."""

    relay: Running
    one: Home
    two: Home

    def settle(self) -> None:
        """Sync both until neither has anything for the other."""
        for home in (self.one, self.two, self.one, self.two):
            home.ok("sync")

    def same(self) -> None:
        """See that both have the same."""
        assert self.one.fingerprint() == self.two.fingerprint()
        assert sorted(self.one.bodies()) == sorted(self.two.bodies())


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Two]:
    with a_relay(tmp_path / "relay") as relay:
        yield Two(relay, *two_homes(tmp_path, relay.origin))


def relays(answer: dict[str, Any]) -> list[str | None]:
    """Return the codes of what relays did in a sync."""
    return [one["error_code"] for one in answer["relays"]]


def task(home: Home, body: str) -> str:
    """Make a task; return its id."""
    return str(home.ok("task", "create", body, "--space", SPACE)["task_id"])


# -- every day --------------------------------------------------------------------------------


def test_what_one_says_the_other_reads_after_a_sync(at: Two) -> None:
    sent = at.one.ok("send", "hello from one", SPACE)
    assert sent["delivery_mode"] == "connected"
    assert sent["relay_delivery"] == "delivered" and sent["relay_delivery_reason"] is None
    assert sent["pending_sync"] is False
    at.two.ok("sync")
    at.two.ok("send", "hello from two", SPACE)
    at.one.ok("sync")
    assert at.one.bodies() == ["hello from one", "hello from two"]
    at.same()


def test_a_read_asks_the_relay_when_news_are_old(at: Two) -> None:
    at.one.ok("send", "news", SPACE)
    assert at.two.bodies() == []
    age(at.two)
    assert at.two.bodies() == ["news"]


def test_a_read_without_the_relay_answers_and_says_that_it_may_be_old(at: Two) -> None:
    at.relay.end()
    assert at.two.ok("status")["freshness"]["stale"] is False
    age(at.two)
    begun = time.monotonic()
    found = at.two.ok("status")
    assert time.monotonic() - begun < limits.PULL_SECONDS_MAX + 1
    assert found["freshness"]["stale"] is True and found["freshness"]["synced_at"]
    assert found["relay"] == {"state": "unreachable", "url": at.relay.origin}
    assert found["spaces"][0]["mode"] == "connected"


def test_a_relay_that_is_silent_keeps_nobody_longer_than_that(at: Two) -> None:
    with serving(silent) as server:
        lead_over(at.one, server.origin)
        begun = time.monotonic()
        assert at.one.ok("send", "offline", SPACE)["relay_delivery_reason"] == "relay_unavailable"
        assert limits.PUSH_SECONDS_MAX <= time.monotonic() - begun < limits.PUSH_SECONDS_MAX + 1
        age(at.one)
        begun = time.monotonic()
        assert at.one.bodies() == ["offline"]
        assert limits.PULL_SECONDS_MAX <= time.monotonic() - begun < limits.PULL_SECONDS_MAX + 1
        begun = time.monotonic()
        at.one.bodies()  # it just failed: not again
        assert time.monotonic() - begun < 0.5


def silent(taken: socket.socket) -> None:
    """Read a request and say nothing until the client hangs up."""
    read_request(taken)
    taken.recv(1)


def age(home: Home) -> None:
    """Let the last news of a home be older than they count as fresh."""
    links = linking.open_links(str(home.console.home / "hub"))
    for link in links.every():
        old = link.asked_ms - (limits.FRESH_SECONDS + 1) * 1000
        links.save(link._replace(asked_ms=old, tried_ms=0))
    links.close()


def test_a_claim_is_confirmed_by_the_relay(at: Two) -> None:
    made = task(at.one, "do it")
    at.two.ok("sync")
    claimed = at.two.ok("task", "claim", made, "--require", "confirmed")
    assert claimed["lifecycle_state"] == "claimed" and claimed["fence"] == 1
    at.one.ok("sync")
    shown = at.one.ok("task", "show", made)
    assert shown["claim_state"] == "confirmed"


# -- without the relay ------------------------------------------------------------------------


def test_without_the_relay_all_goes_on_and_says_so(at: Two) -> None:
    at.relay.end()
    sent = at.one.ok("send", "offline", SPACE)
    assert sent["local_durability"] == "durable" and sent["relay_delivery"] == "pending"
    assert sent["relay_delivery_reason"] == "relay_unavailable" and sent["pending_sync"] is True
    assert at.one.ok("status")["spaces"][0]["pending_sync"] is True
    status, synced = at.one.call("sync")
    assert status == 7 and relays(synced) == ["relay_unavailable"] and synced["pending"] == 1
    at.relay.start()
    assert at.one.ok("sync")["pending"] == 0
    at.two.ok("sync")
    assert at.two.bodies() == ["offline"]


def test_on_a_plane_then_merge(at: Two) -> None:
    made = task(at.one, "who takes it")
    at.settle()
    at.relay.end()
    for home, name in ((at.one, "one"), (at.two, "two")):
        for number in range(3):
            home.ok("send", f"{name} {number}", SPACE)
        claimed = home.ok("task", "claim", made)
        assert claimed["claim_state"] == "provisional"
        home.ok("task", "set", made, "in_progress", "--note", f"by {name}")
    at.relay.start()
    at.settle()
    at.same()
    assert len(at.one.bodies()) == 6
    ends = [home.ok("task", "show", made) for home in (at.one, at.two)]
    assert ends[0]["assignee_id"] == ends[1]["assignee_id"]
    assert {end["claim_state"] for end in ends} == {"confirmed", "lost"} or {
        end["claim_state"] for end in ends
    } == {"confirmed"}
    assert [end["fence"] for end in ends] == [1, 1]


# -- a relay that loses something -------------------------------------------------------------


def test_a_relay_whose_data_is_deleted_has_everything_again(at: Two) -> None:
    at.one.ok("send", "before", SPACE)
    at.settle()
    at.relay.wipe()
    at.two.ok("send", "after", SPACE)
    at.settle()
    at.same()
    assert sorted(at.one.bodies()) == ["after", "before"]


def test_whoever_comes_first_fills_a_wiped_relay(at: Two) -> None:
    at.one.ok("send", "before", SPACE)
    at.settle()
    at.relay.wipe()
    at.one.ok("sync")
    at.two.ok("sync")
    at.two.ok("send", "after", SPACE)
    at.one.ok("sync")
    at.same()


def test_a_relay_that_restarts_goes_on(at: Two) -> None:
    at.one.ok("send", "before", SPACE)
    at.relay.end()
    at.relay.start()
    assert at.one.ok("send", "after", SPACE)["relay_delivery"] == "delivered"
    at.two.ok("sync")
    assert at.two.bodies() == ["before", "after"]


def test_verify_names_what_the_relay_left_out(at: Two) -> None:
    at.one.ok("send", "before", SPACE)
    at.settle()
    at.relay.wipe()
    answer = at.one.ok("sync", "--verify")
    assert relays(answer) == [None]
    assert at.one.ok("sync", "--verify")["relays"][0]["omitted"] == []
    at.two.ok("sync")
    at.same()


# -- what is told -------------------------------------------------------------------------------


def test_a_sync_tells_people_what_each_relay_did(at: Two) -> None:
    at.one.ok("send", "one", SPACE)
    told = at.two.text("sync")
    assert f"relay {at.relay.origin}  0 up, 1 down" in told
    at.relay.end()
    assert f"relay_unavailable {at.relay.origin}" in at.two.text("sync", status=7)
    assert f"relay {at.relay.origin}  unreachable" in at.two.text("status")


def test_a_relay_that_contradicts_itself_is_told_with_another_status(at: Two) -> None:
    at.one.ok("send", "one", SPACE)
    links = linking.open_links(str(at.two.console.home / "hub"))
    link = links.every()[0]
    links.save(link._replace(h=bytes(32), hub_key=bytes(32)))
    links.close()
    at.two.ok("--no-sync", "send", "two", SPACE)
    status, answer = at.two.call("sync")
    assert (status, relays(answer)) == (8, ["relay_inconsistent"])


def test_diagnose_looks_at_the_relay(at: Two) -> None:
    (found,) = (one for one in at.one.ok("diagnose")["checks"] if one["name"] == "relay")
    assert found["state"] == "ok" and at.relay.origin in found["detail"]
    at.relay.end()
    at.one.ok("send", "offline", SPACE)
    (found,) = (one for one in at.one.ok("diagnose")["checks"] if one["name"] == "relay")
    assert found["state"] == "warning" and found["next_command"] == "envoy sync"
    for words in ("relay_unavailable refused", "1 not sent", "last: relay_unavailable"):
        assert words in found["detail"]
    assert "relay" in [
        one["name"] for one in at.one.ok("--no-sync", "diagnose", "--deep")["checks"]
    ]


def test_this_clock_is_compared_with_the_relays(at: Two) -> None:
    found = at.one.ok("diagnose", "time")
    assert found["relay_url"] == at.relay.origin and abs(found["skew_ms"]) < 2000
    assert at.one.ok("--relay-url", at.relay.origin, "diagnose", "time")["relay_at"]
    assert "clock" in at.one.text("diagnose", "time")
    at.relay.end()
    assert at.one.call("diagnose", "time")[1]["error_code"] == "relay_unavailable"


def test_of_two_relays_the_one_that_answers_is_compared(at: Two, tmp_path: Path) -> None:
    with a_relay(tmp_path / "other") as other:
        at.one.ok("space", "create", "beside", "--cross-machine", "--relay-url", other.origin)
        at.relay.end()
        assert at.one.ok("diagnose", "time")["relay_url"] == other.origin
        (check,) = (
            one["detail"]
            for one in at.one.ok("diagnose")["checks"]
            if one["name"] == "relay" and other.origin in one["detail"]
        )
        assert re.search(r"clock \d+ ms (ahead|behind)", check)


@pytest.mark.parametrize(
    ("at_ms", "code"),
    [
        pytest.param(1_000, "clock_skew_ahead", id="ahead"),
        pytest.param(2**52, "clock_skew_behind", id="behind"),
        pytest.param("soon", "relay_unavailable", id="no time at all"),
    ],
)
def test_a_clock_that_is_off_is_an_error(tmp_path: Path, at_ms: object, code: str) -> None:
    console = Console(tmp_path)
    console.ok("init", "--human", "--name", "Ada")
    with serving(says(http(json.dumps({"at": at_ms}).encode()))) as server:
        done = console.call("--json", "--relay-url", server.origin, "diagnose", "time")
    assert (done.status, done.data["error_code"]) == (7, code)


def test_a_bundle_carries_what_no_relay_does(at: Two) -> None:
    at.relay.end()
    at.one.ok("send", "by hand", SPACE)
    path = str(at.one.console.cwd / "bundle")
    made = at.one.ok("sync", "--to", path)["bundle"]
    assert made["file"] == path and made["frames"] > 5 and os.stat(path).st_mode & 0o777 == 0o600
    assert at.two.ok("sync", "--from", path)["pulled"] == 1
    assert at.two.bodies() == ["by hand"]
    at.two.ok("sync", SPACE, "--from", path)
    at.relay.start()
    at.settle()
    at.same()


# -- objects ----------------------------------------------------------------------------------


def put(home: Home, name: str, content: bytes) -> str:
    """Put an object; return its id."""
    path = home.console.cwd / name
    path.write_bytes(content)
    return str(home.ok("object", "put", str(path), "--space", SPACE)["object_id"])


def get(home: Home, ident: str) -> bytes:
    """Return the bytes of an object."""
    path = home.console.cwd / "got"
    home.ok("object", "get", ident, "--space", SPACE, "--output", str(path), "--force")
    return path.read_bytes()


def test_an_object_goes_over_the_relay(at: Two) -> None:
    content = bytes(range(256)) * 5000
    made = put(at.one, "log", content)
    at.one.ok("sync")
    at.two.ok("sync")
    assert get(at.two, made) == content


def test_an_object_whose_chunks_are_nowhere_is_incomplete(at: Two) -> None:
    at.relay.end()
    made = put(at.one, "log", b"offline")
    bundle = str(at.one.console.cwd / "bundle")
    at.one.ok("sync", "--to", bundle)
    at.two.ok("sync", "--from", bundle)
    path = str(at.two.console.cwd / "got")
    status, error = at.two.call("object", "get", made, "--space", SPACE, "--output", path)
    assert (status, error["error_code"]) == (7, "object_incomplete")


def test_a_wiped_relay_gets_the_chunks_again(at: Two) -> None:
    made = put(at.one, "log", b"kept")
    at.settle()
    at.relay.wipe()
    at.one.ok("sync")
    at.two.ok("sync")
    assert get(at.two, made) == b"kept"


# -- a message arrives ------------------------------------------------------------------------


def test_a_message_of_another_machine_arrives_while_somebody_listens(at: Two) -> None:
    command = ["envoy", "--profile", "bob", "--json", "listen", SPACE, "--no-history"]
    with subprocess.Popen(
        command,
        env=at.two.console.environment(),
        cwd=at.two.console.cwd,
        stdout=subprocess.PIPE,
        text=True,
    ) as listening:
        assert listening.stdout is not None
        time.sleep(1.5)
        for number in range(3):
            begun = time.monotonic()
            at.one.ok("send", f"message {number}", SPACE)
            line = listening.stdout.readline()
            assert '"new_message"' in line
            assert time.monotonic() - begun < 3  # about a tenth where the machine is idle
        listening.terminate()
        listening.wait(5)


def test_a_waiting_inbox_hears_of_a_message_of_another_machine(at: Two) -> None:
    command = f"sleep 1; envoy --profile lead send waited {SPACE}"
    with subprocess.Popen(
        ["sh", "-c", command],
        env=at.one.console.environment(),
        cwd=at.one.console.cwd,
        stdout=subprocess.DEVNULL,
    ):
        found = at.two.ok("inbox", "read", SPACE, "--wait", "--wait-timeout", "8", "--from", "@Ada")
    assert [one["body"] for one in found["messages"]] == ["waited"]


# -- a bad network ----------------------------------------------------------------------------

FAULTS = [
    pytest.param(Fault(delay_s=0.05), id="everything is late"),
    pytest.param(Fault(lose_every=2), id="every other connection is never answered"),
    pytest.param(Fault(cut_up=300), id="requests are cut off"),
    pytest.param(Fault(cut_down=200), id="answers are cut off"),
    pytest.param(
        Fault(cut_up=300, half_open=True), id="requests stop in the middle", marks=pytest.mark.prove
    ),
    pytest.param(Fault(cut_down=200, half_open=True), id="answers stop in the middle"),
]


def lead_over(home: Home, origin: str) -> None:
    """Let a home reach its relay at another address."""
    links = linking.open_links(str(home.console.home / "hub"))
    for link in links.every():
        links.save(link._replace(origin=origin))
    links.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_on_a_bad_network(tmp_path: Path, fault: Fault) -> None:
    with proxied() as proxy, a_relay(tmp_path / "relay", proxy.port) as relay:
        proxy.to = relay.port
        one, two = two_homes(tmp_path, relay.origin)
        at = Two(relay, one, two)
        lead_over(one, f"http://127.0.0.1:{proxy.port}")
        proxy.fault = fault
        proxy.reset()
        for number in range(4):
            begun = time.monotonic()
            one.ok("send", f"message {number}", SPACE)
            assert time.monotonic() - begun < limits.PUSH_SECONDS_MAX + 3
        one.call("--timeout", "2000", "sync")
        proxy.fault = Fault()
        proxy.reset()
        at.settle()
        at.same()
        assert len(two.bodies()) == 4
