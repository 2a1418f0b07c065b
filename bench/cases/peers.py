"""Peers: the same job done by a program that people use for it today, beside Envoy, by turns.

Every command is a process, as users start it, and its start is a part of the figure. No two of them
promise the same: what each does before it ends is said in the remarks of its case. A peer that is
not installed is named absent, and its case measures nothing.

Specification: docs/MEASURES.md, section 5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from bench import world
from bench.cases import objects
from bench.cases.objects import Names, getting, prepared, putting, timed, told
from bench.peers import age, finding, git, taskwarrior
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Json, Setting, Spent, answer, environment, spend
from envoy.ids import to_text
from envoy.replica.actions import tasks
from envoy.views import names

ROUNDS, ROUNDS_QUICK = 30, 5
PAGE = 50
TASKS, TASKS_MANY = 1_000, 10_000
NOTES = 1_000
PAGE_MOST = 1.0  # the first page of many tasks, beside taskwarrior's
ADD_MOST = 1.2  # a task beside many, against one beside fewer
AGE_LEAST = 0.5
WRITER = "writer"
ENVOY = "envoy: signed, encrypted, durable in the replica and at the hub of this machine"
UNITS = ("cpu_ms", "wall_ms")


def rounds(setting: Setting) -> int:
    """Return how many rounds a case makes."""
    return ROUNDS_QUICK if setting.quick else ROUNDS


def missing(*what: str) -> Race:
    """Return the race of a case whose peer is not there."""
    return Race((), remarks=tuple(finding.absent(one) for one in what))


def both(name: str, run: Callable[[], Spent]) -> tuple[Contender, ...]:
    """Return a command as two contenders, its CPU and its wall time; a round runs it once."""
    left: dict[str, deque[float]] = {unit: deque() for unit in UNITS}

    def taking(unit: str) -> Callable[[], float]:
        def once() -> float:
            if not left[unit]:
                spent = run()
                left["cpu_ms"].append(spent.cpu_ms)
                left["wall_ms"].append(spent.wall_ms)
            return left[unit].popleft()

        return once

    return tuple(Contender(labelled(name, unit), unit, taking(unit)) for unit in UNITS)


def labelled(name: str, unit: str) -> str:
    """Return the name of a command's figure in a unit."""
    return f"{name}, {unit.partition('_')[0]}"


def beside(pairs: Mapping[str, str]) -> list[Target]:
    """Return ratios that are only told: ours beside the peer's, in both units."""
    return [
        Target(labelled(mine, unit), labelled(theirs, unit), None, is_most=True)
        for mine, theirs in pairs.items()
        for unit in UNITS
    ]


class Home:
    """A home with one profile, whose commands are measured."""

    def __init__(self, setting: Setting, name: str) -> None:
        self.made = world.make(setting.home(name), (WRITER,))
        self._setting = setting

    def run(self, good: Callable[[Json], bool], *words: str) -> Spent:
        """Run a command and return what it cost. Raises Wrong for an answer that is not good."""
        argv = [self._setting.envoy, "--json", *words]
        spent = spend(argv, environment(self.made.home, WRITER), self._setting.scratch)
        if not good(answer(spent)):
            raise Wrong(f"{' '.join(words[:2])}: {spent.out[:300]}")
        return spent


# -- tasks -------------------------------------------------------------------------------------


class Work:
    """A space of open tasks, some of which the profile holds."""

    def __init__(self, setting: Setting, size: int, held: int) -> None:
        self._home = Home(setting, f"tasks-{size}")
        with world.opened(self._home.made, WRITER) as replica:
            world.fill(replica, size, world.task)
        with world.looking(self._home.made, WRITER) as views:
            space = views.spaces()[0].sn
            found = views.tasks(space, states=(names.OPEN,), after=None, limit=held)
            ids = [one.id for one in found]
        with world.opened(self._home.made, WRITER) as replica:
            for one in ids:
                tasks.claim(replica, one, session="default")
        self._held = [to_text("task", one) for one in ids]
        self._open = size

    def add(self, title: str, text: str) -> Spent:
        """Add a task."""
        self._open += 1
        words = ("task", "create", text, "--title", title)
        return self._home.run(lambda new: not new["pending_sync"], *words)

    def page(self) -> Spent:
        """Show the first open tasks."""
        words = ("task", "list", "--limit", str(PAGE))
        return self._home.run(lambda found: len(found["tasks"]) == PAGE, *words)

    def done(self) -> Spent:
        """Say that a task is done which the profile holds."""
        self._open -= 1
        words = ("task", "complete", self._held.pop())
        return self._home.run(lambda found: found["status"] == names.COMPLETED, *words)

    def problems(self) -> list[str]:
        """Return whether tasks are missing."""
        with world.looking(self._home.made, WRITER) as views:
            counts = views.task_counts(views.spaces()[0].sn)
        found = sum(counts.values()) - counts.get(names.COMPLETED, 0)
        return [] if found == self._open else [f"envoy: {found} of {self._open} open tasks"]


