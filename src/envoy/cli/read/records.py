"""Records and reviews: what members said about work, and what is handed in to be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from envoy import ids
from envoy.cli.args import Answer, Call
from envoy.errors import NotFoundError, UsageError
from envoy.views import records as shapes
from envoy.views import reviews as verdicts
from envoy.views import rows
from envoy.views.pages import Key, page, page_json, scope_of
from envoy.views.people import People
from envoy.views.space import space_id
from envoy.wiring import reads
from envoy.wiring.reads import Reader
from envoy.wiring.reviews import Docket, views_of

Json = dict[str, object]


def records(call: Call) -> Answer:
    """Answer with the records of a space, or of one task."""
    with reads.open_reader(call.config) as reader:
        task, named = None, call.args.text("task")
        if named is None:
            space = reader.space(call.space())
        else:
            space, found = reader.task(named, call.space())
            task = found.id
        scope = scope_of(reader.me.did, "record-list", space.id, task or b"")
        wanted = page(scope, call.args.count("limit"), call.args.text("cursor"), shape=(int, bytes))
        views, limit = views_of(reader), wanted.limit
        every = views.page(space.sn, task=task, after=wanted.after, limit=limit + 1)
        people, shown = reader.people(space), every[:limit]
        key = shapes.place(shown[-1]) if len(every) > limit else None
        data: Json = {
            "space_id": space_id(space),
            "space_name": space.name,
            "records": [record_json(views.shown(row), people, space) for row in shown],
            "page": page_json(scope, key),
            "freshness": reader.freshness([space]),
            "untrusted_fields": shapes.UNTRUSTED_LIST,
        }
    return Answer(data, "prooftext:records_text")


def record(call: Call) -> Answer:
    """Answer with one record, what corrects it and what refers to it."""
    with reads.open_reader(call.config) as reader:
        space, ident = located(reader, call.args.need("record"), call.space())
        views = views_of(reader)
        row = views.record(space.sn, ident)
        assert row is not None, "an id that was found has a row"
        data: Json = {
            **record_json(views.shown(row), reader.people(space), space),
            "space_name": space.name,
            "freshness": reader.freshness([space]),
            "untrusted_fields": shapes.OWN_UNTRUSTED,
        }
    return Answer(data, "prooftext:record_text")


def record_json(found: shapes.Shown, people: People, space: rows.Space) -> Json:
    """Return a record with what stands beside it."""
    return {
        **shapes.record(found, people, space=space_id(space)),
        **shapes.around(found, people),
    }


def located(reader: Reader, text: str, within: str | None) -> tuple[rows.Space, bytes]:
    """Return the record that ``text`` means, in one space or in any, and its space.

    Raises NotFoundError (not_found, id_ambiguous).
    """
    low, high = ids.span(text, *ids.EVENT_PREFIXES)
    spaces = reader.chosen(within)
    if not spaces:
        raise NotFoundError("not_found", kind="record")
    views = views_of(reader)
    found = [(one, ident) for one in spaces for ident in views.ids(one.sn, low, high)]
    if not found:
        raise NotFoundError("not_found", kind="record")
    wanted = ids.choose(text, [ident for _, ident in found], "rec")
    return next(one for one, ident in found if ident == wanted), wanted


# -- reviews -------------------------------------------------------------------------------------


def reviews(call: Call) -> Answer:
    """Answer with what is handed in: what waits for this profile, or all of it."""
    every = call.args.switch("all")
    if every and call.args.switch("mine"):
        raise UsageError("invalid_argument", argument="--mine", cause="--all")
    with reads.open_reader(call.config) as reader:
        spaces, limit = reader.chosen(call.space()), call.args.count("limit")
        named = spaces[0].id if call.space() is not None else b""
        scope = scope_of(reader.me.did, "review-list", named, str(every))
        after = page(scope, limit, call.args.text("cursor"), shape=(int, int, int, bytes)).after
        found = list(islice(benches(reader, spaces, after, every=every), limit + 1))
        key = key_of(found[limit - 1]) if len(found) > limit else None
        data: Json = {
            "reviews": [verdicts.review(one) for one in found[:limit]],
            "page": page_json(scope, key),
            "freshness": reader.freshness(spaces),
            "untrusted_fields": verdicts.UNTRUSTED,
        }
    return Answer(data, "prooftext:reviews_text")


def benches(
    reader: Reader, spaces: Sequence[rows.Space], after: Key | None, *, every: bool
) -> Iterator[verdicts.Bench]:
    """Yield what is handed in behind ``after``, space by space."""
    for space in spaces:
        if after is not None and int(after[0]) > space.sn:
            continue
        start = after[1:] if after is not None and after[0] == space.sn else None
        for bench in Docket(reader, space).benches(start):
            if every or verdicts.waits_for_me(bench, verdicts.gate(bench)):
                yield bench


def key_of(bench: verdicts.Bench) -> tuple[int, int, int, bytes]:
    """Return the sort key of a review over all spaces."""
    return bench.row.sn, bench.row.priority, bench.row.lam, bench.row.id


def review(call: Call) -> Answer:
    """Answer with what a task is asked for, what it has, and what is still missing."""
    with reads.open_reader(call.config) as reader:
        space, row = reader.task(call.args.need("task_id"), call.space())
        data: Json = {
            **verdicts.review(Docket(reader, space).bench(row)),
            "freshness": reader.freshness([space]),
            "untrusted_fields": verdicts.OWN_UNTRUSTED,
        }
    return Answer(data, "prooftext:review_text")
