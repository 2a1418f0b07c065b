"""Stale epochs: what honest clients write is never flagged, whatever ended anybody's reading."""

from __future__ import annotations

from collections.abc import Callable

from envoy.core.bodies import Remove, Revoke
from envoy.core.envelope import parse
from envoy.core.structs import Body
from envoy.replica.actions import authority, members
from envoy.replica.actions.authority import Delegation
from envoy.replica.hindsight import Hindsight
from replica.beside import say, settle
from replica.council import council, remove
from replica.scenes import message
from replica.world import DAY_MS, Actor, World


def stale(actor: Actor) -> list[str]:
    """Return, in the order of arrival, the texts of messages under a stale epoch."""
    row, events = actor.space, actor.events
    back = Hindsight(events, row)
    sql = "SELECT e.rid, e.id, i.body FROM event e JOIN item i ON i.sn = e.sn AND i.id = e.id"
    said = actor.connection.rows(_three, f"{sql} WHERE e.kind = 'message' ORDER BY e.rid", ())
    return [
        text for rid, ident, text in said if back.is_stale(ident, parse(events.frame(rid)).epoch)
    ]


def _three(rid: int, ident: bytes, text: str) -> tuple[int, bytes, str]:
    return rid, ident, text


def test_what_honest_clients_write_is_never_under_a_stale_epoch(world: World) -> None:
    lead, b, c, w, reader = council(world)
    out = world.actor("out")
    out.join(lead.code())
    authority.leave(out.copy)
    team = [lead, b, c, w]
    lent = authority.delegate(lead.copy, Delegation(out.me, "write", None, 0, DAY_MS)).event
    assert lent is not None
    acts: tuple[Callable[[], object], ...] = (
        lambda: out.send("by an outsider"),
        lambda: authority.revoke(lead.copy, lent, reason=""),
        lambda: authority.set_role(b.copy, c.me, "write"),
        lambda: members.revoke_invite(b.copy, next(iter(b.store.invites(1)))),
        lambda: authority.leave(reader.copy),
        lambda: authority.rotate(lead.copy),
        lambda: remove(b, c),
    )
    for number, act in enumerate(acts):
        settle([*team, out, reader])
        act()
        for one in team[:2]:
            one.sync()
            one.send(f"{one.name} after {number}")
        w.send(f"without news of {number}")
    settle(team)
    assert lead.count("item") > 20 and stale(lead) == []


def test_who_goes_on_under_the_old_epoch_is_flagged_until_somebody_makes_another(
    world: World,
) -> None:
    lead, b, _, w, _ = council(world)
    acts: dict[str, tuple[Actor, Body]] = {
        "removed": (lead, Remove(w.me, "", ())),
        "revoked": (b, Revoke(next(iter(b.store.invites(1))), "")),
    }
    for name, (actor, body) in acts.items():
        settle([lead, b, w])
        say(actor, message(f"before one {name}"))
        say(actor, body, message(name))  # in one batch, without the epoch that E2 demands
        say(actor, message(f"after one {name}"))
    settle([lead, b])
    assert stale(lead) == stale(b) == ["removed", "revoked"]
