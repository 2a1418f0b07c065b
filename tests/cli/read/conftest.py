"""A space in a home of rows, as the reads of the command line meet it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from console import Console, Result
from envoy import ids
from envoy.views import rows
from rowhome import T0, RowHome, digest
from schemas import problems

HELD_TEXT = "what nobody may read"


class Place(NamedTuple):
    """A home with one space and three members; `lead` looks."""

    home: RowHome
    console: Console
    space: rows.Space
    lead: rows.Member
    a1: rows.Member
    b2: rows.Member

    def call(self, *args: str, **more: str) -> Result:
        """Run `envoy` as `lead`."""
        return self.console.call(*args, ENVOY_PROFILE="lead", **more)

    def ok(self, schema: str, *args: str) -> dict[str, Any]:
        """Return the answer of a command that has to succeed and fit its schema."""
        found = self.call("--json", *args)
        assert found.status == 0 and found.err == "", found
        assert problems(found.data, schema) == []
        return found.data

    def text(self, *args: str) -> str:
        """Return what a person reads of a command that has to succeed."""
        found = self.call(*args)
        assert found.status == 0 and found.err == "", found
        return found.out

    def fails(self, code: str, *args: str) -> dict[str, Any]:
        """Return the error object of a command that has to fail with ``code``."""
        found = self.call("--json", *args)
        assert found.data["error_code"] == code, found
        assert problems(found.data, "error") == [] and found.status > 0
        return found.data

    def update(self, **fields: Any) -> None:
        """Change the row of the space."""
        self.home.save(self.space._replace(**fields))


def task_id(task: rows.Task) -> str:
    """Return the id of a task as text."""
    return ids.to_text("task", task.id)


def event_id(item: rows.Item) -> str:
    """Return the id of an event as text."""
    return ids.to_text("evt", item.id)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    home = RowHome(tmp_path)
    space = home.space(next_n=1000)
    lead = home.member(space, "lead", role="owner", type="human")
    members = (home.member(space, name) for name in ("a1", "b2"))
    yield Place(home, Console(tmp_path), space, lead, *members)
    home.connection.close()


@pytest.fixture
def busy(place: Place) -> Place:
    """The same space after some work."""
    home, space, lead, a1, b2 = place.home, place.space, place.lead, place.a1, place.b2
    home.item(space, lead, "Welcome all")
    said = home.item(space, a1, "root cause: off by one\nin next_token")
    home.item(space, b2, "I agree", reply_to=said.id)
    home.item(space, b2, "an orphan", reply_to=digest("nowhere"))
    home.item(space, b2, HELD_TEXT, status="held", cause="R3", reason=None)
    home.task(
        space,
        lead,
        "Repro crash",
        priority=0,
        state="claimed",
        assignee=a1.an,
        is_claim=1,
        claim_state="confirmed",
        fence=4,
        lease_ms=T0 + 10**12,
        labels='["parser"]',
    )
    blocked = home.task(
        space, lead, "Audit checks", priority=1, state="blocked", assignee=lead.an, conflicts=1
    )
    needed = f'["{task_id(blocked)}"]'
    home.task(space, lead, "Write it up", needs=needed)
    home.task(
        space,
        a1,
        "Old thing",
        state="completed",
        completed_by=a1.an,
        assignee=a1.an,
        summary="all done",
        evidence=f'["{event_id(said)}"]',
        completion=digest("done"),
    )
    home.save(
        rows.Conflict(
            space.sn,
            digest("conflict"),
            blocked.id,
            "lost_claim",
            digest("winner"),
            digest("loser"),
            "3.2",
            "open",
        )
    )
    place.update(unread=4, events=12)
    return place
