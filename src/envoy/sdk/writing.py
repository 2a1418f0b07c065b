"""Writing: what a write answers, as documented objects, and what names become on the way in.

Specification: docs/spec/cli.md (JSON shapes); docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import ids, limits
from envoy.replica.actions import handoffs as handing
from envoy.replica.actions import names, objects, records
from envoy.sdk.given import line, wrong
from envoy.views import answers, rows
from envoy.views import handoffs as handoff_shapes
from envoy.views import objects as object_shapes
from envoy.views import records as shapes
from envoy.views import tasks as task_shapes
from envoy.views.people import Json
from envoy.views.space import space_id
from envoy.views.tasks import Around

NOT_SENT: Json = {
    "code": "not_delivered",
    "message": "saved here; the hub was not reached and gets it with the next `envoy sync`",
}


def references(
    replica: names.Copy, given: Sequence[tuple[str | None, str]]
) -> tuple[names.Reference, ...]:
    """Return references as an act holds them. An object is meant by its first reference.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    plain, typed = list[str](), list[str]()
    for relation, text in given:
        if text.lower().startswith("obj_"):
            text = ids.to_text("evt", names.shared(replica, text))
        if relation is None:
            plain.append(text)
        else:
            typed.append(f"{relation}:{text}")
    return names.references(replica, plain, typed)


def events(replica: names.Copy, given: Sequence[str]) -> tuple[bytes, ...]:
    """Return what is named as evidence."""
    return tuple(ident for _, ident in references(replica, [(None, one) for one in given]))


def warnings(delivery: str) -> list[Json]:
    """Return the warning for a write that its hub does not have yet."""
    return [NOT_SENT] if answers.is_pending(delivery) else []


def sent(
    done: rows.Sent, replica: names.Copy, refs: tuple[names.Reference, ...], task: bytes | None
) -> Json:
    """Return a Send."""
    return {
        **answers.sent(done, replica.space, refs),
        "task_id": None if task is None else ids.to_text("task", task),
        "space_name": replica.space.name,
        "warnings": warnings(done.delivery),
        "untrusted_fields": ["*_name"],
    }


def transition(done: rows.Transition, replica: names.Copy, *, name: str) -> Json:
    """Return a Transition."""
    made = answers.transition(done, names.people(replica), replica.space, name=name)
    return {**made, "warnings": warnings(done.delivery) if done.event else []}


def task(row: rows.Task, replica: names.Copy) -> Json:
    """Return a Task."""
    store = replica.profile.rows
    found = {one: store.task(replica.sn, one) for one in task_shapes.needed([row])}
    states = {one: other.state for one, other in found.items() if other is not None}
    around = Around(names.people(replica), replica.space.id, states)
    return {**task_shapes.task(row, around), "untrusted_fields": list(task_shapes.UNTRUSTED)}


def record(replica: names.Copy, ident: bytes) -> Json:
    """Return a record as it stands now."""
    space, people = replica.space, names.people(replica)
    found = records.shown(replica, ident)
    return {
        **shapes.record(found, people, space=space_id(space)),
        **shapes.around(found, people),
        "space_name": space.name,
        "freshness": {"synced_at": None, "stale": False},
        "untrusted_fields": list(shapes.OWN_UNTRUSTED),
    }


def stored(replica: names.Copy, row: rows.Object) -> Json:
    """Return an Object as this copy has it."""
    return object_shapes.item(
        row,
        names.people(replica),
        space=space_id(replica.space),
        have=objects.have(replica, row),
        pinned=row.id in objects.pins(replica),
    )


def handoff(replica: names.Copy, ident: bytes, done: rows.Transition) -> Json:
    """Return a handoff that was written."""
    space = replica.space
    row = handing.known(replica, ident)
    return {
        **handoff_shapes.handoff(row, names.people(replica), space=space_id(space)),
        "space_name": space.name,
        "event_id": None if done.event is None else ids.to_text("evt", done.event),
        "changed": done.changed,
        "replayed": done.replayed,
        "relay_delivery": answers.relay_delivery(space, done.delivery),
        "pending_sync": answers.is_pending(done.delivery),
        "next_commands": [
            f"envoy handoff accept {ids.to_text('rec', row.id)} --space {space_id(space)}"
        ],
        "untrusted_fields": list(handoff_shapes.UNTRUSTED),
    }


def member(replica: names.Copy, text: str | None) -> bytes | None:
    """Return the did of the member that is meant, None for nobody."""
    return None if text is None else names.member(replica, text)


def other_task(replica: names.Copy, text: str) -> bytes:
    """Return the task of the same space that is meant."""
    return names.task(replica.profile, space_id(replica.space), text)[1]


def fields(given: object) -> tuple[tuple[str, str], ...]:
    """Return the open fields of a record. Raises UsageError(invalid_argument)."""
    if not isinstance(given, dict):
        raise wrong("fields", "type", expected="dict")
    if not all(isinstance(name, str) and isinstance(one, str) for name, one in given.items()):
        raise wrong("fields", "type", expected="str")
    if len(given) > limits.LABELS_MAX:
        raise wrong("fields", "length", max=limits.LABELS_MAX)
    most = limits.TITLE_BYTES_MAX
    return tuple(
        (line(name, "fields", bytes_max=most), line(one, "fields", bytes_max=most))
        for name, one in given.items()
    )


def subject_of(replica: names.Copy, refs: Sequence[names.Reference]) -> str | None:
    """Return what evidence speaks of by itself: the first file among its references."""
    store = replica.profile.rows
    found = [row for _, one in refs if (row := store.object(replica.sn, one)) is not None]
    subjects = [f"{shapes.OBJECT}:{row.name}@{row.sha256.hex()}" for row in found]
    return next((one for one in subjects if len(one.encode()) <= limits.TITLE_BYTES_MAX), None)
