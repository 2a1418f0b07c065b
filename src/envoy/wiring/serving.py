"""Serving: one relay process, as its operator set it up.

The only module that needs the packages of the extra ``relay``. Where they are missing, loading it
says which and how they are had, since nothing of it could work.

Specification: docs/spec/relay.md, Process.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from envoy.errors import UsageError
from envoy.lean import NamedTuple
from envoy.relay import billing
from envoy.system import host
from envoy.wiring import operator
from envoy.wiring.operator import Settings

EXTRA = 'pip install "envoy-space[relay]"'

try:
    from envoy.relay import serve
except ModuleNotFoundError as error:
    raise UsageError("unsupported_operation", missing=error.name, next_command=EXTRA) from error


class Serving(NamedTuple):
    """A relay that answers: where, its pin if it has a certificate of its own, and on what terms.

    ``uri`` is what an invite's URI says of it.
    """

    origin: str
    pin: str | None
    uri: str
    provider: str
    is_unsafe: bool


def run(chosen: Settings, *, is_unsafe: bool, ready: Callable[[Serving], None]) -> None:
    """Serve until a signal ends it; ``ready`` is called when calls are answered.

    Raises UsageError, NotFoundError(not_found), IntegrityError, WaitTimeoutError(timeout).
    """
    operator.require(chosen.data)
    chosen = operator.keep_certificate(chosen)
    if chosen.has_proxy:
        operator.write_caddyfile(chosen)
    offered = operator.plans(chosen.data)
    pin = operator.pin_of(chosen)

    def told(origin: str) -> None:
        uri = f"r={origin}" if pin is None else f"r={origin}&pin={pin}"
        ready(Serving(origin, pin, uri, chosen.provider, is_unsafe))

    terms = None
    if chosen.provider == billing.CODES:
        terms = billing.Terms(offered, host.now_ms)
    options = serve.Options(
        chosen.data,
        chosen.place,
        operator.origins(chosen),
        next(iter(offered.values())).allowance,
        chosen.provider,
        _nobody if terms is None else terms.fund,
        cert=chosen.tls_cert or None,
        key=chosen.tls_key or None,
        is_unsafe=is_unsafe,
        is_open=chosen.open,
        proxies=chosen.proxies,
        admin=chosen.admin_listen or None,
        terms=terms,
    )
    try:
        serve.run(options, ready=told)
    except ssl.SSLError as error:
        raise UsageError("invalid_argument", argument="tls_key", cause="tls") from error


def _nobody(*_: object) -> None:
    """Say that nobody pays."""