def play_tasks(setting: Setting) -> Race:
    """Measure adding, listing and finishing a task, and the first two among ten times as many."""
    peer = taskwarrior.find()
    if peer is None:
        return missing("taskwarrior")
    numbers, spare = count(), rounds(setting) + 2
    ours = {TASKS: Work(setting, TASKS, spare)}
    theirs = {TASKS: taskwarrior.Tasks(peer, setting.home(f"peer-{TASKS}"), TASKS)}
    contenders = [
        *both("task add", lambda: theirs[TASKS].add(f"Task {next(numbers)}", world.TEXT)),
        *both("envoy task create", lambda: ours[TASKS].add(f"Task {next(numbers)}", world.TEXT)),
        *both("task list", lambda: theirs[TASKS].page(PAGE)),
        *both("envoy task list", lambda: ours[TASKS].page()),
        *both("task done", lambda: theirs[TASKS].done()),
        *both("envoy task complete", lambda: ours[TASKS].done()),
    ]
    targets = beside(
        {
            "envoy task create": "task add",
            "envoy task list": "task list",
            "envoy task complete": "task done",
        }
    )
    if not setting.quick:
        many = f" @{TASKS_MANY}"
        ours[TASKS_MANY] = Work(setting, TASKS_MANY, 0)
        there = setting.home(f"peer-{TASKS_MANY}")
        theirs[TASKS_MANY] = taskwarrior.Tasks(peer, there, TASKS_MANY)
        contenders += [
            *both(f"task list{many}", lambda: theirs[TASKS_MANY].page(PAGE)),
            *both(f"envoy task list{many}", lambda: ours[TASKS_MANY].page()),
            *both(f"envoy task create{many}", lambda: ours[TASKS_MANY].add("Task", world.TEXT)),
        ]
        page, new = f"envoy task list{many}, wall", f"envoy task create{many}, wall"
        targets += [
            Target(page, f"task list{many}, wall", PAGE_MOST, is_most=True),
            Target(new, "envoy task create, wall", ADD_MOST, is_most=True),
        ]
    sides: list[Work | taskwarrior.Tasks] = [*ours.values(), *theirs.values()]
    return Race(
        tuple(contenders),
        tuple(targets),
        rounds=rounds(setting),
        checks=lambda: [text for one in sides for text in one.problems()],
        remarks=(f"taskwarrior {peer.version}: {taskwarrior.PROMISE}", ENVOY),
    )


# -- notes -------------------------------------------------------------------------------------


def play_git(setting: Setting) -> Race:
    """Measure a durable note, signed or not, and the newest notes of many."""
    peer = git.find()
    if peer is None:
        return missing("git")
    home = Home(setting, "notes")
    with world.opened(home.made, WRITER) as replica:
        world.fill(replica, NOTES, world.message)
    theirs = git.Repository(peer, setting.home("peer"), NOTES, world.TEXT)
    sent: list[str] = []

    def send() -> Spent:
        sent.append(f"note {len(sent)} {world.TEXT}")
        words = ("send", "--space", world.NAME, sent[-1])
        return home.run(lambda new: not new["pending_sync"], *words)

    def history() -> Spent:
        words = ("history", world.NAME, "--limit", str(PAGE))
        return home.run(lambda found: len(found["records"]) == PAGE, *words)

    def problems() -> list[str]:
        found = world.messages(home.made, WRITER)
        wrong = [] if found == NOTES + len(sent) else [f"envoy: {found} messages"]
        return wrong + theirs.problems()

    contenders = [
        *both("git commit", lambda: theirs.note(f"note {world.TEXT}", signed=False)),
        *both("envoy send", send),
        *both(f"git log -n {PAGE}", lambda: theirs.newest(PAGE)),
        *both(f"envoy history --limit {PAGE}", history),
    ]
    pairs = {"envoy send": "git commit", f"envoy history --limit {PAGE}": f"git log -n {PAGE}"}
    targets = beside(pairs)
    remarks = [f"{peer.version}: {git.PROMISE}", ENVOY]
    if theirs.signs:
        contenders += both("git commit -S", lambda: theirs.note(f"note {world.TEXT}", signed=True))
        targets += beside({"envoy send": "git commit -S"})
    else:
        remarks.append(finding.absent("ssh-keygen, to sign commits,"))
    return Race(
        tuple(contenders),
        tuple(targets),
        rounds=rounds(setting),
        checks=problems,
        remarks=tuple(remarks),
    )


# -- files -------------------------------------------------------------------------------------


def play_age(setting: Setting) -> Race:
    """Measure 100 MB encrypted and durable, and back."""
    peer = age.find()
    if peer is None:
        return missing("age")
    made, source = prepared(setting)
    shared = world.make(setting.home("shared"), ("writer", "reader"))
    ident = str(told(setting, shared.home, ("put", str(source)), "writer")["object_id"])
    theirs, paths = age.Files(peer, setting.home("peer")), Names(setting.scratch, "aged")
    sealed = setting.home("sealed")
    theirs.encrypt(source, sealed)

    def encrypt() -> tuple[Path, ...]:
        target = paths.next()
        theirs.encrypt(source, target)
        return held(target)

    def decrypt() -> tuple[Path, ...]:
        target = paths.next()
        theirs.decrypt(sealed, target)
        return held(target)

    return Race(
        (
            timed("age, encrypt", encrypt),
            putting(setting, made, source),
            timed("age, decrypt", decrypt),
            getting(setting, shared, ident),
        ),
        (
            Target("object put", "age, encrypt", AGE_LEAST, is_most=False),
            Target("object get", "age, decrypt", AGE_LEAST, is_most=False),
        ),
        rounds=3 if setting.quick else 9,
        remarks=(
            f"age {peer.version}: {age.PROMISE}",
            "envoy: hashes plaintext and chunks, an fsync for each, shares them at the hub",
        ),
    )


def held(target: Path) -> tuple[Path, ...]:
    """Return a file that was made, if it has all that went in."""
    if target.stat().st_size < objects.BYTES:
        raise Wrong("not all came out")
    return (target,)


CASES = (
    Case("peer.tasks", "a task added, listed, done: taskwarrior and envoy", play_tasks),
    Case("peer.git", "a durable note and the newest ones: git and envoy", play_git),
    Case("peer.age", "100 MB encrypted and back: age and envoy", play_age),
)
