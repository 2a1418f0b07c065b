"""Records: the bodies of typed records, of verdicts on work and of the gates that ask for both.

Apart from ``core.bodies`` because they are one family: what is said *about* work, by whoever looks
at it. Which types, fields and relations a kind of record must have is no matter of its bytes: a
record that lacks them is kept and refused by the fold (``state.records``), so that new kinds can
come without making the old builds call them invalid.

Specification: docs/spec/kinds.md; docs/spec/records.md. Test vectors: tests/vectors/kinds.json.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core.bodies import Ref
from envoy.core.codec import B32, Open, bounded, refuse_unless
from envoy.core.structs import Body

APPROVE: Final = "approve"
REQUEST_CHANGES: Final = "request_changes"
REJECT: Final = "reject"
# The stricter first.
VERDICTS: Final = (REJECT, REQUEST_CHANGES, APPROVE)


class Record(Body, frozen=True):
    """Something said about the work: evidence, a decision, an objection, by ``kind``."""

    kind: str
    type: str | None
    task: B32 | None
    text: str
    fields: Open
    subject: str | None
    refs: tuple[Ref, ...]

    def check(self) -> None:
        """Refuse over-long texts and lists, and a record of no kind."""
        bounded(self.kind, limits.LABEL_BYTES_MAX, empty=False)
        if self.type is not None:
            bounded(self.type, limits.LABEL_BYTES_MAX, empty=False)
        bounded(self.text, limits.TEXT_BYTES_MAX)
        if self.subject is not None:
            bounded(self.subject, limits.TITLE_BYTES_MAX, empty=False)
        refuse_unless(len(self.fields) <= limits.LABELS_MAX)
        refuse_unless(len(self.refs) <= limits.REFS_MAX)


class RecordRetract(Body, frozen=True):
    """The record ``record`` is taken back; that it was there stays."""

    record: B32
    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class Poll(Body, frozen=True):
    """A question with the answers that are on offer; nothing counts them."""

    question: str
    options: tuple[str, ...]

    def check(self) -> None:
        """Refuse no question, too few or many options, one of several lines, one twice."""
        bounded(self.question, limits.TEXT_BYTES_MAX, empty=False)
        for option in self.options:
            bounded(option, limits.TITLE_BYTES_MAX, empty=False)
        refuse_unless(limits.POLL_OPTIONS_MIN <= len(self.options) <= limits.POLL_OPTIONS_MAX)
        refuse_unless(len(set(self.options)) == len(self.options))
        refuse_unless(not any("\n" in text for text in (self.question, *self.options)))


class ConflictResolve(Body, frozen=True):
    """The author has looked at ``conflict`` and keeps the side of the act ``keep``."""

    conflict: B32
    keep: B32
    note: str | None

    def check(self) -> None:
        """Refuse an over-long note."""
        bounded(self.note or "", limits.TEXT_BYTES_MAX)


class TaskGate(Body, frozen=True):
    """What a completion of ``task`` must meet from here on, in the place of what it was."""

    task: B32
    gate: Open

    def check(self) -> None:
        """Refuse more fields than a gate can have."""
        refuse_unless(len(self.gate) <= limits.LABELS_MAX)


class Frontier(Body, frozen=True):
    """What somebody had seen: the heads of the log, and the hash over them."""

    hash: B32
    heads: tuple[B32, ...]

    def check(self) -> None:
        """Refuse a pin of nothing, and more heads than an event can name."""
        refuse_unless(0 < len(self.heads) <= limits.DEPS_MAX)


class TaskHandoff(Body, frozen=True):
    """The holder of ``tenure`` passes ``task`` on: to ``to``, or to whoever takes it (nil).

    ``state`` is how far it says the task is, ``next`` what is to be done first, ``frontier`` what
    it had seen. ``evidence`` names events by id and by SHA-256 of their bodies.
    """

    task: B32
    tenure: B32
    to: B32 | None
    state: str
    next: str
    completed: tuple[str, ...]
    remaining: tuple[str, ...]
    commands: tuple[str, ...]
    risks: tuple[str, ...]
    questions: tuple[str, ...]
    evidence: tuple[Ref, ...]
    frontier: Frontier

    def check(self) -> None:
        """Refuse a handoff that says no next step, over-long texts and lists."""
        bounded(self.state, limits.LABEL_BYTES_MAX, empty=False)
        bounded(self.next, limits.TEXT_BYTES_MAX, empty=False)
        for many in (self.completed, self.remaining, self.commands, self.risks, self.questions):
            refuse_unless(len(many) <= limits.LABELS_MAX)
            for text in many:
                bounded(text, limits.HANDOFF_ITEM_BYTES_MAX, empty=False)
        refuse_unless(len(self.evidence) <= limits.REFS_MAX)


class TaskReview(Body, frozen=True):
    """The author's verdict on one completion, with what it rests on."""

    task: B32
    completion: B32
    verdict: str
    note: str | None
    evidence: tuple[B32, ...]

    def check(self) -> None:
        """Refuse an unknown verdict, an over-long note or list."""
        refuse_unless(self.verdict in VERDICTS)
        bounded(self.note or "", limits.TEXT_BYTES_MAX)
        refuse_unless(len(self.evidence) <= limits.REFS_MAX)
