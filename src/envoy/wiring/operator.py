"""Operator: a relay's directory, from its first file to its doctor.

The directory holds what the operator decided (``relay.toml``, ``plans.toml``) and what the relay
keeps. A flag goes before the file, the file before a default. Serving is in ``wiring.serving``,
since it alone needs the extra packages.

Specification: docs/spec/relay.md, Process; docs/operations.md.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256

from envoy import jsontext
from envoy.core.crypto import sign
from envoy.errors import ConflictError, NotFoundError, UsageError
from envoy.hub.client import read_origin, spki
from envoy.lean import NamedTuple
from envoy.relay import backup, billing, doctor, guard, tables
from envoy.relay.backup import Saved as Saved
from envoy.relay.billing import CodeRow as CodeRow
from envoy.relay.billing import Plan
from envoy.relay.doctor import Finding
from envoy.relay.tables import RelayStore
from envoy.system import certificate, files, host
from envoy.wiring import toml

CONFIG, PLANS, CADDYFILE = "relay.toml", "plans.toml", "Caddyfile"
LAN_CERT, LAN_KEY = "tls.pem", "tls.key"
LISTEN, LISTEN_LAN = "127.0.0.1:8787", "0.0.0.0:8787"
HTTPS_PORT = 443
PROXIES = ("127.0.0.1", "::1")
DAY_MS = billing.DAY_MS
# In the order in which they are written; booleans stand there as true.
TEXTS = ("provider", "listen", "admin_listen", "domain", "tls_cert", "tls_key", "trusted_proxy")
SWITCHES = ("lan", "open")


class Settings(NamedTuple):
    """How a relay is to run. Empty texts: not set."""

    data: str
    provider: str
    listen: str
    admin_listen: str
    domain: str
    tls_cert: str
    tls_key: str
    trusted_proxy: str
    lan: bool
    open: bool

    @property
    def place(self) -> tuple[str, int]:
        """Return address and port to listen at. Raises UsageError(invalid_argument)."""
        address, _, port = self.listen.rpartition(":")
        if not address or not port.isdecimal() or len(port) > 5 or int(port) > 65_535:
            raise UsageError("invalid_argument", argument="listen", expected=LISTEN)
        return address.strip("[]"), int(port)

    @property
    def has_tls(self) -> bool:
        """Say whether the relay itself speaks TLS."""
        return self.lan or bool(self.tls_cert)

    @property
    def has_proxy(self) -> bool:
        """Say whether a proxy speaks TLS for the relay."""
        return bool(self.domain) and not self.has_tls

    @property
    def proxies(self) -> tuple[str, ...]:
        """Return the addresses whose X-Forwarded-For is believed."""
        given = tuple(one.strip() for one in self.trusted_proxy.split(",") if one.strip())
        return given or (PROXIES if self.has_proxy else ())


class Made(NamedTuple):
    """A new relay: its directory, its key, and the first access code where it asks for one."""

    data: str
    hub_key: bytes
    provider: str
    code: str | None
    written: tuple[str, ...]


def settings(data: str, flags: Mapping[str, object]) -> Settings:
    """Return how the relay in ``data`` is to run; ``flags`` go before its file.

    Raises UsageError(invalid_argument).
    """
    path = os.path.join(data, CONFIG)
    kept = toml.read(path) if files.exists(path) else {}
    unknown = sorted(set(kept) - {*TEXTS, *SWITCHES})
    if unknown:
        raise UsageError("invalid_argument", argument=path, cause="unknown", name=unknown[0])
    texts = {name: str(flags.get(name) or kept.get(name, "")) for name in TEXTS}
    lan, is_open = (flags.get(name) is True or kept.get(name) is True for name in SWITCHES)
    texts["listen"] = texts["listen"] or (LISTEN_LAN if lan else LISTEN)
    found = Settings(data, lan=lan, open=is_open, **texts)
    if bool(found.tls_cert) != bool(found.tls_key):
        raise UsageError("missing_required_flag", argument="tls_cert, tls_key")
    _check_domain(found.domain)
    address, _ = found.place
    is_near = guard.is_loopback(address) and not found.has_proxy
    provider = found.provider or (billing.OPEN if is_near else billing.CODES)
    if provider not in (billing.OPEN, billing.CODES):
        raise UsageError("invalid_argument", argument="provider", expected="none, token")
    return found._replace(provider=provider)


def _check_domain(domain: str) -> None:
    """Refuse what is no host name, with a port or without. Raises UsageError(invalid_argument)."""
    try:
        good = not domain or read_origin(f"https://{domain}").text == f"https://{domain}"
    except UsageError:
        good = False
    if not good:
        raise UsageError("invalid_argument", argument="domain")


# -- the directory ---------------------------------------------------------------------------


def init(chosen: Settings) -> Made:
    """Make the directory of a relay. Raises ConflictError(already_exists)."""
    path = os.path.join(chosen.data, CONFIG)
    if files.exists(path):
        raise ConflictError("already_exists", path=path)
    tables.make(chosen.data)
    files.create(path, text_of(chosen).encode())
    written = [CONFIG]
    if chosen.has_proxy:
        write_caddyfile(chosen)
        written.append(CADDYFILE)
    code = None
    if chosen.provider == billing.CODES:
        code = mint(chosen.data, None, days=0, until_ms=host.now_ms() + 7 * DAY_MS, count=1)[0]
    key = sign.public_key(tables.read_keys(chosen.data).hub)
    return Made(chosen.data, key, chosen.provider, code, tuple(written))


def text_of(chosen: Settings) -> str:
    """Return the configuration file for ``chosen``."""
    lines = ["# How this relay runs. A flag of `envoy relay serve` goes before a line here."]
    values = chosen._asdict()
    lines += [f"{name} = {jsontext.dumps(values[name])}" for name in TEXTS if values[name]]
    lines += [f"{name} = true" for name in SWITCHES if values[name]]
    return "\n".join(lines) + "\n"


CADDY = """\
# Caddy speaks TLS for this relay: `caddy run --config {path}`.
# Bodies may take longer here than at the relay, so that the relay is who answers.
{{
	servers {{
		timeouts {{
			read_header 10s
			read_body 30s
			idle 2m
		}}
	}}
}}

