"""Gating: what an honest client tells an author before a completion that its gate would not take.

Every replica computes whether a gate is met; this only spares everybody a completion that shows
less than it was asked for. Loaded only where a gate asks for evidence.

Specification: docs/spec/tasks.md, Gates.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.errors import ConflictError
from envoy.ids import to_text
from envoy.jsontext import loads
from envoy.replica.ports import RowStore
from envoy.views import records, rows


def check(store: RowStore, space: rows.Space, task: bytes, named: Sequence[bytes]) -> None:
    """Refuse a completion that names less than is asked for.

    Raises ConflictError: evidence_stale where what it names of a type is stale, else
    evidence_missing.
    """
    row = store.task(space.sn, task)
    wanted = _asked(space.policy, "gate.evidence") | _asked(row.gate if row else "{}", "evidence")
    if not wanted:
        return
    every = store.records_of(space.sn, task)
    given = [one for one in every if one.id in named]
    fresh = {one.type for one in given if records.shows(one, stale=records.is_stale(one, every))}
    old = {one.type for one in given if records.shows(one, stale=False)}
    missing = sorted(wanted - fresh)
    if missing:
        code = "evidence_stale" if set(missing) <= old else "evidence_missing"
        raise ConflictError(code, task_id=to_text("task", task), missing=missing)


def _asked(text: str, field: str) -> set[str]:
    """Return the types of evidence that a gate or policy in JSON asks for."""
    found = loads(text)
    asked = found.get(field) if isinstance(found, dict) else None
    return {str(one) for one in asked} if isinstance(asked, list) else set()
