"""Stories of invites and joins: rows 41 to 47."""

from __future__ import annotations

from state.log import DAY_MS, Log, Place
from state.stories import Story, after, by_invite, cast, into, only

STORIES: list[Story] = []
story = into(STORIES)


# -- invites --------------------------------------------------------------------------------------


@story(
    "41",
    {"jX": "ok", "jY": "void: R6 over-used i", "m": "held: R1 lost grant jY"},
    {"X": "write", "Y": None},
)
def _(log: Log) -> None:
    """One use, two joins that no admin has seen: the smaller (lam, id)."""
    by_invite(log, "B")
    log.join("jX", "X", "i", Place(id=1))
    log.join("jY", "Y", "i", Place(id=2))
    log.message("m", "Y", after("jY"))


@story("42", {"jX": "ok", "jY": "void: R6 over-used i"}, {"X": "write", "Y": None})
def _(log: Log) -> None:
    """A join that an admin's message has seen is settled: none backdated below it displaces it."""
    by_invite(log, "B")
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.message("b", "B", after("jX"))
    log.join("jY", "Y", "i", only("i"))
    log.message("c", "B", after("b", "jY"))


@story("42b", {"jX": "void: R6 over-used i", "jY": "ok"}, {"X": None, "Y": "write"})
def _(log: Log) -> None:
    """What a removed admin says beside its removal settles nothing."""
    by_invite(log, "O")
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.message("b", "B", after("jX"))
    log.join("jY", "Y", "i", only("i"))
    log.message("c", "B", after("b", "jY"))
    log.remove("r", "O", "B")


@story("42c", {"jX": "ok", "jY": "void: R6 over-used i"}, {"X": "write", "Y": None})
def _(log: Log) -> None:
    """A leave settles nothing: who was removed could backdate one."""
    by_invite(log, "O")
    log.join("jY", "Y", "i", only("i"))
    log.leave("l", "C", only("jY"))
    log.message("m", "W")
    log.message("n", "W", after("m"))
    log.join("jX", "X", "i", after("n"))
    log.message("b", "B", after("jX"))
    log.remove("r", "O", "C")


@story("42d", {"jX": "ok", "jY": "void: R6 over-used i"}, {"X": "write", "Y": None})
def _(log: Log) -> None:
    """An admin's AUTH act settles as a message does; a writer's message settles nothing."""
    by_invite(log, "B", uses=1)
    log.join("jY", "Y", "i", only("i"))
    log.message("u", "W", only("jY"))
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.grant("gN", "C", "N", "read", after("jX"))


@story("42e", {"jX": "ok", "jY": "ok", "jZ": "void: R6 over-used i"}, {"Z": None})
def _(log: Log) -> None:
    """Two uses, three joins."""
    by_invite(log, "B", uses=2)
    log.join("jX", "X", "i", Place(id=1))
    log.join("jY", "Y", "i", Place(id=2))
    log.join("jZ", "Z", "i", Place(id=3))


@story("42f", {"jX": "ok", "jY": "void: R4 undone r", "jZ": "ok"}, {"Y": None})
def _(log: Log) -> None:
    """A join that was undone leaves its use to another."""
    by_invite(log, "B", uses=2)
    log.join("jY", "Y", "i", Place(id=1))
    log.remove("r", "B", "Y", after("jY"), undo=["jY"])
    log.join("jX", "X", "i", Place(id=2))
    log.join("jZ", "Z", "i", Place(id=3))


@story("42g", {"jX": "void: R6 over-used i", "jY": "ok", "b": "held: R1 lost grant gD"})
def _(log: Log) -> None:
    """Nor does an admin whose grant is lost."""
    by_invite(log, "O")
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.grant("gD", "C", "D", "admin")
    log.message("b", "D", after("gD", "jX"))
    log.join("jY", "Y", "i", only("i"))
    log.remove("r", "O", "C")


@story("42h", {"jX": "void: R6 over-used i", "jY": "ok", "b": "invalid: S3 body"})
def _(log: Log) -> None:
    """Nor what does not decode."""
    by_invite(log, "O")
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.tell("b", "B", "message", None, after("jX"))
    log.join("jY", "Y", "i", only("i"))