{domain} {{
	request_body {{
		max_size 2MiB
	}}
	reverse_proxy {listen}
}}
"""


def write_caddyfile(chosen: Settings) -> bool:
    """Write a Caddyfile for the domain, unless there is one; say whether it did."""
    path = os.path.join(chosen.data, CADDYFILE)
    text = CADDY.format(path=os.path.abspath(path), domain=chosen.domain, listen=chosen.listen)
    return files.create(path, text.encode())


def require(data: str) -> None:
    """Refuse a directory without a relay. Raises NotFoundError(not_found)."""
    if not files.exists(os.path.join(data, tables.KEY_FILE)):
        command = f"envoy relay init --data {data}"
        raise NotFoundError("not_found", kind="relay", path=data, next_command=command)


# -- how it is reached -----------------------------------------------------------------------


def origins(chosen: Settings) -> tuple[str, ...]:
    """Return the origins by which clients name the relay; empty: by what it listens at."""
    address, port = chosen.place
    if chosen.has_proxy:
        return (f"https://{chosen.domain}",)
    if not chosen.has_tls:
        return ()
    if not port:
        raise UsageError("invalid_argument", argument="listen", cause="port")
    tail = "" if port == HTTPS_PORT else f":{port}"
    if chosen.domain:  # one with a port says which one the world sees, whatever is listened at
        has_port = ":" in chosen.domain.rpartition("]")[2]
        return (f"https://{chosen.domain}{'' if has_port else tail}",)
    return tuple(f"https://{_bracketed(name)}{tail}" for name in lan_names(address))


def lan_names(address: str) -> list[str]:
    """Return by which addresses this machine is reached that listens at ``address``."""
    if not ipaddress.ip_address(address).is_unspecified:
        return [address]
    found = [_own_address(), "127.0.0.1"]
    return list(dict.fromkeys(one for one in found if one))


def _own_address() -> str:
    """Return the address from which this machine would call others. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def keep_certificate(chosen: Settings) -> Settings:
    """Return ``chosen`` with the certificate that it makes for itself, the same each time."""
    if not chosen.lan or chosen.tls_cert:
        return chosen
    cert, key = (os.path.join(chosen.data, name) for name in (LAN_CERT, LAN_KEY))
    if not (files.exists(cert) and files.exists(key)):
        names = lan_names(chosen.place[0])
        if chosen.domain:
            names = [read_origin(f"https://{chosen.domain}").host]
        made, private = certificate.make(names, now_s=host.now_ms() // 1000)
        files.replace(key, private)
        files.replace(cert, made)
    return chosen._replace(tls_cert=cert, tls_key=key)


def pin_of(chosen: Settings) -> str | None:
    """Return the pin of the relay's own certificate, 64 hex digits; None behind a proxy."""
    if not chosen.tls_cert:
        return None
    try:
        with open(chosen.tls_cert, encoding="ascii") as file:
            text = file.read()
        first = text[text.index(ssl.PEM_HEADER) : text.index(ssl.PEM_FOOTER)] + ssl.PEM_FOOTER
        return sha256(spki(ssl.PEM_cert_to_DER_cert(first))).hexdigest()
    except OSError as error:
        raise files.fault(error, chosen.tls_cert) from error
    except ValueError as error:
        raise UsageError("invalid_argument", argument="tls_cert", cause="pem") from error


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


# -- plans and codes -------------------------------------------------------------------------


def plans(data: str) -> dict[str, Plan]:
    """Return the plans of ``plans.toml`` by name, the standard one where there is no such file."""
    path = os.path.join(data, PLANS)
    if not files.exists(path):
        return {billing.STANDARD.name: billing.STANDARD}
    found, standard = dict[str, Plan](), billing.STANDARD._asdict()
    for name, table in toml.read_tables(path).items():
        numbers = {**standard, **table}
        numbers.pop("name")
        good = [one for one in numbers.values() if type(one) is int and one > 0]
        if len(good) != len(Plan._fields) - 1:
            raise UsageError("invalid_argument", argument=path, cause="plan", name=name)
        found[name] = Plan(name, *good)
    if not found:
        raise UsageError("invalid_argument", argument=path, cause="plan")
    return found


def mint(data: str, plan: str | None, *, days: int, until_ms: int, count: int) -> list[str]:
    """Return new codes for ``plan``, the first where None. Raises NotFoundError(not_found)."""
    offered = plans(data)
    chosen = next(iter(offered.values())) if plan is None else offered.get(plan)
    if chosen is None:
        raise NotFoundError(
            "not_found", kind="plan", known=sorted(offered), next_command="envoy help relay token"
        )
    made = [billing.draw(host.entropy) for _ in range(count)]
    with _writing(data) as store:
        for code in made:
            billing.mint(store, code, chosen, days=days, at=host.now_ms(), until=until_ms)
    return made


def codes(data: str) -> list[CodeRow]:
    """Return all access codes."""
    store = _open(data, read_only=True)
    try:
        return billing.codes(store)
    finally:
        store.close()


def revoke(data: str, ident: str) -> CodeRow:
    """End the code whose name begins with ``ident``, and what was given for it.

    Raises NotFoundError (not_found, id_ambiguous).
    """
    with _writing(data) as store:
        found = [row for row in billing.codes(store) if row.hash.hex().startswith(ident.lower())]
        if len(found) != 1 or not ident:
            code, then = (
                "id_ambiguous" if found and ident else "not_found",
                "envoy relay token list",
            )
            raise NotFoundError(code, kind="code", next_command=then)
        billing.revoke(store, found[0], at=host.now_ms())
        return found[0]


@contextmanager
def _writing(data: str) -> Iterator[RelayStore]:
    """Yield the store inside one durable transaction, also while the relay runs."""
    store = _open(data, read_only=False)
    try:
        with store.group():
            yield store
    finally:
        store.close()


def _open(data: str, *, read_only: bool) -> RelayStore:
    require(data)
    tables.make(data)
    return tables.open_store(data, tables.read_keys(data), read_only=read_only)


# -- looking after it ------------------------------------------------------------------------


def examine(chosen: Settings) -> list[Finding]:
    """Return what the doctor finds."""
    require(chosen.data)
    held = keep_certificate(chosen) if chosen.lan else chosen
    found = origins(held)
    pin = pin_of(held) if chosen.lan else None
    mine = (CONFIG, PLANS, LAN_KEY)
    private = [os.path.join(chosen.data, name) for name in mine]
    private += [chosen.tls_key] if chosen.tls_key else []
    there = tuple(path for path in private if files.exists(path))
    raw = None if pin is None else bytes.fromhex(pin)
    return doctor.examine(doctor.Place(chosen.data, found[0] if found else None, raw, there))


def save(data: str, to: str) -> Saved:
    """Copy the relay into the new directory ``to``."""
    require(data)
    return backup.save(data, to)


def restore(source: str, data: str) -> Saved:
    """Put a copy into the new directory ``data``."""
    return backup.restore(source, data)


def is_sound(found: Sequence[Finding]) -> bool:
    """Say whether nothing has to be repaired."""
    return all(one.state != doctor.FAILED for one in found)
