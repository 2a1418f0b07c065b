"""Client: one relay over HTTP, by the standard library, within a deadline.

A relay is a stranger's machine: it may be slow, answer with garbage or never end. So every exchange
has one deadline for all of it, however the bytes drip; a reply has a length that is bounded before
it is read, is not decompressed, and no redirect is followed. The address is looked at before it is
called: a relay's name must not lead to the services of a data centre that trust whoever asks.

The connection is kept between calls. One that the other side closed meanwhile is made anew, once:
every call may be repeated.

Laws: what the relay decided is a HubRefusal, whatever kept it from deciding is a RelayError
(relay_unavailable). No error repeats a byte of the answer. Plain HTTP goes to loopback only.

Specification: docs/spec/relay.md, HTTP.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Final, TypeVar

from envoy import jsontext, limits
from envoy.core.codec import decode, encode
from envoy.core.structs import Body
from envoy.errors import (
    AuthorityError,
    EnvoyError,
    IntegrityError,
    RelayError,
    RemoteFault,
    UsageError,
)
from envoy.lean import NamedTuple
from envoy.sync import access
from envoy.sync.frames import REFUSALS, HubRefusal

T = TypeVar("T")
MEDIA: Final = "application/vnd.msgpack"
_NAMES: Final = {kind: name for name, (kind, _) in access.EVERY.items()}
_PORTS: Final = {"http": 80, "https": 443}
_OK: Final = 200
# Numbers that a refusal may carry; all else in an error is nobody's business here.
_DETAILS: Final = ("at", "fence", "retry_after_ms", "until")
# Services of data centres that answer whoever stands inside; most of them are link-local.
_METADATA: Final = tuple(
    ipaddress.ip_network(one)
    for one in ("fd00:ec2::/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")
)
# Addresses of IPv6 that stand for one of IPv4 (RFC 6052).
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_FOREIGN: Final = (OSError, http.client.HTTPException, ValueError)


class Origin(NamedTuple):
    """Where a relay is: scheme, host and port, as an origin of a URL has them."""

    scheme: str
    host: str
    port: int

    @property
    def text(self) -> str:
        """Return the origin as it stands in proofs: without the port that its scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        implied = self.port == _PORTS[self.scheme]
        return f"{self.scheme}://{host}" + ("" if implied else f":{self.port}")


class Reach(NamedTuple):
    """How to reach a relay.

    ``pin`` is the SHA-256 of the public key of its certificate (SPKI), None: the system's
    authorities vouch. ``is_local``: nothing but this machine may be called.
    """

    origin: Origin
    pin: bytes | None
    is_local: bool


def read_origin(text: str) -> Origin:
    """Return the origin in ``text``: https://HOST[:PORT], or http:// for this machine.

    Raises UsageError(invalid_argument) for anything else, without repeating it.
    """
    scheme, colon, rest = text.strip().partition("://")
    scheme, rest = scheme.lower(), rest.removesuffix("/")
    plain = rest.isascii() and rest.isprintable() and not set(rest) & set("/?#@\\ ")
    if not colon or scheme not in _PORTS or not rest or not plain or len(text) > _CHARS_MAX:
        raise UsageError("invalid_argument", argument="relay")
    host, port = _split_port(rest, _PORTS[scheme])
    if scheme == "http" and not _is_loopback_name(host):
        raise UsageError("invalid_argument", argument="relay", reason="http_beyond_loopback")
    return Origin(scheme, host.lower(), port)


_CHARS_MAX: Final = limits.ORIGIN_BYTES_MAX


def _split_port(text: str, implied: int) -> tuple[str, int]:
    """Return host and port of ``text``. Raises UsageError(invalid_argument)."""
    host, port = text, ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise UsageError("invalid_argument", argument="relay")
        port = port[1:]
    elif ":" in text:
        host, _, port = text.partition(":")
    if not port:
        return host, implied
    if not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 65_536 or not host:
        raise UsageError("invalid_argument", argument="relay")
    return host, int(port)


