"""Events: what is accepted, what waits, what is refused and by which code."""

from __future__ import annotations

from typing import Any

import pytest

from envoy import limits
from envoy.core import dag, envelope, event, genesis, kinds
from envoy.core.bodies import Genesis
from envoy.core.codec import decode
from envoy.core.crypto import aead, sign
from envoy.core.event import Event, Links, Parent
from envoy.core.structs import replace
from envoy.errors import InternalError, RemoteFault, UsageError
from oracle import scene
from vectorfile import bad, good, load
from vectors import make_event

Case = dict[str, Any]
WRITER = envelope.Writer(scene.PLACE.space, scene.PLACE.epoch, scene.PLACE.key, scene.WRITER_SEED)
LINKS = Links(
    chain=make_event.CHAIN,
    seq=3,
    prev=make_event.PREV[0],
    deps=tuple(make_event.DEPS),
    lam=10,
    auth=scene.fixed("grant"),
    ts=make_event.TS,
    basis=(make_event.OLDER[0],),
)
SAMPLE = make_event.sealed(make_event.SAMPLE)
FIRST: Case = {"kind": "genesis", "seq": 0, "prev": None, "deps": (), "lam": 0, "basis": ()}


def raw(text: str) -> bytes:
    """Return the bytes that a vector writes as hex."""
    return bytes.fromhex(text)


def opened(case: Case) -> Event:
    """Open and judge what a vector gives, as ingest does; events that wait are returned too."""
    found = envelope.open_envelope(
        raw(case["envelope"]), raw(case["space"]), raw(case["event_key"])
    )
    parents = parents_of(case)
    if found.kind == event.GENESIS:
        genesis.check_genesis(found)
    if not dag.missing(found.prev, found.deps, found.basis, parents):
        event.check_links(found, parents)
    return found


def parents_of(case: Case) -> dict[bytes, Parent]:
    """Return the events that a vector says are known."""
    return {
        raw(one): Parent(raw(author), raw(chain), seq, lam, ts)
        for one, author, chain, seq, lam, ts in case["parents"]
    }


def by_op(op: str) -> list[Any]:
    """Return the good vectors of one operation."""
    return [case for case in good("event") if case.values[0]["op"] == op]


def test_the_vector_file_is_what_its_script_writes() -> None:
    assert load("event") == make_event.vectors()


@pytest.mark.parametrize(("case", "expect"), by_op("author"))
def test_every_step_of_authoring_gives_the_bytes_of_the_vector(case: Case, expect: Case) -> None:
    space, epoch, key, seed = (raw(case[n]) for n in ("space", "epoch", "event_key", "seed"))
    links = Links(
        chain=raw(case["chain"]),
        seq=case["seq"],
        prev=raw(case["prev"]),
        deps=tuple(map(raw, case["deps"])),
        lam=case["lam"],
        auth=raw(case["auth"]),
        ts=case["ts"],
        basis=tuple(map(raw, case["basis"])),
    )
    content = {"links": links, "kind": case["kind"], "body": raw(case["body"])}
    blank = event.build_inner(space, epoch, raw(case["author"]), **content)
    salt = sign.expand(raw(case["entropy"]), "salt", blank, length=24)
    inner = event.with_salt(blank, salt)
    ct = aead.encrypt(key, salt, "evt", b"\x01" + space + epoch + salt, raw(expect["plaintext"]))
    assert [blank, salt, inner, event.sign_inner(seed, inner), ct] == [
        raw(expect[name]) for name in ("inner_without_salt", "salt", "inner", "signature", "ct")
    ]
    writer = envelope.Writer(space, epoch, key, seed)
    made, found = envelope.author_event(writer, **content, entropy=raw(case["entropy"]))
    assert (made, found.id) == (raw(expect["envelope"]), raw(expect["id"]))


@pytest.mark.parametrize(("case", "expect"), by_op("open"))
def test_a_good_event_is_accepted_or_waits(case: Case, expect: Case) -> None:
    found = opened(case)
    if "waits_for" in expect:
        lacking = dag.missing(found.prev, found.deps, found.basis, parents_of(case))
        assert [one.hex() for one in lacking] == expect["waits_for"]
        return
    reads, fields = expect["body_reads"], expect.keys() - {"body_reads"}
    assert all(scene.shown(getattr(found, name)) == expect[name] for name in fields)
    assert (found.kind in kinds.KINDS) == (reads is not None)
    if reads is not None:
        assert (kinds.read_body(found.kind, found.body) is not None) == reads


