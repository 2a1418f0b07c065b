"""C5: neither a ground salt nor hiding what one saw wins a tie; all replicas agree on who does."""

from __future__ import annotations

import random

from envoy.core.bodies import TaskClaim
from envoy.core.dag import tie
from envoy.state import tasks
from envoy.state.registers import Op
from histories import ADMIN, CREATOR, FIRST, SECOND, TASK, THIRD, History, fixed

AUTHORS = (FIRST, SECOND, THIRD, CREATOR, ADMIN)
SEED = 20_240_501


def claim(author: bytes, id: bytes) -> Op:
    """Return a claim of ``author`` that saw the creation, with an id of its author's choice."""
    history = History()
    secret = fixed((author, "holder"))
    return history.act(author, TaskClaim(TASK, "default", 900, secret, None), id=id)


def test_an_author_who_grinds_its_event_id_wins_no_tie() -> None:
    creation = History().ops[0]
    honest = claim(FIRST, fixed("honest"))
    assert tie(TASK, FIRST) < tie(TASK, SECOND)
    for number in range(200):
        ground = claim(SECOND, fixed(number))
        task = tasks.reduce(TASK, [creation, ground, honest], [])
        assert task.tenure is not None and task.tenure.holder == FIRST


def test_control_the_tie_goes_by_the_holder() -> None:
    creation = History().ops[0]
    task = tasks.reduce(TASK, [creation, claim(SECOND, fixed(1)), claim(THIRD, fixed(0))], [])
    assert task.tenure is not None and task.tenure.holder == SECOND


def hiding(chance: random.Random) -> History:
    """Return a history in which one act of eight hides what its author saw."""
    history = History()
    for _ in range(20):
        sees = None
        if chance.random() < 0.12:
            sees = chance.sample(history.ops, min(2, len(history.ops)))
        author = chance.choice(AUTHORS)
        tenures = [op for op in history.ops[1:] if op.kind in ("task.claim", "task.assign")]
        pick = chance.random()
        if pick < 0.4 or not tenures:
            history.claim(author, sees, fence=chance.randrange(4))
        elif pick < 0.5:
            history.release(author, sees)
        elif pick < 0.6:
            history.assign(author, chance.choice(AUTHORS), sees)
        elif pick < 0.9:
            history.progress(chance.choice(tenures[-2:]), sees=sees)
        else:
            history.complete(chance.choice(tenures[-2:]), sees)
    return history


def test_replicas_agree_whoever_hides_what() -> None:
    for number in range(100):
        chance = random.Random(SEED + number)
        history = hiding(chance)
        task = tasks.reduce(TASK, history.ops, history.receipts)
        for _ in range(3):
            chance.shuffle(history.ops)
            chance.shuffle(history.receipts)
            again = tasks.reduce(TASK, history.ops, history.receipts)
            assert again == task, f"seed {SEED + number}"
