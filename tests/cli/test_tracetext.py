"""What a person reads of conflicts and references: who stands where, and what does not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console
from envoy import ids
from envoy.core.bodies import Message, Ref
from envoy.replica.actions import authority, space, tasks
from replica.beside import removal, say, settle, today
from replica.world import Actor, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a machine with the time of this one."""
    return today(tmp_path)


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return the command line on its homes."""
    return Console(tmp_path)


def lines(console: Console, *args: str) -> list[str]:
    """Return what the lead reads."""
    found = console.call("--profile", "lead", *args)
    assert found.status == 0, found
    return found.out.splitlines()


def msg(event: bytes) -> str:
    """Return the id of a message as text."""
    return ids.to_text("msg", event)


def met(actors: list[Actor], *acts: object) -> None:
    """Let somebody do each of ``acts`` while nobody answers, then let all have all."""
    for actor, act in zip(actors, acts, strict=True):
        assert callable(act)
        actor.door.away = True
        act()
        actor.door.away = False
    settle(actors)


def test_two_names_for_a_space_are_a_conflict_on_the_space(world: World, console: Console) -> None:
    lead, b = world.team("lead", "b")
    authority.set_role(lead.copy, b.me, "admin")
    settle([b, lead])
    met(
        [lead, b],
        lambda: space.update(lead.copy, name="harbor", description=None),
        lambda: space.update(b.copy, name="haven", description=None),
    )
    world.close()
    (found,) = console.ok("--profile", "lead", "conflicts")["conflicts"]
    ident, loser = found["conflict_id"], found["loser"]
    (head, *_) = lines(console, "conflicts", "show", ident)
    assert head.endswith(" on the space")
    resolve = ("conflicts", "resolve", ident, "--keep", loser)
    console.ok("--profile", "lead", *resolve, "--note", "both are fine")
    shown = lines(console, "conflicts", "show", ident)
    at = next(number for number, line in enumerate(shown) if line.startswith("resolved  by "))
    assert shown[at].endswith(f"{loser[:10]} is kept")
    assert shown[at + 1].lstrip() == "| both are fine"


def test_two_claims_have_no_text_to_show(world: World, console: Console) -> None:
    lead, b = world.team("lead", "b")
    task = tasks.create(lead.copy, "paint").after.id
    settle([b])
    met(
        [lead, b],
        lambda: tasks.claim(lead.copy, task, session="s"),
        lambda: tasks.claim(b.copy, task, session="s"),
    )
    world.close()
    found = console.ok("--profile", "lead", "conflicts")["conflicts"]
    shown = lines(console, "conflicts", "show", found[0]["conflict_id"])
    assert len([line for line in shown if line.startswith(("stands  ", "lost  "))]) == 2
    assert not [line for line in shown if line.lstrip().startswith("|")]


def test_what_is_named_twice_is_shown_once(world: World, console: Console) -> None:
    lead, b = world.team("lead", "b")
    first = b.send("the log").event
    settle([lead])

    def about(text: str, *named: bytes) -> bytes:
        refs = tuple(Ref("supports", one, None) for one in named)
        (made,) = say(lead, Message(text, None, refs, (), (), None))
        return made

    middle = about("what it says", first)
    last = about("and so", middle, first)
    world.close()
    shown = lines(console, "provenance", msg(last))
    name = msg(first)[:10]
    named = [line for line in shown if f"supports {name}" in line]
    assert [line.endswith(f"{name}  (above)") for line in named] == [False, True]
    assert len([line for line in shown if "the log" in line]) == 1


def test_what_does_not_count_says_so_in_capitals(world: World, console: Console) -> None:
    found = removal(world)
    refs = (Ref("supports", found.held[0], None), Ref("supports", found.seen, None))
    (made,) = say(found.lead, Message("is that so?", None, refs, (), (), None))
    world.close()
    shown = lines(console, "provenance", msg(made))
    assert [line for line in shown if "  HELD" in line], shown
    assert [line for line in shown if line.endswith("  before") and "HELD" not in line]
