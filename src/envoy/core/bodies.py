"""Bodies: what each kind of event says, one Struct per kind.

A body is decoded only after its event was opened, signed and linked; one that does not decode as
its Struct, or breaks a bound checked here, makes its event ``invalid``: kept, citable, without
effect (AUTHORITY S3). Only genesis is read at once, because it is the space. The order and types
of the fields are law: another field means a new kind. Texts are counted in bytes of UTF-8; ids are
the 32 raw bytes; times are milliseconds since 1970.

Specification: docs/spec/kinds.md. Test vectors: tests/vectors/kinds.json.
"""

from __future__ import annotations

from typing import Final

from envoy import limits
from envoy.core.codec import B16, B32, B64, I63, I64, EncKey, Open, bounded, refuse_unless
from envoy.core.structs import Body

ROLES: Final = ("read", "write", "admin", "owner")
VERBS: Final = ("read", "write")
RELATIONS: Final = (
    "supports",
    "contradicts",
    "supersedes",
    "answers",
    "repairs",
    "produced_by",
)
PROGRESS: Final = ("in_progress", "blocked")
MEMBER_TYPES: Final = ("human", "agent")
MODES: Final = ("open", "approve")


class Statement(Body, frozen=True):
    """A keys statement as bytes, with the signature of its did (``core.identity``)."""

    statement: bytes
    sig: B64

    def check(self) -> None:
        """Refuse a statement longer than any version of it can be."""
        refuse_unless(len(self.statement) <= limits.KEYS_STATEMENT_BYTES_MAX)


class Ref(Body, frozen=True):
    """A reference to another event: typed by ``rel``, or plain (nil), with a digest or without."""

    rel: str | None
    id: B32
    hash: B32 | None

    def check(self) -> None:
        """Refuse a relation outside the list."""
        refuse_unless(self.rel is None or self.rel in RELATIONS)


# -- authority ------------------------------------------------------------------------------


class Genesis(Body, frozen=True):
    """The first event of a space; its bytes are the space (B0)."""

    founder: B32
    root_pub: B32
    suite: I63
    rules: I63
    name: str
    expires: I63 | None
    policy: Open
    hub: B32
    nonce: B16
    salt: B32

    def check(self) -> None:
        """Refuse a name that is no name, and rules that never were."""
        bounded(self.name, limits.NAME_BYTES_MAX, empty=False)
        refuse_unless(self.rules >= 1)


class Grant(Body, frozen=True):
    """``subject`` gets ``role``; in approve mode with what its join request said."""

    subject: B32
    role: str
    name: str | None
    keys: Statement | None
    access: B32 | None
    invite: B32 | None

    def check(self) -> None:
        """Refuse unknown roles and over-long names."""
        refuse_unless(self.role in ROLES)
        bounded(self.name or "", limits.NAME_BYTES_MAX)


class Role(Body, frozen=True):
    """``subject`` has ``role`` from here on."""

    subject: B32
    role: str

    def check(self) -> None:
        """Refuse unknown roles."""
        refuse_unless(self.role in ROLES)


class Join(Body, frozen=True):
    """The author redeems the invite that the event names as its grant."""

    name: str
    keys: Statement
    access: B32
    proof: B64

    def check(self) -> None:
        """Refuse a name that is no name."""
        bounded(self.name, limits.NAME_BYTES_MAX, empty=False)


class Delegate(Body, frozen=True):
    """``subject`` may use ``verb`` in the whole space, or for one task, until ``na``."""

    subject: B32
    verb: str
    task: B32 | None
    depth: I64
    na: I63 | None
    keys: Statement | None

    def check(self) -> None:
        """Refuse unknown verbs; ``depth`` is a matter of S4."""
        refuse_unless(self.verb in VERBS)


class Invite(Body, frozen=True):
    """A way in: public halves of what its code derives, and its bounds."""

    ipk: B32
    access: B32
    enc: EncKey | None
    mode: str
    role: str
    max_uses: I63
    na: I63
    lookup: B16
    revoke_auth: B32
    redeemers: tuple[B32, ...]

    def check(self) -> None:
        """Refuse a mode without its fields; roles and uses are a matter of S3."""
        refuse_unless(self.mode in MODES and self.role in ROLES)
        refuse_unless((self.enc is not None) == (self.mode == "open"))
        refuse_unless((len(self.redeemers) > 0) == (self.mode == "approve"))
        refuse_unless(len(self.redeemers) <= limits.DEPS_MAX)


