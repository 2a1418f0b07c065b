"""Reporting: what is asked of a copy for `audit fingerprint` and `audit report`.

Law: a read; nothing is judged again, no key is loaded. Who could read which epoch stands in bodies
of authority events, which are in the log as they were signed.

Specification: docs/spec/audit.md, Looking at one's own copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import EpochCreate
from envoy.core.kinds import read_body
from envoy.storage.audit_views import AuditViews
from envoy.views import rows
from envoy.views.audit import EpochFact, Given, Told, readable
from envoy.wiring.reads import Reader


def heads(reader: Reader, space: rows.Space) -> list[bytes]:
    """Return, ascending, the ids of the heads of all accepted events."""
    return AuditViews(reader.connection).heads(space.sn)


def told(reader: Reader, space: rows.Space, named: str | None, *, limit: int) -> Told:
    """Return what a report on the member that ``named`` means, or on everybody, is made of.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    views, people, sn = AuditViews(reader.connection), reader.people(space), space.sn
    member = None if named is None else people.find_ever(named)
    an = None if member is None else member.an
    epochs, given = views.epochs(sn), views.given(sn, an)
    return Told(
        space=space,
        people=people,
        an=an,
        verdicts=views.verdicts(sn, an),
        acts=views.acts(sn, an, limit),
        given=given,
        epochs=epochs,
        readable=frozenset() if member is None else could_read(member, epochs, given),
        resting=None if an is None else views.resting(sn, an),
        limit=limit,
    )


def could_read(
    member: rows.Member, epochs: Sequence[EpochFact], given: Sequence[Given]
) -> frozenset[bytes]:
    """Return the epochs that a member could read."""
    named, names = set[bytes](), {member.did, member.via}
    for one in epochs:
        body = None if one.body is None else read_body("epoch.create", one.body)
        if isinstance(body, EpochCreate) and names & {reader.id for reader in body.rcpt}:
            named.add(one.id)
    return readable(epochs, named, (one.epoch for one in given if one.subject == member.an))
