"""Rows: what the fold writes and the reads show, one NamedTuple per projection table.

This is the contract between the two sides of the house. The write side (``state.project``) makes
rows, ``storage.events`` stores a row under the columns named by its fields, ``storage.views`` reads
them back, and no read needs a key, a codec or a reducer. Ids, dids and digests are raw bytes; times
are milliseconds since 1970; ``sn`` is the replica's own number of a space, ``an`` of an actor.
Lists are JSON arrays in text, made by ``jsontext``, of ids in text form. Texts are as members wrote
them: whoever shows one escapes it.

Rows are disposable: another ``PROJECTION`` number in ``storage.schema`` means drop and rebuild.
"""

from __future__ import annotations

from envoy.lean import NamedTuple


class Item(NamedTuple):
    """A visible event in the order of the space: a message, or one line on any other act."""

    rid: int  # number of the event in this replica
    sn: int
    lam: int
    id: bytes
    n: int  # arrival number, the cursor
    an: int  # author
    kind: str  # kind of the event: "message", "task.claim", "invite"
    type: str  # public event type: "new_message", "task_claimed"
    ts: int
    role: str | None  # of the author under the grant it acted with
    body: str | None  # member text: message, note, title; None where there is none
    reply_to: bytes | None
    task: bytes | None
    target: bytes | None  # what an authority act is about: a did, grant, invite
    detail: str | None  # our own word on it: a role, a state, never member text
    refs: str  # JSON [{"rel":…,"id":"evt_…"}]
    status: str  # ok, ok*, held, void, invalid, unsupported
    cause: str | None  # rule behind a status other than ok
    refused: str | None  # reason of a reducer
    late: int  # 1: it arrived after something that sorts behind it
    redacted: bytes | None = None  # SHA-256 of the text that is not shown any more


class Member(NamedTuple):
    """Everybody who ever had a grant, with the labels they gave themselves."""

    sn: int
    an: int
    did: bytes
    name: str
    type: str | None  # declared: human, agent
    role: str | None  # owner, admin, write, read; None: none now
    reader: int  # 1: has the epochs (a role, or an outside delegation)
    joined_ms: int | None
    via: bytes | None  # grant or invite that brought them in
    removed_ms: int | None
    enc: bytes | None  # encryption key to seal to, 1,216 bytes
    kid: bytes | None
    enc_no: int | None
    access: bytes | None
    flags: str  # JSON ["fork"]


class Grant(NamedTuple):
    """A grant or delegation and whether it stands."""

    sn: int
    id: bytes
    subject: int  # an
    author: int  # an
    kind: str  # genesis, grant, role, join, delegate
    role: str | None
    verb: str | None
    task: bytes | None
    depth: int
    na: int | None
    status: str  # live, killed, void, invalid
    cause: bytes | None  # the event that ended it
    ix: int  # number among the authority events
    senior: int  # place in the order of rank, 0 first


class Invite(NamedTuple):
    """An invite and how much of it is left."""

    sn: int
    id: bytes
    author: int  # an
    role: str
    mode: str
    max_uses: int
    uses: int
    na: int
    created_ms: int
    lookup: bytes
    revoke_auth: bytes
    enc: bytes | None
    access: bytes
    status: str  # active, used, revoked, void, invalid


class Task(NamedTuple):
    """A task as its fold says."""

    sn: int
    id: bytes
    lam: int  # of its creation
    created_ms: int
    changed_ms: int
    creator: int  # an
    title: str
    body: str
    state: str
    assignee: int | None  # an
    tenure: bytes | None  # event that gave it
    is_claim: int
    claim_state: str  # unclaimed, provisional, confirmed, lost
    session: str | None
    fence: int | None
    lease_ms: int | None  # the hub's last word on the end of the lease
    priority: int
    due_ms: int | None
    labels: str  # JSON [text]
    needs: str  # JSON [task ids]
    parent: bytes | None
    refs: str  # JSON [{"rel","id"}]
    gate: str  # JSON object
    summary: str | None
    evidence: str  # JSON [ids]
    completion: bytes | None
    completed_by: int | None  # an
    conflicts: int  # open ones
    version: bytes  # hash of the entity's heads
    digest: bytes  # of the canonical row, for the state hash
    edges: int = 0  # tasks it names as needs or parent, those left out counted
    reviews: str = "[]"  # JSON [standing verdicts on the completion]


class Edge(NamedTuple):
    """A task that another names: as its need, or as what it is a part of."""

    sn: int
    task: bytes
    rel: str  # need, parent
    target: bytes
    at: int  # place among the edges of the task
    act: bytes  # the event that says so
    lam: int  # the place of that act, and the next field
    ident: bytes
    made: int  # 1: by the creation of the task
    refused: int  # 1: left out, because it closes a circle


