"""Content: the verdict on one content event, from what a pass found about the grant it cites.

Content is what people did, so nothing of it is lost to a crossing act: what is concurrent with the
end of its grant is ``held``, readable with its cause, until an admin admits it. Verdicts follow
grants, never deps: who answered a held message is not infected by it.

Laws: a verdict is a pure function of the judgement and of which revocations saw the event; both
only change when an AUTH event arrives, and ``changed`` says for which content.

Specification: docs/spec/authority.md. Test vectors: tests/vectors/authority.json.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.core import bodies
from envoy.core.capability import ROLE_CAPS, ContentEvent, Grant, cap_of
from envoy.core.structs import State, replace
from envoy.state.authority import (
    ADMITTED,
    AFTER,
    BESIDE,
    CLOSED,
    OK,
    UNDER_LOST,
    UNDONE,
    Judgement,
    Kill,
    Sight,
    Status,
    Verdict,
)
from envoy.state.authority_pass import undoing

# None as the holders of an event: no admit that names a revocation releases it.
Holders = frozenset[bytes] | None


class Changed(State, frozen=True):
    """What must be judged again after an AUTH event: content under ``grants``; with ``closes`` all
    content; with ``admits`` all that is ``held`` or ``ok*``.
    """

    grants: frozenset[bytes]
    closes: bool
    admits: bool


def content_verdict(event: ContentEvent, judgement: Judgement, sight: Sight) -> Verdict:
    """Return the verdict on ``event``. Source: docs/spec/authority.md, Content."""
    if event.fault is not None:
        return Verdict(Status.INVALID, event.fault)
    grant = judgement.ledger.grants[event.auth]
    kills = judgement.kills.get(grant.key, ())
    verdict, holders = OK, frozenset[bytes]()
    if kills:
        verdict, holders = _crossed(event, kills, judgement, sight)
    is_lost = not judgement.is_ok(grant.act.id)
    if is_lost and verdict.status is not Status.INVALID:
        verdict = Verdict(Status.HELD, UNDER_LOST, grant.act.id)
    if judgement.closes and event.kind != "merge":
        verdict = _closed(event, verdict, judgement, sight)
    if verdict.status is not Status.HELD or not judgement.admits:
        return verdict
    above = holders_of(grant, judgement)
    named = None if above is None else holders | above
    return _admitted(event, verdict, named, judgement, sight=sight)


def is_settled(auth: bytes, judgement: Judgement) -> bool:
    """Say whether all content under a grant without a fault is ok, whatever saw it.

    The ordinary history: the grant counts, nothing ends it, and the space is not closed.
    """
    grant = judgement.ledger.grants[auth]
    ends = judgement.kills.get(grant.key) or judgement.closes
    return not ends and judgement.is_ok(grant.act.id)


def _crossed(
    event: ContentEvent, kills: Iterable[Kill], judgement: Judgement, sight: Sight
) -> tuple[Verdict, frozenset[bytes]]:
    """R3: return the verdict under a grant that ``kills`` end, and who holds the event."""
    for kill in kills:
        if event.seen >> kill.event.index & 1:
            return Verdict(Status.INVALID, AFTER, kill.event.id), frozenset()
    found = list[Kill]()
    for kill in kills:
        found.extend(_touching(event, kill, judgement, sight))
    if not found:
        return OK, frozenset()
    first = min(found, key=lambda kill: (kill.event.lam, kill.event.id)).event.id
    return Verdict(Status.HELD, BESIDE, first), frozenset(kill.event.id for kill in found)


def _touching(event: ContentEvent, kill: Kill, judgement: Judgement, sight: Sight) -> list[Kill]:
    """Return the acts that hold ``event``, concurrent with or seen by ``kill``; none: it stands.

    Usually ``kill`` itself. A ``role`` that leaves its subject what the event needed holds nothing:
    the event is judged as if done under that role. A role ends only greater ones, so this descends
    at most as often as there are roles.
    """
    act = kill.event
    if kill.weak or (act.kind == "leave" and act.author == event.author):
        return []
    if sight.saw(act, event):
        return []
    if not isinstance(act.body, bodies.Role) or not ROLE_CAPS[act.body.role] & cap_of(event.kind):
        return [kill]
    found = list[Kill]()
    for next_ in judgement.kills.get(act.id, ()):
        # Seen by the event or not, it can do no worse than the role itself would: hold it.
        found.extend(_touching(event, next_, judgement, sight))
    return found


def _closed(event: ContentEvent, verdict: Verdict, judgement: Judgement, sight: Sight) -> Verdict:
    """R7: nothing is said in a space after its end; what was said beside it is shown as that."""
    for close in judgement.closes:
        if event.seen >> close.index & 1:
            return Verdict(Status.INVALID, CLOSED, close.id)
    if all(sight.saw(close, event) for close in judgement.closes):
        return verdict
    return replace(verdict, beside_close=True)


def _admitted(
    event: ContentEvent, verdict: Verdict, holders: Holders, judgement: Judgement, *, sight: Sight
) -> Verdict:
    """R5: the first admit that saw the event and names it, or all that hold it, lets it count."""
    named = {event.id, *(holders or ())}
    candidates = {one.id: one for key in named for one in judgement.admits.get(key, ())}
    for admit in sorted(candidates.values(), key=lambda one: (one.lam, one.id)):
        assert isinstance(admit.body, bodies.Admit), "the kind says so"
        ids = admit.body.ids
        if (event.id in ids or (holders and holders.issubset(ids))) and sight.saw(admit, event):
            where = (admit.lam, admit.id)
            counts = Verdict(Status.ADMITTED, ADMITTED, admit.id, admitted=where)
            return replace(counts, beside_close=verdict.beside_close)
    return verdict


def holders_of(grant: Grant, judgement: Judgement) -> Holders:
    """Return the revocations by which alone ``grant`` is lost, none if it is ok; None: by others.

    They are those concurrent with its making or undoing it; through the lost grants above it, too.
    A grant made after its maker saw the revocation, or over a count, is released one act at a time.
    """
    ledger, found = judgement.ledger, set[bytes]()
    while not judgement.is_ok(grant.act.id):
        assert grant.parent is not None, "the genesis is never lost"
        act, parent = grant.act, ledger.grants[grant.parent]
        if judgement.verdicts[act.id].cause not in (UNDER_LOST, BESIDE, UNDONE):
            return None
        found |= {kill.event.id for kill in beside(grant, judgement)}
        undone = [one.id for one in undoing(ledger, act, parent) if judgement.is_ok(one.id)]
        found.update(undone)
        grant = parent
    return frozenset(found)


def beside(grant: Grant, judgement: Judgement) -> list[Kill]:
    """Return the acts that, concurrent with the making of ``grant``, make that void by R3.

    To be asked of a grant whose event is not `invalid`.
    """
    kills = judgement.kills.get(grant.parent or b"", ())
    act = grant.act
    return [kill for kill in kills if not kill.weak and not kill.event.seen >> act.index & 1]


def changed(before: Judgement, after: Judgement) -> Changed:
    """Return what content must be judged again when ``after`` takes the place of ``before``.

    Both stand on one ledger. What is not named keeps its verdict. Source:
    docs/spec/authority.md, Late events.
    """
    grants = {
        key
        for key in before.kills.keys() | after.kills.keys()
        if before.kills.get(key) != after.kills.get(key)
    }
    for key, grant in after.ledger.grants.items():
        was, now = before.verdicts.get(grant.act.id, OK), after.verdicts[grant.act.id]
        if was is not now and (was != now or _holders_differ(grant, before, after)):
            grants.add(key)
    grants |= _through_roles(grants, after)
    return Changed(
        grants=frozenset(grants),
        closes=[one.id for one in before.closes] != [one.id for one in after.closes],
        admits=before.admits != after.admits,
    )


def _holders_differ(grant: Grant, before: Judgement, after: Judgement) -> bool:
    """Say whether a lost grant is lost to other acts than before."""
    return holders_of(grant, before) != holders_of(grant, after)


def _through_roles(grants: Iterable[bytes], after: Judgement) -> set[bytes]:
    """Return the grants ended by a role among ``grants``: their content is judged by its kills."""
    found = set[bytes]()
    new = set(grants)
    while new:  # a role ends greater ones only, so this goes as deep as there are roles
        ended = after.kills.items()
        new = {key for key, kills in ended if any(kill.event.id in new for kill in kills)}
        found |= new
    return found
