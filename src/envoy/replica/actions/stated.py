"""Stated: what access statements come to, wherever they were kept: at a relay, or on this machine.

Each signer's newest counts, and an admin's only beside the statement of root that it adds to. So
copies that were kept apart are merged by reading them together, and nothing that root stated turns
into somebody else's word.

Specification: docs/spec/access.md, Access statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from envoy.core import access
from envoy.core.access import Said
from envoy.errors import RemoteFault
from envoy.lean import NamedTuple

ROOT: Final = b""  # the signer of what the root key stated


class Stated(NamedTuple):
    """What stands of access statements: root's, and those of admins beside it by their keys.

    Each as it was read and in its signed form.
    """

    root: tuple[Said, bytes] | None
    admins: dict[bytes, tuple[Said, bytes]]

    @property
    def base(self) -> int:
        """Return the number of root's statement, 0 for none."""
        return 0 if self.root is None else self.root[0].statement.n

    @property
    def min_epoch(self) -> int:
        """Return the least gen of chains that live."""
        return 0 if self.root is None else self.root[0].statement.min_epoch

    @property
    def raws(self) -> tuple[bytes, ...]:
        """Return all in their signed form, root's first."""
        root = () if self.root is None else (self.root[1],)
        return (*root, *(raw for _, (_, raw) in sorted(self.admins.items())))

    @property
    def every(self) -> set[bytes]:
        """Return the hashes that anybody stated."""
        return self.of(ROOT).union(*map(self.of, self.admins))

    def of(self, signer: bytes) -> set[bytes]:
        """Return the hashes that ``signer`` stated, ``ROOT`` for the root key."""
        found = self.root if signer == ROOT else self.admins.get(signer)
        return set() if found is None else set(found[0].statement.revoked)


def read(raws: Sequence[bytes], *, space: bytes, root_pub: bytes) -> Stated:
    """Return what stands of ``raws``: root's newest, and each admin's newest beside that one."""
    newest = dict[bytes, tuple[Said, bytes]]()
    for raw in raws:
        try:
            said = access.read_statement(raw, space=space, root_pub=root_pub)
        except RemoteFault:
            continue  # a relay could send anything
        signer = said.signer or ROOT
        known = newest.get(signer)
        if known is None or _order(known[0]) < _order(said):
            newest[signer] = (said, raw)
    root = newest.pop(ROOT, None)
    base = 0 if root is None else root[0].statement.n
    admins = {one: pair for one, pair in newest.items() if pair[0].statement.base == base}
    return Stated(root, admins)


def _order(said: Said) -> tuple[int, int]:
    """Return what tells an older statement of a signer from a newer one."""
    return said.statement.base, said.statement.n
