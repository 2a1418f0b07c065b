"""Invites: another code in the place of one that was lost, seen or used up."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import space, typed
from envoy.replica.actions import members, names
from envoy.views import answers, reach
from envoy.wiring import writes

Json = dict[str, object]


def rotate(call: Call) -> Answer:
    """End an invite and make another one, in one act."""
    role, ttl_ms = call.args.need("role"), call.args.count("ttl")
    uses = call.args.count("max_uses") or limits.INVITE_USES_MAX
    terms = members.Terms(space.ROLES.get(role, role), uses, ttl_ms)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = members.find_invite(replica, call.args.need("invite"))
        terms = terms._replace(mode=row.mode)
        ended: Json = {"ended_invite_id": ids.to_text("inv", row.id)}
        if call.args.switch("dry_run"):
            found = members.rehearse_rotate(replica, row.id, terms)
            ends_ms = profile.clock.now_ms() + ttl_ms
            data: Json = {
                **answers.not_made(
                    replica.space, role=terms.role, uses=uses, ends_ms=ends_ms, mode=row.mode
                ),
                "dry_run": True,
                "effect": reach.effect(found, replica.space, names.people(replica)),
                "next_commands": [],
                **ended,
            }
            return Answer(data, lambda: space.no_invite_text(data))
        made = members.rotate(replica, row.id, terms, key=typed.key(call.args))
        data = {**answers.invite(made, replica.space), "next_commands": [], **ended}
    return Answer(data, lambda: rotate_text(data))


def rotate_text(data: Json) -> Iterator[Block]:
    """Yield what ended, and the new code."""
    yield line((show.short(data["ended_invite_id"]), "strong"), "  ended; in its place:")
    yield from space.invite_text(data)
