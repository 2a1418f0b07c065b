"""Metrics: what a relay counts, as text that Prometheus reads.

Numbers alone: no label names a space, a holder or an address, so whoever may read them learns how
busy a relay is and nothing of whom.

Laws: any thread may count. A name that is not in the table is a bug.

Specification: docs/spec/relay.md, Observability.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final

from envoy.lean import NamedTuple

PREFIX: Final = "envoy_relay_"


class Kind(NamedTuple):
    """What a number means; ``label``: the name of its one label, empty for none."""

    kind: str
    label: str
    text: str


NAMES: Final[Mapping[str, Kind]] = {
    "appends_total": Kind("counter", "result", "Calls that append, by how they ended."),
    "append_seconds": Kind("histogram", "", "From the whole request to the committed reply."),
    "batch_calls": Kind("histogram", "", "Calls of one group."),
    "commit_seconds": Kind("histogram", "", "One group, until it is durable."),
    "commit_unknown_total": Kind("counter", "", "Calls whose commit took too long to wait for."),
    "slots_total": Kind("counter", "result", "Claims, renewals and releases, by how they ended."),
    "pulled_frames_total": Kind("counter", "", "Frames that pulls and wakes gave out."),
    "ws_connections": Kind("gauge", "", "Open WebSockets."),
    "ws_lag_total": Kind("counter", "", "Queues that were dropped, since they were not read."),
    "connections": Kind("gauge", "", "Open connections, WebSockets too."),
    "sessions_total": Kind("counter", "", "Calls for sessions."),
    "auth_failed_total": Kind("counter", "code", "Refusals of who asks."),
    "quota_refused_total": Kind("counter", "kind", "Refusals of what a space would take."),
    "rate_limited_total": Kind("counter", "kind", "Refusals of pace."),
    "refused_total": Kind("counter", "code", "All refusals."),
    "store_bytes": Kind("gauge", "", "The database on the disk."),
    "disk_free_bytes": Kind("gauge", "", "What is left of the disk."),
    "wakes_total": Kind("counter", "way", "What was told, by long poll or WebSocket."),
    "swept_total": Kind("counter", "kind", "Rows that ended."),
}
# Upper bounds of a histogram: seconds, or calls of a group.
_BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_COUNTS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

_APPENDS: Final = frozenset(("push", "slot", "box_put", "epoch_put", "chunk_put"))
_SESSIONS: Final = frozenset(("session", "renew"))
_AUTH: Final = frozenset((
    "auth_failed", "session_expired", "session_stale", "clock_skew_ahead", "clock_skew_behind",
    "replayed", "epoch_revoked", "capability_expired", "capability_missing", "read_only",
))  # fmt: skip


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict[tuple[str, str], float]()
        self._spreads = dict[str, list[int]]()

    def add(self, name: str, count: float = 1, *, label: str = "") -> None:
        """Count ``count`` more."""
        assert name in NAMES, name
        with self._lock:
            self._values[name, label] = self._values.get((name, label), 0) + count

    def observe(self, name: str, value: float) -> None:
        """Count one measurement of a histogram."""
        bounds = _bounds(name)
        place = bisect_left(bounds, value)
        with self._lock:
            counts = self._spreads.setdefault(name, [0] * (len(bounds) + 1))
            counts[place] += 1
            self._values[name, ""] = self._values.get((name, ""), 0) + value

    def done(self, name: str, seconds: float) -> None:
        """Count a call that was answered."""
        if name in _APPENDS:
            self.add("appends_total", label="ok")
            self.observe("append_seconds", seconds)
        if name == "slot":
            self.add("slots_total", label="ok")
        if name in _SESSIONS:
            self.add("sessions_total")

    def refused(self, name: str, code: str) -> None:
        """Count a call that was refused."""
        self.add("refused_total", label=code)
        if name in _APPENDS:
            self.add("appends_total", label=code)
        if name == "slot":
            self.add("slots_total", label=code)
        if code in _AUTH:
            self.add("auth_failed_total", label=code)
        kind = name if name in _APPENDS else "other"
        if code == "quota_exceeded":
            self.add("quota_refused_total", label=kind)
        if code == "rate_limited":
            self.add("rate_limited_total", label=kind)

    def value(self, name: str, *, label: str = "") -> float:
        """Return a number as it stands; of a histogram the sum."""
        return self._values.get((name, label), 0)

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return everything in Prometheus' text form, ``gauges`` as they are now."""
        with self._lock:
            values = dict(self._values)
            spreads = {name: list(counts) for name, counts in self._spreads.items()}
        for name, value in gauges.items():
            assert NAMES[name].kind == "gauge", name
            values[name, ""] = value
        lines = list[str]()
        for name, kind in NAMES.items():
            lines += [f"# HELP {PREFIX}{name} {kind.text}", f"# TYPE {PREFIX}{name} {kind.kind}"]
            if kind.kind == "histogram":
                lines += _spread(name, spreads.get(name, []), values.get((name, ""), 0))
                continue
            found = {label: n for (which, label), n in values.items() if which == name}
            for label, value in sorted((found or {"": 0} if not kind.label else found).items()):
                shown = f'{{{kind.label}="{label}"}}' if kind.label else ""
                lines.append(f"{PREFIX}{name}{shown} {value:g}")
        return "\n".join(lines) + "\n"


def _bounds(name: str) -> tuple[float, ...]:
    assert NAMES[name].kind == "histogram", name
    return _BOUNDS if name.endswith("_seconds") else _COUNTS


def _spread(name: str, counts: list[int], total: float) -> Iterator[str]:
    """Yield the lines of a histogram."""
    bounds, upto = _bounds(name), 0
    for bound, count in zip(bounds, counts, strict=False):
        upto += count
        yield f'{PREFIX}{name}_bucket{{le="{bound:g}"}} {upto}'
    yield f'{PREFIX}{name}_bucket{{le="+Inf"}} {sum(counts)}'
    yield f"{PREFIX}{name}_sum {total:g}"
    yield f"{PREFIX}{name}_count {sum(counts)}"
