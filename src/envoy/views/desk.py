"""Desk: verdicts explained. Which rule, which act behind it, by whose authority, how far back.

Every verdict has a stable cause; here it gets words. A chain leads from the genesis to the grant
that an event cites, so that a reader sees by whom somebody may act, or where the chain breaks. The
distance of a revocation is what its author had written elsewhere, or seen there, and did not cite:
a revoker chooses how far back its act reaches, so everybody is shown.

Laws: pure; decides nothing, repeats what was judged. Member text stands in `text` and `reason`
alone.

Specification: docs/spec/authority.md, Explaining verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from envoy import ids
from envoy.lean import NamedTuple
from envoy.views import rows
from envoy.views.people import Json, People, stamp
from envoy.views.space import VERBS, space_id
from envoy.views.space import grant as grant_shape

REVOKING = ("remove", "role", "revoke", "leave")
COUNTING = ("ok", "ok*")
ADMINS = ("owner", "admin")
NO_ACTION = "nothing_to_do"
# Cause -> what the rule says, of the event that it struck. Specification: authority.md, Causes.
WORDS: Mapping[str, str] = {
    "S2 no grant": "it cites nothing that its author could act under",
    "S2 not the subject": "it cites a grant to somebody else",
    "S2 proof": "its proof does not fit the invite that it redeems",
    "S3 body": "its content is not of the form that its kind has",
    "S3 cap": "the grant that it cites does not give what an event of its kind needs",
    "S3 scope": "the grant that it cites is for one task, and it is not about that",
    "S3 self": "nobody gives a grant to themselves",
    "S3 founder": "the founder of a space cannot leave it",
    "S3 number": "its number is not the one that follows",
    "S3 invite": "an invite gives read or write, to between 1 and 100 who join",
    "S3 epoch": "it did not make the epoch that it is sealed under",
    "S4 depth": "a delegation as deep as that was not allowed",
    "S4 scope": "the delegation is for more than the one it stands on",
    "S4 end": "the delegation outlives the one it stands on",
    "S4 outsider": "who is no member can only be brought in by an admin",
    "S5 end": "it is dated after the end of the grant that it cites",
    "R1 lost grant": "the grant that it was done under does not count",
    "R3 after": "its author had seen that the grant was ended",
    "R3 beside": "its grant was ended by an act that had not seen it, nor it that act",
    "R4 undone": "a removal of its author undid it",
    "R4 over count": "its author did more of the kind under one grant than may count",
    "R5 admitted": "it was held, and an admin admitted it",
    "R6 over-used": "more joined by that invite than it was for, others first",
    "R7 closed": "its author had seen that the space was closed",
}
# Of epochs: whether they may be written under. Specification: authority.md, Epochs.
EPOCH_WORDS: Mapping[str, str] = {
    "E1 not ok": "its creation does not count",
    "E1 creator": "who made it may not write any more",
    "E1 not covered": "it was made without knowing of an act that ended somebody's reading",
    "E2 current": "it is the one to write under",
    "E2 older": "a later one is as good, and all write under that",
    "E4 readers": "it was not made for exactly the readers and open invites of its time",
    "E4 no cause": "a writer made it although nothing called for it",
}
# What is not an event here -> why.
FRAME_WORDS: Mapping[str, str] = {
    "waiting": "it names an event that is not here",
    "sealed": "the key of its epoch is not here",
    "unsupported": "it takes a later version of Envoy to read it",
    "dropped": "it waited beyond a bound and is fetched again when it can be read",
    "quarantined": "it failed at the door and never was an event (S1)",
}
# What a replica shows beside a verdict, without effect on it -> why.
FLAG_WORDS: Mapping[str, str] = {
    "beside_close": "written beside the close of the space, which had not seen it",
    "fork": "its author wrote another event of the same number; both are kept as proof",
    "stale_epoch": "written under an epoch that its author knew not to be written under any more",
    "clock_ahead": "dated ahead of this clock; it counts, and is cited once that time has come",
}
# Why somebody may not -> what to do about it, and in words.
MISSING: Mapping[str, tuple[str, str]] = {
    "no_grant": ("request_required_capability", "nobody ever gave them a grant here"),
    "grant_ended": ("ask_admin", "every grant that would allow it has ended or never counted"),
    "capability_missing": ("request_required_capability", "no grant of theirs gives that"),
    "scope": ("request_required_capability", "the grant that gives it is for another task"),
    "capability_expired": ("request_required_capability", "the grant that gives it has expired"),
    "space_closed": ("stop_and_report", "the space is closed: only authority goes on"),
}


class Judged(NamedTuple):
    """An accepted event with its verdict."""

    rid: int
    sn: int
    id: bytes
    kind: str
    an: int
    cn: int
    seq: int
    lam: int
    ts: int
    auth: bytes
    ix: int | None
    status: str
    cause: str | None
    cause_by: bytes | None


class Frame(NamedTuple):
    """What is no event here: it waits, was dropped while it did, or failed at the door."""

    id: bytes
    state: str  # waiting, sealed, unsupported, dropped, quarantined
    code: str | None
    why: bytes | None  # event or epoch that it lacks
    source: str | None
    size: int | None
    at: int | None


class Node(NamedTuple):
    """An accepted event as the graph of ancestries has it. In the order of arrival."""

    id: bytes
    an: int
    prev: bytes | None
    deps: bytes  # ids, joined
    ts: int


class Distance(NamedTuple):
    """What a revocation did not cite of what its author had written, or seen when it wrote that."""

    written: int
    seen: int
    oldest: Node | None


class Known(NamedTuple):
    """How to look up what a chain is made of, as of now or of an older moment."""

    event: Callable[[bytes], Judged | None]
    grant: Callable[[bytes], rows.Grant | None]
    invite: Callable[[bytes], rows.Invite | None]


class Answerer(NamedTuple):
    """Whether somebody may do something, and by which grant, or what is missing."""

    grant: rows.Grant | None
    missing: str | None


# -- chains -----------------------------------------------------------------------------------


def chain(auth: bytes, space: rows.Space, known: Known, *, most: int) -> tuple[list[bytes], bool]:
    """Return the grants from the genesis to ``auth``, and whether these are all."""
    found: list[bytes] = []
    at = auth
    while len(found) < most:
        found.append(at)
        event = known.event(at)
        if at == space.id or event is None:
            return found[::-1], at == space.id
        at = event.auth
    return found[::-1], False


def link(grant: bytes, space: rows.Space, people: People, known: Known, *, now_ms: int) -> Json:
    """Return one grant of a chain."""
    row, invite, event = known.grant(grant), known.invite(grant), known.event(grant)
    made: Json = {
        "grant_id": ids.to_text("grant", grant),
        "kind": None if event is None else event.kind,
        "role": None,
        "verb": None,
        "scope": "space",
        "depth": 0,
        "expires_at": None,
        "from": None if event is None else people.actor(event.an),
        "status": "unknown" if event is None else event.status,
        "ended_by": None,
    }
    if row is not None:
        made |= grant_shape(row, people, now_ms=now_ms)
    elif invite is not None:
        expired = invite.status == "active" and invite.na < now_ms
        made["role"], made["expires_at"] = invite.role, stamp(invite.na)
        made["status"] = "expired" if expired else invite.status
    if grant == space.id:
        made["kind"] = "genesis"
    made["to"] = None if row is None else people.actor(row.subject)
    made["rule"] = None if event is None else event.cause
    return made


# -- may they ---------------------------------------------------------------------------------


def gives(grant: rows.Grant, verb: str) -> bool:
    """Return whether a grant gives ``verb``, standing or not."""
    return verb in VERBS.get(grant.role or grant.verb or "", ())


def may(
    grants: Sequence[rows.Grant], verb: str, *, task: bytes | None, closed: bool, now_ms: int
) -> Answerer:
    """Return by which of ``grants``, the most senior first, somebody may do ``verb``.

    ``task``: about which task; a grant for one task gives nothing elsewhere, but reading.
    """
    giving = [one for one in grants if gives(one, verb)]
    live = [one for one in giving if one.status == "live"]
    fitting = [one for one in live if verb == "read" or one.task in (None, task)]
    lasting = [one for one in fitting if one.na is None or one.na >= now_ms]
    if lasting:
        return Answerer(lasting[0], "space_closed" if closed and verb == "write" else None)
    if fitting:
        return Answerer(fitting[0], "capability_expired")
    if live:
        return Answerer(live[0], "scope")
    standing = [one for one in grants if one.status == "live"]
    if standing:
        return Answerer(standing[0], "capability_missing")
    if giving or grants:
        return Answerer([*giving, *grants][0], "grant_ended")
    return Answerer(None, "no_grant")


def missing(found: Answerer, verb: str, space: rows.Space) -> Json | None:
    """Return what stands in the way, None if nothing does."""
    if found.missing is None:
        return None
    action, words = MISSING[found.missing]
    grant = found.grant
    ended = grant is not None and found.missing == "grant_ended"
    return {
        "reason": found.missing,
        "words": words,
        "required_verb": verb,
        "grant_id": None if grant is None else ids.to_text("grant", grant.id),
        "ended_by": ids.to_text("evt", grant.cause) if grant and ended and grant.cause else None,
        "next_action": action,
        "next_command": f"envoy permissions {space_id(space)}",
    }


# -- verdicts ---------------------------------------------------------------------------------


def causes(event: Judged, known: Known, *, most: int) -> list[Judged]:
    """Return the acts behind the verdict on ``event``, the nearest first.

    A lost grant has a cause of its own, so this leads on to what made it lost.
    """
    found: list[Judged] = []
    at: Judged | None = event
    while at is not None and at.cause_by is not None and len(found) < most:
        at = known.event(at.cause_by)
        if at is not None:
            found.append(at)
    return found


def revocation(acts: Iterable[Judged]) -> Judged | None:
    """Return the first of ``acts`` that ended something, None if none did.

    A role is a grant, too: a lost one is behind a verdict, and ended nothing.
    """
    return next((one for one in acts if one.kind in REVOKING and one.status == "ok"), None)


def act(event: Judged, people: People, item: rows.Item | None) -> Json:
    """Return one act behind a verdict; ``reason`` is what its author wrote."""
    return {
        "event_id": ids.to_text("evt", event.id),
        "kind": event.kind,
        "by": people.actor(event.an),
        "at": stamp(event.ts),
        "event_status": event.status,
        "rule": event.cause,
        "rule_words": words(event.cause),
        "reason": None if item is None or event.kind == "join" else item.body,
    }


def words(cause: str | None) -> str | None:
    """Return what the rule behind a cause says; a cause of a later version has no words."""
    return None if cause is None else WORDS.get(cause)


def next_step(event: Judged, space: rows.Space, *, mine: bool) -> tuple[str, str | None]:
    """Return what to do about an event that does not count: next action and command."""
    within, ident = space_id(space), ids.to_text("evt", event.id)
    if event.status in COUNTING:
        return NO_ACTION, None
    if event.status == "held":
        if space.role in ADMINS:
            return "admit", f"envoy quarantine admit {ident} --space {within} --reason TEXT"
        return "ask_admin_to_admit", f"envoy why {ident} --space {within}"
    if mine:
        return "stop_and_reread_authority", f"envoy permissions {within}"
    return "stop_and_report", f"envoy why {ident} --space {within}"


def entry(event: Judged, item: rows.Item | None, space: rows.Space, people: People) -> Json:
    """Return one row of the desk, without the text of a member."""
    action, command = next_step(event, space, mine=people.is_me(event.an))
    return {
        "event_id": ids.to_text("evt", event.id),
        "kind": event.kind,
        "by": people.actor(event.an),
        "at": stamp(event.ts),
        "event_status": event.status,
        "rule": event.cause,
        "rule_words": words(event.cause),
        "caused_by": None if event.cause_by is None else ids.to_text("evt", event.cause_by),
        "task_id": None if item is None or item.task is None else ids.to_text("task", item.task),
        "next_action": action,
        "next_command": command,
    }


def refused(row: rows.Quarantined) -> Json:
    """Return one frame that failed at the door."""
    return {
        "frame_id": ids.to_text("evt", row.id),
        "code": row.code,
        "source": row.source,
        "size": row.size,
        "first_seen_at": stamp(row.first_ms),
        "next_action": "stop_and_report",
    }


# -- distance ---------------------------------------------------------------------------------


class Graph:
    """Who saw what, over all accepted events of a space, which come after what they name.

    A question costs a walk over all events, in one direction.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = list(nodes)
        self._place = {node.id: index for index, node in enumerate(self._nodes)}
        self._parents = [[self._place[one] for one in _named(node)] for node in self._nodes]

    def distance(self, act: bytes) -> Distance:
        """Return how far back a revocation reaches: what it did not cite of what its author knew.

        Nothing proves what came first, so all that its author wrote beside it counts as before.
        """
        me = self._place[act]
        seen, after = self._ancestors([me]), self._descendants(me)
        author = self._nodes[me].an
        written = [
            index
            for index, node in enumerate(self._nodes)
            if node.an == author and not seen[index] and not after[index]
        ]
        if not written:
            return NO_DISTANCE
        known = self._ancestors(written)
        missed = [index for index, found in enumerate(known) if found and not seen[index]]
        oldest = min((self._nodes[index] for index in missed), key=_age)
        return Distance(len(written), len(missed) - len(written), oldest)

    def is_beside(self, one: bytes, other: bytes) -> bool:
        """Say whether neither of two events saw the other."""
        first, second = self._place[one], self._place[other]
        return not (self._ancestors([first])[second] or self._ancestors([second])[first])

    def _ancestors(self, start: Sequence[int]) -> bytearray:
        """Return by place whether an event is one of ``start`` or was seen by one."""
        found = bytearray(len(self._nodes))
        for index in start:
            found[index] = 1
        for index in range(max(start), -1, -1):
            if found[index]:
                for parent in self._parents[index]:
                    found[parent] = 1
        return found

    def _descendants(self, start: int) -> bytearray:
        """Return by place whether an event is ``start`` or saw it."""
        found = bytearray(len(self._nodes))
        found[start] = 1
        for index in range(start + 1, len(self._nodes)):
            for parent in self._parents[index]:
                if found[parent]:
                    found[index] = 1
        return found


NO_DISTANCE = Distance(0, 0, None)


def _age(node: Node) -> tuple[int, bytes]:
    """Return what orders events by the time they state."""
    return node.ts, node.id


def _named(node: Node) -> list[bytes]:
    """Return the parents of an event."""
    size = ids.ID_BYTES
    deps = [node.deps[at : at + size] for at in range(0, len(node.deps), size)]
    return deps if node.prev is None else [node.prev, *deps]


def distance(event: Judged, found: Distance, behind: Mapping[str, int], people: People) -> Json:
    """Return how far back a revocation reaches, and on how many events it acts here."""
    oldest = found.oldest
    return {
        "revocation_id": ids.to_text("evt", event.id),
        "kind": event.kind,
        "by": people.actor(event.an),
        "at": stamp(event.ts),
        "uncited_written": found.written,
        "uncited_seen": found.seen,
        "uncited_since": None if oldest is None else stamp(oldest.ts),
        "uncited_oldest": None if oldest is None else ids.to_text("evt", oldest.id),
        "holds": behind.get("held", 0),
        "voids": behind.get("void", 0),
        "invalidates": behind.get("invalid", 0),
    }
