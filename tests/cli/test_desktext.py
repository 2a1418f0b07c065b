"""What a person reads of verdicts, chains and the desk says what the JSON says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import ids, limits
from envoy.core import bodies
from envoy.views.desk import EPOCH_WORDS, FRAME_WORDS
from replica.beside import Removal, removal, say, settle, today
from replica.world import DAY_MS, World


class Scene:
    """A space after a removal, with a delegation for one task, and the command line on it."""

    def __init__(self, root: Path) -> None:
        self.world: World = today(root)
        self.console = Console(root)
        self.found: Removal = removal(self.world)
        lead = self.found.lead
        reader = self.world.actor("reader")
        reader.join(lead.code(role="read"))
        lead.sync()
        created = bodies.TaskCreate("a", "", (), 2, None, (), None, (), (), None)
        (self.task,) = say(lead, created)
        na = self.world.clock.now + DAY_MS
        (self.grant,) = say(lead, bodies.Delegate(reader.me, "write", self.task, 0, na, None))
        settle([lead, reader])

    def json(self, *args: str) -> dict[str, Any]:
        """Return an answer of the lead's profile."""
        return self.console.ok("--profile", "lead", *args)

    def text(self, *args: str) -> list[str]:
        """Return the lines that a person reads."""
        found = self.console.call("--profile", "lead", *args)
        assert found.status == 0, found
        return found.out.splitlines()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("desk"))
    yield made
    made.world.close()


def evt(event: bytes) -> str:
    """Return an event id as text."""
    return ids.to_text("evt", event)


def short(prefix: str, ident: bytes) -> str:
    """Return an id as people read it."""
    return ids.to_text(prefix, ident)[: len(prefix) + 7]


def test_a_grant_for_one_task_says_for_which(scene: Scene) -> None:
    task = ids.to_text("task", scene.task)
    shown = scene.text("can", "@reader", "write", "--task", task)
    assert shown[0].endswith(f"may write on {short('task', scene.task)}")
    assert f"write on {short('task', scene.task)}" in shown[-1]
    assert f"{short('grant', scene.grant)} delegate" in shown[-1] and shown[-1].endswith("live")


def test_what_is_asked_of_the_past_says_of_when(scene: Scene) -> None:
    held = scene.found.held[0]
    did = ids.did_text(scene.found.eve.me)
    (head, *_) = scene.text("can", did, "write", "--at", evt(held))
    assert head.endswith(f"may write as {short('evt', held)} saw it")


def test_a_chain_that_is_cut_does_not_pass_for_a_whole_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = "the chain does not lead to the genesis here"
    assert cut not in scene.text("can", "@other", "write")
    monkeypatch.setattr(limits, "ROWS_MAX", 2)
    assert cut in scene.text("can", "@other", "write")


def test_an_epoch_says_which_rule_lets_it_be_written_under(scene: Scene) -> None:
    sql = "SELECT id FROM event WHERE kind = 'epoch.create' ORDER BY lam"
    for create in scene.found.lead.connection.rows(bytes, sql):
        told = scene.json("why", evt(create))["epoch"]
        word = "adequate" if told["adequate"] else "not adequate"
        line = f"epoch   {word}  {told['rule']}: {EPOCH_WORDS[told['rule']]}"
        assert line in scene.text("why", evt(create))


def test_the_reason_of_an_act_stands_behind_a_bar(scene: Scene) -> None:
    shown = scene.text("why", evt(scene.found.held[0]))
    at = next(number for number, line in enumerate(shown) if line.startswith("because remove "))
    assert shown[at + 1].lstrip() == "| key lost"


def test_an_act_without_a_reason_has_nothing_behind_a_bar(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    lead, eve = world.team("lead", "eve")
    eve.door.away = True
    beside = eve.send("beside").event
    say(lead, bodies.Remove(eve.me, "", ()))
    eve.door.away = False
    settle([eve, lead])
    world.close()
    shown = console.call("--profile", "lead", "why", evt(beside)).out
    assert "HELD" in shown and "because remove " in shown and "\n|" not in shown


def test_what_is_no_event_here_says_what_is_known_of_it(tmp_path: Path) -> None:
    world, console = today(tmp_path), Console(tmp_path)
    (lead,) = world.team("lead")
    sn = lead.space.sn
    waiting, refused = (bytes([number]) * 32 for number in (1, 2))
    lead.connection.run(
        "INSERT INTO parked VALUES(?, ?, 'waiting', ?, NULL, 1, x'00')", (sn, waiting, refused)
    )
    sql = "INSERT INTO quarantine VALUES(?, ?, 'bad_signature', 'hub', 9, 1)"
    lead.connection.run(sql, (sn, refused))
    world.close()

    def lines(*args: str) -> list[str]:
        found = console.call("--profile", "lead", *args)
        assert found.status == 0, found
        return found.out.splitlines()

    shown = lines("why", evt(waiting))
    assert shown[0] == f"{short('evt', waiting)}  WAITING"
    assert f"rule    {FRAME_WORDS['waiting']}" in shown
    assert f"lacks   {short('evt', refused)}" in shown and shown[-1] == "next: envoy sync"
    shown = lines("quarantine", "show", evt(refused))
    assert shown[0] == f"{short('evt', refused)}  QUARANTINED"
    assert f"rule    S1: {FRAME_WORDS['quarantined']}" in shown
    assert {"code    bad_signature", "source  hub", "size    9"} <= set(shown)
    assert shown[-1] == "next: stop and report"
    assert not [line for line in shown if line.startswith("says")]


def test_an_event_of_the_desk_without_a_text_shows_only_what_it_did(scene: Scene) -> None:
    shown = scene.text("quarantine", "show", evt(scene.grant))
    assert shown[-1].startswith("says    ok  ")
    assert scene.text("quarantine", "show", evt(scene.found.seen))[-1].lstrip() == "| before"


def test_an_act_that_cites_all_its_author_wrote_reaches_nothing_else(scene: Scene) -> None:
    shown = scene.text("why", evt(scene.found.remove))
    words = "2 held, 1 invalid; it cites all that its author wrote"
    assert f"reaches {words}" in shown
    assert [line for line in scene.text("quarantine") if line.endswith(words)]
