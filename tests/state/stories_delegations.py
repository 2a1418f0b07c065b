"""Stories of delegations, owners and admits: rows 16 to 27."""

from __future__ import annotations

from envoy.core.bodies import Remove
from envoy.core.codec import encode
from envoy.core.kinds import read_body
from state.log import DAY_MS, HERE, Log, Place, did
from state.stories import Story, after, cast, into, only

STORIES: list[Story] = []
story = into(STORIES)


# -- delegations ----------------------------------------------------------------------------------


@story("16", {"e": "ok", "f": "invalid: S4 depth"})
def _(log: Log) -> None:
    """Depth 1, then 0: there is no third hop."""
    cast(log, "YVd")
    log.delegate("e", "X", "Y")
    log.delegate("f", "Y", "V", after("e", under="e"))


@story("16b", {"e": "ok", "f": "invalid: S4 scope", "h": "invalid: S4 scope"})
def _(log: Log) -> None:
    """A delegation for one task is handed on for it, not for more nor to read alone."""
    cast(log, "YV", settle=False)
    log.delegate("c", "B", "X", only("gV"), task="T", depth=2)
    log.settle()
    log.delegate("e", "X", "Y", task="T", depth=1)
    log.delegate("f", "X", "Y", after("e"))
    log.delegate("h", "B", "V", after("f"), verb="read", task="T")


@story(
    "16c",
    {"m": "ok", "n": "invalid: S5 end", "e": "invalid: S4 end", "f": "invalid: S4 end"},
)
def _(log: Log) -> None:
    """A delegation that ends counts to its last millisecond and is not prolonged."""
    cast(log, "Y", settle=False)
    log.delegate("c", "B", "X", only("gY"), depth=1, na=1000)
    log.settle()
    log.message("m", "X", after(ts=1000))
    log.message("n", "X", after(ts=1001))
    log.delegate("e", "X", "Y", na=1001)
    log.delegate("f", "X", "Y", after("e"))


@story(
    "16d",
    {
        "m": "ok",
        "n": "invalid: S3 scope",
        "o": "invalid: S3 scope",
        "E": "invalid: S3 scope",
        "k": "ok",
        "l": "ok",
    },
)
def _(log: Log) -> None:
    """A delegate for one task writes in that task alone; what readers may do has no scope."""
    cast(log, settle=False)
    log.delegate("c", "B", "X", only("gW"), task="T")
    log.settle()
    log.message("m", "X", task="T")
    log.message("n", "X", after("m"), task="S")
    log.message("o", "X", after("n"))
    log.epoch("E", "X", "OBCWX", after("o"))
    log.keys("k", "X", after("E"))
    log.leave("l", "X", after("k"))


@story("16e", {"e": "invalid: S3 cap", "f": "ok", "h": "invalid: S4 depth"})
def _(log: Log) -> None:
    """A delegation of `read` is not handed on, none is deeper than ten."""
    cast(log, "Y", settle=False)
    log.delegate("c", "W", "Y", only("gY"), verb="read", depth=1)
    log.settle()
    log.delegate("e", "Y", "W", after(under="c"), verb="read")
    log.delegate("f", "B", "X", depth=10)
    log.delegate("h", "B", "X", after("f"), depth=11)


@story("17", {"e": "invalid: S4 outsider", "f": "ok", "h": "invalid: S3 cap"}, readers="OBCWYV")
def _(log: Log) -> None:
    """W delegates to an outsider; to a member; a reader delegates."""
    cast(log, "YV")
    log.delegate("e", "W", "Z")
    log.delegate("f", "W", "Y", after("e"))
    log.delegate("h", "V", "Y", verb="read")


@story("17b", {"m": "ok"}, {"Y": None}, readers="OBCW", live="w")
def _(log: Log) -> None:
    """A writer's delegation lets nobody read: without its role, Y is no reader."""
    cast(log, "Yw")
    log.revoke("r", "B", "gY")
    log.message("m", "Y", after("r", under="w"))


@story("17c", {"e": "invalid: S4 outsider"}, {"Y": None})
def _(log: Log) -> None:
    """Who was removed is an outsider for who saw the removal."""
    cast(log, "Y")
    log.remove("r", "B", "Y")
    log.delegate("e", "W", "Y", after("r"))


@story("18", {"m": "ok"}, readers="OBCWX", epoch="E1")
def _(log: Log) -> None:
    """A delegate of an admin reads, and gets the epochs."""
    cast(log, "d")
    log.message("m", "X")
    log.epoch("E1", "B", "OBCWX")


@story("18b", {"r": "ok"}, readers="OBCW", over="d", epoch="")
def _(log: Log) -> None:
    """It reads until the delegation ends."""
    cast(log, "d", settle=False)
    log.epoch("E1", "B", "OBCWX", only("d"))
    log.settle()
    log.revoke("r", "C", "d")


