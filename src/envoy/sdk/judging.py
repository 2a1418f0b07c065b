"""Judging: what is handed in, and what is handed over.

Specification: docs/spec/tasks.md, Reviews, Gates and Handoffs; docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envoy.replica.actions import handoffs, names
from envoy.replica.actions import reviews as acts
from envoy.sdk import given, reading, writing
from envoy.sdk.access import Place
from envoy.sdk.acts import Deed, Transition, do
from envoy.sdk.given import Named, Span
from envoy.sdk.proofs import Checked, Review
from envoy.sdk.records import review_of
from envoy.sdk.tasks import REQUIRE, Work
from envoy.views import handoffs as shapes
from envoy.views import rows
from envoy.views.space import space_id


@dataclass(frozen=True, slots=True, repr=False)
class Reviews:
    """What is handed in, in a space, to be judged."""

    _place: Place

    def list(self, *, every: bool = False) -> Iterator[Review]:
        """Go through what waits for this profile; ``every``: through all that is handed in."""
        wanted = given.switch(every, "every")
        return map(Review, reading.each(self._place, reading.reviews_of(every=wanted)))

    def get(self, task: Named) -> Review:
        """Return what a task is asked for, what it has, and what is missing."""
        return review_of(self._place, task)

    def approve(
        self,
        task: Named,
        note: str | None = None,
        *,
        evidence: Sequence[Named] = (),
        key: str | None = None,
    ) -> Transition:
        """Approve what was handed in; the last approval that a gate wants completes the task.

        Raises AuthorityError (self_review_denied, capability_missing), ConflictError.
        """
        words = None if note is None else given.text(note, "note")
        return self._judge("approve", task, words, given.idents(evidence, "evidence"), key)

    def request_changes(self, task: Named, note: str, *, key: str | None = None) -> Transition:
        """Ask for changes: its holder keeps the task."""
        return self._judge("request_changes", task, given.body(note, "note"), (), key)

    def reject(self, task: Named, note: str, *, key: str | None = None) -> Transition:
        """Reject it: the holding ends and the task is open again."""
        return self._judge("reject", task, given.body(note, "note"), (), key)

    def _judge(
        self, verdict: str, task: Named, note: str | None, shown: tuple[str, ...], key: str | None
    ) -> Transition:
        """Give a verdict and return what it changed."""
        call = given.key(key)

        def act(replica: names.Copy, ident: bytes) -> rows.Transition:
            evidence = writing.events(replica, shown)
            return acts.review(replica, ident, verdict, note=note, evidence=evidence, key=call)

        return do(self._place, given.ident(task, "task"), Deed(verdict, act))


@dataclass(frozen=True, slots=True, repr=False)
class Handoffs:
    """What holders left for whoever takes their work over. One is made by `Work.hand_off`."""

    _place: Place

    def accept(
        self,
        handoff: Named,
        *,
        require: str = "any",
        lease: Span = "15m",
        key: str | None = None,
    ) -> Work:
        """Take a task over by countersigning what its holder left.

        Raises IntegrityError(signature_invalid) for what does not prove itself, AuthorityError
        (not_assignee) where it is for another, AlreadyClaimedError, ConflictError.
        """
        text, wanted = given.ident(handoff, "handoff"), given.choice(require, "require", REQUIRE)
        seconds = given.lease(lease)
        call, session = given.key(key), self._place.access.config.session
        with self._place.writing() as replica:
            done = handoffs.accept(
                replica,
                names.event(replica, text),
                session=session,
                lease_s=seconds,
                require=wanted,
                key=call,
            )
            taken = Transition(writing.transition(done, replica, name="accept"))
        return Work(self._place, taken, lease_s=seconds)

    def verify(self, handoff: Named) -> Checked:
        """Return a handoff with what can be checked of it here.

        Raises IntegrityError(signature_invalid) for what does not prove itself.
        """
        text = given.ident(handoff, "handoff")
        with self._place.writing() as replica:
            row = handoffs.known(replica, names.event(replica, text))
            found = handoffs.checked(replica, row)
            people, space = names.people(replica), replica.space
            return Checked(
                {
                    **shapes.handoff(row, people, space=space_id(space)),
                    **shapes.verified(found),
                    "space_name": space.name,
                    "path": None,
                    "untrusted_fields": list(shapes.UNTRUSTED),
                }
            )
