"""Lines: command lines and searches, in process, in a home of their own.

``cli`` draws words from the tables of commands (paths, flags, values of each kind, hostile ones)
and runs `main` on them. What would serve for ever, run a program or write elsewhere is only parsed.
``search`` asks for phrases, and where they are plain words a naive search says what is found.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final
from unicodedata import combining, normalize

from console import Console, Result
from envoy import limits
from envoy.cli.args import Arg, Command
from envoy.cli.parse import GLOBALS, parse
from envoy.cli.table import every
from envoy.errors import CODES, EnvoyError, UsageError
from envoy.storage import home
from envoy.storage.views import Views
from envoy.system import db
from fuzz import shape
from fuzz.kit import Target, hold
from fuzz.mutate import EDGES, TEXTS, near_text

LOT: Final = 12
OF_RUN: Final = 125  # an error of `run` itself, whatever its code
EXITS: Final = frozenset({0, 130, 141, *(exit_ for exit_, _, _ in CODES.values())})
# Serves or streams for ever, runs a program, or writes where other programs read.
PARSED: Final = ("listen", "events", "relay serve", "run", "hooks install", "hooks uninstall")
SECONDS_MAX: Final = 4  # a wait ends like an interrupted one
CPU_MS_MAX: Final = 1500  # of a command; those that stretch a passphrase take 500
SPANS: Final = ("0s", "1s", "90s", "30m", "24h", "7d", "-1s", "1", "s", "9" * 30 + "d", "1.5h")
FEW: Final = ("0", "1", "2", "-1", "00", "1e3", "9" * 40, "٣", "1_0", " 1", "0x1")
UNDECODED: Final = ("\udcff", "a\udc80b")  # bytes of an argument that are no UTF-8
PATHS: Final = ("f", "nowhere/f", "../f", ".", "", "-", "d", "x" * 300)


class Commands(Target[tuple[str, ...]]):
    """`envoy WORDS`: an exit status that is documented, and one JSON object where it is asked."""

    name = "cli"
    milliseconds = 0  # each command has a bound of its own

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.console = Console(place)
        made = self.console.ok("quickstart", "--human", "--name", "Ada", "--space-name", "bughunt")
        task = self.console.ok("task", "create", "repair the parser")
        sent = self.console.ok("send", "it stops at the first tab")
        self.known = sorted({
            one for data in (made, task, sent) for one in flat(data)
            if 2 < len(one) < 100 and "/" not in one and not one.isspace()
        })  # fmt: skip
        self.template = place / "template"
        shutil.copytree(self.console.home, self.template)
        self.rows = [row for row in every() if row.path not in PARSED]
        self.others = [row for row in every() if row.path in PARSED]
        self.count = 0

    def draw(self, dice: Random) -> Iterator[tuple[str, ...]]:
        """Yield command lines; the home is as it was at the beginning of each lot."""
        shutil.rmtree(self.console.home, ignore_errors=True)
        shutil.copytree(self.template, self.console.home)
        for _ in range(LOT):
            row = dice.choice(self.rows if dice.random() < 0.97 else self.others)
            yield tuple(self.line(dice, row))

    def line(self, dice: Random, row: Command) -> list[str]:
        """Return a command line for a row, nearly a sound one."""
        words = row.path.split()
        for arg in row.args:
            if arg.needed or dice.random() < 0.25:
                words += self.given(dice, arg)
        for arg in dice.sample(GLOBALS, dice.choice((0, 0, 1, 2))):
            if arg.name not in ("relay_url", "timeout"):
                words += self.given(dice, arg)
        words += dice.choice(([], ["--json"], ["--json"], ["--no-sync"]))
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            at = dice.randrange(len(words) + 1)
            match dice.getrandbits(3):
                case 0 | 1:
                    words.insert(at, self.word(dice))
                case 2:
                    del words[at : at + 1]
                case 3:
                    words[at : at + 1] *= 2
                case 4:
                    words.insert(at, "--")
                case 5 if at < len(words):
                    words[at] = near_text(words[at], dice.getrandbits(40))
                case 6:
                    dice.shuffle(words)
                case _:
                    words.insert(at, "--" + dice.choice(shape.words()))
        # No system passes a NUL in an argument.
        return [word.replace("\0", "") for word in words if "://" not in word]

    def given(self, dice: Random, arg: Arg) -> list[str]:
        """Return an argument with a value of its kind, or of another."""
        if arg.kind == "switch":
            return [arg.flag]
        match arg.kind if dice.random() < 0.9 else "text":
            case "int":
                value = dice.choice((*FEW, str(dice.choice(EDGES))))
            case "span":
                value = dice.choice(SPANS)
            case "choice":
                value = dice.choice(arg.choices)
            case "list":
                value = ",".join(self.word(dice) for _ in range(dice.choice((0, 1, 2, 40))))
            case _:
                is_path = "path" in arg.word.lower() or "file" in arg.name or "output" in arg.name
                value = dice.choice(PATHS) if is_path else self.word(dice)
        if arg.place and dice.random() < 0.6:
            return [value]
        return [f"{arg.flag}={value}"] if dice.random() < 0.5 else [arg.flag, value]

    def word(self, dice: Random) -> str:
        """Return an id or name of the home, a word of the tables, or a hostile text."""
        pick = dice.random()
        if pick < 0.45:
            return dice.choice(self.known)
        if pick < 0.75:
            return dice.choice(shape.words())
        return dice.choice((*TEXTS, *UNDECODED))

    def accepts(self, given: Sequence[str]) -> bool:
        """Run a command line. Words of a stream or a program are parsed alone."""
        self.count += 1
        try:
            parsed = parse(list(given))
        except EnvoyError as error:
            hold(error.code in CODES, f"an unknown code: {error.code}")
        else:
            if parsed.command.path in PARSED:
                return True
        begun = time.process_time()
        with stopping():
            done = self.console.call(*given, ENVOY_EGRESS="local", ENVOY_TIMEOUT="500")
        spent = 1000 * (time.process_time() - begun)
        self.codes[str(done.status)] += 1
        hold(spent < CPU_MS_MAX, f"took {spent:.0f} ms")
        own = done.status == OF_RUN and "run" in given
        hold(own or done.status in EXITS, f"exit {done.status}")
        if says_internal(done):
            # An alarm that comes in the middle of an import leaves half a module to this process.
            self.codes["internal, here alone"] += 1
            done = self.console.run(*given, ENVOY_EGRESS="local", ENVOY_TIMEOUT="500")
            hold(not says_internal(done), done.err or done.out)
        if "--json" in given and done.status != 130:
            answers(done)
        return done.status == 0

    def told(self, given: Sequence[str]) -> object:
        """Return the words."""
        return list(given)

    def read(self, kept: Any) -> tuple[str, ...]:
        """Return the words."""
        return tuple(kept)


def says_internal(done: Result) -> bool:
    """Say whether a command ended by a bug."""
    said = ("Traceback", '"internal"', "error[internal]")
    return any(one in done.err or one in done.out for one in said)


def answers(done: Result) -> None:
    """Look at what was said to a program: an object a line, or nothing."""
    for line in done.out.splitlines() if done.out.startswith("{") else ():
        found = json.loads(line)
        hold(isinstance(found, dict) and line.isascii(), "an answer is no object of ASCII")
        hold(found.get("error_code", "help") in (*CODES, "help"), "an unknown code")


def flat(data: object) -> Iterator[str]:
    """Yield every text in an answer."""
    if isinstance(data, dict):
        for one in data.values():
            yield from flat(one)
    elif isinstance(data, list):
        for one in data:
            yield from flat(one)
    elif isinstance(data, str):
        yield data


@contextmanager
def stopping() -> Iterator[None]:
    """Interrupt what takes longer than a wait may here, as a user would."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_MAX)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


