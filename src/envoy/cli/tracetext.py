"""Tracetext: conflicts and references in words for people.

A side is a line of ours with its author and fingerprint; what the author wrote follows below,
behind a bar. References are a tree: each node once, with its id; where it comes again, only that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.render import Block, Body, Span, Spans, line, table
from envoy.untrusted import cut, escape
from envoy.views.provenance import BACK

Json = Mapping[str, object]

STYLES = {"open": "bad", "resolved": "ok"}
TEXT_CELLS = 60
DIAGNOSTICS = {
    "no_explicit_references": "nothing is named: no explicit references",
    "missing": "not here",
    "depth_limit": "beyond the depth; --depth goes on",
    "node_limit": "left out: too many",
}


def conflicts_text(data: Json) -> Iterator[Block]:
    """Yield conflicts as a table."""
    found = show.listed(data["conflicts"])
    if not found:
        yield line(f"no conflicts in {show.label(data['space_name'])}")
        return
    heads = ("CONFLICT", "STATUS", "STANDS", "LOST", "WHAT")
    yield table(heads, map(conflict_row, found), soft=(2, 3, 4))


def conflict_row(found: Json) -> tuple[Spans, ...]:
    """Return a conflict as a row."""
    status = show.text(found["status"])
    winner, loser = (show.person(side["by"]) for side in show.listed(found["sides"]))
    return (
        [(show.short(found["conflict_id"]), "strong")],
        [(status, STYLES[status])],
        winner,
        loser,
        [show.text(found["kind_words"])],
    )


def conflict_text(data: Json) -> Iterator[Block]:
    """Yield one conflict: both sides, the rule, what to do."""
    status = show.text(data["status"])
    name: Span = (show.short(data["conflict_id"]), "strong")
    shorts = {"invite_overused": "inv_", "fork": "evt_"}
    about = show.short(data["entity"]).replace("evt_", shorts.get(str(data["kind"]), "task_"))
    if str(data["entity"]).partition("_")[2] == str(data["space_id"]).partition("_")[2]:
        about = "the space"
    yield line(name, "  ", (status, STYLES[status]), f"  {data['kind']} on {about}")
    yield line(f"what: {data['kind_words']}")
    yield line(f"rule: {data['rule']}: {data['rule_words']}")
    for side in show.listed(data["sides"]):
        yield from side_blocks(side)
    if data["resolution"] is not None:
        yield from resolution_blocks(show.mapping(data["resolution"]), data)
    yield line(("next: ", "strong"), show.text(data["next_action"]).replace("_", " "))
    commands = data["next_commands"]
    assert isinstance(commands, list)
    for command in commands:
        yield line("  ", show.text(command))


def side_blocks(side: Json) -> Iterator[Block]:
    """Yield one side: who, when and by which act, then what was said."""
    word: Span = ("stands", "ok") if side["side"] == "winner" else ("lost", "warn")
    when = show.clock(side["at"], now_ms=show.now())
    kept: list[Span] = ["  ", ("kept", "ok")] if side["kept"] else []
    by = show.person(side["by"])
    yield line(word, f"  {show.short(side['event_id'])}  {side['kind']}  ", *by, f"  {when}", *kept)
    if side["text"] is not None:
        yield Body(show.text(side["text"]))


def resolution_blocks(found: Json, data: Json) -> Iterator[Block]:
    """Yield who said that it is settled."""
    kept = show.short(data["kept"])
    yield line(("resolved", "ok"), "  by ", *show.person(found["by"]), f"  {kept} is kept")
    if found["note"] is not None:
        yield Body(show.text(found["note"]))


# -- references --------------------------------------------------------------------------------


def provenance_text(data: Json) -> Iterator[Block]:
    """Yield a tree of references."""
    nodes = {show.text(one["id"]): one for one in show.listed(data["nodes"])}
    ends = ("from", "to") if data["direction"] == BACK else ("to", "from")
    below = dict[str, list[tuple[str, str]]]()
    for edge in show.listed(data["edges"]):
        other = (show.text(edge["rel"]), show.text(edge[ends[1]]))
        below.setdefault(show.text(edge[ends[0]]), []).append(other)
    stack, seen = [("", show.text(data["start"]), 0)], set[str]()
    while stack:
        rel, name, depth = stack.pop()
        yield node_line(rel, nodes[name], depth, again=name in seen)
        if name not in seen:
            seen.add(name)
            stack += [(how, one, depth + 1) for how, one in reversed(below.get(name, []))]
    for found in show.listed(data["diagnostics"]):
        code = show.text(found["code"])
        count = "" if code == "no_explicit_references" else f"{found['count']} "
        yield line((f"{count}{DIAGNOSTICS[code]}", "warn"))


def node_line(rel: str, node: Json, depth: int, *, again: bool) -> Block:
    """Return one node of a tree."""
    lead: Spans = ["  " * depth, (f"{rel} " if rel else "", "dim")]
    if node["type"] == "member":
        return line(*lead, "member ", *show.person(node["by"]))
    name: Span = (show.short(node["id"]), "strong")
    if again:
        return line(*lead, name, ("  (above)", "dim"))
    if node["status"] == "missing":
        return line(*lead, name, "  ", ("MISSING", "warn"))
    words: list[Span] = [f"  {node['kind']}  ", *show.person(node["by"])]
    if node["status"] not in ("ok", "ok*"):
        words += ["  ", (show.text(node["status"]).upper(), "warn")]
    if node["text"] is not None:
        words.append("  " + cut(escape(show.text(node["text"])), TEXT_CELLS))
    return line(*lead, name, *words)
