"""The names by which clients reach a relay, and what its operator said about them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography import x509

from envoy.system import files
from envoy.wiring import operator


def settings(tmp_path: Path, **flags: object) -> operator.Settings:
    return operator.settings(os.fspath(tmp_path / "relay"), flags)


@pytest.mark.parametrize(
    ("flags", "origins", "provider", "proxies"),
    [
        pytest.param({}, (), "none", (), id="this machine"),
        pytest.param({"domain": "r.example"}, ("https://r.example",), "token",
                     ("127.0.0.1", "::1"), id="behind a proxy"),
        pytest.param({"domain": "r.example", "trusted_proxy": "192.0.2.7, 192.0.2.8"},
                     ("https://r.example",), "token", ("192.0.2.7", "192.0.2.8"),
                     id="behind named proxies"),
        pytest.param({"domain": "r.example", "tls_cert": "c", "tls_key": "k",
                      "listen": "0.0.0.0:443"}, ("https://r.example",), "token", (),
                     id="a certificate of its own"),
        pytest.param({"domain": "r.example:8443", "tls_cert": "c", "tls_key": "k",
                      "listen": "0.0.0.0:8787"}, ("https://r.example:8443",), "token", (),
                     id="a certificate of its own and the port that the world sees"),
        pytest.param({"domain": "r.example", "tls_cert": "c", "tls_key": "k",
                      "listen": "0.0.0.0:8787"}, ("https://r.example:8787",), "token", (),
                     id="a certificate of its own and the port that is listened at"),
        pytest.param({"domain": "[2001:db8::7]", "tls_cert": "c", "tls_key": "k",
                      "listen": "[::]:8787"}, ("https://[2001:db8::7]:8787",), "token", (),
                     id="a certificate for an address"),
        pytest.param({"lan": True, "listen": "[2001:db8::7]:8787"},
                     ("https://[2001:db8::7]:8787",), "token", (), id="an address of the LAN"),
    ],
)  # fmt: skip
def test_clients_name_a_relay_by_what_it_is_reached_at(
    tmp_path: Path,
    flags: dict[str, object],
    origins: tuple[str, ...],
    provider: str,
    proxies: tuple[str, ...],
) -> None:
    found = settings(tmp_path, **flags)
    assert (operator.origins(found), found.provider, found.proxies) == (origins, provider, proxies)


def test_a_relay_for_all_of_a_lan_is_named_by_this_machines_address(tmp_path: Path) -> None:
    found = operator.origins(settings(tmp_path, lan=True))
    assert found[-1] == "https://127.0.0.1:8787" and len(found) in (1, 2)


@pytest.mark.parametrize("domain", ["r.example", "r.example:8443"])
def test_a_certificate_is_made_for_the_name_and_not_for_a_port(tmp_path: Path, domain: str) -> None:
    found = settings(tmp_path, lan=True, domain=domain)
    files.ensure_directory(found.data)
    made = x509.load_pem_x509_certificate(
        Path(operator.keep_certificate(found).tls_cert).read_bytes()
    )
    named = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert named.get_values_for_type(x509.DNSName) == ["r.example"]


def test_what_init_wrote_is_what_serve_reads_and_a_flag_goes_before(tmp_path: Path) -> None:
    flags = {"domain": "r.example:8443", "listen": "127.0.0.1:9", "admin_listen": "unix:/run/x"}
    made = settings(tmp_path, **flags)
    files.ensure_directory(made.data)
    operator.init(made)
    assert settings(tmp_path) == made
    assert settings(tmp_path, listen="127.0.0.1:10").place == ("127.0.0.1", 10)
    assert operator.write_caddyfile(made) is False  # what is there may have been changed
