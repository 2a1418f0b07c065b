"""Two machines and a relay: from laptop to CI, on a plane and back, the relay wiped between.

Where this machine lets a test make network namespaces, each host has one: only the relay's cable
leads from it anywhere, TLS is that of `--lan`, and a flight is a cable that is pulled. Everywhere,
the hosts are processes that reach the relay by a proxy each, and a flight is a proxy that resets
whatever it is asked. Which of the two ran stands in the name of the test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from console import PROGRAM, Console
from relay.proxy import Fault, Proxy, proxied
from relay.running import Running, a_relay

pytestmark = pytest.mark.slow
SECONDS_MAX = 60
RELAY = "10.77.0.1"
ADDRESSES = {"laptop": "10.77.0.2", "ci": "10.77.0.3"}
PORT = 8787


def run(*command: str) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS_MAX)


def may_have_namespaces() -> bool:
    """Say whether this machine lets a test make networks of its own."""
    pair = ("ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
    try:
        run("unshare", "-n", *pair)
    except (OSError, subprocess.SubprocessError):
        return False
    return shutil.which("nsenter") is not None


class Network(Protocol):
    """How hosts reach the relay."""

    relay: tuple[str, ...]  # what `space connect` is told

    def prefix(self, host: str) -> Sequence[str]:
        """Return what to say before a command so that it runs on ``host``."""

    def cut(self, host: str) -> None:
        """Take ``host`` off the network."""

    def mend(self, host: str) -> None:
        """Put it back."""

    def wipe(self) -> None:
        """End the relay, delete its data, start it again."""


class Namespace:
    """A network of its own, as long as a process lives in it."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "-n", "sleep", "600"])
        self.pid = str(self._holder.pid)
        own = os.readlink("/proc/self/ns/net")
        until = time.monotonic() + SECONDS_MAX
        while os.readlink(f"/proc/{self.pid}/ns/net") == own:
            assert time.monotonic() < until, "it has a network"
            time.sleep(0.01)
        self.prefix = ("nsenter", "-t", self.pid, "-n")
        self.ip("link", "set", "lo", "up")

    def ip(self, *args: str) -> None:
        """Run `ip` in it."""
        run(*self.prefix, "ip", *args)

    def end(self) -> None:
        """Let it go."""
        self._holder.kill()
        self._holder.wait(SECONDS_MAX)


class Cables:
    """Each host in a namespace of its own, with one cable: to the relay's."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self._console = Console(root / "relay")
        self._hub = self._namespace(stack)
        self._hosts = {name: self._namespace(stack) for name in ADDRESSES}
        for name, host in self._hosts.items():
            peer = ("type", "veth", "peer", "name", "cable", "netns", host.pid)
            self._hub.ip("link", "add", name, *peer)
            self._hub.ip("addr", "add", f"{RELAY}/32", "peer", ADDRESSES[name], "dev", name)
            host.ip("addr", "add", f"{ADDRESSES[name]}/32", "peer", RELAY, "dev", "cable")
            self._hub.ip("link", "set", name, "up")
            host.ip("link", "set", "cable", "up")
        at = ("--lan", "--listen", f"{RELAY}:{PORT}", "--provider", "none", "--open")
        self._console.ok("relay", "init", *at)
        self._process = self._start()
        stack.callback(self._end)
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self.relay: tuple[str, ...] = ("--relay", told["url"], "--pin", told["pin"])

    @staticmethod
    def _namespace(stack: ExitStack) -> Namespace:
        made = Namespace()
        stack.callback(made.end)
        return made

    def _start(self) -> subprocess.Popen[str]:
        with (self._console.cwd / "journal").open("a") as journal:
            return subprocess.Popen(
                [*self._hub.prefix, sys.executable, "-c", PROGRAM, "--json", "relay", "serve"],
                env=self._console.environment(),
                cwd=self._console.cwd,
                stdout=subprocess.PIPE,
                stderr=journal,
                text=True,
            )

    def _end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=SECONDS_MAX)

    def prefix(self, host: str) -> Sequence[str]:
        """Return how a command gets into the namespace of a host."""
        return self._hosts[host].prefix

    def cut(self, host: str) -> None:
        """Pull the cable."""
        self._hosts[host].ip("link", "set", "cable", "down")

    def mend(self, host: str) -> None:
        """Put it back."""
        self._hosts[host].ip("link", "set", "cable", "up")

    def wipe(self) -> None:
        """Delete what the operator's guide says to delete."""
        self._end()
        data = self._console.cwd / "relay"
        for path in data.glob("hub.db*"):
            path.unlink()
        shutil.rmtree(data / "chunks", ignore_errors=True)
        self._process = self._start()
        assert self._process.stdout is not None
        assert self._process.stdout.readline()


