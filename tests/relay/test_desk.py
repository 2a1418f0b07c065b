"""The desk: who may, what it takes, and that no reply leaves before its commit."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from envoy import limits
from envoy.core import access
from envoy.core.access import Statement
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256
from envoy.core.structs import Body
from envoy.relay.rules import OPEN, READS, ROLES, Allowance
from envoy.sync import access as calls
from envoy.sync import chunks, frames, recon
from envoy.sync.frames import HubRefusal
from hub.scenes import INVITE, SPACE, G, envelope, epoch_head
from oracle import events
from relay.scenes import ADMIN, FOUNDER, READER, ROOT, WRITER, Relay, key_of, link, seed_of


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    found = Relay(tmp_path / "relay")
    found.create()
    yield found
    found.close()


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(HubRefusal) as caught:
        call()
    return caught.value.code


def push(*names: str) -> frames.Push:
    return frames.Push(SPACE, tuple(envelope(name) for name in names))


def pull(since: int = 0) -> frames.Pull:
    return frames.Pull((frames.Since(SPACE, None, since),), 1000, 0)


def test_a_writer_pushes_and_a_reader_pulls(relay: Relay) -> None:
    relay.ask(push("one", "two"), frames.Pushed, relay.token("writer"))
    (page,) = relay.ask(pull(), frames.Pulled, relay.token("reader")).pages
    assert page.frames == (envelope("one"), envelope("two"))
    assert relay.wakes[-1].head == 2


def test_every_call_has_a_rule_and_no_other_has(relay: Relay) -> None:
    assert set(ROLES) | OPEN == set(calls.EVERY)
    assert not set(ROLES) & OPEN
    assert set(calls.EVERY) >= READS


HEAD, EPOCH = epoch_head(SPACE, "t")
BOX = frames.Box(bytes(16), bytes(frames.BOX_BYTES))
CHUNK = b"ciphertext"
DAY_MS = limits.DAY_SECONDS * 1000
EXAMPLES: dict[str, Body] = {
    "head": frames.HeadGet(SPACE),
    "push": push("one"),
    "pull": pull(),
    "by_id": frames.ById(SPACE, (bytes(32),)),
    "recon": calls.Recon(SPACE, recon.Asker(recon.Ids([])).begin()),
    "slot": frames.Slot(frames.CLAIM, SPACE, 1, bytes(32), 0, bytes(16), 60, envelope("claim")),
    "epoch_put": frames.EpochPut(SPACE, EPOCH, HEAD),
    "box_put": frames.BoxPut(SPACE, EPOCH, (BOX,)),
    "epoch_get": frames.EpochGet(SPACE, EPOCH, (bytes(16),)),
    "chunk_put": chunks.ChunkPut(SPACE, hashlib.sha256(CHUNK).digest(), CHUNK),
    "chunk_get": chunks.ChunkGet(SPACE, hashlib.sha256(CHUNK).digest()),
    "chunk_have": chunks.ChunkHave(SPACE, (bytes(32),), True),
    "invite_put": INVITE,
    "access_put": calls.AccessPut(SPACE, (WRITER,), None),
    "access_get": calls.AccessGet(SPACE),
    "genesis_get": calls.GenesisGet(SPACE),
}
RANK = {"r": 0, "w": 1, "a": 2}
WHO = {"reader": "r", "writer": "w", "admin": "a"}


@pytest.mark.parametrize("who", [*WHO, "nobody", "stranger"])
@pytest.mark.parametrize("name", sorted(ROLES))
def test_each_call_takes_its_role_and_nothing_less(relay: Relay, name: str, who: str) -> None:
    relay.ask(EXAMPLES["epoch_put"], frames.Done, relay.token("writer"))
    tokens = {"nobody": (), "stranger": (b"x" * 80,)}.get(who)
    tokens = (relay.token(who),) if tokens is None else tokens
    may = who in WHO and RANK[WHO[who]] >= RANK[ROLES[name]]

    def work() -> object:
        return relay.ask(EXAMPLES[name], calls.EVERY[name][1], *tokens)

    if name == "access_put" and who == "reader":
        assert refusal(work) == "capability_missing"  # of another than itself
    elif may:
        work()
    else:
        assert refusal(work) in ("auth_failed", "read_only", "capability_missing")


def test_a_token_of_one_space_is_nothing_in_another(relay: Relay) -> None:
    token = relay.token("writer")
    other = frames.Push(bytes(32), (envelope("one"),))
    assert refusal(lambda: relay.ask(other, frames.Pushed, token)) == "auth_failed"


def test_a_space_that_the_relay_lost_is_not_found(tmp_path: Path, relay: Relay) -> None:
    token = relay.token("writer")
    fresh = Relay(tmp_path / "fresh")
    fresh.desk._tokens = relay.desk._tokens
    assert refusal(lambda: fresh.ask(push("one"), frames.Pushed, token)) == "space_not_found"
    fresh.close()


@pytest.mark.parametrize(
    ("other", "code"),
    [
        pytest.param({"aud": "https://other.example"}, "auth_failed", id="of another relay"),
        pytest.param({"space": bytes(32)}, "space_not_found", id="of an unknown space"),
        pytest.param({"holder": key_of("admin")}, "auth_failed", id="by another key"),
    ],
)
def test_a_proof_that_does_not_hold_gives_no_token(
    relay: Relay, other: dict[str, object], code: str
) -> None:
    asked = calls.Session((relay.proof("writer", WRITER, **other),))
    assert relay.ask(asked, calls.Entries).entries[0].code == code


def test_a_proof_is_good_once(relay: Relay) -> None:
    proof = relay.proof("writer", WRITER)
    entries = relay.ask(calls.Session((proof, proof)), calls.Entries).entries
    assert [one.code for one in entries] == [None, "replayed"]


@pytest.mark.parametrize(
    ("skew_s", "code"),
    [
        pytest.param(60, None, id="a minute ahead"),
        pytest.param(61, "clock_skew_ahead", id="more than that ahead"),
        pytest.param(-60, None, id="a minute behind"),
        pytest.param(-61, "clock_skew_behind", id="more than that behind"),
    ],
)
def test_a_clock_that_is_off_is_told_the_time(relay: Relay, skew_s: int, code: str | None) -> None:
    proof = relay.proof("writer", WRITER, ts=relay.now_ms + skew_s * 1000)
    reply = relay.ask(calls.Session((proof,)), calls.Entries)
    assert (reply.entries[0].code, reply.at) == (code, relay.now_ms)


def test_who_registered_a_chain_needs_none_the_next_time(relay: Relay) -> None:
    assert relay.entry("writer").code == "capability_missing"
    relay.token("writer")
    assert relay.entry("writer").code is None


def test_a_token_ends_and_is_made_younger_until_a_day_is_over(relay: Relay) -> None:
    token = relay.token("writer")
    for _ in range(200):
        relay.now_ms += 10 * 60 * 1000
        entry = relay.ask(calls.Renew(), calls.Entries, token).entries[0]
        if entry.token is None:
            break
        token = entry.token
    assert entry.code == "session_expired"
    relay.now_ms += limits.SESSION_SECONDS * 1000
    assert refusal(lambda: relay.ask(pull(), frames.Pulled, token)) == "session_expired"


def test_what_is_stated_to_be_over_is_over_at_once(relay: Relay) -> None:
    token = relay.token("writer")
    said = Statement(SPACE, 1, 0, 0, (sha256(key_of("writer")),))
    raw = access.state_access(seed_of("founder"), said, FOUNDER)
    put = calls.AccessPut(SPACE, (), raw)
    relay.ask(put, frames.Done, relay.token("founder"))
    assert refusal(lambda: relay.ask(pull(), frames.Pulled, token)) == "session_stale"
    assert relay.entry("writer").code == "epoch_revoked"
    assert relay.entry("reader", READER).code is None


@pytest.mark.parametrize(
    ("signer", "target", "ends"),
    [
        pytest.param("founder", "writer", True, id="whoever issued it"),
        pytest.param("founder", "admin", True, id="the founder an admin"),
        pytest.param("admin", "founder", False, id="an admin the founder"),
        pytest.param("admin", "writer", False, id="an admin a peer's writer"),
        pytest.param("root", "founder", True, id="root whom it likes"),
    ],
)
def test_nobody_ends_the_access_of_a_senior_or_a_peer(
    relay: Relay, signer: str, target: str, ends: bool
) -> None:
    relay.token(target)
    said = Statement(SPACE, 1, 0, 0, (sha256(key_of(target)),))
    chain = {"founder": FOUNDER, "admin": ADMIN, "root": ()}[signer]
    seed = ROOT if signer == "root" else seed_of(signer)
    raw = access.state_access(seed, said, chain)
    relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, relay.token("admin"))
    assert relay.entry(target).code == ("epoch_revoked" if ends else None)


@pytest.mark.parametrize(
    ("n", "code"),
    [
        pytest.param(5, "stale", id="the number that is there"),
        pytest.param(4, "stale", id="an old number"),
        pytest.param(6, None, id="the next"),
        pytest.param(5 + 2**16, None, id="as far as a number may go"),
        pytest.param(6 + 2**16, "stale", id="farther"),
        pytest.param(2**63 - 1, "stale", id="a number that locks everybody out"),
    ],
)
def test_a_statement_has_a_number_that_goes_on(relay: Relay, n: int, code: str | None) -> None:
    token = relay.token("founder")
    first = access.state_access(ROOT, Statement(SPACE, 5, 0, 0, ()), ())
    relay.ask(calls.AccessPut(SPACE, (), first), frames.Done, token)
    again = access.state_access(ROOT, Statement(SPACE, n, 0, 1, ()), ())
    put, token = calls.AccessPut(SPACE, (), again), relay.token("founder")
    if code is None:
        relay.ask(put, frames.Done, token)
    else:
        assert refusal(lambda: relay.ask(put, frames.Done, token)) == code


def test_an_invite_is_redeemed_as_often_as_it_says(relay: Relay) -> None:
    cap = link("founder", "invite", "w", 1, uses=2, exp=relay.now_ms + 60_000)
    for number in range(3):
        name = f"joiner {number}"
        chain = (*FOUNDER, cap, link("invite", name, "w", 0, exp=relay.now_ms + DAY_MS))
        code = relay.entry(name, chain).code
        assert code == (None if number < 2 else "invite_already_redeemed")
    relay.now_ms += 61_000
    assert relay.entry("joiner 0").code is None  # it ended redemption, not membership
    late = (*FOUNDER, cap, link("invite", "joiner 4", "w", 0, exp=relay.now_ms + DAY_MS))
    assert relay.entry("joiner 4", late).code == "capability_expired"


def test_only_who_the_root_key_lets_write_makes_a_relay_keep_a_space(tmp_path: Path) -> None:
    relay = Relay(tmp_path / "relay")
    for chain, code in (
        ((), "auth_failed"),
        ((link("admin", "founder", "a", 3),), "auth_failed"),
        ((link("root", "founder", "r", 0),), "read_only"),
    ):
        create = frames.Create(SPACE, G, chain)
        assert refusal(partial(relay.ask, create, frames.Head)) == code
    assert relay.create() == relay.create()
    relay.close()


def test_a_space_is_deleted_by_its_root_key_about_this_very_database(relay: Relay) -> None:
    relay.ask(push("one"), frames.Pushed, relay.token("writer"))
    relay.ask(EXAMPLES["chunk_put"], frames.Done, relay.token("writer"))
    instance = relay.create().instance
    for given, seed in ((bytes(16), ROOT), (instance, seed_of("founder"))):
        sig = events.sig(seed, "space-delete", SPACE, given)
        call = calls.SpaceDelete(SPACE, given, sig)
        assert refusal(partial(relay.ask, call, frames.Done)) == "auth_failed"
    sig = events.sig(ROOT, "space-delete", SPACE, instance)
    relay.ask(calls.SpaceDelete(SPACE, instance, sig), frames.Done)
    assert relay.entry("writer", WRITER).code == "space_not_found"
    assert relay.create().head == 0


def test_a_refused_call_leaves_the_others_of_its_group_alone(relay: Relay) -> None:
    token = relay.token("writer")
    results = dict[int, object]()

    def work(number: int) -> None:
        bad = number % 3 == 0
        frame = b"\x91\xc0" if bad else envelope(str(number))
        try:
            call = frames.Push(SPACE, (frame,))
            results[number] = relay.ask(call, frames.Pushed, token).seqs
        except HubRefusal as refused:
            results[number] = refused.code

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seqs = sorted(one for one in results.values() if isinstance(one, tuple))
    assert seqs == [(number,) for number in range(1, 21)]
    assert sum(one == "malformed" for one in results.values()) == 10


def test_chunks_come_back_as_they_were_and_end_by_themselves(relay: Relay) -> None:
    token, reader = relay.token("writer"), relay.token("reader")
    put, ident = EXAMPLES["chunk_put"], hashlib.sha256(CHUNK).digest()
    relay.ask(put, frames.Done, token)
    get = chunks.ChunkGet(SPACE, ident)
    assert relay.ask(get, chunks.ChunkGot, reader).chunk == CHUNK
    have = chunks.ChunkHave(SPACE, (bytes(32), ident), False)
    assert relay.ask(have, chunks.ChunkMap, reader).bits == b"\x40"
    relay.now_ms += 31 * limits.DAY_SECONDS * 1000
    assert relay.desk.sweep()["chunks"] == 1
    assert relay.ask(get, chunks.ChunkGot, relay.token("reader")).chunk is None


def test_a_chunk_whose_bytes_are_others_is_refused(relay: Relay) -> None:
    put = chunks.ChunkPut(SPACE, bytes(32), CHUNK)
    assert refusal(lambda: relay.ask(put, frames.Done, relay.token("writer"))) == "malformed"


def test_the_quota_of_a_space_is_exact(tmp_path: Path) -> None:
    relay = Relay(tmp_path / "relay", Allowance(10_000_000, 5, 30))
    relay.create()
    token = relay.token("writer")
    relay.ask(push("1", "2", "3"), frames.Pushed, token)
    assert refusal(lambda: relay.ask(push("4", "5", "6"), frames.Pushed, token)) == "quota_exceeded"
    relay.ask(push("4", "5"), frames.Pushed, token)
    assert refusal(lambda: relay.ask(push("6"), frames.Pushed, token)) == "quota_exceeded"
    relay.ask(push("1"), frames.Pushed, token)  # known: takes nothing
    relay.now_ms += limits.DAY_SECONDS * 1000
    relay.ask(push("6"), frames.Pushed, relay.token("writer"))
    relay.close()


def test_a_reader_pushes_a_few_a_day(relay: Relay) -> None:
    token = relay.token("reader")
    most = limits.READER_PUSHES_DAY_MAX
    relay.ask(push(*map(str, range(most))), frames.Pushed, token)
    assert refusal(lambda: relay.ask(push("more"), frames.Pushed, token)) == "quota_exceeded"


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        pytest.param("nothing", b"", "unsupported_operation", id="no such call"),
        pytest.param("keys_put", b"", "unsupported_operation", id="the directory of keys"),
        pytest.param("pull", b"", "malformed", id="no request"),
        pytest.param("pull", encode(((), b"\x90")), "malformed", id="no call"),
        pytest.param("pull", encode(((bytes(600),), b"")), "malformed", id="a token too long"),
        pytest.param("pull", encode(((bytes(80),), encode(pull()))), "auth_failed", id="no token"),
    ],
)
def test_what_is_no_call_is_refused(relay: Relay, name: str, body: bytes, code: str) -> None:
    assert refusal(lambda: relay.desk.answer(name, body)) == code


def test_a_subscriber_reads_on_until_access_changes(relay: Relay) -> None:
    sub, head = relay.desk.subscribe(relay.token("reader"))
    assert head.head == 0
    relay.ask(push("one"), frames.Pushed, relay.token("writer"))
    assert relay.desk.page(sub, 0, 10).frames == (envelope("one"),)
    raw = access.state_access(ROOT, Statement(SPACE, 1, 0, 0, ()), ())
    relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, relay.token("founder"))
    assert refusal(lambda: relay.desk.page(sub, 1, 10)) == "session_stale"


def test_what_was_answered_is_there_after_the_relay_ended(tmp_path: Path) -> None:
    relay = Relay(tmp_path / "relay")
    relay.create()
    relay.ask(push("one"), frames.Pushed, relay.token("writer"))
    relay.close()
    again = Relay(tmp_path / "relay")
    (page,) = again.ask(pull(), frames.Pulled, again.token("reader")).pages
    assert page.frames == (envelope("one"),)
    again.close()


def test_who_is_refused_has_registered_nothing_and_used_nothing_up(relay: Relay) -> None:
    relay.token("founder")
    stolen = (*WRITER, link("writer", "founder", "r", 0))
    assert relay.entry("writer", stolen).code == "auth_failed"
    assert relay.entry("founder").role == "a"
    cap = link("founder", "invite", "w", 1, uses=1)
    assert relay.entry("stranger", (*FOUNDER, cap, link("invite", "victim", "w", 0))).code
    assert relay.entry("joiner", (*FOUNDER, cap, link("invite", "joiner", "w", 0))).code is None


@pytest.mark.parametrize(
    ("target", "chain", "may"),
    [
        pytest.param("founder", (*ADMIN, link("admin", "founder", "r", 0)), False, id="a senior"),
        pytest.param("writer", (*ADMIN, link("admin", "writer", "r", 0)), False, id="a peer's"),
        pytest.param("own", (*ADMIN, link("admin", "own", "r", 0)), True, id="one it let in"),
        pytest.param("new", (*ADMIN, link("admin", "new", "w", 0)), True, id="somebody new"),
    ],
)
def test_an_admin_takes_no_living_chain_from_a_senior_or_a_peer(
    relay: Relay, target: str, chain: tuple[bytes, ...], may: bool
) -> None:
    relay.token("founder")
    relay.token("writer")
    own = (*ADMIN, link("admin", "own", "w", 1))
    relay.ask(calls.AccessPut(SPACE, (own,), None), frames.Done, relay.token("admin"))
    put, token = calls.AccessPut(SPACE, (chain,), None), relay.token("admin")
    if may:
        relay.ask(put, frames.Done, token)
    else:
        assert refusal(lambda: relay.ask(put, frames.Done, token)) == "capability_missing"


def test_an_old_link_is_not_made_young_by_its_holder(relay: Relay) -> None:
    raw = access.state_access(ROOT, Statement(SPACE, 1, 0, 7, ()), ())
    relay.ask(calls.AccessPut(SPACE, (), raw), frames.Done, relay.token("founder"))
    young = (*WRITER, link("writer", "writer", "w", 0, gen=2**62))
    assert relay.entry("writer", young).code == "epoch_revoked"
    new = (*FOUNDER, link("founder", "writer", "w", 1, gen=7))
    assert relay.entry("writer", new).code is None


def test_an_admin_raises_no_gen_that_ends_everybody(relay: Relay) -> None:
    raw = access.state_access(seed_of("admin"), Statement(SPACE, 1, 0, 2**62, ()), ADMIN)
    put, token = calls.AccessPut(SPACE, (), raw), relay.token("admin")
    assert refusal(lambda: relay.ask(put, frames.Done, token)) == "auth_failed"
