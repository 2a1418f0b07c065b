"""Epochs: under which epoch a writer may write, and when somebody has to make a new one.

Whoever holds the key of an epoch reads what is written under it, so after a member, an invite or a
delegation ended nothing more may be written under an epoch that its holder knows (THREATS K4, K12).
No server enforces that: each writer computes from the log which epochs are adequate, and everybody
computes the same. An inadequate epoch never makes an event invalid; it is a flag.

Laws: pure, no keys, no clock (``latest`` is the caller's now + limits.CITABLE_AHEAD_MS). Whether an
epoch is sound (E4) hangs on its ancestry only and is fixed for ever; whether it is adequate (E1)
depends on the view.

Specification: docs/spec/authority.md, Epochs. Test vectors: tests/vectors/authority.json.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from envoy import limits
from envoy.core import bodies
from envoy.core.capability import GRANT, OTHERS, WRITE, AuthEvent, ContentEvent, Grant
from envoy.core.structs import Body, State
from envoy.state.authority import UNDONE, Judgement, Kill, Status, place
from envoy.state.authority_content import beside, content_verdict
from envoy.state.authority_views import Views

_KEYS_MS_MIN: Final = limits.KEYS_SECONDS_MIN * 1000


class Duty(StrEnum):
    """What comes before the next write."""

    WRITE = "write"  # under the epoch that is named
    ROTATE = "rotate"  # create an epoch first
    REPEAT = "repeat"  # issue the named acts again (``repeated``), under an own clock
    REFUSE = "refuse"  # `clock_ahead`: somebody with cap grant must come first


class Plan(State, frozen=True):
    """A duty with what it needs: the ``epoch`` to write under, the ``acts`` that stand in the way.

    ``flagged``: an act is known that cannot be cited yet and that no epoch can cover.
    """

    duty: Duty
    epoch: AuthEvent | None = None
    acts: tuple[AuthEvent, ...] = ()
    flagged: bool = False


# -- E1: read-ending acts --------------------------------------------------------------------


def read_ending(judgement: Judgement) -> int:
    """Return the bitset of the ok acts that ended somebody's reading, as far as is known.

    Every ok ``remove``; what ended a role grant, an open invite or a delegation that alone let its
    subject read; what made one of these void, since who did not know it may have let the subject
    in. Without effect, no act counts: else a reader could force rotations by revoking
    what stands above it. Source: docs/spec/authority.md, E1.
    """
    found = 0
    for event in judgement.ledger.by_kind.get("remove", ()):
        if judgement.is_ok(event.id):
            found |= 1 << event.index
    for key, kills in judgement.kills.items():
        grant = judgement.ledger.grants[key]
        for kill in kills if grant.reads else ():
            if _ends_reading(kill, grant, kills, judgement):
                found |= 1 << kill.event.index
    for grant in judgement.ledger.grants.values():
        verdict = judgement.verdicts.get(grant.act.id)
        if grant.reads and verdict is not None and verdict.status is Status.VOID:
            for kill in beside(grant, judgement):  # who did not know them has let somebody in
                found |= 1 << kill.event.index
    return found


def _ends_reading(kill: Kill, grant: Grant, kills: tuple[Kill, ...], judgement: Judgement) -> bool:
    """Say whether ``kill``, of all the ``kills`` of a reading ``grant``, ended a reading by it."""
    kind = kill.event.kind
    if kind == "leave":
        # A removal beside it covers it, and so stops a flood of leaves.
        aims = grant.subject == kill.event.author
        return aims and all(one.event.kind == "leave" for one in kills)
    if grant.is_role:
        return kind != "role"  # its subject goes on by the new role
    return grant.subject is None or judgement.role_of(grant.subject) is None


# -- E4: sound epochs ------------------------------------------------------------------------


def recipients(judgement: Judgement) -> list[bytes]:
    """Return, ascending, the ids that an epoch is sealed to: readers and open invites."""
    return sorted([*judgement.readers(), *judgement.open_invites()])


def is_sound(create: AuthEvent, views: Views) -> bool:
    """Say whether an epoch is for the readers of its ancestry and, from a writer, had a cause.

    The answer never changes and is kept in ``views``. Epochs of the ancestry come first, so that a
    long line of epochs is no deep recursion.
    """
    for event in [*_creates(views, create.seen), create]:
        if event.id not in views.sound:
            views.sound[event.id] = _is_sound(event, views)
    return views.sound[create.id]


def _is_sound(create: AuthEvent, views: Views) -> bool:
    """Decide E4 for ``create``; the epochs in its ancestry are decided."""
    if not isinstance(create.body, bodies.EpochCreate):
        return True  # the genesis: for the founder alone
    if create.fault is not None:
        return False
    view = views.of(create)
    if [one.id for one in create.body.rcpt] != recipients(view):
        return False
    if views.ledger.rank(create)[0] < OTHERS:
        return True
    known = _first_creates(view, views, create.seen)
    ending = read_ending(view)
    adequate = [one for one in known if _fits(one, view, ending, views)]
    return not adequate or _has_new_keys(create, adequate, view, views)


def _has_new_keys(
    create: AuthEvent, adequate: list[AuthEvent], view: Judgement, views: Views
) -> bool:
    """Say whether its creator has new keys, the first in a day, that no adequate epoch knows."""
    last: ContentEvent | None = None
    for keys in views.facts.keys_of(create):
        is_due = last is None or keys.ts - last.ts >= _KEYS_MS_MIN
        last = keys
        if content_verdict(keys, view, views.facts).status is not Status.OK or not is_due:
            continue
        if not any(views.facts.saw(one, keys) for one in adequate):
            return True
    return False


def _creates(views: Views, seen: int) -> list[AuthEvent]:
    """Return the events in ``seen`` that create epochs, genesis included, oldest first."""
    by_kind = views.ledger.by_kind
    every = [*by_kind["genesis"], *by_kind.get("epoch.create", ())]
    return sorted((one for one in every if seen >> one.index & 1), key=place)


def _first_creates(judgement: Judgement, views: Views, seen: int) -> list[AuthEvent]:
    """Return for each epoch in ``seen`` the event that creates it: the first ok one."""
    first: dict[bytes, AuthEvent] = {}
    for event in _creates(views, seen):
        if judgement.is_ok(event.id):
            first.setdefault(event.epoch, event)
    return list(first.values())


# -- E1, E2: adequate epochs -----------------------------------------------------------------


def is_adequate(create: AuthEvent, judgement: Judgement, views: Views) -> bool:
    """Say whether the epoch of ``create`` may be written under in the view of ``judgement``.

    Its first create event, which is ``create``, is ok, its creator may write, it saw every
    read-ending act, and it is sound.
    Source: docs/spec/authority.md, E1.
    """
    return (
        create in _first_creates(judgement, views, -1)
        and _is_candidate(create, judgement, read_ending(judgement))
        and is_sound(create, views)
    )


def current(judgement: Judgement, views: Views, *, excused: int = 0) -> AuthEvent | None:
    """Return the create event of the epoch to write under, None if none is adequate.

    Of several adequate ones the greatest (lam, epoch id); an epoch with several create events has
    the least (lam, id) of its ok ones. ``excused`` is a bitset of acts that need not be covered.
    Source: docs/spec/authority.md, E2.
    """
    first = _first_creates(judgement, views, -1)
    ending = read_ending(judgement) & ~excused
    for event in sorted(first, key=lambda one: (one.lam, one.epoch), reverse=True):
        if _is_candidate(event, judgement, ending) and is_sound(event, views):
            return event
    return None


def _is_candidate(create: AuthEvent, judgement: Judgement, ending: int) -> bool:
    """Say whether an epoch meets E1 but for its soundness, which costs a pass to know."""
    return (
        judgement.is_ok(create.id)
        and not ending & ~create.seen
        and judgement.acting(create.author, WRITE) is not None
    )


def _fits(create: AuthEvent, view: Judgement, ending: int, views: Views) -> bool:
    """Say whether an epoch of the ancestry ``view``, whose soundness is known, is adequate."""
    return views.sound[create.id] and _is_candidate(create, view, ending)


# -- E1, E3, E8: what is to be done ----------------------------------------------------------


def plan(judgement: Judgement, views: Views, *, author: bytes, latest: int) -> Plan:
    """Return what ``author`` does before the next write; ``latest`` is the last ``ts`` to cite.

    A rotation that somebody was killed before making is made by the next writer, since no epoch is
    adequate. Acts dated ahead cannot be cited: who may issues them again, others refuse to write
    beside a ``remove`` and write flagged beside the rest. Source: docs/spec/authority.md, E1, E3.
    """
    ending = read_ending(judgement)
    found = current(judgement, views)
    if found is not None:
        return Plan(Duty.WRITE, found)
    ahead = _ahead(judgement, ending, latest)
    open_ = uncovered(judgement, latest=latest)
    if to_repeat(judgement, open_, author=author, latest=latest):
        return Plan(Duty.REPEAT, acts=open_)
    if any(one.kind == "remove" for one in open_):
        return Plan(Duty.REFUSE, acts=open_)
    excused = 0
    for event in ahead:
        excused |= 1 << event.index
    found = current(judgement, views, excused=excused)
    duty = Duty.ROTATE if found is None else Duty.WRITE
    return Plan(duty, found, open_, flagged=bool(open_))


def uncovered(judgement: Judgement, *, latest: int) -> tuple[AuthEvent, ...]:
    """Return the read-ending acts dated after ``latest`` that nothing repeats by then.

    An epoch that is created now leaves nobody out whom only they put out. Source:
    docs/spec/authority.md, E3.
    """
    ahead = _ahead(judgement, read_ending(judgement), latest)
    return tuple(one for one in ahead if not _is_repeated(one, judgement, latest))


def _ahead(judgement: Judgement, ending: int, latest: int) -> list[AuthEvent]:
    """Return those of the read-ending acts that are dated after ``latest``."""
    events = judgement.ledger.events
    return [one for one in events if ending >> one.index & 1 and one.ts > latest]


def to_repeat(
    judgement: Judgement, acts: tuple[AuthEvent, ...], *, author: bytes, latest: int
) -> list[Body]:
    """Return what ``author`` says in the place of ``acts`` dated ahead; nothing if it may not.

    What it said before in vain is not said again: its target stands above it.
    """
    if judgement.acting(author, GRANT, latest=latest) is None:
        return []
    mine = [one for one in judgement.ledger.by_kind.get("revoke", ()) if one.author == author]
    said = [one.body for one in mine if one.ts <= latest]
    found = [body for act in acts for body in repeated(act, judgement, latest=latest)]
    return [one for one in dict.fromkeys(found) if one not in said]


def repeated(act: AuthEvent, judgement: Judgement, *, latest: int) -> list[Body]:
    """Return what ends again, and no more, what a read-ending ``act`` dated ahead ended.

    Who says it may stand above its author: a removal is said again only where nothing of its
    subject stands, and undoes only what was undone; else the grants are ended one by one.
    """
    gone = act.body.subject if isinstance(act.body, bodies.Remove) else act.author
    one_by_one = [
        bodies.Revoke(key, "")
        for key, kills in _ended(act, judgement).items()
        if all(kill.event.ts > latest for kill in kills)
    ]
    if act.kind in ("remove", "leave") and all(one.subject != gone for one in judgement.live):
        reason = act.body.reason if isinstance(act.body, bodies.Remove) else ""
        grants = judgement.ledger.grants
        others = [one for one in one_by_one if grants[one.target].subject != gone]
        return [bodies.Remove(gone, reason, _undone(act, judgement)), *others]
    return [*one_by_one]


def _undone(act: AuthEvent, judgement: Judgement) -> tuple[bytes, ...]:
    """Return, as it names them, the acts that a removal undid, or that others like it did."""
    if not isinstance(act.body, bodies.Remove):
        return ()
    known = ((one, judgement.verdicts.get(one)) for one in act.body.undo)  # it may name anything
    undone = [one for one, verdict in known if verdict and verdict.cause == UNDONE]
    acts = judgement.ledger.by_id
    return tuple(one for one in undone if acts[one].author == act.body.subject)


def _ended(act: AuthEvent, judgement: Judgement) -> dict[bytes, tuple[Kill, ...]]:
    """Return the grants whose reading ``act`` ended, with all that ends each."""
    grants, found = judgement.ledger.grants, dict[bytes, tuple[Kill, ...]]()
    for key, kills in judgement.kills.items():
        for kill in kills if grants[key].reads else ():
            if kill.event.id == act.id and _ends_reading(kill, grants[key], kills, judgement):
                found[key] = kills
    undone = _undone(act, judgement)
    for key, grant in grants.items():
        verdict = judgement.verdicts.get(grant.act.id)
        if not grant.reads or verdict is None or verdict.status is not Status.VOID:
            continue
        if grant.act.id in undone or any(
            kill.event.id == act.id for kill in beside(grant, judgement)
        ):
            found.setdefault(key, judgement.kills.get(key, ()))
    return found


def _is_repeated(act: AuthEvent, judgement: Judgement, latest: int) -> bool:
    """Say whether all that ``act`` ends is ended by acts that can be cited, too."""
    ended = _ended(act, judgement).values()
    return all(any(kill.event.ts <= latest for kill in kills) for kills in ended)


# -- E7: whom a box may be given --------------------------------------------------------------


def created(judgement: Judgement, epoch: bytes) -> AuthEvent | None:
    """Return the event that creates ``epoch``: its ok one of least (lam, id), else its least.

    None where no faultless one was accepted.
    """
    by_kind = judgement.ledger.by_kind
    every = [*by_kind["genesis"], *by_kind.get("epoch.create", ())]  # faultless, as they are filed
    found = sorted((one for one in every if one.epoch == epoch), key=place)
    return next((one for one in found if judgement.is_ok(one.id)), found[0] if found else None)


def may_read(judgement: Judgement, create: AuthEvent, did: bytes, views: Views) -> bool:
    """Say whether ``did`` may be given a box of the epoch of ``create``.

    It is a live reader, and the epoch was for it, or should have been, or it came by a grant that
    the epoch did not know. Whoever was left out where it read gets no more than an epoch that
    nobody writes under; whom an epoch was made against stays out.
    Source: docs/spec/epoch.md, E7 (THREATS K11, K15).
    """
    reading = [one for one in judgement.live if one.reads and one.subject == did]
    meant = judgement.ledger.founder == did  # the genesis makes an epoch for its author alone
    if isinstance(create.body, bodies.EpochCreate):
        meant = any(one.id == did for one in create.body.rcpt)
    if not reading or meant or any(not one.is_in(create.seen) for one in reading):
        return bool(reading)
    return did in views.of(create).readers()


def to_revoke(judgement: Judgement, *, before: int = 0) -> list[bytes]:
    """Return, ascending, the live invites that an admin's client revokes.

    Used-up and over-used ones, those with an end earlier than ``before``, whose codes open epochs
    as long as they live, and open ones made before a ``remove``: who was removed may hold their
    codes (THREATS K12), and the remover may have been killed before revoking them.
    """
    removes = 0
    for event in judgement.ledger.by_kind.get("remove", ()):
        if judgement.is_ok(event.id):
            removes |= 1 << event.index
    found = list[bytes]()
    for grant in judgement.live:
        if grant.kind == "invite":
            older = grant.ipk is not None and removes & ~grant.act.seen
            over = grant.na is not None and grant.na < before
            if older or over or judgement.uses[grant.key] >= grant.uses_max:
                found.append(grant.key)
    return sorted(found)
