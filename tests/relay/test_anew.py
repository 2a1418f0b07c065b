"""A log that is begun anew is another one, places are shared, keys of invites and ends bind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.structs import Body
from envoy.errors import IntegrityError
from envoy.relay import backup, tables
from envoy.sync import access as calls
from envoy.sync import frames
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE, envelope, epoch_head
from oracle import events
from relay.scenes import FOUNDER, ROOT, WRITER, Relay, link

DAY_MS = limits.DAY_SECONDS * 1000


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


def delete(relay: Relay, instance: bytes) -> None:
    sig = events.sig(ROOT, "space-delete", SPACE, instance)
    relay.ask(calls.SpaceDelete(SPACE, instance, sig), frames.Done)


# -- another log -----------------------------------------------------------------------------------


def test_a_space_that_is_deleted_and_made_again_has_another_log(relay: Relay) -> None:
    token = relay.token("writer")
    first = relay.ask(push("one"), frames.Pushed, token)
    delete(relay, first.instance)
    relay.now_ms += 1
    assert relay.create().instance != first.instance
    assert refusal(lambda: relay.ask(push("two"), frames.Pushed, token)) == "session_stale"
    second = relay.ask(push("two"), frames.Pushed, relay.token("writer"))
    assert (second.instance, second.head, second.h) != (first.instance, first.head, first.h)
    assert second.instance != first.instance


def test_a_space_that_was_swept_and_made_again_has_another_log(tmp_path: Path) -> None:
    relay = Relay(tmp_path / "relay")
    before, token = relay.create(), relay.token("writer")
    relay.now_ms += 91 * DAY_MS
    assert relay.desk.sweep()["spaces"] == 1
    assert relay.create().instance != before.instance
    entry = relay.ask(calls.Renew(), calls.Entries, relay.token("writer")).entries[0]
    assert entry.code is None and token != entry.token
    relay.close()


def test_the_word_of_the_root_key_about_one_log_deletes_no_later_one(relay: Relay) -> None:
    instance = relay.create().instance
    delete(relay, instance)
    relay.create()
    assert refusal(lambda: delete(relay, instance)) == "auth_failed"


def test_who_listened_to_a_log_is_told_when_there_is_another(relay: Relay) -> None:
    sub, head = relay.desk.subscribe(relay.token("writer"))
    assert relay.desk.recheck([sub]) == [sub]
    delete(relay, head.instance)
    assert relay.desk.recheck([sub]) == ["space_not_found"]
    relay.now_ms += 1
    relay.create()
    relay.token("writer")
    assert relay.desk.recheck([sub]) == ["session_stale"]


def test_a_copy_of_a_relay_has_no_log_of_the_relay_it_was_copied_from(
    relay: Relay, tmp_path: Path
) -> None:
    relay.ask(push("one"), frames.Pushed, relay.token("writer"))
    backup.save(relay.directory, os.fspath(tmp_path / "copy"))
    backup.restore(os.fspath(tmp_path / "copy"), os.fspath(tmp_path / "back"))
    back = Relay(tmp_path / "back")
    assert back.create().instance != relay.create().instance
    (page,) = back.ask(
        frames.Pull((frames.Since(SPACE, None, 0),), 9, 0), frames.Pulled, back.token("writer")
    ).pages
    assert page.head is not None and len(page.frames) == 1
    start = frames.chain_start(page.head.instance, SPACE)
    assert frames.chain_after(start, [frames.frame_id(envelope("one"))]) == page.head.h
    back.close()


def test_a_relay_that_lost_its_key_does_not_go_on_under_another(relay: Relay) -> None:
    os.remove(os.path.join(relay.directory, tables.KEY_FILE))
    with pytest.raises(IntegrityError) as caught:
        tables.make(relay.directory)
    assert (caught.value.code, caught.value.details["reason"]) == ("state_corrupt", "missing")
    assert not os.path.exists(os.path.join(relay.directory, tables.KEY_FILE))


# -- places ----------------------------------------------------------------------------------------


def test_the_delegates_of_one_writer_take_no_place_of_anybody_else(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CAPS_POSTER_MAX", 4)
    codes = [_delegate(relay, f"delegate {number}").code for number in range(6)]
    assert codes == [None, None, None, None, "quota_exceeded", "quota_exceeded"]
    assert relay.entry("reader", (*FOUNDER, link("founder", "reader", "r", 0))).code is None


def test_chains_that_ended_make_room(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CAPS_MAX", 3)
    relay.token("writer")
    brief = {"exp": relay.now_ms + 1000}
    assert _delegate(relay, "delegate 1", **brief).code is None
    assert _delegate(relay, "delegate 2", **brief).code is None
    assert _delegate(relay, "delegate 3").code == "quota_exceeded"
    relay.now_ms += 1000
    assert _delegate(relay, "delegate 3").code is None
    assert relay.entry("writer").code is None


def _delegate(relay: Relay, name: str, **other: int) -> calls.Entry:
    return relay.entry(name, (*WRITER, link("writer", name, "r", 0, **other)))


# -- the key of an invite --------------------------------------------------------------------------

HEAD, EPOCH = epoch_head(SPACE, "t")
REFUSED: dict[str, Body] = {
    "an epoch": frames.EpochPut(SPACE, EPOCH, HEAD),
    "a claim": frames.Slot(frames.CLAIM, SPACE, 1, bytes(32), 0, bytes(16), 60, envelope("claim")),
}


@pytest.fixture
def guest(relay: Relay) -> bytes:
    """Return a token of the key of an invite."""
    chain = (*FOUNDER, link("founder", "invite", "w", 1, uses=1, exp=relay.now_ms + DAY_MS))
    entry = relay.entry("invite", chain)
    assert (entry.code, entry.role) == (None, "r") and entry.token is not None
    return entry.token


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_the_key_of_an_invite_writes_nothing_that_a_reader_may_not(
    relay: Relay, guest: bytes, call: Body
) -> None:
    name = next(name for name, (kind, _) in calls.EVERY.items() if kind is type(call))
    reply = calls.EVERY[name][1]
    assert refusal(lambda: relay.ask(call, reply, guest)) == "read_only"
    relay.ask(call, reply, relay.token("writer"))


def test_the_key_of_an_invite_pushes_a_join_and_not_much_more(relay: Relay, guest: bytes) -> None:
    for number in range(limits.READER_PUSHES_DAY_MAX):
        relay.ask(push(str(number)), frames.Pushed, guest)
    assert refusal(lambda: relay.ask(push("more"), frames.Pushed, guest)) == "quota_exceeded"
    entry = relay.ask(calls.Renew(), calls.Entries, guest).entries[0]
    assert (entry.code, entry.role) == (None, "r")


def test_who_issued_itself_a_link_by_an_invite_writes(relay: Relay) -> None:
    above = (*FOUNDER, link("founder", "invite", "w", 1, uses=1, exp=relay.now_ms + DAY_MS))
    own = link("invite", "joiner", "w", 0, exp=relay.now_ms + 30 * DAY_MS)
    assert relay.entry("joiner", (*above, own)).role == "w"


# -- ends ------------------------------------------------------------------------------------------


def test_nobody_issues_itself_what_outlasts_its_own_access(relay: Relay) -> None:
    brief = (*FOUNDER, link("founder", "writer", "w", 1, exp=relay.now_ms + 1000))
    for exp in (0, relay.now_ms + 1001):
        longer = (*brief, link("writer", "other", "w", 0, exp=exp))
        assert relay.entry("other", longer).code == "auth_failed"
    as_long = (*brief, link("writer", "other", "w", 0, exp=relay.now_ms + 1000))
    assert relay.entry("other", as_long).code is None
    relay.now_ms += 1000
    assert relay.entry("other").code == "capability_expired"
