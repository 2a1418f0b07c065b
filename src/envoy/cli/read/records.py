"""Records: what members said about work, with where each of it stands."""

from __future__ import annotations

from envoy import ids
from envoy.cli.args import Answer, Call
from envoy.errors import NotFoundError
from envoy.storage.record_views import RecordViews
from envoy.views import records as shapes
from envoy.views import rows
from envoy.views.pages import page, page_json, scope_of
from envoy.views.people import People
from envoy.views.space import space_id
from envoy.wiring import reads
from envoy.wiring.reads import Reader

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
        views, limit = RecordViews(reader.connection), wanted.limit
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
        views = RecordViews(reader.connection)
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
    views = RecordViews(reader.connection)
    found = [(one, ident) for one in spaces for ident in views.ids(one.sn, low, high)]
    if not found:
        raise NotFoundError("not_found", kind="record")
    wanted = ids.choose(text, [ident for _, ident in found], "rec")
    return next(one for one, ident in found if ident == wanted), wanted
