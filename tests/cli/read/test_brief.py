"""The Work Record cut: never over its budget, every cut counted, one point of view, one task."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from cli.read.conftest import Place, event_id, task_id
from envoy import ids
from envoy.errors import UsageError
from envoy.jsontext import dumps
from envoy.storage import brief_views
from envoy.views import budget, rows
from rowhome import T0, digest

STATES = ("open", "claimed", "in_progress", "blocked", "submitted", "completed", "cancelled")


def filled(place: Place, chance: Random) -> None:
    """Fill a space with whatever may be in one."""
    home, space = place.home, place.space
    people = (place.lead, place.a1, place.b2)
    for number in range(chance.randrange(60)):
        text = "ä" * chance.choice((1, 40, 700)) + str(number)
        home.item(space, chance.choice(people), text, late=chance.randrange(2))
    for number in range(chance.randrange(40)):
        state, holder = chance.choice(STATES), chance.choice(people)
        more: dict[str, Any] = {"assignee": holder.an, "is_claim": 1, "claim_state": "confirmed"}
        more["lease_ms"] = chance.choice((None, T0))
        text = "paint " * chance.randrange(1, 200)
        home.task(
            space,
            chance.choice(people),
            f"{number}",
            body=text,
            state=state,
            **(more if state in ("claimed", "in_progress") else {}),
        )
    for number in range(chance.randrange(30)):
        kind = chance.choice(("decision", "objection", "risk", "charter", "evidence"))
        fields = {"severity": "note", "result": "pass"}
        home.record(space, chance.choice(people), f"said {number}", kind=kind, fields=dumps(fields))


def counts(record: dict[str, Any], path: str) -> int:
    """Return how many items of a list are shown or counted as left out."""
    return len(budget._listed(record, path)) + omitted(record, path)


def omitted(record: dict[str, Any], path: str) -> int:
    found = record["omitted"].get(path, {"count": 0})["count"]
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_record_is_never_over_its_budget_and_counts_what_it_cuts(place: Place, seed: int) -> None:
    filled(place, Random(seed))
    whole: dict[str, Any] = place.ok("work_record", "work-record", "--limit", "40")
    del whole["schema"]
    before = dumps(whole)
    for tokens in range(1_000, budget.tokens(whole) + 400, 731):
        cut: dict[str, Any] = budget.fit(whole, tokens, space=whole["space_id"])
        written = dumps({"schema": "envoy.work_record/1", **cut})
        assert len(written) <= budget.BYTES_PER_TOKEN * cut["bounds"]["used_tokens"]
        assert budget.tokens(cut) == cut["bounds"]["used_tokens"] <= tokens
        for path in budget.ORDER:
            assert counts(cut, path) == counts(whole, path), path
        shown = {one["path"] for sort in cut["limits"].values() for one in sort}
        for path in shown:
            place_of = budget._place(path)
            assert place_of is None or place_of[1] < len(budget._listed(cut, place_of[0]))
    assert dumps(whole) == before  # cutting leaves what it was given as it is
    all_of_it: dict[str, Any] = budget.fit(
        whole, budget.tokens(whole) + 1_000, space=whole["space_id"]
    )
    assert all_of_it["omitted"].keys() == whole["omitted"].keys()
    assert all_of_it["tasks"] == whole["tasks"]


def test_the_command_keeps_to_its_budget(busy: Place) -> None:
    for tokens in (1_000, 1_500, 3_000):
        found = busy.ok("work_record", "work-record", "--budget", str(tokens))
        out = busy.call("--json", "work-record", "--budget", str(tokens)).out
        assert -(-len(out.strip()) // 4) <= found["bounds"]["used_tokens"] <= tokens
        assert found["bounds"]["budget_tokens"] == tokens
        assert {one["reason"] for one in found["omitted"].values()} <= {"budget", "limit"}
    whole = busy.ok("work_record", "work-record", "--budget", "100000")
    assert "budget" not in {one["reason"] for one in whole["omitted"].values()}
    busy.fails("invalid_argument", "work-record", "--budget", "799")


def test_what_is_needed_most_is_cut_last(busy: Place) -> None:
    found = busy.ok("work_record", "work-record", "--budget", "1600")
    assert found["tasks"]["mine"] and found["omitted"]["authority.members"]["reason"] == "budget"
    assert found["bounds"]["complete"] is False


def test_two_copies_cut_alike_whatever_they_know_of_the_hub(busy: Place) -> None:
    def cut() -> dict[str, Any]:
        found = busy.ok("work_record", "work-record", "--budget", "1800")
        made = budget.counted({name: one for name, one in found.items() if name != "schema"})
        del made["limits"]
        return made

    one = cut()
    busy.update(synced_ms=T0 + 9, unread=77, next_n=5_000, pending=3, events=12)
    assert cut() == one


def test_a_base_that_does_not_fit_is_refused_with_what_would_do(place: Place) -> None:
    gate = {"gate.evidence": [f"{'t' * 60}{number:04}" for number in range(32)]}
    place.update(policy=dumps(gate))
    error = place.fails("invalid_argument", "work-record", "--budget", "800")
    least = int(error["least"])
    assert least > 800
    place.ok("work_record", "work-record", "--budget", str(least))
    whole = place.ok("work_record", "work-record")
    with pytest.raises(UsageError):
        budget.fit(
            {k: v for k, v in whole.items() if k != "schema"}, least - 1, space=whole["space_id"]
        )


def test_alike_limits_of_no_item_are_folded_and_counted(place: Place) -> None:
    for number in range(5):
        place.home.item(place.space, place.a1, None, kind=f"odd{number}", status="unsupported")
    found = place.ok("work_record", "work-record", "--budget", "3000")
    (entry,) = [one for one in found["limits"]["unknown"] if one["path"] == "activity"]
    assert entry["id"] is None and omitted(found, "limits.unknown") == 4


# -- points of view ------------------------------------------------------------------------------


def test_another_member_has_other_work_and_its_mentions_are_not_known(busy: Place) -> None:
    mine = busy.ok("work_record", "work-record")
    theirs = busy.ok("work_record", "work-record", "--for", "@a1")
    assert theirs["for"]["display_name"] == "a1"
    assert [one["title"] for one in theirs["tasks"]["mine"]] == ["Repro crash"]
    assert [one["title"] for one in mine["tasks"]["mine"]] == ["Audit checks"]
    reasons = [one["reason"] for one in theirs["limits"]["unknown"]]
    assert "other_inbox" in reasons
    assert busy.ok("work_record", "work-record", "--for", "@me")["for"] == mine["for"]
    busy.fails("not_found", "work-record", "--for", "@nobody")


def test_one_task_brings_what_belongs_to_it_and_counts_the_rest(busy: Place) -> None:
    whole = busy.ok("work_record", "work-record")
    task = whole["tasks"]["mine"][0]["task_id"]
    found = busy.ok("work_record", "work-record", "--task", task[:12])
    assert found["task_id"] == task
    listed = [one["task_id"] for many in found["tasks"].values() for one in many]
    assert task in listed and len(listed) < sum(map(len, whole["tasks"].values()))
    assert {one["reason"] for one in found["omitted"].values()} == {"scope"}
    assert all(
        task in (one["task_id"], one["event_id"]) or one["task_id"] is None
        for one in found["activity"]
    )
    busy.fails("task_not_found", "work-record", "--task", "task_aaaaaaaa")


def test_since_a_cursor_there_is_what_came_and_what_is_mine(busy: Place) -> None:
    newest = busy.ok("work_record", "work-record")["bounds"]["to_cursor"]
    found = busy.ok("work_record", "work-record", "--since", str(newest))
    assert found["activity"] == [] and found["bounds"]["since"] == newest
    assert [one["title"] for one in found["tasks"]["mine"]] == ["Audit checks"]
    assert found["tasks"]["ready"] == found["tasks"]["done"] == []
    assert found["omitted"]["activity"]["reason"] == "since"
    every = busy.ok("work_record", "work-record", "--since", "0")
    assert every["activity"]


# -- handoffs ------------------------------------------------------------------------------------


def handed(
    place: Place,
    task: rows.Task,
    standing: str,
    *,
    head: str,
    refs: str,
    **more_said: Any,
) -> rows.Record:
    """Write the row of a handoff; ``act`` is what ended it, ``asks`` are its questions."""
    act, asks = more_said.get("act"), more_said.get("asks", ())
    words = more_said.get("words", ["ok"] * refs.count("rel"))
    said = {
        **{"standing": standing, "act": act, "to": ids.did_text(place.lead.did)},
        **{"state": "claimed", "completed": ["sanded"], "remaining": [], "commands": []},
        **{
            "risks": ["r" * 700],
            "questions": list(asks),
            "frontier": {"hash": "00", "heads": [head]},
            "proved": {"frontier": more_said.get("pin", "ok"), "evidence": words},
        },
    }
    text = f"go on from {standing}"
    more = {"kind": "handoff", "task": task.id, "refs": refs, "fields": dumps(said)}
    return place.home.record(place.space, place.a1, text, **more)


@pytest.fixture
def passed(place: Place) -> Place:
    """A space in which tasks were handed over, one for each thing that can be said of that."""
    home, space = place.home, place.space
    here = event_id(home.item(space, place.a1, "seen"))
    held = event_id(home.item(space, place.b2, "held", status="held", cause="R3", reason=None))
    gone = ids.to_text("evt", digest("not here"))
    tasks = [home.task(space, place.lead, f"task {number}") for number in range(4)]
    handed(place, tasks[0], "offered", head=here, refs="[]")
    handed(place, tasks[1], "offered", head=gone, refs="[]")
    handed(place, tasks[2], "offered", head=here, refs=dumps([{"rel": None, "id": held}]))
    handed(place, tasks[3], "withdrawn", act=here, head=here, refs="[]")
    forged = [home.task(space, place.lead, f"forged {number}") for number in range(3)]
    named = dumps([{"rel": None, "id": here}])
    handed(place, forged[0], "offered", head=here, refs="[]", pin="bad")
    handed(place, forged[1], "offered", head=here, refs=named, words=["bad"])
    handed(place, forged[2], "offered", head=here, refs=named, words=["unseen"])
    tenure = digest("tenure")
    taken = {"state": "claimed", "assignee": place.b2.an, "is_claim": 1, "tenure": tenure}
    one = home.task(space, place.lead, "taken over", **taken)
    handed(place, one, "accepted", act=ids.to_text("evt", tenure), head=here, refs="[]")
    ended = home.task(space, place.lead, "ended", state="cancelled")
    handed(place, ended, "offered", head=here, refs="[]")
    return place


def test_handoffs_that_matter_are_shown_with_what_can_be_said_of_them(passed: Place) -> None:
    found = passed.ok("work_record", "work-record")["handoffs"]
    said = [(one["state"], one["verify"]) for one in found]
    words = ("valid", "partial", "invalid", "invalid", "invalid", "partial")
    offered = [("offered", word) for word in words]
    assert sorted(said) == sorted([*offered, ("accepted", "valid")])
    assert found[0]["to"]["display_name"] == "lead" and len(found[0]["risks"][0]) == 600
    assert "HANDED OVER 7" in passed.text("work-record")
    shown = passed.ok("records", "record", "list")["records"]
    assert {one["state"] for one in shown} == {"offered", "withdrawn", "accepted"}


def test_handoffs_of_another_task_are_left_out_and_counted(passed: Place) -> None:
    whole = passed.ok("work_record", "work-record")
    first = whole["handoffs"][0]
    found = passed.ok("work_record", "work-record", "--task", first["task_id"])
    assert [one["record_id"] for one in found["handoffs"]] == [first["record_id"]]
    assert omitted(found, "records") == 6
    newest = str(whole["bounds"]["to_cursor"])
    since = passed.ok("work_record", "work-record", "--since", newest)
    assert since["handoffs"] == [] and omitted(since, "records") == 7
    both = passed.ok("work_record", "work-record", "--task", first["task_id"], "--since", newest)
    assert both["handoffs"] == both["activity"] == [] and omitted(both, "records") == 7
    assert {one["reason"] for one in both["omitted"].values()} <= {"since", "scope"}


def test_where_too_much_has_changed_since_only_what_came_is_cut(
    passed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brief_views, "CHANGES_MAX", 0)
    found = passed.ok("work_record", "work-record", "--since", "900")
    assert len(found["handoffs"]) == 7 and found["activity"] == []


def refs_to(*events: bytes) -> str:
    """Return references as rows keep them."""
    return dumps([{"rel": None, "id": ids.to_text("evt", one)} for one in events])


def test_what_handoffs_rest_on_and_ask_stands_in_the_record_and_scopes_with_them(
    place: Place,
) -> None:
    home, space = place.home, place.space
    one, other = (home.task(space, place.lead, f"task {number}") for number in range(2))
    proof = home.record(space, place.a1, "it runs")
    head = event_id(home.item(space, place.a1, "seen"))
    rests = refs_to(proof.id, digest("not here"))
    given = handed(place, one, "offered", head=head, refs=rests, asks=("which green?", "when?"))
    handed(place, other, "offered", head=head, refs="[]", asks=("who?",))
    handed(place, other, "withdrawn", head=head, refs=rests, asks=("said in vain",))
    found = place.ok("work_record", "work-record")
    asked = [(row["reason"], row["text"]) for row in found["open_questions"]]
    assert asked == [("handoff_question", text) for text in ("which green?", "when?", "who?")]
    assert found["open_questions"][0]["id"] == ids.to_text("rec", given.id)
    here, absent = found["evidence"]
    assert (here["text"], here["state"], here["task_id"]) == ("it runs", "current", task_id(one))
    assert (absent["visibility"], absent["task_id"]) == ("missing", task_id(one))
    narrow = place.ok("work_record", "work-record", "--task", task_id(other))
    assert [row["text"] for row in narrow["open_questions"]] == ["who?"]
    assert narrow["evidence"] == []
    theirs = place.ok("work_record", "work-record", "--for", "@a1")
    assert theirs["evidence"] == found["evidence"]


def test_evidence_that_a_decision_refers_to_is_shown_and_nothing_else_it_names(
    place: Place,
) -> None:
    home, space = place.home, place.space
    proof, said = home.record(space, place.a1, "it runs"), home.item(space, place.a1, "so be it")
    for text, more in (("we keep it", {}), ("we did", {"retracted": digest("gone")})):
        refs = refs_to(said.id, digest("not here"), *(() if more else (proof.id,)))
        home.record(space, place.lead, text, kind="decision", refs=refs, **more)
    (shown,) = place.ok("work_record", "work-record")["evidence"]
    assert (shown["text"], shown["task_id"], shown["visibility"]) == ("it runs", None, "visible")


def test_a_task_is_shown_with_the_handoff_that_stands(passed: Place) -> None:
    listed = passed.ok("work_record", "work-record")["handoffs"]
    for one in listed:
        found = passed.ok("task", "task", "show", one["task_id"])
        assert found["handoff"]["record_id"] == one["record_id"]
        assert found["handoff"]["verify"] == one["verify"]
        text = passed.text("task", "show", one["task_id"])
        assert f"handoff  {one['state']}, {one['verify']}" in text and one["next"] in text
    every = passed.ok("tasks", "task", "list", "--status", "all")["tasks"]
    others = {one["task_id"] for one in every} - {one["task_id"] for one in listed}
    assert len(others) == 2
    for name in others:  # withdrawn, or the task has ended
        assert passed.ok("task", "task", "show", name)["handoff"] is None
