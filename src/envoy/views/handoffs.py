"""Handoffs: what a holder left for whoever takes the work over, and what of it can be checked.

A handoff is a record of its own kind: the next action, what is done and what remains, risks, open
questions, evidence, and the pinned frontier, which says what its giver had seen. It is signed by
the giver; the claim that names it is the taker's countersignature.

Laws: nothing is inferred: what a giver did not write is an empty list, what cannot be checked here
is unknown and is said to be.

Specification: docs/spec/tasks.md, Handoffs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from envoy import ids, limits
from envoy.lean import NamedTuple
from envoy.views import records, rows
from envoy.views.objects import Noting
from envoy.views.people import Json, People, actor, stamp
from envoy.views.tasks import listed

KIND: Final = "handoff"
LISTS: Final = ("completed", "remaining", "commands", "risks", "questions")
UNTRUSTED: Final = ["next", *LISTS, "*_name", "*_display"]
# What a check may say.
OK, UNKNOWN, BAD = "ok", "unknown", "bad"
VALID, PARTIAL, INVALID = "valid", "partial", "invalid"
# Why a piece of evidence is unknown: it cannot be read, its giver had not seen it, it is not here.
DIGEST, UNSEEN, MISSING = "digest", "unseen", "missing"
COUNTING: Final = ("ok", "ok*")

Cut = Callable[[object, str], object]  # a text and the field it stands in


class Check(NamedTuple):
    """One thing that was looked at: ``event`` is what it is about, ``detail`` our own word."""

    name: str
    state: str
    event: bytes
    detail: str | None = None


class Verified(NamedTuple):
    """What a copy can say of a handoff.

    ``since`` counts the events here that the giver had not seen; ``is_all`` says that all were
    counted.
    """

    checks: Sequence[Check]
    since: int
    is_all: bool

    @property
    def word(self) -> str:
        """Return valid, partial where something is unknown here, or invalid."""
        states = {one.state for one in self.checks}
        return INVALID if BAD in states else PARTIAL if UNKNOWN in states else VALID


Status = Callable[[bytes], str | None]  # of an event that is here; None: it is not


def checks(row: rows.Record, status: Status) -> list[Check]:
    """Return what a copy can say of a handoff from its row: frontier, heads, evidence.

    The one judge of it: a Work Record asks it, and `handoff verify`, which looks at the signatures
    over the kept bytes besides.
    """
    content = said(row)
    pinned, proved = content["frontier"], content["proved"]
    assert isinstance(pinned, dict) and isinstance(proved, dict)
    found = [Check("frontier", str(proved["frontier"]), row.id)]
    for text in pinned["heads"]:
        head = ids.from_text(str(text), *ids.EVENT_PREFIXES)
        found.append(Check("head", UNKNOWN if status(head) is None else OK, head))
    for ref, word in zip(listed(row.refs), proved["evidence"], strict=True):
        event = ids.from_text(str(_id_of(ref)), *ids.EVENT_PREFIXES)
        found.append(_evidence(event, str(word), status(event)))
    return found


def _evidence(event: bytes, word: str, status: str | None) -> Check:
    """Return whether a piece of evidence is here, counts, and is what the giver meant."""
    if status is None:
        return Check("evidence", UNKNOWN, event, MISSING)
    if word == DIGEST:
        return Check("evidence", UNKNOWN, event, DIGEST)
    if status not in COUNTING:
        return Check("evidence", BAD, event, status)
    if word == UNSEEN:
        return Check("evidence", UNKNOWN, event, UNSEEN)
    return Check("evidence", word, event, DIGEST if word == BAD else None)


class Handed(NamedTuple):
    """The handoffs of a Work Record, by (lam, id), and what can be said of each."""

    found: Sequence[rows.Record]
    words: Mapping[bytes, str]
    people: People
    space: str

    def section(self, notes: Noting) -> list[Json]:
        """Return the newest handoffs, their texts cut."""
        shown = self.found[-limits.LIST_ROWS_DEFAULT :]
        left_out = len(self.found) - len(shown)
        notes.omit("handoffs", left_out, f"envoy record list {self.space}")
        return [self._entry(row, f"handoffs[{at}]", notes) for at, row in enumerate(shown)]

    def questions(self, start: int, notes: Noting) -> list[Json]:
        """Return what the givers of the newest handoffs did not know, one question an entry."""
        shown = self.found[-limits.LIST_ROWS_DEFAULT :]
        asked = [(row, one) for row in shown for one in listed_of(row, "questions")]
        first = max(0, len(asked) - limits.LIST_ROWS_DEFAULT)
        notes.omit("open_questions", first, f"envoy record list {self.space}")
        return [
            {
                "reason": "handoff_question",
                "id": (name := ids.to_text("rec", row.id)),
                "text": notes.text(text, f"open_questions[{at}].text", name),
                "by": self.people.did_text(row.an),
            }
            for at, (row, text) in enumerate(asked[first:], start)
        ]

    def cited(self) -> dict[bytes, bytes | None]:
        """Return the evidence of the newest handoffs, with their task."""
        return {
            ids.from_text(str(_id_of(ref)), *ids.EVENT_PREFIXES): row.task
            for row in self.found[-limits.LIST_ROWS_DEFAULT :]
            for ref in listed(row.refs)
        }

    def _entry(self, row: rows.Record, path: str, notes: Noting) -> Json:
        """Return one handoff."""
        name = ids.to_text("rec", row.id)

        def cut(text: object, field: str) -> object:
            return notes.text(text, f"{path}.{field}", name)

        made = handoff(row, self.people, space=self.space, cut=cut)
        return {**made, "verify": self.words[row.id]}


def whole(value: object, _field: str) -> object:
    """Return a text as it is."""
    return value


def said(row: rows.Record) -> Json:
    """Return what a handoff says beside its next action, and what became of it."""
    return records.fields(row)


def listed_of(row: rows.Record, name: str) -> list[object]:
    """Return one of the LISTS of a handoff."""
    many = said(row)[name]
    assert isinstance(many, list)
    return many


def standing(row: rows.Record) -> str:
    """Return what became of a handoff."""
    return str(said(row)["standing"])


def handoff(row: rows.Record, people: People, *, space: str, cut: Cut = whole) -> Json:
    """Return a handoff; ``cut`` is asked about each text of its giver."""
    content = said(row)
    made: Json = {
        "record_id": ids.to_text("rec", row.id),
        "space_id": space,
        "kind": KIND,
        "state": content["standing"],
        "task_id": None if row.task is None else ids.to_text("task", row.task),
        "task_state": content["state"],
        "by": people.actor(row.an),
        "to": _member(content["to"], people),
        "next": cut(row.text, "next"),
    }
    for name in LISTS:
        made[name] = [cut(one, name) for one in listed_of(row, name)]
    made["evidence"] = [_id_of(one) for one in listed(row.refs)]
    made["frontier"] = content["frontier"]
    made["act_id"] = content["act"]
    made["created_at"] = stamp(row.created_ms)
    return made


def _member(text: object, people: People) -> Json | None:
    """Return the Actor of a did in text form, None for nobody."""
    if not isinstance(text, str):
        return None
    did = ids.did_key(text)
    found = next((row.an for row in people.all() if row.did == did), None)
    return actor(did, None) if found is None else people.actor(found)


def _id_of(ref: object) -> object:
    """Return what a reference names."""
    assert isinstance(ref, dict)
    return ref["id"]


def verified(found: Verified) -> Json:
    """Return what was checked and what that comes to."""
    return {
        "verify": found.word,
        "valid": found.word == VALID,
        "checks": [
            {
                "name": one.name,
                "state": one.state,
                "event_id": ids.to_text("evt", one.event),
                "detail": one.detail,
            }
            for one in found.checks
        ],
        "since": found.since,
        "since_complete": found.is_all,
    }
