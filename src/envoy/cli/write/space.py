"""Space: found one, name it, end it; make a way in, close it, take one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from envoy import ids, limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import identity, typed
from envoy.errors import ConflictError, EnvoyError, NeedsHumanError, RelayError, UsageError
from envoy.replica.actions import members, names
from envoy.replica.actions import space as actions
from envoy.views import answers, rows
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
    with writes.open_profile(call.config) as profile:
        ends = None if expires is None else profile.clock.now_ms() + expires
        row = actions.create(profile, name, description=about, expires_ms=ends)
    if call.args.switch("cross_machine"):
        raise no_relay(row)
    data = {**details(call, row), "next_commands": [f"envoy invite {space_id(row)}"]}
    return Answer(data, lambda: space_text(data))


def no_relay(space: rows.Space) -> EnvoyError:
    """Return the error for a space that was to be published: it lives here, and only here."""
    return RelayError(
        "connected_intent_unsatisfied",
        next_command=f"envoy invite {space_id(space)}",
        space_id=space.id,
        mode=space.mode,
    )


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
        f"  on this machine  you: {data['role']}",
    )
    if data["description"]:
        yield line("  for: ", str(data["description"]))
    if data["expires_at"] is not None:
        yield line("  until ", show.clock(data["expires_at"], now_ms=show.now()))


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
        row = actions.update(replica, name=name, description=about)
    data = {**details(call, row), "next_commands": []}
    return Answer(data, lambda: space_text(data))


def close(call: Call) -> Answer:
    """End a space for everybody."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        if replica.space.closed_ms is None:
            confirm(call, replica.space)
        changed = actions.close(replica)
        row = replica.space
    data: Json = {
        "space_id": space_id(row),
        "space_name": row.name,
        "changed": changed,
        "closed_at": stamp(row.closed_ms),
        "untrusted_fields": ["*_name"],
    }
    words = "closed; it stays readable" if changed else "was closed before: nothing changed"
    return Answer(data, lambda: [line(show.label(row.name), "  ", words)])


def confirm(call: Call, space: rows.Space) -> None:
    """Ask whoever sits at the terminal. A script that says `space close` has said what it wants."""
    if call.config.yes or not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        return
    sys.stderr.write(f"close {ids.short(space_id(space))} for everybody, for good? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NeedsHumanError("confirmation_required", space_id=space.id)


def is_terminal(stream: object) -> bool:
    """Return whether a person is behind ``stream``."""
    asks = getattr(stream, "isatty", None)
    return asks is not None and bool(asks())


# -- ways in -------------------------------------------------------------------------------------


def invite(call: Call) -> Answer:
    """Make a code by which others join."""
    role = call.args.need("role")
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        if call.args.switch("publish"):
            raise ConflictError("space_local_only", space_id=replica.space.id)
        made = members.make(
            replica,
            role=ROLES.get(role, role),
            max_uses=call.args.count("max_uses") or limits.INVITE_USES_MAX,
            ttl_ms=call.args.count("ttl"),
        )
        space = replica.space
    data: Json = {**answers.invite(made, space), "next_commands": []}
    return Answer(data, lambda: invite_text(data))


def invite_text(data: Json) -> Iterator[Block]:
    """Yield a code and what it is good for."""
    uses = data["max_uses"]
    assert isinstance(uses, int)
    until = show.clock(data["expires_at"], now_ms=show.now())
    yield line("code   ", (str(data["invite_code"]), "strong"))
    yield line(f"       {data['role']}, {show.count(uses, 'use')}, until {until}")
    yield line("       the other side types: ", f"envoy join {data['invite_code']}")


def revoke(call: Call) -> Answer:
    """End an invite."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = members.find_invite(replica, call.args.need("invite"))
        changed = members.revoke_invite(replica, row.id)
        after = members.find_invite(replica, ids.to_text("inv", row.id))
        space = space_id(replica.space)
    invite_id = ids.to_text("inv", row.id)
    data: Json = {
        "space_id": space,
        "invite_id": invite_id,
        "changed": changed,
        "invite_status": after.status,
    }
    words = "revoked" if changed else f"was {after.status} before: nothing changed"
    return Answer(data, lambda: [line((show.short(invite_id), "strong"), f"  {words}")])


def join(call: Call) -> Answer:
    """Join a space by its code, as an agent unless the flags or the profile say otherwise."""
    code = call.args.need("code")
    code = (typed.from_stdin() if code == typed.STDIN else code).strip()
    members.lookup_of(code)  # what is no code makes no identity
    me = identity.ensure(call, words=identity.outlet(call))
    with writes.open_profile(call.config) as profile:
        kind = me.type or profile.type
        try:
            done = redeem(call, profile._replace(name=me.name, type=kind), code)
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
        ],
        "untrusted_fields": ["*_name", "*.display_name"],
    }
    return Answer(data, lambda: join_text(data))


def redeem(call: Call, profile: names.Opened, code: str) -> rows.Joined:
    """Redeem a code at the hub of this machine; there is no relay to be asked in this version."""
    try:
        return members.join(profile, code, name=profile.name)
    except ConflictError as error:
        if error.code == "invalid_invite" and call.args.switch("allow_relay_lookup"):
            operation = "join --allow-relay-lookup"
            raise UsageError("unsupported_operation", operation=operation) from error
        raise


def join_text(data: Json) -> Iterator[Block]:
    """Yield where the code led, and as whom."""
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
