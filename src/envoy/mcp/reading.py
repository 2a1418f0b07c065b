"""Reading: the tools that look, as the command line answers the same questions.

The objects are those of ``views``; what stands here is only which of them a tool asks for. Nothing
is acknowledged, no cursor of an inbox moves.

Specification: docs/spec/mcp.md, Tools.
"""

from __future__ import annotations

from collections.abc import Sequence

import envoy
from envoy import ids, limits
from envoy.errors import NotFoundError, UsageError
from envoy.mcp.arguments import Given
from envoy.mcp.session import Session
from envoy.mcp.table import Json
from envoy.views import desk, history, names, provenance, rows
from envoy.views import space as spaces
from envoy.views import tasks as shapes
from envoy.views.history import Part, Seen
from envoy.views.pages import Key, page, page_json, scope_of
from envoy.views.people import actor
from envoy.views.space import space_id
from envoy.views.tasks import Around
from envoy.wiring import brief, trace
from envoy.wiring.desk import Place, place_of
from envoy.wiring.reads import Reader, handoff_of

DID_SYMBOLS = 56  # of a did:key in full
# What the last attempt came to where a relay did not answer at all.
AWAY = ("relay_unavailable", "timeout", "egress_denied")
NAMED = ["*_name", "*.display_name"]


def status(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return who this profile is and where it stands; of a pinned server one space."""
    with session.reading() as reader:
        every = reader.spaces
        if session.bounds.pin is not None:
            every = [session.place(reader, None)]
        first = sorted(every, key=lambda one: (-one.pinned, one.sn))
        found: list[Json] = [spaces.space(one, reader.tally(one)) for one in first[:limit]]
        return "status", {
            "version": envoy.__version__,
            "profile": session.config.profile,
            "identity": reader.actor(),
            "daemon": "not_used",
            "relay": _relay(reader),
            "spaces": found,
            "freshness": reader.freshness(every),
            "untrusted_fields": NAMED,
        }


def _relay(reader: Reader) -> Json:
    """Return whether relays are in use and answered the last time, and where the first one is."""
    found = list(reader.relays.values())
    if not found:
        return {"state": "not_configured", "url": None}
    away = [one for one in found if one.trouble in AWAY]
    return {
        "state": "unreachable" if away else "connected",
        "url": (away or found)[0].origin,
    }


def space_brief(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return the Work Record of a space within ``limit`` tokens."""
    with session.reading() as reader:
        space = session.place(reader, given.text("space"))
        scope = scope_of(reader.me.did, "work-record", space.id)
        wanted = page(scope, limits.HISTORY_ROWS_DEFAULT, None, shape=(int, bytes))
        asked = brief.Asked(
            budget=limit, member=None, task=given.text("task"), since=given.number("since")
        )
        session.shows(space.id)
        return "work_record", brief.build(reader, space, wanted, asked)


# -- history ----------------------------------------------------------------------------------


def history_or_hits(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return a page of the history, or what holds a phrase."""
    with session.reading() as reader:
        space = session.place(reader, given.text("space"))
        session.shows(space.id)
        if given.text("query") is not None:
            return "search", _hits(reader, space, given, limit)
        return "history", _history(reader, space, given, limit)


def _history(reader: Reader, space: rows.Space, given: Given, limit: int) -> Json:
    """Return one page of a space, the newest page first, oldest record first in it."""
    thread, task, kinds = given.text("thread"), given.text("task"), given.items("kinds")
    scope = scope_of(reader.me.did, "history", space.id, thread or "", task or "", *kinds)
    wanted = page(scope, limit, given.text("cursor"), shape=(int, bytes))
    part = Part(
        kinds=kinds,
        task=None if task is None else reader.task(task, space_id(space))[1].id,
        thread=None if thread is None else reader.views.rid(space.sn, reader.event(thread, space)),
    )
    found = reader.views.history(space.sn, after=wanted.after, limit=limit + 1, part=part)
    shown = found[:limit]
    parents = history.parents(shown)
    missing = set(parents) - reader.views.visible(space.sn, parents) if parents else set()
    more = (shown[-1].lam, shown[-1].id) if len(found) > limit else None
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "records": history.records(shown[::-1], Seen(space, reader.people(space), missing=missing)),
        "page": page_json(scope, more),
        "freshness": reader.freshness([space]),
        "untrusted_fields": history.UNTRUSTED,
    }


def _hits(reader: Reader, space: rows.Space, given: Given, limit: int) -> Json:
    """Return what holds a phrase, the last to arrive first."""
    phrase = given.need("query")
    for name in ("thread", "task", "kinds"):
        if name in given.values:
            raise UsageError("invalid_argument", argument=name, cause="query")
    scope = scope_of(reader.me.did, "search", space.id, phrase)
    wanted = page(scope, limit, given.text("cursor"), shape=(int,))
    before = int(wanted.after[0]) if wanted.after else limits.INT_MAX
    found = reader.views.search(phrase, sn=space.sn, before=before, limit=limit + 1)
    shown, seen = found[:limit], Seen(space, reader.people(space))
    return {
        "query": phrase,
        "hits": [history.record(one, seen, index=index) for index, one in enumerate(shown)],
        "page": page_json(scope, (shown[-1].rid,) if len(found) > limit else None),
        "freshness": reader.freshness([space]),
        "untrusted_fields": history.UNTRUSTED,
    }


# -- members ----------------------------------------------------------------------------------


def members(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return who may do what in a space; with ``can`` also whether one may do one thing."""
    with session.reading() as reader:
        space = session.place(reader, given.text("space"))
        people, now_ms, grants = reader.people(space), reader.now_ms, reader.views.grants(space.sn)
        every = people.all()
        scope = scope_of(reader.me.did, "members", space.id, "")
        last = every[limit - 1] if len(every) > limit else None
        me, asked = people.member(reader.me_an() or 0), given.group("can")
        return "permissions", {
            "spaces": [
                {
                    "space_id": space_id(space),
                    "space_name": space.name,
                    "epoch": spaces.epoch(space),
                    "me": None
                    if me is None
                    else spaces.permissions(me, people, grants, now_ms=now_ms),
                    "members": [
                        spaces.permissions(row, people, grants, now_ms=now_ms)
                        for row in every[:limit]
                    ],
                }
            ],
            "page": page_json(scope, None if last is None else (last.sn, last.an)),
            "freshness": reader.freshness([space]),
            "can": None if asked is None else _can(reader, space, asked),
            "untrusted_fields": NAMED,
        }


def _can(reader: Reader, space: rows.Space, asked: Given) -> Json:
    """Return whether a member may do something, by which grant, or what is missing."""
    place, verb, named = place_of(reader, space), asked.need("verb"), asked.text("task")
    did = _member(place, asked.need("member"))
    task = None if named is None else reader.task(named, space_id(space))[1].id
    number, closed = reader.views.actor(did), space.closed_ms is not None
    grants = [] if number is None else reader.views.grants(space.sn, number)
    found = desk.may(grants, verb, task=task, closed=closed, now_ms=reader.now_ms)
    row = None if number is None else place.people.member(number)
    known = None if number is None else place.people.actor(number)
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "member": actor(did, None) if known is None else known,
        "removed": row is not None and row.role is None,
        "verb": verb,
        "task_id": None if task is None else ids.to_text("task", task),
        "at_event": None,
        "allowed": found.missing is None,
        **_chain(place, found),
        "missing": desk.missing(found, verb, space),
    }


def _member(place: Place, text: str) -> bytes:
    """Return the did that ``text`` means: of somebody in the space, or any in full."""
    try:
        return place.people.find_ever(text).did
    except NotFoundError as error:
        if error.code != "not_found" or len(text) != DID_SYMBOLS:
            raise
    return ids.did_key(text)


def _chain(place: Place, found: desk.Answerer) -> Json:
    """Return the grants that an answer rests on, from the genesis on."""
    if found.grant is None:
        return {"chain": [], "chain_complete": True}
    known, now_ms = place.known, place.reader.now_ms
    every, complete = desk.chain(found.grant.id, place.space, known, most=limits.ROWS_MAX)
    links = [desk.link(one, place.space, place.people, known, now_ms=now_ms) for one in every]
    return {"chain": links, "chain_complete": complete}


# -- tasks ------------------------------------------------------------------------------------


def tasks(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return one task with what happened to it, those that are ready, or a page of tasks."""
    one, ready = given.text("task"), given.switch("ready")
    for name in ("state", "mine") if ready else ():
        if name in given.values:
            raise UsageError("invalid_argument", argument=name, cause="ready")
    with session.reading() as reader:
        if one is not None:
            within = given.text("space") or session.within()
            space, row = reader.task(one, within)
            session.check(reader.spaces, space)
            session.shows(space.id)
            return "task", _task(reader, space, row, limit)
        space = session.place(reader, given.text("space"))
        session.shows(space.id)
        if ready:
            return "ready", _ready(reader, space, given, limit)
        return "tasks", _list(reader, space, given, limit)


def _task(reader: Reader, space: rows.Space, row: rows.Task, limit: int) -> Json:
    """Return one task and the newest ``limit`` events about it."""
    around = _around(reader, space, [row])
    items = reader.views.history(space.sn, after=None, limit=limit + 1, part=Part(task=row.id))
    conflicts = reader.views.conflicts(space.sn, entity=row.id, limit=limits.ROWS_MAX)
    return {
        **shapes.task(row, around),
        "space_name": space.name,
        "handoff": handoff_of(reader, space, row.id),
        "conflict_details": [shapes.conflict(one) for one in conflicts],
        "history": history.records(items[:limit][::-1], Seen(space, around.people)),
        "history_complete": len(items) <= limit,
        "freshness": reader.freshness([space]),
        "untrusted_fields": [
            *(*shapes.UNTRUSTED, "history.*.body", "history.*_name", "handoff.*"),
        ],
    }


def _around(reader: Reader, space: rows.Space, found: Sequence[rows.Task]) -> Around:
    """Return what tasks of one space need to be shown."""
    views = reader.views
    conflicts = [
        conflict
        for task in found
        if task.conflicts
        for conflict in views.conflicts(space.sn, entity=task.id, limit=limits.ROWS_MAX)
        if conflict.status == "open"
    ]
    states = views.task_states(space.sn, shapes.needed(found))
    return Around(reader.people(space), space.id, states, conflicts)


def _ready(reader: Reader, space: rows.Space, given: Given, limit: int) -> Json:
    """Return the tasks that this profile could take now."""
    scope, me = scope_of(reader.me.did, "ready", space.id, ""), reader.me_an()
    after = page(scope, limit, given.text("cursor"), shape=(int, int, int, bytes)).after
    found = reader.views.ready(space.sn, me, label=None, after=after, limit=limit + 1)
    shown = found[:limit]
    states = reader.views.task_states(space.sn, shapes.needed(shown))
    around = Around(reader.people(space), space.id, states)
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "tasks": [shapes.task(row, around) for row in shown],
        "claimed": None,
        "event_id": None,
        "replayed": False,
        "page": page_json(scope, _by_urgency(shown[-1]) if len(found) > limit else None),
        "freshness": reader.freshness([space]),
        "untrusted_fields": [*shapes.UNTRUSTED_LIST, "*_name"],
    }


def _by_urgency(row: rows.Task) -> Key:
    """Return what a ready task is sorted by; what has no date comes last."""
    return row.priority, limits.INT_MAX if row.due_ms is None else row.due_ms, row.lam, row.id


def _list(reader: Reader, space: rows.Space, given: Given, limit: int) -> Json:
    """Return one page of the tasks of a space, those to be done by default."""
    states, mine = names.found_by(given.text("state")), given.switch("mine")
    scope = scope_of(reader.me.did, "tasks", space.id, *states, str(mine), "")
    after = page(scope, limit, given.text("cursor"), shape=(int, int, int, bytes)).after
    found = reader.views.tasks(
        space.sn,
        states=states,
        after=None if after is None else after[1:],
        limit=limit + 1,
        assignee=reader.me_an() if mine else None,
    )
    shown = found[:limit]
    around = _around(reader, space, shown)
    last = shown[-1] if len(found) > limit else None
    key = None if last is None else (last.sn, last.priority, last.lam, last.id)
    return {
        "tasks": [shapes.task(row, around) for row in shown],
        "counts": [_counted(reader, space)],
        "page": page_json(scope, key),
        "freshness": reader.freshness([space]),
        "untrusted_fields": shapes.UNTRUSTED_LIST,
    }


def _counted(reader: Reader, space: rows.Space) -> Json:
    """Return how many tasks of a space are in each state, and who looks."""
    tally, found = reader.tally(space), reader.views.task_counts(space.sn)
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "mode": space.mode,
        "me": reader.people(space).actor(reader.me_an()),
        "open": tally.open,
        "mine": tally.mine,
        "conflicts": tally.conflicts,
        "by_state": {state: found.get(state, 0) for state in names.STATES},
    }


# -- trace ------------------------------------------------------------------------------------


def traced(session: Session, given: Given, limit: int) -> tuple[str, Json]:
    """Return what an event rests on, or what rests on it; at most ``limit`` nodes."""
    direction, depth = given.text("direction") or provenance.BACK, given.count("depth")
    with session.reading() as reader:
        found, start = trace.event(reader, given.need("id"), session.within())
        space = found.space
        session.shows(space.id)
        walked = nearest(found.walk(start, direction, depth), limit)
        known = found.found(walked)
        return "provenance", {
            "space_id": space_id(space),
            "space_name": space.name,
            "start": provenance.name_of(walked.nodes[0], known),
            "direction": direction,
            "depth": depth,
            **provenance.graph(walked, known),
            "freshness": reader.freshness([space]),
            "untrusted_fields": provenance.UNTRUSTED,
        }


def nearest(walked: provenance.Walk, count: int) -> provenance.Walk:
    """Return the first ``count`` nodes of a walk, the nearest, and what is between them."""
    if len(walked.nodes) <= count:
        return walked
    kept = {one.id for one in walked.nodes[:count]}
    return walked._replace(
        nodes=walked.nodes[:count],
        edges=[one for one in walked.edges if one[0] in kept and one[2] in kept],
        cut=walked.cut + len(walked.nodes) - count,
    )
