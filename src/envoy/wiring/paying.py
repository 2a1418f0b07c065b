"""Paying: what a profile asks a relay about its account there: plans, how it stands, a code.

Needs the identity and no space: an account is there before the first space is put on a relay.

Specification: docs/spec/relay.md, Billing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from envoy.errors import RelayError, UsageError
from envoy.hub import account, links
from envoy.hub.client import Client, Reach, read_origin
from envoy.lean import NamedTuple
from envoy.storage import home
from envoy.system import files, host
from envoy.wiring import writes
from envoy.wiring.config import Config

Json = dict[str, object]
EGRESS_LOCAL = "local"
OPEN = "none"  # a relay that asks nobody
PIN_BYTES = 32


class Asked(NamedTuple):
    """A relay that answers: its origin, how it decides who may use it, and how to ask more."""

    origin: str
    provider: str
    ask: Callable[[str, Json], Json]


def plans(config: Config, pin: str | None) -> Json:
    """Return what the relay offers. Raises RelayError, UsageError(missing_required_flag)."""
    with _asked(config, pin, None) as asked:
        found = [] if asked.provider == OPEN else asked.ask("plans", {})["plans"]
        if not isinstance(found, list):
            raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
        return {"relay": asked.origin, "provider": asked.provider, "plans": found}


def status(config: Config, pin: str | None) -> Json:
    """Return how the profile's account stands at the relay. Raises as ``plans`` does."""
    with _asked(config, pin, _seed(config)) as asked:
        return _standing(asked, asked.ask("status", {}) if asked.provider != OPEN else {})


def redeem(config: Config, pin: str | None, code: str) -> Json:
    """Give the profile's account what ``code`` is good for.

    Raises NotFoundError(not_found), UsageError(unsupported_operation) where nobody needs a code.
    """
    with _asked(config, pin, _seed(config)) as asked:
        if asked.provider == OPEN:
            raise UsageError("unsupported_operation", reason="no_code_needed", relay=asked.origin)
        found = asked.ask("redeem", {"code": code})
        return {**_standing(asked, found), "changed": found.get("changed") is True}


def _standing(asked: Asked, found: Mapping[str, object]) -> Json:
    """Return how an account stands, as the product tells it. A relay's words are its own."""
    plan, ends = found.get("product_plan"), found.get("ends_at")
    counts = {name: found.get(name) for name in ("spaces", "spaces_max")}
    return {
        "relay": asked.origin,
        "provider": asked.provider,
        "product_plan": plan if isinstance(plan, str) else None,
        "connected_access_active": asked.provider == OPEN
        or found.get("connected_access_active") is True,
        "ends_at": ends if isinstance(ends, int) else None,
        **{name: one if isinstance(one, int) else None for name, one in counts.items()},
    }


def _seed(config: Config) -> Callable[[str], bytes]:
    """Return the profile's account seed by the origin of a relay."""
    return writes.unlocked(config)[0].identity.account_seed


@contextmanager
def _asked(config: Config, pin: str | None, seed: Callable[[str], bytes] | None) -> Iterator[Asked]:
    """Return the relay that is meant, which answers."""
    origin, known_pin = _place(config)
    reach = Reach(read_origin(origin), read_pin(pin) or known_pin, config.egress == EGRESS_LOCAL)
    client, seconds = Client(reach), config.timeout_ms / 1000

    def ask(name: str, said: Json) -> Json:
        own = None if seed is None else seed(reach.origin.text)
        return account.ask(client, name, said, seed=own, now_ms=host.now_ms, entropy=host.entropy)

    try:
        info = client.info(timeout_s=seconds)
        yield Asked(reach.origin.text, str(info.get("provider", OPEN)), ask)
    finally:
        client.close()


def _place(config: Config) -> tuple[str, bytes | None]:
    """Return origin and pin of the relay that is meant: the one named, else the only one linked."""
    if config.relay_url is not None:
        return config.relay_url, None
    where = home.paths(config.home, config.profile)
    known = set[tuple[str, bytes | None]]()
    if files.exists(where.links):
        found = links.open_links(home.hub_directory(where))
        try:
            known = {(one.origin, one.pin) for one in found.every()}
        finally:
            found.close()
    if len(known) != 1:
        raise UsageError("missing_required_flag", argument="relay_url")
    return known.pop()


def read_pin(text: str | None) -> bytes | None:
    """Return the pin in ``text``, 64 hex digits. Raises UsageError(invalid_argument)."""
    if text is None:
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != PIN_BYTES:
        raise UsageError("invalid_argument", argument="pin")
    return found
