"""Brief: the Work Record within a budget, from a point of view, about one task, since a moment."""

from __future__ import annotations

from envoy.cli.args import Answer, Call
from envoy.views.pages import page, scope_of
from envoy.wiring import brief, reads


def record(call: Call) -> Answer:
    """Answer with the Work Record of a space, cut as the flags ask."""
    args = call.args
    asked = brief.Asked(
        budget=args.number("budget"),
        member=args.text("for"),
        task=args.text("task"),
        since=args.number("since"),
    )
    with reads.open_reader(call.config) as reader:
        space = reader.space(call.space())
        scope = scope_of(reader.me.did, "work-record", space.id)
        wanted = page(scope, args.count("limit"), args.text("cursor"), shape=(int, bytes))
        data = brief.build(reader, space, wanted, asked)
    return Answer(data, "recordtext:record_text")
