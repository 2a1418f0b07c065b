"""Record: gathers in one snapshot what a Work Record is made of.

Every face that shows one asks here, so that they all read the same and by the same indexes.

Specification: docs/spec/work-record.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envoy import ids, limits
from envoy.views import history, names, rows
from envoy.views import tasks as task_shapes
from envoy.views.history import Part
from envoy.views.objects import Telling
from envoy.views.pages import Page
from envoy.views.work_record import Material
from envoy.wiring.reads import Reader, objects_of, told_of


def material(reader: Reader, space: rows.Space, page: Page) -> Material:
    """Return what the Work Record of ``space`` is made of; ``page`` is that of its activity."""
    views, sn, me = reader.views, space.sn, reader.me_an()
    most = limits.LIST_ROWS_DEFAULT
    activity = views.history(sn, after=page.after, limit=page.limit + 1, part=Part(counting=True))
    items, bad = views.item_counts(sn, alone=len(reader.spaces) == 1)
    counts = views.task_counts(sn)
    pending = pending_tasks(reader, sn, me, counts)
    ended = views.ended(sn, most + 1) if any(map(counts.get, names.ENDED)) else []
    named = evidence_of([*pending, *ended])
    told = told_of(reader, space, named)
    parents = history.parents(activity)
    return Material(
        space=space,
        people=reader.people(space),
        me=me,
        grants=[] if me is None else views.grants(sn, me),
        heads=views.heads(sn),
        changes=views.authority(sn, most + 1),
        activity=activity,
        not_counting=views.not_counting(sn, most + 1),
        unsupported=views.unsupported(sn, most),
        item_count=items - bad,
        not_counting_count=bad,
        pending=pending,
        ended=ended,
        task_counts=counts,
        needed=views.task_states(sn, task_shapes.needed(pending)),
        objects=objects_of(reader, space),
        told=told,
        conflicts=views.conflicts(sn, entity=None, limit=limits.ROWS_MAX),
        evidence=proofs(reader, sn, named, told),
        asked=asked_of(reader, sn, me),
        missing=frozenset(parents) - views.visible(sn, parents),
        parked=views.parked(sn),
        limit=page.limit,
        scope=page.scope,
        now_ms=reader.now_ms,
        newest=space.next_n - 1,
        unread=space.unread,
        stale=reader.is_stale([space]),
    )


def pending_tasks(
    reader: Reader, sn: int, me: int | None, counts: Mapping[str, int]
) -> list[rows.Task]:
    """Return the tasks that have not ended: all of mine first, then the others by priority.

    ``counts`` tells which states there are tasks in: each of the others would cost a query.
    """
    views, states = reader.views, [one for one in names.found_by(None) if counts.get(one)]
    most = limits.LIST_ROWS_DEFAULT
    mine = [] if me is None else views.tasks_of(sn, me, limit=most)
    held = {task.id for task in mine}
    others = views.tasks(sn, states=states, after=None, limit=most + len(mine))
    return [*mine, *[task for task in others if task.id not in held]]


def evidence_of(tasks: Sequence[rows.Task]) -> list[bytes]:
    """Return the ids of all that ``tasks`` name as evidence."""
    texts = {str(one) for task in tasks for one in task_shapes.listed(task.evidence)}
    return sorted(ids.from_text(text, *ids.EVENT_PREFIXES) for text in texts)


def proofs(
    reader: Reader, sn: int, named: Sequence[bytes], told: Telling | None
) -> Mapping[bytes, rows.Item]:
    """Return the evidence that tasks name, and what listed decisions and handoffs rest on."""
    more = () if told is None else told.cited()
    return reader.views.items(sn, sorted({*named, *more}) if more else named)


def asked_of(reader: Reader, sn: int, me: int | None) -> list[rows.Item]:
    """Return mentions of me and polls by others that I have not replied to, in their order."""
    if me is None:
        return []
    most = limits.LIST_ROWS_DEFAULT
    named = [one.item for one in reader.views.mentions(sn, most) if one.item is not None]
    found = [*named, *[item for item in reader.views.polls(sn, most) if item.an != me]]
    answered = reader.views.answered(sn, [item.id for item in found], me)
    unique = {item.id: item for item in found if item.id not in answered}
    return sorted(unique.values(), key=lambda item: (item.lam, item.id))
