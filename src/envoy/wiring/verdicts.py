"""Verdicts: why an event has the verdict it has, and who may do what, with the grants behind it.

Every face that explains asks here, so that they all give the same reasons.

Law: a read; rules are loaded only for a question about an older moment.

Specification: docs/spec/authority.md, Explaining verdicts.
"""

from __future__ import annotations

from envoy import ids, limits
from envoy.errors import NotFoundError
from envoy.lean import NamedTuple
from envoy.views import desk as shapes
from envoy.views import history, rows
from envoy.views import space as spaces
from envoy.views.desk import Answerer, Distance, Graph, Judged, Known
from envoy.views.history import Seen
from envoy.views.people import Json, actor, stamp
from envoy.wiring import reads
from envoy.wiring.desk import Place, place_of
from envoy.wiring.reads import Reader

DID_SYMBOLS = 56  # of a did:key in full


class Question(NamedTuple):
    """Whether a member may do something: with a task, and as an older event saw it."""

    member: str
    verb: str
    task: str | None = None
    at: str | None = None


def can(reader: Reader, space: rows.Space, asked: Question) -> Json:
    """Return whether a member may do something, by which grant, or what is missing.

    Raises NotFoundError (not_found, task_not_found, id_ambiguous), UsageError(invalid_argument).
    """
    place = place_of(reader, space)
    verb, known, now_ms = asked.verb, place.known, reader.now_ms
    did, task = member_of(place, asked.member), None
    if asked.task is not None:
        task = reader.task(asked.task, spaces.space_id(space))[1].id
    number, closed = reader.views.actor(did), space.closed_ms is not None
    grants = [] if number is None else reader.views.grants(space.sn, number)
    at = None if asked.at is None else known.event(reader.event(asked.at, space))
    if at is not None:
        grants, known = earlier(place, at, number)
        now_ms, closed = at.ts, False
    found = shapes.may(grants, verb, task=task, closed=closed, now_ms=now_ms)
    return {
        "space_id": spaces.space_id(space),
        "space_name": space.name,
        "member": person(place, did),
        "removed": is_removed(place, number),
        "verb": verb,
        "task_id": None if task is None else ids.to_text("task", task),
        "at_event": None if at is None else ids.to_text("evt", at.id),
        "allowed": found.missing is None,
        **chain_of(place, found, known, now_ms),
        "missing": shapes.missing(found, verb, space),
        "freshness": reader.freshness([space]),
        "untrusted_fields": ["*_name", "*.display_name"],
    }


def member_of(place: Place, text: str) -> bytes:
    """Return the did that ``text`` means: of somebody in the space, or any in full."""
    try:
        return place.people.find_ever(text).did
    except NotFoundError as error:
        if error.code != "not_found" or len(text) != DID_SYMBOLS:
            raise
    return ids.did_key(text)


def is_removed(place: Place, number: int | None) -> bool:
    """Say whether somebody was a member of the space and is none now."""
    row = None if number is None else place.people.member(number)
    return row is not None and row.role is None


def person(place: Place, did: bytes) -> Json:
    """Return a did as an Actor, a stranger too."""
    number = place.reader.views.actor(did)
    known = None if number is None else place.people.actor(number)
    return actor(did, None) if known is None else known


def earlier(place: Place, at: Judged, number: int | None) -> tuple[list[rows.Grant], Known]:
    """Return the grants of somebody as an event saw them, and how to look up all others."""
    grants, invites = reads.look_back(place.reader, place.space).powers(at.id)
    by_id, ways_in = {one.id: one for one in grants}, {one.id: one for one in invites}
    known = Known(place.known.event, by_id.get, ways_in.get)
    return [one for one in grants if one.subject == number], known


def chain_of(place: Place, found: Answerer, known: Known, now_ms: int) -> Json:
    """Return the chain of the grant that an answer rests on."""
    if found.grant is None:
        return {"chain": [], "chain_complete": True}
    return chain(place, found.grant.id, known, now_ms)


def chain(place: Place, auth: bytes, known: Known, now_ms: int) -> Json:
    """Return the grants from the genesis to ``auth``."""
    found, complete = shapes.chain(auth, place.space, known, most=limits.ROWS_MAX)
    links = [shapes.link(one, place.space, place.people, known, now_ms=now_ms) for one in found]
    return {"chain": links, "chain_complete": complete}


# -- why --------------------------------------------------------------------------------------


