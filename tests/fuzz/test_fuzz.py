"""Each target of the fuzz for a moment, what is kept, and that what is planted is found.

`python -m fuzz` plays longer: docs/proof.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from envoy.core import codec
from envoy.core.envelope import Outer
from envoy.errors import CODES
from envoy.replica.ingest import take_in
from envoy.state.registers import members
from envoy.state.reviews import Panel
from envoy.state.status import Fold, View
from fuzz import codec as codecs
from fuzz.codec import Codec
from fuzz.kit import Run, Target, hold, keep, kept
from fuzz.mutate import Tree, near
from fuzz.reducers import Reducers
from fuzz.shape import Shaper, bodies
from fuzz.spaces import Spaces
from fuzz.targets import TARGETS
from oracle import messagepack

SECONDS = 0.8
SEED = 7
QUICK = ("codec", "envelope", "frames", "invite", "archive", "bundle", "audit", "reducers")
STORIES = ("reducers", "space")  # signed by members: what is refused in them is a row
SLOW = tuple(sorted(set(TARGETS) - set(QUICK)))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def standing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target[Any]]:
    target = TARGETS[request.param](tmp_path)
    yield target
    target.close()


def plays(target: Target[Any]) -> None:
    run = Run(target, SEED)
    report = run.play(SECONDS)
    assert run.failures == []
    assert report.accepted > 0
    assert target.name in STORIES or report.accepted < report.inputs, "some are refused"


@pytest.mark.parametrize("standing", QUICK, indirect=True)
def test_no_input_of_a_moment_breaks_a_promise(standing: Target[Any]) -> None:
    plays(standing)


@pytest.mark.slow
@pytest.mark.parametrize("standing", SLOW, indirect=True)
def test_no_request_or_line_of_a_moment_breaks_a_promise(standing: Target[Any]) -> None:
    plays(standing)


@pytest.mark.parametrize("standing", [name for name in TARGETS if kept(name)], indirect=True)
def test_what_once_failed_holds(standing: Target[Any]) -> None:
    for one in kept(standing.name):
        given = standing.read(one["input"])
        assert standing.accepts(given) is one["accepted"], one["name"]
        assert standing.told(given) == one["input"], one["name"]


def test_every_kept_input_has_a_target_and_a_name() -> None:
    files = Path(__file__).with_name("corpus").glob("*.json")
    assert {path.stem for path in files} <= set(TARGETS)
    for name in TARGETS:
        names = [one["name"] for one in kept(name)]
        assert len(set(names)) == len(names) and all(names)


@pytest.mark.parametrize("name", ["codec", "frames", "envelope", "reducers"])
def test_the_same_seed_gives_the_same_inputs(name: str, tmp_path: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        target = TARGETS[name](tmp_path)
        dice = Random(f"{name}:{seed}")
        found.append([target.told(one) for one in target.draw(dice)])
    assert found[0] == found[1] != found[2]


def test_near_bytes_and_trees_differ_from_what_they_are_near() -> None:
    data = messagepack.write([1, "name", b"\0" * 32, [[b"a", None], True], -5])
    dice = Random(1)
    some = [*near(data, dice, 300, [b"other"]), *Tree(data).near(dice, 300)]
    assert len(set(some)) > 300
    assert next(iter(Tree(data).near(Random(2), 1))) != b"" and Tree(data).root[0][0] == 1


def test_types_alone_give_values_that_decode_for_most_bodies() -> None:
    shaper = Shaper(Random(1))
    reached = [
        kind
        for kind in bodies()
        if any(codecs.is_sound(shaper.data(kind), kind) for _ in range(200))
    ]
    assert len(reached) > 0.8 * len(bodies())


# -- what is planted is found ----------------------------------------------------------------


def lenient(data: bytes, kind: Any) -> Any:
    """Return what ``decode`` would if it did not compare what it read with what it was given."""
    value = codec._PLANS.get(kind, codec._plan(kind))[0](data)
    return value


def outside(data: bytes, kind: Any) -> Any:
    """Decode, but let another error than the documented one go for a short input."""
    hold(True, "")
    if len(data) < 3:
        raise KeyError(data)
    return codec.decode(data, kind)


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        pytest.param(lenient, "other bytes|DecodeError|UnicodeDecode", id="forms are not compared"),
        pytest.param(outside, "KeyError", id="an error that nobody documented"),
    ],
)
def test_a_planted_fault_is_found_and_kept(
    planted: Any, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Codec(tmp_path)
    monkeypatch.setattr(codecs, "decode", planted)
    run = Run(target, SEED)
    assert run.play(20, 200_000).failures > 0
    assert any(word in run.failures[0].error for word in what.split("|"))
    keep(run, tmp_path / "found")
    first = kept("codec", tmp_path / "found")[0]
    assert target.read(first["input"])[0] in bodies()


class Slowly(Target[bytes]):
    """A target that takes too long for one input of two."""

    name = "slowly"
    milliseconds = 5

    def draw(self, dice: Random) -> Iterator[bytes]:
        """Yield two inputs."""
        yield from (b"short", b"long")

    def accepts(self, given: bytes) -> bool:
        """Count to a number."""
        return sum(range(2_000_000 if given == b"long" else 2)) > 0

    def told(self, given: bytes) -> object:
        """Return the input as text."""
        return given.decode()

    def read(self, kept: object) -> bytes:
        """Return the input of a text."""
        return str(kept).encode()


def test_an_input_that_takes_too_long_is_found_among_others(tmp_path: Path) -> None:
    run = Run(Slowly(tmp_path), SEED)
    run.play(10, 2)
    assert [one.given for one in run.failures] == ["long"]


def test_the_command_line_sums_up_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "bundle", "--inputs", "500", "--seed", "3"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["target"] == "bundle" and report["inputs"] >= 500 and report["failures"] == 0
    assert {"seed", "accepted", "seconds", "per_second"} <= report.keys()


@pytest.mark.prove
def test_what_the_stories_found_in_a_fold_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writes(_self: Panel, fold: Fold, view: View) -> list[int]:
        return [fold.graph.numbers[fold.graph.entity], *members(view.gates)]

    monkeypatch.setattr(Panel, "_writes", writes)
    run = Run(Reducers(tmp_path), SEED)
    run.play(60, 6_000)
    assert any(one.error.startswith("KeyError") for one in run.failures)


def test_a_task_behind_acts_that_nobody_saw_is_taken_in_by_every_replica(tmp_path: Path) -> None:
    space = Spaces(tmp_path)
    log = space.lead.events.entries(space.lead.space.sn, after=0, limit=1000)
    frames = [space.behind(Random(seed), space.carol, log)[0] for seed in range(4)]
    assert max(map(len, frames)) == 12, "nine acts of one author: the task is one head too many"
    for page in frames:
        for one in (space.lead, space.bob):
            taken = take_in(one.copy, page, source="hand")
            assert (taken.accepted, taken.parked) == (len(page), 0)
    space.close()


def test_the_outside_of_an_envelope_is_among_the_structures() -> None:
    assert Outer in bodies() and "malformed" not in CODES
