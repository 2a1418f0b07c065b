"""Objecttext: objects in words for people. Names are labels of members, quoted wherever they stand.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.render import Block, Span, line, table

STYLES = {"complete": "ok", "partial": "warn", "missing": "warn", "retracted": "dim"}
UNITS = ("B", "KiB", "MiB", "GiB")


def size(value: object) -> str:
    """Return a number of bytes for people: 3 digits are enough."""
    number, unit = int(show.text(value) or 0), 0
    scaled = float(number)
    while scaled >= 1024 and unit + 1 < len(UNITS):
        scaled, unit = scaled / 1024, unit + 1
    return f"{number} B" if unit == 0 else f"{scaled:.1f} {UNITS[unit]}"


def state(found: Mapping[str, object]) -> Span:
    """Return how much of an object is here."""
    word = show.text(found["state"])
    if word in ("partial", "missing"):
        return f"{word} {found['have_chunks']}/{found['chunks']}", STYLES[word]
    return word, STYLES[word]


def objects_text(data: Mapping[str, object]) -> Iterator[Block]:
    """Yield a table of objects."""
    found = show.listed(data["objects"])
    if not found:
        yield line(f"no objects in {show.label(data['space_name'])}")
        return
    heads = ("OBJECT", "SIZE", "STATE", "BY", "NAME")
    yield table(heads, [row(one) for one in found], soft=(4,))


def row(found: Mapping[str, object]) -> list[list[Span]]:
    """Return one object as a row."""
    pinned: list[Span] = ["  pinned"] if found["pinned"] else []
    name: list[Span] = ["-"] if found["state"] == "retracted" else [show.quoted(found["name"])]
    return [
        [(show.short(found["object_id"]), "strong")],
        [size(found["size"])],
        [state(found)],
        list(show.person(found["by"])),
        [*name, *pinned],
    ]


def put_text(data: Mapping[str, object]) -> Iterator[Block]:
    """Yield what was shared."""
    again: list[Span] = [("  shared before", "dim")] if data["replayed"] else []
    task = "" if data["task_id"] is None else f" on {show.short(data['task_id'])}"
    shared = (show.short(data["object_id"]), "strong")
    words = f"  {size(data['size'])}  {show.quoted(data['name'])}{task}"
    yield line(shared, words, f"  {show.short(data['event_id'])}", *again)


def got_text(data: Mapping[str, object]) -> Iterator[Block]:
    """Yield what was written where; nothing where stdout has the bytes."""
    if data["path"] is not None:
        words = f"  {size(data['size'])}  {show.quoted(data['name'])}  written to "
        yield line((show.short(data["object_id"]), "strong"), words, str(data["path"]))


def changed_text(data: Mapping[str, object]) -> Iterator[Block]:
    """Yield what became of an object."""
    words = "retracted" if data["state"] == "retracted" else "pinned" if data["pinned"] else "plain"
    again = "" if data["changed"] else ": nothing changed"
    yield line((show.short(data["object_id"]), "strong"), f"  {words}{again}")
