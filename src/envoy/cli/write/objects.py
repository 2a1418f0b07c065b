"""Objects: share a file, write one out, pin and retract. No name of an object is ever a path."""

from __future__ import annotations

import os

from envoy import ids, limits
from envoy.cli import objecttext
from envoy.cli.args import Answer, Call
from envoy.cli.write import typed
from envoy.cli.write.tasks import reason_of
from envoy.cli.write.work import NOT_SENT
from envoy.errors import UsageError
from envoy.replica.actions import names, objects
from envoy.views import answers, rows
from envoy.views import objects as shapes
from envoy.views.space import space_id
from envoy.wiring import objects as streams
from envoy.wiring import writes

Json = dict[str, object]
MEDIA_DEFAULT = "application/octet-stream"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# RFC 6838, with what separates type and parameters.
MEDIA_SYMBOLS = frozenset(f"{_LETTERS}{_LETTERS.upper()}0123456789!#$&^_.+-/;= ")


def put(call: Call) -> Answer:
    """Share a file."""
    path, key = call.args.need("path"), typed.key(call.args)
    label = objects.Label(name_of(call, path), media_of(call))
    with (
        writes.open_profile(call.config) as profile,
        streams.source(path) as read,
        streams.tools(call.config, "shared") as tools,
    ):
        replica, task = place_of(call, profile)
        done = objects.put(replica, read, label._replace(task=task), tools=tools, key=key)
        if call.args.switch("pin"):
            objects.pin(replica, done.row.id, pinned=True)
        data: Json = {
            **shown(replica, done.row),
            "cursor": done.n,
            "replayed": done.replayed,
            "relay_delivery": answers.relay_delivery(replica.space, done.delivery),
            "pending_sync": answers.is_pending(done.delivery),
            "warnings": [NOT_SENT] if answers.is_pending(done.delivery) else [],
        }
    return Answer(data, lambda: objecttext.put_text(data))


def name_of(call: Call, path: str) -> str:
    """Return the label of a file: the one given, else the last part of its path, cut to fit."""
    given = call.args.text("name")
    if given is not None:
        return typed.name(given, "--name")
    last = "stdin" if path == streams.STREAM else os.path.basename(os.path.normpath(path))
    # Bytes that are no UTF-8, and line breaks, are no part of a label.
    plain = last.encode("utf-8", "replace").decode().replace("\n", " ")
    while len(plain.encode()) > limits.NAME_BYTES_MAX:
        plain = plain[:-1]
    return typed.name(plain if plain.strip() else "file", "--name")


def media_of(call: Call) -> str:
    """Return what the file is, as its author says. Raises UsageError(invalid_argument)."""
    given = call.args.text("media_type")
    if given is None:
        return MEDIA_DEFAULT
    kind, slash, rest = given.partition("/")
    if not (kind and slash and rest and MEDIA_SYMBOLS.issuperset(given)):
        raise UsageError("invalid_argument", argument="--media-type", cause="form")
    return typed.line(given, "--media-type", bytes_max=limits.NAME_BYTES_MAX)


def place_of(call: Call, profile: names.Opened) -> tuple[names.Copy, bytes | None]:
    """Return the copy of the space that is meant, and the task if one is named."""
    named = call.args.text("task")
    if named is None:
        return writes.open_space(profile, call.space()), None
    return names.task(profile, call.space(), named)


def get(call: Call) -> Answer:
    """Write an object to a new file, or to stdout."""
    path = call.args.need("output")
    if path == streams.STREAM and call.config.json:
        raise UsageError("invalid_argument", argument="--output", cause="--json")
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = objects.find(replica, call.args.need("object"))
        with (
            streams.target(call.config, path, force=call.args.switch("force")) as write,
            streams.tools(call.config, "got") as tools,
        ):
            objects.get(replica, row, write, tools=tools)
        data: Json = {
            **shown(replica, row),
            "path": None if path == streams.STREAM else os.path.abspath(path),
        }
    return Answer(data, lambda: objecttext.got_text(data))


def pin(call: Call) -> Answer:
    """Pin an object in this copy."""
    return marked(call, pinned=True)


def unpin(call: Call) -> Answer:
    """Pin an object no longer."""
    return marked(call, pinned=False)


def marked(call: Call, *, pinned: bool) -> Answer:
    """Change what this copy alone notes of an object."""
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = objects.find(replica, call.args.need("object"))
        changed = objects.pin(replica, row.id, pinned=pinned)
        data: Json = {**shown(replica, row), "changed": changed}
    return Answer(data, lambda: objecttext.changed_text(data))


def retract(call: Call) -> Answer:
    """Take an object back."""
    reason, key = reason_of(call.args), typed.key(call.args)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = objects.find(replica, call.args.need("object"))
        done = objects.retract(replica, row.id, reason=reason, key=key)
        event = None if done.event is None else ids.to_text("evt", done.event)
        after = objects.find(replica, ids.to_text("evt", row.id))
        data: Json = {**shown(replica, after), "changed": done.changed, "retraction_id": event}
    return Answer(data, lambda: objecttext.changed_text(data))


def shown(replica: names.Copy, row: rows.Object) -> Json:
    """Return an Object as this copy has it, with the name of its space."""
    found = shapes.item(
        row,
        names.people(replica),
        space=space_id(replica.space),
        have=objects.have(replica, row),
        pinned=row.id in objects.pins(replica),
    )
    return {
        **found,
        "space_name": replica.space.name,
        "untrusted_fields": shapes.OWN_UNTRUSTED,
    }
