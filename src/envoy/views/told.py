"""Told: what typed records say in a Work Record: charter, decisions, objections, risks, evidence.

Loaded only for a space that has records. Only what stands is listed: what was retracted, replaced,
answered or overruled is in `envoy record list`.

Specification: docs/spec/work-record.md; docs/spec/records.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from envoy import ids, limits
from envoy.lean import NamedTuple, Protocol
from envoy.views import records, rows
from envoy.views.objects import Noting
from envoy.views.people import Json, People, stamp
from envoy.views.tasks import listed

DECISION: Final = "decision"
STANDING: Final = frozenset(("in_force", "contested"))
# Kind -> the section that lists it, and the states in which it stands.
SECTIONS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    DECISION: ("decisions", STANDING),
    "objection": ("objections", frozenset(("open",))),
    "risk": ("risks", frozenset(("open",))),
}
CHARTER: Final = "charter"
APPROVAL: Final = "approval"
EVIDENCE: Final = "evidence"
KINDS: Final = (*SECTIONS, CHARTER, APPROVAL)


class Handed(Protocol):
    """What shows the handoffs of a space (``views.handoffs``)."""

    def section(self, notes: Noting, /) -> list[Json]:
        """Return the handoffs that somebody may have to act on."""

    def questions(self, start: int, notes: Noting, /) -> list[Json]:
        """Return what their givers did not know."""

    def cited(self) -> Mapping[bytes, bytes | None]:
        """Return the evidence that they rest on, with their task."""


class Told(NamedTuple):
    """The records of a space that have a section, by (lam, id), and those that tasks name."""

    found: Sequence[records.Shown]
    named: Mapping[bytes, records.Shown]
    people: People
    space: str
    given: Sequence[rows.Record] = ()  # handoffs, by (lam, id)
    handed: Handed | None = None  # what shows them, loaded where there are any

    def sections(self, notes: Noting) -> Json:
        """Return the sections; of each the newest are shown and the rest is counted."""
        command = f"envoy record list {self.space}"
        charters = [one for one in self.found if _stands(one, CHARTER, STANDING)]
        notes.omit(CHARTER, len(charters) - 1, command)
        made: Json = {
            CHARTER: self._stance(charters[-1], CHARTER, notes) if charters else None,
        }
        for kind, (name, states) in SECTIONS.items():
            every = [one for one in self.found if _stands(one, kind, states)]
            shown = every[-limits.LIST_ROWS_DEFAULT :]
            notes.omit(name, len(every) - len(shown), command)
            made[name] = [self._stance(one, f"{name}[{at}]", notes) for at, one in enumerate(shown)]
        return made if self.handed is None else {**made, "handoffs": self.handed.section(notes)}

    def questions(self, start: int, notes: Noting) -> list[Json]:
        """Return what is left open: objections, approvals put off, what handoffs ask; newest last.

        ``start`` is where they begin in the list of open questions.
        """
        reasons = [(reason, one) for one in self.found if (reason := _leaves_open(one))]
        shown = reasons[-limits.LIST_ROWS_DEFAULT :]
        command = f"envoy record list {self.space}"
        notes.omit("open_questions", len(reasons) - len(shown), command)
        made: list[Json] = [
            {
                "reason": reason,
                "id": (name := ids.to_text("rec", one.row.id)),
                "text": notes.text(one.row.text, f"open_questions[{at}].text", name),
                "by": self.people.did_text(one.row.an),
            }
            for at, (reason, one) in enumerate(shown, start)
        ]
        return (
            made if self.handed is None else made + self.handed.questions(start + len(made), notes)
        )

    def cited(self) -> Mapping[bytes, bytes | None]:
        """Return the evidence that listed decisions and handoffs rest on, with their task."""
        states = SECTIONS[DECISION][1]
        every = [one for one in self.found if _stands(one, DECISION, states)]
        found = {
            event: one.row.task
            for one in every[-limits.LIST_ROWS_DEFAULT :]
            for event in refs_of(one.row)
            if event in self.named and self.named[event].row.kind == EVIDENCE
        }
        return found if self.handed is None else {**found, **self.handed.cited()}

    def proof(self, event: bytes, path: str, notes: Noting) -> Json:
        """Return what makes a record of the evidence ``event``; nothing for another event."""
        found = self.named.get(event)
        return {} if found is None else self._record(found, path, notes)

    def _record(self, found: records.Shown, path: str, notes: Noting) -> Json:
        """Return what a record has and other events have not, its texts cut."""
        row = found.row
        name = ids.to_text("rec", row.id)
        return {
            "record_id": name,
            "kind": row.kind,
            "type": notes.text(row.type, f"{path}.type", name),
            "state": found.state,
            "grade": records.grade(row),
            "subject": notes.text(row.subject, f"{path}.subject", name),
            "fields": {
                str(notes.text(key, f"{path}.fields", name)): notes.text(
                    one, f"{path}.fields", name
                )
                for key, one in records.fields(row).items()
            },
            "stale": found.stale,
        }

    def _stance(self, found: records.Shown, path: str, notes: Noting) -> Json:
        """Return a record as an entry of a section."""
        row = found.row
        made = self._record(found, path, notes)
        text = notes.text(row.text, f"{path}.text", str(made["record_id"]))
        return {
            **made,
            "refs": listed(row.refs),
            "task_id": None if row.task is None else ids.to_text("task", row.task),
            "by": self.people.actor(row.an),
            "at": stamp(row.created_ms),
            "event_status": "ok",
            "text": text,
            "visibility": "visible" if text == row.text else "partial",
        }


def refs_of(row: rows.Record) -> list[bytes]:
    """Return the events that a record refers to."""
    found = [one["id"] for one in listed(row.refs) if isinstance(one, dict)]
    return [ids.from_text(str(one), *ids.EVENT_PREFIXES) for one in found]


def _leaves_open(found: records.Shown) -> str | None:
    """Return as what sort of question a record stands open, None for one that does not."""
    if _stands(found, "objection", {"open"}):
        return "objection"
    is_put_off = records.fields(found.row).get("verdict") == "defer"
    return "deferred_approval" if _stands(found, APPROVAL, {"stands"}) and is_put_off else None


def _stands(found: records.Shown, kind: str, states: frozenset[str] | set[str]) -> bool:
    """Say whether a record is of a kind and in one of ``states``."""
    return found.row.kind == kind and found.state in states
