"""Billing: access codes, what an account may take, and what becomes of one that lapsed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envoy import limits
from envoy.core.codec import encode
from envoy.core.crypto.sign import sha256
from envoy.core.structs import Body
from envoy.errors import UsageError
from envoy.relay import billing
from envoy.relay.billing import Plan, Terms
from envoy.relay.counter import Counter
from envoy.relay.desk import Config, Desk
from envoy.relay.quota import Buckets, Pace, Rates
from envoy.relay.tables import RelayStore
from envoy.sync import access as calls
from envoy.sync import chunks, frames
from envoy.sync.frames import HubRefusal
from envoy.wiring import operator
from hub.scenes import SPACE, G, envelope
from relay.scenes import ALLOWED, FOUNDER, ORIGIN, Relay

DAY_MS = limits.DAY_SECONDS * 1000
SMALL = Plan("small", spaces=1, bytes=100_000, frames_day=3, chunk_days=7, idle_days=20)
LARGE = Plan("large", spaces=5)
CODE = "7K2M-QRST-23WX-9ABC-DEFG-HJKM"


class Paid(Relay):
    """A relay that asks for access codes."""

    def __init__(self, path: Path, *plans: Plan) -> None:
        super().__init__(path)
        self.desk.close()
        self.terms = Terms({plan.name: plan for plan in plans}, lambda: self.now_ms)
        pace = Pace(Buckets(b"k" * 32, lambda: self.now_ms / 1000), Rates())
        config = Config(frozenset([ORIGIN]), ALLOWED, self.terms.fund, terms=self.terms, pace=pace)
        self.desk = Desk(
            self.directory, config, now_ms=lambda: self.now_ms, on_wake=self.wakes.extend
        )
        self.counter = Counter(self.desk)

    def mint(self, code: str = CODE, plan: Plan = SMALL, *, days: int = 30) -> None:
        """Let there be a code."""
        until = self.now_ms + 10 * DAY_MS
        self.desk.do(
            doing(
                lambda store: billing.mint(
                    store, code, plan, days=days, at=self.now_ms, until=until
                )
            )
        )

    def account(self, name: str) -> bytes:
        """Return a token of somebody's account."""
        asked = calls.Session((self.proof(name, None, space=None),))
        token = self.ask(asked, calls.Entries).entries[0].token
        assert token is not None
        return token

    def tell(self, name: str, **said: object) -> dict[str, object]:
        """Return the JSON answer to a call about an account."""
        raw = self.counter.answer(f"billing/{name}", json.dumps(said).encode())
        found: dict[str, object] = json.loads(raw)
        return found

    def redeem(self, name: str, code: str = CODE) -> dict[str, object]:
        """Redeem a code for somebody's account."""
        return self.tell("redeem", token=self.account(name).hex(), code=code)

    def make(self, name: str) -> frames.Head:
        """Create the space of the scenes, in somebody's account."""
        return self.ask(frames.Create(SPACE, G, FOUNDER), frames.Head, self.account(name))

    def days(self, count: int) -> None:
        """Let days pass."""
        self.now_ms += count * DAY_MS


def doing(work: Callable[[RelayStore], object]) -> Callable[[RelayStore], Body]:
    """Return ``work`` as a call of the desk, whatever it returns."""

    def do(store: RelayStore) -> Body:
        work(store)
        return frames.Done()

    return do


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Paid]:
    found = Paid(tmp_path / "relay", SMALL, LARGE)
    yield found
    found.close()


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(HubRefusal) as caught:
        work()
    return caught.value.code


def push(relay: Paid, *names: str) -> frames.Pushed:
    call = frames.Push(SPACE, tuple(envelope(name) for name in names))
    return relay.ask(call, frames.Pushed, relay.token("founder"))


def pull(relay: Paid) -> frames.Pulled:
    call = frames.Pull((frames.Since(SPACE, None, 0),), 10, 0)
    return relay.ask(call, frames.Pulled, relay.token("founder"))


# -- codes ---------------------------------------------------------------------------------------


def test_a_code_has_six_groups_and_is_found_however_it_is_typed() -> None:
    code = billing.draw(os.urandom)
    assert [len(part) for part in code.split("-")] == [4] * 6
    typed = " " + code.lower().replace("-", " ") + "\n"
    assert billing.hash_of(typed) == billing.hash_of(code) != billing.hash_of(CODE)
    assert len({billing.draw(os.urandom) for _ in range(100)}) == 100


def test_without_an_account_no_space_is_made_and_with_one_it_is(relay: Paid) -> None:
    assert refusal(relay.create) == "subscription_required"
    assert refusal(lambda: relay.make("ada")) == "subscription_required"
    relay.mint()
    found = relay.redeem("ada")
    assert found["connected_access_active"] is True and found["product_plan"] == "small"
    assert relay.make("ada").head == 0
    assert relay.tell("status", token=relay.account("ada").hex())["spaces"] == 1
    assert relay.create().head == 0  # it is there: nobody is asked again
    assert push(relay, "one").head == 1


