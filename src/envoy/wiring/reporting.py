"""Reporting: what is asked of a copy for `audit fingerprint` and `audit report`.

Law: a read; nothing is judged again, no key is loaded. Who could read which epoch stands in bodies
of authority events, which are in the log as they were signed.

Specification: docs/spec/audit.md, Looking at one's own copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.core.bodies import EpochCreate
from envoy.core.kinds import read_body
from envoy.lean import NamedTuple
from envoy.storage.audit_views import AuditViews
from envoy.views import rows
from envoy.views.audit import EpochFact, Given, Slice, Told, readable
from envoy.views.space import space_id
from envoy.wiring.reads import Reader


def heads(reader: Reader, space: rows.Space) -> list[bytes]:
    """Return, ascending, the ids of the heads of all accepted events."""
    return AuditViews(reader.connection).heads(space.sn)


class Wanted(NamedTuple):
    """What a report is asked for: a member, a task as typed; not before a time, in ms."""

    member: str | None = None
    task: str | None = None
    since: int | None = None


def told(reader: Reader, space: rows.Space, wanted: Wanted, *, limit: int) -> Told:
    """Return what a report on a member, a task or everybody is made of.

    Grants and epochs are those of the member, whatever the task and the time: they hold for all.
    Raises NotFoundError (not_found, task_not_found, id_ambiguous), UsageError(invalid_argument).
    """
    views, people, sn = AuditViews(reader.connection), reader.people(space), space.sn
    member = None if wanted.member is None else people.find_ever(wanted.member)
    an, task = None if member is None else member.an, None
    if wanted.task is not None:
        task = reader.task(wanted.task, space_id(space))[1].id
    part = Slice(an, wanted.since, task)
    epochs, given = views.epochs(sn), views.given(sn, an)
    return Told(
        space=space,
        people=people,
        part=part,
        verdicts=views.verdicts(sn, part),
        acts=views.acts(sn, part, limit),
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
