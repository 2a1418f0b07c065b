"""Stories that a second writer of the rules and the search for small histories found.

Each is the smallest history on which two readings of the page, or the page and the code, differed.
"""

from __future__ import annotations

from typing import Final

from envoy.core import bodies
from state.log import Log, Place, did
from state.stories import Story, after, cast, into, only

STORIES: Final[list[Story]] = []
story = into(STORIES)


@story("6b", {"gZ": "void: R1 lost grant gN", "m": "invalid: R3 after s"}, {"Z": None})
def _(log: Log) -> None:
    """Z writes after seeing its removal: invalid, though its grant was lost by other means."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gN", "C", "N", "admin")
    log.grant("gZ", "N", "Z", "write", after("gN"))
    log.remove("s", "B", "Z", after("gZ"))
    log.message("m", "Z", after("s"))


@story("6c", {"gV": "invalid: R3 after s", "m": "held: R1 lost grant gV"}, {"V": None})
def _(log: Log) -> None:
    """N grants after seeing its removal; an admit that names what lost its grant reaches nobody."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gN", "C", "N", "admin")
    log.remove("s", "B", "N", after("gN"))
    log.grant("gV", "N", "V", "write", after("s"))
    log.message("m", "V", after("gV"))
    log.admit("a", "B", ["r", "s"], after("r", "m"))


@story("27j", {"m": "held: R1 lost grant gZ", "n": "ok*: R5 admitted b"})
def _(log: Log) -> None:
    """Held by the loss of a grant and by a removal of its subject: an admit names both."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    log.remove("s", "B", "Z", after("gZ"))
    log.message("n", "Z", after("gZ"))
    log.message("m", "Z", after("n"))
    log.admit("a", "B", ["r"], after("r", "s", "m"))
    log.admit("b", "B", ["r", "s"], after("r", "s", "n"))


@story("27k", {"m": "held: R1 lost grant gN", "n": "ok*: R5 admitted b"})
def _(log: Log) -> None:
    """A grant that is beside one removal and undone by another: an admit names both."""
    cast(log)
    log.grant("gN", "C", "N", "write")
    log.remove("r", "O", "C")
    log.remove("s", "B", "C", after("gN"), undo=["gN"])
    log.message("n", "N", after("gN"))
    log.message("m", "N", after("n"))
    log.admit("a", "B", ["r"], after("r", "s", "m"))
    log.admit("b", "B", ["r", "s"], after("r", "s", "n"))


@story(
    "27l",
    {"gY": "void: R1 lost grant gN", "m": "held: R1 lost grant gY", "n": "ok*: R5 admitted c"},
)
def _(log: Log) -> None:
    """Two removals lose two grants in a line: naming one of them releases nothing."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gN", "C", "N", "admin")
    log.remove("s", "B", "N", after("gN"))
    log.grant("gY", "N", "Y", "write", after("gN"))
    log.message("n", "Y", after("gY"))
    log.message("m", "Y", after("n"))
    log.admit("a", "B", ["r"], after("r", "s", "m"))
    log.admit("b", "B", ["s"], after("r", "s", "m"))
    log.admit("c", "B", ["r", "s"], after("r", "s", "n"))


@story("27m", {"gZ": "void: R3 beside r", "m": "held: R1 lost grant gZ"})
def _(log: Log) -> None:
    """A second removal comes late: it takes back what the first one's name had released."""
    cast(log)
    log.remove("r", "O", "C", Place(id=1))
    log.remove("s", "B", "C", Place(id=2))
    log.grant("gZ", "C", "Z", "write")
    log.message("m", "Z", after("gZ"))
    log.admit("a", "B", ["r"], after("r", "m"))


# -- what planted faults were noticed by -----------------------------------------------------------


@story("17d", {"e": "invalid: S4 outsider"})
def _(log: Log) -> None:
    """Who left is an outsider for who saw it go."""
    cast(log, "Y")
    log.leave("l", "Y")
    log.delegate("e", "W", "Y", after("l"))