class Proxies:
    """Hosts that are processes, each with a proxy to the relay."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self._proxies = {name: stack.enter_context(proxied()) for name in ADDRESSES}
        ports = [proxy.port for proxy in self._proxies.values()]
        self._served: Running = stack.enter_context(a_relay(root / "relay", *ports))
        for proxy in self._proxies.values():
            proxy.to = self._served.port
        self.relay: tuple[str, ...] = ("--relay", self._origin("laptop"))

    def _origin(self, host: str) -> str:
        return f"http://127.0.0.1:{self._proxies[host].port}"

    def prefix(self, host: str) -> Sequence[str]:
        """Return nothing: a process needs no way to where it is."""
        assert host in self._proxies
        return ()

    def cut(self, host: str) -> None:
        """Reset whatever is said."""
        self._fail(self._proxies[host], Fault(cut_up=1))

    def mend(self, host: str) -> None:
        """Pass all on."""
        self._fail(self._proxies[host], Fault())

    @staticmethod
    def _fail(proxy: Proxy, fault: Fault) -> None:
        proxy.fault = fault
        proxy.reset()

    def wipe(self) -> None:
        """Delete all but the key."""
        self._served.wipe()


if may_have_namespaces():
    NETWORKS = [
        pytest.param(Proxies, id="as processes with a proxy each", marks=pytest.mark.prove),
        pytest.param(Cables, id="in network namespaces"),
    ]
else:
    NETWORKS = [pytest.param(Proxies, id="as processes: no namespaces are allowed here")]


class Host:
    """A machine with one home; every command is a process on it."""

    def __init__(self, root: Path, name: str, network: Network) -> None:
        self.name = name
        self._console = Console(root / name)
        self._network = network

    def call(self, *args: str) -> tuple[int, dict[str, Any]]:
        """Return status and answer of a command."""
        command = [*self._network.prefix(self.name), sys.executable, "-c", PROGRAM, "--json"]
        done = subprocess.run(
            [*command, *args],
            env=self._console.environment(),
            cwd=self._console.cwd,
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, answer

    def ok(self, *args: str) -> dict[str, Any]:
        """Return the answer of a command that succeeds."""
        status, answer = self.call(*args)
        assert status == 0, (args, answer)
        return answer

    def bodies(self) -> list[str]:
        """Return what was said, as it is read here."""
        return sorted(
            str(one["body"]) for one in self.ok("history")["records"] if one["kind"] == "message"
        )


@contextmanager
def hosts(root: Path, kind: type[Cables | Proxies]) -> Iterator[tuple[Network, Host, Host]]:
    """Give a network with a relay, a laptop whose space is on it, and a CI that has nothing."""
    with ExitStack() as stack:
        network = kind(root, stack)
        laptop, ci = (Host(root, name, network) for name in ADDRESSES)
        laptop.ok("quickstart", "--human", "--name", "Ada", "--space-name", "bughunt")
        laptop.ok("space", "connect", "bughunt", *network.relay)
        yield network, laptop, ci


def settle(*homes: Host) -> None:
    """Sync until nobody has anything for the others; all are the same then."""
    for home in (*homes, *homes):
        home.ok("sync")
    assert len({str(home.ok("audit", "fingerprint")["fingerprint"]) for home in homes}) == 1
    assert len({tuple(home.bodies()) for home in homes}) == 1


def code_for(laptop: Host, network: Network) -> str:
    """Return the URI of a published invite, as the CI reaches the relay."""
    made = laptop.ok("invite", "--publish")
    assert made["relay_publication"] == "published"
    uri = str(made["invite_uri"])
    if isinstance(network, Proxies):  # the CI has a way of its own
        uri = uri.replace(network._origin("laptop"), network._origin("ci"))
    return uri


@pytest.mark.parametrize("kind", NETWORKS)
def test_from_laptop_to_ci_while_the_laptop_is_off(
    tmp_path: Path, kind: type[Cables | Proxies]
) -> None:
    with hosts(tmp_path, kind) as (network, laptop, ci):
        task = str(laptop.ok("task", "create", "ship it")["task_id"])
        uri = code_for(laptop, network)
        network.cut("laptop")
        assert ci.ok("join", uri, "--name", "ci")["join_state"] == "member"
        claimed = ci.ok("task", "claim", task, "--require", "confirmed")
        assert claimed["claim_state"] == "confirmed" and claimed["fence"] == 1
        ci.ok("send", "shipped")
        assert laptop.call("sync")[0] == 7  # it is off indeed
        assert laptop.bodies() == []
        network.mend("laptop")
        settle(laptop, ci)
        assert laptop.bodies() == ["shipped"]
        assert laptop.ok("task", "show", task)["assignee_display"] == "ci"


@pytest.mark.parametrize("kind", NETWORKS)
def test_on_a_plane_then_merge_with_the_relay_wiped_meanwhile(
    tmp_path: Path, kind: type[Cables | Proxies]
) -> None:
    with hosts(tmp_path, kind) as (network, laptop, ci):
        ci.ok("join", code_for(laptop, network), "--name", "ci")
        task = str(ci.ok("task", "create", "who takes it")["task_id"])
        note = laptop._console.cwd / "note"
        note.write_text("kept " * 5_000)
        shared = str(laptop.ok("object", "put", str(note))["object_id"])
        settle(laptop, ci)
        for host in (laptop, ci):
            network.cut(host.name)
            sent = host.ok("send", f"{host.name}, in the air")
            assert sent["local_durability"] == "durable" and sent["relay_delivery"] == "pending"
            assert host.ok("task", "claim", task)["claim_state"] == "provisional"
            host.ok("task", "edit", task, "--title", f"as {host.name} has it")
        network.wipe()  # nobody was there
        network.mend("ci")
        ci.ok("sync")  # whoever lands first fills it again
        network.mend("laptop")
        settle(laptop, ci)
        assert laptop.bodies() == ["ci, in the air", "laptop, in the air"]
        shown = [host.ok("task", "show", task) for host in (laptop, ci)]
        assert shown[0]["assignee_id"] == shown[1]["assignee_id"]
        assert shown[0]["title"] == shown[1]["title"]
        for host in (laptop, ci):
            listed = host.ok("conflicts", "list")["conflicts"]
            kinds = {str(one["kind"]) for one in listed if one["status"] == "open"}
            assert {"field_conflict"} < kinds, kinds  # and that of the two claims
        assert {one["conflict_id"] for one in laptop.ok("conflicts", "list")["conflicts"]} == {
            one["conflict_id"] for one in ci.ok("conflicts", "list")["conflicts"]
        }
        out = ci._console.cwd / "got"
        ci.ok("object", "get", shared, "--output", str(out))
        assert out.read_text() == note.read_text()
