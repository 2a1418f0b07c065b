"""Families: what the searched histories are made of.

Three actors each: the founder O, the admin B, and one more (a second admin C, a writer W, or N, who
comes by an invite). An alphabet holds the acts that meet: a larger one would repeat them with other
names.
"""

from __future__ import annotations

from typing import Final

from envoy.core import bodies
from state.log import Log, Place, did
from state.searching_events import Family


def _admins(log: Log) -> None:
    log.grant("gB", "O", "B", "admin", Place(only=("genesis",)))
    log.grant("gC", "O", "C", "admin", Place(only=("gB",)))


def _members(log: Log) -> None:
    log.grant("gB", "O", "B", "admin", Place(only=("genesis",)))
    log.grant("gW", "B", "W", "write", Place(only=("gB",)))


def _invited(log: Log) -> None:
    log.grant("gB", "O", "B", "admin", Place(only=("genesis",)))
    log.invite("i", "B", Place(only=("gB",)), uses=1)


def _cited(log: Log, by: str, place: Place) -> Place:
    """Return the place under the latest grant to `by` that an act there has seen."""
    seen = _seen(log, place)
    mine = [name for name in seen if log.subjects.get(name) == did(by)]
    return place._replace(under=mine[-1] if mine else None)


def _seen(log: Log, place: Place) -> list[str]:
    """Return what an act there has seen; what it names is among that, not a matter of telling."""
    heads = [log.nodes[name] for name in (*log.fixture, *place.after)]
    return [
        node.name
        for node in log.nodes.values()
        if any(head.past >> node.no & 1 or head.no == node.no for head in heads)
    ]


def _acts_of(log: Log, by: str, place: Place) -> list[str]:
    """Return all that `by` did, as far as an act there has seen it."""
    return [name for name in _seen(log, place) if log.nodes[name].author == did(by)]


def _revocations(log: Log, place: Place) -> list[str]:
    """Return the revocations that an act there has seen; without any a message."""
    kinds = ("remove", "role", "revoke", "leave")
    return [name for name in _seen(log, place) if log.nodes[name].kind in kinds] or ["before B"]


def _handed_on(log: Log, place: Place) -> str:
    """Return the latest delegation by B that an act there has seen; without any W's own grant."""
    made = [name for name in _acts_of(log, "B", place) if log.nodes[name].kind == "delegate"]
    return made[-1] if made else "gW"


def _admit(log: Log, name: str, place: Place) -> str:
    """Let B admit what the revocations hold that it has seen, as far as it was said before."""
    said = place._replace(after=[*place.after, "before B", "before C"])
    return log.admit(name, "B", _revocations(log, place), said)


def _rotate(log: Log, name: str, place: Place) -> str:
    return log.epoch(name, "B", "OBC", place)


# Two admins and the founder: removals, demotions, promotions, leaves, what is undone.
DUEL: Final = Family(
    "duel",
    _admins,
    "BC",
    (
        lambda log, name, place: log.remove(name, "B", "C", place),
        lambda log, name, place: log.remove(name, "C", "B", place),
        lambda log, name, place: log.grant(name, "C", "Z", "write", place),
        lambda log, name, place: log.role(name, "O", "B", "write", place),
        lambda log, name, place: log.leave(name, "C", _cited(log, "C", place)),
        lambda log, name, place: log.remove(name, "O", "C", place, undo=_acts_of(log, "C", place)),
        lambda log, name, place: log.role(name, "B", "C", "read", _cited(log, "B", place)),
    ),
)
# A writer and its admin: delegations to and fro, roles given twice, revocations by id.
LEND: Final = Family(
    "lend",
    _members,
    "BW",
    (
        lambda log, name, place: log.delegate(name, "W", "B", place, depth=1),
        lambda log, name, place: log.delegate(name, "B", "W", _cited(log, "B", place)),
        lambda log, name, place: log.revoke(name, "B", "gW", place),
        lambda log, name, place: log.leave(name, "W", _cited(log, "W", place)),
        lambda log, name, place: log.role(name, "O", "W", "read", place),
        lambda log, name, place: log.grant(name, "B", "W", "write", place),
        lambda log, name, place: log.revoke(name, "W", _handed_on(log, place), place),
    ),
)
# An invite for one: joins, the end of the invite, of its maker and of who came.
COME: Final = Family(
    "come",
    _invited,
    "B",
    (
        lambda log, name, place: log.join(name, "N", "i", place),
        lambda log, name, place: log.revoke(name, "B", "i", place),
        lambda log, name, place: log.remove(name, "B", "N", place),
        lambda log, name, place: log.role(name, "O", "B", "write", place),
        lambda log, name, place: log.leave(name, "N", _cited(log, "N", place)),
        lambda log, name, place: log.grant(name, "B", "N", "read", place),
        lambda log, name, place: log.leave(name, "B", place),
    ),
)
# What admins and owners do beside: admits, the end of the space, hubs, rules, epochs.
RULE: Final = Family(
    "rule",
    _admins,
    "BC",
    (
        _admit,
        lambda log, name, place: log.remove(name, "B", "C", place),
        lambda log, name, place: log.close(name, "O", place),
        lambda log, name, place: log.pin(name, "C", 1, place),
        lambda log, name, place: log.tell(name, "O", "space.rules", bodies.SpaceRules(2), place),
        _rotate,
        lambda log, name, place: log.role(name, "O", "B", "write", place),
    ),
)
FAMILIES: Final = (DUEL, LEND, COME, RULE)
