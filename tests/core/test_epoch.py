"""Epochs: one secret, one id; what does not give the id is not used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envoy import limits
from envoy.core import epoch
from envoy.core.codec import encode
from envoy.core.crypto import seal, sign
from envoy.core.epoch import Entry
from envoy.core.event import Event
from envoy.errors import InternalError, RemoteFault
from oracle import scene
from vectorfile import bad, good, load
from vectors import make_epoch

Case = dict[str, Any]
SECOND = make_epoch.SECOND
SECRET = make_epoch.SECRETS["second"]


def raw(text: str) -> bytes:
    """Return the bytes that a vector writes as hex."""
    return bytes.fromhex(text)


def keys(case: Case) -> Case:
    space, secret = raw(case["space"]), raw(case["secret"])
    found = epoch.epoch_keys(space, secret)
    return {
        "root": sign.extract(space, secret),
        "event_key": found.event_key,
        "wrap_key": found.wrap_key,
        "commitment": found.commitment,
    }


def create(case: Case) -> Case:
    older = [Entry(*map(raw, one)) for one in reversed(case["older"])]
    space, author, nonce = raw(case["space"]), raw(case["author"]), raw(case["nonce"])
    made = epoch.new_epoch(space, author, nonce=nonce, secret=raw(case["secret"]), older=older)
    head = epoch.read_head(made.head, space, made.id)
    assert epoch.is_created(
        an_event(space, made.id, author),
        suite=sign.SUITE,
        nonce=nonce,
        wrap=made.wrap,
        commitment=made.keys.commitment,
    )
    found = {"tag": head.tag, "prev_wrap": head.prev_wrap, "wrap": made.wrap}
    return found | {"id": made.id, "head": made.head}


def head_of(case: Case) -> Case:
    found = epoch.read_head(raw(case["head"]), raw(case["space"]), raw(case["epoch"]))
    assert encode(found) == raw(case["head"])
    return {"tag": found.tag, "commitment": found.commitment, "prev_wrap": found.prev_wrap}


def wrap(case: Case) -> list[list[bytes]]:
    key, space, tag = (raw(case[name]) for name in ("wrap_key", "space", "tag"))
    entries = epoch.open_wrap(key, space, tag, raw(case["prev_wrap"]))
    assert epoch.make_wrap(key, space, tag, reversed(entries)) == raw(case["prev_wrap"])
    return [[one.id, one.tag, one.wrap, one.secret] for one in entries]


def boxes(case: Case) -> Case:
    space, found = raw(case["space"]), raw(case["epoch"])
    head = epoch.read_head(raw(case["head"]), space, found)
    listed = [raw(box) for box, times in case["boxes"] for _ in range(times)]
    secret, bogus = epoch.open_boxes(raw(case["seed"]), listed, space=space, epoch=found, head=head)
    return {"secret": secret, "bogus": bogus}


def created(case: Case) -> bool:
    event = an_event(raw(case["space"]), raw(case["epoch"]), raw(case["author"]))
    return epoch.is_created(
        event,
        suite=case["suite"],
        nonce=raw(case["nonce"]),
        wrap=raw(case["wrap"]),
        commitment=raw(case["commitment"]),
    )


def walk(case: Case) -> Case:
    space = raw(case["space"])
    secrets = {raw(one): raw(secret) for one, secret in case["secrets"]}
    heads = {raw(one): epoch.read_head(raw(head), space, raw(one)) for one, head in case["heads"]}
    found = epoch.walk(space, secrets, heads)
    return {"reached": sorted(found.secrets), "bad": found.bad}


def maximal(case: Case) -> tuple[bytes, ...]:
    return epoch.maximal({raw(one): [raw(old) for old in older] for one, older in case["listed"]})


def slot(case: Case) -> bytes:
    space, salt, task = (raw(case[name]) for name in ("space", "salt", "task"))
    return epoch.slot_name(space, salt, task, case["no"])


OPS: dict[str, Callable[[Case], object]] = {
    "keys": keys,
    "create": create,
    "head": head_of,
    "wrap": wrap,
    "boxes": boxes,
    "created": created,
    "walk": walk,
    "maximal": maximal,
    "slot": slot,
    "tag": lambda case: epoch.box_tag(raw(case["epoch"]), raw(case["kid"])),
}


def an_event(space: bytes, in_epoch: bytes, author: bytes) -> Event:
    """Return an event of which only its place matters."""
    return Event(
        id=bytes(32),
        space=space,
        epoch=in_epoch,
        salt=bytes(24),
        author=author,
        chain=bytes(16),
        seq=0,
        prev=None,
        deps=(),
        lam=0,
        auth=bytes(32),
        ts=0,
        kind="epoch.create",
        basis=(),
        body=b"",
    )


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("epoch") == make_epoch.vectors()


@pytest.mark.parametrize(("case", "expect"), good("epoch"))
def test_an_epoch_gives_what_the_vectors_say(case: Case, expect: object) -> None:
    assert scene.shown(OPS[case["op"]](case)) == expect


@pytest.mark.parametrize(("case", "code"), bad("epoch"))
def test_what_does_not_give_its_epoch_id_is_refused(case: Case, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        OPS[case["op"]](case)
    assert caught.value.code == code


def test_a_sealed_box_is_opened_by_its_reader_alone() -> None:
    seed, other = scene.fixed("reader's encryption seed"), scene.fixed("another seed")
    space, found = scene.SPACE, SECOND.id
    head = epoch.read_head(SECOND.head, space, found)
    box = epoch.seal_box(seal.public_key(seed), space, found, SECRET)
    assert len(box) == seal.BOX_BYTES
    assert epoch.open_boxes(seed, [box], space=space, epoch=found, head=head) == (SECRET, ())
    assert epoch.open_boxes(other, [box], space=space, epoch=found, head=head) == (None, (0,))


def test_a_key_that_cannot_be_sealed_to_is_told_to_the_creator() -> None:
    with pytest.raises(RemoteFault, match="bad_key"):
        epoch.seal_box(bytes(seal.PUBLIC_BYTES), scene.SPACE, SECOND.id, SECRET)


def test_only_the_secret_of_an_epoch_gives_its_keys() -> None:
    where = {"tag": SECOND.tag, "wrap": SECOND.wrap}
    found = epoch.check_secret(scene.SPACE, SECOND.id, **where, secret=SECRET)
    assert found == epoch.epoch_keys(scene.SPACE, SECRET)
    for secret, code in ((bytes(32), "cannot_open"), (SECRET[:31], "malformed")):
        with pytest.raises(RemoteFault, match=code):
            epoch.check_secret(scene.SPACE, SECOND.id, **where, secret=secret)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_author_makes_no_epoch_of_a_secret_of_another_length(size: int) -> None:
    with pytest.raises(InternalError):
        epoch.new_epoch(scene.SPACE, scene.WRITER, nonce=bytes(16), secret=bytes(size), older=())


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=12))
def test_a_walk_from_the_maximal_epochs_reaches_every_epoch(back: list[int]) -> None:
    made: list[tuple[epoch.NewEpoch, list[bytes]]] = []
    for number, steps in enumerate(back):
        older = [made[-1 - one][0] for one in {steps, steps // 2} if one < len(made)]
        secret = scene.fixed(f"property {number}")
        entries = [
            Entry(one.id, epoch.creator_tag(scene.WRITER, one.nonce), one.wrap, one.secret)
            for one in older
        ]
        new = epoch.new_epoch(
            scene.SPACE, scene.WRITER, nonce=bytes(16), secret=secret, older=entries
        )
        made.append((new, [one.id for one in older]))
    heads = {one.id: epoch.read_head(one.head, scene.SPACE, one.id) for one, _ in made}
    newest = epoch.maximal({one.id: older for one, older in made})
    start = {one.id: one.secret for one, _ in made if one.id in newest}
    found = epoch.walk(scene.SPACE, start, heads)
    assert found.secrets == {one.id: one.secret for one, _ in made}
    assert found.bad == ()


def test_the_largest_head_fits_its_bound() -> None:
    entries = [Entry(bytes((n,)) * 32, bytes(32), bytes(32), bytes(32)) for n in range(64)]
    made = epoch.new_epoch(scene.SPACE, scene.WRITER, nonce=bytes(16), secret=SECRET, older=entries)
    assert len(made.head) <= limits.EPOCH_HEAD_BYTES_MAX
    assert epoch.read_head(made.head, scene.SPACE, made.id)


def test_secrets_do_not_stand_in_texts() -> None:
    made = epoch.new_epoch(scene.SPACE, scene.WRITER, nonce=bytes(16), secret=SECRET, older=())
    entry = Entry(made.id, bytes(32), made.wrap, SECRET)
    walked = epoch.walk(scene.SPACE, {made.id: SECRET}, {})
    for value in (made, made.keys, entry, walked):
        assert all(repr(key) not in repr(value) for key in (SECRET, made.keys.event_key))
