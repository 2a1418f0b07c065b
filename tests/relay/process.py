"""A relay in a process of its own, for tests: started on a free port, ended or killed.

``start`` waits until calls are answered. What a test may set stands in ``Settings``; the journal of
the process is in ``log`` beside its directory. ``Client`` speaks to it as a client does, and
``raw`` as one that does what it should not.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from envoy import jsontext, limits
from envoy.core.codec import decode, encode
from envoy.core.structs import Body
from envoy.relay import serve
from envoy.relay.quota import Rate, Rates
from envoy.relay.rules import Allowance
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, G
from oracle import events
from relay.scenes import CHAINS, FOUNDER, NAMES, key_of, seed_of

T = TypeVar("T", bound=Body)
Settings = dict[str, object]
START_SECONDS = 30.0
PROGRAM = "from relay import process; process.main()"


class Served(NamedTuple):
    """A relay that runs."""

    process: subprocess.Popen[str]
    origin: str
    directory: Path
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        host, _, port = self.origin.partition("://")[2].rpartition(":")
        return host, int(port)

    def stop(self, seconds: float = 20.0) -> int:
        """End it as a service manager does; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it as a loss of power does, as far as a process can tell."""
        self.process.kill()
        self.process.wait(10)

    def said(self) -> list[dict[str, object]]:
        """Return the lines of its journal."""
        found = [jsontext.loads(line) for line in self.log.read_text().splitlines()]
        assert all(isinstance(one, dict) for one in found)
        return [one for one in found if isinstance(one, dict)]


class Here(NamedTuple):
    """A relay that this process is itself."""

    origin: str
    directory: Path

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        host, _, port = self.origin.partition("://")[2].rpartition(":")
        return host, int(port)


def be(directory: Path, work: Callable[[Here], object], **settings: object) -> None:
    """Be a relay while ``work`` runs in another thread, which then ends it by a signal.

    For what has to be seen from inside: another process is not measured.
    """
    with ThreadPoolExecutor(1) as pool:
        done = list[Future[object]]()

        def ready(origin: str) -> None:
            done.append(pool.submit(work, Here(origin, directory)))
            done[0].add_done_callback(lambda _done: os.kill(os.getpid(), signal.SIGTERM))

        handlers, level = list(logging.root.handlers), logging.root.level
        try:
            serve.run(options(os.fspath(directory), dict(settings)), ready=ready)
        finally:
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)
    done[0].result()


def start(directory: Path, **settings: object) -> Served:
    """Start a relay on ``directory``; return it when it answers calls."""
    log = directory.with_name(directory.name + ".log")
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, os.fspath(directory), jsontext.dumps(settings)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    with process.stdout as out:
        said = out.readline()
    assert said.startswith("ready "), f"exit {process.wait(10)}: {log.read_text()}"
    return Served(process, said.split()[1], directory, log)


@contextmanager
def serving(directory: Path, **settings: object) -> Iterator[Served]:
    """Serve ``directory`` while the context lives."""
    served = start(directory, **settings)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.kill()


def main() -> None:
    """Be the relay: arguments are its directory and its settings."""
    directory, given = sys.argv[1], jsontext.loads(sys.argv[2])
    assert isinstance(given, dict)
    serve.run(options(directory, given), ready=lambda origin: print("ready", origin, flush=True))


def options(directory: str, given: Settings) -> serve.Options:
    """Return the options of a relay with these settings, on a free port of loopback."""
    found = serve.Options(
        directory,
        ("127.0.0.1", int(str(given.pop("port", 0)))),
        (),
        Allowance(
            int(str(given.pop("bytes_max", 64 * limits.MIB))),
            int(str(given.pop("frames_day_max", 1_000_000))),
            30,
        ),
        str(given.pop("provider", "none")),
        lambda *_: None,
    )
    if given.pop("no_pace", False):
        found = found._replace(rates=Rates(*[Rate(1e9, 10**9)] * len(Rates())))
    # What JSON has lists for; the others are what they are.
    made = {name: tuple(value) if isinstance(value, list) else value for name, value in
            given.items()}  # fmt: skip
    values = {**found._asdict(), **made}
    return serve.Options._make(values.values())


class Client:
    """Somebody who calls a relay."""

    def __init__(self, served: Served | Here, timeout_s: float = 30.0) -> None:
        self._served = served
        self._line = http.client.HTTPConnection(*served.address, timeout=timeout_s)

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        """Return status and body of an answer."""
        self._line.request("POST", path, body, headers)
        reply = self._line.getresponse()
        return reply.status, reply.read()

    def ask(self, call: Body, reply: type[T], *tokens: bytes) -> T:
        """Return the reply to a call. Raises HubRefusal."""
        body = encode(calls.Request(tokens, encode(call)))
        status, raw = self.post("/v1/" + NAMES[type(call)], body)
        if status == 200:
            return decode(raw, reply)
        raise HubRefusal(code_of(raw))

    def token(self, name: str, chain: Sequence[bytes] | None = None) -> bytes:
        """Return a token of somebody of the scenes."""
        entry = self.entry(name, chain if chain is not None else CHAINS.get(name))
        assert entry.token is not None, entry.code
        return entry.token

    def entry(self, name: str, chain: Sequence[bytes] | None) -> calls.Entry:
        """Return what a session of somebody comes to."""
        raw = encode((
            1, self._served.origin, int(time.time() * 1000), os.urandom(16), SPACE, key_of(name),
            None if chain is None else tuple(chain),
        ))  # fmt: skip
        proved = calls.Proved(raw, events.sig(seed_of(name), "session", raw))
        return self.ask(calls.Session((proved,)), calls.Entries).entries[0]

    def create(self) -> frames.Head:
        """Make the relay keep the space of the scenes."""
        return self.ask(frames.Create(SPACE, G, FOUNDER), frames.Head)


def code_of(raw: bytes) -> str:
    """Return the code of a refusal, which is flat JSON."""
    found = jsontext.loads(raw)
    assert isinstance(found, dict) and "error" in found, raw
    return str(found["error_code"])


def raw(served: Served | Here, data: bytes, timeout_s: float = 5.0) -> socket.socket:
    """Return a socket over which ``data`` was sent."""
    line = socket.create_connection(served.address, timeout=timeout_s)
    line.sendall(data)
    return line


def rest(line: socket.socket) -> bytes:
    """Return all that comes until the other side closes. Raises TimeoutError if it does not."""
    found = b""
    try:
        while part := line.recv(65536):
            found += part
    except ConnectionError:  # closed with bytes of mine unread
        return found
    return found


def head(served: Served | Here, name: str, *lines: str, size: int | None = None) -> bytes:
    """Return the head of a request."""
    host, port = served.address
    length = [] if size is None else [f"Content-Length: {size}"]
    text = [f"POST /v1/{name} HTTP/1.1", f"Host: {host}:{port}", *length, *lines]
    return ("\r\n".join(text) + "\r\n\r\n").encode()
