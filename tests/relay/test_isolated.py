"""Isolated spaces: the relay sees no request and no connection that carries two of them.

A proxy before a real relay keeps what each connection brought. The control: spaces that are not
isolated do share one, and one question for news.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import Console
from envoy import ids
from relay.proxy import Proxy, proxied
from relay.running import SECONDS_MAX, a_relay

pytestmark = pytest.mark.slow
APART, TOGETHER = ("a", "b"), ("c", "d")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Proxy]:
    """Return the way to a relay."""
    with proxied() as found, a_relay(tmp_path / "relay", found.port) as relay:
        found.to = relay.port
        yield found


def space_bytes(text: object) -> bytes:
    """Return the id of a space as calls carry it."""
    low, high = ids.span(str(text), "space")
    assert low == high
    return low


def requests(heard: bytes) -> list[bytes]:
    """Return the bodies of the requests that came over one connection."""
    found = list[bytes]()
    while heard:
        head, _, rest = heard.partition(b"\r\n\r\n")
        sizes = [
            int(one.partition(b":")[2])
            for one in head.split(b"\r\n")
            if one.lower().startswith(b"content-length:")
        ]
        size = sizes[0] if sizes else 0
        found.append(rest[:size])
        heard = rest[size:]
    return found


def named(heard: bytes, spaces: dict[str, bytes]) -> frozenset[str]:
    """Return the names of the spaces that some bytes speak of, by call or by token."""
    return frozenset(name for name, space in spaces.items() if space in heard)


def lines(line: Proxy, spaces: dict[str, bytes]) -> set[frozenset[str]]:
    """Return the spaces that were spoken of together over a connection."""
    return {named(bytes(one), spaces) for one in line.lines}


def asked(line: Proxy, spaces: dict[str, bytes]) -> set[frozenset[str]]:
    """Return the spaces that were spoken of together in a request."""
    bodies = [body for one in line.lines for body in requests(bytes(one))]
    return {named(body, spaces) for body in bodies}


def mixed(found: set[frozenset[str]]) -> list[frozenset[str]]:
    """Return what speaks of an isolated space and of another one."""
    return [one for one in found if len(one) > 1 and one & set(APART)]


def made(home: Console, line: Proxy) -> dict[str, bytes]:
    """Make four spaces at the relay, two of them isolated; return their ids by name."""
    origin, found = f"http://127.0.0.1:{line.port}", dict[str, bytes]()
    home.ok("init", "--agent", "--name", "Ada", "--recovery-output", "skip")
    for name in (*APART, *TOGETHER):
        found[name] = space_bytes(home.ok("space", "create", name)["space_id"])
        home.ok("send", "before", name)
        flags = ["--isolate"] if name in APART else []
        done = home.ok("space", "connect", name, "--relay", origin, *flags)
        assert done["isolated"] is (name in APART)
    return found


def test_no_request_and_no_connection_carries_an_isolated_space_and_another(
    tmp_path: Path, line: Proxy
) -> None:
    home = Console(tmp_path / "ada")
    spaces = made(home, line)
    for name in spaces:
        home.ok("send", "behind", name)
    home.ok("sync")
    command = ["envoy", "--json", "inbox", "read", "--wait", "--wait-timeout", "30"]
    with subprocess.Popen(
        command,
        env=home.environment(),
        cwd=home.cwd,
        stdout=subprocess.DEVNULL,
    ) as waiting:
        wanted = {frozenset({"a"}), frozenset({"b"}), frozenset({"c", "d"})}
        before, until = len(line.lines), time.monotonic() + SECONDS_MAX
        while not wanted <= {named(bytes(one), spaces) for one in line.lines[before:]}:
            assert time.monotonic() < until, "all are asked about"
            time.sleep(0.05)
        waiting.terminate()
        waiting.wait(5)
    assert mixed(lines(line, spaces)) == mixed(asked(line, spaces)) == []
    assert frozenset({"c", "d"}) in lines(line, spaces) & asked(line, spaces)  # the control
    assert all(frozenset({name}) in lines(line, spaces) for name in APART)


def test_status_tells_what_is_isolated_and_it_stays_so(tmp_path: Path, line: Proxy) -> None:
    home = Console(tmp_path / "ada")
    spaces = made(home, line)
    again = home.ok("space", "connect", "a", "--relay", f"http://127.0.0.1:{line.port}")
    assert (again["changed"], again["isolated"]) == (False, True)
    shown = {one["space_name"]: one for one in home.ok("status")["spaces"]}
    assert {name for name in spaces if shown[name].get("isolated")} == set(APART)
    assert "isolated" in home.call("spaces").out


def test_a_member_isolates_a_space_by_attaching_it(tmp_path: Path, line: Proxy) -> None:
    ada, bob = Console(tmp_path / "ada"), Console(tmp_path / "bob")
    made(ada, line)
    bob.ok("init", "--agent", "--name", "Bob", "--recovery-output", "skip")
    for name in TOGETHER:
        bob.ok("join", str(ada.ok("invite", name)["invite_uri"]), "--name", "Bob")
    space = str(bob.ok("spaces")["spaces"][0]["space_id"])
    origin = f"http://127.0.0.1:{line.port}"
    done = bob.ok("space", "attach", space, "--relay", origin, "--isolate")
    assert (done["changed"], done["isolated"]) == (False, True)
    line.lines.clear()
    bob.ok("sync")
    both = {name: space_bytes(one["space_id"]) for name, one in spaces_of(bob).items()}
    assert lines(line, both) == {frozenset({name}) for name in both}


def spaces_of(home: Console) -> dict[str, dict[str, object]]:
    """Return the spaces of a home by name."""
    return {str(one["space_name"]): one for one in home.ok("spaces")["spaces"]}
