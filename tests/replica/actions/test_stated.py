"""What access statements come to: the newest of each signer, an admin's beside root's."""

from __future__ import annotations

from itertools import permutations

from envoy.core import access
from envoy.core.access import Capability, Statement
from envoy.core.crypto.sign import public_key
from envoy.replica.actions.stated import ROOT, read
from vectors.make_access import KEYS, ROOT_PUB, SEEDS, SPACE
from vectors.make_access import ROOT as ROOT_SEED

ADMIN = (access.issue(ROOT_SEED, Capability(SPACE, 0, "a", KEYS["admin"], 0, 3, 0)),)
GONE = [bytes([number]) * 32 for number in range(4)]


def by_root(n: int, *gone: bytes, min_epoch: int = 0) -> bytes:
    said = Statement(SPACE, n, 0, min_epoch, gone)
    return access.state_access(ROOT_SEED, said, ())


def by_admin(n: int, base: int, *gone: bytes) -> bytes:
    said = Statement(SPACE, n, base, 0, gone)
    return access.state_access(SEEDS["admin"], said, ADMIN)


def test_copies_that_were_kept_apart_come_to_one_in_any_order() -> None:
    old, new = by_root(4, GONE[0]), by_root(5, GONE[0], GONE[1], min_epoch=2)
    before, first, last = by_admin(9, 4, GONE[3]), by_admin(1, 5, GONE[2]), by_admin(2, 5, GONE[3])
    for order in permutations((old, new, before, first, last, b"no statement")):
        found = read(order, space=SPACE, root_pub=ROOT_PUB)
        assert found.raws == (new, last)
        assert (found.base, found.min_epoch) == (5, 2)
        assert found.of(ROOT) == {GONE[0], GONE[1]}
        assert found.of(KEYS["admin"]) == {GONE[3]}
        assert found.every == {GONE[0], GONE[1], GONE[3]}


def test_an_admin_stands_alone_where_root_stated_nothing() -> None:
    found = read((by_admin(3, 0, GONE[0]),), space=SPACE, root_pub=ROOT_PUB)
    assert (found.base, found.min_epoch, found.root) == (0, 0, None)
    assert found.of(KEYS["admin"]) == found.every == {GONE[0]}
    assert found.of(public_key(SEEDS["writer"])) == set()
    lone = read((by_admin(3, 7, GONE[0]),), space=SPACE, root_pub=ROOT_PUB)
    assert lone.raws == ()
