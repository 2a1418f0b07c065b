"""A bad network between a client and a relay: late, lossy, cut off in the middle, or half open."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

BUFFER: Final = 64 * 1024
# What a closed socket sends instead of the rest: a reset.
LINGER: Final = struct.pack("ii", 1, 0)


class Fault(NamedTuple):
    """What happens to each connection from now on.

    ``delay_s`` before every piece either way. ``lose_every``: each that many-th connection is never
    answered. ``cut_up`` and ``cut_down``: after that many bytes towards the relay, or from it, the
    connection is reset; with ``half_open`` it only falls silent.
    """

    delay_s: float = 0.0
    lose_every: int = 0
    cut_up: int | None = None
    cut_down: int | None = None
    half_open: bool = False


class Proxy:
    """Listens on loopback and passes bytes on to the port ``to``, with the fault of the moment.

    ``heard``: all that passed, either way, from when somebody put a bytearray there; ``lines``:
    what each connection brought towards the relay, in their order.
    """

    def __init__(self) -> None:
        self.heard: bytearray | None = None
        self.lines = list[bytearray]()
        self.fault = Fault()
        self.count = 0
        self.to = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._open = list[socket.socket]()
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End, and all connections with it."""
        self._ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.reset()

    def reset(self) -> None:
        """Reset what is open."""
        for one in self._open:
            _reset(one)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            self.count += 1
            self._open.append(near)
            fault = self.fault
            if fault.lose_every and self.count % fault.lose_every == 0:
                continue  # open, and never answered
            try:
                far = socket.create_connection(("127.0.0.1", self.to), timeout=5)
            except OSError:
                _reset(near)
                continue
            far.settimeout(None)
            self._open.append(far)
            self.lines.append(bytearray())
            for source, target, line in ((near, far, self.lines[-1]), (far, near, None)):
                args = (source, target, fault, line)
                threading.Thread(target=self._pass, args=args, daemon=True).start()

    def _pass(
        self, source: socket.socket, target: socket.socket, fault: Fault, line: bytearray | None
    ) -> None:
        """Pass bytes on in one direction, until the connection or the fault ends it.

        Those of ``line`` go towards the relay.
        """
        left = fault.cut_down if line is None else fault.cut_up
        try:
            while piece := source.recv(BUFFER):
                if self.heard is not None:
                    self.heard += piece
                if line is not None:
                    line += piece
                time.sleep(fault.delay_s)
                target.sendall(piece[:left])
                left = None if left is None else max(0, left - len(piece))
                if left == 0:
                    self._ended.wait(30 if fault.half_open else 0)
                    raise OSError("cut off")
            target.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(source)
            _reset(target)


def _reset(one: socket.socket) -> None:
    """Close a connection as a machine that lost its power does when it is back."""
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is closed already
    one.close()


@contextmanager
def proxied() -> Iterator[Proxy]:
    """Run a proxy while the context lives; whom it stands before is said later."""
    proxy = Proxy()
    try:
        yield proxy
    finally:
        proxy.close()
