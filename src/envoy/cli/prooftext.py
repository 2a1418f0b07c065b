"""Proof text: records and reviews for people. What members wrote stands behind a bar or in a cell.

Specification: docs/spec/records.md, docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.render import Block, Body, Span, Spans, line, table
from envoy.cli.tasktext import strings

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
    said = show.text(found["text"]) or show.text(found["subject"])
    return (
        [(show.short(found["record_id"]), "strong")],
        [kind_of(found)],
        [*state_of(found), *fixes_of(found)],
        [(show.short(found["task_id"]), "dim")],
        list(show.person(found["by"])),
        [said.partition("\n")[0]],
    )


def fixes_of(found: Json) -> Spans:
    """Return the marks of the corrections of a record."""
    fixes = show.listed(found["corrections"])
    return [(f" CORRECTED by {show.short(one['record_id'])}", "warn") for one in fixes]


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
        words = f"{show.short(one['record_id'])} {one['kind']} {show.text(one['rel'])}  "
        yield line(("named by  ", "dim"), words, *show.person(one["by"]))
    for one in show.listed(data["other_versions"]):
        head: Span = ("stale by  ", "warn") if one["makes_stale"] else ("but also  ", "dim")
        subject = f"{show.short(one['event_id'])} {show.text(one['subject'])}  "
        yield line(head, subject, *show.person(one["by"]))
    if data["text"]:
        yield Body(show.text(data["text"]), indent=0)
    for one in show.listed(data["corrections"]):
        head = (f"CORRECTED by {show.short(one['record_id'])}  ", "warn")
        yield line(head, *show.person(one["by"]))
        yield Body(show.text(one["text"]), indent=0)


# -- reviews -------------------------------------------------------------------------------------


def reviews_text(data: Json) -> Iterator[Block]:
    """Yield a table of what is handed in."""
    found = show.listed(data["reviews"])
    if not found:
        yield line("nothing here waits for a review")
        return
    heads = ("TASK", "BY", "MISSING", "VERDICTS", "TITLE")
    yield table(heads, [review_row(one) for one in found], soft=(4,))


def review_row(found: Json) -> tuple[Spans, ...]:
    """Return what is handed in as a row of its table."""
    said = [show.text(one["verdict"]).replace("_", " ") for one in show.listed(found["verdicts"])]
    return (
        [(show.short(found["task_id"]), "strong")],
        list(show.person(found["by"])),
        [missing_of(found)],
        [", ".join(said) or show.NOBODY],
        [show.text(found["title"])],
    )


def missing_of(found: Json) -> str:
    """Return what a gate still wants."""
    wanted = show.mapping(found["missing"])
    number, types = int(show.text(wanted["reviews"])), strings(wanted["evidence"])
    words = [show.count(number, "approval")] if number else []
    return ", ".join([*words, *(f"evidence {show.quoted(one)}" for one in types)]) or show.NOBODY


def gate_of(found: Json) -> str:
    """Return what a gate asks for."""
    asked = show.mapping(found["gate"])
    words = [show.count(int(show.text(asked["reviews"])), "approval")] if asked["reviews"] else []
    if asked["review_by"]:
        words.append("by " + ", ".join(strings(asked["review_by"])))
    words += ["none of one's own"] if asked["no_self_review"] else []
    words += [f"evidence {show.quoted(one)}" for one in strings(asked["evidence"])]
    return ", ".join(words) or "nothing"


def review_text(data: Json) -> Iterator[Block]:
    """Yield one task for its reviewers."""
    now = show.now()
    state = show.text(data["state"]).replace("_", " ")
    yield line((show.text(data["title"]), "strong"))
    yield line((show.short(data["task_id"]), "dim"), f"  {state}")
    yield line(("gate      ", "dim"), gate_of(data))
    yield line(("missing   ", "dim"), missing_of(data))
    if data["by"] is not None:
        when = (show.clock(data["handed_in_at"], now_ms=now), "dim")
        yield line(("done by   ", "dim"), *show.person(data["by"]), "  ", when)
    if data["summary"]:
        yield Body(show.text(data["summary"]), indent=0)
    for one in show.listed(data["evidence"]):
        yield from evidence_text(one)
    for one in show.listed(data["verdicts"]):
        yield from verdict_text(one, now_ms=now)


def evidence_text(found: Json) -> Iterator[Block]:
    """Yield what the work rests on."""
    name = (show.short(found["evidence_id"]), "strong")
    if found["kind"] is None:
        yield line(("evidence  ", "dim"), name, "  ", ("MISSING", "bad"))
        return
    state = ["  ", *state_of(found)] if found["state"] is not None else []
    counts: list[Span] = ["  counts" if found["counts"] else "  counts for no gate"]
    words = f"  {kind_of(found)}"
    yield line(("evidence  ", "dim"), name, words, *state, *counts, "  ", *show.person(found["by"]))
    if found["text"]:
        yield Body(show.text(found["text"]), indent=0)


def verdict_text(found: Json, *, now_ms: int) -> Iterator[Block]:
    """Yield one verdict."""
    verdict = show.text(found["verdict"])
    words: list[Span] = [(verdict.replace("_", " "), STYLES.get(verdict, "strong"))]
    words += ["  declares to be human"] if found["human"] else []
    words += ["  does not count"] if verdict == "approve" and not found["counts"] else []
    when = ("  " + show.clock(found["at"], now_ms=now_ms), "dim")
    yield line(("verdict   ", "dim"), *show.person(found["by"]), "  ", *words, when)
    if found["note"]:
        yield Body(show.text(found["note"]), indent=0)
