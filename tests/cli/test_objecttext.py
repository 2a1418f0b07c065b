"""What a person reads of objects says how much of them is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console
from envoy.cli import objecttext

LARGE = bytes(1_500_000)  # two chunks


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home in which lead and a1 share a space, and a directory with a file."""
    made = Console(tmp_path)
    code = made.ok("--profile", "lead", "quickstart", "--space-name", "one")["invite_code"]
    made.ok("--profile", "a1", "join", code)
    (made.cwd / "crash.log").write_bytes(LARGE)
    return made


def lines(console: Console, *args: str, profile: str = "a1") -> list[str]:
    """Return what a person reads."""
    found = console.call("--profile", profile, *args)
    assert found.status == 0, found
    return found.out.splitlines()


def test_a_space_without_objects_says_so(console: Console) -> None:
    assert lines(console, "object", "list") == ["no objects in one"]


def test_an_object_says_how_many_of_its_chunks_are_here(console: Console) -> None:
    console.ok("--profile", "lead", "object", "put", "crash.log")
    first, second = sorted((console.home / "hub" / "chunks").rglob("?" * 64))
    assert "  complete  " in lines(console, "object", "list")[-1]
    first.unlink()
    assert "  partial 1/2  " in lines(console, "object", "list")[-1]
    second.unlink()
    assert "  missing 0/2  " in lines(console, "object", "list")[-1]
    assert "  complete  " in lines(console, "object", "list", profile="lead")[-1]


def test_an_object_that_was_taken_back_has_no_name_any_more(console: Console) -> None:
    put = ("object", "put", "crash.log", "--pin")
    ident = console.ok("--profile", "lead", *put)["object_id"]
    assert lines(console, "object", "list", profile="lead")[-1].endswith('"crash.log"  pinned')
    console.ok("--profile", "lead", "object", "retract", ident)
    shown = lines(console, "object", "list", profile="lead")[-1]
    assert "  retracted  " in shown and "crash.log" not in shown


def test_who_shares_the_same_call_again_is_told(console: Console) -> None:
    put = ("object", "put", "crash.log", "--idempotency-key", "k1")
    (first,) = lines(console, *put)
    (again,) = lines(console, *put)
    assert again == f"{first}  shared before"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (2**30, "1.0 GiB"),
        (5 * 2**40, "5120.0 GiB"),
    ],
)
def test_a_size_has_the_unit_that_makes_it_short(count: int, text: str) -> None:
    assert objecttext.size(count) == text
