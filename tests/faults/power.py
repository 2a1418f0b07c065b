"""Power: the power goes at some moment of the work, and the disk holds what it may then hold.

    python -m faults.power --states N [--only home|relay] [--seed S] [--seconds T]

- `home`: two profiles and the hub of one machine, mutating commands by the command line; then each
  disk of `powerloss.states` is used as it is: what a profile acknowledged is there, both read,
  write and sync, and now and then `diagnose --deep` finds nothing.
- `relay`: a relay under eight writers (`tests/relay/test_powerloss.py`).

Logs are folded into their databases far more often than in life, so both files are at stake.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import powerloss
from envoy import limits
from faults import calls, forks, homes, report
from faults.homes import AGENT, LEAD, SPACE, Stage
from faults.report import Tally
from powerloss import Recorder, State
from relay import test_powerloss as relay_power

NAMES: Final = (LEAD, AGENT)
ROUNDS: Final = 10
STATES_EACH: Final = 1_500  # of one recording
DEEP_EVERY: Final = 40


def short_logs() -> None:
    """Let logs be folded again and again, for the rest of this process."""
    vars(limits).update(LOG_PAGES_MAX=40, LOG_PAGES_FIRST_MAX=40)


def recorded(stage: Stage, chance: random.Random, rounds: int = ROUNDS) -> Recorder:
    """Let two profiles work; return what the disk was told, and what they were told."""
    with powerloss.recording(stage.home) as made:
        for number in range(rounds):
            task = str(stage.ok(LEAD, "task", "create", f"task {number}")["task_id"])
            for name, words in (
                (AGENT, ("task", "claim", task)),
                (AGENT, ("send", "x" * chance.randrange(1, 3_000))),
                (LEAD, ("send", f"message {number}", "--idempotency-key", f"k{number}")),
                (AGENT, ("task", "complete", task, "--note", "fixed")),
                (LEAD, ("record", "add", "decision", f"decision {number}")),
                (LEAD, ("space", "update", SPACE, "--description", f"{number}")),
                (chance.choice(NAMES), ("inbox", "read-ack")),
                (chance.choice(NAMES), ("sync",)),
            ):
                act(stage, made, name, *words)
    return made


def act(stage: Stage, made: Recorder, name: str, *words: str) -> None:
    """Let a profile do something, and note what it is told."""
    said = stage.play(name, *words)
    assert said.status == 0, said
    for ident in calls.told(said):
        made.acknowledge(f"{name} {ident.hex()}")


def wrong(stage: Stage, state: State, *, deep: bool) -> list[str]:
    """Lay out a disk and use it; return what is missing or does not work."""
    shutil.rmtree(stage.home)
    state.restore(stage.home)

    def work() -> list[str]:
        found = list[str]()
        for name in NAMES:
            told = {bytes.fromhex(one.split()[1]) for one in state.acknowledged
                    if one.startswith(f"{name} ")}  # fmt: skip
            lost = told - stage.events(name)
            found += [f"{name}: acknowledged and lost: {one.hex()}" for one in lost]
            looks = [("send", "after"), ("history", "--limit", "5"), ("sync",)]
            for words in looks + [("diagnose", "--deep")] * deep:
                said = stage.play(name, *words)
                found += homes.oddities(said)
                if said.status:
                    found.append(f"{name} {' '.join(words)}: {said.status} {said.out[:600]}")
        return found

    try:
        return forks.ask(work)
    except forks.Died as died:
        return [f"what came after died: {died}"]


def of_home(root: Path, count: int, seed: int) -> Iterator[tuple[State, list[str]]]:
    """Yield disks of a home, and what is wrong with each."""
    chance, number = random.Random(seed), 0
    while number < count:
        stage = homes.small(root / f"{number}")
        stage.restore()
        made = recorded(stage, chance)
        assert powerloss.acknowledged(made) >= ROUNDS
        each = min(STATES_EACH, count - number)
        for state in powerloss.states(made, each, seed=chance.randrange(2**32)):
            number += 1
            yield state, wrong(stage, state, deep=number % DEEP_EVERY == 0)
        shutil.rmtree(root / f"{number - each}")


def of_relay(root: Path, count: int, seed: int) -> Iterator[tuple[State, list[str]]]:
    """Yield disks of a relay, and what is wrong with each."""
    chance, number = random.Random(seed), 0
    while number < count:
        each = min(4 * STATES_EACH, count - number)
        place = root / f"{number}"
        place.mkdir()
        yield from relay_power.tried(place, each, chance.randrange(2**32))
        shutil.rmtree(place)
        number += each


SUITES: Final = {"home": of_home, "relay": of_relay}


def play(tally: Tally, what: str, cuts: Iterator[tuple[State, list[str]]]) -> None:
    """Try disks while there is time."""
    for state, found in cuts:
        tally.note(what)
        tally.tried(f"{what}, step {state.at}, {state.how}", found)
        if tally.is_over():
            break


def main() -> int:
    """Cut the power as the command line asks; 1 if something was lost."""
    parser = report.parser("power", __doc__)
    parser.add_argument("--states", type=int, default=1_000, help="of each of them")
    parser.add_argument("--only", choices=tuple(SUITES))
    asked = parser.parse_args()
    short_logs()
    tally = Tally("power", asked.seed, asked.seconds)
    with tempfile.TemporaryDirectory(prefix="envoy-power-") as root:
        wanted = [one for one in SUITES if asked.only in (None, one)]
        for what in wanted:
            tally.allow(asked.seconds / len(wanted))
            place = Path(root) / what
            place.mkdir()
            os.chmod(place, 0o700)
            cuts = SUITES[what](place, asked.states, asked.seed)
            play(tally, what, cuts)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
