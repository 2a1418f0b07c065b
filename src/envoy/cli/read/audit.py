"""Audit: what a copy of a space holds and lacks. Loads no key and judges nothing again."""

from __future__ import annotations

from envoy.cli.args import Answer, Call
from envoy.views import audit
from envoy.wiring import overview as wired
from envoy.wiring import reads

Json = dict[str, object]


def overview(call: Call) -> Answer:
    """Answer with what is here, what is a gap and what is not known."""
    with reads.open_reader(call.config) as reader:
        space = reader.space(call.space())
        data: Json = {
            **audit.overview(wired.material(reader, space)),
            "freshness": reader.freshness([space]),
            "untrusted_fields": audit.UNTRUSTED,
        }
    return Answer(data, "audittext:overview_text")
