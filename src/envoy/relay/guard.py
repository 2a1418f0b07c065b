"""Guard: the ways in which a relay refuses to start.

Each is a setting that works, until it costs somebody their work or their privacy: open to the world
for free, in clear over a network, a key that others can read, two processes on one store. Who knows
better says so, and the relay then tells everybody (``unsafe`` in /v1/info).

The version of SQLite, network file systems and newer schemas are refused where a database is
opened, unsafe or not.

Specification: docs/spec/relay.md, Process.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Callable
from typing import Final

from envoy import limits
from envoy.errors import InternalError, UsageError, WaitTimeoutError
from envoy.system import files

_NEVER: Final = b""  # nobody is asked for the password of a key
LOCK_FILE: Final = "serve.lock"
NOBODY_PAYS: Final = "none"
ROOM_SECONDS: Final = 0.1


def is_loopback(address: str) -> bool:
    """Say whether only this machine reaches ``address``."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address == "localhost"


def require_safe(
    address: str, *, provider: str, is_open: bool, has_tls: bool, has_proxy: bool
) -> None:
    """Refuse to listen where that is unsafe.

    Raises UsageError (missing_required_flag for --open, unsupported_scheme).
    """
    if is_loopback(address) and not has_proxy:
        return
    if provider == NOBODY_PAYS and not is_open:
        raise UsageError("missing_required_flag", flag="--open")
    if not has_tls and not has_proxy:
        raise UsageError("unsupported_scheme", scheme="http")


def require_loopback(address: str) -> None:
    """Refuse another address. Raises UsageError(unsupported_destination)."""
    if not is_loopback(address):
        raise UsageError("unsupported_destination", address=address)


def require_certificate(cert: str | None, key: str | None) -> None:
    """Refuse files that are no certificate with its key. Raises UsageError(invalid_argument)."""
    if cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_NEVER)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise UsageError("invalid_argument", reason="certificate") from error


def take(directory: str) -> files.Lock:
    """Return the lock of ``directory``: one process serves it. Raises WaitTimeoutError."""
    path = os.path.join(directory, LOCK_FILE)
    try:
        return files.lock(path, timeout_s=0)
    except WaitTimeoutError as error:
        raise WaitTimeoutError("timeout", path=path, reason="served_already") from error


class Room:
    """Says whether a disk may be written to, as it was ``ROOM_SECONDS`` ago at most.

    Every call that makes the store larger asks; what all of them write in that time is a small
    part of what is kept free.
    """

    def __init__(self, directory: str, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._until = 0.0
        self._has_room = False

    def __call__(self) -> bool:
        """Answer. Raises InternalError(storage_failed)."""
        now = self._clock()
        if now >= self._until:
            self._has_room = has_room(self._directory)
            self._until = now + ROOM_SECONDS
        return self._has_room


def has_room(directory: str) -> bool:
    """Say whether the disk of ``directory`` may be written to."""
    free, size = disk(directory)
    return free >= min(limits.DISK_FREE_BYTES_MIN, size // limits.DISK_FREE_SHARE)


def disk(directory: str) -> tuple[int, int]:
    """Return how many bytes are free on the disk of ``directory``, and how many it has."""
    try:
        found = os.statvfs(directory)
    except OSError as error:
        raise InternalError("storage_failed", path=directory) from error
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
