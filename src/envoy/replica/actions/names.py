"""Names: what a person or a program types for a member, a task or an event, as its id.

Every face asks here, so an id may be shortened everywhere alike, and a short one that fits two
things is an error everywhere alike. Nothing is guessed. An id that is whole is passed on unasked:
the action looks it up anyway. Invites, which have codes too: ``members.find_invite``.

Specification: docs/spec/ids.md.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from envoy import ids, limits
from envoy.core.bodies import RELATIONS
from envoy.errors import ConflictError, NotFoundError, UsageError
from envoy.replica.actions.deliver import look
from envoy.replica.replica import Call, Profile, Replica
from envoy.state.lines import ATTACH
from envoy.views import rows, space
from envoy.views.people import People

Reference = tuple[str | None, bytes]  # a relation, or None, and an event
# What faces hold and pass back to actions, without looking inside.
Opened = Profile
Copy = Replica
Retry = Call


def typed_text(value: str, argument: str, *, bytes_max: int = limits.TEXT_BYTES_MAX) -> str:
    """Return ``value`` composed (NFC), as ``argument`` gave it: what is signed never changes.

    Raises UsageError: invalid_argument for bytes that are no UTF-8 and for U+0000,
    message_too_large.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:  # bytes of argv that were no UTF-8
        raise UsageError("invalid_argument", argument=argument, cause="utf8") from error
    composed = unicodedata.normalize("NFC", value)
    if "\0" in composed:
        raise UsageError("invalid_argument", argument=argument, cause="nul")
    size = len(composed.encode())
    if size > bytes_max:
        raise UsageError("message_too_large", argument=argument, bytes=size, bytes_max=bytes_max)
    return composed


def typed_line(value: str, argument: str, *, bytes_max: int) -> str:
    """Return ``value``, a name or a title: composed, in one line, not blank."""
    composed = typed_text(value, argument, bytes_max=limits.TYPED_BYTES_MAX)
    if len(composed.encode()) > bytes_max:
        raise UsageError("invalid_argument", argument=argument, cause="length", bytes_max=bytes_max)
    if not composed.strip() or "\n" in composed:
        raise UsageError("invalid_argument", argument=argument, cause="one_line")
    return composed


def people(replica: Replica) -> People:
    """Return everybody of the space as this copy knows them."""
    known = replica.profile.rows.members(replica.sn).values()
    return People(known, me=replica.me, find_did=replica.profile.events.did)


def member(replica: Replica, text: str) -> bytes:
    """Return the did of the current member that ``text`` means: did, prefix, @name or @me.

    The hub is asked for news before, since another may have come by that name. Raises
    NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    look(replica)
    found = people(replica).find(text)
    if found.role is None:
        raise NotFoundError("not_found", kind="member", next_command="envoy space members")
    return found.did


def anywhere(profile: Profile, text: str) -> bytes:
    """Return the did that ``text`` means in the spaces of ``profile``, the same in each.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    found = dict[bytes, None]()
    for one in profile.rows.spaces():
        replica = Replica(profile, one.sn)
        look(replica)
        try:
            found[people(replica).find(text).did] = None
        except NotFoundError as error:
            if error.code != "not_found":
                raise
    if len(found) == 1:
        return next(iter(found))
    if found:
        matching = [ids.did_text(did) for did in found]
        raise NotFoundError("id_ambiguous", kind="member", matching_ids=matching)
    raise NotFoundError("not_found", kind="member", next_command="envoy roster")


def task(profile: Profile, within: str | None, text: str) -> tuple[Replica, bytes]:
    """Return the task that ``text`` means and its space; ``within`` None: in any space.

    What is not known here is asked of the hub once. Raises NotFoundError (task_not_found,
    id_ambiguous, space_not_found, space_name_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, *ids.EVENT_PREFIXES)
    every = profile.rows.spaces()
    chosen = [space.choose(every, within)] if within is not None or len(every) < 2 else every
    found = _tasks(profile, chosen, low, high)
    if not found:
        for one in chosen:
            look(Replica(profile, one.sn))
        found = _tasks(profile, chosen, low, high)
    wanted = ids.choose(text, [ident for _, ident in found], "task")
    place = next(one for one, ident in found if ident == wanted)
    return Replica(profile, place.sn), wanted


def expecting(replica: Replica, version: str | None) -> Replica:
    """Return the copy for a caller that acts upon this version of a task; None: upon any."""
    return Replica(replica.profile, replica.sn, seeds=replica.seeds, expects=version)


def _tasks(
    profile: Profile, spaces: Sequence[rows.Space], low: bytes, high: bytes
) -> list[tuple[rows.Space, bytes]]:
    """Return the tasks of ``spaces`` between two ids."""
    store = profile.rows
    return [(one, ident) for one in spaces for ident in store.task_ids(one.sn, low, high)]


def event(replica: Replica, text: str) -> bytes:
    """Return the id of the event that ``text``, in full or shortened, means.

    Raises NotFoundError (not_found, id_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, *ids.EVENT_PREFIXES)
    if low == high:
        return low
    found = replica.profile.events.event_ids(replica.sn, low, high)
    if not found:
        look(replica)
        found = replica.profile.events.event_ids(replica.sn, low, high)
    return ids.choose(text, found, "evt")


def events(replica: Replica, texts: Sequence[str]) -> tuple[bytes, ...]:
    """Return the ids of the events that ``texts`` mean, each once, in their order.

    Raises as ``event`` does, and ConflictError(limit_exceeded) for more than one act may name.
    """
    found = tuple(dict.fromkeys([event(replica, text) for text in texts]))
    _check_count(found)
    return found


def references(
    replica: Replica, plain: Sequence[str], typed: Sequence[str], *, attach: Sequence[str] = ()
) -> tuple[Reference, ...]:
    """Return references to the events ``plain`` and, as ``REL:ID``, ``typed``, each once.

    ``attach`` are objects or references to them; they come with the relation ``attach``. Raises as
    ``events`` does, and UsageError(invalid_argument) for a relation outside the list.
    """
    found: list[Reference] = [(None, event(replica, text)) for text in plain]
    for text in typed:
        relation, colon, ident = text.partition(":")
        if not colon or relation not in RELATIONS:
            raise UsageError(
                "invalid_argument", argument="--ref", cause="relation", allowed=list(RELATIONS)
            )
        found.append((relation, event(replica, ident)))
    found += [(ATTACH, shared(replica, text)) for text in attach]
    once = tuple(dict.fromkeys(found))
    _check_count(once)
    return once


def shared(replica: Replica, text: str) -> bytes:
    """Return the reference to an object that ``text`` means: its id, its object's, or a prefix.

    Of several references to one object the first that stands. Raises NotFoundError (not_found,
    id_ambiguous), UsageError(invalid_argument).
    """
    low, high = ids.span(text, "obj", *ids.EVENT_PREFIXES)
    by_object, store = text.lower().startswith("obj_"), replica.profile.rows
    found = store.object_ids(replica.sn, low, high, by_object=by_object)
    if not found:
        look(replica)
        found = store.object_ids(replica.sn, low, high, by_object=by_object)
    return ids.choose(text, found, "evt")


def _check_count(found: Sequence[object]) -> None:
    """Refuse more references than one act may hold."""
    if len(found) > limits.REFS_MAX:
        raise ConflictError("limit_exceeded", references=len(found), max=limits.REFS_MAX)
