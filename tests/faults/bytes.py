"""Bytes: every byte of every file of a small home is changed.

    python -m faults.bytes [--full] [--sample N] [--shard I/N] [--seed S] [--seconds T] [--keep DIR]

After each: the reads of a profile, a write, `diagnose --deep`. A change is noticed (a documented
code, or a finding of the deep look), mended (the deep look found it, and a write set it right) or
harmless (every read shows what it showed before). Never a traceback, never something else than
before with nobody noticing. What the reads showed differently while another command noticed is
counted as `shown`.

``--sample`` takes so many bytes of each file by lot, half of them bytes that are not zero.
``--full`` takes all of them, each with one mask by lot from the seed; ``--shard 0/2`` every second
batch of them. ``--keep`` keeps the home and what is done in a directory, and goes on from there.
Locks and what SQLite shares in memory are left out: nothing is kept in them.

What ``--full`` infers instead of running it, and what holds the inference:

1. Bytes that are not in a run of zeros are changed one at a time. Runs of zeros (seven of eight
   bytes: pages that are not full) are changed by groups of 512 that are drawn over the whole file.
   A group is harmless if every command, the deep look included, says what it said; then each of its
   bytes counts as harmless. If not, it is divided, down to single bytes, which are judged as the
   others are. Two changes of one group could hide each other, so there are two rounds, with other
   groups and other masks: what hides would have to be in the same group twice.
2. A read that does not read the page of the byte is not run: it would show the same (`pages`).
3. Many trials share one process, which sets the home right between them (`damaged.Ground`). State
   that outlives a command could hide a change; there are only caches by immutable values.

``audit`` holds all three: bytes drawn by lot from both kinds are changed alone, in a process of
their own, with every command run. The verdict has to be the same; for a byte of a group that is
harmless, it has to be harmless. A child that dies is divided until the byte is found that it died
of, and what must not be is tried again alone before it is told.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
import tempfile
import zlib
from argparse import ArgumentParser, Namespace
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, TypeVar

from faults import report
from faults.damaged import HARMLESS, Bench, Trial, Verdict
from faults.homes import AGENT, LEAD
from faults.report import Tally

SAMPLE: Final = 60
GROUP: Final = 512
ROUNDS: Final = 2
BATCH: Final = 64  # trials of one child
AUDITED_SINGLE, AUDITED_ZERO = 250, 1000  # one of so many
ZEROS: Final = re.compile(rb"\0{16,}")
EDGE: Final = 2  # at both ends of a run: zeros that may mean something
SINGLE, GROUPED, AUDIT = "single", "grouped", "audit"
Places: TypeAlias = "array[int]"  # of offsets in a file
T = TypeVar("T")


class Batch(NamedTuple):
    """Trials of one child: places of one file, those that change at once together."""

    kind: str
    file: str
    turn: int
    places: tuple[Places, ...]

    def trials(self, seed: int) -> list[Trial]:
        """Return the trials."""
        return [trial(seed, self.turn, self.file, some) for some in self.places]

    def judge(self, bench: Bench, seed: int) -> Outcome:
        """Try all of them."""
        trials = self.trials(seed)
        if self.kind == AUDIT:
            return _audit(bench, trials)
        outcome = Outcome(Counter(), [])
        for verdict in bench.judge(trials):
            outcome.add(verdict, count=self.turn == 0)
        if self.kind == GROUPED:
            outcome.notes["groups"] += len(trials)
        return outcome


class Outcome(NamedTuple):
    """What came of a batch: counts, and what must not be, by trial."""

    notes: Counter[str]
    failed: list[tuple[str, list[str]]]

    def add(self, verdict: Verdict, *, count: bool) -> None:
        """Take in a verdict."""
        if verdict.wrong:
            self.failed.append((str(verdict.trial), verdict.wrong))
        if count and (len(verdict.trial.changes) == 1 or verdict.kind == HARMLESS):
            self.notes["count"] += len(verdict.trial.changes)
            self.notes[verdict.kind] += len(verdict.trial.changes)
            self.notes["shown"] += verdict.shown


class Record:
    """What is done of a plan, in a file of lines that shards share; nowhere without one."""

    def __init__(self, path: Path | None, plan: str) -> None:
        self._path, self._plan = path, plan
        self.done = dict[int, Outcome]()
        self.read()

    def read(self) -> None:
        """Read what was noted, here or by another shard."""
        if self._path is not None and self._path.exists():
            for line in self._path.read_text().splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        """Take in a line; one that was cut off is none."""
        try:
            found = json.loads(line)
        except ValueError:
            return
        if found["plan"] == self._plan:
            failed = [(what, wrong) for what, wrong in found["failed"]]
            self.done[found["batch"]] = Outcome(Counter(found["notes"]), failed)

    def add(self, number: int, outcome: Outcome) -> None:
        """Note what came of a batch."""
        self.done[number] = outcome
        if self._path is None:
            return
        line = {"plan": self._plan, "batch": number, "notes": outcome.notes,
                "failed": outcome.failed}  # fmt: skip
        with self._path.open("a") as file:  # begins a line: the one before may be cut off
            file.write(f"\n{json.dumps(line)}\n")

    def total(self) -> Outcome:
        """Return what came of all that is done."""
        total = Outcome(Counter(), [])
        for one in self.done.values():
            total.notes.update(one.notes)
            total.failed.extend(one.failed)
        return total


def _audit(bench: Bench, trials: Sequence[Trial]) -> Outcome:
    """Try the first byte of each trial alone; the trial as a whole must not hide what it is."""
    outcome = Outcome(Counter(audit=len(trials)), [])
    for trial in trials:
        one = trial._replace(changes=trial.changes[:1])
        alone = bench.alone(one)
        outcome.add(alone, count=False)
        if alone.wrong or (len(trial.changes) > 1 and alone.kind == HARMLESS):
            continue
        company = [verdict.kind for verdict in bench.judge([trial])]
        hidden = company == [HARMLESS] if len(trial.changes) > 1 else company != [alone.kind]
        if hidden:
            wrong = f"alone it is {alone.kind}, in company {' '.join(company)}"
            outcome.failed.append((str(one), [wrong]))
    return outcome


# -- what is tried -------------------------------------------------------------------------------


def mask(seed: int, turn: int, file: str, at: int) -> int:
    """Return how a byte changes, by lot."""
    return 1 + zlib.crc32(f"{seed} {turn} {file} {at}".encode()) % 255


def trial(seed: int, turn: int, file: str, places: Sequence[int]) -> Trial:
    """Return the change of some bytes at once."""
    return Trial(file, tuple((at, mask(seed, turn, file, at)) for at in places))


def zeros(data: bytes) -> list[int]:
    """Return the places within runs of zeros, but for their edges."""
    return [
        at
        for found in ZEROS.finditer(data)
        for at in range(found.start() + EDGE, found.end() - EDGE)
    ]


def full(home: Mapping[str, bytes], seed: int) -> Iterator[Batch]:
    """Yield every byte, and the audit."""
    for file, data in home.items():
        chance, empty = random.Random(f"{seed} {file}"), zeros(data)
        rest = sorted({*range(len(data))} - {*empty})
        yield from batches(SINGLE, file, [array("I", [at]) for at in rest])
        groups = list[Places]()
        for turn in range(ROUNDS):
            chance.shuffle(empty)
            groups = [array("I", some) for some in chunks(empty, GROUP)]
            yield from batches(GROUPED, file, groups, turn=turn)
        audited = [array("I", [at]) for at in rest if not chance.randrange(AUDITED_SINGLE)]
        yield from batches(AUDIT, file, audited)
        audited = [_begun(group, chance) for _ in range(len(empty) // AUDITED_ZERO)
                   for group in [chance.choice(groups)]]  # fmt: skip
        yield from batches(AUDIT, file, audited, turn=ROUNDS - 1)


def _begun(group: Places, chance: random.Random) -> Places:
    """Return a group that begins with another of its bytes."""
    at = chance.randrange(len(group))
    return group[at:] + group[:at]


def sample(home: Mapping[str, bytes], seed: int, count: int) -> Iterator[Batch]:
    """Yield so many bytes of each file by lot."""
    for file, data in home.items():
        chance, places = random.Random(f"{seed} {file}"), list(range(len(data)))
        if count < len(places):
            said = [at for at in places if data[at]]
            drawn = {*chance.sample(said, min(count // 2, len(said)))}
            places = sorted({*drawn, *chance.sample(places, count - len(drawn))})
        yield from batches(SINGLE, file, [array("I", [at]) for at in places])


def batches(kind: str, file: str, places: Sequence[Places], *, turn: int = 0) -> Iterator[Batch]:
    """Yield places by batches."""
    for some in chunks(places, BATCH if kind == SINGLE else BATCH // 4):
        yield Batch(kind, file, turn, tuple(some))


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield items so many at a time."""
    for at in range(0, len(items), size):
        yield items[at : at + size]


