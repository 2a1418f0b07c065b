"""Space: found one, name it, end it; make a way in, close it, take one."""

from __future__ import annotations

from collections.abc import Iterator

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import asking, connect, identity, typed
from envoy.cli.write.authority import reach_text
from envoy.errors import ConflictError, EnvoyError, RelayError, UsageError
from envoy.replica.actions import authority, enter, members, names
from envoy.replica.actions import space as actions
from envoy.views import answers, reach, rows
from envoy.views import space as shapes
from envoy.views.people import stamp
from envoy.views.space import space_id
from envoy.wiring import reads, writes

Json = dict[str, object]

UNTRUSTED = ["*_name", "description"]
ROLES = {"reader": "read", "append": "write", "writer": "write"}


def create(call: Call) -> Answer:
    """Found a space."""
    name = typed.name(call.args.need("name"), "--name")
    about, expires = description(call) or "", call.args.number("expires")
    is_far = call.args.switch("cross_machine")
    pin = connect.pin_of(call, is_far=is_far)
    with writes.open_profile(call.config, roads=is_far) as profile:
        ends = None if expires is None else profile.clock.now_ms() + expires
        again = names.Retry(typed.key(call.args), ("space create", name, about, expires))
        done = actions.found_once(profile, name, description=about, expires_ms=ends, call=again)
        if is_far:
            done = done._replace(space=connect.publish(call.config, profile, done.space, pin))
    data = details(call, done.space) | {
        "replayed": done.replayed,
        "next_commands": [f"envoy invite {space_id(done.space)}"],
    }
    return Answer(data, lambda: space_text(data))


def description(call: Call) -> str | None:
    """Return the description of the flags."""
    given = call.args.text("description")
    if given is None:
        return None
    found = typed.text(given, "--description", bytes_max=limits.TYPED_BYTES_MAX)
    if len(found.encode()) > limits.TITLE_BYTES_MAX:
        raise UsageError(
            "invalid_argument",
            argument="--description",
            cause="length",
            bytes_max=limits.TITLE_BYTES_MAX,
        )
    return found


def details(call: Call, row: rows.Space) -> Json:
    """Return a Space as its own page shows it."""
    with reads.open_reader(call.config._replace(sync=False)) as reader:
        one = reader.space(space_id(row))
        return {**shapes.details(one, reader.tally(one)), "untrusted_fields": UNTRUSTED}


def space_text(data: Json) -> Iterator[Block]:
    """Yield a space on one line, and what it is for."""
    yield line(
        (show.label(data["space_name"]), "strong"),
        "  ",
        (show.short(data["space_id"]), "dim"),
        f"  {place_text(data['mode'])}  you: {data['role']}",
    )
    if data["description"]:
        yield line("  for: ", str(data["description"]))
    if data["expires_at"] is not None:
        yield line("  until ", show.clock(data["expires_at"], now_ms=show.now()))


def place_text(mode: object) -> str:
    """Return where a space lives, in words."""
    return "on this machine" if mode == answers.LOCAL else "on this machine and at a relay"


def update(call: Call) -> Answer:
    """Change the name or the description of a space."""
    given, about = call.args.text("name"), description(call)
    name = None if given is None else typed.name(given, "--name")
    if name is None and about is None:
        raise UsageError(
            "missing_required_flag", argument="--name", expected=["--name", "--description"]
        )
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        key = typed.key(call.args)
        done = actions.update(replica, name=name, description=about, key=key)
    data = {**details(call, done.space), "replayed": done.replayed, "next_commands": []}
    return Answer(data, lambda: space_text(data))


