"""Capability: what a grant gives, and the rules an event can be held to for ever (S2 to S5).

Every event names the grant it acts under. Here stands what that grant gives (caps, scope, depth,
end), how grants are ranked, and whether an event fits its grant, looking at the event and its
ancestry only. Since no ancestry ever changes, the answer never does: an event that breaks one of
these rules is ``invalid`` for ever, kept and citable, and without effect: it is nobody's grant.
What two acts that cross do to each other is decided in ``state.authority``.

Laws: authority flows strictly down. A grant gives no cap that its signer lacks, and its rank is
greater than that of the grant it was made under; ranks are fixed when a grant is made. The same
function is asked before an own event is signed and for every event that arrives. No clock: ``ts``
is the author's own statement, compared with the ends that grants state.

Specification: docs/spec/authority.md. Test vectors: tests/vectors/authority.json.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core import bodies, objects, records
from envoy.core.crypto.seal import kid
from envoy.core.identity import check_statement
from envoy.core.joining import Joining, check_proof
from envoy.core.kinds import KINDS, UNKNOWN_CAP
from envoy.core.structs import Body, State
from envoy.errors import RemoteFault
from envoy.lean import Protocol

READ, WRITE, GRANT, ADMIN, OWN, JOIN = 1, 2, 4, 8, 16, 32
CAPS: Final = {
    "read": READ,
    "write": WRITE,
    "grant": GRANT,
    "admin": ADMIN,
    "own": OWN,
    "join": JOIN,  # what an invite gives to whoever proves to hold its code, and to nobody else
}
ROLE_CAPS: Final = {
    "read": READ,
    "write": READ | WRITE,
    "admin": READ | WRITE | GRANT | ADMIN,
    "owner": READ | WRITE | GRANT | ADMIN | OWN,
}
# What it takes to give a role.
ROLE_NEEDS: Final = {"read": GRANT, "write": GRANT, "admin": ADMIN, "owner": OWN}
INVITE_ROLES: Final = ("read", "write")
CLASSES: Final = {"owner": 0, "admin": 1}
OTHERS: Final = 2  # the class of writers, readers, delegations and invites
ROLE_KINDS: Final = frozenset({"genesis", "grant", "role", "join"})

# The S rules as causes: stable, shown by `why`. None repeats what another one says.
NO_GRANT: Final = "S2 no grant"
NOT_SUBJECT: Final = "S2 not the subject"
BAD_PROOF: Final = "S2 proof"
BAD_BODY: Final = "S3 body"
NO_CAP: Final = "S3 cap"
OUT_OF_SCOPE: Final = "S3 scope"
SELF_GRANT: Final = "S3 self"
FOUNDER_STAYS: Final = "S3 founder"
BAD_NUMBER: Final = "S3 number"
BAD_INVITE: Final = "S3 invite"
BAD_EPOCH: Final = "S3 epoch"
DEPTH_BEYOND: Final = "S4 depth"
SCOPE_BEYOND: Final = "S4 scope"
END_BEYOND: Final = "S4 end"
OUTSIDER: Final = "S4 outsider"
TOO_LATE: Final = "S5 end"

Rank = tuple[int, int, int, bytes]


class AuthEvent(State, frozen=True, gc=False):
    """An accepted AUTH event.

    ``index`` numbers them in the order of acceptance here, the genesis 0; ``seen`` is the bitset
    over these numbers of the AUTH events in its ancestry. Both are local: nothing that is hashed,
    signed or compared between replicas depends on them. ``epoch`` is the one it is sealed under,
    ``body`` None where it did not decode, ``fault`` the S rule it breaks.
    """

    index: int
    id: bytes
    author: bytes
    auth: bytes
    chain: bytes
    seq: int
    lam: int
    ts: int
    epoch: bytes
    kind: str
    body: Body | None
    seen: int
    fault: str | None


class ContentEvent(State, frozen=True, gc=False):
    """An accepted CONTENT event, as far as authority looks at it.

    ``seen`` as in AuthEvent; ``task`` is the task it is about or attached to.
    """

    id: bytes
    author: bytes
    auth: bytes
    chain: bytes
    seq: int
    lam: int
    ts: int
    kind: str
    entity: bytes | None
    task: bytes | None
    seen: int
    fault: str | None


class Grant(State, frozen=True, gc=False):
    """What a genesis, grant, role, join, delegate or invite event gives, fixed when it is made.

    ``key`` is what acts under it cite: the id of ``act``, of the genesis the space id; ``parent``
    the grant it was made under. ``reads``: its subject, or the holder of an open invite's code, is
    given the epochs as long as it lives. ``ipk`` is set for open invites alone: only those can be
    joined by.
    """

    key: bytes
    act: AuthEvent
    subject: bytes | None
    role: str | None
    caps: int
    rank: Rank
    parent: bytes | None
    task: bytes | None
    depth: int
    na: int | None
    uses_max: int
    ipk: bytes | None
    reads: bool

    @property
    def event(self) -> bytes:
        """The id of the event that made it."""
        return self.act.id

    @property
    def index(self) -> int:
        """The number of that event here."""
        return self.act.index

    @property
    def kind(self) -> str:
        """The kind of that event."""
        return self.act.kind

    @property
    def author(self) -> bytes:
        """Who made it."""
        return self.act.author

    @property
    def is_role(self) -> bool:
        """Whether it makes its subject a member."""
        return self.act.kind in ROLE_KINDS

    def is_in(self, seen: int) -> bool:
        """Say whether the grant is in the ancestry ``seen``; every event stands on a genesis."""
        return self.parent is None or seen >> self.act.index & 1 == 1


class Ancestry(Protocol):
    """What the S rules ask about the AUTH events of a space; ``state.authority`` answers."""

    @property
    def space(self) -> bytes:
        """Return the space id, which is also the key of the genesis grant."""

    @property
    def founder(self) -> bytes:
        """Return the did of the founder."""

    def grant(self, key: bytes) -> Grant | None:
        """Return the grant or invite that acts cite as ``key``; None if its event broke a rule."""

    def greatest(self, kind: str, seen: int) -> int:
        """Return the greatest number of the faultless ``kind`` events in ``seen``.

        For ``hub.pin`` at least 0, for ``space.rules`` at least the rules of the genesis.
        """

    def is_member(self, did: bytes, event: AuthEvent) -> bool:
        """Say whether ``did`` has a live role grant in the ancestry of ``event``."""

    def creates(self, event: AuthEvent) -> bool:
        """Say whether an ``epoch.create`` made the epoch it is sealed under (``core.epoch``)."""


# -- grants ----------------------------------------------------------------------------------


def grant_of(event: AuthEvent, parent: Grant | None) -> Grant | None:
    """Return what ``event``, free of faults, gives; None where it is no grant.

    ``parent`` is the grant it acts under, None for the genesis. Source: docs/spec/authority.md,
    Grants.
    """
    match event.body:
        case bodies.Genesis(founder=founder):
            return _role_grant(event, None, subject=founder, role="owner")
        case bodies.Grant(subject=subject, role=role) | bodies.Role(subject=subject, role=role):
            return _role_grant(event, parent, subject=subject, role=role)
        case bodies.Join():
            assert parent is not None and parent.role is not None, "S2: joins stand on invites"
            return _role_grant(event, parent, subject=event.author, role=parent.role)
        case bodies.Delegate() as body:
            assert parent is not None, "S2: every delegation is made under a grant"
            return _delegation(event, parent, body)
        case bodies.Invite() as body:
            assert parent is not None, "S2: every invite is made under a grant"
            return _invite(event, parent, body)
        case _:
            return None


def _role_grant(event: AuthEvent, parent: Grant | None, *, subject: bytes, role: str) -> Grant:
    """Return a grant of ``role`` to ``subject``."""
    key, level = event.auth, 0
    if parent is not None:
        # A join stands on the level of its invite: it is the invite come true, no step down.
        key, level = event.id, parent.rank[1] + (parent.subject is not None)
    return Grant(
        key=key,
        act=event,
        subject=subject,
        role=role,
        caps=ROLE_CAPS[role],
        rank=(CLASSES.get(role, OTHERS), level, event.lam, key),
        parent=None if parent is None else parent.key,
        task=None,
        depth=limits.DELEGATION_DEPTH_MAX + 1,
        na=None,
        uses_max=0,
        ipk=None,
        reads=True,
    )


def _delegation(event: AuthEvent, parent: Grant, body: bodies.Delegate) -> Grant:
    """Return a delegation. Only who may add members brings in a reader by one."""
    return Grant(
        key=event.id,
        act=event,
        subject=body.subject,
        role=None,
        caps=ROLE_CAPS[body.verb],
        rank=(OTHERS, parent.rank[1] + 1, event.lam, event.id),
        parent=parent.key,
        task=body.task,
        depth=body.depth,
        na=body.na,
        uses_max=0,
        ipk=None,
        reads=parent.caps & GRANT != 0,
    )


def _invite(event: AuthEvent, parent: Grant, body: bodies.Invite) -> Grant:
    """Return an invite: a grant without subject, for joins alone."""
    is_open = body.mode == "open"
    return Grant(
        key=event.id,
        act=event,
        subject=None,
        role=body.role,
        caps=JOIN,
        rank=(OTHERS, parent.rank[1] + 1, event.lam, event.id),
        parent=parent.key,
        task=None,
        depth=0,
        na=body.na,
        uses_max=body.max_uses,
        ipk=body.ipk if is_open else None,
        reads=is_open,
    )


def cap_of(kind: str) -> int:
    """Return the least cap that an event of ``kind`` needs; an unknown kind is content."""
    row = KINDS.get(kind)
    return CAPS[row.cap if row else UNKNOWN_CAP]


def task_of(kind: str, body: Body | None, event: bytes) -> bytes | None:
    """Return the task that a content event is about or attached to: the measure of a scope.

    A new task is in nobody's scope but its own; a body that names no task is in none.
    """
    if kind == "task.create":
        return event
    match body:
        case bodies.Message(task=task) | bodies.Merge(entity=task) | objects.ObjectPut(task=task):
            return task
        case (
            bodies.TaskAssign(task=task)
            | bodies.TaskClaim(task=task)
            | bodies.TaskRelease(task=task)
            | bodies.TaskProgress(task=task)
            | bodies.TaskComplete(task=task)
            | bodies.TaskEdit(task=task)
            | bodies.TaskCancel(task=task)
            | bodies.TaskReopen(task=task)
            | records.TaskGate(task=task)
            | records.TaskHandoff(task=task)
            | records.TaskReview(task=task)
            | records.Record(task=task)
        ):
            return task
        case _:
            return None


# -- S rules ---------------------------------------------------------------------------------


def structural(
    event: AuthEvent | ContentEvent, body: Body | None, ancestry: Ancestry
) -> str | None:
    """Return the first of the rules S2 to S5 that ``event`` breaks, or None.

    ``body`` is the decoded one, None where it did not decode or the kind is unknown. What the door
    checks (S1) is done. Source: docs/spec/authority.md, S rules.
    """
    if event.kind == "genesis":
        return None  # the door has judged it: it is the space
    grant = ancestry.grant(event.auth)
    if grant is None or not grant.is_in(event.seen) or (grant.subject is None) != _joins(event):
        return NO_GRANT
    if grant.subject is not None and grant.subject != event.author:
        return NOT_SUBJECT
    if body is None and event.kind in KINDS:
        return BAD_BODY
    if isinstance(body, bodies.Join) and not _is_proved(event, body, grant, space=ancestry.space):
        return BAD_PROOF
    return (
        _beyond_grant(event, body, grant)
        or (_forbidden(event, body, ancestry) if isinstance(event, AuthEvent) else None)
        or (TOO_LATE if grant.na is not None and event.ts > grant.na else None)
    )


def is_plain(grant: Grant) -> bool:
    """Say whether a grant has neither scope nor end.

    What ``structural`` says of content under such a one then follows from its kind, its author, the
    authority events it saw and whether its body decoded: no other field of it is asked for.
    """
    return grant.task is None and grant.na is None


def _joins(event: AuthEvent | ContentEvent) -> bool:
    """Say whether ``event`` is what an invite is for."""
    return event.kind == "join"


def _is_proved(
    event: AuthEvent | ContentEvent, body: bodies.Join, invite: Grant, *, space: bytes
) -> bool:
    """Say whether a join holds a good keys statement and the proof of who had the code.

    An approve invite has no ``ipk`` here: its code alone opens nothing, a redeemer grants.
    """
    keys = body.keys
    try:
        found = check_statement(keys.statement, keys.sig, did=event.author, space=space)
    except RemoteFault:
        return False
    joining = Joining(space, invite.key, event.author, kid(found.enc), body.access)
    return invite.ipk is not None and check_proof(invite.ipk, body.proof, joining)


def _beyond_grant(event: AuthEvent | ContentEvent, body: Body | None, grant: Grant) -> str | None:
    """Return the rule of S3 on caps and scope that ``event`` breaks."""
    need = cap_of(event.kind)
    match body:
        case bodies.Grant(role=role) | bodies.Role(role=role):
            need = ROLE_NEEDS[role]
    if not grant.caps & need:
        return NO_CAP
    # A scope limits what is written; a narrower delegation is a matter of S4.
    if grant.task is None or need == READ or event.kind == "delegate":
        return None
    task = event.task if isinstance(event, ContentEvent) else None
    return None if task == grant.task else OUT_OF_SCOPE


def _forbidden(event: AuthEvent, body: Body | None, ancestry: Ancestry) -> str | None:
    """Return the rule of S3 and S4 on the content of an AUTH act that ``event`` breaks."""
    match body:
        case bodies.Grant(subject=subject) | bodies.Role(subject=subject):
            return SELF_GRANT if subject == event.author else None
        case bodies.Delegate():
            return _beyond_delegation(event, body, ancestry)
        case bodies.Invite():
            fits = body.role in INVITE_ROLES and 1 <= body.max_uses <= limits.INVITE_USES_MAX
            return None if fits else BAD_INVITE
        case bodies.Leave():
            return FOUNDER_STAYS if event.author == ancestry.founder else None
        case bodies.HubPin(no=number) | bodies.SpaceRules(rules=number):
            follows = number == 1 + ancestry.greatest(event.kind, event.seen)
            return None if follows else BAD_NUMBER
        case bodies.EpochCreate():
            return None if ancestry.creates(event) else BAD_EPOCH
        case _:
            return None


def _beyond_delegation(event: AuthEvent, body: bodies.Delegate, ancestry: Ancestry) -> str | None:
    """Return the rule that a delegation breaks: it is never wider than what it was made from."""
    grant = ancestry.grant(event.auth)
    assert grant is not None, "S2 comes first"
    if body.subject == event.author:
        return SELF_GRANT
    # Whoever may delegate has `write`, and so each verb there is.
    if not 0 <= body.depth < grant.depth:
        return DEPTH_BEYOND
    # To write in one task needs the epoch key, so a delegate reads the space: no `read` of a task.
    if (body.verb == "read" and body.task) or (grant.task and body.task != grant.task):
        return SCOPE_BEYOND
    if grant.na is not None and (body.na is None or body.na > grant.na):
        return END_BEYOND
    if not grant.caps & GRANT and not ancestry.is_member(body.subject, event):
        return OUTSIDER
    return None
