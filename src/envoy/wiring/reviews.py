"""Reviews: the tasks that are handed in, with what their gates look at, as a profile reads them.

Records are read here too. Beside the reads, since few commands ask for either.

Specification: docs/spec/tasks.md, Reviews and Gates.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids, limits
from envoy.storage.record_views import RecordViews
from envoy.views import rows
from envoy.views.names import SUBMITTED
from envoy.views.pages import Key
from envoy.views.reviews import Bench, Named
from envoy.views.tasks import listed
from envoy.wiring.reads import Reader


def views_of(reader: Reader) -> RecordViews:
    """Return what the database of a reader says about records."""
    return RecordViews(reader.connection)


class Docket:
    """The tasks of one space that somebody may judge."""

    def __init__(self, reader: Reader, space: rows.Space) -> None:
        self._reader = reader
        self._space = space
        self._views = views_of(reader)
        self._people = reader.people(space)

    def benches(self, after: Key | None) -> Iterator[Bench]:
        """Yield what is handed in behind ``after``, by (priority, lam, id)."""
        while True:
            found = self._reader.views.tasks(
                self._space.sn, states=(SUBMITTED,), after=after, limit=limits.LIST_ROWS_DEFAULT
            )
            for row in found:
                yield self.bench(row)
                after = (row.priority, row.lam, row.id)
            if len(found) < limits.LIST_ROWS_DEFAULT:
                return

    def bench(self, row: rows.Task) -> Bench:
        """Return a task with all that its gate looks at."""
        done = row.completion
        texts = [str(one["review_id"]) for one in listed(row.reviews) if isinstance(one, dict)]
        acts = {text: self._item(ids.from_text(text, "evt")) for text in texts}
        return Bench(
            space=self._space,
            row=row,
            people=self._people,
            me=self._reader.me_an(),
            handed_in=None if done is None else self._item(done),
            verdicts={text: act for text, act in acts.items() if act is not None},
            holders=self._holders(row),
            evidence=[self._named(ids.from_text(str(one), "evt")) for one in listed(row.evidence)],
        )

    def _item(self, event: bytes) -> rows.Item | None:
        """Return the line of an event."""
        return self._views.item(self._space.sn, event)

    def _named(self, event: bytes) -> Named:
        """Return what a completion names."""
        row = self._views.record(self._space.sn, event)
        shown = None if row is None else self._views.shown(row)
        return Named(event, self._item(event), shown)

    def _holders(self, row: rows.Task) -> frozenset[bytes]:
        """Return who holds the task or held it."""
        made = self._item(row.id)
        acts = self._views.tenures(self._space.sn, row.id)
        given = {act.target for act in (*acts, *((made,) if made else ())) if act.target}
        taken = {self._people.did(act.an) for act in acts if act.kind == "task.claim"}
        return frozenset(given | taken)
