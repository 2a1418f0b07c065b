"""`audit` as programs and people use it: overviews, reports, bundles, and how they fail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from console import Console
from envoy.cli import audittext, render
from envoy.core import bundle
from envoy.views import audit
from envoy.views.audit import Chain, EpochFact, Fork, Material
from envoy.views.people import People
from rowhome import RowHome
from schemas import problems


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Return a home in which lead gave a1 a role, a1 worked, and a2 was removed."""
    console = Console(tmp_path_factory.mktemp("audit"))
    start = ("--human", "--name", "lead", "--space-name", "one", "--reusable")
    code = console.ok("--profile", "lead", "quickstart", *start)["invite_code"]
    for name in ("a1", "a2"):
        console.ok("--profile", name, "join", code, "--name", name)
    console.ok("--profile", "lead", "space", "role", "--member", "@a1", "--role", "admin", "--yes")
    task = console.ok("--profile", "a1", "task", "create", "work")["task_id"]
    console.ok("--profile", "a1", "task", "claim", task)
    said = console.ok("--profile", "a1", "send", "see the task")["event_id"]
    console.ok("--profile", "lead", "send", "read", "--refs", said)
    console.ok("--profile", "lead", "space", "remove", "--member", "@a2", "--yes")
    return console


def answer(console: Console, schema: str, *args: str, profile: str = "lead") -> dict[str, Any]:
    """Return the answer of a command that has to succeed and fit its schema."""
    found = console.ok("--profile", profile, "audit", *args)
    assert problems(found, schema) == []
    return found


def said(console: Console, *args: str) -> str:
    """Return what a command says to people."""
    found = console.call("--profile", "lead", "audit", *args)
    assert found.status == 0, found.err
    return found.out


def test_an_overview_counts_what_is_here(team: Console) -> None:
    found = answer(team, "audit")
    assert found["sound"] and found["gaps"] == [] and found["unknowns"] == []
    assert found["checked"]["events"] == sum(found["verdicts"].values())
    assert found["epochs"]["known"] == found["epochs"]["held"] == 2
    assert {one["member"]["display_name"] for one in found["chains"]} == {"lead", "a1", "a2"}
    assert "nothing missing" in said(team)


def test_a_report_tells_of_one_member_or_of_all(team: Console) -> None:
    one = answer(team, "audit_report", "report", "--member", "@a1")
    assert {"task.create", "task.claim"} <= {row["kind"] for row in one["wrote"]}
    assert len(one["could_read"]) == one["epochs"] == 2 and one["resting_on_it"] == 1
    gone = answer(team, "audit_report", "report", "--member", "@a2")
    assert len(gone["could_read"]) == 1
    everybody = answer(team, "audit_report", "report", "--limit", "3")
    assert everybody["member"] is None and everybody["could_read"] is None
    assert len(everybody["acts"]) == 3 and everybody["omitted"] == everybody["events"] - 3
    text = said(team, "report")
    assert text.startswith("everybody") and " gave " in text and "founded the space" in text


def test_a_bundle_is_written_verified_and_shown(team: Console) -> None:
    given = ("export", "--output", "whole.audit", "--view", "whole")
    found = answer(team, "audit_export", *given)
    size = (team.cwd / "whole.audit").stat()
    assert found["size"] == size.st_size and size.st_mode & 0o777 == 0o600
    checked = answer(team, "audit_verify", "verify", "whole.audit", profile="nobody")
    assert checked["valid"] and checked["first_bad"] is None
    assert checked["fingerprint"] == answer(team, "audit_fingerprint", "fingerprint")["fingerprint"]
    assert found["view_files"] == ["index.html", "prov.json", "statements.jsonl"]
    again = team.call("--profile", "lead", "--json", "audit", *given)
    assert again.data["error_code"] == "already_exists"
    assert "next: " in said(team, "export", "--output", "more.audit")
    assert "not proved" in said(team, "verify", "more.audit")


def test_what_is_withheld_is_said(team: Console) -> None:
    given = ("--redact", "bodies", "--member", "@a1", "--since", "1h")
    found = answer(team, "audit_export", "export", "--output", "part.audit", *given)
    assert found["withheld"] == found["pinned"] + found["claimed"] > 0
    assert len(found["left_out"]) == 3
    assert "withheld" in said(team, "verify", "part.audit")


def test_a_changed_byte_names_the_first_bad_event(team: Console) -> None:
    answer(team, "audit_export", "export", "--output", "good.audit")
    data = bytearray((team.cwd / "good.audit").read_bytes())
    data[len(data) // 2] ^= 1
    (team.cwd / "bad.audit").write_bytes(data)
    found = team.call("--json", "audit", "verify", "bad.audit")
    assert found.status == 8 and problems(found.data, "error") == []
    bad = found.data["first_bad"]
    assert (bad["part"], bad["reason"]) == ("event", "changed") and bad["event_id"]
    text = team.call("audit", "verify", "bad.audit")
    assert f"number {bad['number']}" in text.err and "reason changed" in text.err


def test_a_bundle_that_its_author_cannot_verify_is_removed(
    team: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bundle.Writer.seal

    def other(self: bundle.Writer, seed: bytes, fingerprint: bytes) -> bytes:
        return real(self, seed, bytes(32))

    monkeypatch.setattr(bundle.Writer, "seal", other)
    given = ("--profile", "lead", "--json", "audit", "export", "--output")
    found = team.call(*given, "wrong.audit")
    assert found.data["error_code"] == "audit_invalid"
    assert found.data["first_bad"]["reason"] == "wrong_fingerprint"
    assert not (team.cwd / "wrong.audit").exists()
    assert team.call(*given, "-").data["cause"] == "not_a_file"


def test_a_removed_member_exports_nothing(team: Console) -> None:
    team.ok("--profile", "a2", "sync")
    found = team.call("--profile", "a2", "--json", "audit", "export", "--output", "gone.audit")
    assert found.data["error_code"] == "epoch_revoked"
    assert not (team.cwd / "gone.audit").exists()


# -- words ---------------------------------------------------------------------------------------


def words(data: Mapping[str, object]) -> str:
    """Return an overview as people read it."""
    return render.plain(audittext.overview_text(data), render.screen_of(None, {}))


def test_an_overview_names_gaps_forks_and_what_is_not_known(tmp_path: Path) -> None:
    home = RowHome(tmp_path)
    space = home.space()
    lead = home.member(space, "lead", role="owner")
    people = People([lead], me=lead.did, find_did=lambda _: lead.did)
    told = Material(
        space=space,
        people=people,
        verdicts=[("message", "ok", 2), ("message", "held", 1), ("message", "void", 1)],
        chains=[Chain(lead.an, bytes(16), 1, 3, 3, 4, 2)],
        forks=[Fork(lead.an, 1, bytes(32), b"\1" * 32)],
        fork_count=1,
        epochs=[EpochFact(bytes(32), 0, None, None, None)],
        parked={"waiting": 2, "sealed": 0},
        dropped=1,
        refused={"bad_signature": 3},
        receipts=(2, 1),
        heads=1,
    )
    found = audit.overview(told)
    assert not found["sound"] and found["gaps"] == found["chains"]
    unknowns = found["unknowns"]
    assert isinstance(unknowns, list)
    reasons = {one["reason"]: one["count"] for one in unknowns}
    assert reasons == {"waiting_parent": 2, "dropped_frames": 1, "epoch_without_key": 1}
    text = words(found)
    for part in ("look below", "2 events missing", "fork at 1", "1 held", "3 bad_signature"):
        assert part in text
    home.connection.close()
