"""Stories of epochs, the end of a space, hubs and clocks: rows 48 to 64."""

from __future__ import annotations

from envoy.core.codec import encode
from envoy.core.kinds import read_body
from state.log import DAY_MS, Log, Place
from state.stories import Story, after, by_invite, cast, into, only

STORIES: list[Story] = []
story = into(STORIES)


# -- epochs ---------------------------------------------------------------------------------------


@story("48", {"r": "ok"}, epoch="")
def _(log: Log) -> None:
    """A removal that no epoch covers: nothing is written before one does."""
    cast(log)
    log.remove("r", "B", "W")


@story("48b", {"E1": "ok"}, epoch="E1")
def _(log: Log) -> None:
    """The epoch that saw the removal covers it."""
    cast(log)
    log.remove("r", "B", "W")
    log.epoch("E1", "B", "OBC", after("r"))


@story("48c", epoch="")
def _(log: Log) -> None:
    """Added, removed and added again within one epoch: it was still not covered."""
    cast(log, settle=False)
    log.epoch("E1", "B", "OBCW", only("gW"))
    log.settle()
    log.remove("r", "B", "W")
    log.grant("g", "B", "W", "write", after("r"))


@story("50", epoch="E2")
def _(log: Log) -> None:
    """Of two adequate epochs the greatest (lam, epoch id)."""
    cast(log)
    log.remove("r", "B", "W")
    for name, by in (("E1", "B"), ("E2", "C")):
        log.epoch(name, by, "OBC", after("r"))
    log.epoch("E3", "U", "OBC", after("r"))


@story("51", epoch="")
def _(log: Log) -> None:
    """The remover was killed before the rotation: the next writer makes it."""
    cast(log, "U", settle=False)
    log.epoch("E1", "B", "OBCWU", only("gU"))
    log.settle()
    log.remove("r", "B", "W", after("E1"))


@story("51b", {"E2": "ok"}, epoch="E2")
def _(log: Log) -> None:
    """A writer's rotation is adequate because it had a cause."""
    cast(log, "U")
    log.remove("r", "B", "W")
    log.epoch("E2", "U", "OBCU", after("r"))


@story("52", {"E1": "ok", "E2": "ok", "E3": "ok", "E4": "ok"}, epoch="E4")
def _(log: Log) -> None:
    """An epoch that omits a reader or an open invite, or adds an outsider, is not adequate."""
    by_invite(log, "B", uses=2)
    log.remove("r", "B", "W")
    log.epoch("E1", "B", "OB", after("r"), invites=["i"])
    log.epoch("E2", "B", "OBC", after("E1"))
    log.epoch("E3", "B", "OBCZ", after("E2"), invites=["i"])
    log.epoch("E4", "B", "OBC", only("r"), invites=["i"])


@story("52b", epoch="E1")
def _(log: Log) -> None:
    """A used-up invite is no recipient."""
    by_invite(log, "B", uses=1)
    log.join("j", "Z", "i")
    log.epoch("E1", "C", "OBCWZ", after("j"))
    log.epoch("E2", "C", "OBCWZ", after("E1"), invites=["i"])


@story("52c", {"E1": "invalid: S3 epoch"}, epoch="E0")
def _(log: Log) -> None:
    """An epoch that its own fields do not give is none."""
    cast(log)
    log.epoch("E1", "B", "OBCW", creates=False)


@story("53", {"E1": "ok"}, epoch="E0")
def _(log: Log) -> None:
    """A writer rotates without cause."""
    cast(log)
    log.epoch("E1", "W", "OBCW")


@story("53b", epoch="E1")
def _(log: Log) -> None:
    """An admin needs none."""
    cast(log)
    log.epoch("E1", "C", "OBCW")


@story("53c", epoch="E1")
def _(log: Log) -> None:
    """A writer rotates for its first new keys, and again within a day."""
    cast(log)
    log.keys("k", "W", after(ts=1000))
    log.epoch("E1", "W", "OBCW", after("k"))
    log.keys("n", "W", after("E1", ts=999 + DAY_MS))
    log.epoch("E2", "W", "OBCW", after("n"))


