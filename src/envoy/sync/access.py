"""Access calls: what a relay is asked beside the calls of every hub, and how it is asked.

On the wire a call is one request: tokens that sessions gave, and the call. The calls about access,
reconciliation and whole spaces stand here and not in ``sync.frames``, since nothing on one machine
needs them: the local hub answers them as calls it does not know.

Specification: docs/spec/access.md, Session; docs/spec/relay.md, Calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy import limits
from envoy.core.codec import B16, B32, B64, I63, refuse_unless
from envoy.core.structs import Body
from envoy.errors import RemoteFault
from envoy.sync import chunks, frames
from envoy.sync.frames import Done, Head


class Request(Body, frozen=True):
    """What stands in the body of a POST: tokens, and C of the call that the path names."""

    tokens: tuple[bytes, ...]
    call: bytes

    def check(self) -> None:
        """Refuse more tokens than one call can be about."""
        refuse_unless(len(self.tokens) <= limits.PULL_SPACES_MAX)
        refuse_unless(all(len(one) <= limits.TOKEN_BYTES_MAX for one in self.tokens))


class Proved(Body, frozen=True):
    """C of a session proof, and its signature."""

    proof: bytes
    sig: B64


class Session(Body, frozen=True):
    """Ask for tokens, one for each proof."""

    proofs: tuple[Proved, ...]

    def check(self) -> None:
        """Refuse more than one request has time for."""
        refuse_unless(1 <= len(self.proofs) <= limits.SESSION_PROOFS_MAX)


class Renew(Body, frozen=True):
    """Swap the tokens of the request for younger ones."""


class Entry(Body, frozen=True):
    """A token and what it is good for, or ``code``: why there is none; then the others are nil.

    ``exp`` is when it ends, ms of the relay's clock; ``head`` nil for an account, and for a space
    that the relay does not have.
    """

    code: str | None
    token: bytes | None
    role: str | None
    exp: I63
    head: Head | None


class Entries(Body, frozen=True):
    """An answer per proof or token, in the order asked, and the time of the relay, ms."""

    at: I63
    entries: tuple[Entry, ...]


class AccessPut(Body, frozen=True):
    """Register chains for others, and keep an access statement in its signed form."""

    space: B32
    caps: tuple[tuple[bytes, ...], ...]
    statement: bytes | None

    def check(self) -> None:
        """Refuse nothing at all, and more than one transaction takes."""
        refuse_unless(self.caps or self.statement is not None)
        refuse_unless(len(self.caps) <= limits.ACCESS_CAPS_MAX)
        refuse_unless(all(1 <= len(one) <= limits.CAPABILITY_LINKS_MAX for one in self.caps))


class AccessGet(Body, frozen=True):
    """Ask for the caller's own chain, and for the access statement."""

    space: B32


class AccessFound(Body, frozen=True):
    """The chain that is registered for the caller, or nil; the last statement of each signer.

    In their signed form, the root key's first.
    """

    chain: tuple[bytes, ...] | None
    statements: tuple[bytes, ...]

    def check(self) -> None:
        """Refuse more statements than a relay keeps."""
        refuse_unless(len(self.statements) <= limits.ACCESS_SIGNERS_MAX + 1)


class GenesisGet(Body, frozen=True):
    """Ask for G of ``space``: who joins by a code has no event yet."""

    space: B32


class GenesisFound(Body, frozen=True):
    """G."""

    g: bytes


class Recon(Body, frozen=True):
    """A message of reconciliation (docs/spec/recon.md), and in the same form its answer."""

    space: B32
    message: bytes

    def check(self) -> None:
        """Refuse more than a message may have."""
        if len(self.message) > limits.RECON_BYTES_MAX:
            raise RemoteFault("too_large")


class Reconciled(Body, frozen=True):
    """The answer to a message of reconciliation."""

    message: bytes


class SpaceDelete(Body, frozen=True):
    """Delete all that the relay has of a space; ``sig`` is the root key's, over space, instance."""

    space: B32
    instance: B16
    sig: B64


class Publish(Body, frozen=True):
    """Let the relay of ``space`` have an invite: to the hub of one machine, never on the wire.

    The record itself does not say which space it is for, so that no hub learns it from there.
    """

    space: B32
    put: frames.InvitePut


class Withdraw(Body, frozen=True):
    """End an invite where it is, here or at the relay of ``space``: never on the wire either."""

    space: B32
    delete: frames.InviteDelete


# Name of the call, as in /v1/NAME -> its Body and that of its reply.
CALLS: Final[Mapping[str, tuple[type[Body], type[Body]]]] = {
    "session": (Session, Entries),
    "renew": (Renew, Entries),
    "access_put": (AccessPut, Done),
    "access_get": (AccessGet, AccessFound),
    "genesis_get": (GenesisGet, GenesisFound),
    "recon": (Recon, Reconciled),
    "space_delete": (SpaceDelete, Done),
}
# All that a relay answers. The directory of keys holds dids, so it stays on its machine.
EVERY: Final[Mapping[str, tuple[type[Body], type[Body]]]] = {
    **{name: pair for name, pair in frames.CALLS.items() if not name.startswith("keys_")},
    **chunks.CALLS,
    **CALLS,
}
