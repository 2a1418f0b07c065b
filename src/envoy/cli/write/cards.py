"""Cards: publish one's own, look at those of others.

Cards are looked at here and not among the reads: each time their signature is checked, which takes
the library that does it. A key of this profile is loaded for its own card string alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from envoy import ids
from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.render import Block, Spans, line, table
from envoy.cli.write import typed
from envoy.errors import EnvoyError, NotFoundError
from envoy.limits import NAME_BYTES_MAX
from envoy.replica.actions import cards, names
from envoy.views import answers, rows
from envoy.views import cards as shapes
from envoy.views.pages import Key, page, page_json, scope_of
from envoy.views.people import Json
from envoy.views.space import choose, space_id
from envoy.wiring import hindsight, reads, writes
from envoy.wiring.reads import Reader

DID_SYMBOLS = 56  # of a did:key in full


# -- publish ----------------------------------------------------------------------------------


def publish(call: Call) -> Answer:
    """Publish a card in the space that is named, else in every space that takes one."""
    wanted, key = wanted_by(call), typed.key(call.args)
    results: list[Json] = []
    made: list[Json] = []
    failed: list[EnvoyError] = []
    replays: list[bool] = []
    with writes.open_profile(call.config) as profile:
        for space in targets(profile.rows.spaces(), call.space()):
            replica = writes.open_space(profile, space_id(space))
            try:
                done = cards.publish(replica, wanted, key=key)
            except EnvoyError as error:
                check_whole(error)
                failed.append(error)
                results.append(result(space, None, error.code))
                continue
            me = names.people(replica).actor(profile.events.actor(replica.me))
            made.append(shapes.card(done.card, me, replica.space))
            replays.append(done.replayed)
            results.append(result(replica.space, done, None))
    if not made and failed:
        raise failed[0]
    data: Json = {
        "card": made[0],
        "changed": any(one["changed"] for one in results),
        "replayed": any(replays),
        "results": results,
        "warnings": [],
        "untrusted_fields": shapes.UNTRUSTED,
    }
    return Answer(data, lambda: publish_text(data))


def check_whole(error: EnvoyError) -> None:
    """Raise what is wrong with the whole call, and not with one space of it."""
    if error.code == "idempotency_mismatch":
        raise error


def wanted_by(call: Call) -> cards.Wanted:
    """Return what the flags want a card to say."""
    name, version = call.args.text("name"), call.args.text("version")
    service = call.args.text("service")
    words = [one.strip() for one in call.args.items("capabilities") if one.strip()]
    listed = tuple([label(word, "--capabilities") for word in dict.fromkeys(words)])
    return cards.Wanted(
        None if name is None else typed.name(name, "--name"),
        None if version is None else label(version, "--version"),
        None if service is None else label(service, "--service") if service else "",
        listed if "capabilities" in call.args.given else None,
    )


def label(text: str, flag: str) -> str:
    """Return a label of a card: one short line."""
    return typed.line(text, flag, bytes_max=NAME_BYTES_MAX)


def targets(spaces: Sequence[rows.Space], ref: str | None) -> list[rows.Space]:
    """Return the space that ``ref`` means, else all in which this profile is a member."""
    if ref is not None or not spaces:
        return [choose(spaces, ref)]
    open_ = [one for one in spaces if one.role is not None and one.closed_ms is None]
    return open_ or [spaces[0]]


def result(space: rows.Space, done: cards.Published | None, error_code: str | None) -> Json:
    """Return what publishing did in one space."""
    delivery = "" if done is None else done.delivery
    return {
        "space_id": space_id(space),
        "space_name": space.name,
        "event_id": None if done is None else ids.to_text("evt", done.card.event),
        "changed": done is not None and done.changed,
        "error_code": error_code,
        "relay_delivery": answers.relay_delivery(space, delivery or answers.NOT_ATTEMPTED),
        "pending_sync": answers.is_pending(delivery),
    }


def publish_text(data: Json) -> Iterator[Block]:
    """Yield the card, and in which spaces it stands."""
    yield from card_text(show.mapping(data["card"]))
    for one in show.listed(data["results"]):
        word = "published" if one["changed"] else "stood there before"
        said = (word, "ok") if one["error_code"] is None else (show.text(one["error_code"]), "bad")
        yield line("in ", (show.label(one["space_name"]), "strong"), "  ", said)


# -- show, list -------------------------------------------------------------------------------


def one(call: Call) -> Answer:
    """Answer with the card of one member; of several spaces, with the one dated last."""
    text = call.args.text("agent") or "@me"
    with reads.open_reader(call.config) as reader:
        every = [(found_in(reader, one, text), one) for one in reader.chosen(call.space())]
        found = [(card, space, actor) for one, space in every for card, actor in one]
        newest = max(found, key=lambda one: (one[0].ts, one[1].id), default=None)
        me = reader.me.did
    said = None if newest is None else newest[0]
    is_mine = text in ("@me", ids.did_text(me)) or (said is not None and said.did == me)
    if said is None and not is_mine:
        raise NotFoundError("not_found", kind="card", next_command="envoy card list")
    data: Json = {
        "card": None if newest is None else shapes.card(newest[0], newest[2], newest[1]),
        "card_string": own_string(call, said) if is_mine else None,
        "untrusted_fields": shapes.UNTRUSTED,
    }
    return Answer(data, lambda: one_text(data))


def own_string(call: Call, said: cards.Shown | None) -> str:
    """Return the card string of this profile, which its own key signs."""
    with writes.open_profile(call.config) as profile:
        return cards.own_string(profile, said)


def one_text(data: Json) -> Iterator[Block]:
    """Yield a card; one's own with the string by which others are told of it."""
    if data["card"] is not None:
        yield from card_text(show.mapping(data["card"]))
    else:
        yield line("no card is published yet")
    if data["card_string"] is not None:
        yield line(show.text(data["card_string"]))


