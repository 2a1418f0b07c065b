"""Entering: two homes that share nothing but a relay, from the first code to the last removal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import Console, Result
from relay.running import Running, a_relay

pytestmark = pytest.mark.slow


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Running]:
    """Return a relay."""
    with a_relay(tmp_path / "relay") as found:
        yield found


@pytest.fixture
def ada(relay: Running, tmp_path: Path) -> Console:
    """Return the home of a founder whose space lives at the relay."""
    home = Console(tmp_path / "ada")
    words = ("--recovery-output", f"file:{tmp_path}/words")
    made = home.ok(
        *("--relay-url", relay.origin, "quickstart", "--cross-machine", "--name", "Ada"),
        *("--space-name", "s", *words),
    )
    assert made["mode"] == "connected" and made["cross_machine_redeemable"]
    return home


def uri(home: Console, *args: str) -> str:
    """Return the URI of a new invite that is published."""
    made = home.ok("invite", "--publish", *args)
    assert made["relay_publication"] == "published" and made["intent_satisfied"]
    return str(made["invite_uri"])


def joined(root: Path, name: str, code: str, *args: str) -> Console:
    """Return the home of somebody who joined by ``code`` on a machine of its own."""
    home = Console(root / name)
    done = home.ok("join", code, "--name", name, *args)
    assert done["join_state"] == "member", done
    return home


def told(home: Console) -> list[str]:
    """Return the messages that a home has, news of the relay among them."""
    home.ok("sync")
    rows = home.ok("history")["records"]
    return [str(one["body"]) for one in rows if one["kind"] == "message"]


def refused(home: Console, *args: str) -> Any:
    """Return what a command says that has to fail."""
    done = home.call("--json", *args)
    assert done.status != 0, done
    return done.data["error_code"]


def reach(home: Console) -> Any:
    """Return what the relay said to a home the last time: a code, or None."""
    done: Result = home.call("--json", "sync")
    return done.data["relays"][0]["error_code"]


# -- in ------------------------------------------------------------------------------------------


def test_a_laptop_and_a_ci_meet_by_a_finite_code_while_the_inviter_is_offline(
    ada: Console, tmp_path: Path
) -> None:
    task = str(ada.ok("task", "create", "--body", "ship it")["task_id"])
    code = uri(ada)
    ada.home.rename(tmp_path / "asleep")  # nothing of the laptop runs or can be read

    ci = joined(tmp_path, "ci", code)
    claimed = ci.ok("task", "claim", task)
    assert claimed["claim_state"] == "confirmed"  # the relay orders claims now
    ci.ok("send", "done soon")
    late = Console(tmp_path / "late")
    assert refused(late, "join", code, "--name", "late") == "invite_already_redeemed"

    (tmp_path / "asleep").rename(ada.home)
    assert told(ada) == ["done soon"]
    assert ada.ok("task", "show", task)["assignee_display"] == "ci"
    assert refused(late, "join", code) == "hosted_relay_invite_not_found"  # it was cleared away
    ci.ok("sync")
    prints = {home.ok("audit", "fingerprint")["fingerprint"] for home in (ci, ada)}
    assert len(prints) == 1


def test_a_reusable_code_lets_several_in_by_the_relay_of_a_flag(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    code = uri(ada, "--max-uses", "3", "--ttl", "1h").partition("#")[2]
    for name in ("b1", "b2"):
        joined(tmp_path, name, code, "--allow-relay-lookup", "--relay-url", relay.origin)
    ada.ok("sync")
    assert len(ada.ok("space", "members")["members"]) == 3
    assert max(one["uses"] for one in ada.ok("invites", "list")["invites"]) == 2


def test_no_relay_is_asked_that_nobody_named(ada: Console, tmp_path: Path) -> None:
    code = uri(ada).partition("#")[2]
    home = Console(tmp_path / "b")
    assert refused(home, "join", code, "--name", "b") == "invalid_invite"
    lookup = ("join", "--allow-relay-lookup", code)
    assert refused(home, *lookup) == "missing_required_flag"
    assert not (home.home / "hub" / "links.db").exists()
    named = home.call("--json", *lookup, ENVOY_RELAY_URL="http://127.0.0.1:9")
    assert named.data["error_code"] == "relay_unavailable" and named.status == 7


def test_egress_rules_stand_above_the_relay_that_a_uri_names(ada: Console, tmp_path: Path) -> None:
    code = uri(ada).partition("#")[2]
    home = Console(tmp_path / "b")
    for origin in ("https://169.254.169.254", "https://[fd00:ec2::254]"):
        named = f"envoy://join?r={origin}#{code}"
        assert refused(home, "join", named, "--name", "b") == "egress_denied"
    (home.home / "config.toml").write_text('egress = "local"\n')
    named = f"envoy://join?r=https://192.0.2.1#{code}"
    assert refused(home, "join", named, "--name", "b") == "egress_denied"


def test_a_code_of_this_machine_alone_is_unknown_at_the_relay(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    made = ada.ok("invite", "--local-only")
    assert made["relay_publication"] == "not_attempted" and not made["cross_machine_redeemable"]
    assert made["invite_transport"] == "local_hub" and "r=" not in made["invite_uri"]
    named = str(made["invite_uri"]).replace("join#", f"join?r={relay.origin}#")
    code = refused(Console(tmp_path / "b"), "join", named, "--name", "b")
    assert code == "hosted_relay_invite_not_found"


def test_a_code_that_was_revoked_or_rotated_is_gone_from_the_relay(
    ada: Console, tmp_path: Path
) -> None:
    first = ada.ok("invite")
    ada.ok("invites", "revoke", "--invite", str(first["invite_id"]))
    home = Console(tmp_path / "b")
    code = refused(home, "join", str(first["invite_uri"]), "--name", "b")
    assert code == "hosted_relay_invite_not_found"
    second = ada.ok("invite")
    rotated = ada.ok("invites", "rotate", "--invite", str(second["invite_id"]), "--role", "write")
    assert rotated["relay_publication"] == "published"
    code = refused(home, "join", str(second["invite_uri"]), "--name", "b")
    assert code == "hosted_relay_invite_not_found"
    assert home.ok("join", str(rotated["invite_uri"]), "--name", "b")["role"] == "write"


def test_two_profiles_of_one_machine_join_by_a_published_code(ada: Console, tmp_path: Path) -> None:
    code = uri(ada).partition("#")[2]
    done = ada.ok("--profile", "a2", "join", code, "--name", "a2")
    assert done["join_state"] == "member"
    ada.ok("--profile", "a2", "send", "from beside")
    assert told(ada) == ["from beside"]
    far = joined(tmp_path, "b", uri(ada))
    assert told(far) == ["from beside"]


def test_with_approval_the_code_alone_opens_nothing(ada: Console, tmp_path: Path) -> None:
    code = uri(ada, "--mode", "approve", "--role", "read")
    ada.ok("send", "not for everybody")
    home = Console(tmp_path / "b")
    asked = home.ok("join", code, "--name", "Bea")
    assert asked["join_state"] == "pending_approval" and asked["role"] is None
    assert home.ok("sync")["pulled"] == 0
    request = ada.ok("invites", "pending")["requests"][0]["request_id"]
    ada.ok("--yes", "invites", "approve", str(request))
    assert told(home) == ["not for everybody"]
    assert home.ok("spaces")["spaces"][0]["role"] == "read"


def test_who_is_never_approved_is_told_so_and_keeps_nothing(ada: Console, tmp_path: Path) -> None:
    made = ada.ok("invite", "--mode", "approve")
    home = Console(tmp_path / "b")
    home.ok("join", str(made["invite_uri"]), "--name", "Bea")
    ada.ok("invites", "revoke", "--invite", str(made["invite_id"]))
    home.ok("sync")
    assert home.ok("spaces")["spaces"] == []


# -- an old space, a lost home -------------------------------------------------------------------


def test_an_old_space_comes_to_a_relay_with_history_and_objects(
    relay: Running, tmp_path: Path
) -> None:
    ada = Console(tmp_path / "ada")
    local = ada.ok("quickstart", "--name", "Ada", "--space-name", "s")
    ada.ok("--profile", "a2", "join", str(local["invite_code"]), "--name", "a2")
    ada.ok("--profile", "a2", "send", "from before")
    paper = tmp_path / "paper.txt"
    paper.write_text("a long story " * 999)
    put = ada.ok("object", "put", str(paper))
    assert refused(ada, "invite", "--publish") == "space_local_only"

    done = ada.ok("space", "connect", "--relay", relay.origin)
    assert done["changed"] and done["relay_delivery"] == "delivered"
    again = ada.ok("space", "connect", "--relay", relay.origin)
    assert not again["changed"] and again["relay_delivery"] == "delivered"

    far = joined(tmp_path, "b", uri(ada))
    assert told(far) == ["from before"]
    out = tmp_path / "got.txt"
    far.ok("object", "get", str(put["object_id"]), "--output", str(out))
    assert out.read_text() == paper.read_text()
    # The other profile of that machine reaches the relay by itself.
    ada.ok("--profile", "a2", "send", "from now on")
    assert told(far) == ["from before", "from now on"]
    ada.ok("--profile", "a2", "sync")
    assert ada.ok("--profile", "a2", "spaces")["spaces"][0]["mode"] == "connected"


def test_a_lost_home_comes_back_from_the_relay(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    bob, words = Console(tmp_path / "bob"), tmp_path / "bobs words"
    bob.ok("init", "--name", "Bob", "--recovery-output", f"file:{words}")
    space = str(bob.ok("join", uri(ada), "--name", "Bob")["space_id"])
    bob.ok("send", "before")
    ada.ok("sync")
    for at, path in enumerate((tmp_path / "words", words)):
        home = Console(tmp_path / f"new{at}")
        home.ok("recover", "--stdin", stdin=path.read_text())
        assert refused(home, "space", "attach", space) == "missing_required_flag"
        assert refused(home, "space", "attach", space[:14], "--relay", relay.origin) == (
            "invalid_argument"
        )
        done = home.ok("space", "attach", space, "--relay", relay.origin)
        assert done["changed"] and done["role"] == ("owner", "write")[at]
        assert not home.ok("space", "attach", space, "--relay", relay.origin)["changed"]
        home.ok("send", f"back {at}")
    assert told(ada) == ["before", "back 0", "back 1"]


def test_a_home_that_is_lost_right_after_the_join_comes_back(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    bob, words = Console(tmp_path / "bob"), tmp_path / "bobs words"
    bob.ok("init", "--name", "Bob", "--recovery-output", f"file:{words}")
    space = str(bob.ok("join", uri(ada), "--name", "Bob")["space_id"])
    home = Console(tmp_path / "new")
    home.ok("recover", "--stdin", stdin=words.read_text())
    done = home.ok("space", "attach", space, "--relay", relay.origin)
    assert done["changed"] and done["role"] == "write"


def test_a_stranger_attaches_nothing(relay: Running, ada: Console, tmp_path: Path) -> None:
    space = str(ada.ok("spaces")["spaces"][0]["space_id"])
    home = Console(tmp_path / "z")
    home.ok("init", "--name", "Zed")
    attach = ("space", "attach", space, "--relay", relay.origin)
    assert refused(home, *attach) == "capability_missing"
    assert home.ok("spaces")["spaces"] == []
    nowhere = "space_" + "a" * 51 + "a"
    assert refused(home, "space", "attach", nowhere, "--relay", relay.origin) == "space_not_found"


def test_a_wiped_relay_knows_all_members_again(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    bob = joined(tmp_path, "bob", uri(ada))
    ada.ok("sync")
    relay.wipe()
    ada.ok("send", "one")
    ada.ok("sync")
    assert told(bob) == ["one"]
    bob.ok("send", "two")
    assert told(ada) == ["one", "two"]
    assert told(joined(tmp_path, "cid", uri(ada))) == ["one", "two"]


def test_what_was_to_be_published_and_is_not_is_told_with_its_space(tmp_path: Path) -> None:
    home = Console(tmp_path / "a")
    nowhere = {"ENVOY_RELAY_URL": "http://127.0.0.1:9"}
    for args in (("quickstart", "--open"), ("space", "create", "t", "--cross-machine")):
        done = home.call("--json", *args, **nowhere)
        assert (done.status, done.data["error_code"]) == (7, "connected_intent_unsatisfied")
        assert done.data["cause"] == "relay_unavailable"
        done = home.call("--json", *args)
        assert done.data["cause"] == "relay_not_named"
    assert {one["mode"] for one in home.ok("spaces")["spaces"]} == {"local_only"}
    twice = home.call("--json", "quickstart", "--publish-invite", "--reusable")
    assert twice.data["error_code"] == "invalid_argument"


# -- roles ---------------------------------------------------------------------------------------


def test_a_removed_member_reaches_nothing_within_one_call(ada: Console, tmp_path: Path) -> None:
    bob, cid = (joined(tmp_path, name, uri(ada)) for name in ("bob", "cid"))
    ada.ok("sync")
    assert (reach(bob), reach(cid)) == (None, None)  # both have a live token now
    ada.ok("--yes", "space", "remove", "--member", "@bob")
    assert reach(bob) == "epoch_revoked"
    assert bob.ok("send", "let me in")["relay_delivery"] == "failed"
    assert reach(cid) is None  # whose token was of the time before, and is renewed
    cid.ok("send", "still here")
    assert told(ada) == ["still here"]


def test_who_left_reaches_nothing_once_an_admin_was_there(ada: Console, tmp_path: Path) -> None:
    bob = joined(tmp_path, "bob", uri(ada))
    bob.ok("--yes", "space", "leave")
    ada.ok("sync")
    assert reach(bob) == "epoch_revoked"


def test_a_role_is_followed_up_and_down(ada: Console, tmp_path: Path) -> None:
    bob = joined(tmp_path, "bob", uri(ada))
    role = ("--yes", "space", "role", "--member", "@bob", "--role")
    ada.ok("sync")
    ada.ok(*role, "admin")
    bob.ok("sync")
    cid = joined(tmp_path, "cid", uri(bob))  # only an admin of the relay publishes there
    assert told(cid) == []
    ada.ok("sync")
    ada.ok(*role, "write")
    bob.ok("sync")
    assert refused(bob, "invite", "--publish") == "capability_missing"
    bob.ok("send", "as before")
    assert told(cid) == ["as before"]
    ada.ok(*role, "admin")  # the same capability as before lives again
    bob.ok("sync")
    assert uri(bob)


def test_the_removal_by_an_admin_ends_what_it_gave_at_once_and_the_rest_by_the_founder(
    ada: Console, tmp_path: Path
) -> None:
    bob, cid = (joined(tmp_path, name, uri(ada)) for name in ("bob", "cid"))
    ada.ok("sync")
    ada.ok("--yes", "space", "role", "--member", "@bob", "--role", "admin")
    bob.ok("sync")
    dan = joined(tmp_path, "dan", uri(bob))
    for one in (bob, dan):
        one.ok("sync")
    bob.ok("--yes", "space", "remove", "--member", "@dan")
    assert reach(dan) == "epoch_revoked"
    bob.ok("--yes", "space", "remove", "--member", "@cid")
    ada.ok("sync")
    assert (reach(cid), reach(dan)) == ("epoch_revoked", "epoch_revoked")
    assert reach(bob) is None


def test_who_was_removed_comes_in_again_by_another_code(ada: Console, tmp_path: Path) -> None:
    bob = joined(tmp_path, "bob", uri(ada))
    ada.ok("sync")
    ada.ok("--yes", "space", "remove", "--member", "@bob")
    assert reach(bob) == "epoch_revoked"
    assert bob.ok("join", uri(ada), "--name", "bob")["role"] == "write"
    ada.ok("sync")
    assert reach(bob) is None
    bob.ok("send", "back")
    assert told(ada) == ["back"]


def test_a_removal_while_the_relay_is_away_is_told_with_the_next_push(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    bob, cid = (joined(tmp_path, name, uri(ada)) for name in ("bob", "cid"))
    ada.ok("sync")
    relay.end()
    ada.ok("--yes", "space", "remove", "--member", "@bob")
    assert ada.ok("send", "written in a tunnel")["relay_delivery"] == "pending"
    ada.ok("--yes", "space", "role", "--member", "@cid", "--role", "read")
    relay.start()
    ada.ok("send", "out again")
    assert reach(bob) == "epoch_revoked"
    assert told(cid) == ["written in a tunnel", "out again"]


def test_an_invite_that_the_relay_cannot_have_now_is_made_only_where_that_is_not_asked(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    relay.end()
    assert refused(ada, "invite", "--publish") == "relay_unavailable"
    made = ada.ok("invite")
    assert made["relay_publication"] == "failed" and not made["intent_satisfied"]
    assert made["next_action"] == "sync_and_retry"
    both = ada.call("--json", "invite", "--publish", "--local-only")
    assert both.data["error_code"] == "invalid_argument"
    relay.start()
    ada.ok("sync")
    assert joined(tmp_path, "late", str(made["invite_uri"]))


def test_the_same_key_shows_the_same_published_code(ada: Console) -> None:
    args = ("invite", "--idempotency-key", "k1")
    first, again = ada.ok(*args), ada.ok(*args)
    assert again["replayed"] and again["invite_uri"] == first["invite_uri"]
    assert again["relay_publication"] == "published"


def test_a_profile_that_waits_reads_nothing_while_the_relay_is_away(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    home = Console(tmp_path / "b")
    code = uri(ada, "--mode", "approve")
    home.ok("join", code, "--name", "Bea")
    request = ada.ok("invites", "pending")["requests"][0]["request_id"]
    relay.end()
    home.ok("sync")
    assert home.ok("join", code, "--name", "Bea")["join_state"] == "pending_approval"
    relay.start()
    ada.ok("--yes", "invites", "approve", str(request))
    assert home.ok("join", code, "--name", "Bea")["role"] == "write"
    assert reach(home) is None


def test_who_may_not_connect_a_space_is_told_why(relay: Running, tmp_path: Path) -> None:
    at = ("--relay", relay.origin)
    local = Console(tmp_path / "local")
    code = str(local.ok("quickstart", "--name", "Lea", "--space-name", "t")["invite_code"])
    local.ok("--profile", "w", "join", code, "--name", "w")
    connect = ("space", "connect", "--space", "t", *at)
    assert refused(local, "--profile", "w", *connect) == "capability_missing"
    assert refused(local, *connect, "--pin", "none") == "invalid_argument"
    assert refused(local, *connect, "--pin", "00" * 31) == "invalid_argument"
    local.ok("--yes", "space", "close", "t")
    assert refused(local, *connect) == "space_closed"
    pinned = f"envoy://join?r={relay.origin}&pin=none#{code}"
    assert refused(local, "--profile", "x", "join", pinned) == "invalid_invite"


def test_people_are_told_where_a_space_lives(relay: Running, tmp_path: Path) -> None:
    home = Console(tmp_path / "a")
    far = {"ENVOY_RELAY_URL": relay.origin}
    assert (
        "on this machine and at a relay"
        in home.call("quickstart", "--cross-machine", "--space-name", "s", **far).out
    )
    made = home.call("space", "create", "t", "--cross-machine", **far)
    assert "on this machine and at a relay" in made.out
    assert "envoy join 'envoy://join?r=" in home.call("invite", "--space", "s").out
    relay.end()
    assert "the relay does not have it yet" in home.call("invite", "--space", "s").out
    again = home.call("space", "connect", "s", **far)
    assert again.status == 7


def test_what_an_admin_left_for_the_relay_bars_nothing_once_it_is_none(
    relay: Running, ada: Console, tmp_path: Path
) -> None:
    bob = joined(tmp_path, "bob", uri(ada))
    role = ("--yes", "space", "role", "--member", "@bob", "--role")
    ada.ok("sync")
    ada.ok(*role, "admin")
    bob.ok("sync")
    relay.end()
    assert bob.ok("invite")["relay_publication"] == "failed"
    ada.ok(*role, "write")
    relay.start()
    ada.ok("sync")
    assert reach(bob) is None
    bob.ok("send", "as a writer")
    assert told(ada) == ["as a writer"]
