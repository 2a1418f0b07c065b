"""Conflicts: what met, with both sides, the rule in words and what to do. Loads no key."""

from __future__ import annotations

from envoy.cli.args import Answer, Call
from envoy.views import conflicts
from envoy.views.pages import page, page_json, scope_of
from envoy.views.space import space_id
from envoy.wiring import reads, trace

Json = dict[str, object]

STATUSES = ("open", "resolved")  # in the order of a list, by which pages go on


def listed(call: Call) -> Answer:
    """Answer with one page of the conflicts of a space."""
    with reads.open_reader(call.config) as reader:
        found = trace.trace_of(reader, reader.space(call.space()))
        space, mine = found.space, call.args.switch("mine")
        scope = scope_of(reader.me.did, "conflicts", space.id, str(mine))
        limit = call.args.count("limit")
        after = page(scope, limit, call.args.text("cursor"), shape=(int, bytes)).after
        start = None if after is None else (STATUSES[min(int(after[0]), 1)], bytes(after[1]))
        actor = (reader.me_an() or 0) if mine else None  # 0: nobody
        rows = found.views.conflicts(space.sn, after=start, limit=limit + 1, actor=actor)
        shown = rows[:limit]
        last = (STATUSES.index(shown[-1].status), shown[-1].id) if len(rows) > limit else None
        known, counts = found.known(shown), found.views.counts(space.sn)
        chars = conflicts.TEXT_CHARS
        data: Json = {
            "space_id": space_id(space),
            "space_name": space.name,
            "conflicts": [conflicts.shown(row, known, chars=chars) for row in shown],
            "counts": {word: counts.get(word, 0) for word in STATUSES},
            "page": page_json(scope, last),
            "freshness": reader.freshness([space]),
            "untrusted_fields": conflicts.UNTRUSTED,
        }
    return Answer(data, "tracetext:conflicts_text")


def show(call: Call) -> Answer:
    """Answer with one conflict, and what can be done about it."""
    with reads.open_reader(call.config) as reader:
        found, row = trace.conflict(reader, call.args.need("conflict"), call.space())
        known, space = found.known([row]), found.space
        data: Json = {
            "space_id": space_id(space),
            "space_name": space.name,
            **conflicts.shown(row, known, chars=None),
            "resolution": conflicts.resolution(row, known),
            "next_action": conflicts.next_action(row),
            "next_commands": list(conflicts.next_commands(row, space.id, known)),
            "freshness": reader.freshness([space]),
            "untrusted_fields": conflicts.UNTRUSTED,
        }
    return Answer(data, "tracetext:conflict_text")
