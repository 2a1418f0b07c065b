"""Records: what typed records come to beside each other, and how they are shown.

A record never changes; what stands beside it does: a later one takes its place, answers or repairs
it, or speaks of another version of the same thing. All of that follows from rows, so every face
and the gates of tasks ask it here.

Law 1: explicit references only; nothing is related because it stands nearby.
Law 2: a grade is the lower of what is claimed and what can be proved.

Specification: docs/spec/records.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from envoy import ids
from envoy.jsontext import dumps, loads
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.people import Json, People, stamp
from envoy.views.tasks import listed

SELF_REPORTED: Final = "self_reported"
RECORDED: Final = "recorded"
# What a record must carry so that a higher grade than self_reported can be shown for it.
RECORDED_FIELDS: Final = ("argv", "cwd", "exit", "output_sha256")
OBJECT: Final = "object"  # scheme of the subjects that name objects
RETRACTED, SUPERSEDED = "retracted", "superseded"
UNTRUSTED = ["text", "type", "subject", "fields.*.name", "fields.*.value", "*_name"]
OWN_UNTRUSTED = [*UNTRUSTED, "corrections.*.text"]
UNTRUSTED_LIST = [
    *("*.text", "*.type", "*.subject", "*.fields.*.name", "*.fields.*.value"),
    *("*.corrections.*.text", "*_name"),
]
# What can be added by hand; a handoff comes from `envoy handoff`.
KINDS = (
    *("evidence", "decision", "objection", "repair", "approval", "risk", "charter", "correction"),
)


class Beside(NamedTuple):
    """A record that refers to another, and by which relation."""

    rel: str | None
    row: rows.Record


class Shown(NamedTuple):
    """A record with what stands beside it and what that makes of it."""

    row: rows.Record
    state: str
    stale: bool
    beside: tuple[Beside, ...] = ()  # those that refer to it, not retracted

    @property
    def corrections(self) -> list[rows.Record]:
        """Return the corrections that refer to it, each once."""
        found = [one.row for one in self.beside if one.row.kind == "correction"]
        return list({row.id: row for row in found}.values())


def place(row: rows.Record) -> tuple[int, bytes]:
    """Return where a record stands in the order of its space."""
    return row.lam, row.id


def split(subject: str | None) -> tuple[str, str]:
    """Return ``scheme:name`` and digest of a subject, both empty without one."""
    name, _, digest = (subject or "").rpartition("@")
    return name, digest


def is_stale(row: rows.Record, of_task: Iterable[rows.Record]) -> bool:
    """Say whether a later record of the same task speaks of another version of the same thing."""
    return bool(makes_stale(row, of_task))


def makes_stale(row: rows.Record, of_task: Iterable[rows.Record]) -> list[rows.Record]:
    """Return the later records of the same task that speak of another version of the same thing."""
    name, digest = split(row.subject)
    if not name or row.task is None:
        return []
    return [
        other
        for other in of_task
        if place(other) > place(row)
        and other.task == row.task
        and other.retracted is None
        and split(other.subject)[0] == name
        and split(other.subject)[1] != digest
    ]


def of_objects(found: Iterable[rows.Object]) -> list[rows.Record]:
    """Return what references to objects of a task speak of, as records would.

    An object speaks of its own name, and one that supersedes another of these of that one's too.
    """
    known = {row.id: row for row in found}
    every = list[rows.Record]()
    for row in known.values():
        older = None if row.supersedes is None else known.get(row.supersedes)
        names = {row.name} if older is None else {row.name, older.name}
        every += [_speaking(row, name) for name in sorted(names)]
    return every


def _speaking(row: rows.Object, name: str) -> rows.Record:
    """Return a reference to an object as a record about ``name``."""
    return rows.Record(
        sn=row.sn,
        id=row.id,
        lam=row.lam,
        created_ms=row.created_ms,
        an=row.an,
        kind=OBJECT,
        type=None,
        task=row.task,
        text="",
        fields="{}",
        subject=f"{OBJECT}:{name}@{row.sha256.hex()}",
        refs="[]",
        ranked=0,
        retracted=row.retracted,
        digest=b"",
    )


def fields(row: rows.Record) -> Json:
    """Return the open fields of a record."""
    found = loads(row.fields)
    assert isinstance(found, dict)
    return found


def shows(row: rows.Record, *, stale: bool) -> bool:
    """Say whether a record is evidence that a gate can count."""
    is_good = row.kind == "evidence" and fields(row).get("result") != "fail"
    return is_good and row.retracted is None and not stale


def grade(row: rows.Record) -> str | None:
    """Return how well evidence is backed, None for another kind."""
    if row.kind != "evidence":
        return None
    known = fields(row)
    is_backed = all(name in known for name in RECORDED_FIELDS)
    return RECORDED if known.get("grade") == RECORDED and is_backed else SELF_REPORTED


def state(row: rows.Record, beside: Sequence[Beside], *, stale: bool) -> str:
    """Return where a record stands; ``beside`` are those that refer to it."""
    live = [one for one in beside if one.row.retracted is None]
    replaced = any(one.rel == "supersedes" for one in live)
    answers = [one.row for one in live if one.rel == "answers"]
    if row.retracted is not None:
        return "withdrawn" if row.kind == "objection" else RETRACTED
    match row.kind:
        case "evidence":
            return "stale" if stale else "current"
        case "objection":
            if any(one.an == row.an for one in answers):
                return "repaired"
            return "overruled" if any(one.ranked for one in answers) else "open"
        case "risk":
            return "closed" if answers else "open"
        case "repair":
            return "accepted" if answers else "proposed"
        case "approval":
            return SUPERSEDED if replaced else "stale" if stale else "stands"
        case "handoff":
            return str(fields(row)["standing"])
        case "decision":
            if replaced:
                return SUPERSEDED
            return "contested" if any(_blocks(one) for one in live) else "in_force"
        case _:
            return SUPERSEDED if replaced else "in_force"


def _blocks(one: Beside) -> bool:
    """Say whether a record beside a decision is a blocking objection to it."""
    if one.rel != "contradicts" or one.row.kind != "objection":
        return False
    return fields(one.row).get("severity") == "blocking"


def shown(row: rows.Record, beside: Sequence[Beside], *, of_task: Iterable[rows.Record]) -> Shown:
    """Return a record with what those beside it make of it.

    ``beside`` are the records that refer to it, ``of_task`` those of its task.
    """
    stale, live = is_stale(row, of_task), [one for one in beside if one.row.retracted is None]
    return Shown(row, state(row, beside, stale=stale), stale, tuple(live))


def _plain(value: object) -> str:
    """Return the value of a field as text."""
    return value if isinstance(value, str) else dumps(value)


def record(found: Shown, people: People, *, space: str) -> Json:
    """Return a Record."""
    row = found.row
    return {
        "record_id": ids.to_text("rec", row.id),
        "space_id": space,
        "kind": row.kind,
        "type": row.type,
        "state": found.state,
        "grade": grade(row),
        "stale": found.stale,
        "text": row.text,
        "subject": row.subject,
        "fields": [{"name": key, "value": _plain(one)} for key, one in fields(row).items()],
        "refs": listed(row.refs),
        "task_id": None if row.task is None else ids.to_text("task", row.task),
        "corrected_by": [ids.to_text("rec", one.id) for one in found.corrections],
        "by": people.actor(row.an),
        "created_at": stamp(row.created_ms),
    }


def around(found: Shown, people: People) -> Json:
    """Return the texts that correct a record, and all that refers to it."""
    return {
        "corrections": [
            {
                "record_id": ids.to_text("rec", one.id),
                "text": one.text,
                "by": people.actor(one.an),
                "created_at": stamp(one.created_ms),
            }
            for one in found.corrections
        ],
        "referred_by": [
            {"rel": one.rel, "record_id": ids.to_text("rec", one.row.id), "kind": one.row.kind}
            for one in found.beside
        ],
    }
