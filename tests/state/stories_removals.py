"""Stories of removals and roles: rows 1 to 15."""

from __future__ import annotations

from state.log import Log
from state.stories import Story, after, cast, into, only

STORIES: list[Story] = []
story = into(STORIES)


# -- removals -------------------------------------------------------------------------------------


@story("1", {"m": "held: R3 beside r", "r": "ok"}, {"W": None})
def _(log: Log) -> None:
    """W writes beside B's removal of W."""
    cast(log)
    log.remove("r", "B", "W")
    log.message("m", "W")


@story("2", {"m": "ok"}, {"W": None})
def _(log: Log) -> None:
    """What the removal saw stays."""
    cast(log)
    log.message("m", "W")
    log.remove("r", "B", "W", after("m"))


@story("3", {"m": "invalid: R3 after r"}, {"W": None})
def _(log: Log) -> None:
    """W writes after seeing its removal."""
    cast(log)
    log.remove("r", "B", "W")
    log.message("m", "W", after("r"))


@story("4", {"x": "ok", "y": "void: R3 beside x"}, {"B": "admin", "C": None})
def _(log: Log) -> None:
    """Two admins remove each other: the senior stays."""
    cast(log)
    log.remove("x", "B", "C")
    log.remove("y", "C", "B")


@story("5", {"r": "ok"}, {"B": "admin"}, without_effect="r", live="gB")
def _(log: Log) -> None:
    """A junior admin removes a senior one, nothing crosses it."""
    cast(log)
    log.remove("r", "C", "B")


@story(
    "6",
    {
        "gZ": "void: R3 beside r",
        "m": "held: R1 lost grant gZ",
        "n": "held: R1 lost grant gZ",
    },
    {"C": None, "Z": None},
)
def _(log: Log) -> None:
    """A removed admin backdates a grant; its subject writes, even citing the removal."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    log.message("m", "Z", after("gZ"))
    log.message("n", "Z", after("m", "r"))


@story(
    "7",
    {"x": "void: R3 beside r", "y": "void: R3 beside r"},
    {"W": "write", "B": "admin"},
    without_effect="x y",
)
def _(log: Log) -> None:
    """A removed admin backdates removals."""
    cast(log)
    log.remove("r", "O", "C")
    log.remove("x", "C", "W")
    log.remove("y", "C", "B", after("x"))


@story("8", {"g": "ok", "m": "held: R3 beside r"}, {"W": None}, over="g")
def _(log: Log) -> None:
    """C removes and adds W again beside B's removal: remove wins."""
    cast(log)
    log.remove("r", "B", "W")
    log.remove("x", "C", "W")
    log.grant("g", "C", "W", "write", after("x"))
    log.message("m", "W", after("g", under="g"))


@story("8b", {"m": "ok"}, {"W": "write"}, live="g")
def _(log: Log) -> None:
    """C adds W again after seeing B's removal."""
    cast(log)
    log.remove("r", "B", "W")
    log.grant("g", "C", "W", "write", after("r"))
    log.message("m", "W", after("g", under="g"))


@story(
    "9",
    {"x": "ok", "y": "void: R3 beside x", "z": "ok"},
    {"B": "admin", "C": None, "D": "admin"},
    without_effect="y z",
)
def _(log: Log) -> None:
    """Three admins remove each other in a ring."""
    cast(log, "D")
    log.remove("x", "B", "C")
    log.remove("y", "C", "D")
    log.remove("z", "D", "B")


# -- roles ----------------------------------------------------------------------------------------


@story("10", {"x": "ok", "y": "ok", "gZ": "void: R3 beside y"}, {"W": "read", "Z": None})
def _(log: Log) -> None:
    """Promoted by a senior beside a demotion by a junior: the lesser role, no grants."""
    cast(log)
    log.role("x", "B", "W", "admin")
    log.role("y", "C", "W", "read")
    log.grant("gZ", "W", "Z", "write", after("x", under="x"))


