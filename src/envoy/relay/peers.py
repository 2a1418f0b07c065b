"""Peers: under which name somebody's connections and calls are counted.

An IPv4 address, or the 64 bits of an IPv6 network: who has one of those has all its addresses.
Behind a proxy that the operator names it is the address that this proxy says; from anybody else
that header is a lie anybody can tell, and is not read.

Law: a name is only ever counted under, never written down.

Specification: docs/spec/relay.md, HTTP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

_NET_BYTES: Final = 8
Headers = Iterable[tuple[bytes, bytes]]


class Peers:
    """Names of peers; ``proxies`` are addresses whose X-Forwarded-For is believed."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._proxies = frozenset(_packed(one) for one in proxies)

    def is_proxy(self, address: str) -> bool:
        """Say whether ``address`` is a proxy that is believed."""
        return bool(self._proxies) and _packed(address) in self._proxies

    def name(self, address: str, headers: Headers) -> bytes:
        """Return the name of who calls from ``address``, empty: this machine's own socket."""
        if not self.is_proxy(address):
            return name_of(address)
        said = b",".join(value for key, value in headers if key == b"x-forwarded-for")
        for one in reversed(said.decode("latin-1").split(",")):
            if not self.is_proxy(one.strip()):
                return name_of(one.strip()) or name_of(address)
        return name_of(address)


def name_of(address: str) -> bytes:
    """Return under what ``address`` counts; empty for what is none."""
    packed = _packed(address)
    return packed if len(packed) <= _NET_BYTES else packed[:_NET_BYTES]


def _packed(address: str) -> bytes:
    """Return the bytes of ``address``, of an IPv4 one in IPv6 those of the former."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return b""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped.packed
    return found.packed
