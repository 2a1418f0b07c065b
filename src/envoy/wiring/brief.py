"""Brief: a Work Record from a member's point of view, about one task, since a moment, in budget.

Loaded only where one of these is asked for. Each takes away from what the whole
record is made of and says how much; none adds what this copy may not read.

Specification: docs/spec/work-record.md, Points of view.
"""

from __future__ import annotations

from envoy import ids, limits
from envoy.lean import NamedTuple
from envoy.storage.brief_views import BriefViews
from envoy.views import budget as budgets
from envoy.views import history, names, objects, rows, work_record
from envoy.views import tasks as task_shapes
from envoy.views.handoffs import Handed
from envoy.views.history import Part
from envoy.views.pages import Page
from envoy.views.people import Json, People
from envoy.views.space import space_id
from envoy.views.told import Told
from envoy.views.work_record import Material
from envoy.wiring import record
from envoy.wiring.reads import Reader, told_of
from envoy.wiring.shelf import Shelf

SCOPE, SINCE = "scope", "since"
NONE = (0, "")


class Asked(NamedTuple):
    """What a record is asked to be: in texts and numbers as they were typed, None where not."""

    budget: int | None
    member: str | None
    task: str | None
    since: int | None


class Cut(NamedTuple):
    """What a record is made of once something is taken away, and how many of each list went."""

    found: Material
    left: dict[str, tuple[int, str]]  # list -> how many, and why


def build(reader: Reader, space: rows.Space, page: Page, asked: Asked) -> Json:
    """Return the Work Record of ``space`` as it is asked for.

    Raises NotFoundError (not_found, task_not_found, id_ambiguous), UsageError(invalid_argument).
    """
    cut = Cut(record.material(reader, space, page), {})
    if asked.member is not None:
        cut = cut._replace(found=seen_by(reader, space, cut.found, asked.member))
    task = None
    if asked.task is not None:
        low, high = ids.span(asked.task, *ids.EVENT_PREFIXES)
        task = ids.choose(asked.task, reader.views.task_ids(space.sn, low, high), "task")
        cut = about(reader, space, cut.found, task)
    if asked.since is not None:
        cut = newer(reader, space, cut, asked.since)
    data = work_record.build(cut.found)
    finish(data, cut, asked, task, is_other=cut.found.people.me != reader.me.did)
    if asked.budget is not None:
        return budgets.fit(data, asked.budget, space=space_id(space))
    return data


def finish(data: Json, cut: Cut, asked: Asked, task: bytes | None, *, is_other: bool) -> None:
    """Write into a record what it is about, and what is left out for that."""
    bounds, omitted, limits_ = data["bounds"], data["omitted"], data["limits"]
    assert isinstance(bounds, dict) and isinstance(omitted, dict) and isinstance(limits_, dict)
    data["task_id"] = None if task is None else ids.to_text("task", task)
    bounds["since"] = asked.since
    if is_other:
        limits_["unknown"].append(
            {
                "path": "open_questions",
                "id": None,
                "reason": "other_inbox",
                "next_action": "ask_member",
            }
        )
    command = f"envoy work-record {data['space_id']}"
    for name, (count, reason) in cut.left.items():
        before = omitted.get(name, {"count": 0})["count"]
        if count:
            omitted[name] = {"count": count + before, "reason": reason, "next_command": command}
    for name in ("activity", "tasks", "tasks.done", "held", "objects") if cut.left else ():
        if name in omitted:
            omitted[name]["reason"] = SINCE if asked.since is not None else SCOPE
    bounds["complete"] = not (omitted or limits_["unknown"] or limits_["missing"])


# -- one member's point of view -----------------------------------------------------------------


def seen_by(reader: Reader, space: rows.Space, found: Material, text: str) -> Material:
    """Return the material from the point of view of a member: same knowledge, other work."""
    views, sn = reader.views, space.sn
    who = found.people.find_ever(text)
    if who.did == reader.me.did:
        return found
    pending = record.pending_tasks(reader, sn, who.an, found.task_counts)
    named = record.evidence_of([*pending, *found.ended])
    told = told_of(reader, space, named)
    polls = views.polls(sn, limits.LIST_ROWS_DEFAULT)
    answered = views.answered(sn, [item.id for item in polls], who.an)
    return found._replace(
        people=People(views.members(sn), me=who.did, find_did=views.did),
        me=who.an,
        grants=views.grants(sn, who.an),
        pending=pending,
        needed=views.task_states(sn, task_shapes.needed(pending)),
        evidence=record.proofs(reader, sn, named, told),
        told=told,
        asked=sorted(
            (item for item in polls if item.id not in answered and item.an != who.an),
            key=lambda item: (item.lam, item.id),
        ),
    )


