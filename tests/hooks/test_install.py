"""Install and uninstall with real files: what is written, given back, refused, kept."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import Console
from envoy.runtimes import ledger

RUNTIMES = ("claude-code", "codex", "gemini", "cursor", "vscode")
# Files of a user who has lived with the runtime for a while: path below the home, text.
LIVED: dict[str, dict[str, str]] = {
    "claude-code": {
        ".claude.json": '{"numStartups": 7, "cost": 0.25, "mcpServers": {}}',
        ".claude/settings.json": (
            '{\n  // mine\n  "model": "x",\n  "hooks": {\n    "Stop": []\n  },\n}'
        ),
    },
    "codex": {
        ".codex/config.toml": '# my model\nmodel = "o" # why\n\n[mcp_servers.x]\ncommand = "x"',
        ".codex/hooks.json": "{}",
    },
    "gemini": {
        ".gemini/settings.json": '{\r\n\t"ui": {"theme": "x"} // c\r\n}\r\n',
        ".gemini/GEMINI.md": "# Mine\n\nwords",
    },
    "cursor": {
        ".cursor/mcp.json": "{ \n }",
        ".cursor/hooks.json": '{"version": 1, "hooks": {"stop": [{"command": "say"}]}}\n',
    },
    "vscode": {".config/Code/User/mcp.json": '{\n\t"servers": {},\n\t"inputs": []\n}\n'},
}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """Return a console with no identity yet."""
    yield Console(tmp_path)


def home_of(console: Console) -> Path:
    """Return the home of the user."""
    return console.cwd.parent


def live(console: Console, runtime: str) -> dict[Path, bytes]:
    """Write the files of somebody who uses ``runtime``; return all by path."""
    for name, text in LIVED[runtime].items():
        path = home_of(console) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return everything(console)


def everything(console: Console) -> dict[Path, bytes]:
    """Return every file of the user but those of Envoy and the programs."""
    own = (console.home, console.bin)
    return {
        path: path.read_bytes()
        for path in sorted(home_of(console).rglob("*"))
        if path.is_file() and not any(path.is_relative_to(one) for one in own)
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_uninstall_gives_back_every_byte(console: Console, runtime: str) -> None:
    before = live(console, runtime)
    made = console.ok("hooks", "install", runtime)
    assert made["changed"] and everything(console) != before
    for name in LIVED[runtime]:
        copy = home_of(console) / f"{name}{ledger.BACKUP}"
        assert copy.read_bytes() == before[home_of(console) / name]
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    gone = console.ok("hooks", "uninstall", runtime)
    assert gone["changed"] and everything(console) == before


@pytest.mark.parametrize("scope", ["user", "project"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_user_without_any_files_has_none_again(
    console: Console, runtime: str, scope: str
) -> None:
    before = {one for one in home_of(console).rglob("*") if one.is_dir()}
    console.ok("hooks", "install", runtime, "--scope", scope)
    assert everything(console)
    console.ok("hooks", "uninstall", runtime, "--scope", scope)
    after = {one for one in home_of(console).rglob("*") if one.is_dir()}
    assert everything(console) == {} and after - before <= {console.home}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_install_twice_is_install_once(console: Console, runtime: str) -> None:
    before = live(console, runtime)
    console.ok("hooks", "install", runtime)
    once = everything(console)
    again = console.ok("hooks", "install", runtime)
    assert not again["changed"] and everything(console) == once
    assert {one["action"] for one in again["files"]} == {"unchanged"}
    console.ok("hooks", "uninstall", runtime)
    assert everything(console) == before


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_dry_run_shows_the_change_and_writes_nothing(console: Console, runtime: str) -> None:
    before = live(console, runtime)
    shown = console.ok("hooks", "install", runtime, "--dry-run")
    assert shown["changed"] and all("envoy" in one["diff"] for one in shown["files"])
    assert everything(console) == before and not console.home.exists()


def test_another_profile_takes_the_place_of_the_first(console: Console) -> None:
    before = live(console, "claude-code")
    console.ok("--profile", "a1", "hooks", "install", "claude-code", "--prompts")
    console.ok("--profile", "a2", "hooks", "install", "claude-code")
    text = (home_of(console) / ".claude.json").read_text() + (
        home_of(console) / ".claude/settings.json"
    ).read_text()
    assert "a2" in text and "a1" not in text and "UserPromptSubmit" not in text
    console.ok("hooks", "uninstall", "claude-code")
    assert everything(console) == before


def test_what_was_edited_since_keeps_the_edits(console: Console) -> None:
    live(console, "claude-code")
    console.ok("hooks", "install", "claude-code")
    path = home_of(console) / ".claude/settings.json"
    path.write_text(path.read_text().replace('"model": "x"', '"model": "new"'))
    gone = console.ok("hooks", "uninstall", "claude-code")
    assert [one["action"] for one in gone["files"]] == ["restored", "changed", "removed"]
    assert path.read_text() == LIVED["claude-code"][".claude/settings.json"].replace('"x"', '"new"')
    assert not Path(f"{path}{ledger.BACKUP}").exists()


def test_installing_over_edits_keeps_them_and_gives_them_back(console: Console) -> None:
    live(console, "cursor")
    console.ok("hooks", "install", "cursor")
    path = home_of(console) / ".cursor/hooks.json"
    path.write_text(path.read_text().replace("say", "sing"))
    console.ok("--profile", "a2", "hooks", "install", "cursor")
    assert "sing" in path.read_text() and "a2" in path.read_text()
    console.ok("hooks", "uninstall", "cursor")
    assert path.read_text() == LIVED["cursor"][".cursor/hooks.json"].replace("say", "sing")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_without_its_record_a_copy_is_still_given_back(console: Console, runtime: str) -> None:
    before = live(console, runtime)
    console.ok("--profile", "a7", "hooks", "install", runtime)
    (console.home / ledger.RECORD).unlink()
    console.ok("hooks", "uninstall", runtime)
    assert everything(console) == before


def test_a_copy_of_something_else_is_not_given_back(console: Console) -> None:
    live(console, "cursor")
    console.ok("hooks", "install", "cursor")
    (console.home / ledger.RECORD).unlink()
    path = home_of(console) / ".cursor/hooks.json"
    path.write_text(path.read_text().replace("say", "sing"))
    for other in (b"\xff", b"{", b'{"version": 1, "theirs": true}'):
        Path(f"{path}{ledger.BACKUP}").write_bytes(other)
        shown = console.ok("hooks", "uninstall", "cursor", "--dry-run")
        assert "theirs" not in shown["files"][1]["diff"]
    console.ok("hooks", "uninstall", "cursor")
    assert "sing" in path.read_text() and "envoy" not in path.read_text()
    assert Path(f"{path}{ledger.BACKUP}").exists()


def test_without_its_record_and_copies_what_is_ours_is_still_found(console: Console) -> None:
    live(console, "codex")
    console.ok("hooks", "install", "codex")
    (console.home / ledger.RECORD).unlink()
    for name in LIVED["codex"]:
        (home_of(console) / f"{name}{ledger.BACKUP}").unlink()
    gone = console.ok("hooks", "uninstall", "codex")
    assert [one["action"] for one in gone["files"]] == ["changed", "changed", "removed"]
    config = (home_of(console) / ".codex/config.toml").read_text()
    assert config == LIVED["codex"][".codex/config.toml"] + "\n"


def test_a_file_that_two_runtimes_share_stays_for_the_other(console: Console) -> None:
    for runtime in ("vscode", "any"):
        console.ok("hooks", "install", runtime, "--scope", "project")
    path = console.cwd / "AGENTS.md"
    gone = console.ok("hooks", "uninstall", "any", "--scope", "project")
    assert gone["files"][0]["action"] == "shared" and path.exists()
    console.ok("hooks", "uninstall", "vscode", "--scope", "project")
    assert not path.exists()


def test_uninstall_of_what_was_never_installed_changes_nothing(console: Console) -> None:
    before = live(console, "gemini")
    assert not console.ok("hooks", "uninstall", "gemini")["changed"]
    assert everything(console) == before


@pytest.mark.parametrize(
    ("name", "text", "cause"),
    [
        pytest.param(".claude/settings.json", "{", "json", id="no JSON"),
        pytest.param(".claude/settings.json", '{"hooks": 1}', "shape", id="hooks of another shape"),
        pytest.param(".claude.json", '{"mcpServers": []}', "shape", id="servers that are a list"),
        pytest.param(".claude.json", b"\xff", "utf8", id="no UTF-8"),
    ],
)
def test_a_file_that_cannot_be_understood_refuses_the_whole(
    console: Console, name: str, text: str | bytes, cause: str
) -> None:
    live(console, "claude-code")
    path = home_of(console) / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    before = everything(console)
    for verb in ("install", "uninstall") if cause == "utf8" else ("install",):
        refused = console.call("--json", "hooks", verb, "claude-code")
        assert refused.status == 2
        assert refused.data["error_code"] == "invalid_argument"
        assert refused.data["next_action"] == "fix_arguments"
        assert (refused.data["path"], refused.data["cause"]) == (str(path), cause)
    assert everything(console) == before
    states = console.ok("hooks", "list")["runtimes"][0]["files"]
    assert "malformed" in {one["state"] for one in states}


def test_a_file_that_is_too_large_is_refused(console: Console) -> None:
    path = home_of(console) / ".claude.json"
    path.write_bytes(b'{"a": "' + b"x" * (8 << 20) + b'"}')
    refused = console.call("--json", "hooks", "install", "claude-code")
    assert (refused.status, refused.data["cause"]) == (2, "too_long")


def test_a_project_that_links_out_of_itself_is_refused(console: Console, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere" / "settings.json"
    secret.parent.mkdir()
    secret.write_text("{}")
    (console.cwd / ".claude").symlink_to(secret.parent)
    refused = console.call("--json", "hooks", "install", "claude-code", "--scope", "project")
    assert (refused.status, refused.data["error_code"]) == (8, "state_access_denied")
    assert refused.data["reason"] == "symlink" and secret.read_text() == "{}"
    assert not (console.cwd / ".mcp.json").exists()


def test_a_link_of_the_user_is_followed_and_stays_one(console: Console, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    link = home_of(console) / ".claude.json"
    link.symlink_to(real)
    console.ok("hooks", "install", "claude-code")
    assert link.is_symlink() and "envoy-mcp" in real.read_text()
    console.ok("hooks", "uninstall", "claude-code")
    assert link.is_symlink() and real.read_text() == "{}"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_a_file_keeps_its_mode(console: Console, mode: int) -> None:
    path = home_of(console) / ".claude.json"
    path.write_text("{}")
    path.chmod(mode)
    console.ok("hooks", "install", "claude-code")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    console.ok("hooks", "uninstall", "claude-code")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_what_is_no_file_is_refused(console: Console, kind: str) -> None:
    path = home_of(console) / ".claude.json"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    refused = console.call("--json", "hooks", "install", "claude-code")
    assert (refused.status, refused.data["error_code"]) == (8, "state_access_denied")


def test_a_server_of_our_name_by_somebody_else_stays(console: Console) -> None:
    path = home_of(console) / ".claude.json"
    path.write_text('{"mcpServers": {"envoy": {"command": "mine"}}}')
    made = console.ok("hooks", "install", "claude-code")
    assert made["files"][0]["action"] == "kept"
    assert [one["code"] for one in made["warnings"]] == ["entry_kept"]
    console.ok("hooks", "uninstall", "claude-code")
    assert path.read_text() == '{"mcpServers": {"envoy": {"command": "mine"}}}'


def test_a_copy_that_nobody_knows_is_not_written_over(console: Console) -> None:
    path = home_of(console) / ".claude.json"
    path.write_text("{}")
    Path(f"{path}{ledger.BACKUP}").write_text("the only copy of something")
    before = everything(console)
    refused = console.call("--json", "hooks", "install", "claude-code")
    assert (refused.status, refused.data["error_code"]) == (5, "already_exists")
    assert everything(console) == before


def test_what_somebody_wrote_in_between_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("theirs")
    with pytest.raises(Exception, match="version_conflict"):
        ledger.write(str(path), b"ours", known=b"older", private=False)
    assert path.read_text() == "theirs" and [*tmp_path.iterdir()] == [path]


def test_a_failure_takes_back_what_was_written(console: Console) -> None:
    before = live(console, "claude-code")
    skills = home_of(console) / ".claude/skills"
    skills.write_text("no directory")
    before[skills] = b"no directory"
    refused = console.call("--json", "hooks", "install", "claude-code")
    assert refused.status == 8
    assert everything(console) == before


def test_a_bad_record_is_named(console: Console) -> None:
    console.ok("hooks", "install", "cursor")
    (console.home / ledger.RECORD).write_text("{}")
    refused = console.call("--json", "hooks", "uninstall", "cursor")
    assert (refused.status, refused.data["error_code"]) == (8, "state_corrupt")


def test_two_homes_at_once_change_one_after_the_other(console: Console) -> None:
    before = live(console, "claude-code")
    homes = [str(console.home), str(console.home.with_name("home2"))]
    words = ["sh", "-c", "envoy hooks install claude-code --json"]
    both = [
        subprocess.Popen(
            words,
            env=console.environment(ENVOY_HOME=home),
            cwd=console.cwd,
            stdout=subprocess.PIPE,
        )
        for home in homes
    ]
    told = sorted(json.loads(one.communicate(timeout=60)[0])["schema"] for one in both)
    assert told == ["envoy.hooks/1", "envoy.hooks/1"]
    for home in homes:
        console.ok("hooks", "uninstall", "claude-code", ENVOY_HOME=home)
    left = everything(console)
    assert {path: left[path] for path in before} == before
    assert not [path for path in left if path.suffix in (".bak", ".tmp")]


def test_a_home_that_is_a_link_is_as_good(console: Console, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(home_of(console))
    live(console, "cursor")
    console.ok("hooks", "install", "cursor", HOME=str(link))
    console.ok("hooks", "uninstall", "cursor", HOME=str(link))
    nowhere = console.call("--json", "hooks", "install", "cursor", HOME=str(tmp_path / "none"))
    assert nowhere.status == 0


def test_a_file_that_is_written_meanwhile_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("theirs")
    with pytest.raises(Exception, match="version_conflict"):
        ledger.remove(str(path), known=b"ours")
    assert path.read_text() == "theirs"


def test_any_has_no_files_of_a_user(console: Console) -> None:
    refused = console.call("--json", "hooks", "install", "any")
    assert (refused.status, refused.data["expected"]) == (2, ["project"])


@pytest.mark.parametrize(
    ("variable", "runtime", "name"),
    [
        pytest.param("CODEX_HOME", "codex", "config.toml", id="Codex"),
        pytest.param("CLAUDE_CONFIG_DIR", "claude-code", "settings.json", id="Claude Code"),
        pytest.param("XDG_CONFIG_HOME", "vscode", "Code/User/mcp.json", id="VS Code"),
    ],
)
def test_a_runtime_that_lives_elsewhere_is_found_there(
    console: Console, tmp_path: Path, variable: str, runtime: str, name: str
) -> None:
    console.ok("hooks", "install", runtime, **{variable: str(tmp_path / "moved")})
    assert (tmp_path / "moved" / name).exists()


def test_the_list_tells_how_each_file_stands(console: Console) -> None:
    console.ok("hooks", "install", "cursor")
    path = home_of(console) / ".cursor/mcp.json"
    path.write_text(json.dumps({"mcpServers": {"envoy": {"command": "envoy-mcp"}}}))
    found = {one["runtime"]: one["files"] for one in console.ok("hooks", "list")["runtimes"]}
    assert [one["state"] for one in found["cursor"]][:2] == ["differs", "installed"]
    assert {one["state"] for one in found["codex"]} == {"absent"}


def test_a_write_that_fails_takes_back_those_before_it(console: Console) -> None:
    before = live(console, "claude-code")
    (home_of(console) / ".claude/skills").symlink_to("/proc/1/nowhere")
    refused = console.call("--json", "hooks", "install", "claude-code")
    assert (refused.status, refused.data["error_code"]) == (8, "state_access_denied")
    assert everything(console) == before
    states = console.ok("hooks", "list")["runtimes"][0]["files"]
    assert {one["state"] for one in states} == {"absent"}


def test_a_new_file_is_taken_back_too(console: Console) -> None:
    (home_of(console) / ".claude").mkdir()
    (home_of(console) / ".claude/skills").symlink_to("/proc/1/nowhere")
    assert console.call("hooks", "install", "claude-code").status == 8
    assert everything(console) == {}


def test_people_see_the_change_line_by_line(console: Console) -> None:
    live(console, "cursor")
    shown = console.call("hooks", "install", "cursor", "--dry-run").out
    assert "changed  mcp    ~/.cursor/mcp.json" in shown
    assert '| +  "mcpServers": {' in shown and "No newline at end of file" in shown
    assert "next: envoy init --agent" not in shown and "next: envoy --profile default" in shown
    console.ok("hooks", "install", "cursor")
    (home_of(console) / ".cursor/hooks.json").write_text("{")
    listed = console.call("hooks", "list").out
    assert "malformed" in listed and "installed" in listed
    assert console.call("hooks", "check", "cursor").status == 8
    own = console.call("hooks", "install", "codex", "--dry-run").out
    assert "codex mcp add envoy -- " in own


def test_the_usual_home_is_not_named(console: Console) -> None:
    console.ok("hooks", "install", "cursor", ENVOY_HOME="")
    text = (home_of(console) / ".cursor/hooks.json").read_text()
    assert "ENVOY_HOME" not in text and (home_of(console) / ".envoy/hooks.json").exists()
