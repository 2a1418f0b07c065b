"""Upkeep: look after a home. Check it deeply, mend it, back it up, put it back, clear it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

from envoy import ids
from envoy.cli import show, synctext
from envoy.cli.args import Answer, Call
from envoy.cli.read import home as read_home
from envoy.cli.render import Block, line
from envoy.cli.write import asking
from envoy.errors import NeedsHumanError, NotFoundError, UsageError
from envoy.replica.actions import far, local
from envoy.views import rows
from envoy.views.people import stamp
from envoy.views.space import choose, find, space_id
from envoy.wiring import bundles, deep, reaching, safekeeping, writes
from envoy.wiring.checks import Check
from envoy.wiring.progress import Teller

Json = dict[str, object]

EXIT_INTEGRITY = 8


# -- looking ---------------------------------------------------------------------------------------


def diagnose(call: Call) -> Answer:
    """Answer with one line per check; with --deep every event, page and mode bit is one."""
    if not call.args.switch("deep"):
        return read_home.diagnosed([*deep.shallow(call.config), *reaching.look(call.config)])
    with Teller(call.config) as tell:
        checks = deep.look(call.config, tell).checks
    return read_home.diagnosed([*checks, *reaching.look(call.config)])


def clock(call: Call) -> Answer:
    """Answer with how far this clock is from the relay's; over a minute is an error."""
    found = reaching.clock(call.config)
    data: Json = {
        "relay_url": found.origin,
        "skew_ms": found.skew_ms,
        "round_trip_ms": found.round_trip_ms,
        "relay_at": stamp(found.at_ms),
    }
    words = found.words.replace("ahead", "ahead of")
    return Answer(data, lambda: [line(("clock ", "ok"), words, " ", found.origin)])


def sync(call: Call) -> Answer:
    """Exchange by a file, or with --verify check everything, mend both sides, and exchange."""
    named = call.space()
    repaired, checks = list[str](), None
    if call.args.switch("verify"):
        with Teller(call.config) as tell:
            repaired = deep.mend(call.config, deep.look(call.config, tell), tell)
    target, source = files_of(call)
    by_file = target is not None or source is not None  # then a relay is not what is asked for
    connected = writes.is_connected(call.config) and not by_file
    with writes.open_profile(call.config, roads=connected) as profile:
        spaces = profile.rows.spaces()
        chosen = chosen_of(spaces, named, target, source)
        packed = None if source is None else bundles.unpack(profile, source)
        wanted = None if len(chosen) == len(spaces) else [one.id for one in chosen]
        done, reached = far.exchange_all(profile, wanted, compare=call.args.switch("verify"))
    data = synctext.moved(chosen, done, reached)
    if target is not None:
        packed = bundles.pack(call.config, chosen[0].id, target)
    if packed is not None:
        data["bundle"] = bundle_json(packed)
    if call.args.switch("verify"):
        with Teller(call.config) as tell:
            checks = deep.look(call.config, tell).checks
        data |= {"checks": [one._asdict() for one in checks], "repaired": list(repaired)}
    status = 0 if by_file else synctext.worst(reached)
    if any(one.state == "failed" for one in checks or ()):
        status = EXIT_INTEGRITY
    return Answer(data, lambda: sync_text(data, checks or (), repaired), exit=status)


def files_of(call: Call) -> tuple[str | None, str | None]:
    """Return the file to write and that to read; of both at once nobody knows what is meant."""
    target, source = call.args.text("to"), call.args.text("from")
    if target is not None and source is not None:
        raise UsageError("invalid_argument", argument="--to", cause="with --from")
    return target, source


def chosen_of(
    spaces: Sequence[rows.Space], named: str | None, target: str | None, source: str | None
) -> list[rows.Space]:
    """Return the spaces that are meant: all, but for a file the one that it is of."""
    if source is not None:
        of = bundles.space_of(source)
        found = [one for one in spaces if one.id == of]
        if not found:
            raise NotFoundError("space_not_found", space_id=ids.to_text("space", of))
        if named is not None and find(spaces, named) not in found:
            raise UsageError("invalid_argument", argument="--from", cause="another space")
        return found
    if target is not None:
        return [choose(spaces, named)]
    return list(spaces) if named is None else [find(spaces, named)]


def bundle_json(packed: bundles.Packed) -> Json:
    """Return a bundle that was written or taken in."""
    return {
        "file": packed.path,
        "space_id": ids.to_text("space", packed.space),
        "frames": packed.counts.frames,
        "epochs": packed.counts.heads,
        "boxes": packed.counts.boxes,
        "size": packed.size,
    }


