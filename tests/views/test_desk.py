"""The desk: words for every cause, chains, who may, and how far a revocation reaches."""

from __future__ import annotations

from typing import Any

import pytest

from envoy.core import capability
from envoy.state import authority
from envoy.views import rows
from envoy.views.desk import NO_DISTANCE, WORDS, Graph, Node, may

A, B = 1, 2


def test_every_cause_that_a_rule_names_has_words() -> None:
    found = {
        value
        for module in (capability, authority)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and value[:1] in "SR" and value[1:2].isdigit()
    }
    assert found == WORDS.keys()


def ident(name: str) -> bytes:
    """Return an event id."""
    return name.encode().ljust(32, b"\0")


def node(name: str, an: int, *parents: str, ts: int = 0) -> Node:
    """Return an event that saw ``parents``, the first of them on its own chain."""
    ids = [ident(one) for one in parents]
    return Node(ident(name), an, ids[0] if ids else None, b"".join(ids[1:]), ts)


# lead has two chains: g, r, x and p, q. eve is on one: e.
STORY = [
    node("g", A),
    node("e", B, "g", ts=1),
    node("p", A, "g", ts=2),
    node("q", A, "p", "e", ts=3),
    node("r", A, "g", ts=4),
    node("x", A, "r", ts=5),
    node("y", B, "e", "r", ts=6),
]


def test_a_revocation_reaches_back_over_all_that_its_author_knew_elsewhere() -> None:
    found = Graph(STORY).distance(ident("r"))
    assert (found.written, found.seen) == (2, 1)
    assert found.oldest is not None and found.oldest.id == ident("e")


@pytest.mark.parametrize(
    "parents",
    [
        pytest.param(("g", "q"), id="the tip of the other chain"),
        pytest.param(("q",), id="on the other chain"),
    ],
)
def test_who_cites_all_that_it_wrote_reaches_back_over_nothing(parents: tuple[str, ...]) -> None:
    story = [*STORY[:4], node("r", A, *parents), *STORY[5:6]]
    assert Graph(story).distance(ident("r")) == NO_DISTANCE


def test_what_others_wrote_beside_is_no_distance_unless_the_author_knew_it() -> None:
    story = [node("g", A), node("e", B, "g"), node("r", A, "g")]
    assert Graph(story).distance(ident("r")) == NO_DISTANCE


def test_both_branches_of_a_fork_count() -> None:
    story = [node("g", A), node("f1", A, "g"), node("f2", A, "g"), node("r", A, "f1")]
    found = Graph(story).distance(ident("r"))
    assert (found.written, found.seen) == (1, 0)


GRANT = rows.Grant(1, b"g" * 32, 1, 1, "join", "write", None, None, 0, None, "live", None, 1, 0)
TASK, OTHER = b"t" * 32, b"o" * 32
DELEGATED: dict[str, Any] = {"kind": "delegate", "role": None, "verb": "write"}


@pytest.mark.parametrize(
    ("fields", "verb", "asked", "missing"),
    [
        pytest.param({}, "write", {}, None, id="a writer writes"),
        pytest.param({}, "grant", {}, "capability_missing", id="a writer grants nothing"),
        pytest.param({"status": "killed"}, "write", {}, "grant_ended", id="an ended grant"),
        pytest.param({"na": 4}, "write", {}, "capability_expired", id="past its end"),
        pytest.param({"na": 5}, "write", {}, None, id="at its end"),
        pytest.param({}, "write", {"closed": True}, "space_closed", id="writing after the close"),
        pytest.param({}, "read", {"closed": True}, None, id="reading after the close"),
        pytest.param(
            {**DELEGATED, "task": TASK},
            "write",
            {"task": TASK},
            None,
            id="the task of a delegation",
        ),
        pytest.param(
            {**DELEGATED, "task": TASK}, "write", {"task": OTHER}, "scope", id="another task"
        ),
        pytest.param({**DELEGATED, "task": TASK}, "write", {}, "scope", id="the whole space"),
        pytest.param({**DELEGATED, "task": TASK}, "read", {}, None, id="who writes one reads all"),
        pytest.param({"role": "owner"}, "own", {}, None, id="an owner owns"),
    ],
)
def test_who_may(
    fields: dict[str, Any], verb: str, asked: dict[str, Any], missing: str | None
) -> None:
    given = {"task": None, "closed": False, "now_ms": 5, **asked}
    assert may([GRANT._replace(**fields)], verb, **given).missing == missing


def test_the_most_senior_grant_that_gives_it_is_named() -> None:
    junior, senior = GRANT._replace(id=b"j" * 32, senior=1), GRANT._replace(na=1)
    found = may([senior, junior], "write", task=None, closed=False, now_ms=5)
    assert found.grant == junior and found.missing is None


def test_who_never_had_a_grant_may_nothing() -> None:
    assert may([], "read", task=None, closed=False, now_ms=0) == (None, "no_grant")