class Object(NamedTuple):
    """A reference to an encrypted file. Its key is not here: no read needs one."""

    sn: int
    id: bytes  # of the reference, an event
    object: bytes  # of the object; several references may name one
    lam: int
    created_ms: int
    an: int  # author
    name: str  # a label; empty once it is retracted
    media: str
    size: int
    sha256: bytes  # of the plaintext
    chunks: bytes  # their ids, joined
    task: bytes | None
    supersedes: bytes | None
    retracted: bytes | None  # the event that did it


class Record(NamedTuple):
    """A typed record that counts: evidence, a decision, an objection."""

    sn: int
    id: bytes
    lam: int
    created_ms: int
    an: int
    kind: str
    type: str | None
    task: bytes | None
    text: str
    fields: str  # JSON object
    subject: str | None  # scheme:name@digest
    refs: str  # JSON [{"rel","id"}]
    ranked: int  # 1: written by an admin
    retracted: bytes | None  # the act that took it back
    digest: bytes  # of what it says, for the state sum


class RecordRef(NamedTuple):
    """One reference of a record, to be found from its other end."""

    sn: int
    record: bytes
    at: int  # place among the references of the record
    rel: str | None
    target: bytes


class Conflict(NamedTuple):
    """Two acts that met, which one stands and by which rule."""

    sn: int
    id: bytes
    entity: bytes
    kind: str
    winner: bytes
    loser: bytes
    rule: str
    status: str  # open, resolved
    kept: bytes | None = None  # the side that somebody said is kept
    act: bytes | None = None  # the event that says so


class Link(NamedTuple):
    """Something that an event names, to be found from both ends."""

    sn: int
    event: bytes
    at: int  # place among what the event names
    rel: str  # a relation of a reference, ref, attach, tenure, reviews, evidence, resolves
    target: bytes


class Stream(NamedTuple):
    """What happened here, under its arrival number. Never renumbered, kept over rebuilds."""

    sn: int
    n: int
    rid: int  # the event behind it
    type: str  # public event type
    an: int  # actor
    at: int
    object: bytes | None  # task, invite, grant, conflict or epoch it is about
    reason: str | None  # why it is in my inbox: message, mention, assigned, held, …
    own: int  # 1: I did it
    hidden: int  # 1: it left the inbox (held, redacted)


class Space(NamedTuple):
    """One row per space: what it is, where this copy stands, counts kept so that reads are flat."""

    sn: int
    id: bytes
    genesis: bytes  # G
    suite: int
    rules: int
    salt: bytes
    root_pub: bytes
    founder: bytes
    hub: bytes  # pinned hub key
    hub_no: int
    name: str
    description: str
    mode: str  # local_only, connected
    created_ms: int
    expires_ms: int | None
    closed_ms: int | None
    role: str | None  # mine
    join_state: str  # member, pending_approval, left, removed
    chain: bytes | None  # this copy's chain; None: the next write starts one
    tip: bytes | None
    tip_seq: int
    instance: bytes | None  # of the hub this copy follows
    cursor: int  # last number taken from it
    hub_chain: bytes | None  # h at that number
    frame_sum: bytes  # sum of the ids of all frames known here, 32 bytes little-endian
    frame_count: int
    next_n: int
    reserved_n: int
    ack_n: int
    unread: int
    epoch: bytes | None  # written under now
    adequate: int
    events: int
    heads_hash: bytes
    state_sum: bytes
    muted: int
    pinned: int
    synced_ms: int | None
    pending: int  # outbox entries
    policy: str  # JSON object of the fields that were set, by their dotted names


class Quarantined(NamedTuple):
    """Bytes refused at the door; never an event."""

    sn: int
    id: bytes
    code: str
    source: str
    size: int
    first_ms: int


# -- what an action answers -------------------------------------------------------------------


class Sent(NamedTuple):
    """A written event: its id, its arrival number here and how far it got."""

    event: bytes
    n: int
    replayed: bool
    delivery: str  # delivered, pending, not_attempted


class Redacted(NamedTuple):
    """What hiding a message did: the event if one was written."""

    event: bytes | None
    changed: bool
    replayed: bool
    delivery: str


class Transition(NamedTuple):
    """What a task command did: the rows before and after, and the event if one was written."""

    event: bytes | None
    n: int | None
    changed: bool
    before: Task | None
    after: Task
    replayed: bool
    delivery: str


class InviteMade(NamedTuple):
    """A new invite with the code that nobody can show again."""

    invite: Invite
    code: str
    uri: str
    replayed: bool = False
    publication: str = "not_attempted"  # published, failed


class Joined(NamedTuple):
    """Where a code led."""

    space: Space
    did: bytes
    role: str | None  # None while it waits for approval
    join_state: str  # member, pending_approval
    replayed: bool = False


class Acked(NamedTuple):
    """How an acknowledgement moved the inbox cursor."""

    acked: int
    remaining: int
    cursor: int
    replayed: bool = False


class Synced(NamedTuple):
    """What one exchange with the hub did, in frames."""

    pushed: int
    pulled: int
    pending: int
    quarantined: int
    bad_posters: tuple[str, ...] = ()  # of boxes without the secret of an epoch that stays closed
