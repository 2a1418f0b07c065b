"""The queries behind conflicts and references, on a home made of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy.storage.trace_views import TraceViews
from envoy.views import rows
from envoy.views.provenance import Step, Steps
from rowhome import RowHome, digest


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RowHome]:
    made = RowHome(tmp_path)
    yield made
    made.connection.close()


def test_conflicts_come_in_pages_those_of_one_actor_too(home: RowHome) -> None:
    space = home.space()
    lead, one = (home.member(space, name, role="write") for name in ("lead", "one"))
    mine, other = home.item(space, lead), [home.item(space, one) for _ in range(3)]
    pairs = [(mine.id, other[0].id), (other[1].id, other[2].id), (other[1].id, mine.id)]
    for at, (winner, loser) in enumerate(pairs):
        status = "resolved" if at == 0 else "open"
        key = (space.sn, bytes([at]) * 32, digest("task"), "lost_claim", winner, loser)
        home.save(rows.Conflict(*key, "tie", status))
    views = TraceViews(home.connection)
    first = views.conflicts(space.sn, after=None, limit=2)
    rest = views.conflicts(space.sn, after=(first[-1].status, first[-1].id), limit=2)
    assert [row.id[0] for row in [*first, *rest]] == [1, 2, 0]
    own = views.conflicts(space.sn, after=None, limit=9, actor=lead.an)
    assert [row.id[0] for row in own] == [2, 0]
    assert views.counts(space.sn) == {"open": 2, "resolved": 1}
    assert views.conflict(space.sn, bytes(32)) == rest[0]
    assert views.conflict_ids(space.sn, bytes(32), b"\1" * 32) == [bytes(32), b"\1" * 32]
    assert views.acts(space.sn, [mine.id, digest("gone")])[mine.id].an == lead.an


def test_references_are_found_from_both_ends_and_what_is_beyond_is_counted(home: RowHome) -> None:
    space = home.space()
    lead = home.member(space, "lead", role="owner")
    start, task, gone = home.item(space, lead), home.task(space, lead, "work"), digest("gone")
    naming = [home.item(space, lead, reply_to=start.id, task=task.id) for _ in range(3)]
    home.save(rows.Link(space.sn, start.id, 0, "supports", gone))
    views = TraceViews(home.connection)
    assert views.back(space.sn, start.id, 9) == Steps([Step("supports", gone)], 0)
    assert views.forward(space.sn, gone, 9) == Steps([Step("supports", start.id)], 0)
    assert views.back(space.sn, gone, 9) == Steps([], 0)
    found = views.forward(space.sn, start.id, 2)
    assert {one.rel for one in found.found} == {"reply_to"} and found.more == 1
    every = views.forward(space.sn, task.id, 3)
    assert sorted(one.other for one in every.found) == sorted(one.id for one in naming)
    assert every.more == 0 and views.back(space.sn, naming[0].id, 1).more == 1
