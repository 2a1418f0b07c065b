"""Child: a server of a peer that runs for a case, on loopback, and ends with it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.rounds import Wrong

START_SECONDS = 60
STOP_SECONDS = 20
LOG = "server.log"


class Child:
    """A process of the bench that serves at ``address``."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], place: Path, *, port: int
    ) -> None:
        """Start it in ``place``, where its log goes too; return when it takes connections."""
        self.address = ("127.0.0.1", port)
        self._log = place / LOG
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                list(argv), env=dict(env), cwd=place, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Wrong(f"it did not start: {self._log.read_text('utf-8')[-300:]}")
            time.sleep(0.05)

    def _listens(self) -> bool:
        try:
            socket.create_connection(self.address, timeout=1).close()
        except OSError:
            return False
        return True

    def cpu_s(self) -> float:
        """Return the processor time that it spent so far, user and system."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8")
        ticks = text.rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