# -- the command line ----------------------------------------------------------------------------


def main() -> int:
    """Change bytes as the command line asks; 1 if one did harm that nobody noticed."""
    asked = options().parse_args()
    tally, kept = Tally("bytes", asked.seed, asked.seconds), asked.keep
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="envoy-bytes-") as root:
        bench = Bench(Path(root), None if kept is None else kept / "home", asked.profile)
        if asked.change:
            again(bench, asked, tally)
        else:
            sweep(bench, asked, tally, None if kept is None else kept / "done.jsonl")
        tally.note("bytes", sum(len(data) for data in bench.data.values()))
    return tally.end()


def options() -> ArgumentParser:
    """Return a parser of the command line."""
    parser = report.parser("bytes", __doc__)
    parser.add_argument("--full", action="store_true", help="every byte, which takes an hour")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="so many bytes of each file")
    parser.add_argument("--shard", default="0/1", help="I/N: every N-th batch, from the I-th")
    parser.add_argument("--profile", choices=(AGENT, LEAD), default=AGENT, help="whose files")
    parser.add_argument("--only", default="", help="files whose name has this")
    parser.add_argument("--kind", default="", help="only these batches: single, grouped or audit")
    parser.add_argument("--keep", type=Path, help="where the home and what is done are kept")
    parser.add_argument("--change", nargs=3, help="FILE AT MASK: one change again")
    return parser