# -- one task -----------------------------------------------------------------------------------


def about(reader: Reader, space: rows.Space, found: Material, task: bytes) -> Cut:
    """Return the material about one task: itself, its needs and parent, what names it, its talk."""
    views, sn, most = reader.views, space.sn, limits.LIST_ROWS_DEFAULT
    row = views.task(sn, task)
    assert row is not None, "its id was found among the tasks"
    wanted = [*task_shapes.needed([row]), *([] if row.parent is None else [row.parent])]
    near = [one for ident in wanted if (one := views.task(sn, ident)) is not None]
    near += BriefViews(reader.connection).around(sn, task, most)
    every = list({one.id: one for one in (row, *near)}.values())
    pending = [one for one in every if one.state not in names.ENDED]
    ended = [one for one in every if one.state in names.ENDED]
    part = Part(task=task, counting=True)
    activity = [
        item
        for item in views.history(sn, after=None, limit=found.limit + 1, part=part)
        if item.status in history.COUNTING
    ]
    named = record.evidence_of(every)
    parents = history.parents(activity)
    held = [item for item in found.not_counting if item.task == task]
    known = {one.id for one in every}
    conflicts = [one for one in found.conflicts if one.entity in known]
    asked = [item for item in found.asked if item.task == task]
    told, gone = told_about(told_of(reader, space, named), {task})
    left = {
        "conflicts": (len(found.conflicts) - len(conflicts), SCOPE),
        "open_questions": (len(found.asked) - len(asked), SCOPE),
        "records": (gone, SCOPE),
    }
    made = found._replace(
        activity=activity,
        missing=frozenset(parents) - views.visible(sn, parents),
        pending=pending,
        ended=ended,
        needed=views.task_states(sn, task_shapes.needed(pending)),
        evidence=record.proofs(reader, sn, named, told),
        told=told,
        conflicts=conflicts,
        not_counting=held,
        asked=asked,
        objects=Shelf(reader.connection, reader.where, space).part(task=task),
    )
    return Cut(made, left)


def told_about(told: objects.Telling | None, wanted: set[bytes]) -> tuple[Told | None, int]:
    """Return what records say about tasks, or by the ids in ``wanted``, and how many others do."""
    if told is None:
        return None, 0
    assert isinstance(told, Told), "the one maker of it"
    found = [one for one in told.found if {one.row.id, one.row.task} & wanted]
    made, gone = told._replace(found=found), len(told.found) - len(found)
    if not isinstance(told.handed, Handed):
        return made, gone
    every = told.handed.found
    kept = [row for row in every if {row.id, row.task} & wanted]
    handed = told.handed._replace(found=kept)
    return made._replace(handed=handed), gone + len(every) - len(kept)


# -- since a moment -----------------------------------------------------------------------------


def newer(reader: Reader, space: rows.Space, cut: Cut, after: int) -> Cut:
    """Return the material of what arrived or changed above ``after``, and what is mine."""
    found, views, sn = cut.found, BriefViews(reader.connection), space.sn
    activity = views.since(sn, after, found.limit + 1)
    shown_before = {item.id for item in found.activity}
    if cut.left:  # about one task
        activity = [item for item in activity if item.id in shown_before]
    changed = views.changed(sn, after)
    parents = history.parents(activity)
    made = found._replace(
        activity=activity,
        missing=frozenset(parents) - reader.views.visible(sn, parents),
        changes=[item for item in found.changes if item.n > after],
        not_counting=[item for item in found.not_counting if item.n > after],
        asked=[item for item in found.asked if item.n > after],
    )
    left = {
        "authority.changes": (len(found.changes) - len(made.changes), SINCE),
        "open_questions": (len(found.asked) - len(made.asked), SINCE),
    }
    if changed is not None:
        told, gone = told_about(found.told, changed)
        made = made._replace(
            pending=[one for one in found.pending if one.id in changed or one.assignee == found.me],
            ended=[one for one in found.ended if one.id in changed],
            conflicts=[one for one in found.conflicts if {one.id, one.entity} & changed],
            told=told,
        )
        left["conflicts"] = (len(found.conflicts) - len(made.conflicts), SINCE)
        left["records"] = (gone, SINCE)
    return Cut(made, joined(cut.left, left))


def joined(
    one: dict[str, tuple[int, str]], other: dict[str, tuple[int, str]]
) -> dict[str, tuple[int, str]]:
    """Return the counts of both; the later reason stands."""
    counts = {name: one.get(name, NONE)[0] + other.get(name, NONE)[0] for name in {**one, **other}}
    return {name: (n, SINCE if name in other else SCOPE) for name, n in sorted(counts.items())}