def close(call: Call) -> Answer:
    """End a space for everybody."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        is_dry = call.args.switch("dry_run")
        if replica.space.closed_ms is None and not is_dry and asking.is_asked(call):
            short = ids.short(space_id(replica.space))
            asking.confirm([], f"close {short} for everybody, for good?")
        found = authority.end_space(replica, dry_run=is_dry, key=typed.key(call.args))
        row = replica.space
        told = reach.effect(found, row, names.people(replica))
    data: Json = {
        "space_id": space_id(row),
        "space_name": row.name,
        "changed": found.changed,
        "closed_at": stamp(row.closed_ms),
        "dry_run": is_dry,
        "replayed": found.replayed,
        "effect": told,
        "untrusted_fields": ["*_name"],
    }
    words = "closed; it stays readable" if found.changed else "was closed before: nothing changed"
    return Answer(data, lambda: changed_text(data, show.label(row.name), words))


def changed_text(data: Json, name: str, words: str) -> Iterator[Block]:
    """Yield what was changed; of a rehearsal what that would end, too."""
    if not data["dry_run"] or not data["changed"]:
        yield line((name, "strong"), f"  {words}")
        return
    yield line((name, "strong"), f"  {words}", ("  rehearsed: nothing was written", "warn"))
    yield from reach_text(dict(show.mapping(data["effect"])))


# -- ways in -------------------------------------------------------------------------------------


def invite(call: Call) -> Answer:
    """Make a code by which others join."""
    role = call.args.need("role")
    data: Json
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        uses = call.args.count("max_uses") or limits.INVITE_USES_MAX
        role, ttl_ms = ROLES.get(role, role), call.args.count("ttl")
        mode = call.args.need("mode")
        if call.args.switch("dry_run"):
            found = members.rehearse_invite(replica, members.Terms(role, uses, ttl_ms, mode))
            ends_ms = profile.clock.now_ms() + ttl_ms
            data = {
                **answers.not_made(replica.space, role=role, uses=uses, ends_ms=ends_ms, mode=mode),
                "dry_run": True,
                "effect": reach.effect(found, replica.space, names.people(replica)),
                "next_commands": [],
            }
            return Answer(data, lambda: no_invite_text(data))
        key = typed.key(call.args)
        terms = members.Terms(role, uses, ttl_ms, mode)
        made = members.issue(replica, terms, publish=publishes(call), key=key)
        space = replica.space
    data = {**answers.invite(made, space), "next_commands": []}
    # Asked for in so many words, it is not done before the relay has it.
    failed = call.args.switch("publish") and not data["intent_satisfied"]
    return Answer(data, lambda: invite_text(data), exit=RelayError.exit if failed else 0)


def publishes(call: Call) -> bool | None:
    """Return whether an invite is to be published, None: where there is a relay.

    Raises UsageError(invalid_argument) for both flags.
    """
    if not call.args.switch("local_only"):
        return True if call.args.switch("publish") else None
    if call.args.switch("publish"):
        raise UsageError("invalid_argument", argument="--publish", cause="--local-only")
    return False


def no_invite_text(data: Json) -> Iterator[Block]:
    """Yield what a code would be good for."""
    told = dict(show.mapping(data["effect"]))
    uses = data["max_uses"]
    assert isinstance(uses, int)
    holder = "reads" if data["join_mode"] == "open" else "may ask to come in"
    words = f"a code: {data['role']}, {show.count(uses, 'use')}; whoever holds it {holder}"
    yield from changed_text({**told, "effect": told}, show.label(told["space_name"]), words)


def invite_text(data: Json) -> Iterator[Block]:
    """Yield a code and what it is good for."""
    uses = data["max_uses"]
    assert isinstance(uses, int)
    until = show.clock(data["expires_at"], now_ms=show.now())
    yield line("code   ", (str(data["invite_code"]), "strong"))
    yield line(f"       {data['role']}, {show.count(uses, 'use')}, until {until}")
    is_far = data["relay_publication"] == "published"
    code = f"'{data['invite_uri']}'" if is_far else data["invite_code"]
    yield line("       the other side types: ", f"envoy join {code}")
    if data["relay_publication"] == "failed":
        yield line(("       the relay does not have it yet; ", "warn"), "next: envoy sync")
    if data["join_mode"] == "approve":
        command = f"envoy invites pending {show.short(data['space_id'])}"
        yield line("       and waits; who asks is told by: ", command)


def revoke(call: Call) -> Answer:
    """End an invite."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = members.find_invite(replica, call.args.need("invite"))
        is_dry = call.args.switch("dry_run")
        key = typed.key(call.args)
        found = authority.revoke(replica, row.id, reason="revoked", dry_run=is_dry, key=key)
        told = reach.effect(found, replica.space, names.people(replica))
        changed = found.changed
        after = members.find_invite(replica, ids.to_text("inv", row.id))
        space = space_id(replica.space)
    invite_id = ids.to_text("inv", row.id)
    data: Json = {
        "space_id": space,
        "invite_id": invite_id,
        "changed": changed,
        "invite_status": after.status,
        "dry_run": is_dry,
        "replayed": found.replayed,
        "effect": told,
    }
    words = "revoked" if changed else f"was {after.status} before: nothing changed"
    return Answer(data, lambda: changed_text(data, show.short(invite_id), words))


