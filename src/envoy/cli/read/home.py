"""Home: who I am, where I stand, whether this installation is sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import envoy
from envoy import ids
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, Span, Spans, line, pairs_table, table
from envoy.errors import EnvoyError, NotFoundError
from envoy.views import space as shapes
from envoy.views.pages import page, page_json, scope_of
from envoy.wiring import checks, config, reads

Json = dict[str, object]

EXIT_INTEGRITY = 8
# What the last attempt came to where a relay did not answer at all.
AWAY = ("relay_unavailable", "timeout", "egress_denied")
STATE_STYLES = {"ok": "ok", "warning": "warn", "failed": "bad"}


def status(call: Call) -> Answer:
    """Answer with identity and spaces. Touches no network."""
    with reads.open_reader(call.config) as reader:
        first = sorted(reader.spaces, key=lambda one: (-one.pinned, one.sn))
        spaces: list[Json] = [shapes.space(one, reader.tally(one)) for one in first]
        data: Json = {
            "version": envoy.__version__,
            "profile": call.config.profile,
            "identity": reader.actor(),
            "daemon": "not_used",
            "relay": relay_of(reader),
            "spaces": spaces,
            "freshness": reader.freshness(reader.spaces),
            "untrusted_fields": ["*_name", "*.display_name"],
        }
    return Answer(data, lambda: status_text(data, spaces))


def relay_of(reader: reads.Reader) -> Json:
    """Return whether relays are in use and answered the last time, and where the first one is."""
    found = list(reader.relays.values())
    if not found:
        return {"state": "not_configured", "url": None}
    away = [one for one in found if one.trouble in AWAY]
    return {
        "state": "unreachable" if away else "connected",
        "url": (away or found)[0].origin,
    }


def status_text(data: Json, spaces: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield the status for people."""
    who = show.person(data["identity"])
    yield line((f"envoy {data['version']}", "strong"), f"  profile {data['profile']}  ", *who)
    relay = show.mapping(data["relay"])
    if relay["url"] is not None:
        style = "ok" if relay["state"] == "connected" else "warn"
        yield line(("relay ", "dim"), show.text(relay["url"]), "  ", (str(relay["state"]), style))
    yield from spaces_text(spaces)


def spaces(call: Call) -> Answer:
    """Answer with the spaces of the profile, page by page."""
    with reads.open_reader(call.config) as reader:
        scope = scope_of(reader.me.did, "spaces")
        wanted = page(scope, call.args.count("limit"), call.args.text("cursor"), shape=(int,))
        after = wanted.after[0] if wanted.after else -1
        rest = [one for one in reader.spaces if one.sn > int(after)]
        shown = rest[: wanted.limit]
        found: list[Json] = [shapes.details(one, reader.tally(one)) for one in shown]
        last = (shown[-1].sn,) if len(rest) > len(shown) else None
        data: Json = {
            "spaces": found,
            "page": page_json(scope, last),
            "freshness": reader.freshness(reader.spaces),
            "untrusted_fields": ["*_name", "*.description"],
        }
    return Answer(data, lambda: spaces_text(found))


