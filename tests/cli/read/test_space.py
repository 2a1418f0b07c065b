"""Space: members, their grants, the invites of a space."""

from __future__ import annotations

import pytest

from cli.read.conftest import Place
from envoy import ids
from envoy.views import rows
from rowhome import T0, digest

DAY_MS = 86_400_000
LATER = T0 + 10**12


def names(data: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return the names of members in an answer."""
    return [one["display_name"] for one in data["members"]]


def test_members_are_current_and_the_roster_forgets_nobody(place: Place) -> None:
    place.home.member(place.space, "gone", role=None, removed_ms=T0 + 1)
    assert names(place.ok("members", "space", "members")) == ["lead", "a1", "b2"]
    roster = place.ok("roster", "roster")
    assert names(roster) == ["lead", "a1", "b2", "gone"]
    assert roster["members"][-1]["membership_state"] == "history_only_not_current"
    assert "removed" in place.text("roster")


def test_pages_of_members_hold_each_of_them_once(place: Place) -> None:
    other = place.home.space("other")
    for number in range(4):
        place.home.member(other, f"m{number}")
    found: list[str] = []
    cursor: tuple[str, ...] = ()
    while True:
        data = place.ok("roster", "roster", "--limit", "2", *cursor)
        found += names(data)
        if not data["page"]["has_more"]:
            break
        cursor = ("--cursor", data["page"]["next_cursor"])
    assert found == ["lead", "a1", "b2", "m0", "m1", "m2", "m3"]


def test_a_cursor_of_another_list_means_nothing(place: Place) -> None:
    cursor = place.ok("roster", "roster", "--limit", "1")["page"]["next_cursor"]
    for words in (("invites", "list"), ("roster", "--member", "@a1"), ("spaces",)):
        place.fails("invalid_argument", *words, "--cursor", cursor)
    for broken in ("", "x", cursor + ".1", cursor[:-1], "0" * 300):
        place.fails("invalid_argument", "roster", f"--cursor={broken}")


@pytest.mark.parametrize("form", ["did", "prefix", "name", "me"])
def test_a_member_may_be_named_in_four_ways(form: str, place: Place) -> None:
    did = ids.did_text(place.lead.did)
    texts = {"did": did, "prefix": did[: len("did:key:z6Mk") + 8], "name": "@lead", "me": "@me"}
    assert names(place.ok("roster", "roster", "--member", texts[form])) == ["lead"]


def test_a_name_that_two_members_bear_names_nobody(place: Place) -> None:
    place.home.member(place.space, "a1b", name="a1")
    found = place.fails("id_ambiguous", "roster", "--member", "@a1")
    assert len(found["matching_ids"]) == 2
    place.fails("not_found", "roster", "--member", "@nobody")
    place.fails("invalid_argument", "roster", "--member", "z6Mk1")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("le\u0430d", id="Cyrillic letter"),
        pytest.param("LEAD", id="capitals"),
        pytest.param("1ead", id="digit for a letter"),
        pytest.param("l\u200bead", id="character without width"),
        pytest.param("\uff4cead", id="full-width letter"),
        pytest.param("le\u0301ad", id="accent"),
        pytest.param("l e.a-d", id="marks between"),
    ],
)
def test_names_that_look_alike_are_marked_on_both_sides(name: str, place: Place) -> None:
    assert "!" not in place.text("space", "members")
    place.home.member(place.space, name)
    text = place.text("space", "members")
    assert text.count('" ! (') == 2 and "compare fingerprints" in text
    found = place.ok("members", "space", "members")["members"]
    assert [one["name_collides"] for one in found] == [True, False, False, True]


def grant(place: Place, name: str, subject: rows.Member, **fields: object) -> rows.Grant:
    """Return a grant by the lead, named for its id."""
    row = rows.Grant(
        sn=place.space.sn, id=digest(name), subject=subject.an, author=place.lead.an, kind="grant",
        role="write", verb=None, task=None, depth=0, na=None, status="live", cause=None, ix=1,
        senior=1,
    )  # fmt: skip
    return rows.Grant(**{**row._asdict(), **fields})


def test_permissions_show_the_grants_that_say_so(place: Place) -> None:
    place.home.save(
        grant(place, "root", place.lead, kind="genesis", role="owner", senior=0),
        grant(place, "live", place.a1),
        grant(place, "dead", place.b2, status="killed", cause=digest("remove")),
        grant(place, "past", place.b2, role=None, verb="write", kind="delegate", na=1),
    )
    (space,) = place.ok("permissions", "permissions")["spaces"]
    by_name = {one["display_name"]: one for one in space["members"]}
    assert space["me"]["verbs"] == ["read", "write", "grant", "admin", "own"]
    assert by_name["a1"]["grants"][0]["status"] == "live"
    assert {one["status"] for one in by_name["b2"]["grants"]} == {"killed", "expired"}
    text = place.text("permissions")
    assert "epoch current" in text and "killed" in text and "expired" in text


def test_a_space_whose_key_is_stale_says_so(place: Place) -> None:
    place.update(adequate=0)
    assert "epoch to be renewed" in place.text("permissions")


def invite(place: Place, name: str, **fields: object) -> rows.Invite:
    """Return an invite by the lead, named for its id."""
    row = rows.Invite(
        sn=place.space.sn, id=digest(name), author=place.lead.an, role="write", mode="open",
        max_uses=1, uses=0, na=LATER, created_ms=T0, lookup=bytes(16), revoke_auth=bytes(32),
        enc=None, access=bytes(32), status="active",
    )  # fmt: skip
    return rows.Invite(**{**row._asdict(), **fields})


def test_invites_are_listed_without_their_codes(place: Place) -> None:
    assert place.text("invites", "list") == "no invites\n"
    place.home.save(
        invite(place, "new", created_ms=T0 + DAY_MS),
        invite(place, "past", na=T0, created_ms=T0 + 2),
        invite(place, "used", uses=1, status="used", created_ms=T0 + 1),
    )
    data = place.ok("invites", "invites", "list")
    assert [one["invite_status"] for one in data["invites"]] == ["active", "expired", "used"]
    assert "code" not in str(data)
    text = place.text("invites", "list")
    assert "1 of 1" in text and "expired" in text
    page = place.ok("invites", "invites", "list", "--limit", "2")["page"]
    rest = place.ok("invites", "invites", "list", "--cursor", page["next_cursor"])
    assert [one["invite_status"] for one in rest["invites"]] == ["used"]


# -- which space ---------------------------------------------------------------------------------


def test_a_space_may_be_named_in_four_ways(place: Place) -> None:
    whole = ids.to_text("space", place.space.id)
    for text in (whole, whole.upper(), whole[:12], "bughunt"):
        assert place.ok("history", "history", text)["space_id"] == whole
        assert place.ok("history", "history", "--space", text)["space_id"] == whole
    assert place.call("history", ENVOY_SPACE="bughunt").status == 0


def test_the_only_space_need_not_be_named_and_one_of_two_must(place: Place) -> None:
    assert place.ok("history", "history")["space_name"] == "bughunt"
    place.home.member(place.home.space("other"), "lead")
    found = place.fails("missing_required_flag", "history")
    assert found["next_command"] == "envoy spaces"


def test_spaces_of_one_name_are_told_apart_by_their_ids(place: Place) -> None:
    twin = place.home.space("twin", name="bughunt")
    found = place.fails("space_name_ambiguous", "history", "bughunt")
    assert ids.to_text("space", twin.id) in found["matching_ids"]
    place.fails("space_not_found", "history", "nowhere")
    place.fails("space_not_found", "history", "space_aaaaaa")
    place.fails("invalid_argument", "history", "space_a")


def test_a_composed_name_is_found_however_it_is_typed(place: Place) -> None:
    place.update(name="caf\u00e9")
    assert place.ok("history", "history", "cafe\u0301")["space_name"] == "caf\u00e9"
