"""Space: who is in it, who may do what, which invites are open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, Span, Spans, line, table
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views import space as shapes
from envoy.views.pages import page, page_json, scope_of
from envoy.views.people import People
from envoy.wiring import reads
from envoy.wiring.reads import Reader

Json = dict[str, object]
Keep = Callable[[rows.Member], bool]

UNTRUSTED = ["*_name", "*.display_name"]
STATUS_STYLES = {"active": "ok", "live": "ok", "expired": "warn", "used": "dim"}


class Place(NamedTuple):
    """A space with its people and those of them that this page shows."""

    space: rows.Space
    people: People
    shown: list[rows.Member]


def members(call: Call) -> Answer:
    """Answer with the current members of a space."""
    with reads.open_reader(call.config) as reader:
        return list_of(call, reader, [reader.space(call.space())], lambda row: row.role is not None)


def roster(call: Call) -> Answer:
    """Answer with everybody that a space, or each space, ever knew."""
    with reads.open_reader(call.config) as reader:
        return list_of(call, reader, reader.chosen(call.space()), lambda row: True)


def list_of(call: Call, reader: Reader, spaces: Sequence[rows.Space], keep: Keep) -> Answer:
    """Answer with those members of ``spaces`` that ``keep`` lets through."""
    places, page_data = gathered(call, reader, spaces, keep)
    entries: list[Json] = [
        {"space_id": shapes.space_id(place.space), **shapes.member(row, place.people)}
        for place in places
        for row in place.shown
    ]
    data: Json = {
        "members": entries,
        "page": page_data,
        "freshness": reader.freshness(spaces),
        "untrusted_fields": UNTRUSTED,
    }
    return Answer(data, lambda: members_text(entries))


def gathered(
    call: Call, reader: Reader, spaces: Sequence[rows.Space], keep: Keep
) -> tuple[list[Place], Json]:
    """Return the places of one page, ordered by space and member, and its `page`."""
    member = call.args.text("member")
    named = spaces[0].id if call.space() is not None else b""
    scope = scope_of(reader.me.did, "members", named, member or "")
    cursor = call.args.text("cursor")
    wanted = page(scope, call.args.count("limit"), cursor, shape=(int, int))
    places: list[Place] = []
    room = wanted.limit
    last: tuple[int, int] | None = None
    for space in spaces:
        people = reader.people(space)
        chosen = people.all() if member is None else [people.find_ever(member)]
        rest = [row for row in chosen if keep(row) and (row.sn, row.an) > (wanted.after or ())]
        if rest and not room:
            return places, page_json(scope, last)
        shown = rest[:room]
        places.append(Place(space, people, shown))
        room -= len(shown)
        last = (shown[-1].sn, shown[-1].an) if shown else last
        if len(shown) < len(rest):
            return places, page_json(scope, last)
    return places, page_json(scope, None)


def members_text(entries: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield members as a table."""
    yield table(("MEMBER", "KIND", "ROLE", "SINCE", ""), map(member_row, entries), soft=(0,))
    if any(one["name_collides"] for one in entries):
        yield line(("!", "warn"), " marks names that look alike: compare fingerprints")


def member_row(member: Mapping[str, object]) -> tuple[Spans, ...]:
    """Return a member as a row of its table."""
    role: Span = show.text(member["role"]) or ("removed", "bad")
    return (
        [*show.person(member), *([" you"] if member["is_me"] else [])],
        [show.text(member["kind"])],
        [role],
        [show.clock(member["joined_at"], now_ms=show.now())],
        [("forked", "bad")] if member["forked"] else [],
    )


# -- permissions ------------------------------------------------------------------------------


def permissions(call: Call) -> Answer:
    """Answer with what I may do in each space and what the others may, with the grants."""
    with reads.open_reader(call.config) as reader:
        spaces = reader.chosen(call.space())
        places, page_data = gathered(call, reader, spaces, lambda row: True)
        found = [powers(reader, place) for place in places]
        data: Json = {
            "spaces": found,
            "page": page_data,
            "freshness": reader.freshness(spaces),
            "untrusted_fields": UNTRUSTED,
        }
    return Answer(data, lambda: permissions_text(found))


