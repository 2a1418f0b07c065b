"""Oracled: a story put to the oracle, and both answers in the same words.

A story reaches it as data (`state.told`, or a vector), so it can know nothing of envoy. `by_oracle`
and `by_envoy` say what there is to say of the end of a story: every verdict, what ends each grant,
who may what, who reads, which epochs may be written under, the hub, the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from envoy.state import epochs
from oracle import authority_epochs
from oracle.authority import Space, Verdict, View
from oracle.authority_events import Event
from state.delivery import Replica
from state.log import Log
from state.stories import text

Told = Mapping[str, Any]
Answer = dict[str, object]
SPACE = b"the space"


class Oracled(Space):
    """The oracle's space of a story; `names` are those of its events."""

    def __init__(self, rows: Iterable[Told]) -> None:
        told = list(rows)
        ids = {row["name"]: bytes.fromhex(row["id"]) for row in told}
        self.names = {found: name for name, found in ids.items()}
        super().__init__(SPACE, [event_of(row, ids) for row in told])

    def name(self, event: bytes) -> str:
        """Return the name of an event, of what is none as hex."""
        found: str = self.names.get(event, event.hex())
        return found

    def text(self, verdict: Verdict) -> str:
        """Return a verdict as the stories write it."""
        cause = f": {verdict.rule}" if verdict.rule else ""
        by = f" {self.name(verdict.by)}" if verdict.by else ""
        flag = " beside_close" if verdict.beside_close else ""
        return f"{verdict.status}{cause}{by}{flag}"


def event_of(row: Told, ids: Mapping[str, bytes]) -> Event:
    """Return an event as the oracle wants it; `ids` are those of the events it speaks of."""
    return Event(
        id=ids[row["name"]],
        author=row["by"].encode(),
        auth=SPACE if row["under"] == "genesis" else _id(row["under"], ids),
        chain=row["chain"].encode(),
        seq=row["seq"],
        prev=None,  # told among the parents
        deps=tuple(ids[name] for name in row["saw"]),
        lam=row["lam"],
        ts=row["ts"],
        kind=row["kind"],
        body=_body(row, ids),
        proved=row.get("proved", True),
        creates=row.get("creates", True),
        epoch=bytes.fromhex(row.get("epoch", "")),
    )


def _id(name: str | None, ids: Mapping[str, bytes]) -> bytes:
    return b"none" if name is None else ids.get(name, name.encode())


def _body(row: Told, ids: Mapping[str, bytes]) -> dict[str, object] | None:
    if row["body"] is None:
        return None
    body: dict[str, object] = dict(row["body"])
    if "subject" in body:
        body["subject"] = row["body"]["subject"].encode()
    if "target" in body:
        body["target"] = _id(row["body"]["target"], ids)
    for field in {"ids", "undo"} & body.keys():
        body[field] = tuple(_id(name, ids) for name in row["body"][field])
    if "rcpt" in body:
        body["rcpt"] = {ids.get(name, name.encode()) for name in row["body"]["rcpt"]}
    if "uses" in body:
        body["max_uses"] = body.pop("uses")
    if row["kind"] == "genesis":
        body["rules"] = 1
    if row["kind"] == "space.rules":
        body["rules"] = body.pop("no")
    if "task" in row:
        body["entity" if row["kind"] == "merge" else "task"] = row["task"]
    return body


def by_oracle(space: Oracled) -> Answer:
    """Return what the oracle says of all events together."""
    view = space.whole()
    adequate = authority_epochs.adequate(view)
    found = authority_epochs.greatest(adequate)
    pin = view.hub_pin()
    return {
        "verdicts": {space.name(one.id): space.text(view.verdicts[one.id]) for one in view.events},
        "kills": {
            space.name(grant.id): {space.name(act.id) for act in view.kills[grant.id]}
            for grant in view.grants
            if view.kills[grant.id]
        },
        "live": {space.name(one.id) for one in view.live_grants()},
        "roles": {str(one, "ascii"): role for one, role in _roles(view)},
        "recipients": {_who(space, one) for one in {*view.readers(), *view.open_invites()}},
        "ending": {space.name(one.id) for one in authority_epochs.ending_acts(view)},
        "epochs": {space.name(one.id) for one in adequate.values()},
        "current": found if found is None else space.name(adequate[found].id),
        "pin": None if pin is None else space.name(pin),
        "rules": view.rules(),
    }


def _roles(view: View) -> list[tuple[bytes, str]]:
    return [(one, role) for one, role in view.roles().items() if isinstance(one, bytes)]


def _who(space: Oracled, one: object) -> str:
    assert isinstance(one, bytes)
    return space.names.get(one) or str(one, "ascii")


def by_envoy(log: Log, replica: Replica) -> Answer:
    """Return what a replica that has it all says."""
    judgement, views, names = replica.judgement, replica.views, log.names
    assert judgement is not None and views is not None
    creates = [
        replica.auth[node.name]
        for node in log.nodes.values()
        if node.kind in ("genesis", "epoch.create")
    ]
    current = epochs.current(judgement, views)
    ending = epochs.read_ending(judgement)
    return {
        "verdicts": {name: text(log, replica.verdicts[name]) for name in log.nodes},
        "kills": {
            names[key]: {names[kill.event.id] for kill in kills}
            for key, kills in judgement.kills.items()
        },
        "live": {names[one.key] for one in judgement.live},
        "roles": {names[one]: judgement.role_of(one) for one in judgement.members()},
        "recipients": {names[one] for one in epochs.recipients(judgement)},
        "ending": {names[one.id] for one in judgement.ledger.events if ending >> one.index & 1},
        "epochs": {names[one.id] for one in creates if epochs.is_adequate(one, judgement, views)},
        "current": None if current is None else names[current.id],
        "pin": None if judgement.pin is None else names[judgement.pin.id],
        "rules": judgement.rules,
    }