class Remove(Body, frozen=True):
    """``subject`` is out; ``undo`` names seen authority acts of it that go as well."""

    subject: B32
    reason: str
    undo: tuple[B32, ...]

    def check(self) -> None:
        """Refuse an over-long reason or list."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)
        refuse_unless(len(self.undo) <= limits.UNDO_MAX)


class Revoke(Body, frozen=True):
    """The grant, delegation or invite ``target`` ends."""

    target: B32
    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class Leave(Body, frozen=True):
    """The author goes."""

    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class Admit(Body, frozen=True):
    """Held content ``ids``, or all that a named revocation holds, counts from here on."""

    ids: tuple[B32, ...]
    reason: str

    def check(self) -> None:
        """Refuse an empty or over-long list."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)
        refuse_unless(1 <= len(self.ids) <= limits.UNDO_MAX)


class Close(Body, frozen=True):
    """The space ends; reading and authority go on."""

    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class Recipient(Body, frozen=True):
    """A did or an open invite, and the encryption key it was sealed to (nil: none usable)."""

    id: B32
    kid: B16 | None


class EpochCreate(Body, frozen=True):
    """A new epoch, its commitments and the readers it was sealed to, ascending by id."""

    suite: I63
    nonce: B16
    wrap: B32
    rcpt: tuple[Recipient, ...]

    def check(self) -> None:
        """Refuse recipients that are unsorted, repeated or too many."""
        found = [one.id for one in self.rcpt]
        refuse_unless(found == sorted(set(found)) and len(found) <= limits.RECIPIENTS_MAX)


class HubPin(Body, frozen=True):
    """From here on the hub ``hub`` orders slots, as number ``no``."""

    no: I63
    hub: B32
    url: str | None

    def check(self) -> None:
        """Refuse an over-long address."""
        bounded(self.url or "", limits.TITLE_BYTES_MAX)


class SpaceRules(Body, frozen=True):
    """From here on the rules ``rules`` apply."""

    rules: I63


# -- content --------------------------------------------------------------------------------


class Merge(Body, frozen=True):
    """Joins heads by its deps and basis; no other effect."""

    entity: B32 | None


class MemberKeys(Body, frozen=True):
    """A newer encryption key of the author for this space."""

    keys: Statement


class KeyRequest(Body, frozen=True):
    """The author has no usable box for ``epochs``."""

    epochs: tuple[B32, ...]

    def check(self) -> None:
        """Refuse an empty or over-long list."""
        refuse_unless(1 <= len(self.epochs) <= limits.WRAP_ENTRIES_MAX)


class Card(Body, frozen=True):
    """How the author wants to be shown; labels and hints, never authority."""

    name: str
    type: str
    version: str
    service: str | None
    capabilities: tuple[str, ...]

    def check(self) -> None:
        """Refuse over-long labels."""
        refuse_unless(self.type in MEMBER_TYPES)
        bounded(self.name, limits.NAME_BYTES_MAX, empty=False)
        for text in (self.version, self.service or "", *self.capabilities):
            bounded(text, limits.NAME_BYTES_MAX)
        refuse_unless(len(self.capabilities) <= limits.LABELS_MAX)


class SpaceUpdate(Body, frozen=True):
    """New name or description of the space; nil leaves a field alone."""

    name: str | None
    description: str | None

    def check(self) -> None:
        """Refuse over-long texts and an empty name."""
        if self.name is not None:
            bounded(self.name, limits.NAME_BYTES_MAX, empty=False)
        bounded(self.description or "", limits.TITLE_BYTES_MAX)


class SpacePolicy(Body, frozen=True):
    """New defaults of the space, field by field; a field that is not named stays as it is."""

    policy: Open

    def check(self) -> None:
        """Refuse an act that sets nothing, or more than a policy can have."""
        refuse_unless(1 <= len(self.policy) <= limits.LABELS_MAX)


class Message(Body, frozen=True):
    """What somebody said. ``mentions`` address members; names in the text address nobody."""

    body: str
    reply_to: B32 | None
    refs: tuple[Ref, ...]
    attach: tuple[B32, ...]
    mentions: tuple[B32, ...]
    task: B32 | None

    def check(self) -> None:
        """Refuse over-long texts and lists."""
        bounded(self.body, limits.TEXT_BYTES_MAX)
        most = max(len(self.refs), len(self.attach), len(self.mentions))
        refuse_unless(most <= limits.REFS_MAX)


