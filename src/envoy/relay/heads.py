"""Heads: the head of an HTTP/1.1 request, read strictly or not at all.

Of two programs that read one stream of bytes and differ on where a request ends, the one in front
can be told a story about the one behind. So here is no reading with good will: what is not written
in the one plain form is refused, and so is whatever could make somebody else see another end.

Laws: pure. A head is CRLF between lines, ``name: value`` in each, one length or none, and no other
framing beside it. What is refused says only whether it was too large or malformed.

Specification: docs/spec/relay.md, HTTP. Source: RFC 9112, 2 to 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from envoy.lean import NamedTuple

END: Final = b"\r\n\r\n"
HEADERS_MAX: Final = 64
MALFORMED, TOO_LARGE = 400, 431
_LINE: Final = re.compile(rb"([A-Z]{1,32}) ([!-~]{1,8192}) HTTP/(1\.[01])")
_LENGTH: Final = re.compile(rb"[0-9]{1,19}")
_TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_VISIBLE: Final = bytes({9, *range(32, 256)} - {127})  # of a whole head; all else ends its lines
_ONCE: Final = frozenset((b"host", b"content-length", b"transfer-encoding"))
_NO_OPTIONS: Final = frozenset[bytes]()


class Refused(Exception):
    """What is no head; ``status`` is MALFORMED or TOO_LARGE."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Head(NamedTuple):
    """What a request says of itself: names are in lower case, values without blanks around them.

    ``length``: bytes of body. ``is_last``: nothing behind this request is one. ``upgrade``: what
    the connection is to become, in lower case. ``expects``: it waits to be told to send its body.
    """

    method: str
    target: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    length: int
    is_last: bool
    upgrade: bytes
    expects: bool


def can_begin(data: bytes) -> bool:
    """Say whether a head may begin with ``data``, so that it is worth to wait for more."""
    return not data or 65 <= data[0] <= 90


def read(data: bytes) -> Head:
    """Return the head in ``data``, its END left away. Raises Refused."""
    first, *lines = data.split(b"\r\n")
    found = _LINE.fullmatch(first)
    if found is None or data.translate(None, _VISIBLE) != b"\r\n" * len(lines):
        raise Refused(MALFORMED)
    if len(lines) > HEADERS_MAX:
        raise Refused(TOO_LARGE)
    headers = [_header(line) for line in lines]
    known = dict[bytes, bytes]()
    for name, value in headers:
        if name in known:
            if name in _ONCE:
                raise Refused(MALFORMED)
            value = known[name] + b"," + value
        known[name] = value
    method, target, version = found.groups()
    return Head(method.decode(), target, version.decode(), headers, *_framing(version, known))


def _header(line: bytes) -> tuple[bytes, bytes]:
    """Return name and value in a line; a blank before the colon or the name is none of a token."""
    name, colon, value = line.partition(b":")
    name = name.lower()
    if not colon or not name or name.translate(None, _TOKEN):
        raise Refused(MALFORMED)
    return name, value.strip(b" \t")


def _framing(version: bytes, known: Mapping[bytes, bytes]) -> tuple[int, bool, bytes, bool]:
    """Return the last four fields of a Head; where two programs could disagree, refuse."""
    is_new, length = version == b"1.1", known.get(b"content-length", b"0")
    is_chunked = b"transfer-encoding" in known
    if _LENGTH.fullmatch(length) is None or (is_new and b"host" not in known):
        raise Refused(MALFORMED)
    if is_chunked and (b"content-length" in known or not is_new):
        raise Refused(MALFORMED)
    said = known.get(b"connection", b"").lower()
    options = {one.strip() for one in said.split(b",")} if said else _NO_OPTIONS
    upgrade = known.get(b"upgrade", b"").lower() if b"upgrade" in options else b""
    # Chunks are never read: what comes behind such a head is a body, and nobody takes it.
    is_last = is_chunked or b"close" in options or not is_new
    expects = is_new and known.get(b"expect", b"").lower() == b"100-continue"
    return int(length), is_last, upgrade, expects