def _is_loopback_name(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Client:
    """A connection to one relay, kept while this lives."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self._wire: _Connection | None = None
        self._is_ended = False

    def close(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def end(self) -> None:
        """Let what another thread waits for end now, and make no other exchange."""
        self._is_ended = True
        wire = self._wire
        if wire is not None and isinstance(wire.sock, _Timed):
            wire.sock.end()

    def ask(self, call: Body, tokens: tuple[bytes, ...], *, timeout_s: float) -> Body:
        """Return the reply to ``call``.

        Raises HubRefusal, RelayError(relay_unavailable), IntegrityError(relay_inconsistent) for a
        TLS key that is not the pinned one.
        """
        name = _NAMES[type(call)]
        body = encode(access.Request(tokens, encode(call)))
        status, raw = self._exchange("POST", f"/v1/{name}", body, timeout_s)
        if status != _OK:
            raise _refusal(raw)
        try:
            return decode(raw, access.EVERY[name][1])
        except RemoteFault as fault:
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay") from fault

    def info(self, *, timeout_s: float) -> dict[str, object]:
        """Return what the relay says of itself. Raises RelayError(relay_unavailable)."""
        status, raw = self._exchange("GET", "/v1/info", None, timeout_s)
        found = _json(raw) if status == _OK else None
        if not isinstance(found, dict):
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
        return found

    def tell(self, path: str, said: dict[str, object], *, timeout_s: float) -> dict[str, object]:
        """Return the JSON answer to the JSON object ``said``. Raises HubRefusal, RelayError."""
        status, raw = self._exchange("POST", path, jsontext.dumps(said).encode(), timeout_s)
        if status != _OK:
            raise _refusal(raw)
        found = _json(raw)
        if not isinstance(found, dict):
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
        return found

    def _exchange(
        self, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> tuple[int, bytes]:
        """Return status and body of one exchange; over a kept connection it is tried twice."""
        until = time.monotonic() + timeout_s
        try:
            if self._wire is not None:
                found = self._kept(self._wire, method, path, body, until)
                if found is not None:
                    return found
            self._wire = _Connection(self.reach)
            return self._once(self._wire, method, path, body, until)
        except _FOREIGN as error:
            self.close()
            raise RelayError("relay_unavailable", cause=_cause(error)) from error
        except EnvoyError:
            self.close()
            raise

    def _kept(
        self, wire: _Connection, method: str, path: str, body: bytes | None, until: float
    ) -> tuple[int, bytes] | None:
        """Return what comes over a kept connection, None if it was closed while nobody asked."""
        try:
            return self._once(wire, method, path, body, until)
        except (http.client.RemoteDisconnected, ConnectionError):
            if self._is_ended:
                raise
            self.close()
            return None

    def _once(
        self, wire: _Connection, method: str, path: str, body: bytes | None, until: float
    ) -> tuple[int, bytes]:
        """Return status and body of one request and its answer."""
        wire.until = until
        headers = {"Accept": MEDIA} if body is None else {"Content-Type": MEDIA}
        wire.request(method, path, body, headers)
        with wire.getresponse() as reply:
            status, raw = self._read(reply)
            if reply.will_close:
                self.close()
        return status, raw

    @staticmethod
    def _read(reply: http.client.HTTPResponse) -> tuple[int, bytes]:
        """Return status and body of an answer, whose length must be told and within the bound."""
        size = reply.getheader("Content-Length") or ""
        if reply.getheader("Transfer-Encoding") is not None:
            raise http.client.HTTPException("a reply in pieces")
        if not size.isdecimal() or len(size) > 9 or int(size) > limits.REPLY_BYTES_MAX:
            raise http.client.HTTPException("no length, or a reply over the bound")
        raw = reply.read(int(size))
        if len(raw) != int(size):
            raise http.client.IncompleteRead(b"")
        return reply.status, raw


class _Connection(http.client.HTTPConnection):
    """An HTTP connection whose every step ends at ``until``, of the monotonic clock."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach.origin.host, reach.origin.port)
        self.default_port = _PORTS[reach.origin.scheme]
        self._reach = reach
        self.until = time.monotonic()

    def connect(self) -> None:
        """Connect to the first address that may be called and answers."""
        with ExitStack() as stack:
            bare = stack.enter_context(self._bare())
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._reach.origin.scheme == "https":
                bare = self._secured(bare)
            self.sock = _Timed(bare, self)
            stack.pop_all()

    def left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError when there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _bare(self) -> socket.socket:
        """Return a TCP connection to the relay."""
        host, port = self._reach.origin.host, self._reach.origin.port
        failed: OSError | None = None
        for place in _addresses(host, port, self.left()):
            check_address(place, is_local=self._reach.is_local)
            try:
                return socket.create_connection((place, port), timeout=self.left())
            except TimeoutError:
                raise
            except OSError as error:
                failed = error
        raise failed or OSError("no address")

    def _secured(self, bare: socket.socket) -> socket.socket:
        """Return ``bare`` under TLS, by a certificate for which a pin or an authority vouches."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._reach.pin is not None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        bare.settimeout(self.left())
        secured = context.wrap_socket(bare, server_hostname=self._reach.origin.host)
        if self._reach.pin is not None:
            shown = secured.getpeercert(binary_form=True) or b""
            if hashlib.sha256(spki(shown)).digest() != self._reach.pin:
                secured.close()
                # Another try finds the same: somebody stands between, or it has a new key.
                raise IntegrityError("relay_inconsistent", cause="pin")
        return secured


class _Timed:
    """A socket as ``http.client`` uses one, each step within what is left of the deadline."""

    def __init__(self, bare: socket.socket, connection: _Connection) -> None:
        self._bare = bare
        self._connection = connection
        self._is_closed = False
        self._readers = 0

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._bare.settimeout(self._connection.left())
        self._bare.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what reads the answer."""
        assert mode == "rb", "an answer is read"
        self._readers += 1
        return io.BufferedReader(_Answer(self._bare, self._connection, self.release))

    def close(self) -> None:
        """Close the connection, once nobody reads from it any more."""
        self._is_closed = True
        if not self._readers:
            self._bare.close()

    def release(self) -> None:
        """Let go of one reader."""
        self._readers -= 1
        if self._is_closed and not self._readers:
            self._bare.close()

    def end(self) -> None:
        """Close the connection, whoever reads from it: from another thread."""
        with suppress(OSError):
            self._bare.shutdown(socket.SHUT_RDWR)


class _Answer(io.RawIOBase):
    """The bytes that come, within what is left of the deadline."""

    def __init__(
        self, bare: socket.socket, connection: _Connection, release: Callable[[], None]
    ) -> None:
        self._bare = bare
        self._connection = connection
        self._release: Callable[[], None] | None = release

    def close(self) -> None:
        """Let go of the socket. May be called twice."""
        release, self._release = self._release, None
        if release is not None:
            release()
        super().close()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, room: Any, /) -> int:
        """Read what is there into ``room``; return how much it is."""
        self._bare.settimeout(self._connection.left())
        return self._bare.recv_into(room)


