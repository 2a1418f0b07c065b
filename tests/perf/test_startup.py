"""Start-up: what a hot read loads, held by names and counts, which do not depend on the machine.

A read with nothing new to take in loads no key, no codec, no reducer; of packages of others apsw
alone; of the standard library none of the wide fronts that cost half of a bare Python. How long
that takes is measured by `bench`, not here.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from console import Console
from rowhome import RowHome

# Loads what `python -c pass` loads, runs one command, tells what was added.
REPORT = """
import sys
before = set(sys.modules)
from envoy.cli.main import main
status = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
sys.exit(status)
"""
# The same, and counts the statements that SQLite runs.
COUNTING = """
import apsw, sys
count = 0
def count_one(event):
    global count
    count += 1
apsw.connection_hooks.append(lambda one: one.trace_v2(apsw.SQLITE_TRACE_STMT, count_one))
from envoy.cli.main import main
status = main(sys.argv[1:])
print(count, *sorted(sys.modules), file=sys.stderr)
sys.exit(status)
"""
HOT = {
    "status": ("status",),
    "spaces": ("spaces",),
    "task list": ("task", "list"),
    "history": ("history",),
    "inbox count": ("inbox", "count"),
    "inbox read": ("inbox", "read"),
    "work-record": ("work-record",),
}
MODULES_MAX = 64  # of all kinds; one more needs a reason
OWN_MAX = 48
# INTERFACES: the list for all hot commands, and what only writes need.
BANNED = {
    *("asyncio", "cryptography", "dataclasses", "http", "mcp", "pydantic", "rich", "starlette"),
    *("websockets", "msgspec", "nacl", "cffi", "_cffi_backend"),
}
# Fronts that are read around, and what they bring along.
SLOW = {
    *("argparse", "contextlib", "ctypes", "datetime", "enum", "hashlib", "importlib", "inspect"),
    *("json", "logging", "pathlib", "random", "re", "select", "shutil", "socket", "tempfile"),
    *("threading", "tomllib", "types", "typing", "urllib", "weakref"),
}
# Warm writes in a space of this machine: everything they load, and what they ask SQLite.
WRITES_OWN_MAX = 116
STATEMENTS_MAX = {"send": 94, "task claim": 172}
# What only other acts need, whoever writes: it is loaded where they come by.
SELDOM = {
    *("envoy.core.genesis", "envoy.core.invite", "envoy.core.words", "envoy.hub.renewal"),
    *("envoy.replica.actions.care", "envoy.replica.actions.directory", "envoy.replica.epochs"),
    *("envoy.replica.actions.local", "envoy.replica.knots", "envoy.replica.rebuild"),
    *("envoy.replica.unlocking", "envoy.state.epochs", "envoy.state.needs"),
    *("envoy.storage.migrations", "envoy.views.details", "envoy.views.history"),
}
# What libraries name while they are loaded, and nobody asks (envoy.wiring.seldom).
NAMED = {"datetime", "msgspec.inspect", "msgspec.json", "msgspec.toml", "platform", "textwrap"}
KEYS = ("envoy.core", "envoy.state", "envoy.replica", "envoy.sync", "envoy.wiring.writes")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Return a console at a home with one space and a little work."""
    root = tmp_path_factory.mktemp("startup")
    made = RowHome(root)
    space = made.space()
    lead, a1 = made.member(space, "lead"), made.member(space, "a1")
    said = made.item(space, a1, "some words", refs='[{"rel":null,"id":"evt_' + "a" * 52 + '"}]')
    made.task(space, lead, "a task", needs='["task_' + "a" * 52 + '"]', labels='["x"]')
    made.item(space, a1, "more words", reply_to=said.id)
    made.connection.close()
    return Console(root)


def loaded(console: Console, *args: str) -> set[str]:
    """Return the modules that a command adds to those of a bare Python."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *args],
        env=console.environment(ENVOY_PROFILE="lead"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout
    return set(done.stderr.split())


def bare() -> set[str]:
    """Return the modules of a bare Python, which may differ by its site directory."""
    program = "import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Return a console at a home with a space, two tasks, and a command of each sort behind it."""
    found = Console(tmp_path_factory.mktemp("writes"))
    found.ok("quickstart", "--human", "--name", "Lead", "--space-name", "s")
    claimed(found)
    return found


def claimed(place: Console) -> tuple[str, ...]:
    """Claim a task, and return the command that claims another."""
    first, second = (place.ok("task", "create", "work")["task_id"] for _ in range(2))
    place.ok("task", "claim", first, "--require", "confirmed")
    return "task", "claim", second, "--require", "confirmed"


@pytest.mark.parametrize("name", STATEMENTS_MAX)
def test_a_hot_write_loads_and_asks_only_what_it_needs(name: str, place: Console) -> None:
    args = claimed(place) if name == "task claim" else ("send", "hello")
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, "--json", *args],
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    count, *found = done.stderr.split()
    assert 0 < int(count) <= STATEMENTS_MAX[name]
    assert "nacl._sodium" in found and SELDOM.isdisjoint(found)
    assert "msgspec" in found and NAMED.isdisjoint(found)
    tops = {module.partition(".")[0] for module in found}
    assert tops.isdisjoint({"asyncio", "cryptography", "dataclasses", "http", "rich"})
    own = [module for module in found if module.partition(".")[0] == "envoy"]
    assert len(own) <= WRITES_OWN_MAX, own


@pytest.mark.parametrize("flags", [("--json",), ()], ids=["json", "text"])
@pytest.mark.parametrize("name", HOT)
def test_a_hot_read_loads_only_what_it_needs(
    name: str, flags: tuple[str, ...], console: Console
) -> None:
    found = loaded(console, *flags, *HOT[name])
    tops = {module.partition(".")[0] for module in found}
    assert tops & BANNED == set() and tops & (SLOW - bare()) == set()
    assert [module for module in found if module.startswith(KEYS)] == []
    others = tops - set(sys.stdlib_module_names) - {"envoy"}
    assert others == {"apsw"}
    own = [module for module in found if module.partition(".")[0] == "envoy"]
    assert len(own) <= OWN_MAX and len(found) <= MODULES_MAX, sorted(found)


@pytest.mark.parametrize("args", [("--version",), ("help",), ("help", "task", "claim")])
def test_help_and_version_open_no_database(args: tuple[str, ...], console: Console) -> None:
    found = loaded(console, *args)
    assert "apsw" not in found and "envoy.wiring.reads" not in found


def test_the_control_finds_what_a_read_of_keys_would_load(console: Console) -> None:
    found = loaded(console, "fingerprint")
    assert {"envoy.core.identity", "nacl"} <= found


def test_colour_is_paid_for_only_where_it_is_seen(console: Console) -> None:
    assert "rich" in loaded(console, "--color", "always", "status")
