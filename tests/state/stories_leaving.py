"""Stories of leaving, forks and bodies: rows 28 to 40."""

from __future__ import annotations

from state.log import HERE, Log, Place
from state.stories import Story, after, cast, into, only

STORIES: list[Story] = []
story = into(STORIES)


# -- leaving --------------------------------------------------------------------------------------


@story("28", {"m": "ok", "e": "void: R3 beside l", "l": "ok"}, {"W": None})
def _(log: Log) -> None:
    """W leaves on one device, beside it writes and delegates on another."""
    cast(log, "Y")
    log.leave("l", "W")
    log.message("m", "W")
    log.delegate("e", "W", "Y", after("m"))


@story("28b", {"g": "ok", "m": "ok"}, {"W": "write"}, live="g")
def _(log: Log) -> None:
    """Who left is added again by somebody who knows."""
    cast(log)
    log.leave("l", "W")
    log.grant("g", "B", "W", "write", after("l"))
    log.message("m", "W", after("g", under="g"))


@story("28c", {"m": "held: R3 beside l", "n": "ok"}, {"W": None}, over="w")
def _(log: Log) -> None:
    """W leaves: what its delegate writes beside that is held, as beside any other end."""
    cast(log, "Yw")
    log.message("n", "Y", after(under="w"))
    log.leave("l", "W", after("n"))
    log.message("m", "Y", after("n", under="w"))


@story("29", {"l": "ok", "r": "ok"}, {"W": None}, over="gW r")
def _(log: Log) -> None:
    """W leaves beside a new role: out all the same."""
    cast(log)
    log.leave("l", "W")
    log.role("r", "B", "W", "read")


@story("29b", {"l": "ok", "g": "void: R3 beside r"}, {"W": None}, over="gW")
def _(log: Log) -> None:
    """W leaves under a grant that turns void while another is live."""
    cast(log)
    log.grant("g", "C", "W", "read")
    log.leave("l", "W", after("g", under="g"))
    log.remove("r", "O", "C")


@story("30", {"l": "ok", "gN": "ok", "m": "ok"}, {"B": None, "N": "write"})
def _(log: Log) -> None:
    """A removed admin backdates a leave: what its removal let stand, stands."""
    cast(log)
    log.grant("gN", "B", "N", "write")
    log.remove("r", "O", "B", after("gN"))
    log.leave("l", "B", only("gB"))
    log.message("m", "N", after("gN"))


@story("30b", {"l": "ok", "e": "ok", "m": "ok", "n": "invalid: R3 after r"}, over="e")
def _(log: Log) -> None:
    """The same with the leave of a removed writer and a delegation below it."""
    cast(log, "Y")
    log.delegate("e", "W", "Y")
    log.message("m", "Y", after("e", under="e"))
    log.remove("r", "B", "W", after("m"))
    log.leave("l", "W", only("gW"))
    log.message("n", "Y", after("r", under="e"))


@story("31", {"gZ": "void: R3 beside l"}, {"B": None, "Z": None})
def _(log: Log) -> None:
    """B leaves and backdates a grant."""
    cast(log)
    log.leave("l", "B")
    log.grant("gZ", "B", "Z", "write", only("gC"))


@story("31b", {"gZ": "void: R3 beside l"}, {"B": None, "Z": None})
def _(log: Log) -> None:
    """The grant stays void when B is removed by somebody who had seen all."""
    cast(log)
    log.leave("l", "B")
    log.grant("gZ", "B", "Z", "write", only("gC"))
    log.remove("r", "O", "B", after("l", "gZ"))


@story("32", {"l": "ok"}, {"W": None}, over="gW g")
def _(log: Log) -> None:
    """A leave under the junior of two grants ends both."""
    cast(log, settle=False)
    log.grant("g", "B", "W", "write", only("gW"))
    log.settle()
    log.leave("l", "W", after(under="g"))


@story(
    "32b",
    {
        "m": "ok",
        "e": "ok",
        "f": "void: R3 beside l",
        "h": "invalid: R3 after l",
        "n": "invalid: R3 after l",
    },
    {"W": None},
)
def _(log: Log) -> None:
    """It touches nothing beside it under the senior one, but all that saw it."""
    cast(log, "Y", settle=False)
    log.grant("g", "B", "W", "write", only("gY"))
    log.settle()
    log.leave("l", "W", after(under="g"))
    log.delegate("e", "W", "Y", after(under="gW"))
    log.message("m", "Y", after("e", under="e"))
    log.delegate("f", "W", "Y", after(under="g"))
    log.delegate("h", "W", "Y", after("l", under="gW"))
    log.message("n", "W", after("h", under="gW"))