@story("53d", epoch="E2")
def _(log: Log) -> None:
    """A day later it may."""
    cast(log)
    log.keys("k", "W", after(ts=1000))
    log.epoch("E1", "W", "OBCW", after("k"))
    log.keys("n", "W", after("E1", ts=1000 + DAY_MS))
    log.epoch("E2", "W", "OBCW", after("n"))
    log.epoch("E3", "W", "OBCW", after("E2"))


@story("53e", {"k": "invalid: R7 closed c"}, epoch="E0")
def _(log: Log) -> None:
    """New keys that do not count are no cause."""
    cast(log)
    log.close("c", "O")
    log.keys("k", "W", after("c"))
    log.epoch("E1", "W", "OBCW", after("k"))


@story("53f", epoch="E2")
def _(log: Log) -> None:
    """The creator of the epoch may write no more: a writer makes the next one."""
    cast(log, "U", settle=False)
    log.remove("x", "O", "U", only("gU"))
    log.epoch("E1", "C", "OBCW", only("x"))
    log.settle()
    log.role("r", "O", "C", "read")
    log.epoch("E2", "W", "OBCW", after("r"))


@story("54", {"Ea": "ok", "Eb": "ok"}, epoch="")
def _(log: Log) -> None:
    """Two removals with an epoch each, beside: neither covers both."""
    cast(log, "UV")
    log.remove("x", "B", "U")
    log.epoch("Ea", "B", "OBCWV", after("x"))
    log.remove("y", "C", "V")
    log.epoch("Eb", "C", "OBCWU", after("y"))


@story("54b", epoch="Em")
def _(log: Log) -> None:
    """The next writer's epoch covers both."""
    cast(log, "UV")
    log.remove("x", "B", "U")
    log.epoch("Ea", "B", "OBCWV", after("x"))
    log.remove("y", "C", "V")
    log.epoch("Eb", "C", "OBCWU", after("y"))
    log.epoch("Em", "W", "OBCW", after("Ea", "Eb"))


@story("55", {"E1": "void: R3 beside s", "m": "ok"}, epoch="")
def _(log: Log) -> None:
    """U makes an epoch beside its own removal; who wrote under it meanwhile is unharmed."""
    cast(log, "U")
    log.remove("r", "B", "W")
    log.epoch("E1", "U", "OBCU", after("r"))
    log.remove("s", "B", "U", after("r"))
    log.message("m", "C", after("E1"))


@story("55b", {"E1": "void: R3 beside r"}, {"C": "write"}, epoch="E0")
def _(log: Log) -> None:
    """C makes one beside its demotion: void, though C may still write."""
    cast(log)
    log.role("r", "O", "C", "write")
    log.epoch("E1", "C", "OBCW")


# -- the end of a space, hubs, clocks -------------------------------------------------------------


@story(
    "56",
    {
        "m": "ok beside_close",
        "n": "invalid: R7 closed c",
        "o": "ok",
        "p": "ok",
        "r": "ok",
        "k": "invalid: S3 cap",
    },
    {"W": None},
)
def _(log: Log) -> None:
    """O closes: beside it content counts, after it none but merges; authority goes on."""
    cast(log, "U")
    log.message("o", "U")
    log.close("c", "O", after("o"))
    log.message("m", "W")
    log.message("n", "W", after("c"))
    log.tell("p", "U", "merge", read_body("merge", encode((None,))), after("c"))
    log.remove("r", "B", "W", after("c", "m", "n"))
    log.close("k", "B")


@story("56b", {"m": "held: R3 beside r beside_close", "n": "ok*: R5 admitted a beside_close"})
def _(log: Log) -> None:
    """Beside a removal and a close: held, and admitted after the end."""
    cast(log)
    log.message("n", "W")
    log.message("m", "W", after("n"))
    log.close("c", "O")
    log.remove("r", "B", "W", after("c"))
    log.admit("a", "B", ["n"], after("r", "n"))


