"""Bytes: every byte of every file of a small home, one changed at a time.

    python -m faults.bytes [--full] [--sample N] [--shard I/N] [--seed S] [--seconds T]

After each: the reads of a profile, a write, `diagnose --deep`. A change is noticed (a documented
code, or a finding of the deep look) or harmless (every read shows what it showed before). Never a
traceback, never something else than before with nobody noticing. What the reads showed differently
while another command noticed is counted as `shown`.

``--sample`` takes so many bytes of each file by lot, half of them bytes that are not zero;
``--full`` takes all, ``--shard 2/8`` every eighth of them. Locks and what SQLite shares in memory
are left out: nothing is kept in them.
"""

from __future__ import annotations

import os
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from faults import forks, homes, report
from faults.homes import AGENT, LEAD, SPACE, Said
from faults.report import Tally

READS: Final = (
    ("status",),
    ("spaces",),
    ("history", "--limit", "500"),
    ("inbox", "read"),
    ("task", "list"),
    ("space", "members"),
    ("work-record",),
)
LEFT_OUT: Final = ("-shm", ".lock")
SAMPLE: Final = 60
# The moment at which something was asked.
STAMP: Final = re.compile(r'"(?:now|generated_at|checked_at)":"[^"]*"')


class Change(NamedTuple):
    """One byte of one file, and the bits that change in it."""

    file: str
    at: int
    mask: int

    def __str__(self) -> str:
        return f"{self.file} {self.at} xor {self.mask}"


class Seen(NamedTuple):
    """What came of a damaged home."""

    reads: list[Said]
    written: Said
    deep: Said


class Bench:
    """A small home, and what its profiles show of it when it is whole."""

    def __init__(self, root: Path) -> None:
        self.stage = homes.small(root)
        config = self.stage.home / "config.toml"
        config.write_text(f'space = "{SPACE}"\n')
        config.chmod(0o600)
        self.stage.keep()
        self.files = [
            os.fspath(path.relative_to(self.stage.home))
            for path in sorted(self.stage.home.rglob("*"))
            if path.is_file() and not path.name.endswith(LEFT_OUT)
        ]
        self.before = {name: self.look(name) for name in (LEAD, AGENT)}
        for name, seen in self.before.items():
            assert not [one for one in (*seen.reads, seen.written, seen.deep) if one.status], name

    def size(self, file: str) -> int:
        """Return how long a file is."""
        return (self.stage.home / file).stat().st_size

    def look(self, name: str, change: Change | None = None, *, writes: bool = True) -> Seen:
        """Lay the home out, change a byte, and use it as a profile. Raises Died.

        What is counted anew with each write is mended by one, so ``writes`` may be left out.
        """
        self.stage.restore()
        if change is not None:
            path = self.stage.home / change.file
            with path.open("r+b") as file:
                file.seek(change.at)
                (old,) = file.read(1)
                file.seek(change.at)
                file.write(bytes([old ^ change.mask]))

        def work() -> Seen:
            reads = [self.stage.play(name, *words) for words in READS]
            words = ("send", "after") if writes else ("status",)
            written = self.stage.play(name, *words)
            return Seen(reads, written, self.stage.play(name, "diagnose", "--deep"))

        return forks.ask(work)

    def wrong(self, change: Change, tally: Tally) -> list[str]:
        """Try one change; return what must not be."""
        name = LEAD if f"/{LEAD}/" in change.file else AGENT
        try:
            seen = self.look(name, change)
        except forks.Died as died:
            return [f"a command died: {died}"]
        calls = (*zip(READS, seen.reads, strict=True), (("send",), seen.written),
                 (("diagnose", "--deep"), seen.deep))  # fmt: skip
        found = [f"{' '.join(words)}: {one}" for words, said in calls for one in
                 homes.oddities(said)]  # fmt: skip
        told = [words for words, said in calls if said.status]
        before = self.before[name]
        other = [
            words for words, said, was in zip(READS, seen.reads, before.reads, strict=True)
            if not said.status and plain(said) != plain(was)
        ]  # fmt: skip
        if other and not told and self.look(name, change, writes=False).deep.status:
            tally.note("mended")  # noticed while it was there, and mended by the write
            return found
        tally.note("noticed" if told else "harmless")
        if other and told:
            tally.note("shown")
        if other and not told:
            index = READS.index(other[0])
            found.append(f"{' '.join(other[0])} shows something else, and nobody noticed: "
                         f"{difference(before.reads[index], seen.reads[index])}")  # fmt: skip
        return found


def plain(said: Said) -> str:
    """Return what a read shows, without the moment it was asked."""
    return STAMP.sub("", said.out)


def difference(was: Said, now: Said) -> str:
    """Return where two answers begin to differ."""
    one, other = plain(was), plain(now)
    pairs = enumerate(zip(one, other, strict=False))
    at = next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
    return f"...{one[max(0, at - 60) : at + 60]}... was, ...{other[max(0, at - 20) : at + 60]}..."


def changes(bench: Bench, chance: random.Random, sample: int) -> Iterator[Change]:
    """Yield bytes to change: all of them with ``sample`` 0, else some of each file."""
    for file in bench.files:
        bench.stage.restore()
        data = (bench.stage.home / file).read_bytes()
        places = list(range(len(data)))
        if 0 < sample < len(places):
            full = [at for at in places if data[at]]
            drawn = {*chance.sample(full, min(sample // 2, len(full)))}
            places = sorted({*drawn, *chance.sample(places, sample - len(drawn))})
        for at in places:
            yield Change(file, at, chance.randrange(1, 256))


def main() -> int:
    """Change bytes as the command line asks; 1 if one did harm that nobody noticed."""
    parser = report.parser("bytes", __doc__)
    parser.add_argument("--full", action="store_true", help="every byte, which takes hours")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="so many bytes of each file")
    parser.add_argument("--shard", default="0/1", help="I/N: every N-th of them, from the I-th")
    parser.add_argument("--only", default="", help="files whose name has this")
    parser.add_argument("--change", nargs=3, help="FILE AT MASK: one change again")
    asked = parser.parse_args()
    tally, chance = Tally("bytes", asked.seed, asked.seconds), random.Random(asked.seed)
    shard, _, shards = asked.shard.partition("/")
    with tempfile.TemporaryDirectory(prefix="envoy-bytes-") as root:
        bench = Bench(Path(root))
        drawn = list(changes(bench, chance, 0 if asked.full else asked.sample))
        tally.note("bytes", sum(bench.size(file) for file in bench.files))
        if asked.change:
            file, at, mask = asked.change
            drawn = [Change(file, int(at), int(mask))]
        drawn = [one for one in drawn if asked.only in one.file]
        chance.shuffle(drawn)  # a run that is bounded by time touches every file
        for change in drawn[int(shard) :: int(shards)]:
            if tally.is_over():
                break
            tally.tried(str(change), bench.wrong(change, tally))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
