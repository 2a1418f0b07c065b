"""Approve: who asks to be let in by a code, and letting them in.

Specification: docs/spec/invite.md, Approve mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy import ids
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line, table
from envoy.cli.write import authority, typed
from envoy.replica.actions import approve as actions
from envoy.views import people, reach
from envoy.views.pages import page, page_json, scope_of
from envoy.views.people import stamp
from envoy.views.space import space_id
from envoy.wiring import writes

Json = dict[str, object]


def pending(call: Call) -> Answer:
    """List who asks to be let in by codes of this profile, ascending by request."""
    limit = call.args.count("limit")
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        space = replica.space
        scope = scope_of(profile.identity.did, "invites pending", space.id)
        after = page(scope, limit, call.args.text("cursor"), shape=(bytes,)).after
        found = [one for one in actions.pending(replica) if after is None or (one.id,) > after]
    requests = [request(one) for one in found[:limit]]
    last = (found[limit - 1].id,) if len(found) > limit else None
    within = space_id(space)
    data: Json = {
        "space_id": within,
        "space_name": space.name,
        "requests": requests,
        "next_commands": [
            f"envoy invites approve {one['request_id']} --space {within}"
            for one in requests
            if not is_spent(one)
        ],
        "page": page_json(scope, last),
        "untrusted_fields": ["*_name", "*.display_name"],
    }
    return Answer(data, lambda: pending_text(data))


def request(found: actions.Request) -> Json:
    """Return a JoinRequest."""
    row = found.invite
    return {
        "request_id": ids.to_text("req", found.id),
        "invite_id": ids.to_text("inv", row.id),
        "member": people.actor(found.asks.did, found.asks.name),
        "role": row.role,
        "uses": row.uses,
        "max_uses": row.max_uses,
        "expires_at": stamp(row.na),
        "encryption_key_usable": actions.is_usable(found),
    }


def is_spent(asks: Mapping[str, object]) -> bool:
    """Say whether the invite that somebody asks by has no use left."""
    return asks["uses"] == asks["max_uses"]


def pending_text(data: Json) -> Iterator[Block]:
    """Yield who asks, and for what."""
    found = show.listed(data["requests"])
    if not found:
        yield line("nobody asks")
        return
    rows = [
        (
            [(show.short(one["request_id"]), "strong")],
            show.person(one["member"]),
            [show.text(one["role"])],
            [(show.short(one["invite_id"]), "dim")],
            [f"{one['uses']} of {one['max_uses']}"],
            [show.clock(one["expires_at"], now_ms=show.now())],
        )
        for one in found
    ]
    yield table(("REQUEST", "WHO", "ROLE", "INVITE", "USES", "ENDS"), rows, soft=(1,))
    free = [one for one in found if not is_spent(one)]
    if not free:
        yield line("no use is left of what they ask by: give them another code: ",
                   "envoy invite --mode approve")  # fmt: skip
        return
    yield line("compare the fingerprint with the one they read to you, then: ",
               f"envoy invites approve {show.short(free[0]['request_id'])}")  # fmt: skip


def approve(call: Call) -> Answer:
    """Let in somebody who asked."""
    key = typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        who = actions.request_of(replica, call.args.need("request"))
        did, name = who.asks.did, who.asks.name

        def act(dry_run: bool) -> reach.Reach:
            return actions.approve(replica, who.id, dry_run=dry_run, key=key)

        question = f"let in {show.label(name)} ({ids.fingerprint(did)}) as {who.invite.role}?"
        done = authority.asked(call, replica, act, who=did, question=question)
        told = authority.effect(replica, done, did)
    data: Json = {
        **told,
        "member": people.actor(did, name)
        | {"role": None if done.is_rehearsal else who.invite.role},
        "request_id": ids.to_text("req", who.id),
        "invite_id": ids.to_text("inv", who.invite.id),
        "grant_id": authority.grant_id(done),
        "role": who.invite.role,
    }
    word = "would be let in" if done.is_rehearsal else "let in"
    return Answer(data, lambda: authority.effect_text(data, word))