def sync_text(data: Json, checks: Sequence[Check], repaired: Sequence[str]) -> Iterator[Block]:
    """Yield what moved, and what was found and mended."""
    for one in repaired:
        yield line((f"{one} made anew", "warn"))
    yield from synctext.text(data)
    if checks:
        yield from read_home.diagnose_text(checks)


# -- a file for a bad day -------------------------------------------------------------------------


def backup(call: Call) -> Answer:
    """Write the profile, or with --all the whole home, into one encrypted file."""
    day = time.strftime("%Y-%m-%d")
    path = call.args.text("out") or f"envoy-backup-{day}.envoy"
    done = safekeeping.backup(
        call.config, os.path.abspath(path), everything=call.args.switch("all")
    )
    by_passphrase = call.config.passphrase_file is not None
    data: Json = {
        "file": done.path,
        "size": done.size,
        "profiles": list(done.profiles),
        "hub": done.has_hub,
        "opens_with": "passphrase" if by_passphrase else "words",
        "next_commands": [f"envoy restore {done.path}"],
    }
    return Answer(data, lambda: packed_text(data))


def packed_text(data: Json) -> Iterator[Block]:
    """Yield where an archive lies and what opens it."""
    yield line(("file      ", "dim"), str(data["file"]))
    yield line(("profiles  ", "dim"), ", ".join(texts(data["profiles"])))
    what = "its passphrase" if data["opens_with"] == "passphrase" else "your 24 words"
    yield line(("opens by  ", "dim"), what)


def restore(call: Call) -> Answer:
    """Put a backup into its place; what it holds goes on as a copy, with chains of its own."""
    path = os.path.abspath(call.args.need("file"))
    done = safekeeping.restore(
        call.config, path, replace=call.args.switch("replace"), stdin=call.args.switch("stdin")
    )
    data: Json = {
        "file": done.path,
        "profiles": list(done.profiles),
        "hub": done.has_hub,
        "next_commands": [f"envoy --profile {one} sync" for one in done.profiles],
    }
    words = ", ".join(done.profiles)
    return Answer(data, lambda: [line(("restored ", "ok"), words), *next_text(data)])


def texts(value: object) -> list[str]:
    """Return a list of an answer as texts."""
    assert isinstance(value, list)
    return [str(one) for one in value]


def next_text(data: Json) -> Iterator[Block]:
    """Yield what to do next."""
    for command in texts(data["next_commands"]):
        yield line(("next: ", "strong"), command)


def reset(call: Call) -> Answer:
    """Clear this profile; unless told otherwise it is set aside, not deleted."""
    keep = not call.args.switch("no_backup")
    name = call.config.profile
    if asking.is_asked(call):
        what = "set it aside" if keep else "delete it for good"
        asking.confirm([], f"clear profile {name} and {what}?")
    elif not call.config.yes:
        command = f"envoy --profile {name} --yes reset"
        raise NeedsHumanError("confirmation_required", next_command=command, profile=name)
    path = safekeeping.reset(call.config, keep=keep)
    data: Json = {"profile": call.config.profile, "backup_path": path}
    told = "deleted" if path is None else f"set aside in {path}"
    return Answer(data, lambda: [line(f"profile {call.config.profile} {told}")])


# -- how a space is shown to me --------------------------------------------------------------------


def mute(call: Call) -> Answer:
    """Keep a space out of counts, inbox and streams that name no space."""
    return marked(call, muted=True)


def unmute(call: Call) -> Answer:
    """Let a space be heard again."""
    return marked(call, muted=False)


def pin(call: Call) -> Answer:
    """Show a space before the others."""
    return marked(call, pinned=True)


def unpin(call: Call) -> Answer:
    """Show a space in its place."""
    return marked(call, pinned=False)


def marked(call: Call, *, muted: bool | None = None, pinned: bool | None = None) -> Answer:
    """Change how a space is shown to this profile."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        changed = local.mark(replica, muted=muted, pinned=pinned)
        row = replica.space
    data: Json = {**of_space(row), "changed": changed}
    words = [word for word, is_so in (("muted", row.muted), ("pinned", row.pinned)) if is_so]
    return Answer(data, lambda: [line(show.label(row.name), "  ", ", ".join(words) or "plain")])


def of_space(row: rows.Space) -> Json:
    """Return which space an answer is about."""
    return {"space_id": space_id(row), "space_name": row.name, "untrusted_fields": ["*_name"]}


def forget(call: Call) -> Answer:
    """Remove this copy of a space; others keep theirs, and a new invite brings it back."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = replica.space
        if asking.is_asked(call):
            asking.confirm([], f"forget {ids.short(space_id(row))} on this profile?")
        changed = local.forget(replica)
    data: Json = {**of_space(row), "changed": changed}
    return Answer(data, lambda: [line(show.label(row.name), "  forgotten here; others keep it")])
