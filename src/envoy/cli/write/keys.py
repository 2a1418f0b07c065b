"""Keys: the commands on an identity itself. Its words, its lock, its way out of a home and back."""

from __future__ import annotations

import time
from collections.abc import Iterator

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write import identity, typed
from envoy.errors import NeedsHumanError
from envoy.ids import did_text, fingerprint, to_text
from envoy.replica.actions import identities as actions
from envoy.views import answers
from envoy.wiring import recovery, secrets, writes
from envoy.wiring.recovery import Recovered

Json = dict[str, object]

UNTRUSTED = ["*_name", "*.display_name"]
NOT_LOCKED: Json = {
    "code": "not_locked",
    "message": "the identity lies here without a lock: envoy identity lock passphrase",
}


def recover(call: Call) -> Answer:
    """Get an identity and its spaces back from its words."""
    name = identity.label(call)
    text = secrets.given_words(stdin=call.args.switch("stdin"))
    if text is None:
        raise NeedsHumanError("confirmation_required", next_command="envoy recover --stdin")
    return recovered(call, recovery.recover(call.config, text, name=name))


def take_in(call: Call) -> Answer:
    """Take in an identity from an encrypted file."""
    replace = call.args.switch("replace")
    done = recovery.import_file(call.config, call.args.need("file"), replace=replace)
    return recovered(call, done)


def recovered(call: Call, done: Recovered) -> Answer:
    """Answer with an identity that is back, and the spaces that were found."""
    failed = [
        {
            "code": code,
            "message": f"not read: {to_text('space', space)}; envoy recover looks for it again",
        }
        for space, code in done.failed
    ]
    data: Json = {
        "profile": call.config.profile,
        "identity": answers.myself(done.did, done.name, done.type),
        "is_new": done.is_new,
        "spaces": [
            {"space_id": to_text("space", row.id), "space_name": row.name, "role": row.role}
            for row in done.spaces
        ],
        "backup_path": done.aside,
        "warnings": [*failed, NOT_LOCKED] if done.is_new else failed,
        "next_commands": ["envoy status", "envoy identity lock passphrase"],
        "untrusted_fields": UNTRUSTED,
    }
    return Answer(data, lambda: recovered_text(data))


def recovered_text(data: Json) -> Iterator[Block]:
    """Yield who is back, with what."""
    who = show.mapping(data["identity"])
    yield line("you    ", *show.person(who), f"  {who['kind']}  profile {data['profile']}")
    spaces = data["spaces"]
    assert isinstance(spaces, list)
    for one in spaces:
        role = show.text(one["role"]) or "removed"
        yield line(
            "space  ", show.label(one["space_name"]), f"  {show.short(one['space_id'])}  ", role
        )
    if not spaces:
        yield line("no further space of this identity was found in the hub of this machine")
    if data["backup_path"] is not None:
        yield line(f"the profile that was here lies in {data['backup_path']}")


def rename(call: Call) -> Answer:
    """Be called otherwise, here and in every space."""
    name = typed.name(call.args.need("name"), "--name")
    with writes.open_profile(call.config) as profile:
        changed = secrets.rename(call.config, name)
        done = actions.rename(profile._replace(name=name), name)
        me = answers.myself(profile.identity.did, name, profile.type)
    data: Json = {
        "profile": call.config.profile,
        "identity": me,
        "changed": changed or any(one.changed for one in done),
        "results": [
            {
                "space_id": to_text("space", one.space),
                "changed": one.changed,
                "error_code": one.error,
            }
            for one in done
        ],
        "untrusted_fields": UNTRUSTED,
    }
    return Answer(data, lambda: rename_text(data))


def rename_text(data: Json) -> Iterator[Block]:
    """Yield the new name, and where it did not arrive."""
    yield line("you    ", *show.person(show.mapping(data["identity"])))
    results = data["results"]
    assert isinstance(results, list)
    for one in results:
        if one["error_code"] is not None:
            yield line(f"{show.short(one['space_id'])}  not renamed: {one['error_code']}")


def export(call: Call) -> Answer:
    """Write the identity into an encrypted file."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    path = call.args.text("file") or f"identity-export-{today}.envoy-id"
    new = call.args.text("new_passphrase_file")
    recovery.export_file(call.config, path, passphrase_file=new)
    data: Json = {"profile": call.config.profile, "file": path}
    return Answer(
        data, lambda: [line(f"wrote {path}: this identity, for whoever knows its passphrase")]
    )


def recovery_words(call: Call) -> Answer:
    """Show the 24 words of this identity again."""
    words = identity.outlet(call)
    recovery.check_made(call.config)
    if words.how == identity.SKIP:
        raise NeedsHumanError(
            "confirmation_required",
            next_command="envoy identity recovery --recovery-output file:PATH",
        )
    stored = recovery.open_stored(call.config)
    did = stored.identity.did
    if words.path is not None:
        recovery.reserve(words.path)
        recovery.save(words.path, stored)
    else:
        identity.show(recovery.words(stored), stored.name, did)
    delivery = identity.FILE if words.path is not None else identity.SHOWN
    data: Json = {
        "profile": call.config.profile,
        "member_id": did_text(did),
        "fingerprint": fingerprint(did),
        "recovery_delivery": delivery,
        "recovery_path": words.path,
    }
    told = (
        "" if words.path is None else f"words  in {words.path}; keep them where this machine is not"
    )
    return Answer(data, lambda: [line(told)] if told else [])


def lock(call: Call) -> Answer:
    """Lock the identity and its database, or unlock both."""
    new = call.args.text("new_passphrase_file")
    done = secrets.change(call.config, call.args.need("mode"), new_file=new)
    data: Json = {
        "profile": call.config.profile,
        "mode": done.mode,
        "previous_mode": done.before,
        "changed": done.changed,
    }
    return Answer(
        data, lambda: [line(f"lock   {done.mode}", ("" if done.changed else "  as before"))]
    )
