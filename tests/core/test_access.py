"""Access: chains that only shrink, proofs of the holder, statements of those who may."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import access
from envoy.core.access import Capability, Proof, Statement
from envoy.core.codec import decode
from envoy.core.crypto.sign import public_key, sha256
from envoy.errors import RemoteFault
from vectorfile import bad, good, load
from vectors import make_access
from vectors.make_access import KEYS, ROOT, ROOT_PUB, SEEDS, SPACE

Case = dict[str, Any]


def judge(case: Case) -> object:
    """Do what a vector says."""
    if case["op"] == "proof":
        proof = access.read_proof(bytes.fromhex(case["hex"]), bytes.fromhex(case["sig"]))
        return [shown(getattr(proof, name)) for name in proof.__struct_fields__]
    place = {name: bytes.fromhex(case[name]) for name in ("space", "root_pub")}
    if case["op"] == "chain":
        chain = access.read_chain([bytes.fromhex(one) for one in case["links"]], **place)
        return {
            "role": chain.leaf.role,
            "holder": chain.leaf.holder.hex(),
            "poster": chain.poster.hex(),
            "hashes": [one.hex() for one in chain.hashes],
        }
    said = access.read_statement(bytes.fromhex(case["hex"]), **place)
    return {
        "n": said.statement.n,
        "base": said.statement.base,
        "min_epoch": said.statement.min_epoch,
        "revoked": [one.hex() for one in said.statement.revoked],
        "signer": None if said.signer is None else said.signer.hex(),
    }


def shown(value: object) -> object:
    """Return a field as a vector shows it."""
    if isinstance(value, tuple):
        return [shown(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def a_chain(count: int) -> access.Chain:
    """Return the first ``count`` links of the vectors' chain, read."""
    return access.read_chain(make_access.WHOLE[:count], space=SPACE, root_pub=ROOT_PUB)


def test_the_vectors_are_those_of_their_generator() -> None:
    assert load("access") == make_access.vectors()


@pytest.mark.parametrize(("case", "expect"), good("access"))
def test_what_holds_is_read(case: Case, expect: object) -> None:
    assert judge(case) == expect


@pytest.mark.parametrize(("case", "code"), bad("access"))
def test_what_breaks_a_rule_is_refused_with_its_code(case: Case, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        judge(case)
    assert caught.value.code == code


ROLES = st.sampled_from(sorted(access.RANKS))
STEPS = st.lists(st.tuples(ROLES, st.integers(0, access.FOUNDER_DEPTH)), min_size=1, max_size=4)


@settings(max_examples=60)
@given(STEPS)
def test_no_chain_that_is_read_ever_gives_more_than_the_link_before(
    steps: list[tuple[str, int]],
) -> None:
    seeds = [ROOT, *SEEDS.values()]
    keys = list(KEYS.values())
    links = [
        access.issue(seeds[at], Capability(SPACE, 0, role, keys[at], 0, depth, 0))
        for at, (role, depth) in enumerate(steps)
    ]
    shrinks = all(
        access.RANKS[below[0]] <= access.RANKS[above[0]] and below[1] < above[1]
        for above, below in pairwise(steps)
    )
    if shrinks:
        assert access.read_chain(links, space=SPACE, root_pub=ROOT_PUB).leaf.role == steps[-1][0]
        return
    with pytest.raises(RemoteFault) as caught:
        access.read_chain(links, space=SPACE, root_pub=ROOT_PUB)
    assert caught.value.code == "bad_link"


def test_delegates_of_a_writer_are_counted_under_the_writer() -> None:
    assert a_chain(4).poster == a_chain(3).leaf.holder == KEYS["writer"]


@pytest.mark.parametrize("name", ["admin", "second", "writer", "delegate"])
def test_a_revoked_holder_kills_every_chain_that_passes_through_it(name: str) -> None:
    gone = frozenset([sha256(KEYS[name])])
    at = list(SEEDS).index(name)
    assert [a_chain(count).reaches(gone) for count in (1, 2, 3, 4)] == [
        count > at for count in (1, 2, 3, 4)
    ]


def test_a_revoked_capability_kills_its_chain_and_no_other() -> None:
    writer = a_chain(3)
    assert writer.reaches(frozenset([writer.hashes[1]]))
    assert not writer.reaches(frozenset([a_chain(4).hashes[3]]))


def test_who_signed_a_link_stands_above_the_leaf_and_the_leaf_not_above_itself() -> None:
    chain = a_chain(3)
    assert [chain.is_below(KEYS[name]) for name in ("admin", "second", "writer", "delegate")] == [
        True,
        True,
        False,
        False,
    ]
    assert chain.is_below(ROOT_PUB)
    mine = [
        access.issue(ROOT, Capability(SPACE, 0, "a", KEYS["admin"], 0, 3, 0)),
        access.issue(SEEDS["admin"], Capability(SPACE, 0, "w", KEYS["admin"], 0, 1, 0)),
    ]
    own = access.read_chain(mine, space=SPACE, root_pub=ROOT_PUB)
    assert not own.is_below(KEYS["admin"])


def test_what_is_proved_and_stated_is_read_back() -> None:
    seed = SEEDS["writer"]
    proof = Proof(1, "https://relay.example", 5, bytes(16), SPACE, public_key(seed), None)
    assert access.read_proof(*access.prove(seed, proof)) == proof
    statement = Statement(SPACE, 1, 0, 0, ())
    said = access.read_statement(
        access.state_access(ROOT, statement, ()), space=SPACE, root_pub=ROOT_PUB
    )
    assert (said.statement, said.signer, said.chain) == (statement, None, None)


def test_an_issuer_does_not_sign_what_no_relay_could_read() -> None:
    deep = Capability(SPACE, 0, "a", KEYS["admin"], 0, limits.CAPABILITY_LINKS_MAX, 0)
    with pytest.raises(RemoteFault):
        access.issue(ROOT, deep)
    fits = Capability(SPACE, 0, "a", KEYS["admin"], 0, access.FOUNDER_DEPTH, 0)
    assert decode(access.issue(ROOT, fits), access.Link).cap
