"""Handed: the handoffs of a space for its Work Record, with what can be said of them without keys.

Loaded by the reads, only for a space in which something was handed over.

Specification: docs/spec/work-record.md.
"""

from __future__ import annotations

from envoy import ids
from envoy.storage.record_views import RecordViews
from envoy.storage.views import Views
from envoy.views import handoffs, names, rows
from envoy.views.handoffs import Handed
from envoy.views.space import space_id
from envoy.views.told import Told


def handed(views: Views, of: rows.Space, told: Told) -> Told:
    """Return what records say, with the handoffs that stand."""
    found = [row for row in told.given if stands(views, of, row)]
    said = {row.id: word(views, of, row) for row in found}
    return told._replace(handed=Handed(found, said, told.people, space_id(of)))


def of_task(views: Views, records: RecordViews, of: rows.Space, task: bytes) -> rows.Record | None:
    """Return the handoff of a task that stands, the newest of them; None if none does."""
    every = [row for row in records.of_kind(of.sn, handoffs.KIND) if row.task == task]
    return next((row for row in reversed(every) if stands(views, of, row)), None)


def stands(views: Views, of: rows.Space, row: rows.Record) -> bool:
    """Say whether a handoff is offered, or accepted by the claim that holds its task now."""
    assert row.task is not None, "a handoff is of a task"
    task = views.task(of.sn, row.task)
    if task is None or task.state in names.ENDED:
        return False
    if handoffs.standing(row) == names.OFFERED:
        return True
    return task.tenure is not None and handoffs.said(row)["act"] == ids.to_text("evt", task.tenure)


def word(views: Views, of: rows.Space, row: rows.Record) -> str:
    """Return valid, partial where something it names is not here, or invalid.

    Signatures were verified when the events came; `envoy handoff verify` does so again.
    """

    def status(event: bytes) -> str | None:
        if views.rid(of.sn, event) is None:
            return None
        return "ok" if views.visible(of.sn, [event]) else "held"

    return handoffs.Verified(handoffs.checks(row, status), 0, is_all=False).word
