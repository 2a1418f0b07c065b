"""Access: what a relay may know of who may reach a space, and how that is shown.

A relay keeps no list of members. It knows the root key of a space, which G names, and for each
member a pseudonym, the access key. A chain of capabilities leads from one to the other; each link
is signed by the holder of the link before it and gives less. A session proof shows that who calls
has the key at the end of a chain; an access statement says whose chains are dead.

Laws: authority to talk is not authority in the space. Nothing here says who a member is, and no
rule of an event looks at it. Role and depth only shrink. Nothing here reads a clock: whether an end
is over is for the relay to say, by its own time.

Specification: docs/spec/access.md. Test vectors: tests/vectors/access.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from envoy import limits
from envoy.core.codec import B16, B32, B64, I63, bounded, decode, encode, refuse_unless
from envoy.core.crypto import sign
from envoy.core.structs import Body, State
from envoy.errors import RemoteFault

READ: Final = "r"
WRITE: Final = "w"
ADMIN: Final = "a"
# Role -> how much it is worth: none gives a higher one than it is.
RANKS: Final = {READ: 0, WRITE: 1, ADMIN: 2}
# Role -> the depth that a member gets with it. The founder's own is one more.
DEPTHS: Final = {READ: 0, WRITE: 1, ADMIN: 2}
FOUNDER_DEPTH: Final = limits.CAPABILITY_LINKS_MAX - 1
PROOF_VERSION: Final = 1


class Capability(Body, frozen=True):
    """What ``holder`` may do at relays; the fields are those of the spec's table."""

    space: B32
    gen: I63
    role: str
    holder: B32
    exp: I63
    depth: I63
    uses: I63

    def check(self) -> None:
        """Refuse another role, and a depth or a count that no issuer may give."""
        refuse_unless(self.role in RANKS)
        refuse_unless(self.depth <= FOUNDER_DEPTH and self.uses <= limits.INVITE_USES_MAX)


class Link(Body, frozen=True):
    """C of a capability, and the signature of whoever issued it."""

    cap: bytes
    sig: B64


class Proof(Body, frozen=True):
    """That its signer has the key ``holder`` and talks to the relay ``aud`` at the time ``ts``.

    ``space`` nil: about the account. ``chain`` nil: the one that the relay has registered.
    """

    v: I63
    aud: str
    ts: I63
    nonce: B16
    space: B32 | None
    holder: B32
    chain: tuple[bytes, ...] | None

    def check(self) -> None:
        """Refuse another version, no audience, an account with a chain, a chain too long."""
        refuse_unless(self.v == PROOF_VERSION)
        bounded(self.aud, limits.ORIGIN_BYTES_MAX, empty=False)
        refuse_unless(self.chain is None or self.space is not None)
        refuse_unless(self.chain is None or 1 <= len(self.chain) <= limits.CAPABILITY_LINKS_MAX)


class Statement(Body, frozen=True):
    """Whose access to ``space`` is over: ``revoked`` are hashes of holders and capabilities.

    ``n`` counts what its signer stated; ``base`` is the number of the root key's statement that it
    adds to, 0 where there is none, and in a statement of the root key.
    """

    space: B32
    n: I63
    base: I63
    min_epoch: I63
    revoked: tuple[B32, ...]

    def check(self) -> None:
        """Refuse number 0, and a list that is long, unsorted or names something twice."""
        refuse_unless(self.n >= 1 and len(self.revoked) <= limits.ACCESS_REVOKED_MAX)
        refuse_unless(list(self.revoked) == sorted(set(self.revoked)))


class SignedStatement(Body, frozen=True):
    """C of a statement, the chain of its signer (empty: the root key signed) and its signature."""

    statement: bytes
    chain: tuple[bytes, ...]
    sig: B64

    def check(self) -> None:
        """Refuse a chain too long."""
        refuse_unless(len(self.chain) <= limits.CAPABILITY_LINKS_MAX)


class Chain(State, frozen=True):
    """A chain that was read and holds: its capabilities, their hashes, who signed each."""

    caps: tuple[Capability, ...]
    hashes: tuple[bytes, ...]
    signers: tuple[bytes, ...]

    @property
    def leaf(self) -> Capability:
        """Return the capability that counts."""
        return self.caps[-1]

    @property
    def poster(self) -> bytes:
        """Return the key under which the places of this chain are counted."""
        above = ADMIN  # root, which signs the first link
        found = self.caps[0].holder
        for cap in self.caps:
            if above == ADMIN:
                found = cap.holder
            above = cap.role
        return found

    def reaches(self, revoked: frozenset[bytes]) -> bool:
        """Say whether one of the hashes ``revoked`` names a holder or a capability of this."""
        holders = (sign.sha256(cap.holder) for cap in self.caps)
        return not revoked.isdisjoint(self.hashes) or any(one in revoked for one in holders)

    def is_below(self, signer: bytes) -> bool:
        """Say whether the leaf was issued under ``signer``, who is not its own holder."""
        return signer in self.signers and signer != self.leaf.holder