@story("57", {"jY": "void: R3 beside v", "v": "ok"}, {"Y": None})
def _(log: Log) -> None:
    """Y joins beside the close: its batch revokes the invite."""
    by_invite(log, "B")
    log.join("jY", "Y", "i")
    log.close("c", "O")
    log.revoke("v", "O", "i", after("c"))


@story("58", {"pB": "ok", "pC": "ok", "q": "invalid: S3 number"}, pin="pB")
def _(log: Log) -> None:
    """Two pins of one number: the senior's; a skipped number is none."""
    cast(log)
    log.pin("pB", "B", 1)
    log.pin("pC", "C", 1)
    log.pin("q", "C", 3, after("pC"))


@story("58b", {"pC": "ok", "r": "ok", "s": "invalid: S3 number", "t": "ok"}, pin="pC")
def _(log: Log) -> None:
    """The greatest number counts; the rules are numbered likewise, from those of the genesis."""
    cast(log)
    log.pin("pB", "B", 1)
    log.pin("pC", "C", 2, after("pB"))
    log.raise_rules("r", "O", 2)
    log.raise_rules("s", "O", 4, after("r"))
    log.raise_rules("t", "O", 3, after("s"))


@story("59", {"m": "ok", "n": "ok"})
def _(log: Log) -> None:
    """No validity rule reads a clock: a far future, an expired space."""
    cast(log)
    log.message("m", "W", after(ts=70 * 365 * DAY_MS))
    log.message("n", "C")


# -- what the rules were mended for ---------------------------------------------------------------


@story("60", {"s": "ok"}, epoch="E0", without_effect="s")
def _(log: Log) -> None:
    """A reader revokes what stands above it: without effect, so no cause to rotate."""
    cast(log, "V")
    log.revoke("s", "V", "gB")


@story("61", {"r": "ok"}, {"B": "write"}, readers="OBCW", over="i d", epoch="")
def _(log: Log) -> None:
    """A demotion ends the open invites and delegates of an admin: reading ended, so rotate."""
    cast(log, "d", settle=False)
    log.invite("i", "B", only("d"), uses=5)
    log.epoch("E1", "B", "OBCWX", only("i"), invites=["i"])
    log.settle()
    log.role("r", "O", "B", "write")


@story("61b", {"r": "ok"}, {"B": "write"}, epoch="E1")
def _(log: Log) -> None:
    """A demotion of an admin without such is no end of reading."""
    cast(log, settle=False)
    log.epoch("E1", "C", "OBCW", only("gW"))
    log.settle()
    log.role("r", "O", "B", "write")


@story("62", {"m": "ok"}, {"Y": None}, readers="OBCWY")
def _(log: Log) -> None:
    """An admin's delegation keeps its subject a reader when its role ends: who writes reads."""
    cast(log, "Y", settle=False)
    log.delegate("e", "B", "Y", only("gY"))
    log.settle()
    log.revoke("r", "B", "gY")
    log.message("m", "Y", after("r", under="e"))


@story("63", {"l": "ok"}, {"W": None}, epoch="")
def _(log: Log) -> None:
    """Who leaves goes on reading until somebody rotates."""
    cast(log)
    log.leave("l", "W")


@story("63b", {"l": "ok", "l2": "ok"}, {"W": None}, epoch="E1")
def _(log: Log) -> None:
    """A removal that an epoch covers stops a flood of leaves."""
    cast(log)
    log.leave("l", "W")
    log.remove("r", "B", "W", after("l"))
    log.epoch("E1", "B", "OBC", after("r"))
    log.leave("l2", "W", only("gW"))


@story("64", {"e": "ok", "f": "invalid: S4 outsider"})
def _(log: Log) -> None:
    """Two delegations saw the same AUTH events, only one the message that settled a join."""
    cast(log, "U", settle=False)
    log.invite("i", "O", only("gU"))
    log.message("m", "U", only("i"))
    log.join("jX", "X", "i", Place(only=("m",), id=2))
    log.join("jY", "Y", "i", Place(only=("i",), id=1))
    log.message("b", "B", only("jX"))
    log.settle()
    log.delegate("e", "W", "X")
    log.delegate("f", "W", "X", only("jX", "jY"))