def located(reader: Reader, text: str, within: str | None) -> tuple[Place, bytes]:
    """Return the event or frame that ``text`` means, in one space or in any, and its place.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, *ids.EVENT_PREFIXES)
    found: list[tuple[rows.Space, bytes]] = []
    for space in reader.chosen(within):
        desk = place_of(reader, space).desk
        here = [*reader.views.events(space.sn, low, high), *desk.frames(space.sn, low, high)]
        found += [(space, one) for one in here]
    wanted = ids.choose(text, [one for _, one in found], "evt")
    return place_of(reader, next(space for space, one in found if one == wanted)), wanted


def explained(place: Place, ident: bytes) -> Json:
    """Return what is known of an event or a frame, and why it is what it is."""
    event = place.known.event(ident)
    found = about_frame(place, ident) if event is None else about_event(place, event)
    return {
        "event_id": ids.to_text("evt", ident),
        "space_id": spaces.space_id(place.space),
        "space_name": place.space.name,
        **found,
        "freshness": place.reader.freshness([place.space]),
    }


def about_event(place: Place, event: Judged) -> Json:
    """Return why an accepted event has its verdict."""
    reader, people, space, known = place.reader, place.people, place.space, place.known
    acts = shapes.causes(event, known, most=limits.ROWS_MAX)
    items = reader.views.items(space.sn, [one.id for one in acts])
    action, command = shapes.next_step(event, space, mine=people.is_me(event.an))
    ended = shapes.revocation([event, *acts])
    return {
        "kind": event.kind,
        "by": people.actor(event.an),
        "at": stamp(event.ts),
        "status": event.status,
        "rule": event.cause,
        "rule_words": shapes.words(event.cause),
        "flags": flags(place, event),
        "causes": [shapes.act(one, people, items.get(one.id)) for one in acts],
        **chain(place, event.auth, known, reader.now_ms),
        "distance": None if ended is None else reach(place, ended),
        "epoch": epoch(place, event),
        "frame": None,
        "next_action": action,
        "next_command": command,
    }


def about_frame(place: Place, ident: bytes) -> Json:
    """Return why a frame is no event here."""
    frame = place.desk.frame(place.space.sn, ident)
    assert frame is not None, "it was found"
    refused = frame.state == "quarantined"
    return {
        "kind": None,
        "by": None,
        "at": None,
        "status": frame.state,
        "rule": "S1" if refused else None,
        "rule_words": shapes.FRAME_WORDS.get(frame.state),
        "flags": [],
        "causes": [],
        "chain": [],
        "chain_complete": True,
        "distance": None,
        "epoch": None,
        "frame": {
            "code": frame.code,
            "lacks": None if frame.why is None else lacking(frame.state, frame.why),
            "source": frame.source,
            "size": frame.size,
            "first_seen_at": stamp(frame.at),
        },
        "next_action": "stop_and_report" if refused else "sync_and_retry",
        "next_command": None if refused else "envoy sync",
    }


def flags(place: Place, event: Judged) -> list[str]:
    """Return what is shown beside a verdict: keys of FLAG_WORDS."""
    desk, sn = place.desk, place.space.sn
    found = ["fork"] if desk.is_forked(event) else []
    if event.ix is None and event.kind != "merge" and event.status in shapes.COUNTING:
        closes = desk.closes(sn)
        graph = Graph(desk.graph(sn)) if closes else None
        if graph is not None and any(graph.is_beside(event.id, one) for one in closes):
            found.insert(0, "beside_close")
    if is_stale(place, event):
        found.append("stale_epoch")
    if event.ts > place.reader.now_ms + limits.CITABLE_AHEAD_MS:
        found.append("clock_ahead")
    return found


def is_stale(place: Place, event: Judged) -> bool:
    """Say whether content was written under an epoch that by its own ancestry nobody writes under.

    Where that shows only the first epoch and no end of anybody's reading, no rule is loaded.
    """
    if event.ix is not None or event.status == "invalid" or event.kind == "key.request":
        return False
    epoch = place.desk.written_under(event)
    if not place.desk.saw_change(event) and epoch == place.desk.first_epoch(place.space.sn):
        return False
    return reads.look_back(place.reader, place.space).is_stale(event.id, epoch)


def lacking(state: str, why: bytes) -> str:
    """Return the id of what a frame waits for."""
    return ids.to_text("epoch" if state == "sealed" else "evt", why)


def epoch(place: Place, event: Judged) -> Json | None:
    """Return whether the epoch that an event creates is written under, None if it creates none."""
    if event.kind != "epoch.create" or event.status == "invalid":
        return None
    rule = reads.look_back(place.reader, place.space).epoch(event.id)
    return {"rule": rule, "rule_words": shapes.EPOCH_WORDS[rule], "adequate": rule[:2] == "E2"}


def reach(place: Place, event: Judged) -> Json:
    """Return how far back a revocation reaches, and on how many events it acts here."""
    counts = behind(place).get(event.id, {})
    return shapes.distance(event, distance(place, event, None), counts, place.people)


def distance(place: Place, event: Judged, graph: Graph | None) -> Distance:
    """Return what a revocation did not cite; who wrote one unforked chain cited all of it."""
    if place.desk.chains(place.space.sn, event.an) == (1, 0):
        return shapes.NO_DISTANCE
    graph = Graph(place.desk.graph(place.space.sn)) if graph is None else graph
    return graph.distance(event.id)


def behind(place: Place) -> dict[bytes, dict[str, int]]:
    """Return by revocation how many events are held, void and invalid because of it."""
    found: dict[bytes, dict[str, int]] = {}
    for cause, _, status, count in place.desk.behind(place.space.sn):
        event = place.known.event(cause)
        if event is None:
            continue
        acts = [event, *shapes.causes(event, place.known, most=limits.ROWS_MAX)]
        root = shapes.revocation(acts)
        if root is not None:
            counts = found.setdefault(root.id, {})
            counts[status] = counts.get(status, 0) + count
    return found


def record(place: Place, ident: bytes) -> Json | None:
    """Return an event as the history has it, with its text; None for one without a line."""
    item = place.reader.views.items(place.space.sn, [ident]).get(ident)
    if item is None:
        return None
    made = history.record(item, Seen(place.space, place.people), index=0)
    return {**made, "body": item.body}
