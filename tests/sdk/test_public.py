"""The public names: loaded late, typed, documented; the same in all lists of them."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import envoy
import make_docs
import sdkreference
from envoy import limits
from envoy.cli.read import watch
from envoy.sdk import given, public, streams
from processes import python

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PLAIN = """
import sys
before = set(sys.modules)
import envoy
envoy.__version__, dir(envoy)
print(*sorted(set(sys.modules) - before))
"""


def test_importing_the_package_loads_nothing() -> None:
    with python(PLAIN) as process:
        out, _ = process.communicate()
    assert out.split() == ["envoy"]


def test_a_name_is_loaded_when_it_is_used_and_an_unknown_one_is_none() -> None:
    program = "import envoy, sys; envoy.Untrusted; print('envoy.sdk.client' in sys.modules)"
    with python(program) as process:
        assert process.communicate()[0].strip() == "True"
    unknown = "connect"
    with pytest.raises(AttributeError, match="no attribute 'connect'"):
        getattr(envoy, unknown)


def test_all_lists_of_names_say_the_same() -> None:
    source = ast.parse((ROOT / "src/envoy/sdk/public.py").read_text("utf-8"))
    stub = ast.parse((ROOT / "src/envoy/__init__.pyi").read_text("utf-8"))
    imported = {
        alias.asname
        for one in source.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    } - {None}
    stubbed = {
        alias.asname for one in stub.body if isinstance(one, ast.ImportFrom) for alias in one.names
    }
    assert {*imported, "open"} == set(envoy.__all__) == {*stubbed, "open"} - {"open_client", None}
    assert len(set(envoy.__all__)) == len(envoy.__all__) and {*envoy.__all__} <= {*dir(envoy)}
    for name in envoy.__all__:
        assert getattr(envoy, name) is getattr(public, name)


def test_every_public_name_is_in_the_reference_and_has_words() -> None:
    page = (ROOT / "docs/reference/sdk.md").read_text("utf-8")
    headings = set(re.findall(r"^### (\w+)$", page, re.M))
    listed = re.findall(r"^- `(\w+)` = ", page, re.M)
    assert headings | {*listed} == set(envoy.__all__)
    assert page == make_docs.page("docs/reference/sdk.md")
    for named in sdkreference.public_names().values():
        assert isinstance(named.node, ast.Assign) or words(named.node)
        kinds = [one for one in (named.node, *named.bases) if isinstance(one, ast.ClassDef)]
        lines = [line for one in kinds for line in sdkreference.members(one)]
        assert [line for line in lines if line not in page or line.endswith(": ")] == []


def words(node: ast.stmt) -> str:
    """Return what a class or function is said to be."""
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    return sdkreference.doc(node)


def test_the_types_of_events_are_those_of_the_command_line() -> None:
    assert watch.TYPES == streams.EVENT_TYPES


def test_what_is_written_as_a_default_is_that_of_the_limits() -> None:
    invite = inspect.signature(envoy.Space.invite).parameters
    assert given.seconds(invite["ttl"].default, "ttl", most=10**6) == limits.INVITE_SECONDS_DEFAULT
    for claim in (envoy.Task.claim, envoy.Handoffs.accept):
        lease = inspect.signature(claim).parameters["lease"].default
        assert given.lease(lease) == limits.LEASE_SECONDS_DEFAULT
    record = inspect.signature(envoy.Space.work_record).parameters
    assert record["limit"].default == limits.HISTORY_ROWS_DEFAULT
    inbox = inspect.signature(envoy.Space.inbox).parameters
    assert inbox["limit"].default == limits.LIST_ROWS_DEFAULT


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "src/envoy/py.typed").exists()


def mypy(path: Path) -> str:
    """Return what mypy says of a program that uses the package, in the strictest mode."""
    cache = ROOT / ".mypy_cache/sdk"
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    command += ["--config-file=", "--follow-imports=silent", f"--cache-dir={cache}", path.name]
    done = subprocess.run(
        command,
        env={"MYPYPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        cwd=path.parent,
    )
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.slow
def test_mypy_accepts_what_is_right_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    right = tmp_path / "accepted.py"
    right.write_text((HERE / "typing/accepted.py").read_text("utf-8"))
    assert mypy(right) == ""
    source, wanted = "from __future__ import annotations\n\nimport envoy\n", list[tuple[int, str]]()
    cases = (HERE / "typing/refused.txt").read_text("utf-8").split("\n\n")
    for number, case in enumerate(cases):
        head, _, program = case.partition("\n")
        # Each case has functions of its own; its last line is what is wrong.
        source += re.sub(r"\b([fg])\(", rf"\g<1>{number}(", program).rstrip() + "\n"
        wanted.append((source.count("\n"), head.rpartition("| ")[2]))
    wrong = tmp_path / "refused.py"
    wrong.write_text(source)
    pattern = r"^refused\.py:(\d+): error: .*\[([a-z-]+)\]$"
    found = [(int(line), code) for line, code in re.findall(pattern, mypy(wrong), re.M)]
    assert found == wanted
