"""Kinds: the table that everybody asks, restated by hand, and what an event is about."""

from __future__ import annotations

import pytest

from envoy.core import kinds
from envoy.core.codec import decode
from envoy.core.event import GENESIS
from oracle import messagepack
from oracle.scene import fixed
from vectors.make_kinds import FULL

EVENT, AUTHOR, SPACE = fixed("event"), fixed("author"), fixed("space")
# Cap, whether it decides authority, and what it is an operation on: AUTHORITY 2, STATE 1.
BY_HAND = {
    "genesis": ("own", True, None),
    "grant": ("grant", True, None),
    "role": ("grant", True, None),
    "join": ("join", True, None),
    "delegate": ("write", True, None),
    "invite": ("grant", True, None),
    "remove": ("grant", True, None),
    "revoke": ("read", True, None),
    "leave": ("read", True, None),
    "admit": ("admin", True, None),
    "close": ("own", True, None),
    "epoch.create": ("write", True, None),
    "hub.pin": ("admin", True, None),
    "space.rules": ("own", True, None),
    "merge": ("write", False, FULL["merge"]["entity"]),
    "member.keys": ("read", False, AUTHOR),
    "key.request": ("read", False, None),
    "card": ("read", False, AUTHOR),
    "space.update": ("admin", False, SPACE),
    "space.policy": ("admin", False, SPACE),
    "message": ("write", False, EVENT),
    "message.redact": ("write", False, FULL["message.redact"]["message"]),
    "poll": ("write", False, EVENT),
    "task.create": ("write", False, EVENT),
    "task.edit": ("write", False, FULL["task.edit"]["task"]),
    "task.assign": ("write", False, FULL["task.assign"]["task"]),
    "task.claim": ("write", False, FULL["task.claim"]["task"]),
    "task.release": ("write", False, FULL["task.release"]["task"]),
    "task.progress": ("write", False, FULL["task.progress"]["task"]),
    "task.complete": ("write", False, FULL["task.complete"]["task"]),
    "task.cancel": ("write", False, FULL["task.cancel"]["task"]),
    "task.reopen": ("write", False, FULL["task.reopen"]["task"]),
    "task.gate": ("write", False, FULL["task.gate"]["task"]),
    "task.handoff": ("write", False, FULL["task.handoff"]["task"]),
    "task.review": ("write", False, FULL["task.review"]["task"]),
    "record": ("write", False, EVENT),
    "conflict.resolve": ("write", False, FULL["conflict.resolve"]["conflict"]),
    "record.retract": ("write", False, FULL["record.retract"]["record"]),
    "object.put": ("write", False, EVENT),
    "object.retract": ("write", False, FULL["object.retract"]["reference"]),
    "object.request": ("read", False, None),
}


def test_the_table_has_these_kinds_and_no_other() -> None:
    assert kinds.KINDS.keys() == BY_HAND.keys()
    assert GENESIS in kinds.KINDS


@pytest.mark.parametrize("kind", BY_HAND)
def test_each_kind_has_its_cap_its_class_and_its_entity(kind: str) -> None:
    cap, auth, entity = BY_HAND[kind]
    row = kinds.KINDS[kind]
    assert (row.cap, row.auth, kinds.is_auth(kind)) == (cap, auth, auth)
    body = decode(messagepack.write(list(FULL[kind].values())), row.body)
    found = kinds.entity_of(kind, body, event=EVENT, author=AUTHOR, space=SPACE)
    assert found == entity


def test_a_merge_of_no_entity_is_about_none() -> None:
    body = kinds.read_body("merge", messagepack.write([None]))
    assert body is not None
    assert kinds.entity_of("merge", body, event=EVENT, author=AUTHOR, space=SPACE) is None


def test_an_unknown_kind_decides_no_authority_and_needs_write() -> None:
    assert not kinds.is_auth("vote.cast")
    assert kinds.UNKNOWN_CAP == "write"
