"""Sync text: what an exchange moved, as an object and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from envoy import ids
from envoy.cli import show
from envoy.cli.render import Block, line
from envoy.errors import error
from envoy.replica.actions import far
from envoy.views import rows
from envoy.views.space import space_id

Json = dict[str, object]

OMITTED = 100  # events that are named; the rest is counted
AGAIN = "envoy sync"
SYNCED, PARTIAL, FAILED = "synced", "partial", "failed"
SLOWER = "rate_limited"  # what the next sync goes on from
EXIT_HALF = 7


def moved(chosen: Sequence[rows.Space], done: rows.Synced, reached: Sequence[far.Reached]) -> Json:
    """Return what an exchange of ``chosen`` spaces moved, and what each relay did."""
    data: Json = {
        "pushed": done.pushed,
        "pulled": done.pulled,
        "pending": done.pending,
        "quarantined": done.quarantined,
        "spaces": [space_id(one) for one in chosen],
        "relays": [relay_json(one) for one in reached],
    }
    if any(state(one) == PARTIAL for one in reached):
        data["next_commands"] = [AGAIN]
    if done.bad_posters:
        data["warnings"] = [bad_boxes(done.bad_posters)]
    return data


def worst(reached: Sequence[far.Reached]) -> int:
    """Return the highest exit status of what relays did not do, 0 if they did all."""
    return max([0, *(exit_of(one) for one in reached)])


def exit_of(one: far.Reached) -> int:
    """Return the exit status of what one relay did not do."""
    if one.code:
        return error(one.code).exit
    return 0 if state(one) == SYNCED else EXIT_HALF


def state(one: far.Reached) -> str:
    """Return how far a relay got: what goes on with the next sync is no failure."""
    if one.code and one.code != SLOWER:
        return FAILED
    return SYNCED if one.whole and not one.code else PARTIAL


def relay_json(one: far.Reached) -> Json:
    """Return what the relay of one space did."""
    return {
        "space_id": ids.to_text("space", one.space),
        "url": one.origin,
        "state": state(one),
        "error_code": one.code or None,
        "pushed": one.pushed,
        "pulled": one.pulled,
        "pending": one.pending,
        "omitted": [ids.to_text("evt", event) for event in (*one.lacked, *one.withheld)[:OMITTED]],
        "omitted_count": len(one.lacked) + len(one.withheld),
    }


def bad_boxes(posters: Sequence[str]) -> Json:
    """Return the alarm that boxes did not hold the secret of an epoch that stays closed."""
    return {
        "code": "epoch_box_bad",
        "message": "a box for this profile does not hold the key of its epoch; members are asked"
        f" for another (boxes by {', '.join(one[:8] for one in posters)})",
    }


def text(data: Json) -> Iterator[Block]:
    """Yield what moved."""
    yield line(f"{data['pushed']} sent, {data['pulled']} received, {data['pending']} waiting")
    if "bundle" in data:
        bundle = show.mapping(data["bundle"])
        yield line(("bundle ", "dim"), show.text(bundle["file"]), f"  {bundle['frames']} frames")
    for relay in show.listed(data["relays"]):
        yield from relay_text(relay)
    if data["quarantined"]:
        yield line((f"{data['quarantined']} refused at the door", "warn"))


def relay_text(one: Mapping[str, object]) -> Iterator[Block]:
    """Yield what the relay of one space did."""
    went = f"  {one['pushed']} up, {one['pulled']} down"
    if one["state"] == FAILED:
        moved = went if one["pushed"] or one["pulled"] else ""
        yield line((f"{one['error_code']} ", "bad"), show.text(one["url"]), moved)
        return
    yield line(("relay ", "dim"), show.text(one["url"]), went)
    if one["state"] == PARTIAL:
        why = "the relay asks for a slower pace" if one["error_code"] else "the time was over"
        yield line((f"      {why}; {one['pending']} waiting; ", "warn"), f"next: {AGAIN}")
    if one["omitted_count"]:
        yield line((f"{one['omitted_count']} omitted by the relay", "warn"))
        omitted = one["omitted"]
        assert isinstance(omitted, list)
        yield from (line(f"  {event}") for event in omitted)
