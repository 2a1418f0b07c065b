"""Stories: what happens when two acts cross, told once, as tests and as vectors.

Cast: O founder; B, then C admins by O's grant (B senior); W writer; others as a story needs them. d
is B's delegation to the outsider X, w that of W to the member Y. A number is the row of the table
in docs/spec/authority.md; one with a letter is a further case of that row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol, TypedDict, Unpack

from envoy.state.authority import Verdict
from state.log import Log, Place

# Who is in beside O, B, C and W, by O's grant; d and w are the delegations.
_ROLES: Final = {
    "D": "admin",
    "P": "owner",
    "Q": "owner",
    "U": "write",
    "V": "read",
    "Y": "read",
}


class Story(NamedTuple):
    """A story and how it ends, on every replica.

    ``verdicts`` by event as ``text`` writes them, ``roles`` by member; ``live`` grants and those
    that are ``over``; acts ``without_effect``; ``readers``, one letter each; the ``epoch`` to write
    under ("" for none); the ``pin`` that counts.
    """

    number: str
    title: str
    tell: Callable[[Log], None]
    verdicts: Mapping[str, str]
    roles: Mapping[str, str | None]
    live: str = ""
    over: str = ""
    without_effect: str = ""
    readers: str | None = None
    epoch: str | None = None
    pin: str | None = None


Tell = Callable[[Log], None]


class Ends(TypedDict, total=False):
    """How a story ends beside verdicts and roles, as in Story."""

    live: str
    over: str
    without_effect: str
    readers: str
    epoch: str
    pin: str


class Teller(Protocol):
    """What adds stories to a table."""

    def __call__(
        self,
        number: str,
        verdicts: Mapping[str, str] | None = None,
        roles: Mapping[str, str | None] | None = None,
        **ends: Unpack[Ends],
    ) -> Callable[[Tell], None]:
        """Add a story; its title is the docstring of the function that tells it."""


def into(table: list[Story]) -> Teller:
    """Return what adds stories to ``table``."""

    def story(
        number: str,
        verdicts: Mapping[str, str] | None = None,
        roles: Mapping[str, str | None] | None = None,
        **ends: Unpack[Ends],
    ) -> Callable[[Tell], None]:
        def add(tell: Tell) -> None:
            title = (tell.__doc__ or "").strip().rstrip(".")
            table.append(Story(number, title, tell, verdicts or {}, roles or {}, **ends))

        return add

    return story


def text(log: Log, verdict: Verdict) -> str:
    """Return a verdict as the stories write it: "held: R3 beside r"; "ok beside_close"."""
    flag = " beside_close" if verdict.beside_close else ""
    if verdict.cause is None:
        return f"{verdict.status}{flag}"
    by = "" if verdict.by is None else " " + log.names[verdict.by]
    return f"{verdict.status}: {verdict.cause}{by}{flag}"


def cast(log: Log, others: str = "", *, settle: bool = True) -> None:
    """Tell who is there: gB, gC, gW and, for letters in ``others``, their grants, d and w."""
    for member, role in (("B", "admin"), ("C", "admin"), ("W", "write")):
        log.grant(f"g{member}", "O", member, role, _now(log))
    for member, role in _ROLES.items():
        if member in others:
            log.grant(f"g{member}", "O", member, role, _now(log))
    if "d" in others:
        log.delegate("d", "B", "X", _now(log), depth=1)
    if "w" in others:
        log.delegate("w", "W", "Y", _now(log), depth=1)
    if settle:
        log.settle()


def _now(log: Log) -> Place:
    """Return a place after all that was told: the fixture is one line."""
    return Place(only=tuple(log.heads(log.nodes)))


def after(*names: str, under: str | None = None, ts: int | None = None) -> Place:
    """Return a place behind the fixture and ``names``."""
    return Place(after=names, under=under, ts=ts)


def only(*names: str, under: str | None = None) -> Place:
    """Return a place that has seen ``names`` and nothing beside their ancestry."""
    return Place(only=names, under=under)


def by_invite(log: Log, by: str, *, uses: int = 1) -> None:
    """Tell the cast with an open invite i."""
    cast(log, settle=False)
    log.invite("i", by, only("gW"), uses=uses)
    log.settle()