@pytest.mark.parametrize(("case", "code"), bad("event"))
def test_a_bad_event_is_refused(case: Case, code: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        opened(case)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"seq": 0}, id="seq 0 with prev"),
        pytest.param({"prev": None}, id="seq above 0 without prev"),
        pytest.param({"seq": -1, "prev": None}, id="seq below 0"),
        pytest.param({"basis": (scene.fixed("b"), scene.fixed("b"))}, id="a basis twice"),
        pytest.param({"kind": "genesis"}, id="a genesis amid a chain"),
        pytest.param(FIRST | {"lam": 1}, id="a genesis that follows something"),
        pytest.param(FIRST | {"deps": LINKS.deps}, id="a genesis with deps"),
        pytest.param(FIRST | {"basis": LINKS.basis}, id="a genesis with a basis"),
        pytest.param(FIRST | {"kind": "message"}, id="a message that follows nothing"),
    ],
)
def test_what_is_wrong_whatever_the_parents_are_needs_no_parents(change: Case) -> None:
    _, found = envelope.author_event(
        WRITER, links=LINKS, kind="message", body=scene.MESSAGE, entropy=scene.ENTROPY
    )
    event.check_own_links(found)
    event.check_own_links(replace(found, **FIRST))
    with pytest.raises(RemoteFault, match="bad_link"):
        event.check_own_links(replace(found, **change))


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        pytest.param("m", True, id="one letter"),
        pytest.param("a2._", True, id="every class of symbols"),
        pytest.param("x" * 32, True, id="32 bytes"),
        pytest.param("x" * 33, False, id="33 bytes"),
        pytest.param("", False, id="nothing"),
        pytest.param("2a", False, id="a digit first"),
        pytest.param("_a", False, id="a low line first"),
        pytest.param("aB", False, id="upper case"),
        pytest.param("a a", False, id="a blank inside"),
        pytest.param("a\n", False, id="a line break behind"),
        pytest.param("ª", False, id="a letter of another alphabet"),
    ],
)
def test_kinds_are_names(name: str, holds: bool) -> None:
    assert event.is_kind(name) is holds


def test_every_kind_of_the_table_is_a_name() -> None:
    assert all(event.is_kind(name) for name in kinds.KINDS)


@pytest.mark.parametrize(
    ("content", "raises"),
    [
        pytest.param({"kind": "Message"}, InternalError, id="a kind that is no name"),
        pytest.param({"deps": LINKS.deps[::-1]}, InternalError, id="deps out of order"),
        pytest.param({"lam": 2**63}, InternalError, id="a lam that no reader takes"),
        pytest.param({"body": bytes(limits.INNER_BYTES_MAX)}, UsageError, id="a body too large"),
    ],
)
def test_an_author_cannot_seal_what_no_door_lets_in(content: Case, raises: type[Exception]) -> None:
    right = {name: getattr(LINKS, name) for name in Links.__struct_fields__}
    links = Links(**right | {name: content[name] for name in right if name in content})
    kind, body = content.get("kind", "message"), content.get("body", scene.MESSAGE)
    with pytest.raises(raises):
        envelope.author_event(WRITER, links=links, kind=kind, body=body, entropy=scene.ENTROPY)
    assert envelope.author_event(
        WRITER, links=LINKS, kind="message", body=scene.MESSAGE, entropy=scene.ENTROPY
    )


def test_sealing_the_same_inner_part_again_gives_the_same_envelope() -> None:
    first = envelope.open_outer(SAMPLE, scene.SPACE, scene.PLACE.key)
    again = envelope.seal(WRITER, salt=first.event.salt, sig=first.sig, inner=first.inner)
    assert again == SAMPLE


def test_the_founder_makes_the_space_that_the_vectors_play_in() -> None:
    right = make_event.sealed(scene.GENESIS, seed=scene.FOUNDER_SEED)
    body = decode(envelope.open_envelope(right, scene.SPACE, scene.PLACE.key).body, Genesis)
    made = genesis.found(
        scene.FOUNDER_SEED,
        body,
        secret=scene.SECRET,
        chain=scene.FOUNDER_CHAIN,
        ts=scene.FOUNDED_TS,
        entropy=scene.ENTROPY,
    )
    assert (made.space, made.epoch.id, made.epoch.keys.event_key) == scene.PLACE
    assert made.commitment == scene.commitment(scene.B0)
    assert made.epoch.head == scene.FIRST_EPOCH.head
    assert made.envelope == right
    assert genesis.check_genesis(made.event) == body
    with pytest.raises(RemoteFault, match="bad_link"):
        genesis.check_genesis(replace(made.event, seq=1, prev=made.event.id))
