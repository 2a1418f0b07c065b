"""Overview: what is counted for `audit`, of a profile that is opened for reading.

Law: a read; it loads no key. Specification: docs/spec/audit.md, Looking at one's own copy.
"""

from __future__ import annotations

from envoy import limits
from envoy.storage.audit_views import AuditViews
from envoy.views import rows
from envoy.views.audit import Material
from envoy.wiring.reads import Reader


def material(reader: Reader, space: rows.Space) -> Material:
    """Return what an overview of a space is made of."""
    views, sn = AuditViews(reader.connection), space.sn
    return Material(
        space=space,
        people=reader.people(space),
        verdicts=views.verdicts(sn),
        chains=views.chains(sn),
        forks=views.forks(sn, limits.LIST_ROWS_DEFAULT),
        fork_count=views.fork_count(sn),
        epochs=views.epochs(sn),
        parked=reader.views.parked(sn),
        dropped=views.dropped(sn),
        refused=views.refused(sn),
        receipts=views.receipts(sn),
        heads=len(views.heads(sn)),
    )