class MessageRedact(Body, frozen=True):
    """The text of ``message`` is not shown any more; that it was there, is."""

    message: B32
    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class TaskCreate(Body, frozen=True):
    """A piece of work. ``title`` nil: the first line of ``body``."""

    title: str | None
    body: str
    labels: tuple[str, ...]
    priority: I63
    due_at: I63 | None
    needs: tuple[B32, ...]
    parent: B32 | None
    refs: tuple[Ref, ...]
    gate: Open
    assignee: B32 | None

    def check(self) -> None:
        """Refuse over-long texts and lists, and priorities outside 0 to 4."""
        bounded(self.title or "", limits.TITLE_BYTES_MAX)
        bounded(self.body, limits.TEXT_BYTES_MAX)
        refuse_unless(0 <= self.priority <= limits.PRIORITY_MAX)
        refuse_unless(len(self.labels) <= limits.LABELS_MAX)
        for label in self.labels:
            bounded(label, limits.LABEL_BYTES_MAX, empty=False)
        refuse_unless(len(self.needs) <= limits.REFS_MAX and len(self.refs) <= limits.REFS_MAX)


class TaskEdit(Body, frozen=True):
    """Other fields of a task: nil leaves a field alone, a set changes by what comes and goes.

    ``due_at`` 0: no date any more. ``parent`` zeros: no parent any more.
    """

    task: B32
    title: str | None
    body: str | None
    priority: I63 | None
    due_at: I63 | None
    parent: B32 | None
    label: tuple[str, ...]
    unlabel: tuple[str, ...]
    need: tuple[B32, ...]
    unneed: tuple[B32, ...]
    ref: tuple[Ref, ...]
    unref: tuple[Ref, ...]

    def check(self) -> None:
        """Refuse over-long texts and lists, and priorities outside 0 to 4."""
        bounded(self.title or "", limits.TITLE_BYTES_MAX)
        bounded(self.body or "", limits.TEXT_BYTES_MAX)
        refuse_unless(self.priority is None or self.priority <= limits.PRIORITY_MAX)
        for labels in (self.label, self.unlabel):
            refuse_unless(len(labels) <= limits.LABELS_MAX)
            for label in labels:
                bounded(label, limits.LABEL_BYTES_MAX, empty=False)
        for many in (self.need, self.unneed, self.ref, self.unref):
            refuse_unless(len(many) <= limits.REFS_MAX)


class TaskAssign(Body, frozen=True):
    """The task is given to ``to``."""

    task: B32
    to: B32


class TaskClaim(Body, frozen=True):
    """The author takes the task for ``session``; ``holder_hash`` is what a slot receipt names."""

    task: B32
    session: str
    lease_s: I63
    holder_hash: B32
    handoff: B32 | None

    def check(self) -> None:
        """Refuse leases out of bounds and over-long session names."""
        refuse_unless(limits.LEASE_SECONDS_MIN <= self.lease_s <= limits.LEASE_SECONDS_MAX)
        bounded(self.session, limits.LABEL_BYTES_MAX, empty=False)


class TaskRelease(Body, frozen=True):
    """The task is given back."""

    task: B32
    note: str | None

    def check(self) -> None:
        """Refuse an over-long note."""
        bounded(self.note or "", limits.TEXT_BYTES_MAX)


class TaskCancel(Body, frozen=True):
    """The task will not be done."""

    task: B32
    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class TaskReopen(Body, frozen=True):
    """The task that was done or cancelled is open again."""

    task: B32
    reason: str

    def check(self) -> None:
        """Refuse an over-long reason."""
        bounded(self.reason, limits.TITLE_BYTES_MAX)


class TaskProgress(Body, frozen=True):
    """Work under ``tenure`` goes on, or is blocked."""

    task: B32
    tenure: B32
    to: str
    note: str | None

    def check(self) -> None:
        """Refuse an unknown state and an over-long note."""
        refuse_unless(self.to in PROGRESS)
        bounded(self.note or "", limits.TEXT_BYTES_MAX)


class TaskComplete(Body, frozen=True):
    """The holder of ``tenure`` says the work is done, and names what shows it."""

    task: B32
    tenure: B32
    summary: str
    evidence: tuple[B32, ...]
    for_review: bool

    def check(self) -> None:
        """Refuse an over-long summary or list."""
        bounded(self.summary, limits.TEXT_BYTES_MAX)
        refuse_unless(len(self.evidence) <= limits.REFS_MAX)
