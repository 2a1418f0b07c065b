"""Access: who may reach a space at this relay, by chains that were registered and what ended them.

A chain is checked when it is registered: signatures, attenuation, ends, uses. At later sessions
only the end of its leaf is, so the end of an invite ends redemption and no membership. What an
access statement ends it ends at once: every change raises a number that all tokens carry.

Laws: nothing here asks who a member is. A statement counts as far as its signer reaches: root over
all, an admin over what was issued under it, nobody over a senior or a peer.

Specification: docs/spec/access.md, Live; Access statement.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy import limits
from envoy.core import access
from envoy.core.access import ADMIN, Chain
from envoy.core.crypto.sign import sha256
from envoy.errors import RemoteFault
from envoy.hub import log
from envoy.relay.tables import RelayStore, StatementRow
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
    if known is None and store.cap_count(space) >= limits.CAPS_MAX:
        raise HubRefusal("quota_exceeded")
    store.save_cap(space, holder, tuple(links), at)
    if known is None:
        return chain, False
    before = read(store, space, known)
    was, now = (before.leaf.role, before.poster), (chain.leaf.role, chain.poster)
    return chain, was != now


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
    leaf, row = chain.leaf, store.find_statement(space)
    if leaf.exp and leaf.exp <= at:
        raise HubRefusal("capability_expired")
    if row is None:
        return
    # Of every link: whoever holds an old one could issue itself a new one.
    is_old = any(cap.role != ADMIN and cap.gen < row.min_epoch for cap in chain.caps)
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

    Raises HubRefusal: auth_failed, epoch_revoked, capability_expired, stale.
    """
    row, before = log.require_space(store, space), store.find_statement(space)
    try:
        said = access.read_statement(raw, space=space, root_pub=row.root_pub)
    except RemoteFault as fault:
        raise HubRefusal("auth_failed") from fault
    if before is not None and before.raw == raw:
        return
    if said.chain is not None:
        require_live(store, space, said.chain, at=at)
    stated = said.statement
    newest, least = (0, 0) if before is None else (before.n, before.min_epoch)
    if not newest < stated.n <= newest + limits.STATEMENT_STEP_MAX:
        raise HubRefusal("stale")
    if said.signer is None:
        store.drop_stated(space)
    elif stated.min_epoch != least or not _keeps(store, space, stated.revoked):
        raise HubRefusal("stale")
    store.save_statement(space, StatementRow(raw, stated.n, stated.min_epoch))
    store.save_stated(space, stated.revoked, said.signer or ROOT)
    store.raise_rev(space)


def _keeps(store: RelayStore, space: bytes, hashes: Sequence[bytes]) -> bool:
    """Say whether nothing that was stated is missing in ``hashes``."""
    return {one for one, _ in store.stated(space)} <= set(hashes)
