"""Objects: list what was shared. Reads nothing of the files but whether their chunks are here."""

from __future__ import annotations

from envoy.cli import objecttext
from envoy.cli.args import Answer, Call
from envoy.views import objects
from envoy.views.pages import page, page_json, scope_of
from envoy.views.space import space_id
from envoy.wiring import reads
from envoy.wiring.shelf import Shelf

Json = dict[str, object]


def listed(call: Call) -> Answer:
    """Answer with the references of a space, or of one task."""
    with reads.open_reader(call.config) as reader:
        task, named = None, call.args.text("task")
        if named is None:
            space = reader.space(call.space())
        else:
            space, found = reader.task(named, call.space())
            task = found.id
        scope = scope_of(reader.me.did, "object-list", space.id, task or b"")
        wanted = page(scope, call.args.count("limit"), call.args.text("cursor"), shape=(int, bytes))
        shelf = Shelf(reader.connection, reader.where, space)
        rows = shelf.page(wanted, task=task)
        shown = rows[: wanted.limit]
        key = (shown[-1].lam, shown[-1].id) if len(rows) > wanted.limit else None
        data: Json = {
            "space_id": space_id(space),
            "space_name": space.name,
            "objects": shelf.items(shown, reader.people(space)),
            "page": page_json(scope, key),
            "freshness": reader.freshness([space]),
            "untrusted_fields": objects.UNTRUSTED,
        }
    return Answer(data, lambda: objecttext.objects_text(data))
