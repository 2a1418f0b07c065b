"""Kinds: THE table. What a kind's body is, what it needs, where it counts.

Every other module asks this table; none knows a list of kinds of its own. A kind that is not here
is content that this build cannot read: it is kept, relayed and cited, needs ``write``, and changes
nothing (state ``unsupported``). AUTH kinds are fixed per ``rules``; content kinds may be added at
any time.

Specification: docs/spec/kinds.md. Test vectors: tests/vectors/kinds.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy.core import bodies, objects, records
from envoy.core.codec import decode
from envoy.core.structs import Body, State
from envoy.errors import RemoteFault


class Kind(State, frozen=True):
    """One row: the body, the cap its author needs, whether it decides authority, its entity.

    ``cap`` is the least cap of the kind; ``grant``, ``role`` and ``invite`` may need a higher one
    by what they give (``core.capability``). ``entity`` names the type of thing the event is an
    operation on: an event without ``field`` creates the entity that bears its own id (or, for
    ``member`` and ``space``, is about its author and the space).
    """

    body: type[Body]
    cap: str
    auth: bool
    entity: str | None
    field: str | None


KINDS: Final[Mapping[str, Kind]] = {
    "genesis": Kind(bodies.Genesis, "own", True, None, None),
    "grant": Kind(bodies.Grant, "grant", True, None, None),
    "role": Kind(bodies.Role, "grant", True, None, None),
    "join": Kind(bodies.Join, "join", True, None, None),
    "delegate": Kind(bodies.Delegate, "write", True, None, None),
    "invite": Kind(bodies.Invite, "grant", True, None, None),
    "remove": Kind(bodies.Remove, "grant", True, None, None),
    "revoke": Kind(bodies.Revoke, "read", True, None, None),
    "leave": Kind(bodies.Leave, "read", True, None, None),
    "admit": Kind(bodies.Admit, "admin", True, None, None),
    "close": Kind(bodies.Close, "own", True, None, None),
    "epoch.create": Kind(bodies.EpochCreate, "write", True, None, None),
    "hub.pin": Kind(bodies.HubPin, "admin", True, None, None),
    "space.rules": Kind(bodies.SpaceRules, "own", True, None, None),
    "merge": Kind(bodies.Merge, "write", False, "any", "entity"),
    "member.keys": Kind(bodies.MemberKeys, "read", False, "member", None),
    "key.request": Kind(bodies.KeyRequest, "read", False, None, None),
    "card": Kind(bodies.Card, "read", False, "member", None),
    "space.update": Kind(bodies.SpaceUpdate, "admin", False, "space", None),
    "space.policy": Kind(bodies.SpacePolicy, "admin", False, "space", None),
    "message": Kind(bodies.Message, "write", False, "message", None),
    "message.redact": Kind(bodies.MessageRedact, "write", False, "message", "message"),
    "poll": Kind(records.Poll, "write", False, "poll", None),
    "task.create": Kind(bodies.TaskCreate, "write", False, "task", None),
    "task.edit": Kind(bodies.TaskEdit, "write", False, "task", "task"),
    "task.assign": Kind(bodies.TaskAssign, "write", False, "task", "task"),
    "task.claim": Kind(bodies.TaskClaim, "write", False, "task", "task"),
    "task.release": Kind(bodies.TaskRelease, "write", False, "task", "task"),
    "task.progress": Kind(bodies.TaskProgress, "write", False, "task", "task"),
    "task.complete": Kind(bodies.TaskComplete, "write", False, "task", "task"),
    "task.cancel": Kind(bodies.TaskCancel, "write", False, "task", "task"),
    "task.reopen": Kind(bodies.TaskReopen, "write", False, "task", "task"),
    "task.gate": Kind(records.TaskGate, "write", False, "task", "task"),
    "task.handoff": Kind(records.TaskHandoff, "write", False, "task", "task"),
    "task.review": Kind(records.TaskReview, "write", False, "task", "task"),
    "record": Kind(records.Record, "write", False, "record", None),
    "record.retract": Kind(records.RecordRetract, "write", False, "record", "record"),
    "conflict.resolve": Kind(records.ConflictResolve, "write", False, "conflict", "conflict"),
    "object.put": Kind(objects.ObjectPut, "write", False, "object", None),
    "object.retract": Kind(objects.ObjectRetract, "write", False, "object", "reference"),
    "object.request": Kind(objects.ObjectRequest, "read", False, None, None),
}
UNKNOWN_CAP: Final = "write"
AUTH: Final = frozenset(name for name, kind in KINDS.items() if kind.auth)


def is_auth(kind: str) -> bool:
    """Say whether events of ``kind`` decide authority; unknown kinds never do."""
    return kind in AUTH


def read_body(kind: str, raw: bytes) -> Body | None:
    """Return the decoded body, or None where ``kind`` is known and ``raw`` is not its Struct.

    An unknown kind is the caller's to see first (``kind in KINDS``). Source: PROTOCOL section 2.
    """
    try:
        return decode(raw, KINDS[kind].body)
    except RemoteFault:
        return None


def entity_of(kind: str, body: Body, *, event: bytes, author: bytes, space: bytes) -> bytes | None:
    """Return the id of the entity that the event is an operation on, or None."""
    row = KINDS[kind]
    if row.entity is None:
        return None
    if row.field is not None:
        named: bytes | None = getattr(body, row.field)
        return named
    if row.entity == "member":
        return author
    return space if row.entity == "space" else event
