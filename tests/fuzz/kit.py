"""Kit: what every target of the fuzz is, and the loop that plays it and counts.

A target draws inputs from dice and tries one at a time. Trying an input ends in one of three ways:
it was taken, it was refused by an error that the documentation names, or it broke a promise: any
other error, or ``Broken`` for what the target itself finds (another form of the same value was
taken, two ways disagree, something was left behind). Time is the processor's, so that a busy
machine breaks nothing: a lot of inputs has a bound, and where it is over it each has its own.
"""

from __future__ import annotations

import json
import resource
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final, Generic, NamedTuple, TypeVar

import apsw
import msgspec

from envoy.core.bundle import BundleFault
from envoy.errors import EnvoyError, RemoteFault
from envoy.sync.frames import HubRefusal
from vectorfile import VECTORS

Input = TypeVar("Input")
CORPUS: Final = Path(__file__).with_name("corpus")
MILLISECONDS: Final = 50  # of the processor, for one input
MEGABYTES: Final = 64  # of memory, over what the process had when the target stood
FAILURES_MAX: Final = 20
# Whatever else than a refusal comes out of the product is what is looked for.
ODD: Final = (
    *(AssertionError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError),
    *(RuntimeError, OSError, MemoryError, EOFError, BufferError, ReferenceError, NameError),
    *(StopIteration, SyntaxError, ImportError, SystemError, msgspec.MsgspecError, apsw.Error),
    *(EnvoyError, RemoteFault, BundleFault, HubRefusal, ExceptionGroup),
)
TRIES: Final = 3  # of an input that took too long: one is the collector's, or a first time


class Broken(AssertionError):
    """A promise that an input broke."""


def hold(holds: object, what: str) -> None:
    """Raise Broken where ``holds`` is false."""
    if not holds:
        raise Broken(what)


class Target(ABC, Generic[Input]):
    """Something that takes foreign input. ``milliseconds``: 0 where a lot is not timed."""

    name = ""
    milliseconds = MILLISECONDS

    def __init__(self, place: Path) -> None:
        """Stand; ``place`` is a directory of its own."""
        self.place = place
        self.acts = 0  # what inputs were made of, where they are stories
        self.codes = Counter[str]()

    @abstractmethod
    def draw(self, dice: Random) -> Iterator[Input]:
        """Yield a lot of inputs."""

    @abstractmethod
    def accepts(self, given: Input) -> bool:
        """Say whether ``given`` is taken. Raises for what is neither taken nor refused."""

    @abstractmethod
    def told(self, given: Input) -> object:
        """Return an input as JSON, to keep it."""

    @abstractmethod
    def read(self, kept: Any) -> Input:
        """Return the input that ``told`` wrote."""

    def close(self) -> None:
        """Leave nothing."""


class Failure(NamedTuple):
    """An input that broke a promise."""

    error: str
    given: object