def spaces_text(spaces: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield a table of spaces, or what to do without one."""
    if not spaces:
        yield line("no spaces yet")
        yield line(("hint: ", "strong"), "envoy quickstart --human, or envoy join CODE")
        return
    heads = ("SPACE", "", "MODE", "ROLE", "UNREAD", "OPEN", "YOURS", "")
    yield table(heads, [space_row(one) for one in spaces], soft=(0,))


def space_row(space: Mapping[str, object]) -> tuple[list[Span], ...]:
    """Return a space as a row of its table."""
    unread = show.text(space["unread_count"])
    return (
        [show.label(space["space_name"])],
        [(show.short(space["space_id"]), "dim")],
        [mode_word(space)],
        [show.text(space["role"]) or show.text(space["join_state"])],
        [(unread, "strong") if space["unread_count"] else unread],
        [show.text(space["open_tasks"])],
        [show.text(space["my_tasks"])],
        notes(space),
    )


def mode_word(space: Mapping[str, object]) -> str:
    """Return where a space lives, in a word."""
    if space["mode"] == "local_only":
        return "local"
    return "isolated" if space.get("isolated") else "connected"


def notes(space: Mapping[str, object]) -> list[Span]:
    """Return what else is to be known of a space, in words."""
    found: list[Span] = []
    if space["closed_at"] is not None:
        found.append(("closed", "bad"))
    for name, words, style in (
        ("conflicts", ("conflict", "conflicts"), "bad"),
        ("held", ("held", "held"), "warn"),
        ("quarantined", ("quarantined", "quarantined"), "warn"),
        ("waiting", ("waiting", "waiting"), "dim"),
        ("sealed", ("sealed", "sealed"), "dim"),
    ):
        number = space[name]
        assert isinstance(number, int)
        if number:
            found.append((show.count(number, *words), style))
    if space["pending_sync"]:
        found.append(("not sent yet", "warn"))
    for name in ("pinned", "muted"):
        if space[name]:
            found.append((name, "dim"))
    spaced: list[Span] = []
    for span in found:
        spaced += [", ", span] if spaced else [span]
    return spaced


# -- profiles ---------------------------------------------------------------------------------


def identities(call: Call) -> Answer:
    """Answer with the profiles of the home."""
    scope = scope_of("identities", call.config.home)
    wanted = page(scope, call.args.count("limit"), call.args.text("cursor"), shape=(bytes,))
    after = b"" if wanted.after is None else bytes(wanted.after[0])
    rest = [name for name in checks.profiles(call.config) if name.encode() > after]
    shown = rest[: wanted.limit]
    found = [profile(call, name) for name in shown]
    last = (shown[-1].encode(),) if len(rest) > len(shown) else None
    data: Json = {
        "profiles": found,
        "page": page_json(scope, last),
        "untrusted_fields": ["*.display_name"],
    }
    return Answer(data, lambda: identities_text(found))


def profile(call: Call, name: str) -> Json:
    """Return one profile; one that cannot be read says why."""
    made: Json = {"profile": name, "current": name == call.config.profile, "error_code": None}
    try:
        who = checks.identity(call.config, name)
    except EnvoyError as error:
        unknown = {"member_id": None, "display_name": None, "fingerprint": None, "lock": None}
        return {**made, **unknown, "error_code": error.code}
    return {
        **made,
        "member_id": ids.did_text(who.did),
        "display_name": who.name,
        "fingerprint": ids.fingerprint(who.did),
        "lock": who.lock,
    }


def identities_text(profiles: Sequence[Json]) -> Iterator[Block]:
    """Yield a table of profiles."""
    if not profiles:
        yield line("no profiles yet")
        yield line(("hint: ", "strong"), "envoy quickstart --human")
        return
    yield table(("PROFILE", "", ""), [profile_row(one) for one in profiles], soft=(1,))


def profile_row(profile: Json) -> tuple[Spans, ...]:
    """Return a profile as a row of its table."""
    mark: list[Span] = [("current", "ok")] if profile["current"] else []
    who = show.who(profile["display_name"], profile["fingerprint"])
    if profile["error_code"] is not None:
        who = [(show.text(profile["error_code"]), "bad")]
    return [show.text(profile["profile"])], who, mark


def use(call: Call) -> Answer:
    """Answer with the line that makes a shell use another profile."""
    name = call.args.need("name")
    config.profile_name(name, "name")
    if name not in checks.profiles(call.config):
        raise NotFoundError("profile_not_found", profile=name)
    export = f"export ENVOY_PROFILE={name}"
    data: Json = {"profile": name, "export": export}
    return Answer(data, lambda: [line(export)])


def diagnosed(found: Sequence[checks.Check]) -> Answer:
    """Answer with one line per check; exit 8 if one failed."""
    failed = any(one.state == "failed" for one in found)
    data: Json = {"checks": [one._asdict() for one in found], "sound": not failed}
    return Answer(data, lambda: diagnose_text(found), exit=EXIT_INTEGRITY if failed else 0)


def diagnose_text(found: Sequence[checks.Check]) -> Iterator[Block]:
    """Yield the checks as a table, then what to do."""
    cells = [([(one.state, STATE_STYLES[one.state])], [one.name], [one.detail]) for one in found]
    yield pairs_table(cells)
    for command in sorted({one.next_command for one in found if one.next_command is not None}):
        yield line(("hint: ", "strong"), command)