def test_a_code_is_good_once_and_for_the_same_account_again_without_effect(relay: Paid) -> None:
    relay.mint()
    first = relay.redeem("ada")
    again = relay.redeem("ada")
    assert (first["changed"], again["changed"]) == (True, False)
    assert first["ends_at"] == again["ends_at"]
    assert refusal(lambda: relay.redeem("bob")) == "not_found"


def test_of_many_who_redeem_a_code_at_once_one_has_it(relay: Paid) -> None:
    relay.mint()
    tokens = [relay.account(f"m{at}").hex() for at in range(16)]
    got = list[object]()

    def work(token: str) -> None:
        try:
            got.append(relay.tell("redeem", token=token, code=CODE)["changed"])
        except HubRefusal as refused:
            got.append(refused.code)

    threads = [threading.Thread(target=work, args=(one,)) for one in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, got)) == ["True", *["not_found"] * 15]


def test_a_code_that_is_over_is_as_one_that_never_was(relay: Paid) -> None:
    relay.mint()
    assert refusal(lambda: relay.redeem("ada", "AAAA-" * 6)) == "not_found"
    relay.days(11)
    assert refusal(lambda: relay.redeem("ada")) == "not_found"


def test_time_of_one_plan_adds_up_and_another_plan_begins_now(relay: Paid) -> None:
    relay.mint()
    relay.mint("B" * 24)
    relay.mint("C" * 24, LARGE, days=5)
    relay.mint("D" * 24, LARGE, days=0)
    begun = relay.now_ms
    assert relay.redeem("ada")["ends_at"] == begun + 30 * DAY_MS
    assert relay.redeem("ada", "B" * 24)["ends_at"] == begun + 60 * DAY_MS
    assert relay.redeem("ada", "C" * 24)["ends_at"] == begun + 5 * DAY_MS
    assert relay.redeem("ada", "D" * 24)["ends_at"] is None
    relay.mint("E" * 24, LARGE, days=5)
    assert relay.redeem("ada", "E" * 24)["ends_at"] is None  # for ever stays for ever


def test_a_plan_that_is_gone_counts_as_the_first(relay: Paid) -> None:
    relay.mint(plan=Plan("old", spaces=9))
    assert relay.redeem("ada")["spaces_max"] == SMALL.spaces


# -- what a plan limits --------------------------------------------------------------------------


def test_an_account_makes_as_many_spaces_as_its_plan_has(relay: Paid) -> None:
    relay.mint()
    relay.redeem("ada")
    ada = key(relay, "ada")
    relay.desk.do(doing(lambda store: store.fund(bytes(32), ada, relay.now_ms)))
    assert refusal(lambda: relay.make("ada")) == "quota_exceeded"
    relay.mint("B" * 24, LARGE)
    relay.redeem("ada", "B" * 24)
    assert relay.make("ada").head == 0


def key(relay: Paid, name: str) -> bytes:
    return relay.desk.account_of(relay.account(name))


def test_a_space_takes_what_its_plan_allows_and_not_what_others_may(relay: Paid) -> None:
    relay.mint()
    relay.redeem("ada")
    relay.make("ada")
    push(relay, "1", "2", "3")
    assert refusal(lambda: push(relay, "4")) == "quota_exceeded"
    relay.days(1)
    push(relay, "4")
    chunk = bytes(200_000)
    put = chunks.ChunkPut(SPACE, sha256(chunk), chunk)
    token = relay.token("founder")
    assert refusal(lambda: relay.ask(put, frames.Done, token)) == "quota_exceeded"


# -- the end -------------------------------------------------------------------------------------


def test_a_lapsed_account_reads_two_weeks_is_kept_six_and_then_gone(relay: Paid) -> None:
    relay.mint()
    relay.redeem("ada")
    relay.make("ada")
    push(relay, "one")
    relay.days(29)
    push(relay, "two")
    relay.days(2)
    assert refusal(lambda: push(relay, "three")) == "subscription_required"
    assert len(pull(relay).pages[0].frames) == 2
    leave = calls.AccessPut(SPACE, (FOUNDER,), None)
    relay.ask(leave, frames.Done, relay.token("founder"))  # rights are taken away even then
    relay.days(14)
    assert refusal(lambda: pull(relay)) == "subscription_required"
    relay.days(28)
    relay.token("founder")  # somebody asks for it: it is not idle, but lapsed
    assert relay.desk.sweep()["spaces"] == 0
    relay.days(2)
    assert relay.desk.sweep()["spaces"] == 1
    assert refusal(lambda: pull_raw(relay)) == "auth_failed"


def pull_raw(relay: Paid) -> object:
    call = frames.Pull((frames.Since(SPACE, None, 0),), 10, 0)
    return relay.ask(call, frames.Pulled)


def test_who_redeems_another_code_in_time_goes_on(relay: Paid) -> None:
    relay.mint()
    relay.redeem("ada")
    relay.make("ada")
    relay.days(50)
    relay.mint("B" * 24)
    assert refusal(lambda: pull(relay)) == "subscription_required"
    relay.redeem("ada", "B" * 24)
    assert push(relay, "one").head == 1