@story("10b", {"y": "ok", "x": "ok", "m": "ok"}, {"W": "admin"}, over="gW", live="x")
def _(log: Log) -> None:
    """Promoted after the demotion was seen: the promotion stands."""
    cast(log)
    log.role("y", "C", "W", "read")
    log.role("x", "B", "W", "admin", after("y"))
    log.message("m", "W", after("x", under="x"))


@story("11", {"m": "ok", "gZ": "void: R3 beside r"}, {"C": "write", "Z": None})
def _(log: Log) -> None:
    """A demoted admin keeps the message it wrote beside that, not the grant."""
    cast(log)
    log.role("r", "O", "C", "write")
    log.message("m", "C")
    log.grant("gZ", "C", "Z", "read", after("m"))


@story("11b", {"m": "held: R3 beside r"}, {"W": "read"})
def _(log: Log) -> None:
    """A demotion to reader holds what was written beside it."""
    cast(log)
    log.role("r", "B", "W", "read")
    log.message("m", "W")


@story("12", {"m": "held: R3 beside x"}, {"B": None})
def _(log: Log) -> None:
    """Demoted, then removed by a junior: what is backdated under the old grant is held."""
    cast(log)
    log.role("r", "O", "B", "write")
    log.remove("x", "C", "B", after("r"))
    log.message("m", "B")


@story("12b", {"m": "held: R3 beside x"}, {"B": None})
def _(log: Log) -> None:
    """A message that saw a removal without effect is no worse off by a demotion beside it."""
    cast(log)
    log.remove("x", "C", "B")
    log.message("m", "B", after("x"))
    log.role("r", "O", "B", "write")


@story("12c", {"m": "ok"}, {"B": None})
def _(log: Log) -> None:
    """The removal saw the message, the demotion did not."""
    cast(log)
    log.role("r", "O", "B", "write")
    log.message("m", "B")
    log.remove("x", "C", "B", after("r", "m"))


@story("12d", {"m": "held: R3 beside s"}, {"B": "read"})
def _(log: Log) -> None:
    """Demoted twice beside a message: the second demotion leaves too little for it."""
    cast(log)
    log.role("r", "O", "B", "write")
    log.role("s", "O", "B", "read", after("r"))
    log.message("m", "B")


@story("12e", {"m": "ok"}, {"B": None})
def _(log: Log) -> None:
    """Demoted, and left on another device: a message beside both stands."""
    cast(log)
    log.role("r", "O", "B", "write")
    log.leave("l", "B", after("r", under="r"))
    log.message("m", "B", only("gC"))


@story("13", {"m": "ok", "n": "ok"}, {"W": "admin"}, live="gW r w")
def _(log: Log) -> None:
    """A promotion ends nothing."""
    cast(log, "Yw")
    log.role("r", "B", "W", "admin")
    log.message("m", "Y", after(under="w"))
    log.message("n", "W", after("r", under="gW"))


@story("13b", {"m": "ok"}, {"W": "read"}, over="gW", live="v")
def _(log: Log) -> None:
    """A demotion aims at roles: an admin's delegation to the same member is not its matter."""
    cast(log, settle=False)
    log.delegate("v", "B", "W", only("gW"))
    log.settle()
    log.role("r", "B", "W", "read")
    log.message("m", "W", after("r", under="v"))


@story("14", {"x": "ok"}, {"W": None, "B": "owner"}, live="i gB r")
def _(log: Log) -> None:
    """B becomes owner beside its removal of W; its invites live on."""
    cast(log, settle=False)
    log.invite("i", "B", only("gW"))
    log.settle()
    log.role("r", "O", "B", "owner")
    log.remove("x", "B", "W")


@story("15", {"s": "ok"}, {"Z": "write", "C": None}, live="j s")
def _(log: Log) -> None:
    """The same role given again ends nothing, nor does the giver's removal end it."""
    cast(log, settle=False)
    log.invite("i", "B", only("gW"))
    log.join("j", "Z", "i", only("i"))
    log.settle()
    log.role("s", "C", "Z", "write")
    log.remove("r", "O", "C", after("s"))
