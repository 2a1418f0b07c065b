"""Envelopes: sealed once, opened by exactly who has the key, refused for any other bit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import envelope
from envoy.core.event import Event, Links
from envoy.errors import InternalError, RemoteFault, UsageError
from oracle import events, scene
from vectorfile import bad, good, load
from vectors import make_envelope
from vectors.make_event import CHAIN, MANY

Case = dict[str, Any]
WRITER = envelope.Writer(*scene.PLACE, scene.WRITER_SEED)
IDS = st.binary(min_size=32, max_size=32)
ASCENDING = st.lists(st.sampled_from(MANY[:16]), unique=True, max_size=16).map(sorted).map(tuple)
NUMBERS = st.integers(min_value=0, max_value=limits.INT_MAX)
LINKS = st.builds(
    Links,
    chain=st.binary(min_size=16, max_size=16),
    seq=NUMBERS,
    prev=st.none() | IDS,
    deps=ASCENDING,
    lam=NUMBERS,
    auth=IDS,
    ts=st.integers(min_value=-(2**63), max_value=limits.INT_MAX),
    basis=ASCENDING,
)
KINDS = st.from_regex("[a-z][a-z0-9_.]{0,31}", fullmatch=True)
FIRST = Links(CHAIN, seq=0, prev=None, deps=(MANY[0],), lam=1, auth=MANY[1], ts=0, basis=())


def bytes_of(case: Case) -> bytes:
    """Return the envelope of a vector."""
    hexes: str = case["hex"]
    if "repeat" in case:
        hexes += case["repeat"]["hex"] * case["repeat"]["times"]
    return bytes.fromhex(hexes)


def open_case(case: Case) -> Event:
    """Open the envelope of a vector."""
    space, key = bytes.fromhex(case["space"]), bytes.fromhex(case["event_key"])
    return envelope.open_envelope(bytes_of(case), space, key)


def author(links: Links, kind: str, body: bytes, entropy: bytes) -> tuple[bytes, Event]:
    """Return a new envelope in the place of the vectors."""
    return envelope.author_event(WRITER, links=links, kind=kind, body=body, entropy=entropy)


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("envelope") == make_envelope.vectors()


@pytest.mark.parametrize(("case", "expect"), good("envelope"))
def test_padding_and_opening_give_what_the_vectors_say(case: Case, expect: Any) -> None:
    if case["op"] == "bucket":
        assert envelope.bucket(case["length"]) == expect
        return
    assert open_case(case).id.hex() == expect["id"] == envelope.envelope_id(bytes_of(case)).hex()
    opened = envelope.open_outer(bytes_of(case), scene.SPACE, scene.PLACE.key)
    assert (opened.inner.hex(), opened.sig.hex()) == (expect["inner"], expect["sig"])


@pytest.mark.parametrize(("case", "code"), bad("envelope"))
def test_a_bad_envelope_is_refused(case: Case, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        open_case(case)
    assert caught.value.code == code


@settings(max_examples=60)
@given(LINKS, KINDS, st.binary(max_size=3000), st.binary(min_size=32, max_size=32))
def test_what_is_sealed_is_opened_as_it_was(
    links: Links, kind: str, body: bytes, entropy: bytes
) -> None:
    made, sealed = author(links, kind, body, entropy)
    found = envelope.open_envelope(made, WRITER.space, WRITER.event_key)
    assert found == sealed
    assert (found.kind, found.body, found.author) == (kind, body, scene.WRITER)
    assert all(getattr(found, name) == getattr(links, name) for name in Links.__struct_fields__)
    outer = envelope.parse(made)
    assert (found.space, found.epoch, found.salt) == (WRITER.space, outer.epoch, outer.salt)


@pytest.mark.parametrize("size", [0, 1, 107, 108, 363, 364, 875, 4000, 4096, 20_000, 61_000])
def test_the_oracle_seals_the_same_bytes_at_every_size(size: int) -> None:
    body = bytes(at % 251 for at in range(size))
    made, event = author(FIRST, "message", body, scene.ENTROPY)
    fields: events.Fields = {"v": 1, **{n: getattr(event, n) for n in events.FIELDS[1:]}}
    assert made == events.author(scene.PLACE, scene.WRITER_SEED, fields, scene.ENTROPY)


def test_no_envelope_opens_with_any_single_bit_changed() -> None:
    good_one = make_envelope.GOOD
    assert envelope.open_envelope(good_one, scene.SPACE, scene.PLACE.key)
    for bit in range(len(good_one) * 8):
        changed = bytearray(good_one)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RemoteFault):
            envelope.open_outer(bytes(changed), scene.SPACE, scene.PLACE.key)


def test_no_bit_of_a_signature_can_change() -> None:
    opened = envelope.open_outer(make_envelope.GOOD, scene.SPACE, scene.PLACE.key)
    assert envelope.verify(opened)
    for bit in range(512):
        changed = bytearray(opened.sig)
        changed[bit // 8] ^= 1 << bit % 8
        assert not envelope.verify(envelope.Opened(opened.event, opened.inner, bytes(changed)))


@settings(max_examples=100)
@given(st.binary(max_size=700))
def test_random_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(RemoteFault):
        envelope.open_envelope(data, scene.SPACE, scene.PLACE.key)


@settings(max_examples=100)
@given(st.data())
def test_mutated_plaintexts_are_refused_or_stay_what_was_signed(data: st.DataObject) -> None:
    plain = bytearray(make_envelope.PLAIN)
    for _ in range(data.draw(st.integers(1, 4))):
        plain[data.draw(st.integers(0, len(plain) - 1))] = data.draw(st.integers(0, 255))
    changed = make_envelope.resealed(bytes(plain))
    try:
        found = envelope.open_envelope(changed, scene.SPACE, scene.PLACE.key)
    except RemoteFault:
        assert bytes(plain) != make_envelope.PLAIN
    else:
        assert changed == make_envelope.GOOD and found.id == events.h("env", changed)


def test_a_constant_generator_repeats_no_nonce_for_two_events() -> None:
    made = [
        author(links, kind, body, bytes(32))[1].salt
        for links in (FIRST, Links(CHAIN, 0, None, (MANY[1],), 1, MANY[1], 0, ()))
        for kind in ("message", "card")
        for body in (b"", b"\x01", scene.MESSAGE)
    ]
    assert len(set(made)) == len(made)
    assert author(FIRST, "message", b"", bytes(32)) == author(FIRST, "message", b"", bytes(32))


def test_an_event_built_again_gets_another_salt_from_other_entropy() -> None:
    salts = {author(FIRST, "message", b"", bytes((draw,)) * 32)[1].salt for draw in range(20)}
    assert len(salts) == 20


@pytest.mark.parametrize(
    "entropy",
    [
        pytest.param(b"", id="none"),
        pytest.param(bytes(31), id="31 bytes"),
        pytest.param(bytes(33), id="33 bytes"),
    ],
)
def test_entropy_of_another_length_seals_nothing(entropy: bytes) -> None:
    with pytest.raises(InternalError):
        author(FIRST, "message", b"", entropy)


def test_the_largest_inner_part_fits_and_one_byte_more_is_refused_to_its_author() -> None:
    empty, _ = author(FIRST, "message", bytes(1000), scene.ENTROPY)
    used = len(envelope.open_outer(empty, *scene.PLACE[::2]).inner) - 1000
    largest = limits.INNER_BYTES_MAX - used
    made, event = author(FIRST, "message", bytes(largest), scene.ENTROPY)
    assert len(envelope.parse(made).ct) == limits.CIPHERTEXT_BYTES_MAX
    assert envelope.open_envelope(made, *scene.PLACE[::2]) == event
    with pytest.raises(UsageError, match="message_too_large"):
        author(FIRST, "message", bytes(largest + 1), scene.ENTROPY)


def test_what_is_too_large_is_told_before_anything_is_read() -> None:
    for first in (b"\xc1", make_envelope.GOOD):
        with pytest.raises(RemoteFault, match="too_large"):
            envelope.parse(first.ljust(limits.ENVELOPE_BYTES_MAX + 1, b"\xc1"))
        with pytest.raises(RemoteFault, match="malformed"):
            envelope.parse(first.ljust(limits.ENVELOPE_BYTES_MAX, b"\xc1"))


def test_a_writer_in_a_traceback_shows_no_secret() -> None:
    shown = repr(WRITER)
    assert all(
        secret.hex() not in shown and repr(secret) not in shown
        for secret in (WRITER.seed, WRITER.event_key)
    )
