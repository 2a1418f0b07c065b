"""Records: what typed records come to beside each other, and how they are shown.

A record never changes; what stands beside it does: a later one takes its place, answers or repairs
it, or speaks of another version of the same thing. All of that follows from rows, so every face
and the gates of tasks ask it here.

Law 1: explicit references only; nothing is related because it stands nearby.
Law 2: a grade is the lower of what is claimed and what the record carries.
Law 3: nobody ends what somebody of higher rank said, nor makes another's evidence stale.

Specification: docs/spec/records.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from envoy import ids
from envoy.jsontext import dumps, loads
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.people import Json, People, stamp
from envoy.views.tasks import listed

SELF_REPORTED: Final = "self_reported"
RECORDED: Final = "recorded"
# What `envoy run` writes, by the type it has in JSON: a record that is shown as recorded has all.
RECORDED_FIELDS: Final = {
    "argv": list,
    "cwd": str,
    "exit": int,
    "output_bytes": int,
    "output_sha256": str,
    "output_tail": str,
    "started_at": str,
    "took_ms": int,
}
SHA256_DIGITS: Final = 64
VERSIONS_SHOWN: Final = 8  # of those who speak of another version the newest
OBJECT: Final = "object"  # scheme of the subjects that name objects
RETRACTED, SUPERSEDED, SUPERSEDES = "retracted", "superseded", "supersedes"
UNTRUSTED = ["text", "type", "subject", "fields.*.name", "fields.*.value", "*_name"]
OWN_UNTRUSTED = [*UNTRUSTED, "corrections.*.text", "other_versions.*.subject"]
UNTRUSTED_LIST = [
    *("*.text", "*.type", "*.subject", "*.fields.*.name", "*.fields.*.value"),
    *("*.corrections.*.text", "*.other_versions.*.subject", "*_name"),
]
# What can be added by hand; a handoff comes from `envoy handoff`.
KINDS = (
    *("evidence", "decision", "objection", "repair", "approval", "risk", "charter", "correction"),
)


class Beside(NamedTuple):
    """A record that refers to another, and by which relation."""

    rel: str | None
    row: rows.Record


class Look(NamedTuple):
    """Where what stands around a record is looked up, in one space.

    ``beside`` gives those that refer to a record, ``find`` the record with an id.
    """

    beside: Callable[[rows.Record], Sequence[Beside]]
    find: Callable[[bytes], rows.Record | None]


class Shown(NamedTuple):
    """A record with what stands beside it and what that makes of it."""

    row: rows.Record
    state: str
    stale: bool
    beside: tuple[Beside, ...] = ()  # those that refer to it, not retracted
    versions: tuple[rows.Record, ...] = ()  # later ones about another version of its subject

    def stale_for(self, completer: int | None) -> bool:
        """Say whether it is stale as evidence of a completion by ``completer``."""
        return any(outdates(one, self.row, completer=completer) for one in self.versions)

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


def is_stale(
    row: rows.Record, of_task: Iterable[rows.Record], *, completer: int | None = None
) -> bool:
    """Say whether one of those that speak of another version makes a record stale."""
    return any(outdates(one, row, completer=completer) for one in versions(row, of_task))


def versions(row: rows.Record, of_task: Iterable[rows.Record]) -> list[rows.Record]:
    """Return the later records of the same task that speak of another version of the same thing.

    Digests are compared without regard to the case of ASCII letters.
    """
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
        and folded(split(other.subject)[1]) != folded(digest)
    ]


def folded(digest: str) -> bytes:
    """Return a digest as it is compared."""
    return digest.encode().lower()  # of bytes: ASCII letters alone


def outdates(other: rows.Record, row: rows.Record, *, completer: int | None = None) -> bool:
    """Say whether one of the ``versions`` of a record makes it stale.

    Whoever ran something somewhere else must not end the evidence of others by it: of evidence its
    author, an admin and ``completer``, who hands it in, say that there is another version, and a
    file that was shared is one. An approval ends by anybody's word.
    """
    is_own = other.an in (row.an, completer)
    return row.kind == "approval" or is_own or bool(other.ranked) or other.kind == OBJECT


def may_replace(older: rows.Record, newer: rows.Record) -> bool:
    """Say whether ``newer`` takes ``older`` out of force by superseding it.

    One's own always does; what an admin said, a charter, an admin alone replaces.
    """
    return newer.an == older.an or bool(newer.ranked) or not older.ranked


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


def plain(content: Iterable[tuple[str, object]]) -> Json:
    """Return the open fields of a body as a row has them."""
    return {key: list(one) if isinstance(one, tuple) else one for key, one in content}


def shows(row: rows.Record, *, stale: bool) -> bool:
    """Say whether a record is evidence that a gate can count."""
    is_good = row.kind == "evidence" and fields(row).get("result") != "fail"
    return is_good and row.retracted is None and not stale


def grade(row: rows.Record) -> str | None:
    """Return how evidence came about by its own account, None for another kind."""
    if row.kind != "evidence":
        return None
    known = fields(row)
    is_run = known.get("grade") == RECORDED and not lacking_of_run(known)
    return RECORDED if is_run else SELF_REPORTED


def lacking_of_run(known: Json) -> list[str]:
    """Return the names of what `envoy run` writes and these fields have not, or not so.

    Whoever signs a record can make all of it up.
    """
    found = [name for name, kind in RECORDED_FIELDS.items() if type(known.get(name)) is not kind]
    digest = str(known.get("output_sha256"))
    if len(digest) != SHA256_DIGITS or not set(digest) <= set("0123456789abcdef"):
        found.append("output_sha256")
    if known.get("argv") == []:
        found.append("argv")
    return sorted(set(found))


def state(row: rows.Record, look: Look, *, stale: bool) -> str:
    """Return where a record stands."""
    if row.retracted is not None:
        return "withdrawn" if row.kind == "objection" else RETRACTED
    live = _live(row, look)
    answers = [one.row for one in live if one.rel == "answers"]
    newer = [one.row for one in live if one.rel == SUPERSEDES]
    replaced = any(may_replace(row, one) for one in newer)
    match row.kind:
        case "evidence":
            return "stale" if stale else "current"
        case "objection":
            if any(one.an == row.an for one in answers):
                return "repaired"
            return "overruled" if any(one.ranked for one in answers) else "open"
        case "risk":
            return "closed" if any(one.an == row.an or one.ranked for one in answers) else "open"
        case "repair":
            return "accepted" if _is_accepted(row, answers, look) else "proposed"
        case "approval":
            return SUPERSEDED if replaced else "stale" if stale else "stands"
        case "handoff":
            return str(fields(row)["standing"])
        case _:
            if replaced:
                return SUPERSEDED
            is_blocked = any(_blocks(one, look) for one in live)
            return "contested" if newer or is_blocked else "in_force"


def _live(row: rows.Record, look: Look) -> list[Beside]:
    """Return what refers to a record and was not taken back."""
    return [one for one in look.beside(row) if one.row.retracted is None]


def _blocks(one: Beside, look: Look) -> bool:
    """Say whether what refers to a record is a blocking objection to it that is open."""
    if one.rel != "contradicts" or one.row.kind != "objection":
        return False
    is_blocking = fields(one.row).get("severity") == "blocking"
    return is_blocking and state(one.row, look, stale=False) == "open"


def _is_accepted(row: rows.Record, answers: Sequence[rows.Record], look: Look) -> bool:
    """Say whether an admin answers a repair, or whoever wrote what it repairs; never its author."""
    named = [ref for ref in listed(row.refs) if isinstance(ref, dict) and ref["rel"] == "repairs"]
    found = [look.find(ids.from_text(str(ref["id"]), *ids.EVENT_PREFIXES)) for ref in named]
    wronged = {one.an for one in found if one is not None}
    return any(one.an != row.an and (one.ranked or one.an in wronged) for one in answers)


def shown(row: rows.Record, look: Look, *, of_task: Iterable[rows.Record]) -> Shown:
    """Return a record with what stands around it; ``of_task`` are the records of its task."""
    others, near = versions(row, of_task), look.beside(row)
    once = look._replace(beside=lambda one: near if one is row else look.beside(one))
    stale = any(outdates(one, row) for one in others)
    found = state(row, once, stale=stale)
    return Shown(row, found, stale, tuple(_live(row, once)), tuple(others))


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
    """Return the texts that correct a record, what refers to it, who names another version."""
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
            {
                "rel": one.rel,
                "record_id": ids.to_text("rec", one.row.id),
                "kind": one.row.kind,
                "by": people.actor(one.row.an),
            }
            for one in found.beside
        ],
        "other_versions": [
            {
                "event_id": ids.to_text("evt", one.id),
                "kind": one.kind,
                "subject": one.subject,
                "by": people.actor(one.an),
                "makes_stale": outdates(one, found.row),
            }
            for one in found.versions[-VERSIONS_SHOWN:]
        ],
    }
