"""Connect: a space comes to live at a relay as well, or comes back from one."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.errors import EnvoyError, RelayError, UsageError
from envoy.ids import short
from envoy.replica.actions import attaching, enter
from envoy.replica.actions import connect as actions
from envoy.replica.actions.names import Opened
from envoy.views import rows
from envoy.views.space import space_id
from envoy.wiring import writes
from envoy.wiring.config import Config

Json = dict[str, object]

UNTRUSTED = ["*_name"]


def connect(call: Call) -> Answer:
    """Put a space on a relay, with all its history; it may be repeated."""
    place = named(call)
    with writes.open_profile(call.config, roads=True) as profile:
        replica = writes.open_space(profile, call.space())
        done = actions.connect(
            replica,
            origin=place.origin,
            pin=place.pin,
            timeout_s=call.config.timeout_ms / 1000,
            is_isolated=call.args.switch("isolate"),
        )
        data = shown(done, place.pin)
    return Answer(data, lambda: connected_text(data))


def attach(call: Call) -> Answer:
    """Get a space back from a relay that knows the access key of this profile."""
    place, space = named(call), attaching.read_space(call.args.need("space"))
    with writes.open_profile(call.config, roads=True) as profile:
        is_isolated = call.args.switch("isolate")
        done = attaching.attach(profile, place, space, is_isolated=is_isolated)
        data = shown(done, place.pin)
    return Answer(data, lambda: connected_text(data))


def named(call: Call) -> enter.Place:
    """Return the relay that flags, environment or configuration name.

    Raises UsageError(missing_required_flag, invalid_argument).
    """
    origin = call.args.text("relay") or call.config.relay_url
    if origin is None:
        raise UsageError("missing_required_flag", argument="--relay")
    return enter.place(origin, call.args.text("pin"))


def shown(done: actions.Connection, pin: bytes | None) -> Json:
    """Return what a relay has of a space as an answer."""
    return {
        "space_id": space_id(done.space),
        "space_name": done.space.name,
        "role": done.space.role,
        "mode": done.space.mode,
        "relay_url": done.origin,
        "relay_pin": None if pin is None else pin.hex(),
        "isolated": done.isolated,
        "changed": done.changed,
        "relay_delivery": done.delivery,
        "relay_delivery_reason": done.reason or None,
        "next_commands": [f"envoy invite --space {space_id(done.space)}"],
        "untrusted_fields": UNTRUSTED,
    }


def connected_text(data: Json) -> Iterator[Block]:
    """Yield where a space lives."""
    words = "  at " if data["changed"] else "  was there before: "
    yield line((show.label(data["space_name"]), "strong"), words, str(data["relay_url"]))
    if data["isolated"]:
        yield line("      isolated: no other space shares a connection with it")
    if data["relay_delivery"] != "delivered":
        left = f"envoy sync {short(str(data['space_id']))}"
        yield line(("      not all of it is there yet; ", "warn"), "next: ", left)


def pin_of(call: Call, *, is_far: bool) -> bytes | None:
    """Return the pin of the relay that a new space is to live at, None for none.

    Raises UsageError(invalid_argument), also where the space is to live nowhere else.
    """
    pin = enter.place(call.config.relay_url or "", call.args.text("pin")).pin
    if pin is not None and not is_far:
        raise UsageError("invalid_argument", argument="--pin", cause="--cross-machine")
    return pin


def publish(config: Config, profile: Opened, space: rows.Space, pin: bytes | None) -> rows.Space:
    """Put a new space on the relay of the configuration; return its row.

    Raises RelayError(connected_intent_unsatisfied): it stays on this machine.
    """
    if config.relay_url is None:
        raise unsatisfied(space, "relay_not_named")
    seconds = config.timeout_ms / 1000
    try:
        return actions.publish(profile, space, config.relay_url, pin=pin, timeout_s=seconds)
    except EnvoyError as error:
        raise unsatisfied(space, error.code) from error


def unsatisfied(space: rows.Space, cause: str) -> EnvoyError:
    """Return the error for a space that was to be published: it lives here, and only here."""
    return RelayError(
        "connected_intent_unsatisfied",
        next_command=f"envoy space connect {space_id(space)} --relay URL",
        space_id=space_id(space),
        mode="local_only",
        cause=cause,
    )
