"""Provenance: what an event rests on, or what rests on it. Loads no key."""

from __future__ import annotations

from envoy.cli.args import Answer, Call
from envoy.views import provenance
from envoy.views.space import space_id
from envoy.wiring import reads, trace

Json = dict[str, object]


def show(call: Call) -> Answer:
    """Answer with the explicit references around an event."""
    direction, depth = call.args.need("direction"), call.args.count("depth")
    with reads.open_reader(call.config) as reader:
        found, start = trace.event(reader, call.args.need("event"), call.space())
        walked, space = found.walk(start, direction, depth), found.space
        known = found.found(walked)
        data: Json = {
            "space_id": space_id(space),
            "space_name": space.name,
            "start": provenance.name_of(walked.nodes[0], known),
            "direction": direction,
            "depth": depth,
            **provenance.graph(walked, known),
            "freshness": reader.freshness([space]),
            "untrusted_fields": provenance.UNTRUSTED,
        }
    return Answer(data, "tracetext:provenance_text")
