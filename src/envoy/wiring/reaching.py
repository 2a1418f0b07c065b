"""Reaching: what `diagnose` says of relays: do they answer, what waits for them, what went wrong.

Each relay is asked for what it says of itself, which takes neither key nor token, so this works
where sessions do not; its time is compared with this machine's, since a clock that is off shuts
sessions out.

Specification: docs/spec/bridge.md.
"""

from __future__ import annotations

from contextlib import closing

from envoy import limits
from envoy.errors import ConflictError, EnvoyError, RelayError
from envoy.hub import links as linking
from envoy.hub import peek
from envoy.hub.client import Client, Reach, read_origin
from envoy.lean import NamedTuple
from envoy.storage import home
from envoy.system import host
from envoy.views.people import stamp
from envoy.wiring.checks import Check
from envoy.wiring.config import Config

EGRESS_LOCAL = "local"
# How long `diagnose` waits for one relay; what takes longer is as good as away.
SECONDS = 3.0


class Skew(NamedTuple):
    """How far this clock is ahead of a relay's, ms; ``round_trip_ms`` bounds the error."""

    origin: str
    skew_ms: int
    round_trip_ms: int
    at_ms: int

    @property
    def words(self) -> str:
        """How this clock stands, in words."""
        return f"{abs(self.skew_ms)} ms {'ahead' if self.skew_ms > 0 else 'behind'}"


def clock(config: Config) -> Skew:
    """Return how the clock of this machine stands to that of its relay.

    The relay is that of --relay-url, else that of the first connected space whose relay answers.
    Raises ConflictError (space_local_only) where there is neither, RelayError (relay_unavailable,
    clock_skew_ahead, clock_skew_behind), AuthorityError(egress_denied),
    UsageError(invalid_argument).
    """
    *others, last = _reach(config)
    for one in others:
        try:
            found = _compare(one, config.timeout_ms / 1000)
            break
        except RelayError:
            continue
    else:
        found = _compare(last, config.timeout_ms / 1000)
    if abs(found.skew_ms) > limits.SESSION_SKEW_SECONDS_MAX * 1000:
        code = "clock_skew_ahead" if found.skew_ms > 0 else "clock_skew_behind"
        raise RelayError(code, skew_ms=found.skew_ms, relay_url=found.origin)
    return found


def _reach(config: Config) -> list[Reach]:
    """Return which relays are meant, at least one."""
    is_local = config.egress == EGRESS_LOCAL
    if config.relay_url is not None:
        return [Reach(read_origin(config.relay_url), None, is_local)]
    found = dict.fromkeys((one.origin, one.pin) for one in _links(config))
    if not found:
        raise ConflictError("space_local_only")
    return [Reach(read_origin(origin), pin, is_local) for origin, pin in found]


def _links(config: Config) -> list[linking.Link]:
    """Return the links of this machine."""
    directory = home.hub_directory(home.paths(config.home, config.profile))
    if not linking.exists(directory):
        return []
    with closing(linking.open_links(directory)) as links:
        return links.every()


def _compare(reach: Reach, timeout_s: float) -> Skew:
    """Ask a relay for its time. Raises RelayError(relay_unavailable)."""
    with closing(Client(reach)) as client:
        before, begun = host.now_ms(), host.monotonic_ms()
        told = client.info(timeout_s=timeout_s).get("at")
        took = int(host.monotonic_ms() - begun)
    if type(told) is not int or not 0 <= told <= limits.INT_MAX:
        raise RelayError("relay_unavailable", cause="no_reply_of_a_relay")
    return Skew(reach.origin.text, before + took // 2 - told, took, told)


def look(config: Config) -> list[Check]:
    """Return a check for each relay of this machine, none where no space is connected."""
    where = home.paths(config.home, config.profile)
    links = _links(config)
    heads = peek.newest(where.hub, [link.space for link in links])
    known = peek.relays(where.links, heads)
    by_origin = dict[tuple[str, bytes | None], list[peek.Relay]]()
    for link in links:
        by_origin.setdefault((link.origin, link.pin), []).append(known[link.space])
    return [_check(config, *key, found) for key, found in sorted(by_origin.items(), key=str)]


def _check(config: Config, origin: str, pin: bytes | None, found: list[peek.Relay]) -> Check:
    """Look at one relay and at what this machine has for it."""
    words, state = [f"{origin}: {len(found)} connected"], "ok"
    command = None
    if config.sync:
        reach = Reach(read_origin(origin), pin, config.egress == EGRESS_LOCAL)
        try:
            words.append(f"clock {_compare(reach, SECONDS).words}")
        except EnvoyError as error:
            words.append(" ".join(str(one) for one in (error.code, error.details.get("cause", ""))))
            state = "warning"
    waiting = sum(one.waiting for one in found)
    if waiting:
        words.append(f"{waiting} not sent")
        state, command = "warning", "envoy sync"
    troubles = sorted({one.trouble for one in found if one.trouble})
    if troubles:
        words.append("last: " + " ".join(troubles))
        state, command = "warning", "envoy sync"
    asked = min(one.asked_ms for one in found)
    words.append(f"last reached {stamp(asked)}" if asked else "never reached")
    return Check("relay", state, ", ".join(words), command)