@story("32c", {"l": "ok", "m": "ok", "e": "void: R3 beside l"}, {"W": None}, over="gW w v")
def _(log: Log) -> None:
    """W holds a delegation from its own delegate, too, and leaves."""
    cast(log, "Yw", settle=False)
    log.delegate("v", "Y", "W", only("w", under="w"))
    log.settle()
    log.leave("l", "W")
    log.message("m", "W", after(under="v"))
    log.delegate("e", "W", "Y", after("m"))


@story("32d", {"l": "ok", "m": "ok", "n": "ok", "e": "ok", "s": "void: R3 beside l"}, over="w v")
def _(log: Log) -> None:
    """It leaves under that delegation: what is beside it under the senior ones stands."""
    cast(log, "Yw", settle=False)
    log.delegate("v", "Y", "W", only("w", under="w"))
    log.settle()
    log.leave("l", "W", after(under="v"))
    log.message("n", "Y", after(under="w"))
    log.delegate("e", "W", "Y", after(under="gW"))
    log.message("m", "W", after(under="v"))
    log.revoke("s", "W", "gB", after(under="v"))


@story(
    "33",
    {"l": "invalid: S3 founder", "x": "ok", "y": "ok"},
    {"O": "owner", "P": None, "Q": None},
)
def _(log: Log) -> None:
    """The founder cannot leave; co-owners can, at once."""
    cast(log, "PQ")
    log.leave("l", "O")
    log.leave("x", "P")
    log.leave("y", "Q")


@story("33b", {"x": "ok", "y": "ok", "e": "void: R3 beside x"}, {"W": None})
def _(log: Log) -> None:
    """Two leaves of one member on two devices do not weaken each other."""
    cast(log, "Y")
    log.leave("x", "W", Place(id=1))
    log.leave("y", "W", Place(id=2))
    log.delegate("e", "W", "Y")


@story("33c", {"x": "ok", "y": "ok", "m": "ok"}, {"W": None, "Y": None})
def _(log: Log) -> None:
    """A leave beside the end of the grant it cites is weak, whoever ended that."""
    cast(log, "VYw", settle=False)
    log.delegate("v", "Y", "V", only("w", under="w"))
    log.settle()
    log.message("m", "V", after(under="v"))
    log.leave("x", "W", after("m"))
    log.leave("y", "Y", after(under="w"))


@story("33d", {"x": "ok", "y": "ok", "e": "void: R3 beside y"}, {"W": None})
def _(log: Log) -> None:
    """Unless that was an own leave."""
    cast(log, "Yw", settle=False)
    log.delegate("v", "Y", "W", only("w", under="w"), depth=0)
    log.settle()
    log.revoke("e", "W", "gY", after(under="v"))
    log.leave("x", "W", after("e", under="gW"))
    log.leave("y", "W", after(under="v"))


@story("33e", {"r": "ok", "l": "ok", "e": "ok"}, {"W": None}, over="v gW w")
def _(log: Log) -> None:
    """W leaves under a delegation that it ended itself beside that: a weak leave."""
    cast(log, "Yw", settle=False)
    log.delegate("v", "Y", "W", only("w", under="w"), depth=0)
    log.settle()
    log.revoke("e", "W", "gY", after(under="v"))
    log.revoke("r", "W", "v", after("e", under="gW"))
    log.leave("l", "W", after(under="v"))


@story("34", {"m": "held: R3 beside r", "s": "ok", "n": "ok"}, without_effect="s", live="d")
def _(log: Log) -> None:
    """W revokes what Y handed on; a writer revokes what is none of its business."""
    cast(log, "UVYdw", settle=False)
    log.delegate("e", "Y", "V", Place(only=("w",), under="w"))
    log.settle()
    log.revoke("r", "W", "e")
    log.message("m", "V", after(under="e"))
    log.revoke("s", "U", "d")
    log.message("n", "X", after("s"))