def found_in(reader: Reader, space: rows.Space, text: str) -> list[tuple[cards.Shown, Json | None]]:
    """Return the card of whom ``text`` means in one space, if there is one, and who signed it."""
    people = reader.people(space)
    try:
        row = people.find(text)
    except NotFoundError as error:
        if error.code != "not_found":
            raise
        return []
    card = hindsight.cards_of(reader.connection, space).of(row.did)
    return [] if card is None else [(card, people.actor(row.an))]


def all_of(call: Call) -> Answer:
    """Answer with the cards of everybody in a space, or in each."""
    with reads.open_reader(call.config) as reader:
        spaces = reader.chosen(call.space())
        named = spaces[0].id if call.space() is not None else b""
        scope, limit = scope_of(reader.me.did, "cards", named), call.args.count("limit")
        after = page(scope, limit, call.args.text("cursor"), shape=(int, int)).after
        every = (one for space in spaces for one in cards_after(reader, space, after))
        found = list(islice(every, limit + 1))
        keys = [key for key, _ in found[:limit]]
        data: Json = {
            "cards": [card for _, card in found[:limit]],
            "page": page_json(scope, keys[-1] if len(found) > limit else None),
            "freshness": reader.freshness(spaces),
            "untrusted_fields": shapes.UNTRUSTED,
        }
    return Answer(data, lambda: cards_text(show.listed(data["cards"])))


def cards_after(
    reader: Reader, space: rows.Space, after: Key | None
) -> Iterator[tuple[tuple[int, int], Json]]:
    """Yield the cards of a space behind a key, each with its own: space and member."""
    people, every = reader.people(space), hindsight.cards_of(reader.connection, space)
    for row in people.all():
        key = (row.sn, row.an)
        card = every.of(row.did) if after is None or key > after else None
        if card is not None:
            yield key, shapes.card(card, people.actor(row.an), space)


def card_text(card: Mapping[str, object]) -> Iterator[Block]:
    """Yield a card: who signed it, and what it says, none of which is checked by anybody."""
    yield line(
        *show.person(card["member"]),
        f"  {card['type']}  ",
        ("signature good", "ok"),
        "  ",
        (show.short(card["event_id"]), "dim"),
    )
    yield line(
        "  says: name ", show.quoted(card["name"]), "  version ", show.quoted(card["version"])
    )
    if card["service"] is not None:
        yield line("  says: service ", show.quoted(card["service"]))
    able = card["capabilities"]
    assert isinstance(able, list)
    if able:
        yield line("  says: can ", ", ".join([show.quoted(word) for word in able]))


def cards_text(found: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield cards as a table."""
    if not found:
        yield line("no cards")
        return
    yield table(("MEMBER", "KIND", "VERSION", "CAN"), map(card_row, found), soft=(0,))


def card_row(card: Mapping[str, object]) -> tuple[Spans, ...]:
    """Return a card as a row."""
    able = card["capabilities"]
    assert isinstance(able, list)
    return (
        show.person(card["member"]),
        [show.text(card["type"])],
        [show.quoted(card["version"])],
        [", ".join([show.quoted(word) for word in able])],
    )