class Report(NamedTuple):
    """What a run came to; ``digest`` is that of the dice: equal inputs, equal digest."""

    target: str
    seed: int
    inputs: int
    accepted: int
    seconds: float
    failures: int
    per_second: int
    acts: int
    slowest_ms: float
    megabytes: float
    digest: str
    codes: dict[str, int]

    def line(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(self._asdict())


class Run(Generic[Input]):
    """One target under way."""

    def __init__(self, target: Target[Input], seed: int) -> None:
        self.target = target
        self.seed = seed
        self.dice = Random(f"{target.name}:{seed}")
        self.inputs = self.accepted = 0
        self.slowest = 0.0
        self.failures = list[Failure]()

    def play(self, seconds: float, inputs_max: int | None = None) -> Report:
        """Play lots until the time is over or ``inputs_max`` are reached."""
        begun, before = time.monotonic(), memory()
        most = float("inf") if inputs_max is None else inputs_max
        while time.monotonic() - begun < seconds and self.inputs < most:
            self.lot(list(self.target.draw(self.dice)))
            if len(self.failures) >= FAILURES_MAX:
                break
        grown = memory() - before
        if grown > MEGABYTES:
            self.failures.append(Failure(f"memory grew by {grown:.0f} MB", None))
        spent = time.monotonic() - begun
        return Report(
            target=self.target.name,
            seed=self.seed,
            inputs=self.inputs,
            accepted=self.accepted,
            seconds=round(spent, 1),
            failures=len(self.failures),
            per_second=round(self.inputs / max(spent, 0.001)),
            acts=self.target.acts,
            slowest_ms=round(self.slowest, 1),
            megabytes=round(grown, 1),
            digest=f"{self.dice.getrandbits(64):016x}",
            codes=dict(self.target.codes.most_common()),
        )

    def lot(self, inputs: list[Input]) -> None:
        """Try a lot of inputs, and look at the time that each took if all took long."""
        accepts, taken = self.target.accepts, 0
        begun = time.process_time()
        for one in inputs:
            try:
                taken += accepts(one)
            except ODD as error:
                self.failures.append(Failure(where(error), self.target.told(one)))
                if len(self.failures) >= FAILURES_MAX:
                    break
        spent = 1000 * (time.process_time() - begun)
        self.inputs += len(inputs)
        self.accepted += taken
        if len(inputs) == 1:
            self.slowest = max(self.slowest, spent)
        if self.target.milliseconds and spent > self.target.milliseconds:
            self._each(inputs)

    def _each(self, inputs: list[Input]) -> None:
        """Find the inputs of a lot that take too long alone, the best of a few times."""
        for one in inputs:
            best = min(self._time(one) for _ in range(TRIES))
            self.slowest = max(self.slowest, best)
            if best > self.target.milliseconds:
                self.failures.append(Failure(f"took {best:.0f} ms", self.target.told(one)))

    def _time(self, one: Input) -> float:
        """Return the milliseconds of the processor that one input takes."""
        begun = time.process_time()
        try:
            self.target.accepts(one)
        except ODD:  # counted when it came first
            return 0.0
        return 1000 * (time.process_time() - begun)


def memory() -> float:
    """Return the most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def where(error: Exception) -> str:
    """Return an error with the last places it went through."""
    places, at = list[str](), error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{at.tb_lineno} {code.co_name}")
        at = at.tb_next
    return f"{error!r} at {' < '.join(places[::-1][:5])}"


# -- what is kept ------------------------------------------------------------------------------


def kept(name: str, corpus: Path = CORPUS) -> list[dict[str, Any]]:
    """Return the inputs of a target that are kept: name, input, accepted."""
    path = corpus / f"{name}.json"
    if not path.exists():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return found


def keep(run: Run[Any], corpus: Path) -> None:
    """Write what failed beside what is kept, to be named and mended."""
    found = kept(run.target.name, corpus)
    found += [{"name": one.error, "input": one.given} for one in run.failures if one.given]
    corpus.mkdir(parents=True, exist_ok=True)
    path = corpus / f"{run.target.name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


# -- seeds from vectors ------------------------------------------------------------------------


def every(value: object) -> Iterator[object]:
    """Yield ``value`` and all that is in it."""
    todo = [value]
    while todo:
        one = todo.pop()
        yield one
        if isinstance(one, dict):
            todo += reversed(list(one.values()))
        elif isinstance(one, list):
            todo += reversed(one)


def blobs(*names: str, least: int = 1, most: int = 4096) -> list[bytes]:
    """Return all bytes that the vectors write as hex, of all files or of some, none twice."""
    found = dict[bytes, None]()
    for path in sorted(VECTORS.glob("*.json")):
        if names and path.stem not in names:
            continue
        for one in every(json.loads(path.read_text("utf-8"))):
            if isinstance(one, str) and 2 * least <= len(one) <= 2 * most:
                found.update(dict.fromkeys(unhexed(one)))
    return list(found)


def unhexed(text: str) -> list[bytes]:
    """Return the bytes that a text writes as hex, none where it does not."""
    try:
        return [bytes.fromhex(text)] if text.isalnum() else []
    except ValueError:
        return []
