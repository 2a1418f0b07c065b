"""Actions of an identity on its spaces: to find them again, and to be called otherwise in all.

Whoever lost a profile and has the words has all keys, but no longer knows the spaces. The hub does
not know whose they are either: it holds boxes under tags that only the holder of an encryption key
can compute. So each space of the hub is asked for boxes to the keys this identity may have had
there, newest epoch first; a box gives the secret of its epoch, that one walks back through the
wraps, and the log opens. What has no box for us costs one question an epoch and leaves nothing.

Laws: nothing of a space is kept in which this identity never was a member. A copy that was found
again begins a new chain at its first write: the old one may go on elsewhere.

Specification: docs/spec/identity.md, Recovery; docs/spec/epoch.md, Boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from envoy import limits
from envoy.core.bodies import Card
from envoy.core.crypto import seal
from envoy.core.epoch import box_tag
from envoy.core.log import Entry
from envoy.core.structs import replace
from envoy.errors import EnvoyError
from envoy.lean import NamedTuple
from envoy.replica.actions.deliver import deliver
from envoy.replica.actions.local import exchange
from envoy.replica.actions.space import VERSION, blank, check_name
from envoy.replica.ports import call_hub
from envoy.replica.replica import Author, Profile, Replica
from envoy.replica.unlocking import unlock
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from envoy.views import rows

KEYS_TRIED: Final = limits.BOX_TAGS_MAX  # numbers 0 to 7 of each sort, as many as one call asks
VISIBLE: Final = ("ok", "ok*")


class Renamed(NamedTuple):
    """What became of a new name in one space: ``error`` is the code why it did not reach it."""

    space: bytes
    changed: bool
    error: str | None


# -- finding the spaces again ---------------------------------------------------------------------


class Found(NamedTuple):
    """What a search found: the rows of new spaces, and what could not be read, by code."""

    spaces: list[rows.Space]
    failed: list[tuple[bytes, str]]


def find_spaces(profile: Profile, hub: Mapping[bytes, Sequence[bytes]]) -> Found:
    """Take in the spaces of the hub that this identity is or was in.

    ``hub``: each space there with its epochs, newest first. Spaces that are here already are left
    alone, and one that cannot be read stops no other: who asks again looks for it again.
    """
    found, failed = list[rows.Space](), list[tuple[bytes, str]]()
    for space, epochs in sorted(hub.items()):
        if profile.rows.find_space(space) is not None:
            continue
        try:
            row = _find_space(profile, space, epochs)
        except (EnvoyError, HubRefusal) as error:
            failed.append((space, error.code))
        else:
            found += [] if row is None else [row]
    return Found(found, failed)


def _find_space(profile: Profile, space: bytes, epochs: Sequence[bytes]) -> rows.Space | None:
    """Return the row of a space of ours, read now; None for one of others."""
    seeds, boxed = _boxed(profile, space, epochs)
    return _attach(profile, space, seeds, boxed) if boxed else None


def _boxed(
    profile: Profile, space: bytes, epochs: Sequence[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """Return the seeds that the hub has boxes for, and the epochs they are of."""
    me, seeds, boxed = profile.identity, dict[bytes, None](), list[bytes]()
    for place in (space, None):  # the card key only where the key of the space has nothing
        tried = [me.enc_seed(no, place) for no in range(KEYS_TRIED)]
        kids = [seal.kid(seal.public_key(seed)) for seed in tried]
        for epoch in epochs:
            tags = tuple(box_tag(epoch, kid) for kid in kids)
            try:
                reply = call_hub(
                    profile.hub, frames.EpochGet(space, epoch, tags), frames.EpochFound
                )
            except HubRefusal:
                continue
            hits = [seed for seed, boxes in zip(tried, reply.boxes, strict=False) if boxes]
            seeds.update(dict.fromkeys(hits))
            boxed += [epoch] if hits else []
        if boxed:
            break
    return list(seeds), boxed


def _attach(
    profile: Profile, space: bytes, seeds: Sequence[bytes], boxed: Sequence[bytes]
) -> rows.Space | None:
    """Read a space that has boxes for us; None, and nothing kept, if we never were in it."""
    with profile.events.transaction(durable=True):
        sn = profile.rows.next_space()
        profile.rows.save(blank(sn, space, b""))
    replica = Replica(profile, sn, seeds=seeds)
    kept = False
    try:
        unlock(replica, boxed)
        exchange(replica)
        while unlock(replica):  # of many epochs each call asks for some
            exchange(replica)
        row = replica.space
        mine = profile.rows.members(sn).get(replica.me)
        kept = bool(row.founder) and mine is not None
    finally:
        if not kept:
            with profile.events.transaction(durable=True):
                profile.rows.drop_space(sn)
    if mine is None or not kept:
        return None
    if row.role is None:
        with profile.events.transaction(durable=True):
            profile.rows.save(profile.rows.space(sn)._replace(join_state="removed"))
    return replica.space


def labels(profile: Profile) -> tuple[str | None, str | None, int]:
    """Return name, type and newest number of an encryption key, as the spaces know this identity.

    None where no space does.
    """
    known = [
        row
        for space in profile.rows.spaces()
        for row in [profile.rows.members(space.sn).get(profile.identity.did)]
        if row is not None
    ]
    named = [row for row in known if row.name]
    if not named:
        return None, None, 0
    last = max(named, key=lambda row: row.joined_ms or 0)
    return last.name, last.type, max(0, *(row.enc_no or 0 for row in known))


# -- names ----------------------------------------------------------------------------------------


def rename(profile: Profile, name: str) -> list[Renamed]:
    """Write a card with another ``name`` into each space this identity is in.

    What else the last card says stays. A space that takes none now is told of by its code and stops
    no other. Raises UsageError(invalid_argument).
    """
    check_name(name)
    return [_renamed(profile, row, name) for row in profile.rows.spaces() if row.role is not None]


def _renamed(profile: Profile, row: rows.Space, name: str) -> Renamed:
    """Write a card into one space, unless the last one says the same."""
    replica = Replica(profile, row.sn)

    def work(author: Author) -> list[Entry]:
        before = _card(author)
        after = Card(name, profile.type, VERSION, None, ()) if before is None else before
        after = replace(after, name=name)
        return [] if after == before else [author.say(after)]

    try:
        written = replica.compose(work)
    except EnvoyError as error:
        return Renamed(row.id, changed=False, error=error.code)
    deliver(replica)
    return Renamed(row.id, changed=bool(written.entries), error=None)


def _card(author: Author) -> Card | None:
    """Return the card that counts for me, None if there is none."""
    batch = author.batch
    cards = _counting(batch.events.entity(batch.sn, author.me))
    body = batch.keys.body(cards[-1]) if cards else None
    return body if isinstance(body, Card) else None


def _counting(entries: Iterable[Entry]) -> list[Entry]:
    """Return the cards that count, the last one last."""
    found = [one for one in entries if one.kind == "card" and one.status in VISIBLE]
    return sorted(found, key=lambda one: (one.lam, one.id))
