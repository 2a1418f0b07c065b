"""D2: who was removed may pretend not to know it, from any place: nothing it writes counts."""

from __future__ import annotations

from abuse.siege import mirrored, shuffles, verdict
from envoy.core.bodies import Delegate
from envoy.core.log import Entry
from replica.council import council, remove, role
from replica.forge import Forger, Value
from replica.scenes import deliver, frames_of, message
from replica.world import YEAR_MS, Actor, World


def grants(actor: Actor) -> list[bytes]:
    """Return the grants that an actor ever had."""
    me = actor.events.actor(actor.me)
    return [one.id for one in actor.store.grants(1).values() if one.subject == me]


def behind(*above: Entry) -> dict[str, Value]:
    """Return the links of an event that saw just these and what they saw."""
    return {
        "deps": tuple(sorted({one.id for one in above})),
        "lam": 1 + max(one.lam for one in above),
        "ts": max(one.ts for one in above),
    }


def test_from_every_place_in_the_history(world: World) -> None:
    lead, _, c, x, _ = council(world)
    said = x.send("seen").event
    lead.sync()
    places = list(lead.events.entries(1, after=0, limit=99))
    (grant,) = grants(x)
    born = next(one for one in places if one.id == grant)
    old = Forger(x).writer
    remove(lead, x)
    assert Forger(x).writer == old, "under the epoch that it still has"
    for place in places[places.index(born) :]:
        links = behind(born, place)
        content, event = Forger(x).say(message("unaware"), auth=grant, **links)
        body = Delegate(c.me, "write", None, 0, None, None)
        given, act = Forger(x).say(body, auth=grant, **links)
        deliver(lead, [content, given])
        assert verdict(lead, event.id) == ("held", "R3 beside")
        assert verdict(lead, act.id) == ("void", "R3 beside")
    assert role(lead, x) is None and verdict(lead, said) == ("ok", None)
    mirrored(world, lead, shuffles(lead))


def test_who_saw_it_is_invalid_whatever_its_clock_says(world: World) -> None:
    lead, _, _, x, _ = council(world)
    (grant,) = grants(x)
    reach = remove(lead, x)
    entry = lead.events.entry(1, reach.event or b"")
    assert entry is not None
    for ts in (entry.ts, entry.ts + YEAR_MS):
        links = {**behind(entry), "ts": ts}
        late, known = Forger(x).say(message("aware"), auth=grant, **links)
        deliver(lead, [late])
        assert verdict(lead, known.id) == ("invalid", "R3 after")
    assert late not in frames_of(x)
