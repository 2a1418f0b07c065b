"""Conflicts and references as the command line shows them, with hostile texts in both sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import ids
from envoy.core.bodies import Message, Ref
from envoy.replica.actions import fields, tasks
from envoy.replica.actions.fields import Changes
from hostile import CONTROLS
from replica.beside import HOSTILE_NAME, HOSTILE_TEXT, say, settle, today
from replica.world import Actor, World
from schemas import problems


class Met:
    """Two members who met on two tasks, and the command line on their homes."""

    def __init__(self, root: Path) -> None:
        self.world: World = today(root)
        self.console = Console(root)
        self.lead, self.eve, self.other = self.world.team("lead", HOSTILE_NAME[:20], "other")
        self.tasks = [tasks.create(self.eve.copy, f"work {n}").after.id for n in range(2)]
        settle([self.lead, self.eve, self.other])
        for actor, text in ((self.lead, "by lead"), (self.eve, HOSTILE_TEXT)):
            self.apart(actor, text)
        settle([self.lead, self.eve, self.other])

    def apart(self, actor: Actor, text: str) -> None:
        """Let somebody edit both tasks while nobody answers."""
        actor.door.away = True
        for task in self.tasks:
            fields.edit(actor.copy, task, Changes(body=text))
        actor.door.away = False

    def ok(self, schema: str, *args: str, profile: str = "lead") -> dict[str, Any]:
        """Return an answer that fits its schema."""
        found = self.console.call("--json", *args, ENVOY_PROFILE=profile)
        assert found.status == 0, found
        assert problems(found.data, schema) == []
        return found.data

    def text(self, *args: str, profile: str = "lead") -> str:
        """Return what a person reads, which holds no control character and no forged line."""
        found = self.console.call(*args, ENVOY_PROFILE=profile)
        assert found.status == 0, found
        assert not [char for char in CONTROLS if char != "\n" and char in found.out]
        assert "\u202e" not in found.out and "\u200b" not in found.out
        assert not [one for one in found.out.splitlines() if one.startswith("| envoy:")]
        return found.out


@pytest.fixture
def met(tmp_path: Path) -> Iterator[Met]:
    """Return two members who met."""
    with_both = Met(tmp_path)
    yield with_both
    with_both.world.close()


def test_a_list_goes_on_page_by_page_the_open_ones_first(met: Met) -> None:
    whole = met.ok("conflicts", "conflicts", "list")
    names = [one["conflict_id"] for one in whole["conflicts"]]
    assert whole["counts"] == {"open": 2, "resolved": 0} and len(names) == 2
    (winner, loser) = whole["conflicts"][0]["sides"]
    assert (winner["side"], winner["text"], loser["side"]) == ("winner", "by lead", "loser")
    met.ok("conflict_resolved", "conflicts", "resolve", names[0], "--keep", winner["event_id"])
    first = met.ok("conflicts", "conflicts", "--limit", "1")
    assert first["conflicts"][0]["conflict_id"] == names[1] and first["page"]["has_more"]
    rest = met.ok("conflicts", "conflicts", "--cursor", first["page"]["next_cursor"])
    assert [one["conflict_id"] for one in rest["conflicts"]] == [names[0]]
    assert rest["conflicts"][0]["kept"] == winner["event_id"]
    assert met.ok("conflicts", "conflicts", "--mine", profile="other")["conflicts"] == []
    assert len(met.ok("conflicts", "conflicts", "--mine")["conflicts"]) == 2


def test_a_conflict_shows_both_sides_and_what_to_do(met: Met) -> None:
    ident = met.ok("conflicts", "conflicts")["conflicts"][0]["conflict_id"]
    found = met.ok("conflict", "conflicts", "show", ident[:14])
    assert found["kind"] == "field_conflict" and found["resolution"] is None and found["mine"]
    assert found["sides"][1]["text"] == HOSTILE_TEXT
    assert found["next_commands"][1] == f"envoy conflicts resolve {ident} --keep {found['winner']}"
    shown = met.text("conflicts", "show", ident)
    assert "two edits of one field" in shown and "the higher rank stands" in shown
    met.text("conflicts", "list")


def test_what_rests_on_an_event_is_found_from_both_ends(met: Met) -> None:
    gone, task = bytes(range(32)), met.tasks[0]
    refs = (Ref("supports", task, None), Ref(None, gone, None))
    (first,) = say(met.eve, Message(HOSTILE_TEXT, None, refs, (), (), None))
    (answer,) = say(met.eve, Message("yes", first, (), (), (), None))
    settle([met.eve, met.lead])
    found = met.ok("provenance", "provenance", ids.to_text("msg", answer))
    rels = {(one["rel"], one["to"]) for one in found["edges"]}
    assert rels == {
        ("reply_to", ids.to_text("msg", first)),
        ("supports", ids.to_text("task", task)),
        ("ref", ids.to_text("evt", gone)),
    }
    assert [one["status"] for one in found["nodes"]].count("missing") == 1
    assert found["diagnostics"] == [{"code": "missing", "count": 1}]
    args = ("provenance", ids.to_text("task", task), "--direction", "forward", "--depth", "2")
    forward = met.ok("provenance", *args)
    assert ids.to_text("msg", answer) in [one["id"] for one in forward["nodes"]]
    assert {"on_task", "supports", "reply_to"} == {one["rel"] for one in forward["edges"]}
    assert "MISSING" in met.text("provenance", ids.to_text("msg", answer))
    met.text(*args)


def test_what_nobody_named_is_no_edge(met: Met) -> None:
    found = met.ok("provenance", "provenance", ids.to_text("task", met.tasks[0]))
    assert found["edges"] == []
    assert found["diagnostics"] == [{"code": "no_explicit_references", "count": 1}]


def test_an_assignment_leads_to_the_member_who_gets_the_task(met: Met) -> None:
    done = tasks.assign(met.lead.copy, met.tasks[1], met.other.me)
    assert done.event is not None
    found = met.ok("provenance", "provenance", ids.to_text("evt", done.event))
    assert ("tenure", ids.did_text(met.other.me)) in [
        (one["rel"], one["to"]) for one in found["edges"]
    ]
    assert [one["type"] for one in found["nodes"]].count("member") == 1
    assert "member " in met.text("provenance", ids.to_text("evt", done.event))
