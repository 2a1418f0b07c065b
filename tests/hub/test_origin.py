"""Where a relay may be: the one form of an origin, and the addresses that nobody calls."""

from __future__ import annotations

import pytest

from envoy.errors import AuthorityError, UsageError
from envoy.hub.client import check_address, read_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        pytest.param("https://Relay.Example", "https://relay.example", id="letters are small"),
        pytest.param("https://relay.example:443/", "https://relay.example", id="implied port"),
        pytest.param("https://relay.example:8443", "https://relay.example:8443", id="a port"),
        pytest.param("http://127.0.0.1:8787", "http://127.0.0.1:8787", id="plain on loopback"),
        pytest.param("http://localhost:8787", "http://localhost:8787", id="localhost"),
        pytest.param("https://[2001:db8::1]:99", "https://[2001:db8::1]:99", id="version 6"),
        pytest.param("http://[::1]", "http://[::1]", id="loopback of version 6"),
    ],
)
def test_an_origin_has_one_form(text: str, origin: str) -> None:
    assert read_origin(text).text == origin


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("relay.example", id="no scheme"),
        pytest.param("ftp://relay.example", id="another scheme"),
        pytest.param("http://relay.example", id="plain beyond loopback"),
        pytest.param("http://10.0.0.1", id="plain in a private network"),
        pytest.param("https://", id="no host"),
        pytest.param("https://u:p@relay.example", id="a password"),
        pytest.param("https://relay.example/path", id="a path"),
        pytest.param("https://relay.example?x", id="a query"),
        pytest.param("https://relay.example#x", id="a fragment"),
        pytest.param("https://relay\r\nX: y", id="a line break"),
        pytest.param("https://relay.example:0", id="port 0"),
        pytest.param("https://relay.example:65536", id="a port over the bound"),
        pytest.param("https://relay.example:x", id="a port that is none"),
        pytest.param("https://:80", id="a port and no host"),
        pytest.param("https://[::1", id="a bracket that is not closed"),
        pytest.param("https://[::1]x", id="something behind the bracket"),
        pytest.param("https://r\u00e9lay.example", id="letters beyond ASCII"),
        pytest.param("https://" + "a" * 600, id="too long"),
    ],
)
def test_what_is_no_origin_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_origin(text)
    assert caught.value.code == "invalid_argument"
    assert text not in str(caught.value.details.values())


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("169.254.169.254", id="metadata of a data centre"),
        pytest.param("fe80::1%eth0", id="link-local of version 6"),
        pytest.param("fd00:ec2::254", id="metadata by version 6"),
        pytest.param("::ffff:169.254.169.254", id="metadata in the clothes of version 6"),
        pytest.param("64:ff9b::a9fe:a9fe", id="metadata behind a translator"),
        pytest.param("2002:a9fe:a9fe::1", id="metadata behind a tunnel"),
        pytest.param("100.100.100.200", id="metadata at another provider"),
        pytest.param("168.63.129.16", id="metadata at a third"),
        pytest.param("224.0.0.1", id="many at once"),
        pytest.param("0.0.0.0", id="no address"),
        pytest.param("::", id="no address of version 6"),
    ],
)
def test_addresses_that_no_relay_has_are_not_called(address: str) -> None:
    with pytest.raises(AuthorityError) as caught:
        check_address(address, is_local=False)
    assert caught.value.code == "egress_denied"


@pytest.mark.parametrize("address", ["93.184.216.34", "10.1.2.3", "2606:4700::1", "fd12::1"])
def test_other_machines_are_called_unless_only_this_one_may_be(address: str) -> None:
    check_address(address, is_local=False)
    with pytest.raises(AuthorityError):
        check_address(address, is_local=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_always_be_called(address: str) -> None:
    check_address(address, is_local=True)
