"""Relay: what its operator does beside serving: make it, check it, copy it, give out codes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.read.home import STATE_STYLES
from envoy.cli.render import Block, line, pairs_table, table
from envoy.errors import UsageError
from envoy.views.people import stamp
from envoy.wiring import operator

Json = dict[str, object]
EXIT_INTEGRITY = 8
DAY_MS = operator.DAY_MS
ID_CHARS = 12


def data_of(call: Call) -> str:
    """Return the directory of the relay that is meant."""
    return os.path.normpath(call.args.need("data"))


def settings(call: Call) -> operator.Settings:
    """Return how the relay is to run, by flags and its file."""
    return operator.settings(data_of(call), call.args.given)


# -- init ----------------------------------------------------------------------------------------


def init(call: Call) -> Answer:
    """Make the directory of a relay."""
    made = operator.init(settings(call))
    where = "" if made.data == "relay" else f" --data {made.data}"
    serve = f"envoy relay serve{where}"
    data: Json = {
        "data": made.data,
        "hub_key": made.hub_key.hex(),
        "provider": made.provider,
        "code": made.code,
        "files": list(made.written),
        "next_commands": [serve],
    }
    return Answer(data, lambda: init_text(data))


def init_text(data: Json) -> Iterator[Block]:
    """Yield where the relay is and who may use it."""
    yield line(("relay     ", "dim"), str(data["data"]))
    asks = "nobody is asked" if data["provider"] == "none" else "by access code"
    yield line(("access    ", "dim"), asks)
    if data["code"] is not None:
        yield line(("code      ", "dim"), (str(data["code"]), "strong"))
        yield line("          shown once; the other side types: envoy billing redeem CODE")
    yield from next_text(data)


def next_text(data: Json) -> Iterator[Block]:
    """Yield what to do next."""
    commands = data["next_commands"]
    assert isinstance(commands, list)
    for command in commands:
        yield line(("next: ", "strong"), str(command))


# -- doctor --------------------------------------------------------------------------------------


def doctor(call: Call) -> Answer:
    """Check a relay."""
    found = operator.examine(settings(call))
    sound = operator.is_sound(found)
    checks = [
        {
            "name": one.name,
            "state": one.state,
            "detail": one.detail,
            "next_command": one.command,
        }
        for one in found
    ]
    data: Json = {"checks": checks, "sound": sound}
    return Answer(data, lambda: doctor_text(checks), exit=0 if sound else EXIT_INTEGRITY)


def doctor_text(checks: list[dict[str, str | None]]) -> Iterator[Block]:
    """Yield the checks as a table, then what to run."""
    yield pairs_table(
        [
            ([(str(one["state"]), STATE_STYLES[str(one["state"])])], [str(one["name"])],
             [str(one["detail"])])
            for one in checks
        ]
    )  # fmt: skip
    for command in sorted({str(one["next_command"]) for one in checks if one["next_command"]}):
        yield line(("hint: ", "strong"), command)


# -- copies --------------------------------------------------------------------------------------


def backup(call: Call) -> Answer:
    """Copy a relay."""
    to = os.path.normpath(call.args.need("to"))
    saved = operator.save(data_of(call), to)
    return copied(to, saved, f"envoy relay restore {to} --data NEW")


def restore(call: Call) -> Answer:
    """Put a copy into its place."""
    data = data_of(call)
    saved = operator.restore(call.args.need("copy"), data)
    return copied(data, saved, f"envoy relay serve --data {data}")


def copied(directory: str, saved: operator.Saved, then: str) -> Answer:
    """Return what a copy holds."""
    data: Json = {
        "directory": directory,
        "spaces": saved.spaces,
        "frames": saved.frames,
        "chunks": saved.chunks,
        "missing_chunks": saved.missing,
        "next_commands": [then],
    }
    return Answer(data, lambda: copy_text(data, saved))


def copy_text(data: Json, saved: operator.Saved) -> Iterator[Block]:
    """Yield what a copy holds."""
    yield line(("copied    ", "dim"), str(data["directory"]))
    spaces, frames = show.count(saved.spaces, "space"), show.count(saved.frames, "frame")
    yield line(("holds     ", "dim"), f"{spaces}, {frames}, {show.count(saved.chunks, 'chunk')}")
    if saved.missing:
        yield line((f"{saved.missing} chunks are named, but not on the disk", "warn"))
    yield from next_text(data)


# -- access codes --------------------------------------------------------------------------------


def token(call: Call) -> Answer:
    """Mint, list or revoke access codes."""
    act, ident, data = call.args.need("act"), call.args.text("code_id"), data_of(call)
    if (act == "revoke") != (ident is not None):
        raise UsageError("missing_required_flag" if ident is None else "invalid_argument",
                         argument="code_id")  # fmt: skip
    now, minted = int(time.time() * 1000), list[str]()
    if act == "mint":
        minted = operator.mint(
            data,
            call.args.text("plan"),
            days=days_of(call.args.number("days")),
            until_ms=now + call.args.count("ttl"),
            count=call.args.count("count"),
        )
    elif ident is not None:
        operator.revoke(data, ident)
    rows = [code_row(one, now) for one in operator.codes(data)]
    answer: Json = {"codes_minted": minted, "codes": rows}
    return Answer(answer, lambda: token_text(minted, rows))


def days_of(span: int | None) -> int:
    """Return the days of a span, at least one; 0 for none."""
    return 0 if span is None else max(1, span // DAY_MS)


def code_row(row: operator.CodeRow, now: int) -> dict[str, object]:
    """Return a code as the list shows it."""
    left = "open" if row.expires > now else "expired"
    return {
        "code_id": row.hash.hex()[:ID_CHARS],
        "plan": row.plan,
        "days": row.days or None,
        "state": "redeemed" if row.used else left,
        "minted_at": stamp(row.made),
        "expires_at": stamp(row.expires),
        "redeemed_at": stamp(row.used) if row.used else None,
    }


def token_text(minted: list[str], rows: list[Mapping[str, object]] | list[Json]) -> Iterator[Block]:
    """Yield new codes, which are shown once; else the table of all."""
    for code in minted:
        yield line((code, "strong"))
    if minted:
        yield line("shown once; the other side types: envoy billing redeem CODE")
        return
    heads = ("CODE", "PLAN", "DAYS", "STATE", "UNTIL")
    yield table(heads, [cells(one) for one in rows], soft=(1,))


def cells(row: Mapping[str, object]) -> list[list[str]]:
    """Return one line of the table."""
    days = "for ever" if row["days"] is None else str(row["days"])
    until = str(row["expires_at"])[:10]
    return [[str(row["code_id"])], [str(row["plan"])], [days], [str(row["state"])], [until]]