class Said(State, frozen=True):
    """An access statement that was read and holds; ``signer`` None: the root key."""

    statement: Statement
    signer: bytes | None
    chain: Chain | None


def issue(seed: bytes, capability: Capability) -> bytes:
    """Return the link by which the holder of ``seed``, or root, gives ``capability``."""
    cap = encode(capability)
    decode(cap, Capability)  # what no relay could read is not given
    return encode(Link(cap, sign.sign(seed, "cap", cap)))


def read_chain(links: Sequence[bytes], *, space: bytes, root_pub: bytes) -> Chain:
    """Return the chain in ``links`` that begins with the root key of ``space`` and holds.

    Raises RemoteFault: ``malformed``, ``non_canonical``, ``wrong_space``, ``bad_key``,
    ``bad_link`` for a link that gives more or lasts longer than the one before it allows,
    ``bad_signature``. Source: docs/spec/access.md, Capability.
    """
    refuse_unless(1 <= len(links) <= limits.CAPABILITY_LINKS_MAX)
    read = [decode(link, Link) for link in links]
    caps = tuple(decode(link.cap, Capability) for link in read)
    if any(cap.space != space for cap in caps):
        raise RemoteFault("wrong_space")
    if not all(sign.is_valid_key(cap.holder) for cap in caps):
        raise RemoteFault("bad_key")
    for above, below in pairwise(caps):
        if RANKS[below.role] > RANKS[above.role] or below.depth >= above.depth:
            raise RemoteFault("bad_link")
    _check_ends(caps)
    signers = (root_pub, *(cap.holder for cap in caps[:-1]))
    for signer, link in zip(signers, read, strict=True):
        if not sign.verify(signer, "cap", link.sig, link.cap):
            raise RemoteFault("bad_signature")
    return Chain(caps, tuple(sign.sha256(link.cap) for link in read), signers)


def latest_end(caps: Sequence[Capability]) -> int:
    """Return when a link that follows ``caps`` ends at the latest, ms; 0 where nothing says so.

    The end of an invite ends its redemption: what its key issues may last 30 days beyond.
    """
    end = 0
    for cap in caps:
        own = cap.exp + limits.JOINED_SECONDS * 1000 if cap.exp and cap.uses else cap.exp
        end = min(end or own, own or end)
    return end


def _check_ends(caps: Sequence[Capability]) -> None:
    """Refuse a link that outlasts one above it."""
    for at in range(1, len(caps)):
        end = latest_end(caps[:at])
        if end and not 0 < caps[at].exp <= end:
            raise RemoteFault("bad_link")


def prove(seed: bytes, proof: Proof) -> tuple[bytes, bytes]:
    """Return C(proof) and its signature by the holder of ``seed``."""
    raw = encode(proof)
    decode(raw, Proof)
    return raw, sign.sign(seed, "session", raw)


def read_proof(raw: bytes, sig: bytes) -> Proof:
    """Return the proof in ``raw`` that its holder signed; whether it is fresh is not judged.

    Raises RemoteFault: ``malformed``, ``non_canonical``, ``bad_key``, ``bad_signature``.
    """
    proof = decode(raw, Proof)
    if not sign.is_valid_key(proof.holder):
        raise RemoteFault("bad_key")
    if not sign.verify(proof.holder, "session", sig, raw):
        raise RemoteFault("bad_signature")
    return proof


def state_access(seed: bytes, statement: Statement, chain: Sequence[bytes]) -> bytes:
    """Return the signed form of ``statement``; ``chain`` is the signer's, empty for the root."""
    raw = encode(statement)
    decode(raw, Statement)
    return encode(SignedStatement(raw, tuple(chain), sign.sign(seed, "access-state", raw)))


def read_statement(raw: bytes, *, space: bytes, root_pub: bytes) -> Said:
    """Return the access statement in ``raw`` that root or an admin's access key signed.

    Raises RemoteFault as ``read_chain`` does; ``bad_link`` for a signer who may not, ``malformed``
    where one but root says from which epoch on chains live, or root what it adds to. Its number is
    not judged. Source: docs/spec/access.md, Access statement.
    """
    signed = decode(raw, SignedStatement)
    statement = decode(signed.statement, Statement)
    if statement.space != space:
        raise RemoteFault("wrong_space")
    refuse_unless(not (statement.min_epoch if signed.chain else statement.base))
    chain = read_chain(signed.chain, space=space, root_pub=root_pub) if signed.chain else None
    if chain is not None and chain.leaf.role != ADMIN:
        raise RemoteFault("bad_link")
    signer = None if chain is None else chain.leaf.holder
    if not sign.verify(signer or root_pub, "access-state", signed.sig, signed.statement):
        raise RemoteFault("bad_signature")
    return Said(statement, signer, chain)
