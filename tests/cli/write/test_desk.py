"""`quarantine admit` and `card`, as programs and people use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy import ids
from hostile import CONTROLS, HOSTILE
from replica.beside import HOSTILE_TEXT, Removal, removal, today
from schemas import problems


def answer(console: Console, schema: str, *args: str, profile: str = "lead") -> dict[str, Any]:
    """Return the answer of a command that has to succeed and fit its schema."""
    found = console.ok("--profile", profile, *args)
    assert problems(found, schema) == []
    return found


def refused(console: Console, *args: str, profile: str = "lead") -> dict[str, Any]:
    """Return the error of a command that has to fail."""
    found = console.call("--profile", profile, "--json", *args)
    assert found.status > 0 and problems(found.data, "error") == []
    return found.data


def made(root: Path) -> tuple[Console, Removal]:
    """Return a space after a removal, and the command line on it."""
    world = today(root)
    found = removal(world)
    world.close()
    return Console(root), found


def test_an_admit_shows_first_and_then_releases(tmp_path: Path) -> None:
    console, found = made(tmp_path)
    remove, held = (ids.to_text("evt", one) for one in (found.remove, found.held[0]))
    words = ("quarantine", "admit", remove, "--reason", HOSTILE_TEXT.replace("\n", " "))
    dry = answer(console, "admit", *words, "--dry-run")
    assert dry["dry_run"] and not dry["changed"] and len(dry["released"]) == 2
    assert answer(console, "quarantine", "quarantine")["counts"]["held"] == 2
    shown = console.call("--profile", "lead", *words, "--dry-run")
    assert "would release 2 events; nothing was written" in shown.out
    done = answer(console, "admit", *words)
    assert done["changed"] and done["event_id"] and len(done["released"]) == 2
    assert answer(console, "quarantine", "quarantine")["counts"]["held"] == 0
    again = answer(console, "admit", *words)
    assert not again["changed"] and again["event_id"] is None
    data = answer(console, "why", "why", held)
    assert data["status"] == "ok*" and data["causes"][0]["event_id"] == done["event_id"]
    read = answer(console, "inbox", "inbox", "read")
    assert [one["event_type"] for one in read["messages"][-2:]] == ["event_admitted"] * 2
    shown = console.call("--profile", "lead", "why", held)
    assert not [char for char in CONTROLS if char != "\n" and char in shown.out]


def test_several_events_are_admitted_at_once_by_their_prefixes(tmp_path: Path) -> None:
    console, found = made(tmp_path)
    short = [ids.short(ids.to_text("evt", one)) for one in found.held]
    done = answer(console, "admit", "quarantine", "admit", *short, "--reason", "both")
    assert len(done["released"]) == 2
    shown = console.call("--profile", "lead", "history")
    assert "HELD" not in shown.out and "counts again" not in shown.out
    events = console.call("--profile", "lead", "events", "--since", "0", "--watch-timeout", "0")
    assert "counts again" in events.out
    assert f"ended what {ids.fingerprint(found.eve.me)} was granted" in events.out


def test_what_cannot_be_admitted_is_refused_with_its_cause(tmp_path: Path) -> None:
    console, found = made(tmp_path)
    held, late = (ids.to_text("evt", one) for one in (found.held[0], found.late))
    why = ("--reason", "x")
    error = refused(console, "quarantine", "admit", late, *why)
    assert (error["error_code"], error["status"], error["cause"]) == (
        *("event_not_ok", "invalid"),
        "R3 after",
    )
    error = refused(console, "quarantine", "admit", held, *why, profile="other")
    assert error["error_code"] == "capability_missing"
    error = refused(console, "quarantine", "admit", held)
    assert error["error_code"] == "missing_required_flag"
    error = refused(console, "quarantine", "admit", *why)
    assert error["error_code"] == "missing_required_flag"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Return a home in which lead and a1 share a space and lead has another one."""
    console = Console(tmp_path_factory.mktemp("cards"))
    start = ("--human", "--name", "lead", "--space-name", "one")
    code = console.ok("--profile", "lead", "quickstart", *start)["invite_code"]
    console.ok("--profile", "a1", "join", code, "--name", "a1")
    console.ok("--profile", "lead", "space", "create", "two")
    return console


def test_a_card_goes_to_every_space_or_to_the_one_that_is_named(console: Console) -> None:
    words = ("card", "publish", "--capabilities", "inbox, task,inbox", "--version", "2.1")
    done = answer(console, "card_publish", *words)
    assert done["changed"] and [one["space_name"] for one in done["results"]] == ["one", "two"]
    assert done["card"]["capabilities"] == ["inbox", "task"]
    again = answer(console, "card_publish", "card", "publish")
    assert not again["changed"] and again["card"]["version"] == "2.1"
    one = answer(console, "card_publish", "card", "publish", "--service", "mcp", "--space", "two")
    assert [row["space_name"] for row in one["results"]] == ["two"]


def test_a_card_is_shown_with_who_signed_it(console: Console) -> None:
    answer(console, "card_publish", "card", "publish", "--name", "Scout", profile="a1")
    for flag in ("--agent", "--identity", "--id", "--did"):
        card = answer(console, "card", "card", "show", flag, "@Scout")["card"]
        assert card["name"] == "Scout" and card["verified"] and card["member"]["kind"] == "agent"
    mine = answer(console, "card", "card", "show", profile="a1")["card"]
    assert mine["member"]["display_name"] == "Scout"
    listed = answer(console, "cards", "card", "list", "one")["cards"]
    assert {one["member"]["kind"] for one in listed} == {"human", "agent"}
    assert refused(console, "card", "show", "--agent", "@nobody")["error_code"] == "not_found"


def test_what_a_card_says_cannot_pose_as_the_program(console: Console) -> None:
    words = [one for one in HOSTILE if "\n" not in one and "," not in one]
    for word in words:
        flags = ("--name", word, "--service", word, "--capabilities", word, "--version", word)
        found = console.call("--profile", "a1", "card", "publish", *flags)
        for shown in (found, *(console.call("--profile", "lead", "card", one) for one in VIEWS)):
            assert shown.status in (0, 2)  # a name of nothing but blanks is refused
            bad = [char for char in CONTROLS if char != "\n" and char in shown.out]
            assert not bad and "\u202e" not in shown.out


VIEWS = ("list", "show")


def test_a_card_with_a_line_break_is_refused(console: Console) -> None:
    error = refused(console, "card", "publish", "--capabilities", "two\nlines")
    assert error["error_code"] == "invalid_argument"
