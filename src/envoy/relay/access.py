"""Access: who may reach a space at this relay, by chains that were registered and what ended them.

A chain is checked when it is registered: signatures, attenuation, ends, uses. At later sessions
only the end of its leaf is, so the end of an invite ends redemption and no membership. What an
access statement ends it ends at once: every change raises a number that all tokens carry.

Laws: nothing here asks who a member is. A statement counts as far as its signer reaches: root over
all, an admin over what was issued under it, nobody over a senior or a peer. Each signer's last one
is kept as it was signed, so that it comes back as its signer's and as nobody else's.

Specification: docs/spec/access.md, Live; Access statement.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import limits
from envoy.core import access
from envoy.core.access import ADMIN, READ, Chain, Statement
from envoy.core.crypto.sign import sha256
from envoy.errors import RemoteFault
from envoy.hub import log
from envoy.relay.tables import CapRow, RelayStore, StatementRow
from envoy.sync.frames import HubRefusal

ROOT = b""  # the signer of what the root key stated


def read(store: RelayStore, space: bytes, links: Sequence[bytes]) -> Chain:
    """Return the chain in ``links``. Raises HubRefusal(auth_failed, space_not_found)."""
    row = log.require_space(store, space)
    try:
        return access.read_chain(links, space=space, root_pub=row.root_pub)
    except RemoteFault as fault:
        raise HubRefusal("auth_failed") from fault


def register(store: RelayStore, space: bytes, links: Sequence[bytes], *, at: int) -> Chain:
    """Register the chain in ``links`` for its leaf's holder, inside a transaction.

    Raises HubRefusal: auth_failed, capability_expired, epoch_revoked, invite_already_redeemed,
    quota_exceeded.
    """
    return put_cap(store, space, links, at=at, by=None)[0]


def put_cap(
    store: RelayStore, space: bytes, links: Sequence[bytes], *, at: int, by: bytes | None
) -> tuple[Chain, bool]:
    """Register a chain as ``register`` does; say too whether its holder's tokens say otherwise.

    That is where somebody who was registered has another role now, or another poster. ``by``: who
    gives it, None for the holder itself. Raises HubRefusal(capability_missing) where somebody else
    would take a living chain away from above or beside it.
    """
    chain = read(store, space, links)
    if any(cap.exp and cap.exp <= at for cap in chain.caps):
        raise HubRefusal("capability_expired")
    require_live(store, space, chain, at=at)
    holder, known = chain.leaf.holder, store.find_cap(space, chain.leaf.holder)
    if known == tuple(links):
        return chain, False
    if by not in (None, holder) and not _may_replace(store, space, chain, by=by or ROOT, at=at):
        raise HubRefusal("capability_missing")
    _count_uses(store, space, chain)
    if known is None:
        _require_room(store, space, chain.poster, at=at)
    store.save_cap(space, holder, CapRow(tuple(links), chain.poster, chain.leaf.exp), at)
    if known is None:
        return chain, False
    before = read(store, space, known)
    was, now = (role_of(before), before.poster), (role_of(chain), chain.poster)
    return chain, was != now


def role_of(chain: Chain) -> str:
    """Return the role of who comes by ``chain``.

    The key of an invite, which everybody has who saw its code, reads until it has issued a link to
    somebody: that one is counted as a use, and can be ended alone.
    """
    return READ if chain.leaf.uses else chain.leaf.role


def _require_room(store: RelayStore, space: bytes, poster: bytes, *, at: int) -> None:
    """Refuse one holder more than a space may have, or a poster of it.

    The delegates of one writer take its share and nobody else's place. Raises
    HubRefusal(quota_exceeded).
    """
    for _ in range(2):
        count, mine = store.cap_counts(space, poster)
        if count < limits.CAPS_MAX and mine < limits.CAPS_POSTER_MAX:
            return
        store.drop_ended_caps(space, at)
    raise HubRefusal("quota_exceeded")


def _may_replace(store: RelayStore, space: bytes, chain: Chain, *, by: bytes, at: int) -> bool:
    """Say whether ``by`` may give ``chain`` to a holder that has another one.

    Who issued that one, or stands above, may; others only what gives no less and hangs no lower.
    """
    known = store.find_cap(space, chain.leaf.holder)
    if known is None:
        return True
    before = read(store, space, known)
    try:
        require_live(store, space, before, at=at)
    except HubRefusal:
        return True
    if by in before.signers:
        return True
    is_less = access.RANKS[chain.leaf.role] < access.RANKS[before.leaf.role]
    return not is_less and len(chain.caps) <= len(before.caps)


def _count_uses(store: RelayStore, space: bytes, chain: Chain) -> None:
    """Count the holders below each capability that is for so many; refuse one more."""
    for at, cap in enumerate(chain.caps[:-1]):
        if not cap.uses:
            continue
        below, parent = chain.caps[at + 1].holder, chain.hashes[at]
        used = store.uses(space, parent)
        if below not in used and len(used) >= cap.uses:
            raise HubRefusal("invite_already_redeemed")
        store.save_use(space, parent, below)


def standing(store: RelayStore, space: bytes, holder: bytes, *, at: int) -> Chain:
    """Return the chain that is registered for ``holder`` and lives.

    Raises HubRefusal: capability_missing, capability_expired, epoch_revoked.
    """
    links = store.find_cap(space, holder)
    if links is None:
        raise HubRefusal("capability_missing")
    chain = read(store, space, links)
    require_live(store, space, chain, at=at)
    return chain


def require_live(store: RelayStore, space: bytes, chain: Chain, *, at: int) -> None:
    """Refuse a chain that ended, or was ended. Raises HubRefusal."""
    leaf, row = chain.leaf, store.find_statement(space, ROOT)
    if leaf.exp and leaf.exp <= at:
        raise HubRefusal("capability_expired")
    least = 0 if row is None else row.min_epoch
    # Of every link: whoever holds an old one could issue itself a new one.
    is_old = any(cap.role != ADMIN and cap.gen < least for cap in chain.caps)
    if is_old or _is_ended(chain, store.stated(space)):
        raise HubRefusal("epoch_revoked")


def _is_ended(chain: Chain, stated: set[tuple[bytes, bytes]]) -> bool:
    """Say whether what was stated ends a link of ``chain``, by somebody above that link."""
    for at, cap in enumerate(chain.caps):
        above = {ROOT, *chain.signers[: at + 1]} - {cap.holder}
        for one in (sha256(cap.holder), chain.hashes[at]):
            if any((one, signer) in stated for signer in above):
                return True
    return False


def put_statement(store: RelayStore, space: bytes, raw: bytes, *, at: int) -> None:
    """Keep an access statement, inside a transaction.

    Raises HubRefusal: auth_failed, epoch_revoked, capability_expired, stale, quota_exceeded.
    """
    row = log.require_space(store, space)
    try:
        said = access.read_statement(raw, space=space, root_pub=row.root_pub)
    except RemoteFault as fault:
        raise HubRefusal("auth_failed") from fault
    stated, signer = said.statement, said.signer or ROOT
    before = store.find_statement(space, signer)
    if before is not None and before.raw == raw:
        return
    if said.chain is not None:
        require_live(store, space, said.chain, at=at)
        _require_beside_root(store, space, signer, stated, before)
    # Whoever is first is believed its number: a relay that lost its data knows none.
    if before is not None and before.n:
        _require_next(before.n, stated.n)
    if signer == ROOT:
        store.drop_other_bases(space, stated.n)
    kept = StatementRow(raw, stated.n, stated.base, stated.min_epoch)
    store.save_statement(space, signer, kept, stated.revoked)
    store.raise_rev(space)


def _require_next(before: int, n: int) -> None:
    """Refuse a number that does not go on, or goes on too far. Raises HubRefusal(stale)."""
    if not before < n <= before + limits.STATEMENT_STEP_MAX:
        raise HubRefusal("stale")


def _require_beside_root(
    store: RelayStore, space: bytes, signer: bytes, stated: Statement, before: StatementRow | None
) -> None:
    """Refuse what an admin adds to another statement of root, or takes back of its own.

    Raises HubRefusal: stale, quota_exceeded.
    """
    root = store.find_statement(space, ROOT)
    if root is not None and stated.base != root.n:
        raise HubRefusal("stale")
    if before is None:
        if store.signer_count(space) >= limits.ACCESS_SIGNERS_MAX:
            raise HubRefusal("quota_exceeded")
        return
    mine = {one for one, by in store.stated(space) if by == signer}
    if before.base == stated.base and not mine <= set(stated.revoked):
        raise HubRefusal("stale")
