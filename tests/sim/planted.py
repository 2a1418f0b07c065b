"""Planted bugs: faults put into a copy of the product, each of which seeds must find.

A simulator that finds nothing may be looking at nothing. So reducers, authority, epochs, sync, the
store and the hub are each broken in one place, as somebody's slip might, and seeds are played over
the broken copy until one fails. Some are faults that seeds did find in the product.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from state.mutants import MUTANTS, Mutant

ROOT: Final = Path(__file__).parents[2]
STARTS: Final = (0, 100_000, 200_000)
FOUND: Final = re.compile(r"^seeds (\d+),", re.MULTILINE)
FAILED: Final = re.compile(r"^seed (\d+) failed: (.*)$", re.MULTILINE)

# Of those that the search of authority finds, some that a running system must find, too.
OF_AUTHORITY: Final = (
    "a removal ends what saw it",
    "anybody acts under any grant",
    "what was seen is held",
    "late ends change nothing",
    "a late admit changes nothing",
)
OWN: Final = (
    Mutant(
        "state/claims.py",
        "-no, -fence, tie(task, who or op.author), op.id)",
        "-no, -fence, op.id, op.id)",
        "equal claims are told apart by their ids",
    ),
    Mutant(
        "state/registers.py",
        "self.numbers[one] for one in op.basis if one in self.numbers",
        "self.numbers[one] for one in op.basis[:1] if one in self.numbers",
        "an act saw one head alone",
    ),
    Mutant(
        "replica/batch.py",
        "        self.add_state(_part(given), instead=_part(entry))\n",
        "",
        "a new verdict does not change the state sum",
    ),
    Mutant(
        "replica/batch.py",
        "                seen |= 1 << known.ix\n",
        "                seen |= 0\n",
        "an event has not seen the act that it names",
    ),
    Mutant(
        "replica/batch.py",
        "        for row in self.events.receipts(self.sn, entry.id):\n",
        "        for row in ():\n",
        "a receipt that came before its claim never counts",
    ),
    Mutant(
        "replica/projector.py",
        "if item is not None and item.refused != reason:",
        "if item is not None and item.refused is None and reason:",
        "what was refused once stays refused",
    ),
    Mutant(
        "replica/court.py",
        "            yield from self._events.under(self._sn, grant)\n",
        "            yield from ()\n",
        "content under a lost grant is not judged again",
    ),
    Mutant(
        "replica/facts.py",
        "max(branches.values()) < event.seq",
        "max(branches.values()) <= event.seq",
        "the last event that a removal saw counts as unseen",
    ),
    Mutant(
        "replica/facts.py",
        "if len(branches) == 1 and cn not in self._events.forked(self._sn):",
        "if len(branches) == 1:",
        "the branches of a forked chain are one",
    ),
    Mutant(
        "storage/heads.py",
        "if top is not None and not citable and top.citable:",
        "if False:",
        "an invalid event hides what it names",
    ),
    Mutant(
        "replica/ingest.py",
        "            if ident in self._wanted:\n                for waiting",
        "            if False:\n                for waiting",
        "what waited is not let go",
    ),
    Mutant(
        "replica/unlocking.py",
        "opened = sorted((fresh | parked) & opens)",
        "opened = sorted(fresh & opens)",
        "what was sealed stays so when its key comes",
    ),
    Mutant(
        "replica/sync.py",
        'send("frame", b"", ident=frames.frame_id(frame))\n            after = rid',
        "after = rid",
        "a hub that was wiped is not filled again",
    ),
    Mutant(
        "replica/sync.py",
        "instance=instance, cursor=0, hub_chain=start)",
        "instance=instance, cursor=batch.space.cursor, hub_chain=start)",
        "another log is read from where the old one stood",
    ),
    Mutant(
        "replica/sync.py",
        "    call = frames.Push(replica.space.id, tuple(batch))\n",
        "    call = frames.Push(replica.space.id, tuple(batch))\n"
        "    advance(replica, None, (), sent=[one.o for one in sent])\n",
        "the outbox is emptied before the hub answered",
    ),
    Mutant(
        "replica/sync.py",
        "    if list(reply.seqs) != list(range(start + 1, stop + 1)) or reply.head != stop:\n"
        "        return None\n"
        "    h = frames.chain_after(space.hub_chain, ids)\n"
        "    return Place(reply.instance, start, stop, h) if h == reply.h else None\n",
        "    return Place(reply.instance, start, max(stop, reply.head), reply.h)\n",
        "a push moves the cursor past what others wrote",
    ),
    Mutant(
        "replica/slots.py",
        '        store.send_later(replica.sn, "frame", one.id, b"")\n',
        "        pass\n",
        "a claim that lost is not sent",
    ),
    Mutant(
        "hub/slots.py",
        "fence, until = call.seen + 1,",
        "fence, until = 1,",
        "every fence is the first",
    ),
    Mutant(
        "hub/handler.py",
        "row, seqs = log.append(store, row._replace(at=max(now_ms, row.at)), call.frames)",
        "row, seqs = log.append(store, row._replace(at=max(now_ms, row.at)), call.frames[-9:])",
        "a hub keeps the end of a long push",
    ),
    Mutant(
        "replica/replica.py",
        "        with self.profile.events.transaction(durable=True):\n"
        "            before = self.replayed(call)\n",
        "        with self.profile.events.transaction(durable=False):\n"
        "            before = self.replayed(call)\n",
        "a write is acknowledged before it is durable",
    ),
    Mutant(
        "replica/epochs.py",
        "    return [row for row in known if row.id in made]\n",
        "    return known\n",
        "a secret that came early is handed on",
    ),
    Mutant(
        "state/epochs.py",
        '    for event in judgement.ledger.by_kind.get("remove", ()):\n'
        "        if judgement.is_ok(event.id):\n"
        "            found |= 1 << event.index\n"
        "    for key, kills in judgement.kills.items():\n",
        "    for key, kills in ():\n",
        "nothing that ends a reading forces a rotation",
    ),
    Mutant(
        "state/epochs.py",
        "    return sorted([*judgement.readers(), *judgement.open_invites()])",
        "    grants = judgement.ledger.grants.values()\n"
        "    return sorted({one.subject for one in grants if one.reads and one.subject}"
        " | {*judgement.open_invites()})",
        "an epoch is sealed to who was a member",
    ),
    Mutant(
        "replica/actions/local.py",
        "    cursor = max(space.ack_n, ",
        "    cursor = max(0, ",
        "the inbox cursor runs back",
    ),
)


def every() -> tuple[Mutant, ...]:
    """Return all planted bugs."""
    chosen = [one for one in MUTANTS if one.fault in OF_AUTHORITY]
    return (*OWN, *chosen)


class Search(NamedTuple):
    """How many seeds it took from each start, and what the last one broke."""

    mutant: Mutant
    seeds: list[int]  # empty: a start found nothing
    what: str


def planted(into: Path, mutant: Mutant) -> None:
    """Write the package below ``into`` with one fault in it."""
    shutil.rmtree(into / "envoy", ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src/envoy", into / "envoy", ignore=ignore)
    path = into / "envoy" / mutant.module
    sound = path.read_text("utf-8")
    assert sound.count(mutant.old) == 1, f"{mutant.fault}: not in one place of {mutant.module}"
    path.write_text(sound.replace(mutant.old, mutant.new), "utf-8")


def search(mutant: Mutant, *, starts: tuple[int, ...], seeds_max: int) -> Search:
    """Play seeds over a broken copy until one fails, from each start."""
    found, what = list[int](), ""
    with tempfile.TemporaryDirectory() as place:
        planted(Path(place), mutant)
        for start in starts:
            said = _played(Path(place), f"{start}:{start + seeds_max}")
            hit = FAILED.search(said)
            if hit is None:
                return Search(mutant, [], f"nothing from {start}: {said[-300:]}")
            found.append(int(hit[1]) - start + 1)
            what = hit[2]
    return Search(mutant, found, what)


def _played(source: Path, seeds: str) -> str:
    """Return what a run over a copy of the product says, up to its first failure."""
    path = os.pathsep.join([str(source), str(ROOT / "tests")])
    command = [sys.executable, "-m", "sim", "--seeds", seeds, "--first"]
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def found(only: str, *, starts: int, seeds_max: int) -> Iterator[Search]:
    """Yield the search for each planted bug whose name has ``only``, from so many places."""
    for one in every():
        if only in one.fault:
            yield search(one, starts=STARTS[:starts], seeds_max=seeds_max)


def main(only: str, *, starts: int, seeds_max: int) -> int:
    """Find all of them; print how many seeds each took, and the mean; 1 if one was not found."""
    missed, means = 0, list[float]()
    for one in found(only, starts=starts, seeds_max=seeds_max):
        missed += not one.seeds
        mean = sum(one.seeds) / max(1, len(one.seeds))
        means += [mean] if one.seeds else []
        shown = f"{mean:6.1f} seeds {one.seeds}" if one.seeds else "NOT FOUND"
        print(f"{shown}  {one.mutant.module}: {one.mutant.fault} -> {one.what[:90]}", flush=True)
    done = len(means)
    print(f"found {done}/{done + missed}, mean {sum(means) / max(1, done):.1f} seeds a bug")
    return int(missed > 0)
