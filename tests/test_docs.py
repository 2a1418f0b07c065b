"""Documents cannot drift: what the tables of the program hold is in them, and nothing else is.

The tables are asked, never copied: KINDS of the core, CODES of the errors, COMMANDS of the command
line. Pages under docs/reference are made again and compared.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import envoy
import make_docs
from envoy.cli.table import NOUNS, RESERVED, every, paths
from envoy.core.kinds import KINDS
from envoy.errors import CODES, DOOR_CODES
from vectorfile import VECTORS, load

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def read(*names: str) -> str:
    """Return the text of the pages ``names``, relative to the project."""
    return "\n".join((ROOT / name).read_text("utf-8") for name in names)


def named(pattern: str, text: str) -> set[str]:
    """Return what stands between backticks in ``text`` and fits ``pattern`` as a whole."""
    return {word for word in re.findall(r"`([^`\n]+)`", text) if re.fullmatch(pattern, word)}


def undocumented(things: Iterable[str], text: str) -> list[str]:
    """Return those of ``things`` that no pair of backticks in ``text`` names."""
    words = set(re.findall(r"`([^`\n]+)`", text))
    return sorted(thing for thing in things if thing not in words)


def invented_kinds(text: str, kinds: Iterable[str]) -> list[str]:
    """Return what ``text`` writes like a kind of a known family, though there is no such kind."""
    dotted = [kind for kind in kinds if "." in kind]
    families = "|".join(sorted({re.escape(kind.partition(".")[0]) for kind in dotted}))
    return sorted(named(rf"(?:{families})\.[a-z_]+", text) - set(kinds))


def invented_commands(text: str, paths: Iterable[str]) -> list[str]:
    """Return the lines of console blocks in ``text`` that call a command which does not exist."""
    known = {tuple(path.split()) for path in paths} | {("--version",), ("--help",)}
    calls = re.findall(r"^\$ (?:[A-Z_]+=\S+ )*(envoy .*)$", text, re.MULTILINE)
    return [call for call in calls if not calls_one_of(call, known)]


def calls_one_of(call: str, known: set[tuple[str, ...]]) -> bool:
    """Return whether ``call`` names a command, global flags and their values aside."""
    words = re.sub(
        r"--(?:profile|space|timeout|color|relay-url) \S+|--json|--quiet|--yes", "", call
    )
    path = words.split()[1:]
    return any(tuple(path[: len(one)]) == one for one in known)


def spec_pages() -> str:
    """Return all pages of the specification."""
    return read(*(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/spec").glob("*.md")))


@pytest.mark.parametrize("name", [*make_docs.PAGES, *make_docs.BLOCKS])
def test_a_generated_page_is_what_make_docs_writes(name: str) -> None:
    assert read(name) == make_docs.page(name)


def test_every_kind_is_specified_and_no_other() -> None:
    assert undocumented(KINDS, spec_pages()) == []
    assert invented_kinds(spec_pages(), KINDS) == []


def test_every_code_is_documented() -> None:
    assert undocumented([*CODES, *DOOR_CODES], read("docs/reference/errors.md")) == []


def test_every_command_is_documented_and_no_other_is_shown() -> None:
    assert undocumented(RESERVED, read("docs/reference/commands.md")) == []
    headings = set(re.findall(r"^## envoy (.+)$", read("docs/reference/commands.md"), re.MULTILINE))
    assert headings == {row.path for row in every()}
    known = [path for noun in NOUNS for path in paths(noun)]
    for path in PAGES:
        assert invented_commands(path.read_text("utf-8"), known) == [], path.name


def test_no_command_answers_a_code_that_does_not_exist() -> None:
    assert {code for row in every() for code in row.errors} <= CODES.keys()


def test_each_checker_can_fail() -> None:
    assert undocumented(["task.claim", "nothing_ready"], "a `task.claim` here") == ["nothing_ready"]
    assert invented_kinds("`task.dance` and `task.claim`", ["task.claim"]) == ["task.dance"]
    shown = "$ envoy dance\n$ envoy --profile a1 --json task claim T\n$ ENVOY_HOME=x envoy status\n"
    assert invented_commands(shown, ["task claim", "status"]) == ["envoy dance"]
    assert broken_links("[a](nowhere.md) [b](https://x.org) [c](#here)", ROOT) == ["nowhere.md"]


def broken_links(text: str, folder: Path) -> list[str]:
    """Return the relative links of a page in ``folder`` that lead nowhere."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [target.partition("#")[0] for target in targets if "://" not in target]
    return [target for target in local if target and not (folder / target).exists()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    assert broken_links(path.read_text("utf-8"), path.parent) == []


def mentioned_files() -> Iterator[tuple[str, str]]:
    """Yield every file of docs or tests that a module or page names, with who names it."""
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs/spec").glob("*.md")]
    for path in sorted(sources):
        text = path.read_text("utf-8")
        for name in re.findall(r"\b(?:docs|tests|tools)/[\w/.-]+\.(?:md|json|py)\b", text):
            yield name, path.relative_to(ROOT).as_posix()


def test_every_page_and_vector_file_that_is_named_exists() -> None:
    missing = [(name, by) for name, by in mentioned_files() if not (ROOT / name).exists()]
    assert missing == []


@pytest.mark.parametrize("name", sorted(path.stem for path in VECTORS.glob("*.json")))
def test_a_vector_file_is_well_formed_and_made_by_a_script(name: str) -> None:
    vectors = load(name)
    names = [vector["name"] for vector in vectors]
    assert len(set(names)) == len(names) > 0
    for vector in vectors:
        assert {"name", "input"} < vector.keys() and ("expect" in vector) != ("code" in vector)
    codes = {vector["code"] for vector in vectors if "code" in vector} - CODES.keys() - DOOR_CODES
    assert undocumented(codes, spec_pages()) == []  # verdicts, reasons, answers of a hub
    assert (VECTORS / f"make_{name}.py").exists()
    assert name in re.findall(r"tests/vectors/(\w+)\.json", spec_pages())


def test_every_row_of_the_threat_model_has_its_test_and_every_test_its_row() -> None:
    rows = set(re.findall(r"^\| ([A-Z]\d+) \|", read("docs/threat-model.md"), re.MULTILINE))
    tests = {
        path.stem.removeprefix("test_").upper() for path in (ROOT / "tests/abuse").glob("test_*")
    }
    assert tests == rows and len(rows) > 100


def test_the_changelog_knows_this_version() -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0] == envoy.__version__


def test_the_pinned_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    # pip itself stands there for the start script that it writes.
    wanted = {*project["project"]["dependencies"], *project["build-system"]["requires"], "pip>=26"}
    listed = {line for line in read("requirements/base.in").splitlines() if line[:1].isalpha()}
    assert listed == wanted


@pytest.mark.parametrize("name", ["base", "dev"])
def test_every_requirement_is_pinned_with_hashes_and_names_no_index(name: str) -> None:
    text = read(f"requirements/{name}.txt")
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    pins = re.findall(r"^([a-z0-9-]+)==[\w.]+ \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+",
                      text, re.MULTILINE)  # fmt: skip
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE)) > 5
