"""Audit: the fingerprint of a space, a report on an actor, bundles written and verified.

Nothing here writes into a space. `audit verify` opens no profile: it needs the file alone.
"""

from __future__ import annotations

import os

from envoy import ids
from envoy.cli.args import Answer, Call
from envoy.errors import UsageError
from envoy.replica.actions import names
from envoy.replica.actions.audit import SORTS, Chosen
from envoy.views import audit
from envoy.views.people import actor, stamp
from envoy.views.space import space_id
from envoy.wiring import auditing, reads, reporting, showing, writes
from envoy.wiring.auditing import Seen

Json = dict[str, object]


def fingerprint(call: Call) -> Answer:
    """Answer with one value for all events of a space."""
    with reads.open_reader(call.config) as reader:
        space = reader.space(call.space())
        heads = reporting.heads(reader, space)
        data: Json = {
            "space_id": space_id(space),
            "space_name": space.name,
            "fingerprint": auditing.fingerprint(space.id, heads),
            "events": space.events,
            "heads": len(heads),
            "freshness": reader.freshness([space]),
            "untrusted_fields": ["*_name"],
        }
    return Answer(data, "audittext:fingerprint_text")


def report(call: Call) -> Answer:
    """Answer with what a member, or everybody, did in a space."""
    args, span = call.args, call.args.number("since")
    with reads.open_reader(call.config) as reader:
        space = reader.space(call.space())
        since = None if span is None else reader.now_ms - span
        wanted = reporting.Wanted(args.text("member"), args.text("task"), since)
        told = reporting.told(reader, space, wanted, limit=args.count("limit"))
        data: Json = {
            **audit.report(told),
            "freshness": reader.freshness([space]),
            "untrusted_fields": audit.UNTRUSTED,
        }
    return Answer(data, "audittext:report_text")


def export(call: Call) -> Answer:
    """Write a bundle, verify it, and show it if that was asked for."""
    redact, path = call.args.items("redact"), call.args.need("output")
    if not set(redact) <= set(SORTS):
        raise UsageError("invalid_argument", argument="--redact", expected=list(SORTS))
    check_view(call)
    with writes.open_profile(call.config) as profile:
        replica, task = writes.open_space(profile, call.space()), None
        named, since = call.args.text("task"), call.args.number("since")
        if named is not None:
            _, task = names.task(profile, ids.to_text("space", replica.space.id), named)
        member = call.args.text("member")
        chosen = Chosen(
            redact=tuple(sorted(set(redact))),
            member=None if member is None else names.people(replica).find_ever(member).did,
            task=task,
            since=None if since is None else profile.clock.now_ms() - since,
        )
        with auditing.exported(call.config, replica, path, chosen) as (done, seen):
            data = {**bundle(call, seen, path), "size": done.size}
    return Answer(data, "audittext:export_text")


def verify(call: Call) -> Answer:
    """Check a bundle by itself."""
    path = call.args.need("file")
    check_view(call)
    with auditing.verified(call.config, path) as seen:
        data = {"valid": True, "first_bad": None, **bundle(call, seen, path)}
    return Answer(data, "audittext:verify_text")


def check_view(call: Call) -> None:
    """Refuse a place for the views that is taken, before any work."""
    directory = call.args.text("view")
    if directory is not None:
        showing.check(directory)


def bundle(call: Call, seen: Seen, path: str) -> Json:
    """Return what a verified bundle holds, having written the views that were asked for."""
    header, found = seen.header, seen.examined
    directory = call.args.text("view")
    views = None if directory is None else showing.write(call.config, seen, directory)
    return {
        "path": os.path.abspath(path),
        "space_id": ids.to_text("space", header.space),
        "space_name": seen.space.name,
        "author": author(seen),
        "exported_at": stamp(header.at),
        "events": found.events,
        "shown": found.events - found.stubs,
        "withheld": found.stubs,
        "pinned": found.pinned,
        "claimed": found.stubs - found.pinned,
        "states": audit.states(found.stubs, header.redact),
        "unmade": found.unmade,
        "receipts": found.receipts,
        "members": len(seen.people.all()),
        "verdicts": auditing.verdicts(seen),
        "left_out": showing.withheld(seen),
        "fingerprint": auditing.fingerprint_text(found.fingerprint),
        "view": None if directory is None else os.path.abspath(directory),
        "view_files": list(views or ()),
        "untrusted_fields": audit.UNTRUSTED,
    }


def author(seen: Seen) -> Json:
    """Return who signed a bundle."""
    for member in seen.people.all():
        if member.did == seen.header.author:
            return seen.people.actor(member.an) or {}
    return actor(seen.header.author, None)
