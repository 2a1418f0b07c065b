"""Handover: check what somebody left for whoever takes over, in a copy or in a bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, line
from envoy.cli.write.handoffs import handoff_text
from envoy.replica.actions import handoffs, names
from envoy.views import handoffs as shapes
from envoy.views.space import space_id
from envoy.wiring import handover, writes

Json = dict[str, object]

STYLES = {"valid": "ok", "partial": "warn", "ok": "ok", "unknown": "warn"}


def verify(call: Call) -> Answer:
    """Check a handoff by what is here, or the one in a bundle by the file alone."""
    named = call.args.need("handoff")
    if is_path(named):
        return verify_file(call, named)
    with writes.open_profile(call.config) as profile:
        replica = writes.open_space(profile, call.space())
        row = handoffs.known(replica, names.event(replica, named))
        found = handoffs.checked(replica, row)
        data: Json = {
            **shapes.handoff(row, names.people(replica), space=space_id(replica.space)),
            **shapes.verified(found),
            "space_name": replica.space.name,
            "path": None,
            "untrusted_fields": shapes.UNTRUSTED,
        }
    return Answer(data, lambda: verified_text(data))


def is_path(text: str) -> bool:
    """Say whether what was typed is a file: no id has a dot or a slash."""
    return "." in text or os.sep in text or os.path.isfile(text)


def verify_file(call: Call, path: str) -> Answer:
    """Check the handoff in a bundle; no profile, hub or network is asked."""
    with handover.handed(call.config, path) as found:
        space = found.seen.space
        data: Json = {
            **shapes.handoff(found.row, found.seen.people, space=space_id(space)),
            **shapes.verified(found.verified),
            "space_name": space.name,
            "path": os.path.abspath(path),
            "untrusted_fields": shapes.UNTRUSTED,
        }
    return Answer(data, lambda: verified_text(data))


def verified_text(data: Json) -> Iterator[Block]:
    """Yield what was checked, what that comes to, and what the giver had not seen."""
    yield from handoff_text(data)
    for one in show.listed(data["checks"]):
        detail = f" ({one['detail']})" if one["detail"] else ""
        state = show.text(one["state"])
        about = f"  {one['name']} {show.short(one['event_id'])}"
        yield line((state.ljust(8), STYLES[state]), about, detail)
    word = show.text(data["verify"])
    more = "" if data["since_complete"] else " or more"
    yield line(
        (word, STYLES[word]), f": {data['since']}{more} events here that its giver had not seen"
    )
