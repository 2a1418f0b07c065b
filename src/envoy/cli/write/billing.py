"""Billing: what a relay offers, and how my account stands there."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line, table
from envoy.cli.write import typed
from envoy.views.people import stamp
from envoy.wiring import paying

Json = dict[str, object]


def plans(call: Call) -> Answer:
    """Answer with what a relay offers."""
    data = paying.plans(call.config, call.args.text("pin"))
    return Answer(data, lambda: plans_text(data))


def plans_text(data: Json) -> Iterator[Block]:
    """Yield the plans as a table."""
    rows = show.listed(data["plans"])
    if not rows:
        yield line(f"{data['relay']} asks nobody")
        return
    yield table(
        ("PLAN", "SPACES", "MIB A SPACE", "FRAMES A DAY", "CHUNKS"),
        [
            [
                [show.label(one["name"])],
                [str(one["spaces"])],
                [str(int(str(one["bytes"])) >> 20)],
                [str(one["frames_day"])],
                [f"{one['chunk_days']} days"],
            ]
            for one in rows
        ],
        soft=(0,),
    )


def status(call: Call) -> Answer:
    """Answer with how my account stands."""
    found = paying.status(call.config, call.args.text("pin"))
    return standing({**found, "changed": False})


def redeem(call: Call) -> Answer:
    """Give my account what a code is good for."""
    code = call.args.need("code")
    code = (typed.from_stdin() if code == typed.STDIN else code).strip()
    return standing(paying.redeem(call.config, call.args.text("pin"), code))


def standing(found: Json) -> Answer:
    """Return how an account stands, its times as stamps."""
    ends = found["ends_at"]
    data: Json = {**found, "ends_at": stamp(ends) if isinstance(ends, int) else None}
    return Answer(data, lambda: status_text(data))


def status_text(data: Json) -> Iterator[Block]:
    """Yield how an account stands."""
    yield line(("relay     ", "dim"), str(data["relay"]))
    if data["provider"] == "none":
        yield line(("access    ", "dim"), ("open", "ok"), ": nobody is asked")
        return
    word = ("active", "ok") if data["connected_access_active"] else ("none", "warn")
    plan = "" if data["product_plan"] is None else f", plan {show.label(data['product_plan'])}"
    ends = "" if data["ends_at"] is None else f", until {str(data['ends_at'])[:10]}"
    yield line(("access    ", "dim"), word, plan + ends)
    if data["spaces"] is not None:
        yield line(("spaces    ", "dim"), f"{data['spaces']} of {data['spaces_max']}")
