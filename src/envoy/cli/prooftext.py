"""Proof text: records and reviews for people. What members wrote stands behind a bar or in a cell.

Specification: docs/spec/records.md, docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.render import Block, Body, Span, Spans, line, table

Json = Mapping[str, object]

# Words of states that want somebody's attention, and of those that are over.
STYLES = {
    **dict.fromkeys(("contested", "open", "stale", "request_changes"), "warn"),
    **dict.fromkeys(("retracted", "withdrawn", "superseded"), "dim"),
    **dict.fromkeys(("current", "in_force", "stands", "approve"), "ok"),
    "reject": "bad",
}


def records_text(data: Json) -> Iterator[Block]:
    """Yield a table of records."""
    found = show.listed(data["records"])
    if not found:
        yield line(f"no records in {show.label(data['space_name'])}")
        return
    heads = ("RECORD", "KIND", "STATE", "TASK", "BY", "TEXT")
    yield table(heads, [record_row(one) for one in found], soft=(5,))


def record_row(found: Json) -> tuple[Spans, ...]:
    """Return a record as a row of its table."""
    fixes = show.listed(found["corrections"])
    fixed: list[Span] = [(f"CORRECTED by {show.short(one['record_id'])} ", "warn") for one in fixes]
    said = show.text(found["text"]) or show.text(found["subject"])
    return (
        [(show.short(found["record_id"]), "strong")],
        [kind_of(found)],
        state_of(found),
        [(show.short(found["task_id"]), "dim")],
        list(show.person(found["by"])),
        [*fixed, said.partition("\n")[0]],
    )


def kind_of(found: Json) -> str:
    """Return the kind of a record, with its type."""
    return " ".join(show.text(found[name]) for name in ("kind", "type") if found[name])


def state_of(found: Json) -> Spans:
    """Return where a record stands, and how well it is backed."""
    state = show.text(found["state"])
    grade = show.text(found["grade"]).replace("_", " ")
    spans: list[Span] = [(state.replace("_", " "), STYLES.get(state, "strong"))]
    return [*spans, (f" {grade}", "dim")] if grade else spans


def record_text(data: Json) -> Iterator[Block]:
    """Yield one record: what it says, where it stands, what stands beside it."""
    now = show.now()
    yield line((show.short(data["record_id"]), "strong"), f"  {kind_of(data)}  ", *state_of(data))
    when = (show.clock(data["created_at"], now_ms=now), "dim")
    yield line(("by        ", "dim"), *show.person(data["by"]), "  ", when)
    yield line(
        ("space     ", "dim"),
        show.label(data["space_name"]),
        "  ",
        (show.short(data["space_id"]), "dim"),
    )
    if data["task_id"] is not None:
        yield line(("task      ", "dim"), show.short(data["task_id"]))
    if data["subject"] is not None:
        yield line(("subject   ", "dim"), show.text(data["subject"]))
    for one in show.listed(data["fields"]):
        yield line(("field     ", "dim"), f"{one['name']}={one['value']}")
    for one in show.listed(data["refs"]):
        yield line(("refers to ", "dim"), f"{show.text(one['rel'])} {show.short(one['id'])}")
    for one in show.listed(data["referred_by"]):
        words = f"{show.short(one['record_id'])} {one['kind']} {show.text(one['rel'])}"
        yield line(("named by  ", "dim"), words)
    if data["text"]:
        yield Body(show.text(data["text"]), indent=0)
    for one in show.listed(data["corrections"]):
        head = (f"CORRECTED by {show.short(one['record_id'])}  ", "warn")
        yield line(head, *show.person(one["by"]))
        yield Body(show.text(one["text"]), indent=0)