def test_a_space_that_nobody_asks_for_is_kept_as_long_as_its_plan_says(relay: Paid) -> None:
    relay.mint(days=0)
    relay.redeem("ada")
    relay.make("ada")
    relay.days(19)
    assert relay.desk.sweep()["spaces"] == 0
    relay.days(2)
    assert relay.desk.sweep()["spaces"] == 1


def test_a_revoked_code_ends_what_was_given_for_it(relay: Paid) -> None:
    relay.mint(days=0)
    relay.redeem("ada")
    relay.make("ada")
    (row,) = relay.desk.look(billing.codes)
    relay.desk.do(doing(lambda store: billing.revoke(store, row, at=relay.now_ms)))
    assert refusal(lambda: push(relay, "one")) == "subscription_required"
    assert pull(relay).pages[0].frames == ()
    assert refusal(lambda: relay.redeem("ada")) == "not_found"


# -- the calls -----------------------------------------------------------------------------------


def test_plans_are_shown_to_anybody(relay: Paid) -> None:
    plans = relay.tell("plans")["plans"]
    assert plans == [dict(SMALL._asdict()), dict(LARGE._asdict())]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        pytest.param("status", b"{", "malformed", id="no JSON"),
        pytest.param("status", b"[]", "malformed", id="no object"),
        pytest.param("status", b"\xff", "malformed", id="no text"),
        pytest.param("status", b"{}", "malformed", id="no token"),
        pytest.param("status", b'{"token":"xyz"}', "malformed", id="a token that is no hex"),
        pytest.param("status", b'{"token":"' + b"0" * 4000 + b'"}', "malformed", id="too long"),
        pytest.param("status", b'{"token":"' + b"00" * 80 + b'"}', "auth_failed", id="no token"),
        pytest.param("checkout", b"{}", "unsupported_operation", id="no such call"),
    ],
)
def test_what_is_no_call_about_an_account_is_refused(
    relay: Paid, name: str, body: bytes, code: str
) -> None:
    assert refusal(lambda: relay.counter.answer(f"billing/{name}", body)) == code


def test_the_token_of_a_space_opens_no_account_and_no_code_is_no_code(relay: Paid) -> None:
    relay.mint()
    relay.redeem("ada")
    relay.make("ada")
    token = relay.token("founder").hex()
    assert refusal(lambda: relay.tell("status", token=token)) == "auth_failed"
    own = relay.account("ada").hex()
    assert refusal(lambda: relay.tell("redeem", token=own)) == "malformed"
    assert refusal(lambda: relay.tell("redeem", token=own, code="x" * 65)) == "malformed"


def test_a_relay_that_asks_nobody_has_no_accounts(tmp_path: Path) -> None:
    relay = Relay(tmp_path / "relay")
    body = encode(())
    assert refusal(lambda: Counter(relay.desk).answer("billing/plans", body)) == (
        "unsupported_operation"
    )
    relay.close()


def test_guesses_of_one_peer_are_slowed_down(relay: Paid) -> None:
    found = [refusal_or_none(relay) for _ in range(Rates().sessions.burst + 1)]
    assert found[-1] == "rate_limited" and set(found[:-1]) == {""}


def refusal_or_none(relay: Paid) -> str:
    try:
        relay.desk.admit("billing/redeem", b"peer")
    except HubRefusal as refused:
        return refused.code
    return ""


def test_no_code_and_no_account_stands_in_the_store_as_it_was_typed(relay: Paid) -> None:
    relay.mint()
    relay.redeem("ada")
    relay.close()
    held = b"".join(one.read_bytes() for one in Path(relay.directory).glob("hub.db*"))
    plain = CODE.replace("-", "").encode()
    assert plain not in held and CODE.encode() not in held
    assert billing.hash_of(CODE) in held  # the control


# -- plans.toml ----------------------------------------------------------------------------------


def test_plans_come_from_a_file_and_what_it_leaves_out_is_standard(tmp_path: Path) -> None:
    assert operator.plans(os.fspath(tmp_path)) == {"standard": billing.STANDARD}
    path = tmp_path / "plans.toml"
    path.write_text("[team]\nspaces = 7\n[solo]\nbytes = 5\n")
    path.chmod(0o600)
    found = operator.plans(os.fspath(tmp_path))
    assert list(found) == ["team", "solo"]
    assert found["team"] == billing.STANDARD._replace(name="team", spaces=7)
    assert found["solo"].bytes == 5


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="none"),
        pytest.param("spaces = 7", id="no table"),
        pytest.param("[a]\nspaces = 0", id="nothing allowed"),
        pytest.param("[a]\nspaces = true", id="no number"),
        pytest.param("[a]\nspaces = '7'", id="a text"),
        pytest.param("[a]\nseats = 7", id="an unknown name"),
        pytest.param("[a]\nspaces = [1]", id="a list"),
        pytest.param("[a", id="no TOML"),
    ],
)
def test_a_file_of_plans_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plans.toml").write_text(text)
    with pytest.raises(UsageError, match="invalid_argument"):
        operator.plans(os.fspath(tmp_path))
