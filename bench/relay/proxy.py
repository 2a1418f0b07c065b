"""Proxy: a port that passes everything on to a relay, and counts requests and bytes."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

_READ = 1 << 16
_REQUEST = re.compile(rb"POST /v1/([a-z_/]+) HTTP")


class Proxy:
    """What passes through ``port``; threads end with their connections."""

    def __init__(self, port: int, address: tuple[str, int]) -> None:
        """Pass on what comes to ``port`` of loopback to ``address``."""
        self._address = address
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", port))
        self.names = list[str]()  # of the calls, in their order
        self.bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        """Count from nothing."""
        with self._lock:
            self.names.clear()
            self.bytes = 0

    def close(self) -> None:
        """Take nobody any more."""
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._address)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # one of them hung up
            while part := source.recv(_READ):
                with self._lock:
                    self.names += [name.decode() for name in _REQUEST.findall(part)]
                    self.bytes += len(part)
                target.sendall(part)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
