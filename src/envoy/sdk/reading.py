"""Reading: rows of a profile as documented objects, page by page.

An iterator opens the profile for each page and holds nothing in between, so a program may take its
time, and write, while it goes through a list. Each page is of one moment; a list of several pages
is not: what arrives behind the place that was reached is still to come.

Specification: docs/spec/cli.md (JSON shapes, Paging).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from envoy import ids, limits
from envoy.sdk.access import Place
from envoy.views import history, names, records, reviews, rows
from envoy.views import space as spaces
from envoy.views import tasks as shapes
from envoy.views.history import Filter, Part, Seen
from envoy.views.pages import Key, Page
from envoy.views.people import Json
from envoy.views.space import space_id
from envoy.views.tasks import Around
from envoy.wiring.reads import Reader
from envoy.wiring.reviews import Docket, views_of
from envoy.wiring.shelf import Shelf

PAGE = limits.HISTORY_ROWS_DEFAULT
# One page behind a place in a list: its objects, and the place of the last where more follow.
Found = tuple[list[Json], Key | None]
Fetch = Callable[[Reader, rows.Space, Key | None], Found]


def each(place: Place, fetch: Fetch) -> Iterator[Json]:
    """Yield a list page by page."""
    after: Key | None = None
    while True:
        with place.reading() as (reader, space):
            found, after = fetch(reader, space, after)
        yield from found
        if after is None:
            return


# -- tasks --------------------------------------------------------------------------------------


def around(reader: Reader, space: rows.Space, tasks: Sequence[rows.Task]) -> Around:
    """Return what tasks of one space need from beside them."""
    views = reader.views
    conflicts = [
        one
        for task in tasks
        if task.conflicts
        for one in views.conflicts(space.sn, entity=task.id, limit=limits.ROWS_MAX)
        if one.status == "open"
    ]
    states = views.task_states(space.sn, shapes.needed(tasks))
    return Around(reader.people(space), space.id, states, conflicts)


def task_json(reader: Reader, space: rows.Space, row: rows.Task) -> Json:
    """Return one task."""
    return said_of(shapes.task(row, around(reader, space, [row])))


def said_of(task: Json) -> Json:
    """Return a task with the names of what members wrote."""
    return {**task, "untrusted_fields": list(shapes.UNTRUSTED)}


def tasks(states: Sequence[str], *, mine: bool, label: str | None) -> Fetch:
    """Return how to list tasks by priority, then age."""

    def fetch(reader: Reader, space: rows.Space, after: Key | None) -> Found:
        me = reader.me_an()
        if mine and me is None:
            return [], None
        found = reader.views.tasks(
            space.sn,
            states=states,
            after=after,
            limit=PAGE + 1,
            assignee=me if mine else None,
            label=label,
        )
        shown = found[:PAGE]
        beside = around(reader, space, shown)
        more = (shown[-1].priority, shown[-1].lam, shown[-1].id) if len(found) > PAGE else None
        return [said_of(shapes.task(row, beside)) for row in shown], more

    return fetch


def ready(label: str | None) -> Fetch:
    """Return how to list what this profile could take now, by priority, date and age."""

    def fetch(reader: Reader, space: rows.Space, after: Key | None) -> Found:
        me = reader.me_an()
        found = reader.views.ready(space.sn, me, label=label, after=after, limit=PAGE + 1)
        shown = found[:PAGE]
        beside = around(reader, space, shown)
        more = None
        if len(found) > PAGE:
            last = shown[-1]
            due = limits.INT_MAX if last.due_ms is None else last.due_ms
            more = (last.priority, due, last.lam, last.id)
        return [said_of(shapes.task(row, beside)) for row in shown], more

    return fetch


def states_of(word: str | None) -> tuple[str, ...]:
    """Return the states that a word lists, none for an unknown one."""
    return names.found_by(word)


# -- what was said and done ---------------------------------------------------------------------


def history_of(kinds: tuple[str, ...], task: str | None, thread: str | None) -> Fetch:
    """Return how to list a history, the newest first."""

    def fetch(reader: Reader, space: rows.Space, after: Key | None) -> Found:
        within = space_id(space)
        part = Part(
            kinds=kinds,
            task=None if task is None else reader.task(task, within)[1].id,
            thread=None
            if thread is None
            else reader.views.rid(space.sn, reader.event(thread, space)),
        )
        found = reader.views.history(space.sn, after=after, limit=PAGE + 1, part=part)
        shown = found[:PAGE]
        more = (shown[-1].lam, shown[-1].id) if len(found) > PAGE else None
        return lines(reader, space, shown), more

    return fetch


def search_for(phrase: str) -> Fetch:
    """Return how to list what holds a phrase, the last to arrive first."""

    def fetch(reader: Reader, space: rows.Space, after: Key | None) -> Found:
        before = int(after[0]) if after else limits.INT_MAX
        found = reader.views.search(phrase, sn=space.sn, before=before, limit=PAGE + 1)
        shown = found[:PAGE]
        more = (shown[-1].rid,) if len(found) > PAGE else None
        return lines(reader, space, shown), more

    return fetch


def lines(reader: Reader, space: rows.Space, items: Sequence[rows.Item]) -> list[Json]:
    """Return lines of a history."""
    parents = history.parents(items)
    missing = set(parents) - reader.views.visible(space.sn, parents) if parents else set()
    seen = Seen(space, reader.people(space), missing=missing)
    return [history.record(item, seen, index=index) for index, item in enumerate(items)]


def inbox(reader: Reader, space: rows.Space, which: Filter, *, limit: int) -> Json:
    """Return what is unread in a space, the oldest first."""
    views, sn = reader.views, space.sn
    found = views.unread(sn, after=space.ack_n, limit=limit + 1, which=which)
    shown, seen = found[:limit], Seen(space, reader.people(space))
    command = f"envoy inbox ack --space {space_id(space)} --up-to-cursor"
    return {
        "messages": [history.inboxed(one, seen, index=at) for at, one in enumerate(shown)],
        "latest_cursor": views.newest(sn),
        "matching_unread_count": views.count_unread(sn, after=space.ack_n, which=which),
        # Acknowledging what was shown leads on, so there is no cursor to go on by.
        "page": {"next_cursor": None, "has_more": len(found) > limit},
        "freshness": reader.freshness([space]),
        "next_commands": [f"{command} {shown[-1].stream.n}"] if shown else [],
        "untrusted_fields": list(history.UNTRUSTED),
    }


# -- people -------------------------------------------------------------------------------------


def members(*, ever: bool) -> Fetch:
    """Return how to list the members of a space; ``ever``: also who is none any more."""

    def fetch(reader: Reader, space: rows.Space, _: Key | None) -> Found:
        people = reader.people(space)
        chosen = [row for row in people.all() if ever or row.role is not None]
        within = {"space_id": space_id(space)}
        return [{**within, **spaces.member(row, people)} for row in chosen], None

    return fetch


def permissions(reader: Reader, space: rows.Space) -> Json:
    """Return who may do what in a space."""
    people, now_ms = reader.people(space), reader.now_ms
    grants, me = reader.views.grants(space.sn), people.member(reader.me_an() or 0)
    mine = None if me is None else spaces.permissions(me, people, grants, now_ms=now_ms)
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "epoch": spaces.epoch(space),
        "me": mine,
        "members": [spaces.permissions(row, people, grants, now_ms=now_ms) for row in people.all()],
    }


# -- records, reviews, objects ------------------------------------------------------------------


def records_of(task: str | None) -> Fetch:
    """Return how to list typed records, the last in the order first."""

    def fetch(reader: Reader, space: rows.Space, after: Key | None) -> Found:
        of = None if task is None else reader.task(task, space_id(space))[1].id
        views = views_of(reader)
        found = views.page(space.sn, task=of, after=after, limit=PAGE + 1)
        shown = found[:PAGE]
        made = [record_json(reader, space, views.shown(row)) for row in shown]
        return made, records.place(shown[-1]) if len(found) > PAGE else None

    return fetch


def record_json(reader: Reader, space: rows.Space, found: records.Shown) -> Json:
    """Return a record with what stands beside it."""
    people = reader.people(space)
    return {
        **records.record(found, people, space=space_id(space)),
        **records.around(found, people),
        "space_name": space.name,
        "freshness": reader.freshness([space]),
        "untrusted_fields": list(records.OWN_UNTRUSTED),
    }


def reviews_of(*, every: bool) -> Fetch:
    """Return how to list what is handed in; ``every``: also what does not wait for this profile."""

    def fetch(reader: Reader, space: rows.Space, after: Key | None) -> Found:
        found = list[Json]()
        for bench in Docket(reader, space).benches(after):
            if every or reviews.waits_for_me(bench, reviews.gate(bench)):
                found.append(review_json(reader, space, bench))
            if len(found) == PAGE:
                return found, (bench.row.priority, bench.row.lam, bench.row.id)
        return found, None

    return fetch


def review_json(reader: Reader, space: rows.Space, bench: reviews.Bench) -> Json:
    """Return a task as its reviewers see it."""
    return {
        **reviews.review(bench),
        "freshness": reader.freshness([space]),
        "untrusted_fields": list(reviews.OWN_UNTRUSTED),
    }


def objects_of(task: str | None) -> Fetch:
    """Return how to list references to files, the last in the order first."""

    def fetch(reader: Reader, space: rows.Space, after: Key | None) -> Found:
        of = None if task is None else reader.task(task, space_id(space))[1].id
        shelf = Shelf(reader.connection, reader.where, space)
        found = shelf.page(Page("", PAGE, after), task=of)
        shown = found[:PAGE]
        more = (shown[-1].lam, shown[-1].id) if len(found) > PAGE else None
        return shelf.items(shown, reader.people(space)), more

    return fetch


def event_ids(reader: Reader, space: rows.Space, text: str, *prefixes: str) -> list[bytes]:
    """Return the ids of the records that a text may mean."""
    low, high = ids.span(text, *prefixes)
    return list(views_of(reader).ids(space.sn, low, high))
