"""Which epochs may be written under, as docs/spec/authority.md, section Epochs, says it.

Slow and naive like `oracle.authority`, whose views it reads. An act that ends reading, an adequate
epoch, a reason to make one: each a sentence of the page, asked of a set of events.
"""

from __future__ import annotations

from oracle.authority import Space, View
from oracle.authority_events import ROLE_GRANTS, Event, Id

DAY_MS = 24 * 60 * 60 * 1000


def ending_acts(view: View) -> list[Event]:
    """Return the read-ending acts of a view, in the order of the space."""
    found = {
        event.id: event
        for event in view.events
        if event.kind == "remove" and view.verdicts[event.id].status == "ok"
    }
    for grant in view.grants:
        for act in view.kills[grant.id]:
            if _ends_reading(view, act, grant):
                found[act.id] = act
        if _reads(view, grant) and view.verdicts[grant.id].status == "void":
            found |= {act.id: act for act in view.beside(grant, view.space.auth(grant))}
    return sorted(found.values(), key=lambda event: event.place)


def _reads(view: View, grant: Event) -> bool:
    is_open = grant.kind == "invite" and grant.says("mode") == "open"
    return grant.kind in ROLE_GRANTS or is_open or view.is_reading_delegation(grant)


def _ends_reading(view: View, act: Event, grant: Event) -> bool:
    if not _reads(view, grant):
        return False
    is_role, is_open = grant.kind in ROLE_GRANTS, grant.kind == "invite"
    is_lent = grant.kind == "delegate"
    is_outside = is_lent and view.space.subject(grant) not in view.roles()
    if act.kind == "leave":
        only_leaves = all(one.kind == "leave" for one in view.kills[grant.id])
        return view.space.subject(grant) == act.author and only_leaves
    if act.kind == "revoke":
        return is_role or is_open or is_outside
    return act.kind == "role" and (is_open or is_outside)


def epochs(view: View) -> dict[bytes, Event]:
    """Return the epochs of a view, each with its create event: the ok one of least place."""
    found: dict[bytes, Event] = {}
    for event in view.events:
        if event.kind in ("genesis", "epoch.create") and view.counts(event):
            found.setdefault(event.epoch, event)
    return found


def adequate(view: View) -> dict[bytes, Event]:
    """Return the epochs that are adequate in a view, each with its create event (E1)."""
    ends = ending_acts(view)
    return {
        epoch: create
        for epoch, create in epochs(view).items()
        if _may_write(view, create.author)
        if all(view.space.saw(create, act) for act in ends)
        if is_complete(view.space, create)
    }


def _may_write(view: View, did: bytes) -> bool:
    return any(
        "write" in view.space.caps(grant) and not (grant.kind == "delegate" and grant.says("task"))
        for grant in view.live_grants()
        if view.space.subject(grant) == did
    )


def to_write_under(view: View) -> Id | None:
    """Return the epoch to write under (E2); None: create one first."""
    return greatest(adequate(view))


def greatest(found: dict[bytes, Event]) -> Id | None:
    """Return of adequate epochs the one to write under."""
    return max(found, key=lambda epoch: (found[epoch].lam, epoch), default=None)


def is_complete(space: Space, create: Event) -> bool:
    """Return whether E4 holds: the right recipients, and a cause if a writer made it."""
    if create.kind == "genesis":
        return True
    view = space.view(space.ancestry(create))
    if create.says("rcpt") != {*view.readers(), *view.open_invites()}:
        return False
    return space.rank_of_act(create)[0] < 2 or _has_cause(view, create.author)


def _has_cause(view: View, creator: bytes) -> bool:
    standing = adequate(view)
    if not standing:
        return True
    keys = [
        event for event in view.events if event.kind == "member.keys" and event.author == creator
    ]
    for number, event in enumerate(keys):
        if view.verdicts[event.id].status != "ok":
            continue
        is_new = number == 0 or event.ts >= keys[number - 1].ts + DAY_MS
        is_covered = any(view.space.saw(create, event) for create in standing.values())
        if is_new and not is_covered:
            return True
    return False
