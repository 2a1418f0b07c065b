"""Frames: what travels between a replica and a hub, and what both compute from it alike.

A frame is a sealed event or a hub's receipt; a hub cannot tell more of it than its id. A call is a
Body, its reply another; ``CALLS`` is the table. Author and hub check a call with the same code, its
``check``, and no call is without a bound. A refused call raises HubRefusal in process and becomes a
status and a code on the wire; what was refused has left nothing behind.

Law: all of this is opaque bytes, numbers and codes. Nothing here decrypts, and nothing here knows
what an event is.

Specification: docs/spec/frames.md. Test vectors: tests/vectors/frames.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from envoy import limits
from envoy.core.codec import B16, B32, B64, I63, EncKey, peek_first, refuse_unless
from envoy.core.crypto import sign
from envoy.core.receipt import receipt_id
from envoy.core.structs import Body
from envoy.errors import RemoteFault

CLAIM: Final = "claim"
RENEW: Final = "renew"
RELEASE: Final = "release"
BOX_BYTES: Final = 1168  # HPKE X-Wing, suite 1: 1,120 encapsulated, 32 sealed, 16 tag
SUM_MODULUS: Final = 2**256

# What each means and what a client does about it stands in docs/spec/frames.md.
REFUSALS: Final = frozenset((
    "malformed", "message_too_large", "unsupported_operation", "space_not_found", "not_found",
    "already_exists", "quota_exceeded", "slot_moved", "slot_taken",
    "hosted_relay_invite_not_found", "invite_already_redeemed",
    # Of a relay alone.
    "auth_failed", "session_expired", "session_stale", "clock_skew_ahead", "clock_skew_behind",
    "replayed", "stale", "epoch_revoked", "capability_expired", "capability_missing",
    "read_only", "subscription_required", "rate_limited", "timeout", "relay_unavailable",
    "storage_failed", "length_required",
))  # fmt: skip


class HubRefusal(Exception):
    """A call that a hub did not do. ``details`` are numbers that a program can use."""

    def __init__(self, code: str, **details: int) -> None:
        assert code in REFUSALS, f"{code} is no refusal of a hub"
        super().__init__(code)
        self.code = code
        self.details = details


# -- ids, chain, sum -------------------------------------------------------------------------


def is_envelope(frame: bytes) -> bool:
    """Say whether ``frame`` is a sealed event: its first element is a suite, not a label."""
    return isinstance(peek_first(frame), int)


def frame_id(frame: bytes) -> bytes:
    """Return the id, 32 bytes, of ``frame``, whose first element names the kind.

    Raises RemoteFault(malformed) for what is neither envelope nor receipt.
    """
    first = peek_first(frame)
    if isinstance(first, int):
        return sign.tagged("env", frame)
    refuse_unless(isinstance(first, str) and first.startswith("rcpt/"))
    return receipt_id(frame)


def chain_start(instance: bytes, space: bytes) -> bytes:
    """Return h_0 of a space at the hub ``instance``."""
    return sign.tagged("hub-chain", instance, space)


def chain_after(h: bytes, frame_ids: Iterable[bytes]) -> bytes:
    """Return the hub chain after ``h`` and the frames with these ids, in the order of the hub."""
    for ident in frame_ids:
        h = sign.tagged("hub-chain", h, ident)
    return h


def sum_after(total: bytes, frame_ids: Iterable[bytes]) -> bytes:
    """Return ``total``, 32 bytes, with these ids added: equal sets of frames have equal sums."""
    number = int.from_bytes(total, "little")
    for ident in frame_ids:
        number += int.from_bytes(ident, "little")
    return (number % SUM_MODULUS).to_bytes(32, "little")


# -- spaces and frames -----------------------------------------------------------------------


class Create(Body, frozen=True):
    """Make the hub keep ``space``. ``g`` is its G; ``chain`` a capability chain, nil locally."""

    space: B32
    g: bytes
    chain: tuple[bytes, ...] | None

    def check(self) -> None:
        """Refuse what is larger than any G."""
        _refuse_large((self.g,), limits.COMMITMENT_BYTES_MAX)
        refuse_unless(len(self.chain or ()) <= limits.CAPABILITY_LINKS_MAX)
        _refuse_large(self.chain or (), limits.PUSH_BYTES_MAX)


class Head(Body, frozen=True):
    """Where a space stands at a hub; ``rev`` counts changes of access, ``at`` is its time."""

    instance: B16
    head: I63
    h: B32
    sum: B32
    count: I63
    rev: I63
    at: I63


class HeadGet(Body, frozen=True):
    """Ask for the Head of ``space``."""

    space: B32


class Push(Body, frozen=True):
    """Append frames, all or none."""

    space: B32
    frames: tuple[bytes, ...]

    def check(self) -> None:
        """Refuse more than one transaction takes."""
        refuse_unless(1 <= len(self.frames) <= limits.PUSH_FRAMES_MAX)
        _refuse_large(self.frames, limits.PUSH_BYTES_MAX)


class Pushed(Body, frozen=True):
    """The number of each frame pushed, old ones for known frames, and the signed state."""

    instance: B16
    seqs: tuple[I63, ...]
    head: I63
    h: B32
    at: I63
    sig: B64


class Since(Body, frozen=True):
    """What a puller has of ``space``: all up to ``since``, from the hub ``instance``."""

    space: B32
    instance: B16 | None
    since: I63


class Pull(Body, frozen=True):
    """Ask for the frames after what the puller has, at most ``limit`` in all."""

    spaces: tuple[Since, ...]
    limit: I63
    wait_ms: I63

    def check(self) -> None:
        """Refuse a page that no answer may have."""
        refuse_unless(1 <= len(self.spaces) <= limits.PULL_SPACES_MAX)
        refuse_unless(1 <= self.limit <= limits.PAGE_FRAMES_MAX)
        refuse_unless(self.wait_ms <= limits.PULL_WAIT_MS_MAX)


class Page(Body, frozen=True):
    """The frames since + 1 to ``last``; ``head`` nil: the hub does not have the space."""

    frames: tuple[bytes, ...]
    last: I63
    head: Head | None


class Pulled(Body, frozen=True):
    """A page per space asked for, in the order of the question."""

    pages: tuple[Page, ...]


class ById(Body, frozen=True):
    """Ask for frames by their ids."""

    space: B32
    ids: tuple[B32, ...]

    def check(self) -> None:
        """Refuse a longer list than one answer serves."""
        refuse_unless(1 <= len(self.ids) <= limits.BY_ID_MAX)


class Found(Body, frozen=True):
    """The frames that the hub has, in the order asked, as many as fit a page."""

    frames: tuple[bytes, ...]


class Done(Body, frozen=True):
    """It is so now, whether by this call or by an earlier one."""


# -- slots -----------------------------------------------------------------------------------


class Slot(Body, frozen=True):
    """Claim, renew or release ``slot``, which stands for a task under hub number ``no``.

    ``seen``: for a claim the highest fence known, otherwise the fence held. ``holder``: 16 random
    bytes per task and session, the secret behind the hash in the claim. ``frame``: the claim, or
    any event that goes with the renewal or release.
    """

    op: str
    space: B32
    no: I63
    slot: B32
    seen: I63
    holder: B16
    lease_s: I63
    frame: bytes | None

    def check(self) -> None:
        """Refuse another op, a claim without its event, and a lease out of bounds."""
        refuse_unless(self.op in (CLAIM, RENEW, RELEASE))
        refuse_unless(self.frame is not None or self.op != CLAIM)
        lease = limits.LEASE_SECONDS_MIN <= self.lease_s <= limits.LEASE_SECONDS_MAX
        refuse_unless(self.lease_s == 0 if self.op == RELEASE else lease)
        if self.frame is not None:
            refuse_unless(is_envelope(self.frame))
            _refuse_large((self.frame,), limits.PUSH_BYTES_MAX)


class Slotted(Body, frozen=True):
    """``Pushed`` for the frame and the receipt, when the lease ends, and the receipt of a claim."""

    instance: B16
    seqs: tuple[I63, ...]
    head: I63
    h: B32
    at: I63
    sig: B64
    until: I63
    receipt: bytes | None


# -- epochs and boxes ------------------------------------------------------------------------


class EpochHead(Body, frozen=True):
    """What a hub reads of an epoch head, to see that its fields give the epoch id."""

    suite: I63
    tag: B32
    commitment: B32
    prev_wrap: bytes | None

    def check(self) -> None:
        """Refuse a wrap without entries."""
        refuse_unless(self.prev_wrap is None or len(self.prev_wrap) > 0)

    def epoch(self, space: bytes) -> bytes:
        """Return the id of the epoch of ``space`` that has this head. Source: epoch.md, Values."""
        wrap = bytes(32) if self.prev_wrap is None else sign.tagged("wrap", self.prev_wrap)
        return sign.tagged("epoch", space, self.tag, self.commitment, wrap)


class EpochPut(Body, frozen=True):
    """Keep ``head`` for ``epoch``."""

    space: B32
    epoch: B32
    head: bytes

    def check(self) -> None:
        """Refuse a head larger than any."""
        _refuse_large((self.head,), limits.EPOCH_HEAD_BYTES_MAX)


class Box(Body, frozen=True):
    """A sealed epoch secret, and the tag that its reader finds it by."""

    tag: B16
    box: bytes


class BoxPut(Body, frozen=True):
    """Keep boxes for ``epoch``, whose head the hub has; all or none."""

    space: B32
    epoch: B32
    boxes: tuple[Box, ...]

    def check(self) -> None:
        """Refuse what is no box, and more than one transaction takes."""
        refuse_unless(1 <= len(self.boxes) <= limits.PUSH_BYTES_MAX // BOX_BYTES)
        refuse_unless(all(len(box.box) == BOX_BYTES for box in self.boxes))


class EpochGet(Body, frozen=True):
    """Ask for the head of ``epoch`` and for the boxes under some tags."""

    space: B32
    epoch: B32
    tags: tuple[B16, ...]

    def check(self) -> None:
        """Refuse more tags than a member has keys to try."""
        refuse_unless(len(self.tags) <= limits.BOX_TAGS_MAX)


class PostedBox(Body, frozen=True):
    """A box and who posted it, under the name the hub knows."""

    poster: B32
    box: bytes


class EpochFound(Body, frozen=True):
    """The head and its poster, nil if the hub has none, and per tag the boxes in reading order."""

    head: bytes | None
    poster: B32 | None
    boxes: tuple[tuple[PostedBox, ...], ...]


# -- invites ---------------------------------------------------------------------------------


class InvitePut(Body, frozen=True):
    """Keep a blob for whoever shows a secret with the hash ``fetch_hash``, ``uses`` times."""

    lookup: B16
    fetch_hash: B32
    revoke_hash: B32
    blob: bytes
    expires: I63
    uses: I63

    def check(self) -> None:
        """Refuse another size than all have, and uses out of bounds."""
        refuse_unless(len(self.blob) == limits.INVITE_BLOB_BYTES)
        refuse_unless(1 <= self.uses <= limits.INVITE_USES_MAX)


class InviteFetch(Body, frozen=True):
    """Ask for the blob. The same ``tag`` may ask again; another one burns another use."""

    lookup: B16
    fetch_auth: B32
    tag: B16


class InviteBlob(Body, frozen=True):
    """The blob of an invite."""

    blob: bytes


class InviteRequest(Body, frozen=True):
    """Ask to be let in, as the ``tag`` that fetched; nil: look for the answer. The first stays."""

    lookup: B16
    fetch_auth: B32
    tag: B16
    request: bytes | None

    def check(self) -> None:
        """Refuse another size than all have."""
        refuse_unless(self.request is None or len(self.request) == limits.JOIN_REQUEST_BYTES)


class InviteAnswer(Body, frozen=True):
    """The answer to a request, nil while there is none."""

    reply: bytes | None


class InviteReply(Body, frozen=True):
    """Ask for the requests of an invite and, unless it is nil, answer that of ``tag``."""

    lookup: B16
    revoke_auth: B32
    tag: B16 | None
    reply: bytes | None

    def check(self) -> None:
        """Refuse an answer to nobody, and another size than all have."""
        refuse_unless((self.tag is None) == (self.reply is None))
        refuse_unless(self.reply is None or len(self.reply) == limits.JOIN_REQUEST_BYTES)


class PostedRequest(Body, frozen=True):
    """A request, by the tag of who posted it, and whether it was answered."""

    tag: B16
    request: bytes
    is_answered: bool


class InviteRequests(Body, frozen=True):
    """The requests of an invite, ascending by tag."""

    requests: tuple[PostedRequest, ...]


class InviteDelete(Body, frozen=True):
    """End an invite; ``revoke_auth`` proves that an admin of its space asks."""

    lookup: B16
    revoke_auth: B32


# -- directory of keys -----------------------------------------------------------------------


class KeysStatement(Body, frozen=True):
    """What a hub reads of a keys statement Q, to know whose it is and which is newer."""

    v: I63
    did: B32
    space: B32 | None
    no: I63
    enc: EncKey
    ts: I63

    def check(self) -> None:
        """Refuse another version, and a key for one space: the directory has card keys only."""
        refuse_unless(self.v == 1 and self.space is None)


class KeysPut(Body, frozen=True):
    """Keep C(Q) and its signature in the directory."""

    statement: bytes
    sig: B64

    def check(self) -> None:
        """Refuse what is larger than any statement."""
        _refuse_large((self.statement,), limits.STATEMENT_BYTES_MAX)


class KeysGet(Body, frozen=True):
    """Ask for the statements of members."""

    dids: tuple[B32, ...]

    def check(self) -> None:
        """Refuse a longer list than a space has members."""
        refuse_unless(1 <= len(self.dids) <= limits.BY_ID_MAX)


class KeysFound(Body, frozen=True):
    """Per did its newest statement and signature, or nil."""

    found: tuple[KeysPut | None, ...]


# Name of the call, as in /v1/NAME -> its Body and that of its reply.
CALLS: Final[Mapping[str, tuple[type[Body], type[Body]]]] = {
    "create": (Create, Head),
    "head": (HeadGet, Head),
    "push": (Push, Pushed),
    "pull": (Pull, Pulled),
    "by_id": (ById, Found),
    "slot": (Slot, Slotted),
    "epoch_put": (EpochPut, Done),
    "box_put": (BoxPut, Done),
    "epoch_get": (EpochGet, EpochFound),
    "invite_put": (InvitePut, Done),
    "invite_fetch": (InviteFetch, InviteBlob),
    "invite_request": (InviteRequest, InviteAnswer),
    "invite_reply": (InviteReply, InviteRequests),
    "invite_delete": (InviteDelete, Done),
    "keys_put": (KeysPut, Done),
    "keys_get": (KeysGet, KeysFound),
}


def _refuse_large(parts: Iterable[bytes], most: int) -> None:
    """Raise RemoteFault(too_large) for parts over ``most`` together, or one no frame may have."""
    sizes = [len(part) for part in parts]
    if sum(sizes) > most or max(sizes, default=0) > limits.ENVELOPE_BYTES_MAX:
        raise RemoteFault("too_large")
