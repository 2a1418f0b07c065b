"""Desk: an admin lets held content count."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, Body, line, table
from envoy.cli.write import typed
from envoy.errors import UsageError
from envoy.replica.actions import desk, names
from envoy.views import answers, rows
from envoy.views.people import Json, People, stamp
from envoy.views.space import space_id
from envoy.wiring import writes


def admit(call: Call) -> Answer:
    """Let held events count, or all that a revocation holds."""
    given, events = call.args.need("reason"), call.args.items("event")
    if not events:
        raise UsageError("missing_required_flag", argument="event")
    reason = typed.line(given, "--reason", bytes_max=limits.TITLE_BYTES_MAX)
    key, dry_run = typed.key(call.args), call.args.switch("dry_run")
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        named = desk.named(replica, events)
        done = desk.admit(replica, named, reason=reason, dry_run=dry_run, key=key)
        space, people = replica.space, names.people(replica)
    data = answer(done, named, space, people)
    data["reason"], data["dry_run"] = reason, dry_run
    return Answer(data, lambda: admit_text(data))


def answer(
    done: desk.Released, named: tuple[bytes, ...], space: rows.Space, people: People
) -> Json:
    """Return what an admit let count, or would."""
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "event_id": None if done.admit is None else ids.to_text("evt", done.admit),
        "cursor": done.n,
        "changed": done.changed,
        "dry_run": False,
        "reason": "",
        "named": [ids.to_text("evt", one) for one in named],
        "released": [
            {
                "event_id": ids.to_text("evt", one.id),
                "kind": one.kind,
                "by": people.actor(one.an),
                "at": stamp(one.ts),
            }
            for one in done.released
        ],
        "relay_delivery": answers.relay_delivery(space, done.delivery or answers.NOT_ATTEMPTED),
        "pending_sync": answers.is_pending(done.delivery),
        "replayed": done.replayed,
        "warnings": [],
        "untrusted_fields": ["*_name", "*.display_name"],
    }


def admit_text(data: Json) -> Iterator[Block]:
    """Yield what was let count, or would be."""
    found = show.listed(data["released"])
    count = show.count(len(found), "event")
    if data["dry_run"]:
        yield line(("would release ", "strong"), count, "; nothing was written")
    elif not data["changed"]:
        yield line("nothing held by that: nothing changed")
        return
    else:
        yield line(("released ", "ok"), count, "  ", (show.short(data["event_id"]), "dim"))
        yield Body(show.text(data["reason"]))
    rows_ = [
        (
            [(show.short(one["event_id"]), "strong")],
            [show.text(one["kind"])],
            show.person(one["by"]),
            [show.clock(one["at"], now_ms=show.now())],
        )
        for one in found
    ]
    if rows_:
        yield table(("EVENT", "KIND", "BY", "AT"), rows_, soft=(2,))
