"""Audittext: overviews, reports and bundles in words for people.

What is missing or does not count stands in the first lines; what proves nothing says so.

Specification: docs/spec/audit.md; docs/spec/cli.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.objecttext import size
from envoy.cli.render import Block, Span, Spans, line, table

Json = Mapping[str, object]

NOT_COUNTING = ("held", "void", "invalid")
STATES = {
    "stated": "of all that is shown, by the word of its author: what is left out changes none",
    "partial": "what is left out may change them",
}
NOT_PROVED = (
    "not proved: that nothing newer exists, when things happened, that what was said is true"
)


def overview_text(data: Json) -> Iterator[Block]:
    """Yield what a copy holds and lacks."""
    word: Span = ("nothing missing", "ok") if data["sound"] else ("look below", "warn")
    yield line(
        (show.label(data["space_name"]), "strong"), f"  {show.short(data['space_id'])}  ", word
    )
    checked = show.mapping(data["checked"])
    chains, of = counted(checked["chains"], "chain"), counted(checked["members"], "member")
    heads = counted(checked["heads"], "head")
    yield line(f"{counted(checked['events'], 'event')} in {chains} of {of}, {heads}")
    yield verdicts_line(show.mapping(data["verdicts"]))
    epochs, inbox = show.mapping(data["epochs"]), show.mapping(data["inbox_health"])
    yield line(f"epochs {epochs['held']} of {epochs['known']} with their key")
    yield line(f"receipts {checked['receipts']}, of these {checked['receipts_counting']} count")
    yield line(f"inbox {inbox['unacked_count']} not acknowledged")
    for gap in show.listed(data["gaps"]):
        yield line(
            (f"gap: {gap['missing']} events missing", "bad"), "  ", *show.person(gap["member"])
        )
    for fork in show.listed(data["forks"]):
        yield line((f"fork at {fork['seq']}", "bad"), "  ", *show.person(fork["member"]))
    for one in show.listed(data["unknowns"]):
        action = show.text(one["next_action"]).replace("_", " ")
        yield line((f"unknown: {one['count']} {one['reason']}", "warn"), f"  {action}")
    for one in show.listed(data["refused"]):
        yield line((f"refused: {one['count']} {one['code']}", "warn"))


def verdicts_line(found: Json) -> Block:
    """Return how many events count, and how many do not and why."""
    good = int(show.text(found["ok"])) + int(show.text(found["ok_admitted"]))
    rest: list[Span] = [(f"  {found[one]} {one}", "warn") for one in NOT_COUNTING if found[one]]
    return line((f"{good} count", "ok"), *rest)


def fingerprint_text(data: Json) -> Iterator[Block]:
    """Yield the fingerprint of a space, and what it stands for."""
    yield line((show.label(data["space_name"]), "strong"), f"  {show.short(data['space_id'])}")
    yield from fingerprint_lines(data)
    held = f"{counted(data['events'], 'event')}, {counted(data['heads'], 'head')}"
    yield line(f"{held}; equal values: equal events")


def fingerprint_lines(data: Json) -> Iterator[Block]:
    """Yield a fingerprint in two lines, to be read aloud."""
    groups = show.text(data["fingerprint"]).split(" ")
    yield line(("fingerprint  ", "dim"), (" ".join(groups[:8]), "strong"))
    yield line(("             ", "dim"), (" ".join(groups[8:]), "strong"))


def counted(number: object, one: str) -> str:
    """Return a number of the answer with its noun."""
    return show.count(int(show.text(number)), one)


# -- report ------------------------------------------------------------------------------------


def report_text(data: Json) -> Iterator[Block]:
    """Yield what a member, or everybody, did."""
    about: Spans = ["everybody"] if data["member"] is None else show.person(data["member"])
    only = "" if data["task_id"] is None else f"  about {show.short(data['task_id'])}"
    if data["since"] is not None:
        only += f"  since {show.clock(data['since'], now_ms=show.now())}"
    yield line(*about, f"  in {show.label(data['space_name'])}", only)
    wrote = show.listed(data["wrote"])
    counts = ", ".join(f"{one['count']} {one['kind']}" for one in wrote)
    yield line(("wrote: ", "strong"), counts or "nothing")
    yield verdicts_line(show.mapping(data["verdicts"]))
    yield line(("reviewed: ", "strong"), f"{data['reviewed']} times")
    if data["could_read"] is not None:
        readable = data["could_read"]
        assert isinstance(readable, list)
        yield line(("could read: ", "strong"), f"{len(readable)} of {data['epochs']} epochs")
        yield line(("rests on it: ", "strong"), f"{data['resting_on_it']} events of others")
    yield from grants_blocks(show.listed(data["grants"]))
    acts = show.listed(data["acts"])
    if acts:
        heads = ("EVENT", "WHAT", "BY", "WHEN", "VERDICT")
        yield table(heads, [act_row(one) for one in acts], soft=(2,))
    if data["omitted"]:
        yield line((f"{data['omitted']} older acts; --limit shows more", "dim"))


def grants_blocks(found: list[Json]) -> Iterator[Block]:
    """Yield who gave whom what."""
    for one in found:
        what = show.text(one["role"] or one["verb"])
        live: Span = (show.text(one["status"]), "ok" if one["status"] == "live" else "warn")
        if one["from"] == one["to"]:
            word = "founded the space" if one["kind"] == "genesis" else "joined by an invite"
            yield line(
                ("grant: ", "strong"), f"{what}  ", *show.person(one["to"]), f" {word}  ", live
            )
            continue
        ends: Spans = [*show.person(one["from"]), " gave ", *show.person(one["to"])]
        yield line(("grant: ", "strong"), f"{what}  ", *ends, f"  {one['kind']}  ", live)


def act_row(one: Json) -> tuple[Spans, ...]:
    """Return an act as a row."""
    status = show.text(one["event_status"])
    cause = "" if one["cause"] is None else f" ({one['cause']})"
    return (
        [(show.short(one["event_id"]), "strong")],
        [show.text(one["kind"])],
        show.person(one["by"]),
        [show.clock(one["at"], now_ms=show.now())],
        [(status + cause, "ok" if status.startswith("ok") else "warn")],
    )


# -- bundles -----------------------------------------------------------------------------------


def export_text(data: Json) -> Iterator[Block]:
    """Yield what was written."""
    yield line(("written", "ok"), f"  {place(data['path'])}  {size(data['size'])}")
    yield from bundle_blocks(data)
    yield line(("next: ", "strong"), f"envoy audit verify {place(data['path'])}")


def verify_text(data: Json) -> Iterator[Block]:
    """Yield what a bundle that verified holds, and what that does not prove."""
    yield line(("valid", "ok"), f"  {place(data['path'])}")
    yield from bundle_blocks(data)
    yield line((NOT_PROVED, "dim"))


def bundle_blocks(data: Json) -> Iterator[Block]:
    """Yield what a bundle holds."""
    when = show.clock(data["exported_at"], now_ms=show.now())
    yield line(
        (show.label(data["space_name"]), "strong"),
        f"  {show.short(data['space_id'])}  signed by ",
        *show.person(data["author"]),
        f"  {when}",
    )
    members = counted(data["members"], "member")
    held = f"{counted(data['events'], 'event')}, {counted(data['receipts'], 'receipt')}"
    yield line(f"{held}, {members}")
    if data["withheld"]:
        words = f"{data['pinned']} named by a signature, {data['claimed']} only claimed"
        yield line((f"{data['withheld']} withheld", "warn"), f"  {words}")
        left = data["left_out"]
        assert isinstance(left, list)
        yield line(f"left out: {'; '.join(left)}")
        sort = "warn" if data["states"] == "partial" else "dim"
        yield line((f"states: {STATES[show.text(data['states'])]}", sort))
    if data["unmade"]:
        yield line(
            (f"{counted(data['unmade'], 'event')} under a key that nobody here made", "warn")
        )
    yield verdicts_line(show.mapping(data["verdicts"]))
    yield from fingerprint_lines(data)
    if data["view"] is not None:
        yield line(f"view: {place(data['view'])}/index.html")


def place(path: object) -> str:
    """Return a path as one would type it here."""
    found = os.path.relpath(show.text(path))
    return show.text(path) if found.startswith(os.pardir) else found