def check_address(text: str, *, is_local: bool) -> None:
    """Refuse an address that no relay has. Raises AuthorityError(egress_denied)."""
    address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_loopback:
        return
    odd = address.is_link_local or address.is_multicast or address.is_unspecified
    if is_local or odd or any(address in one for one in _METADATA if _same(address, one)):
        raise AuthorityError("egress_denied")


def _plain(address: _Address) -> _Address:
    """Return the address of IPv4 that one of IPv6 stands for, else ``address``."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _same(address: _Address, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Say whether both are of one version of the protocol."""
    return address.version == network.version


def _addresses(host: str, port: int, timeout_s: float) -> list[str]:
    """Return the addresses of ``host``. Raises OSError, TimeoutError.

    A resolver knows no deadline, so it is left behind where it takes longer.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass  # a name
    found = list[str]()
    failed = list[OSError | ValueError]()

    def look() -> None:
        try:
            asked = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(str(place[0]) for *_, place in asked)
        except (OSError, ValueError) as error:
            failed.append(error)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(timeout_s)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return found


def spki(certificate: bytes) -> bytes:
    """Return the public key part of a DER certificate. Source: RFC 5280, 4.1.

    Raises ValueError for what is none.
    """
    _, body, _ = _der(certificate, 0)
    _, start, _ = _der(certificate, body)
    tag, _, end = _der(certificate, start)
    at = end if tag == _VERSION_TAG else start
    for _ in range(5):  # serial, signature algorithm, issuer, validity, subject
        _, _, at = _der(certificate, at)
    _, _, end = _der(certificate, at)
    return certificate[at:end]


_VERSION_TAG: Final = 0xA0


def _der(data: bytes, at: int) -> tuple[int, int, int]:
    """Return tag, start of the content and end of the element at ``at``."""
    if at + 2 > len(data):
        raise ValueError("cut short")
    tag, size, start = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, start = int.from_bytes(data[start : start + count]), start + count
    if start + size > len(data):
        raise ValueError("cut short")
    return tag, start, start + size


def _refusal(raw: bytes) -> Exception:
    """Return what an answer that is no reply comes to."""
    found = _json(raw)
    code = found.get("error_code") if isinstance(found, dict) else None
    if not isinstance(code, str) or code not in REFUSALS:
        return RelayError("relay_unavailable", cause="no_reply_of_a_relay")
    assert isinstance(found, dict), "it has a code"
    return HubRefusal(
        code,
        **{
            name: value
            for name in _DETAILS
            if type(value := found.get(name)) is int and 0 <= value <= limits.INT_MAX
        },
    )


def _json(raw: bytes) -> object:
    """Return the JSON document in ``raw``, None for what is none."""
    try:
        return jsontext.loads(raw.decode())
    except (jsontext.JsonError, UnicodeDecodeError):
        return None


def _cause(error: Exception) -> str:
    """Return a word for what kept the relay from answering."""
    match error:
        case TimeoutError():
            return "timeout"
        case ssl.SSLCertVerificationError():
            return "certificate"
        case ssl.SSLError():
            return "tls"
        case socket.gaierror():
            return "name"
        case ConnectionRefusedError():
            return "refused"
        case OSError():
            return "network"
    return "no_reply_of_a_relay"