def again(bench: Bench, asked: Namespace, tally: Tally) -> None:
    """Try one change, alone."""
    file, at, bits = asked.change
    verdict = bench.alone(Trial(file, ((int(at), int(bits)),)))
    tally.note(verdict.kind)
    tally.tried(str(verdict.trial), verdict.wrong)


def sweep(bench: Bench, asked: Namespace, tally: Tally, path: Path | None) -> None:
    """Try what the command line asks for and is not done yet; sum up what is done."""
    home, seed = bench.data, asked.seed
    todo = list(full(home, seed) if asked.full else sample(home, seed, asked.sample))
    hashes = [hashlib.sha256(data).hexdigest() for data in bench.data.values()]
    plan = hashlib.sha256(f"{hashes} {asked.seed} {todo}".encode()).hexdigest()[:16]
    record, order = Record(path, plan), list(range(len(todo)))
    random.Random(asked.seed).shuffle(order)  # a run that is bounded by time touches every file
    shard, _, shards = asked.shard.partition("/")
    for number in order[int(shard) :: int(shards)]:
        if tally.is_over():
            break
        batch = todo[number]
        if number in record.done or asked.only not in batch.file or asked.kind not in batch.kind:
            continue
        outcome = batch.judge(bench, asked.seed)
        record.add(number, outcome)
        for what, wrong in outcome.failed:
            tally.tried(what, wrong, 0)
        tally.tried(f"{len(record.done)} of {len(todo)} batches", [], outcome.notes["count"])
    record.read()
    total = record.total()
    tally.count, tally.failures = total.notes.pop("count", 0), [what for what, _ in total.failed]
    for what, count in sorted(total.notes.items()):
        tally.note(what, count)
    tally.note("batches", len(todo))
    tally.note("done", len(record.done))
    size = sum(
        len(some) for one in todo if not one.turn and one.kind != AUDIT for some in one.places
    )
    if len(record.done) == len(todo) and tally.count != size:
        tally.failures.append(f"{tally.count} bytes were tried, not {size}")


if __name__ == "__main__":
    sys.exit(main())
