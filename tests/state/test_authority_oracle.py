"""The oracle and envoy say the same: every story, every small history, many drawn ones.

`tests/oracle/authority.py` was written from docs/spec/authority.md by somebody who had not read the
code. Here the two are held against each other; all small histories: test_authority_searching.py.
"""

from __future__ import annotations

import random

import pytest

from oracle import authority_epochs
from oracle.authority import Space
from oracle.authority_events import Event
from state.delivery import deliver, drawn_order
from state.every_story import STORIES
from state.log import DAY_MS, Log, Place
from state.oracled import Oracled, by_envoy, by_oracle
from state.stories import Story, cast
from state.told import told
from state.wild import wild

# -- the oracle by itself --------------------------------------------------------------------


def said(story: Story) -> dict[str, object]:
    """Return what the oracle makes of a story, in the words of the story."""
    log = Log()
    story.tell(log)
    space = Oracled(told(log))
    view, answer = space.whole(), by_oracle(space)
    verdicts, roles, live = answer["verdicts"], answer["roles"], answer["live"]
    assert isinstance(verdicts, dict) and isinstance(roles, dict) and isinstance(live, set)
    readers = "".join(sorted(str(one, "ascii") for one in view.readers() if isinstance(one, bytes)))
    ended = [name for act in story.without_effect.split() for name in _ended(answer, act)]
    return {
        "verdicts": {name: verdicts[name] for name in story.verdicts},
        "roles": {one: roles.get(one) for one in story.roles},
        "live": [name for name in (story.live + " " + story.over).split() if name in live],
        "ended": ended,
        "readers": readers if story.readers is not None else None,
        "epoch": _epoch(answer["current"]) if story.epoch is not None else None,
        "pin": answer["pin"],
    }


def _epoch(current: object) -> object:
    return "E0" if current == "genesis" else current or ""


def _ended(answer: dict[str, object], act: str) -> list[str]:
    kills = answer["kills"]
    assert isinstance(kills, dict)
    return [grant for grant, acts in kills.items() if act in acts]


@pytest.mark.parametrize("story", [pytest.param(one, id=one.title) for one in STORIES])
def test_the_oracle_ends_each_story_as_it_is_told(story: Story) -> None:
    assert said(story) == {
        "verdicts": dict(story.verdicts),
        "roles": dict(story.roles),
        "live": story.live.split(),
        "ended": [],
        "readers": None if story.readers is None else "".join(sorted(story.readers)),
        "epoch": story.epoch,
        "pin": story.pin,
    }


def test_a_genesis_in_two_envelopes_is_one_grant() -> None:
    twins = [
        Event(name, b"O", b"space", b"chain", 0, None, (), 0, 0, "genesis", {"rules": 1})
        for name in (b"1", b"2")
    ]
    grant = Event(
        *(b"3", b"O", b"space", b"chain", 1, b"2", (), 1, 0, "grant"),
        {"subject": b"B", "role": "admin"},
    )
    space = Space(b"space", [*twins, grant])
    assert {one.status for one in space.whole().verdicts.values()} == {"ok"}
    assert space.whole().roles() == {b"O": "owner", b"B": "admin"}
    assert len(authority_epochs.adequate(space.whole())) == 1


# -- stories, drawn histories ----------------------------------------------------------------


def test_oracle_and_envoy_say_the_same_of_each_story_in_every_respect() -> None:
    for story in STORIES:
        log = Log()
        story.tell(log)
        expect = by_oracle(Oracled(told(log)))
        if story.number != "25b":  # 257 names in an undo do not decode: nothing to say of its body
            assert by_envoy(log, deliver(log, log.nodes)) == expect, story.title


@pytest.mark.parametrize(
    ("seeds", "acts"),
    [
        pytest.param(range(150), 8, id="short ones"),
        pytest.param(range(1000, 1100), 20, id="longer ones"),
        pytest.param(range(2000, 2040), 45, id="long ones"),
    ],
)
def test_oracle_and_envoy_say_the_same_of_drawn_histories(seeds: range, acts: int) -> None:
    for seed in seeds:
        log = wild(seed, acts)
        expect = by_oracle(Oracled(told(log)))
        drawn = random.Random(seed)
        for page in (1, 7):
            found = deliver(log, drawn_order(log, drawn), page=page)
            assert by_envoy(log, found) == expect, f"seed {seed}, {acts} acts"


def test_of_the_acts_under_one_grant_the_first_256_stand() -> None:
    log = Log()
    cast(log, "Y")
    for number in range(258):
        log.delegate(f"e{number}", "W", "Y", Place(id=1000 - number))
    log.leave("l", "W", Place(after=[f"e{number}" for number in range(258)]))
    expect = by_oracle(Oracled(told(log)))
    assert by_envoy(log, deliver(log, log.nodes, page=100)) == expect
    verdicts = expect["verdicts"]
    assert isinstance(verdicts, dict)
    over = [name for name, verdict in verdicts.items() if verdict == "void: R4 over count"]
    assert over == ["e1", "e0"], "the greatest by (lam, id)"


def test_a_dozen_chains_and_their_forks_are_judged_one_event_at_a_time() -> None:
    log = Log()
    cast(log, "Y")
    for chain in range(12):
        first = log.message(f"a{chain}", "W")
        log.message(f"b{chain}", "W", Place(after=[first]))
        log.message(f"c{chain}", "W", Place(after=[first], fork=f"b{chain}"))
    log.remove("r", "B", "W", Place(after=[f"b{chain}" for chain in range(6)]))
    log.message("d", "W", Place(after=["r"], ts=DAY_MS))
    expect = by_oracle(Oracled(told(log)))
    drawn = random.Random(0)
    for _ in range(5):
        assert by_envoy(log, deliver(log, drawn_order(log, drawn))) == expect
    verdicts = expect["verdicts"]
    assert isinstance(verdicts, dict)
    assert sum(one == "ok" for name, one in verdicts.items() if name[0] in "abc") == 12
    assert verdicts["d"] == "invalid: R3 after r"