def powers(reader: Reader, place: Place) -> Json:
    """Return what the people of one space may do."""
    space, people, now_ms = place.space, place.people, reader.now_ms
    grants = reader.views.grants(space.sn)
    me = people.member(reader.me_an() or 0)
    mine = None if me is None else shapes.permissions(me, people, grants, now_ms=now_ms)
    return {
        "space_id": shapes.space_id(space),
        "space_name": space.name,
        "epoch": shapes.epoch(space),
        "me": mine,
        "members": [shapes.permissions(row, people, grants, now_ms=now_ms) for row in place.shown],
    }


def permissions_text(spaces: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield, space by space, who may do what and by which grant."""
    for space in spaces:
        epoch = show.mapping(space["epoch"])
        state: Span = ("current", "ok") if epoch["adequate"] else ("to be renewed", "warn")
        name, id_text = show.label(space["space_name"]), show.short(space["space_id"])
        yield line((name, "strong"), "  ", (id_text, "dim"), "  epoch ", state)
        cells = [row for one in show.listed(space["members"]) for row in grant_rows(one)]
        yield table(("MEMBER", "MAY", "GRANT", "FROM", "STATUS"), cells, soft=(0, 3))


def grant_rows(member: Mapping[str, object]) -> list[tuple[Spans, ...]]:
    """Return a member's grants as rows, its name in the first."""
    verbs = member["verbs"]
    assert isinstance(verbs, list)
    may: Spans = [" ".join(verbs)] if verbs else [("nothing", "bad")]
    found: list[tuple[Spans, ...]] = []
    for grant in show.listed(member["grants"]):
        status = show.text(grant["status"])
        what = show.text(grant["role"]) or show.text(grant["verb"])
        found.append(
            (
                show.person(member) if not found else [],
                may if not found else [],
                [(show.short(grant["grant_id"]), "dim"), f" {what}"],
                show.person(grant["from"]),
                [(status, STATUS_STYLES.get(status, "bad"))],
            )
        )
    return found or [(show.person(member), may, [], [], [])]


# -- invites ----------------------------------------------------------------------------------


def invites(call: Call) -> Answer:
    """Answer with the invites of a space; nobody can show their codes again."""
    with reads.open_reader(call.config) as reader:
        space = reader.space(call.space())
        people = reader.people(space)
        scope = scope_of(reader.me.did, "invites", space.id)
        cursor, limit = call.args.text("cursor"), call.args.count("limit")
        wanted = page(scope, limit, cursor, shape=(int, bytes))
        every = sorted(reader.views.invites(space.sn), key=invite_key)
        rest = [row for row in every if invite_key(row) > (wanted.after or ())]
        shown = rest[:limit]
        more = len(rest) > len(shown)
        found: list[Json] = [
            shapes.invite(row, people, space, now_ms=reader.now_ms) for row in shown
        ]
        data: Json = {
            "space_id": shapes.space_id(space),
            "invites": found,
            "page": page_json(scope, invite_key(shown[-1]) if more else None),
            "freshness": reader.freshness([space]),
            "untrusted_fields": UNTRUSTED,
        }
    return Answer(data, lambda: invites_text(found))


def invite_key(row: rows.Invite) -> tuple[int, bytes]:
    """Return the sort key of an invite, the newest first."""
    return -row.created_ms, row.id


def invites_text(found: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield invites as a table."""
    if not found:
        yield line("no invites")
        return
    heads = ("INVITE", "STATUS", "ROLE", "USES", "ENDS", "BY")
    yield table(heads, map(invite_row, found), soft=(5,))


def invite_row(invite: Mapping[str, object]) -> tuple[Spans, ...]:
    """Return an invite as a row of its table."""
    status = show.text(invite["invite_status"])
    return (
        [(show.short(invite["invite_id"]), "dim")],
        [(status, STATUS_STYLES.get(status, "bad"))],
        [show.text(invite["role"])],
        [f"{invite['uses']} of {invite['max_uses']}"],
        [show.clock(invite["expires_at"], now_ms=show.now())],
        show.person(invite["by"]),
    )