@story("34c", {"m": "held: R3 beside r"}, over="v")
def _(log: Log) -> None:
    """W revokes what Y had handed to W: beside it W's own work is held, it is no leave."""
    cast(log, "Yw", settle=False)
    log.delegate("v", "Y", "W", only("w", under="w"))
    log.settle()
    log.revoke("r", "W", "v", after(under="gW"))
    log.message("m", "W", after(under="v"))


@story("34b", {"r": "ok", "s": "ok", "t": "ok"}, without_effect="r s t", live="gY w gB")
def _(log: Log) -> None:
    """Nobody of class 2 ends a role, a senior's delegation or its own grant by `revoke`."""
    cast(log, "UYw")
    log.revoke("r", "U", "gY")
    log.revoke("s", "Y", "w", after(under="w"))
    log.revoke("t", "C", "gB")


@story("35", {"a": "void: R3 beside x", "m": "held: R3 beside r"})
def _(log: Log) -> None:
    """The admit of an admin who was removed beside it admits nothing."""
    cast(log)
    log.remove("r", "B", "W")
    log.message("m", "W")
    log.admit("a", "C", ["m"], after("r", "m"))
    log.remove("x", "O", "C")


@story("35b", {"a": "ok", "gZ": "void: R3 beside r"}, {"Z": None})
def _(log: Log) -> None:
    """To admit a void grant has no effect."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    log.admit("a", "B", ["gZ"], after("r", "gZ"))


# -- forks and bodies -----------------------------------------------------------------------------


@story("36", {"x": "ok", "y": "ok"}, {"W": None, "C": None})
def _(log: Log) -> None:
    """Two removals with one place in B's chain both stand."""
    cast(log)
    log.remove("x", "B", "W")
    log.remove("y", "B", "C", Place(fork="x"))


@story("37", {"m": "ok", "n": "held: R3 beside r"})
def _(log: Log) -> None:
    """W forks its chain; the removal saw one branch."""
    cast(log)
    log.message("m", "W")
    log.message("n", "W", Place(fork="m"))
    log.remove("r", "B", "W", after("m"))


@story("37b", {f"m{number}": "held: R3 beside r" for number in range(24)})
def _(log: Log) -> None:
    """Many chains are no shelter."""
    cast(log)
    for number in range(24):
        log.message(f"m{number}", "W")
    log.remove("r", "B", "W")


@story("38", {"m": "held: R3 beside r", "n": "invalid: R3 after r", "o": "ok"})
def _(log: Log) -> None:
    """V hands on what W had not sent; its own answer to that is not infected."""
    cast(log, "U")
    log.remove("r", "B", "W")
    log.message("m", "W")
    log.message("o", "U", after("r", "m"))
    log.message("n", "W", after("o"))


@story(
    "40",
    {
        "g": "invalid: S3 body",
        "m": "invalid: S3 body",
        "n": "ok",
        "o": "invalid: S2 no grant",
    },
    {"Z": None},
)
def _(log: Log) -> None:
    """What does not decode is without effect, who cites it unharmed; it is nobody's grant."""
    cast(log)
    log.tell("g", "B", "grant", None, HERE)
    log.tell("m", "W", "message", None, HERE)
    log.message("n", "W", after("m", "g"))
    log.message("o", "Z", after("g", under="g"))


@story(
    "40b",
    {"g": "invalid: S3 cap", "m": "invalid: S2 no grant", "n": "ok", "o": "invalid: S3 cap"},
    {"Z": None},
)
def _(log: Log) -> None:
    """A grant beyond its signer's caps is nobody's; an unknown kind is content that writes."""
    cast(log, "V")
    log.grant("g", "W", "Z", "write")
    log.message("m", "Z", after("g"))
    log.tell("n", "W", "vote", None, HERE)
    log.tell("o", "V", "vote", None, HERE)


@story(
    "40c",
    {
        "m": "invalid: S2 not the subject",
        "n": "invalid: S2 no grant",
        "o": "invalid: S2 no grant",
    },
)
def _(log: Log) -> None:
    """Who cites another's grant, one it has not seen, or an invite to write under it."""
    cast(log, settle=False)
    log.grant("gN", "O", "N", "write", only("gC"))
    log.invite("i", "B", only("gW"))
    log.settle()
    log.message("m", "Z", after(under="gW"))
    log.message("n", "N", only("gB", under="gN"))
    log.message("o", "Z", after(under="i"))
