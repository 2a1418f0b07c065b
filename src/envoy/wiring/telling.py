"""Telling: what the records of a space say in its Work Record, as a profile reads them.

Loaded by the reads, only for a space that has records.

Specification: docs/spec/work-record.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.storage.record_views import RecordViews
from envoy.system.db import Connection
from envoy.views import rows
from envoy.views.people import People
from envoy.views.space import space_id
from envoy.views.told import DECISION, KINDS, Told, refs_of


def told(connection: Connection, space: rows.Space, people: People, named: Sequence[bytes]) -> Told:
    """Return what records say in a Work Record whose tasks name ``named`` as evidence."""
    views, sn = RecordViews(connection), space.sn
    every = [row for kind in KINDS for row in views.of_kind(sn, kind)]
    given = views.of_kind(sn, "handoff")
    resting = [row for row in every if row.kind == DECISION]
    cited = {one for row in (*resting, *given) for one in refs_of(row)}
    proofs = [row for one in sorted({*named, *cited}) if (row := views.record(sn, one)) is not None]
    return Told(
        found=[views.shown(row) for row in every],
        named={row.id: views.shown(row) for row in proofs},
        people=people,
        space=space_id(space),
        given=given,
    )