@story("42i", {"jX": "void: R6 over-used i", "jY": "ok", "b": "invalid: R3 after l"})
def _(log: Log) -> None:
    """Nor what an admin writes under a senior grant after leaving under a junior one."""
    cast(log, settle=False)
    log.grant("g", "B", "C", "write", only("gW"))
    log.invite("i", "O", only("g"))
    log.settle()
    log.leave("l", "C", after(under="g"))
    log.message("m", "W", after("l"))
    log.join("jX", "X", "i", after("m"))
    log.message("b", "C", after("jX", under="gC"))
    log.join("jY", "Y", "i", only("i"))


@story("42j", {"jX": "ok", "jY": "void: R6 over-used i", "b": "ok"}, {"C": None})
def _(log: Log) -> None:
    """What it writes beside that leave settles a join as ever."""
    cast(log, settle=False)
    log.grant("g", "B", "C", "write", only("gW"))
    log.invite("i", "O", only("g"))
    log.settle()
    log.leave("l", "C", after(under="g"))
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.message("b", "C", after("jX", under="gC"))
    log.join("jY", "Y", "i", only("i"))


@story("43", {"jX": "ok", "jY": "void: R3 beside v"}, {"X": "write", "Y": None}, over="i")
def _(log: Log) -> None:
    """A join backdated below a settled one is beside the revoke of the used invite."""
    by_invite(log, "B")
    log.message("m", "W")
    log.join("jX", "X", "i", after("m"))
    log.revoke("v", "B", "i", after("jX"))
    log.join("jY", "Y", "i", only("i"))


@story(
    "44",
    {
        "a": "invalid: R3 after v",
        "b": "invalid: S5 end",
        "c": "invalid: S2 proof",
        "e": "invalid: S2 proof",
        "f": "ok",
        "i0": "invalid: S3 invite",
        "i101": "invalid: S3 invite",
        "g": "invalid: S2 no grant",
    },
)
def _(log: Log) -> None:
    """Joins too late, with a bad proof, by an invite that is none."""
    by_invite(log, "B", uses=100)
    log.revoke("v", "B", "i")
    log.join("a", "Z", "i", after("v"))
    log.invite("k", "C", uses=9)
    log.join("b", "Z", "k", after("k", ts=10 * DAY_MS + 1))
    log.join("c", "Z", "k", after("k"), proof_of="X")
    log.join("e", "Z", "k", after("k"), proof_by="i")
    log.join("f", "Z", "k", after("k", ts=10 * DAY_MS))
    log.invite("i0", "B", uses=0)
    log.invite("i101", "B", after("i0"), uses=101)
    log.join("g", "X", "i0", after("i0"))


@story("45", {"jX": "ok", "jY": "void: R3 beside r"}, {"X": "write", "Y": None}, over="i")
def _(log: Log) -> None:
    """The removal of the inviter ends its invite, not who had come by it."""
    by_invite(log, "B", uses=5)
    log.join("jX", "X", "i")
    log.remove("r", "O", "B", after("jX"))
    log.join("jY", "Y", "i")


@story("46", {"j": "ok", "m": "held: R3 beside r"}, {"W": None}, over="gW j")
def _(log: Log) -> None:
    """W joins again by an open code beside its removal: out."""
    by_invite(log, "B", uses=5)
    log.remove("r", "B", "W")
    log.join("j", "W", "i")
    log.message("m", "W", after("j", under="j"))


@story("46b", {"j": "void: R3 beside v", "k": "invalid: R3 after v"}, {"W": None})
def _(log: Log) -> None:
    """After the removal's batch the code is dead."""
    by_invite(log, "B", uses=5)
    log.remove("r", "B", "W")
    log.revoke("v", "B", "i", after("r"))
    log.join("j", "W", "i", after("r"))
    log.join("k", "W", "i", after("v"))


@story("47", {"k": "invalid: S3 invite", "v": "ok"}, over="i")
def _(log: Log) -> None:
    """No invite gives more than write; a junior admin revokes a senior's."""
    by_invite(log, "B")
    log.invite("k", "B", role="admin")
    log.revoke("v", "C", "i")


@story("47b", {"j": "invalid: S2 proof", "g": "ok"}, {"Z": None, "X": "write"}, readers="OBCWX")
def _(log: Log) -> None:
    """Approve mode: the code alone opens nothing, the redeemer grants."""
    cast(log, settle=False)
    log.invite("i", "B", only("gW"), mode="approve")
    log.settle()
    log.join("j", "Z", "i")
    log.grant("g", "B", "X", "write")
