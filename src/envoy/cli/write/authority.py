"""Authority: who may do what is changed here: roles, removals, delegations, leaving, new epochs.

Each command says who is meant, by name and fingerprint, and what the act ends, frees and holds. On
a terminal it says so first and asks; with --dry-run it says so and writes nothing.

Specification: docs/spec/authority.md, Acts of clients; docs/spec/cli.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import asking, typed
from envoy.errors import CODES, NotFoundError, UsageError
from envoy.replica.actions import authority, cards, names
from envoy.replica.actions import space as spaces
from envoy.replica.actions.authority import Cast, Delegation
from envoy.views import people as actors
from envoy.views import reach as shapes
from envoy.views import space as space_shapes
from envoy.views.people import stamp
from envoy.views.reach import Reach
from envoy.wiring import writes

Json = dict[str, object]
Act = Callable[[bool], Reach]  # True: a rehearsal

HUMAN_PRESENT = "human-present"
DID_SYMBOLS = 56  # of a did:key in full
NOT_SENT: Json = {
    "code": "not_delivered",
    "message": "saved here; the hub was not reached and gets it with the next `envoy sync`",
}


# -- commands ------------------------------------------------------------------------------------


def role(call: Call) -> Answer:
    """Give a member another role."""
    wanted, key = call.args.need("role"), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        who = names.member(replica, call.args.need("member"))

        def act(dry_run: bool) -> Reach:
            return authority.set_role(replica, who, wanted, dry_run=dry_run, key=key)

        found = asked(call, replica, act, who=who, question=f"give the role {wanted}?")
        data = {**effect(replica, found, who), "role": wanted, "grant_id": grant_id(found)}
    return Answer(data, lambda: effect_text(data, f"role {wanted}"))


def remove(call: Call) -> Answer:
    """Remove a member, with every open code, and leave the epoch."""
    reason, key = reason_of(call), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        who = known(replica, call.args.need("member"))
        undo = tuple(names.event(replica, one) for one in call.args.items("undo"))

        def act(dry_run: bool) -> Reach:
            return authority.remove(
                replica, who, reason=reason, undo=undo, dry_run=dry_run, key=key
            )

        found = asked(call, replica, act, who=who, question="remove this member?")
        data = effect(replica, found, who)
    if found.revoked:
        data["next_commands"] = [f"envoy invite {data['space_id']}"]
    return Answer(data, lambda: effect_text(data, "removed"))


def revoke(call: Call) -> Answer:
    """End one grant, delegation or invite."""
    reason, key = reason_of(call), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        target = grant_of(replica, call.args.need("grant"))
        row = replica.profile.rows.grant(replica.sn, target)
        who = None if row is None else replica.profile.events.did(row.subject)

        def act(dry_run: bool) -> Reach:
            return authority.revoke(replica, target, reason=reason, dry_run=dry_run, key=key)

        found = asked(call, replica, act, who=who, question="end this grant?")
        data = {**effect(replica, found, who), "grant_id": ids.to_text("grant", target)}
    return Answer(data, lambda: effect_text(data, "revoked"))


def leave(call: Call) -> Answer:
    """Leave a space."""
    key = typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())

        def act(dry_run: bool) -> Reach:
            return authority.leave(replica, dry_run=dry_run, key=key)

        found = asked(call, replica, act, who=replica.me, question="leave this space?")
        data = effect(replica, found, replica.me)
    return Answer(data, lambda: effect_text(data, "left"))


def rotate(call: Call) -> Answer:
    """Write under a new epoch from here on."""
    key = typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        found = authority.rotate(replica, dry_run=call.args.switch("dry_run"), key=key)
        data = effect(replica, found, None)
    return Answer(data, lambda: effect_text(data, "rotated"))


def delegate(call: Call) -> Answer:
    """Let somebody act under a grant of this profile."""
    verb, scope, key = call.args.need("verb"), call.args.need("scope"), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        who, card = anybody(replica, call.args.need("target"))
        task = None
        if scope.startswith("task:"):
            within = space_shapes.space_id(replica.space)
            _, task = names.task(profile, within, scope.partition(":")[2])
        elif scope not in ("room", "space"):
            raise scope_error(scope)
        ttl = call.args.number("ttl")
        given = Delegation(who, verb, task, call.args.count("depth"), ttl)

        def act(dry_run: bool) -> Reach:
            return authority.delegate(replica, given, card=card, dry_run=dry_run, key=key)

        found = asked(call, replica, act, who=who, question=f"delegate {verb}?")
        row = None
        if found.event is not None and not found.is_rehearsal:
            row = replica.profile.rows.grant(replica.sn, found.event)
        data = {
            **effect(replica, found, who),
            "grant_id": grant_id(found),
            "verb": verb,
            "scope": "space" if task is None else f"task:{ids.to_text('task', task)}",
            "depth": given.depth,
            "expires_at": stamp(None if row is None else row.na),
        }
    return Answer(data, lambda: effect_text(data, f"may {verb}"))


def scope_error(scope: str) -> UsageError:
    """Return the error for a scope that there is not, or not in this version."""
    if scope.partition(":")[0] == "object":
        return UsageError("unsupported_operation", operation="delegate --scope object")
    allowed = ["room", "space", "task:ID"]
    return UsageError("invalid_argument", argument="--scope", allowed=allowed)


def policy(call: Call) -> Answer:
    """Change what the space asks of work by default; without flags show it."""
    fields, key = policy_of(call), typed.key(call.args)
    dry_run = call.args.switch("dry_run")
    done = spaces.PolicySet(changed=False, replayed=False)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = before = replica.space
        if fields and dry_run:
            row = spaces.rehearse_policy(replica, fields)
            done = done._replace(changed=row.policy != before.policy)
        elif fields:
            done = spaces.set_policy(replica, fields, key=key)
            row = replica.space
    data: Json = {
        "space_id": space_shapes.space_id(row),
        "space_name": row.name,
        "changed": done.changed,
        "replayed": done.replayed,
        "dry_run": dry_run,
        "policy": space_shapes.policy(row),
        "untrusted_fields": ["*_name", "policy.gate.evidence"],
    }
    return Answer(data, lambda: policy_text(data))


def policy_of(call: Call) -> dict[str, bool | int | str | tuple[str, ...] | None]:
    """Return the fields of a policy that the flags set."""
    found: dict[str, bool | int | str | tuple[str, ...] | None] = {}
    reviewers = call.args.items("review_by")
    if HUMAN_PRESENT in reviewers:
        raise UsageError("unsupported_operation", operation=f"--review-by {HUMAN_PRESENT}")
    for flag, field in (("review_by", "gate.review_by"), ("require_evidence", "gate.evidence")):
        if flag in call.args.given:
            found[field] = tuple(dict.fromkeys(call.args.items(flag)))
    reviews, lease = call.args.number("reviews"), call.args.number("lease")
    if reviews is not None:
        found["gate.reviews"] = reviews
    if lease is not None:
        found["lease_s"] = lease // 1000
    own = self_review(call)
    if own is not None:
        found["gate.no_self_review"] = not own
    if call.args.text("audit") is not None:
        found["audit"] = call.args.need("audit")
    return found


def self_review(call: Call) -> bool | None:
    """Return whether who did the work may review it, None where no flag says."""
    allowed, refused = call.args.switch("self_review"), call.args.switch("no_self_review")
    if allowed and refused:
        raise UsageError("invalid_argument", argument="--self-review", cause="contradicts")
    return allowed if allowed or refused else None


def agent_revoke(call: Call) -> Answer:
    """Remove an agent from every space of this profile."""
    reason, text, key = reason_of(call), call.args.need("member"), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        who = names.anywhere(profile, text)

        def cast(*, dry_run: bool) -> list[Cast]:
            return authority.cast_out(profile, who, reason=reason, dry_run=dry_run, key=key)

        dry_run = call.args.switch("dry_run")
        if not dry_run and asking.is_asked(call):
            shown = cast_answer(profile, who, cast(dry_run=True))
            asking.confirm(cast_text(shown), "remove it from all of them?")
        data = cast_answer(profile, who, cast(dry_run=dry_run))
    return Answer(data, lambda: cast_text(data), status_of(show.listed(data["results"])))


def status_of(results: Sequence[Mapping[str, object]]) -> int:
    """Return the exit status of spaces that answered each for itself: of the first that failed."""
    failed = [str(one["error_code"]) for one in results if one["error_code"]]
    return CODES[failed[0]][0] if failed else 0


# -- who is meant --------------------------------------------------------------------------------


def grant_of(replica: names.Copy, text: str) -> bytes:
    """Return the id of the grant, delegation or invite that ``text`` means."""
    try:
        return names.event(replica, text)
    except NotFoundError as error:
        if error.code != "not_found":
            raise
        command = "envoy permissions"
        raise NotFoundError("not_found", kind="grant", next_command=command) from error


def known(replica: names.Copy, text: str) -> bytes:
    """Return the did that ``text`` means among all that the space ever knew."""
    try:
        return names.member(replica, text)
    except NotFoundError as error:
        if error.code != "not_found":
            raise
    return names.people(replica).find(text).did


def anybody(replica: names.Copy, text: str) -> tuple[bytes, cards.Known | None]:
    """Return the did that ``text`` means: a member, any did in full, or a card with its key."""
    if text.startswith(cards.PREFIX):
        found = cards.read_string(text)
        return found.did, found
    if text.startswith(ids.DID_PREFIX) and len(text) == DID_SYMBOLS:
        return ids.did_key(text), None
    return known(replica, text), None


def reason_of(call: Call) -> str:
    """Return why, as the flags say; nothing where they say nothing."""
    given = call.args.text("reason")
    if given is None:
        return ""
    return typed.line(given, "--reason", bytes_max=limits.TITLE_BYTES_MAX)


# -- asking and answering ------------------------------------------------------------------------


def asked(call: Call, replica: names.Copy, act: Act, *, who: bytes | None, question: str) -> Reach:
    """Do ``act``, rehearsed and confirmed first where somebody is there; --dry-run: rehearse it."""
    if call.args.switch("dry_run"):
        return act(True)
    if asking.is_asked(call):
        shown = effect(replica, act(True), who)
        if shown["changed"]:
            asking.confirm(effect_text({**shown, "dry_run": False}, "this would:"), question)
    return act(False)


def effect(replica: names.Copy, found: Reach, who: bytes | None) -> Json:
    """Return what an act did, to whom."""
    people = names.people(replica)
    actor: Json | None = None
    if who is not None:
        actor = people.actor(replica.profile.events.actor(who)) or actors.actor(who, None)
    return {
        **shapes.effect(found, replica.space, people),
        "member": actor,
        "warnings": [NOT_SENT] if found.delivery.startswith(("pending", "failed")) else [],
        "next_commands": [],
    }


def grant_id(found: Reach) -> str | None:
    """Return the grant that an act made; what was rehearsed made none."""
    if found.event is None or found.is_rehearsal:
        return None
    return ids.to_text("grant", found.event)


def effect_text(data: Json, word: str) -> Iterator[Block]:
    """Yield what an act did, or would do."""
    head = [*show.person(data["member"]), "  "] if data["member"] is not None else []
    if not data["changed"]:
        yield line(*head, show.label(data["space_name"]), "  was so before: nothing changed")
        return
    dry = ("  rehearsed: nothing was written", "warn") if data["dry_run"] else ""
    yield line(*head, show.label(data["space_name"]), "  ", (word, "strong"), dry)
    yield from reach_text(data)


def reach_text(data: Json) -> Iterator[Block]:
    """Yield what an act ends, frees and holds, and how far back it reaches."""
    for one in show.listed(data["ended"]):
        yield line("  ends   ", (show.short(one["grant_id"]), "dim"), f"  {one['kind']}")
    for word, key in (("frees", "freed"), ("keeps", "holds")):
        found = data[key]
        assert isinstance(found, list)
        if found:
            yield line(f"  {word}  ", ", ".join(show.short(one) for one in found))
    count = data["held_count"]
    assert isinstance(count, int)
    if count:
        yield line("  holds  ", show.count(count, "event"), " that it had not seen")
    if data["reach"] is not None:
        yield line("  stays  ", stays(show.mapping(data["reach"])))
    for act in show.listed(data["acts"])[:5] if data["dry_run"] else ():
        yield line("  did    ", (show.short(act["event_id"]), "dim"), f"  {act['type']}")
    if data["new_epoch"]:
        yield line("  epoch  new: who is out reads nothing from here on")


def stays(reach: object) -> str:
    """Return how much of what the subject wrote an act leaves alone."""
    found = show.mapping(reach)
    count = found["accepted_events"]
    assert isinstance(count, int)
    if not count:
        return "nothing: nothing was written"
    until = show.clock(found["accepted_until"], now_ms=show.now())
    return f"{show.count(count, 'event')} up to {until}"


def policy_text(data: Json) -> Iterator[Block]:
    """Yield the policy of a space."""
    found = show.mapping(data["policy"])
    gate = show.mapping(found["gate"])
    changed = "" if data["changed"] else "  nothing changed"
    tense = "  as it would be; nothing was done" if data["changed"] and data["dry_run"] else ""
    yield line((show.label(data["space_name"]), "strong"), "  policy", changed, tense)
    yield line("  reviews   ", str(gate["reviews"]), "  by ", listed(gate["review_by"], "anybody"))
    if gate["no_self_review"]:
        yield line("            not by who did the work")
    yield line("  evidence  ", listed(gate["evidence"], "none"))
    yield line("  lease     ", f"{found['lease_s']} s")
    yield line("  audit     ", str(found["audit"]))


def listed(found: object, nothing: str) -> str:
    """Return words between commas."""
    assert isinstance(found, list)
    return ", ".join(str(one) for one in found) or nothing


def cast_answer(profile: names.Opened, who: bytes, found: list[Cast]) -> Json:
    """Return what came of the removal of one member from every space."""
    results: list[Json] = []
    for one in found:
        space_id = space_shapes.space_id(one.space)
        people = names.people(writes.open_space(profile, space_id))
        told: Json | None = None
        if one.reach is not None:
            told = shapes.effect(one.reach, one.space, people)
        results.append(
            {
                "space_id": space_id,
                "space_name": one.space.name,
                "removed": one.reach is not None and not one.reach.is_rehearsal,
                "error_code": one.error,
                "wrote": None if one.reach is None or one.reach.cut is None
                else one.reach.cut.accepted + one.reach.cut.uncited,
                "minted": [] if one.reach is None else shapes.minted(one.reach.acts),
                "effect": told,
            }
        )  # fmt: skip
    first = names.people(writes.open_space(profile, space_shapes.space_id(found[0].space)))
    return {
        "member": first.actor(profile.events.actor(who)) or actors.actor(who, None),
        "results": results,
        "replayed": any(one.reach is not None and one.reach.replayed for one in found),
        "untrusted_fields": ["*_name", "*.display_name"],
    }


def cast_text(data: Json) -> Iterator[Block]:
    """Yield what came of it, space by space."""
    yield line(*show.person(data["member"]))
    for one in show.listed(data["results"]):
        name = show.label(one["space_name"])
        if one["effect"] is None:
            yield line("  ", name, "  ", (f"stays: {one['error_code']}", "bad"))
            continue
        told = dict(show.mapping(one["effect"]))
        word = "removed" if told["changed"] else "was out before"
        word = word if one["removed"] else "would be removed"
        minted = one["minted"]
        assert isinstance(minted, list)
        wrote = one["wrote"]
        assert wrote is None or isinstance(wrote, int)
        gave = show.count(len(minted), "grant")
        words = "" if wrote is None else f"  wrote {show.count(wrote, 'event')}, gave out {gave}"
        yield line("  ", name, "  ", (word, "strong"), words)
        yield from reach_text(told)
