"""Servers on loopback that are no relay: each connection is handed to a function of the test."""

from __future__ import annotations

import datetime
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Serve = Callable[[socket.socket], None]


class Server:
    """A listening socket; ``heard`` is what every connection sent first."""

    def __init__(self, serve: Serve, context: ssl.SSLContext | None = None) -> None:
        self.heard = list[bytes]()
        self.count = 0
        self.ended = threading.Event()
        self._serve = serve
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        """Return where it is."""
        return f"http{'s' if self._context else ''}://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Listen no more."""
        self.ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._one, args=(taken,), daemon=True).start()

    def _one(self, taken: socket.socket) -> None:
        with taken, suppress(OSError):  # the client hangs up, which is what it should do
            if self._context is None:
                self._serve(taken)
                return
            with self._context.wrap_socket(taken, server_side=True) as secured:
                self._serve(secured)


@contextmanager
def serving(serve: Serve, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server while the context lives."""
    server = Server(serve, context)
    try:
        yield server
    finally:
        server.close()


def read_request(taken: socket.socket) -> bytes:
    """Read one request, head and body; return all of it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = taken.recv(65536)
        if not more:
            raise OSError("the client hung up")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    size = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    while len(body) < size:
        body += taken.recv(65536)
    return head + b"\r\n\r\n" + body


def http(body: bytes, *more: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return an answer, whose length may be a lie; ``more`` are header lines."""
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def says(answer: bytes, *, keep: bool = False) -> Serve:
    """Return what reads a request and sends ``answer``, for every request if it is to ``keep``."""

    def serve(taken: socket.socket) -> None:
        while True:
            read_request(taken)
            taken.sendall(answer)
            if not keep:
                return

    return serve


def certificate(path: Path) -> tuple[ssl.SSLContext, bytes]:
    """Return a server's context with a new self-signed certificate, and the pin of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    path.mkdir(parents=True)
    (path / "cert.pem").write_bytes(made.public_bytes(pem))
    (path / "key.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path / "cert.pem", path / "key.pem")
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return context, hashlib.sha256(public).digest()