@story("18c", {"r": "ok"}, readers="OBCWY", over="w", epoch="E0")
def _(log: Log) -> None:
    """To end a member's delegation takes no rotation."""
    cast(log, "Yw")
    log.revoke("r", "W", "w")


@story("19", {"m": "held: R3 beside r", "n": "invalid: R3 after r"}, over="w")
def _(log: Log) -> None:
    """B removes W: Y's work under w is held beside it, invalid after it."""
    cast(log, "Yw")
    log.remove("r", "B", "W")
    log.message("m", "Y", after(under="w"))
    log.message("n", "Y", after("m", "r", under="w"))


@story("20", {"m": "held: R3 beside r"})
def _(log: Log) -> None:
    """Who backdates below a long past end is beside the revoke."""
    cast(log, settle=False)
    log.delegate("c", "B", "X", only("gW"), na=1000)
    log.settle()
    log.message("m", "X", after(ts=900))
    log.revoke("r", "B", "c", after(ts=50 * DAY_MS))


@story("20b", {"m": "ok", "n": "ok"})
def _(log: Log) -> None:
    """Until somebody revokes, an end that is past ends nothing by itself."""
    cast(log, settle=False)
    log.delegate("c", "B", "X", only("gW"), na=1000)
    log.settle()
    log.message("n", "B", after(ts=50 * DAY_MS))
    log.message("m", "X", after(ts=900))


# -- owners ---------------------------------------------------------------------------------------


@story(
    "21",
    {"r": "ok", "s": "ok", "g": "invalid: S3 cap", "h": "invalid: S3 cap"},
    {"O": "owner", "B": "admin", "Z": None},
    without_effect="r s",
)
def _(log: Log) -> None:
    """Nobody reaches up: not at the founder, not at a senior, not at an owner's role."""
    cast(log)
    log.remove("r", "B", "O")
    log.role("s", "C", "B", "read")
    log.grant("g", "B", "B", "owner", after("r"))
    log.grant("h", "B", "Z", "owner", after("g"))


@story(
    "21b",
    {"g": "invalid: S3 self", "h": "invalid: S3 self", "e": "invalid: S3 self"},
    {"B": "admin", "W": "write"},
)
def _(log: Log) -> None:
    """Nobody gives to itself."""
    cast(log)
    log.grant("g", "B", "B", "admin")
    log.role("h", "B", "B", "write", after("g"))
    log.delegate("e", "W", "W")


@story(
    "22",
    {"x": "ok", "y": "void: R3 beside x", "c": "void: R3 beside x"},
    {"O": "owner", "P": None},
)
def _(log: Log) -> None:
    """A co-owner and the founder remove each other, the co-owner closes, all beside."""
    cast(log, "P")
    log.remove("x", "O", "P")
    log.remove("y", "P", "O")
    log.close("c", "P")


@story("23", {"gN": "ok", "m": "ok"}, {"N": "write", "C": None})
def _(log: Log) -> None:
    """Members that a removed admin had added stay."""
    cast(log)
    log.grant("gN", "C", "N", "write")
    log.remove("r", "O", "C", after("gN"))
    log.message("m", "N", after("r"))


@story("24", {"gN": "void: R4 undone r", "m": "held: R1 lost grant gN"}, {"N": None})
def _(log: Log) -> None:
    """Unless the removal undoes the grant it saw."""
    cast(log)
    log.grant("gN", "C", "N", "write")
    log.remove("r", "O", "C", after("gN"), undo=["gN"])
    log.message("m", "N", after("gN"))


@story("24b", {"gN": "void: R3 beside r", "gM": "invalid: R3 after r"}, {"N": None, "M": None})
def _(log: Log) -> None:
    """What the removal did not see is void as ever, whether it names it or not."""
    cast(log)
    log.grant("gN", "C", "N", "write")
    log.remove("r", "O", "C", undo=["gN"])
    log.grant("gM", "C", "M", "write", after("r"))
    log.remove("s", "O", "C", after("r"), undo=["gM"])


@story("25", {"gN": "ok", "l": "ok"}, {"N": "write", "C": None, "D": None})
def _(log: Log) -> None:
    """`undo` ignores acts of others, and leaves."""
    cast(log, "D")
    log.grant("gN", "B", "N", "write")
    log.leave("l", "D")
    log.remove("r", "O", "C", after("gN"), undo=["gN"])
    log.remove("s", "O", "D", after("l"), undo=["l"])


@story("25a", {"gN": "ok", "r": "ok"}, {"N": "write", "B": "admin"}, without_effect="r")
def _(log: Log) -> None:
    """`undo` ignores acts of a senior."""
    cast(log)
    log.grant("gN", "B", "N", "write")
    log.remove("r", "C", "B", after("gN"), undo=["gN"])