@story("29c", {"e": "ok", "g": "void: R3 beside r"}, {"N": None}, over="s")
def _(log: Log) -> None:
    """A leave under a senior grant that is lost leaves alone what is beside it under a junior."""
    cast(log, "Y", settle=False)
    log.grant("g", "C", "N", "write", only("gY"))
    log.grant("s", "B", "N", "write", only("g"))
    log.settle()
    log.remove("r", "O", "C", only("gY"))
    log.leave("l", "N", after(under="g"))
    log.delegate("e", "N", "Y", after(under="s"))


@story("32e", {"e": "ok"}, {"N": None}, over="j s")
def _(log: Log) -> None:
    """A join is on the level of its invite, so senior to a later grant of the same admin."""
    cast(log, "Y", settle=False)
    log.invite("i", "B", only("gY"))
    log.join("j", "N", "i", only("i"))
    log.grant("s", "B", "N", "write", only("j"))
    log.settle()
    log.leave("l", "N", after(under="s"))
    log.delegate("e", "N", "Y", after(under="j"))


@story("56d", {"m": "ok beside_close"})
def _(log: Log) -> None:
    """Seen by one close and beside another: shown as beside the end."""
    cast(log)
    log.message("m", "W")
    log.close("c", "O", after("m"))
    log.close("c2", "O")


@story("58c", {"p": "ok", "q": "ok"}, pin="p")
def _(log: Log) -> None:
    """The senior's pin counts, though the junior's stands before it in the order."""
    cast(log)
    log.pin("p", "B", 1, Place(id=2))
    log.pin("q", "C", 1, Place(id=1))


@story("56c", {"m": "invalid: R7 closed c"})
def _(log: Log) -> None:
    """After one close and beside another: invalid, and not shown as beside the end."""
    cast(log)
    log.close("c", "O")
    log.close("c2", "O", only("gW"))
    log.message("m", "W", after("c"))


@story("61c", {"gX": "void: R3 beside r"}, {"C": "write", "X": None}, readers="OBCW", epoch="")
def _(log: Log) -> None:
    """B lets in whom C added beside its demotion; that reading ends, so rotate."""
    cast(log)
    log.role("r", "O", "C", "write")
    log.grant("gX", "C", "X", "write")
    log.epoch("E1", "B", "OBCWX", after("gX"))


@story("61d", {"i": "void: R3 beside r"}, {"C": "write"}, readers="OBCW", epoch="")
def _(log: Log) -> None:
    """The same with an open invite: who holds its code reads what E1 covers."""
    cast(log)
    log.role("r", "O", "C", "write")
    log.invite("i", "C", uses=2)
    log.epoch("E1", "B", "OBCW", after("i"), invites=["i"])


@story("61e", {"gX": "void: R3 beside r"}, readers="OBCW", epoch="E2")
def _(log: Log) -> None:
    """An epoch that saw the demotion covers that end, whether it knew the grant or not."""
    cast(log)
    log.role("r", "O", "C", "write")
    log.grant("gX", "C", "X", "write")
    log.epoch("E1", "B", "OBCWX", after("gX"))
    log.epoch("E2", "B", "OBCW", after("r"))


@story("50b", {"e2": "ok", "E3": "ok"}, {"X": None}, epoch="E3")
def _(log: Log) -> None:
    """W creates its epoch a second time after a removal: it stays uncovered, the next is due."""
    cast(log, "U", settle=False)
    log.grant("gX", "O", "X", "write", only("gU"))
    log.settle()
    log.epoch("E0b", "B", "OBCWUX")
    log.keys("k", "W", after("E0b"))
    log.epoch("E1", "W", "OBCWUX", after("k"))
    log.remove("r", "B", "X", after("E1"))
    ids = sorted(map(did, "OBCWU"))
    body = bodies.EpochCreate(
        1, bytes(16), bytes(32), tuple(bodies.Recipient(one, None) for one in ids)
    )
    log.tell("e2", "W", "epoch.create", body, after("r"), epoch="E1")
    log.epoch("E3", "U", "OBCWU", after("e2"))
