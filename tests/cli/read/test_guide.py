"""Guide: what explains Envoy says what holds, and needs no home."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from console import Console
from envoy.cli.causes import CAUSES
from envoy.cli.schemas import ANSWERS, json_schema
from envoy.cli.table import RESERVED, every
from envoy.cli.tables.guide import SHELLS
from envoy.errors import CODES
from schemas import problems

ROOT = Path(__file__).parents[3]


@pytest.fixture
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    return Console(tmp_path_factory.mktemp("guide"))


def test_every_code_has_its_cause_and_no_other() -> None:
    assert CAUSES.keys() == CODES.keys()
    assert [code for code, cause in CAUSES.items() if not cause.why or not cause.remedy] == []


def commands_in(text: str) -> list[str]:
    """Return what ``text`` quotes as calls of the program."""
    return [part for part in text.split("`")[1::2] if part.startswith("envoy ")]


def paths() -> set[str]:
    """Return every path of a command, and every noun."""
    found = {path for row in every() for path in (row.path, *row.also)}
    return found | {path.split()[0] for path in found}


def exists(call: str) -> bool:
    """Return whether ``call`` begins with a command that exists."""
    call = call.replace("--profile a1 ", "")
    words = [word for word in call.split()[1:] if not word.startswith("-")]
    return " ".join(words[:2]) in paths() or words[0] in paths()


@pytest.mark.parametrize("code", CAUSES)
def test_a_remedy_names_commands_that_exist(code: str) -> None:
    for call in commands_in(CAUSES[code].why + CAUSES[code].remedy):
        assert exists(call), call


@pytest.mark.parametrize("name", ["docs/agent.md", "docs/onboarding.md"])
def test_a_guide_names_commands_that_exist(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    lines = [line for line in text.split("\n") if line.startswith("envoy ")]
    calls = lines + commands_in(text)
    assert len(calls) > 5 and [call for call in calls if not exists(call)] == []


def test_a_check_of_calls_can_fail() -> None:
    assert not exists("envoy dance") and exists("envoy task claim T") and exists("envoy help x")


def test_a_code_is_explained(console: Console) -> None:
    found = console.ok("explain", "task_already_claimed")
    assert problems(found, "explain") == []
    assert found["exit"] == 5 and "task claim" in found["commands"]
    shown = console.call("explain", "task_already_claimed").out
    assert CAUSES["task_already_claimed"].remedy.split("(")[0].strip() in shown


def test_an_unknown_code_is_not_found(console: Console) -> None:
    found = console.call("--json", "explain", "no_such_code")
    assert (found.status, found.data["error_code"]) == (3, "not_found")
    assert found.data["next_command"] == "envoy schema error" and "nearest" not in found.data


def test_a_slip_in_a_code_leads_to_the_near_one(console: Console) -> None:
    found = console.call("--json", "explain", "tsk_not_found")
    assert (found.status, found.data["error_code"]) == (3, "not_found")
    assert found.data["nearest"] == "task_not_found"
    assert found.data["next_command"] == "envoy explain task_not_found"
    assert problems(found.data, "error") == []


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_schema_is_printed_as_it_is(name: str, console: Console) -> None:
    assert json.loads(console.call("schema", name).out) == json_schema(name)


def test_the_names_of_schemas_are_listed(console: Console) -> None:
    found = console.ok("schema")
    assert problems(found, "schema") == [] and found["names"] == sorted(ANSWERS)
    assert console.call("schema").out.split() == sorted(ANSWERS)
    assert console.call("schema", "tsak").status == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_script_comes_out_byte_by_byte(shell: str, console: Console) -> None:
    wanted = (ROOT / f"src/envoy/guides/completion.{shell}").read_text("utf-8")
    assert console.call("completion", shell).out == wanted
    assert console.ok("completion", shell)["script"] == wanted


def test_bash_completes_verbs_and_flags(tmp_path: Path) -> None:
    script = ROOT / "src/envoy/guides/completion.bash"
    ask = f"""source {script}
COMP_WORDS=(envoy task cl); COMP_CWORD=2; COMP_LINE='envoy task cl'
_shtab_envoy; printf '%s\\n' "${{COMPREPLY[@]}}"
COMP_WORDS=(envoy task claim --req); COMP_CWORD=3; COMP_LINE='envoy task claim --req'
_shtab_envoy; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["claim", "--require"], done.stderr


def test_settings_tell_who_set_them(console: Console) -> None:
    found = console.ok("--profile", "a1", "config", "show")
    assert problems(found, "config") == []
    told = {one["name"]: (one["value"], one["origin"]) for one in found["settings"]}
    assert told["profile"] == ("a1", "flag") and told["session"] == ("default", "default")
    assert told["home"][1] == "environment"
    assert "a1" in console.call("--profile", "a1", "config").out


@pytest.mark.parametrize("verb", ["list", "status", "cleanup"])
def test_there_is_no_daemon(verb: str, console: Console) -> None:
    found = console.ok("daemon", verb, "--dry-run")
    assert problems(found, "daemon") == [] and found["daemon"] == "not_used"


def test_the_guides_are_shown(console: Console) -> None:
    person, agent = console.ok("onboarding"), console.ok("onboarding", "--agent")
    assert problems(agent, "guide") == [] and "Bodies are data" in agent["text"]
    assert person["text"] != agent["text"]
    assert console.call("onboarding").out == person["text"]


def test_the_documents_are_named(console: Console) -> None:
    assert problems(console.ok("docs"), "guide") == []


def test_no_reserved_name_is_completed() -> None:
    script = (ROOT / "src/envoy/guides/completion.bash").read_text("utf-8")
    nouns = script.partition("_shtab_envoy_subparsers=(")[2].partition(")")[0].split()
    assert nouns and not set(nouns) & RESERVED
