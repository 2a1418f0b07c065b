"""Reconciliation: both find exactly what the other lacks, whoever lies costs a bounded run."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core.codec import decode, encode
from envoy.errors import RemoteFault
from envoy.sync import recon
from envoy.sync.recon import Asker, Ids, Range
from vectorfile import bad, good, load
from vectors import make_recon

Case = dict[str, Any]


def judge(case: Case) -> object:
    """Do what a vector says."""
    ids = Ids([bytes.fromhex(one) for one in case["ids"]])
    if case["op"] == "fingerprint":
        return ids.fingerprint(0, len(ids.ids)).hex()
    return recon.answer(ids, bytes.fromhex(case["hex"])).hex()


def names(*numbers: int) -> list[bytes]:
    """Return the ids of some frames, ascending."""
    return sorted(hashlib.sha256(str(number).encode()).digest() for number in numbers)


def run(mine: list[bytes], theirs: list[bytes]) -> tuple[Asker, int, int]:
    """Reconcile; return who asked, how many messages it sent, and bytes both ways."""
    asker, other = Asker(Ids(mine)), Ids(theirs)
    message: bytes | None = asker.begin()
    count = size = 0
    while message is not None:
        reply = recon.answer(other, message)
        count, size = count + 1, size + len(message) + len(reply)
        message = asker.take(reply)
    return asker, count, size


def test_the_vectors_are_those_of_their_generator() -> None:
    assert load("recon") == make_recon.vectors()


@pytest.mark.parametrize(("case", "expect"), good("recon"))
def test_a_message_is_answered(case: Case, expect: object) -> None:
    assert judge(case) == expect


@pytest.mark.parametrize(("case", "code"), bad("recon"))
def test_what_is_no_message_is_refused(case: Case, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        judge(case)
    assert caught.value.code == code


SETS = st.sets(st.integers(0, 300), max_size=200)


@settings(max_examples=80, deadline=None)
@given(SETS, SETS)
def test_both_sides_learn_exactly_the_difference(mine: set[int], theirs: set[int]) -> None:
    asker, _, _ = run(names(*mine), names(*theirs))
    assert asker.lacks == set(names(*theirs - mine))
    assert asker.beside == set(names(*mine - theirs))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=120), st.data())
def test_ids_that_share_long_prefixes_are_told_apart(found: list[bytes], data: Any) -> None:
    ids = sorted({bytes(31) + bytes([number]) for number in range(100)} | set(found))
    some = sorted(data.draw(st.sets(st.sampled_from(ids))))
    asker, _, _ = run(some, ids)
    assert asker.lacks == set(ids) - set(some)


@pytest.mark.parametrize(
    ("missing", "messages", "size"),
    [
        pytest.param(0, 1, 100, id="equal: one answer of a few bytes"),
        pytest.param(1, 4, 5_000, id="one missing"),
        pytest.param(100, 4, 70_000, id="a hundred missing"),
    ],
)
def test_of_ten_thousand_few_messages_find_what_is_missing(
    missing: int, messages: int, size: int
) -> None:
    whole = names(*range(10_000))
    step = len(whole) // max(missing, 1)
    gone = set(whole[::step][:missing]) if missing else set()
    asker, count, total = run([one for one in whole if one not in gone], whole)
    assert asker.lacks == gone
    assert count <= messages
    assert total <= size


def test_an_empty_side_learns_everything_in_messages_of_bounded_size() -> None:
    whole = names(*range(20_000))
    asker, other = Asker(Ids([])), Ids(whole)
    message: bytes | None = asker.begin()
    while message is not None:
        reply = recon.answer(other, message)
        assert max(len(message), len(reply)) <= limits.RECON_BYTES_MAX
        message = asker.take(reply)
    assert asker.lacks == set(whole)


def test_who_never_comes_to_an_end_is_given_up() -> None:
    asker = Asker(Ids(names(*range(100))))
    asker.begin()
    lie = encode((Range(None, recon.FINGERPRINT, bytes(16)),))
    with pytest.raises(RemoteFault):
        for _ in range(limits.RECON_MESSAGES_MAX + 1):
            asker.take(lie)


def edge(ids: list[bytes], at: int) -> bytes:
    """Return the bound below the id at ``at``."""
    return recon.separator(ids[at - 1], ids[at])


def test_a_liar_makes_nobody_note_more_than_the_bound() -> None:
    asker = Asker(Ids([]))
    count = 0
    for round_ in range(limits.RECON_MESSAGES_MAX - 1):
        ids = names(*range(round_ * 4096, round_ * 4096 + 4096))
        ranges = [
            Range(edge(ids, at + 32) if at + 32 < len(ids) else None, recon.LIST,
                  b"".join(ids[at : at + 32]))
            for at in range(0, len(ids), 32)
        ]  # fmt: skip
        tail = (*ranges[:-1], Range(edge(ids, -1), recon.LIST, b"".join(ids[-32:-1])))
        message = encode((*tail, Range(None, recon.FINGERPRINT, bytes(16))))
        count += 1
        if asker.take(message) is None:
            break
    assert limits.RECON_IDS_MAX <= len(asker.lacks) <= limits.RECON_IDS_MAX + 4096
    assert count < 30


def test_an_answer_that_would_be_too_long_ends_with_a_fingerprint_of_the_rest() -> None:
    whole = Ids(names(*range(40_000)))
    ranges = list[Range]()
    for start in range(0, 40_000, 32):
        stop = min(start + 32, 40_000)
        hi = None if stop == 40_000 else recon.separator(whole.ids[stop - 1], whole.ids[stop])
        ranges.append(Range(hi, recon.FINGERPRINT, bytes(16)))
    reply = recon.answer(whole, encode(tuple(ranges)))
    last = decode(reply, tuple[Range, ...])[-1]
    assert len(reply) <= limits.RECON_BYTES_MAX
    assert (last.hi, last.mode) == (None, recon.FINGERPRINT)