def join(call: Call) -> Answer:
    """Join a space by its code, as an agent unless the flags or the profile say otherwise."""
    code = call.args.need("code")
    code = (typed.from_stdin() if code == typed.STDIN else code).strip()
    place = relay_of(call, code)  # what is no code makes no identity
    me = identity.ensure(call, words=identity.outlet(call))
    with writes.open_profile(call.config, roads=place is not None) as profile:
        kind = me.type or profile.type
        try:
            known_as = profile._replace(name=me.name, type=kind)
            key = typed.key(call.args)
            done = redeem(call, known_as, code, place=place, key=key)
        except EnvoyError as error:
            if me.is_new:  # what was made is not hidden by what failed
                error.details["identity_made"] = call.config.profile
            raise
    data: Json = {
        **answers.joined(done),
        **me.answer(call.config),
        "identity": answers.myself(me.did, me.name, kind, done.role),
        "warnings": me.warnings,
        "next_commands": [
            f"envoy work-record --space {space_id(done.space)}",
            f"envoy task list --space {space_id(done.space)}",
        ]
        if done.role is not None
        else [f"envoy sync {space_id(done.space)}"],
        "untrusted_fields": ["*_name", "*.display_name"],
    }
    return Answer(data, lambda: join_text(data))


def redeem(
    call: Call, profile: names.Opened, code: str, *, place: enter.Place | None, key: str | None
) -> rows.Joined:
    """Redeem a code here, else at ``place``.

    Raises UsageError(missing_required_flag) where a relay was to be asked that nobody named.
    """
    try:
        return members.join(profile, code, name=profile.name, place=place, key=key)
    except ConflictError as error:
        is_unknown = error.code == "invalid_invite" and not error.details
        if is_unknown and place is None and call.args.switch("allow_relay_lookup"):
            raise UsageError("missing_required_flag", argument="--relay-url") from error
        raise


def relay_of(call: Call, code: str) -> enter.Place | None:
    """Return the relay that may be asked about a code: of its URI, else of the configuration.

    The configuration's only with --allow-relay-lookup. Raises ConflictError(invalid_invite).
    """
    place = members.place_in(code)
    if place is not None:
        return place
    if not call.args.switch("allow_relay_lookup") or call.config.relay_url is None:
        return None
    return enter.Place(call.config.relay_url, None)


def join_text(data: Json) -> Iterator[Block]:
    """Yield where the code led, and as whom."""
    if data["role"] is None:
        yield line(("asked ", "ok"), "to come in as ", *show.person(data["identity"]))
        yield line("      whoever made the code has to let you in")
        yield line(("next: ", "strong"), f"envoy sync {show.short(data['space_id'])}")
        return
    yield line(
        ("joined ", "ok"),
        (show.label(data["space_name"]), "strong"),
        "  ",
        (show.short(data["space_id"]), "dim"),
        "  as ",
        *show.person(data["identity"]),
        f"  {data['role']}",
    )
    yield line(("next: ", "strong"), f"envoy work-record --space {show.short(data['space_id'])}")