@story("25b", {"r": "invalid: S3 body", "s": "ok"}, {"C": None})
def _(log: Log) -> None:
    """`undo` names at most 256 acts."""
    cast(log)
    for name, count in (("r", 257), ("s", 256)):
        ids = tuple(number.to_bytes(32) for number in range(count))
        body = read_body("remove", encode(Remove(did("C"), "", ids)))
        log.tell(name, "O", "remove", body, HERE)


@story("26", {"x": "void: R4 undone r", "m": "ok"}, {"W": "write", "C": None})
def _(log: Log) -> None:
    """A removal undoes a removal: who was out is in again, with what it wrote since."""
    cast(log)
    log.remove("x", "C", "W")
    log.message("m", "W", after("x"))
    log.remove("r", "B", "C", after("x"), undo=["x"])


# -- admit ----------------------------------------------------------------------------------------


@story("27", {"m": "ok*: R5 admitted a", "n": "held: R3 beside r"})
def _(log: Log) -> None:
    """B admits a held message."""
    cast(log)
    log.remove("r", "B", "W")
    log.message("m", "W")
    log.message("n", "W", after("m"))
    log.admit("a", "B", ["m"], after("r", "m"))


@story(
    "27b",
    {"m": "ok*: R5 admitted a", "n": "ok*: R5 admitted a", "o": "held: R3 beside r"},
)
def _(log: Log) -> None:
    """B admits all that the removal holds, as far as B had seen it."""
    cast(log)
    log.remove("r", "B", "W")
    log.message("m", "W")
    log.message("n", "W", after("m"))
    log.message("o", "W", after("n"))
    log.admit("a", "B", ["r"], after("r", "n"))


@story("27c", {"m": "ok*: R5 admitted a", "n": "held: R1 lost grant gZ", "gZ": "void: R3 beside r"})
def _(log: Log) -> None:
    """Naming the removal reaches through a grant that it alone made void."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write")
    log.message("m", "Z", after("gZ"))
    log.message("n", "Z", after("m"))
    log.admit("a", "B", ["r"], after("r", "m"))


@story(
    "27d",
    {"m": "held: R3 beside r", "n": "ok*: R5 admitted b"},
)
def _(log: Log) -> None:
    """Held by two removals: naming one releases nothing, naming both does."""
    cast(log)
    log.remove("r", "B", "W", Place(id=1))
    log.remove("s", "C", "W", Place(id=2))
    log.message("n", "W")
    log.message("m", "W", after("n"))
    log.admit("a", "B", ["r"], after("r", "s", "m"))
    log.admit("b", "B", ["r", "s"], after("r", "s", "n"))


@story("27e", {"gZ": "invalid: R3 after r", "m": "held: R1 lost grant gZ"})
def _(log: Log) -> None:
    """Naming the removal does not reach through a grant made in knowledge of it."""
    cast(log)
    log.remove("r", "O", "C")
    log.grant("gZ", "C", "Z", "write", after("r"))
    log.message("m", "Z", after("gZ"))
    log.admit("a", "B", ["r"], after("m"))


@story("27f", {"m": "ok*: R5 admitted a", "gN": "void: R4 undone r"})
def _(log: Log) -> None:
    """Naming the removal reaches through a grant that it undid."""
    cast(log)
    log.grant("gN", "C", "N", "write")
    log.remove("r", "O", "C", after("gN"), undo=["gN"])
    log.message("m", "N", after("gN"))
    log.admit("a", "B", ["r"], after("r", "m"))


@story("27g", {"m": "ok*: R5 admitted a"})
def _(log: Log) -> None:
    """Of two admits the earlier counts; an act of R7 is none of theirs."""
    cast(log)
    log.remove("r", "B", "W")
    log.message("m", "W")
    log.admit("a", "C", ["m"], after("r", "m"))
    log.admit("b", "B", ["m"], after("a"))


@story("27i", {"m": "ok*: R5 admitted a", "gZ": "void: R3 beside r", "l": "ok"})
def _(log: Log) -> None:
    """A weak leave beside the grant holds nothing: naming the removal is enough."""
    cast(log)
    log.remove("r", "O", "C")
    log.leave("l", "C")
    log.grant("gZ", "C", "Z", "write", only("gW"))
    log.message("m", "Z", after("gZ"))
    log.admit("a", "B", ["r"], after("r", "m"))


@story("27h", {"m": "ok*: R5 admitted a", "gN": "void: R4 undone r", "x": "ok"})
def _(log: Log) -> None:
    """A junior's removal that would undo the grant, too, holds nothing."""
    cast(log)
    log.grant("gN", "B", "N", "write")
    log.remove("r", "O", "B", after("gN"), undo=["gN"])
    log.remove("x", "C", "B", after("gN"), undo=["gN"])
    log.message("m", "N", after("gN"))
    log.admit("a", "O", ["r"], after("r", "x", "m"))
