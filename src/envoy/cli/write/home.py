"""Home: the first minutes. An identity, a space, a way in for others."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence

from envoy import limits
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, Screen, line, plain
from envoy.cli.write import connect, identity, typed
from envoy.cli.write.identity import Me
from envoy.cli.write.space import invite_text, place_text
from envoy.errors import UsageError, WaitTimeoutError
from envoy.replica.actions import members
from envoy.replica.actions import space as spaces
from envoy.views import answers
from envoy.views.space import space_id
from envoy.wiring import config as configs
from envoy.wiring import reads, writes
from envoy.wiring.reads import Reader

Json = dict[str, object]

UNTRUSTED = ["*_name", "*.display_name"]
SPACE_NAME = "space"


def quickstart(call: Call) -> Answer | Iterable[Answer]:
    """Make an identity if there is none, a space and an invite; with --wait, wait for a join."""
    publish = call.args.switch("publish_invite")
    if publish and call.args.switch("reusable"):
        raise UsageError("invalid_argument", argument="--publish-invite", cause="--reusable")
    is_far = publish or call.args.switch("cross_machine")
    pin = connect.pin_of(call, is_far=is_far)
    title = space_name(call)
    me = identity.ensure(call, words=identity.outlet(call))
    with writes.open_profile(call.config, roads=is_far) as profile:
        known_as = profile._replace(name=me.name, type=me.type or profile.type)
        space = spaces.create(known_as, title)
        if is_far:
            space = connect.publish(call.config, profile, space, pin)
        made = members.make(
            writes.open_space(profile, space_id(space)),
            role="write",
            max_uses=limits.INVITE_USES_MAX if call.args.switch("reusable") else 1,
            ttl_ms=limits.INVITE_SECONDS_DEFAULT * 1000,
        )
        if publish and made.publication != answers.PUBLISHED:
            raise connect.unsatisfied(space, "relay_unavailable")
    data: Json = {
        **me.answer(call.config),
        "identity": answers.myself(me.did, me.name, known_as.type, "owner"),
        "space_id": space_id(space),
        "space_name": space.name,
        "mode": space.mode,
        **answers.invite(made, space),
        "joined": None,
        "warnings": me.warnings,
        "next_commands": next_commands(space_id(space)),
        "untrusted_fields": UNTRUSTED,
    }
    done = Answer(data, lambda: quickstart_text(data))
    return awaited(call, done) if call.args.switch("wait") else done


def space_name(call: Call) -> str:
    """Return the name for the new space: as given, else that of the working directory."""
    given = call.args.text("space_name")
    if given is not None:
        return typed.name(given, "--space-name")
    try:
        return typed.name(os.path.basename(os.getcwd()), "--space-name")
    except (OSError, UsageError):  # the root, or a directory that is gone or oddly named
        return SPACE_NAME


def next_commands(space: str) -> list[str]:
    """Return what to do in a new space."""
    return [
        f'envoy task create --space {space} --body "What is to be done"',
        f'envoy send --space {space} "Ready to work."',
        f"envoy invite {space}",
    ]


def quickstart_text(data: Json) -> Iterator[Block]:
    """Yield what was made, the code above all."""
    yield from identity_text(data)
    yield line(
        "space  ",
        (show.label(data["space_name"]), "strong"),
        "  ",
        (show.short(data["space_id"]), "dim"),
        f"  {place_text(data['mode'])}",
    )
    yield line("")
    yield from invite_text(data)
    yield line("")
    command = f"envoy task create --space {show.short(data['space_id'])}"
    yield line(("next: ", "strong"), command, ' --body "What is to be done"')


def identity_text(data: Json) -> Iterator[Block]:
    """Yield who this profile is and where its words went."""
    who = show.mapping(data["identity"])
    yield line("you    ", *show.person(who), f"  {who['kind']}  profile {data['profile']}")
    if data["recovery_path"] is not None:
        yield line("words  ", f"in {data['recovery_path']}; keep them where this machine is not")


# -- waiting for the other side -----------------------------------------------------------------


def awaited(call: Call, made: Answer) -> Iterator[Answer]:
    """Yield what was made, then who joined; one object in JSON, with the code on stderr before."""
    if call.config.json:
        sys.stderr.write(plain(invite_text(made.data), Screen(columns=None, utf8=False)))
        sys.stderr.flush()
    else:
        yield made
    joined = wait_for_join(call, made.data)
    data: Json = {**made.data, "joined": joined}
    yield Answer(data, lambda: [line(*show.person(joined), ("  joined", "ok"))])


def wait_for_join(call: Call, data: Json) -> Json:
    """Return the first who joins the new space. Raises WaitTimeoutError when the code has ended."""
    end = time.monotonic() + limits.INVITE_SECONDS_DEFAULT
    config = call.config._replace(sync=True)  # to wait without looking would be to wait for ever
    with reads.open_reader(config) as reader, reader.waiter() as waiter:
        reader.look()
        while True:
            found = others(reader, str(data["space_id"]))
            if found:
                return found[0]
            rest = end - time.monotonic()
            if rest <= 0:
                raise WaitTimeoutError(
                    "wait_timeout",
                    next_command=f"envoy invite {data['space_id']}",
                    timed_out=True,
                    space_id=data["space_id"],
                    invite_id=data["invite_id"],
                )
            reader.rest()
            waiter.wait(min(rest, limits.WAIT_SLICE_SECONDS_MAX))


def others(reader: Reader, space: str) -> list[Json]:
    """Return the current members of a space but me, the first to come first."""
    people = reader.people(reader.space(space))
    rows = sorted(people.all(), key=lambda row: (row.joined_ms or 0, row.an))
    actors = [people.actor(row.an) for row in rows if row.role and row.did != people.me]
    return [one for one in actors if one is not None]


# -- identities ----------------------------------------------------------------------------------


def init(call: Call) -> Answer:
    """Make the identity of the profile."""
    words, type = identity.outlet(call), identity.declared(call) or identity.AGENT
    name = identity.label(call) or identity.default_label(call.config, type)
    lock = call.args.need("lock")
    me = identity.make(call.config, name=name, type=type, words=words, lock=lock)
    next_commands = ["envoy join CODE", "envoy space create NAME"]
    return Answer(made(call.config, me, next_commands), lambda: made_text(me, call.config))


def create(call: Call) -> Answer:
    """Make another profile, named like its bearer."""
    name = configs.profile_name(call.args.need("name"), "name")
    config = call.config._replace(profile=name)
    words, type = identity.outlet(call), identity.declared(call) or identity.AGENT
    lock = call.args.need("lock")
    me = identity.make(config, name=name, type=type, words=words, lock=lock)
    data = made(config, me, [f"envoy --profile {name} join CODE"])
    data["export"] = f"export ENVOY_PROFILE={name}"
    return Answer(data, lambda: [*made_text(me, config), line(str(data["export"]))])


def made(config: configs.Config, me: Me, next_commands: Sequence[str]) -> Json:
    """Return a new identity as an answer."""
    return {
        **me.answer(config),
        "warnings": me.warnings,
        "next_commands": list(next_commands),
        "untrusted_fields": UNTRUSTED,
    }


def made_text(me: Me, config: configs.Config) -> Iterator[Block]:
    """Yield a new identity."""
    yield from identity_text(me.answer(config))
