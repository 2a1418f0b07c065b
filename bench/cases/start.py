"""Start-up: what one command costs as a process of its own, in a short and in a long space."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from bench import world, yardsticks
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Json, Setting, answer, environment, spend

CLAIMS = 200
READ_MOST, READ_GOAL = 3.5, 3.0
WRITE_MOST, WRITE_GOAL = 6.5, 5.5
IMPORT_MOST = 2.5
LENGTH_MOST = 1.5  # a long space against a short one
TASKS = 50  # open ones in every space that is read

READS: dict[str, tuple[tuple[str, ...], Callable[[Json], bool]]] = {
    "status": (("status",), lambda found: len(found["spaces"]) == 1),
    "task list": (("task", "list"), lambda found: len(found["tasks"]) == 50),
    "history": (("history", world.NAME), lambda found: len(found["records"]) == 200),
    "inbox read": (("inbox", "read"), lambda found: len(found["messages"]) == 50),
    "work-record": (("work-record", world.NAME), lambda found: len(found["activity"]) > 0),
}

BANNED = frozenset(
    (
        *("asyncio", "dataclasses", "cryptography", "http.client", "websockets", "pydantic"),
        *("mcp", "starlette", "rich"),
    )
)
BANNED_IN_READS = frozenset(("nacl", "_cffi_backend", "cffi", "msgspec"))
LOADED = (
    "import json, sys; sys.argv = sys.argv[1:]; from envoy.cli.main import main; main();"
    " print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
)


@cache
def shared(place: Path, events: int) -> world.World:
    """Return the space of ``events`` events that the cases of a run share."""
    return world.grown(place / f"grown-{events}", events, tasks=TASKS)


def command(
    name: str, words: Sequence[str], good: Callable[[Json], bool], where: tuple[Setting, Path]
) -> Contender:
    """Return a command of the reader in a home as a contender in CPU time."""
    setting, home = where

    def once() -> float:
        spent = spend(
            [setting.envoy, "--json", *words], environment(home, "reader"), setting.scratch
        )
        found = answer(spent)
        if not good(found):
            raise Wrong(f"{' '.join(words)}: {spent.out[:300]}")
        return spent.cpu_ms

    return Contender(name, "cpu_ms", once)


def sized(name: str, events: int) -> str:
    """Return the name of a contender in a space of that length."""
    return f"{name} @{events}"


def targets(names: Sequence[str], sizes: Sequence[int], most: float, goal: float) -> list[Target]:
    """Return what the commands ``names`` have to reach, in each length and between them."""
    found = [
        Target(sized(name, size), "python", most, is_most=True, goal=goal)
        for name in names
        for size in sizes
    ]
    return found + [
        Target(sized(name, sizes[-1]), sized(name, sizes[0]), LENGTH_MOST, is_most=True)
        for name in names
    ]


def play_reads(setting: Setting) -> Race:
    """Measure reads that find nothing new."""
    found = [yardsticks.python(setting.scratch), yardsticks.python_is(setting.scratch)]
    for events in setting.sizes:
        made = shared(setting.shared, events)
        for name, (words, good) in READS.items():
            found.append(command(sized(name, events), words, good, (setting, made.home)))
    made_targets = targets(list(READS), setting.sizes, READ_MOST, READ_GOAL)
    return Race(tuple(found), tuple(made_targets))


def play_writes(setting: Setting) -> Race:
    """Measure a message and a claim, each with its durable commits."""
    found = [yardsticks.python(setting.scratch)]
    for events in setting.sizes:
        made = shared(setting.shared, events)
        more_tasks(made)
        where = (setting, made.home)
        words = ("send", "--space", world.NAME, world.TEXT)
        sent = command(sized("send", events), words, lambda new: not new["pending_sync"], where)
        found += [sent, claiming(sized("task claim", events), where)]
    names = ("send", "task claim")
    return Race(tuple(found), tuple(targets(names, setting.sizes, WRITE_MOST, WRITE_GOAL)), warm=2)


def more_tasks(made: world.World) -> None:
    """Add tasks: each claim that is measured takes one."""
    with world.opened(made, "writer") as replica:
        world.fill(replica, CLAIMS, world.task)
    world.exchange(made, "reader")


def claiming(name: str, where: tuple[Setting, Path]) -> Contender:
    """Return a contender that claims another task each time."""
    setting, home = where
    left: list[str] = []

    def once() -> float:
        if not left:
            left.extend(unclaimed(setting, home))
        words = ("task", "claim", left.pop(), "--require", "confirmed")
        return command(name, words, lambda new: new["claim_state"] == "confirmed", where).once()

    return Contender(name, "cpu_ms", once)


def unclaimed(setting: Setting, home: Path) -> list[str]:
    """Return tasks that nobody holds."""
    words = ("--json", "task", "list", "--status", "unassigned", "--limit", "500")
    spent = spend([setting.envoy, *words], environment(home, "reader"), setting.scratch)
    found = [task["task_id"] for task in answer(spent)["tasks"]]
    if not found:
        raise Wrong("no task is left to claim")
    return found


def play_modules(setting: Setting) -> Race:
    """Count the modules that hot commands load; some must not be among them."""
    made = shared(setting.shared, setting.sizes[0])
    counted: list[Contender] = []
    for name, (words, _) in READS.items():
        counted.append(loading(name, words, BANNED | BANNED_IN_READS, (setting, made.home)))
    words = ("send", "--space", world.NAME, world.TEXT)
    counted.append(loading("send", words, BANNED, (setting, made.home)))
    return Race(tuple(counted), rounds=1, warm=0)


def loading(
    name: str, words: Sequence[str], banned: frozenset[str], where: tuple[Setting, Path]
) -> Contender:
    """Return the number of modules a command loads as a contender."""
    setting, home = where

    def once() -> float:
        argv = [sys.executable, "-c", LOADED, "envoy", "--json", *words]
        spent = spend(argv, environment(home, "reader"), setting.scratch)
        answer(spent)
        modules = set(json.loads(spent.err.splitlines()[-1]))
        if modules & banned:
            raise Wrong(f"loads {', '.join(sorted(modules & banned))}")
        return float(len(modules))

    return Contender(f"{name} modules", "count", once)


def play_import(setting: Setting) -> Race:
    """Measure `import envoy`, which loads nothing until a name is used."""

    def once() -> float:
        argv = [sys.executable, "-c", "import envoy, sys; print(len(sys.modules))"]
        spent = spend(argv, environment(setting.scratch, "reader"), setting.scratch)
        if not spent.out.strip().isdigit():
            raise Wrong(f"import envoy: {spent.err[:300]}")
        return spent.cpu_ms

    found = (yardsticks.python(setting.scratch), Contender("import envoy", "cpu_ms", once))
    return Race(found, (Target("import envoy", "python", IMPORT_MOST, is_most=True),))


CASES = (
    Case("start.import", "import envoy, no name used", play_import),
    Case("start.modules", "sys.modules after hot commands", play_modules),
    Case("start.read", "hot reads by CLI, nothing to take in", play_reads),
    Case("start.write", "send and task claim by CLI in a local space", play_writes),
)