SAID: Final = (
    *("it stops at the first tab", "off by one", "off-by-one", "one OR two", "NEAR the end"),
    *("a b c d e f", "parser parser parser", "Crash in the parser, again", "body: x AND NOT y"),
    *("column:filter", 'quote " quote', "star* caret^ plus+", "1 2 3 1.5 0x10", "x" * 3000),
    *("日本語 한국어", "é E ü", "under_score dash-dash", "a\nb\tc", "(group) {brace} [list]"),
)


class Searches(Target[str]):
    """Phrases: never an error, and of plain words just what holds them in a row."""

    name = "search"

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        console = Console(place)
        console.ok("quickstart", "--human", "--name", "Ada", "--space-name", "bughunt")
        for text in SAID:
            console.ok("--no-sync", "send", "--", text)
        where = home.paths(os.fspath(console.home), "default")
        self.db = db.connect(where.replica, read_only=True)
        self.views = Views(self.db)

    def draw(self, dice: Random) -> Iterator[str]:
        """Yield phrases: parts of what was said, changed, joined, or of operators."""
        for _ in range(64):
            text = dice.choice(SAID)
            words = text.split()
            at = dice.randrange(len(words))
            phrase = " ".join(words[at : at + dice.randrange(1, 4)])
            for _ in range(dice.choice((0, 0, 1, 2))):
                phrase = near_text(phrase, dice.getrandbits(40))
            if dice.random() < 0.2:
                odd = (
                    '"',
                    "*",
                    "^",
                    "AND",
                    "OR",
                    "NOT",
                    "NEAR(",
                    "body:",
                    "-",
                    "{",
                    ":",
                    "\0",
                    "+",
                )
                phrase = dice.choice(odd) + phrase + dice.choice(odd)
            yield phrase

    def accepts(self, given: str) -> bool:
        """Search."""
        try:
            given.encode()
        except UnicodeEncodeError:
            return False
        try:
            found = self.views.search(given, sn=None, before=limits.INT_MAX, limit=100)
        except UsageError as error:
            hold(error.code == "invalid_argument", f"code {error.code}")
            hold(len(given.encode()) > limits.SEARCH_BYTES_MAX, "a phrase that is not long")
            return False
        seen = [one.rid for one in found]
        hold(seen == sorted(set(seen), reverse=True), "not in order, or twice")
        paged = list[int]()
        while len(page := self.views.search(given, sn=1, before=(paged or [2**62])[-1], limit=2)):
            paged += [one.rid for one in page]
        hold(paged == seen, "pages hold something else")
        if given.isascii() and re.fullmatch(r"[A-Za-z0-9 ]*[A-Za-z0-9][A-Za-z0-9 ]*", given):
            hold({one.body for one in found} == naive(given), "a naive search finds others")
        return bool(found)

    def told(self, given: str) -> object:
        """Return the phrase."""
        return given

    def read(self, kept: Any) -> str:
        """Return the phrase."""
        return str(kept)

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def naive(phrase: str) -> set[str]:
    """Return what of SAID has the words of a phrase one behind the other."""
    words = phrase.lower().split()
    found = set[str]()
    for text in SAID:
        bare = [one for one in normalize("NFD", text.lower()) if not combining(one)]
        held = re.findall(r"[^\W_]+", "".join(bare))
        starts = range(len(held) - len(words) + 1)
        if any(held[at : at + len(words)] == words for at in starts):
            found.add(text)
    return found
