"""The commands on an identity itself: its words given and asked for, its name, its way back."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path

import pytest

from console import Console
from envoy.core import identity
from envoy.wiring import secrets


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a guess at a passphrase cost little."""
    monkeypatch.setattr(identity, "PASSES", 1)
    monkeypatch.setattr(identity, "KIB", 64)
    secrets._KNOWN.clear()


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a home with an identity in one space, its words in the file words.txt."""
    made = Console(tmp_path)
    made.ok("init", "--name", "Ada", "--human", "--recovery-output", "file:words.txt")
    made.ok("space", "create", "bughunt")
    return made


def words(console: Console) -> str:
    """Return the words of the identity."""
    return (console.cwd / "words.txt").read_text()


def lose(console: Console) -> None:
    """Delete every profile; the hub stays."""
    shutil.rmtree(console.home / "profiles")


def test_words_from_stdin_bring_the_identity_and_its_spaces_back(console: Console) -> None:
    (me,) = console.ok("roster", "--space", "bughunt")["members"]
    lose(console)
    back = console.ok("recover", "--stdin", stdin=words(console))
    found = back["identity"]
    assert (found["member_id"], found["display_name"]) == (me["member_id"], "Ada")
    assert [(one["space_name"], one["role"]) for one in back["spaces"]] == [("bughunt", "owner")]
    assert [one["code"] for one in back["warnings"]] == ["not_locked"]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe" * 24, id="no text"),
        pytest.param(b"abandon " * 5000, id="more than any list of words"),
    ],
)
def test_what_is_no_list_of_words_makes_no_profile(console: Console, given: bytes) -> None:
    lose(console)
    refused = console.call("--json", "recover", "--stdin", stdin=given)
    assert refused.data["error_code"] == "invalid_argument"
    assert not (console.home / "profiles/default/identity.json").exists()


def test_words_are_asked_for_where_somebody_sits(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(console)
    asked: list[str] = []

    def answer(prompt: str, stream: object = None) -> str:
        asked.append(prompt)
        return words(console)

    monkeypatch.setattr(secrets, "can_ask", lambda: True)
    monkeypatch.setattr(getpass, "getpass", answer)
    shown = console.call("recover").out
    assert shown.startswith('you    "Ada" (') and len(asked) == 1
    assert not any(" ".join(words(console).split()[at : at + 3]) in shown for at in range(22))


def test_where_nobody_sits_words_are_not_waited_for(console: Console) -> None:
    lose(console)
    refused = console.call("--json", "recover")
    assert (refused.status, refused.data["error_code"]) == (9, "confirmation_required")
    assert refused.data["next_command"] == "envoy recover --stdin"


def test_an_identity_whose_hub_is_gone_comes_back_without_spaces(console: Console) -> None:
    lose(console)
    shutil.rmtree(console.home / "hub")
    shown = console.call("recover", "--stdin", stdin=words(console)).out
    assert "no further space of this identity was found in the hub of this machine\n" in shown


def test_a_profile_that_an_imported_one_replaces_is_said_to_lie_aside(
    console: Console, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("correct horse\n")
    key.chmod(0o600)
    console.ok("identity", "export", "--file", "ada.envoy-id", "--new-passphrase-file", str(key))
    console.ok("--profile", "b", "init", "--recovery-output", "skip")
    args = ("--profile", "b", "--passphrase-file", str(key), "identity", "import", "ada.envoy-id")
    assert console.call("--json", *args).data["error_code"] == "already_exists"
    done = console.call(*args, "--replace")
    assert done.status == 0 and done.out.startswith('you    "Ada" (')
    (aside,) = (console.home / "aside").iterdir()
    assert f"the profile that was here lies in {aside}\n" in done.out


def test_a_space_that_takes_no_name_any_more_is_told_of_and_stops_no_other(
    console: Console,
) -> None:
    closed = console.ok("space", "create", "over")["space_id"]
    console.ok("space", "close", "over", "--yes")
    shown = console.call("identity", "rename", "Grace").out.splitlines()
    assert shown[0].startswith('you    "Grace" (')
    assert shown[1:] == [f"{closed[:12]}  not renamed: space_closed"]
    (me,) = console.ok("roster", "--space", "bughunt")["members"]
    assert me["display_name"] == "Grace"


def test_the_words_are_shown_beside_the_answer_and_never_in_it(console: Console) -> None:
    shown = console.call("identity", "recovery", "--recovery-output", "stderr")
    assert shown.status == 0 and shown.out == ""
    for number, word in enumerate(words(console).split(), 1):
        assert f"{number} {word}" in shown.err
    refused = console.call("--json", "identity", "recovery")
    assert refused.data["error_code"] == "confirmation_required"
    again = console.call("identity", "recovery", "--recovery-output", "file:again.txt")
    assert again.out.startswith(f"words  in {console.cwd / 'again.txt'}; keep them")
    assert (console.cwd / "again.txt").read_text() == words(console)


def test_a_lock_that_is_as_it_was_is_said_to_be(console: Console) -> None:
    assert console.call("identity", "lock", "none").out == "lock   none  as before\n"
