"""C8: no client, however modified, completes a task past its gate: every copy judges alike.

Each gate is tried with an approval by everybody, written past every check of a client.
"""

from __future__ import annotations

import pytest

from envoy.core.bodies import TaskComplete
from envoy.core.codec import Open
from envoy.core.records import TaskGate, TaskReview
from replica.beside import say
from replica.council import council
from replica.gated import NO_SELF, ONE, TEST, done, row_of, states, work
from replica.world import Actor, World

NAMES = ("lead", "b", "c", "w")  # a reader writes no review at all: D12
TWO: Open = (("reviews", 2),)
OWNER: Open = (("review_by", ("owner",)), ("reviews", 1))
WRITER: Open = (("review_by", ("write",)), ("reviews", 1))
HUMAN: Open = (("review_by", ("human",)), ("reviews", 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "by", "may"),
    [
        pytest.param(ONE, "w", {"lead", "b", "c"}, id="one review"),
        pytest.param(NO_SELF, "w", {"lead", "b", "c"}, id="no review of the own work"),
        pytest.param(NO_SELF, "b", {"lead", "c"}, id="nor by an admin who did it"),
        pytest.param(OWNER, "w", {"lead"}, id="a review by the owner"),
        pytest.param(WRITER, "w", {"lead", "b", "c", "w"}, id="a review by any writer"),
        pytest.param(HUMAN, "w", set[str](), id="a review by a human, where nobody is one"),
        pytest.param(TWO, "w", set[str](), id="two reviews, of which one came"),
        pytest.param(TEST, "w", set[str](), id="evidence, and a review instead"),
    ],
)
def test_who_may_not_review_completes_nothing(
    gate: Open, by: str, may: set[str], world: World
) -> None:
    team = dict(zip(NAMES, council(world)[:4], strict=True))
    found = set[str]()
    for name, reviewer in team.items():
        task, tenure = work(team["lead"], team[by], gate)
        completion = done(team[by], task, tenure)
        assert states([*team.values()], task) == {"submitted"}
        for _ in range(2):  # the same again is no second one
            say(reviewer, TaskReview(task, completion, "approve", None, ()))
        (state,) = states([*team.values()], task)
        found |= {name} if state == "completed" else set()
    assert found == may


ATTEMPTS = ("a weaker gate", "completed by a stranger", "completed again", "an older tenure")


@pytest.mark.slow
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nor_does_any_other_act_of_who_did_the_work(attempt: str, world: World) -> None:
    team = council(world)
    lead, b, c, w, _r = team
    task, tenure = work(lead, w, NO_SELF)
    completion = done(w, task, tenure)
    evade(attempt, task, tenure, (w, c))
    assert states(team, task) == {"submitted"}
    latest = row_of(lead, task).completion or completion
    say(b, TaskReview(task, latest, "approve", None, ()))  # the control
    assert states(team, task) == {"completed"}


def evade(attempt: str, task: bytes, tenure: bytes, actors: tuple[Actor, Actor]) -> None:
    """Do what might get past a gate."""
    w, other = actors
    match attempt:
        case "a weaker gate":
            say(w, TaskGate(task, ()))
        case "completed by a stranger":
            say(other, TaskComplete(task, tenure, "done", (), False))
        case "completed again":
            say(w, TaskComplete(task, tenure, "done, surely", (), False))
        case _:
            say(w, TaskComplete(task, task, "done", (), False))
