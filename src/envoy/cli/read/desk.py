"""Desk: why an event has the verdict it has, who may do what, and what lies on the desk."""

from __future__ import annotations

from envoy import limits
from envoy.cli.args import Answer, Call
from envoy.views import desk as shapes
from envoy.views import space as spaces
from envoy.views.desk import Graph
from envoy.views.pages import page, page_json, scope_of
from envoy.wiring import reads, verdicts
from envoy.wiring.desk import Place, place_of
from envoy.wiring.verdicts import Question

Json = dict[str, object]

PARKED = ("waiting", "sealed", "unsupported", "dropped")
UNTRUSTED = ["*.reason", "*_name", "*.display_name"]


# -- can --------------------------------------------------------------------------------------


def can(call: Call) -> Answer:
    """Answer whether a member may do something, by which grant, or what is missing."""
    args = call.args
    asked = Question(args.need("member"), args.need("verb"), args.text("task"), args.text("at"))
    with reads.open_reader(call.config) as reader:
        data = verdicts.can(reader, reader.space(call.space()), asked)
    return Answer(data, "desktext:can_text")


# -- why --------------------------------------------------------------------------------------


def why(call: Call) -> Answer:
    """Answer why an event counts or does not: status, rule, cause, chain, distance."""
    with reads.open_reader(call.config) as reader:
        place, ident = verdicts.located(reader, call.args.need("event"), call.space())
        data: Json = {**verdicts.explained(place, ident), "untrusted_fields": UNTRUSTED}
    return Answer(data, "desktext:why_text")


def show(call: Call) -> Answer:
    """Answer with one event of the desk, its text too, and why it lies there."""
    with reads.open_reader(call.config) as reader:
        place, ident = verdicts.located(reader, call.args.need("event"), call.space())
        data: Json = {
            **verdicts.explained(place, ident),
            "record": verdicts.record(place, ident),
            "untrusted_fields": ["record.body", "record.*_name", *UNTRUSTED],
        }
    return Answer(data, "desktext:show_text")


# -- the desk ---------------------------------------------------------------------------------


def quarantine(call: Call) -> Answer:
    """Answer with what does not count in a space, and with what never became an event."""
    with reads.open_reader(call.config) as reader:
        place = place_of(reader, reader.space(call.space()))
        space, desk, limit = place.space, place.desk, call.args.count("limit")
        scope = scope_of(reader.me.did, "quarantine", space.id)
        after = page(scope, limit, call.args.text("cursor"), shape=(int, bytes)).after
        key = None if after is None else (int(after[0]), bytes(after[1]))
        events = desk.not_counting(space.sn, after=key, limit=limit + 1)
        shown = events[:limit]
        items = reader.views.items(space.sn, [one.id for one in shown])
        last = (shown[-1].lam, shown[-1].id) if len(events) > limit else None
        counts, parked = desk.counts(space.sn), reader.views.parked(space.sn)
        parked["dropped"] = desk.dropped(space.sn)
        data: Json = {
            "space_id": spaces.space_id(space),
            "space_name": space.name,
            "events": [shapes.entry(one, items.get(one.id), space, place.people) for one in shown],
            "counts": {word: counts.get(word, 0) for word in ("held", "void", "invalid")},
            "revocations": revocations(place) if key is None else [],
            "quarantine": [shapes.refused(row) for row in desk.quarantined(space.sn, limit)]
            if key is None
            else [],
            "quarantine_count": reader.views.quarantined(space.sn),
            "parked": {word: parked.get(word, 0) for word in PARKED},
            "page": page_json(scope, last),
            "freshness": reader.freshness([space]),
            "untrusted_fields": ["*_name", "*.display_name"],
        }
    return Answer(data, "desktext:desk_text")


def revocations(place: Place) -> list[Json]:
    """Return the acts behind what lies on the desk, the newest first, and how far they reach."""
    counts = verdicts.behind(place)
    found = [one for one in map(place.known.event, counts) if one is not None]
    found.sort(key=lambda one: (one.lam, one.id), reverse=True)
    graph: Graph | None = None
    made: list[Json] = []
    for event in found[: limits.LIST_ROWS_DEFAULT]:
        if graph is None and place.desk.chains(place.space.sn, event.an) != (1, 0):
            graph = Graph(place.desk.graph(place.space.sn))
        reached = verdicts.distance(place, event, graph)
        made.append(shapes.distance(event, reached, counts[event.id], place.people))
    return made
