"""Explained: mutants that survive because they change nothing that anybody could see.

A row names the module, the function ("" for the level of the module), the mutant as `python -m
mutation` says it, with ``*`` for any text, and the reason in one sentence. A test holds that each
row still fits a mutant, so none outlives what it explains.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import Final, NamedTuple

from mutation.mutants import Mutant


class Row(NamedTuple):
    """Which mutants, and why no test can kill them."""

    module: str
    function: str
    what: str
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        """Say whether ``mutant`` is one of them."""
        if (self.module, self.function) != (mutant.module, mutant.function):
            return False
        return fnmatchcase(mutant.what, _literal(self.what))


SLOWER: Final = "a way around work whose outcome is the same: it costs time alone"

CODEC: Final = (
    *(
        Row("core/codec.py", "", what, "a field that is not settled by its type is looked at again")
        for what in (
            "('B16', 'B24', 'B32', 'B64', 'EncKey', 'I63', 'I64', 'bytes', 'None') without *",
            *(f"'{one}' -> ''" for one in ("B16", "B24", "B32", "B64", "EncKey", "I63", "I64")),
            *(f"'{one}' -> ''" for one in ("bytes", "None")),
        )
    ),
    Row("core/codec.py", "_doubtful", "'|' -> ''", "nothing is settled, all is looked at again"),
    Row("core/codec.py", "_doubtful", "'...' -> ''", "tuples are looked at again"),
    Row("core/codec.py", "decode", "_PLANS.get(kind) or _plan(kind) without _PLANS*", SLOWER),
    Row(
        *("core/codec.py", "_plan"),
        "isinstance(kind, type) and issubclass(kind, Body) -> *or*",
        "only Bodies and types of tuples are decoded, and of both the two questions agree",
    ),
)
CRYPTO: Final = (
    *(
        Row("core/crypto/aead.py", "", what, "every byte of the room is written before it is read")
        for what in ("False -> True", "ffi.new_allocator(*) without should_clear_after_alloc=False")
    ),
    *(
        Row("core/crypto/seal.py", "_less", what, "what is beyond 32 bits falls by the modulus")
        for what in ("4 -> 5", "4 -> 5 (2)")
    ),
    Row("core/crypto/seal.py", "_less", "16 -> 15", "steps of 4 end at the same place"),
    *(
        Row("core/crypto/seal.py", "once_key", what, "no more than 16 bytes of each are looked at")
        for what in (":16 -> :", "64 -> 65")
    ),
)
AUTHORITY: Final = (
    *(
        Row("core/capability.py", function, what, "uses are asked of invites alone")
        for function, what in (("_role_grant", "0 -> 1 (2)"), ("_delegation", "0 -> 1"))
    ),
    Row("state/authority_ledger.py", "Ledger.add", "'genesis' -> ''", "every ancestry has it"),
    *(
        Row(
            *("state/authority_ledger.py", "Ledger._file", f"self.{what} -> nothing"),
            "an index for whoever looks (tests do); no rule asks it",
        )
        for what in (
            "revokes.setdefault(target, []).append(event)",
            "removes.setdefault(subject, []).append(event)",
            "roles.setdefault(subject, []).append(event)",
        )
    ),
    Row(
        *("state/authority_pass.py", "_Pass._cross", "1 -> 0 (3)"),
        "the two tests of bitsets save the search, which answers alone",
    ),
    Row("state/authority_pass.py", "_Pass._first_seen", "0 -> 1", "the genesis is no join"),
    Row(
        *("state/authority_pass.py", "_Pass.step"),
        "for event in acts if event.kind == 'leave' without event.kind == 'leave'",
        "weak is asked of leaves alone",
    ),
    Row(
        *("state/authority_pass.py", "_Pass._undo"),
        "event.id in self.ledger.undos and * without event.id in self.ledger.undos",
        SLOWER,
    ),
    Row("state/authority_pass.py", "", "1 -> 0", "no event comes so far that it has that lam"),
    Row(
        *("state/authority_pass.py", "undoing"),
        "isinstance(one.body, bodies.Remove) and * without isinstance(one.body, bodies.Remove)",
        "the ledger files nothing else there: it is there for the types",
    ),
    Row(
        *("state/authority_content.py", "content_verdict"),
        "verdict.status is not Status.HELD or not judgement.admits without not judgement.admits",
        SLOWER,
    ),
    Row("state/authority_views.py", "Views.citable", "0 -> 1", "every ancestry has the genesis"),
    Row(
        *("state/authority_content.py", "beside", "grant.parent or b'' without b''"),
        "nothing is filed under None either",
    ),
)
REDUCERS: Final = (
    *(
        Row("state/claims.py", "", what, "(0, -1), (-1, 0), (-2, -1) are below (0, 1), too")
        for what in ("1 -> 0", "1 -> 2", "1 -> 0 (2)", "1 -> 2 (2)")
    ),
    *(
        Row("state/claims.py", "Tenure.full_fence", what, "the two are None together or not at all")
        for what in (
            "self.no is None or self.fence is None -> *and*",
            "self.no is None or * without self.no is None",
            "* or self.fence is None without self.fence is None",
        )
    ),
    Row("state/gates.py", "fits_roles", "1 -> 2", "-2 is below every rank, too"),
    Row(
        *("state/project.py", "arrivals"),
        "grant.kind == 'join' and grant.parent without grant.parent",
        "a join stands on an invite",
    ),
    Row(
        *("state/content.py", "reduce_member"),
        "last is None or * without not isinstance(last.body, Card)",
        "the line above leaves cards alone: it is there for the types",
    ),
    Row(
        *("state/epochs.py", "_ends_reading"),
        "grant.subject is None or * without grant.subject is None",
        "nobody has no role either",
    ),
    Row(
        *("state/reviews.py", "Panel.states"),
        "whole.looks_beside or bool(gates.missing_reviews(whole, approvals, everybody))"
        " without bool(gates.missing_reviews(whole, approvals, everybody))",
        "asked where the gate is met: without humans no approval is missing then",
    ),
    Row("state/fields.py", "_set", "if not changes: -> nothing", SLOWER),
    Row(
        "state/registers.py", "Graph._place", "1 -> 0", "one alone nobody saw: it stays either way"
    ),
    Row("state/project.py", "reviews_text", "if not task.reviews: -> nothing", SLOWER),
    Row(
        "state/status.py", "Fold._agree", "-2 -> 2", "what is no verdict has another word than one"
    ),
    Row(
        *("state/status.py", "Fold._settle_tenure"),
        "claims.rule(self.keys[first], self.keys[one])"
        " -> claims.rule(self.keys[one], self.keys[first])",
        "the first part of two keys that differs is the same whichever comes first",
    ),
    Row("state/status.py", "Fold._joined", "if not basis: -> nothing", SLOWER),
    Row("state/status.py", "Fold._settle", "if id(view) in self.settled: -> nothing", SLOWER),
    Row(
        *("state/status.py", "Fold._judged"),
        "reason is None or standing.completion is None without reason is None",
        SLOWER,
    ),
)
ROWS: Final[tuple[Row, ...]] = (*CODEC, *CRYPTO, *AUTHORITY, *REDUCERS)


@cache
def _literal(what: str) -> str:
    """Return a pattern in which only ``*`` means something."""
    return what.replace("[", "[[]").replace("?", "[?]")


def reason(mutant: Mutant) -> str | None:
    """Return why ``mutant`` cannot be killed; None where it should be."""
    return next((row.reason for row in ROWS if row.fits(mutant)), None)
