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
    Row("core/codec.py", "_doubtful", "-1: -> :", "what is looked at is looked at again"),
    Row("core/codec.py", "_doubtful", "'|' -> ''", "nothing is settled, all is looked at again"),
    *(
        Row("core/codec.py", "_doubtful", what, "tuples are looked at again")
        for what in ("'...' -> ''", "'tuple[' -> ''", "',' -> ''", "']' -> ''")
    ),
    *(
        Row("core/codec.py", "_doubtful", what, "more is looked at again, and nothing less")
        for what in (
            "* -> str(written).replace('tuple[', ' ').replace(' ', ']')",
            "words.replace('|', ' ') -> words.replace(' ', '|')",
            "* -> str(written).replace('tuple[', ' ').replace(']', ' ').replace(' ', ',')",
            "str(written).replace('tuple[', ' ') -> str(written).replace(' ', 'tuple[')",
            "* -> words.replace('|', ' ').replace(' ', '...')",
            "' ' -> ''",
            "' ' -> '' (2)",
            "' ' -> '' (4)",
            "' ' -> '' (5)",
        )
    ),
    Row("core/codec.py", "_doubtful", "1 -> 2", "one more name stands twice"),
    Row("core/codec.py", "_doubtful", "1 -> 0", "every name stands twice"),
    *(
        Row("core/codec.py", "_plan", what, "looked at from outside a Body is asked the same")
        for what in (
            "if isinstance*: -> nothing",
            "issubclass(kind, Body) -> issubclass(Body, kind)",
        )
    ),
    Row("core/codec.py", "_doubtful", "' ' -> '' (3)", "a space follows each comma of a type"),
    Row("core/codec.py", "_array_start", "0 -> 1 (2)", "neither is the head of an array"),
    Row(
        *("core/codec.py", "_plan"),
        "isinstance(kind, type) and issubclass(kind, Body) without issubclass(kind, Body)",
        "only Bodies and types of tuples are decoded, and of both the two questions agree",
    ),
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
        for what in ("4 -> 5", "4 -> 5 (2)", "at:at + 4 -> at:", "at:at + 4 -> at: (2)")
    ),
    Row("core/crypto/seal.py", "is_usable", "b'' -> b'XX'", "any text can be sealed"),
    Row("core/crypto/seal.py", "is_usable", "b'' -> b'XX' (2)", "any text can be sealed"),
    Row("core/crypto/seal.py", "_less", "16 -> 15", "steps of 4 end at the same place"),
    *(
        Row("core/crypto/seal.py", "once_key", what, "no more than 16 bytes of each are looked at")
        for what in (":16 -> :", "16 -> 17", "64 -> 65")
    ),
)
AUTHORITY: Final = (
    *(
        Row("core/capability.py", function, what, "uses are asked of invites alone")
        for function, what in (("_role_grant", "0 -> 1 (2)"), ("_delegation", "0 -> 1"))
    ),
    *(
        Row("state/authority_ledger.py", "Ledger.add", what, "every ancestry has the genesis")
        for what in ("'genesis' -> ''", "'genesis' -> '' (2)", "'genesis' -> '' (3)")
    ),
    Row("state/authority_ledger.py", "Ledger.__init__", "0 -> 1", "every ancestry has the genesis"),
    *(
        Row(
            "state/authority_ledger.py", "Ledger.__init__", what, "the genesis, filed next, says it"
        )
        for what in ("self._is_sorted = True -> nothing", "True -> False")
    ),
    Row("state/authority.py", "Judgement.open_invites", "0 -> 1", "a live invite has its count"),
    Row(
        *("state/authority_content.py", "_admitted"),
        "holders and holders.issubset(ids) without holders",
        "where nothing holds it, only admits that name it are asked, and that was asked before",
    ),
    Row("state/authority_content.py", "beside", "b'' -> b'XX'", "nothing is filed there either"),
    Row(
        *("state/authority_pass.py", "_Pass.step"),
        "len(acts) > limits.AUTH_EVENTS_PER_GRANT_MAX -> *>=*",
        "of as many as may stand none is one too many: " + SLOWER,
    ),
    Row(
        *("state/authority_pass.py", "_Pass._aimed", "index > at -> index >= at"),
        "of all that ends something only a role gives a grant, and it spares what it gives",
    ),
    Row(
        *("state/authority_pass.py", "_Pass._cross", "1 -> 0"),
        "the two tests of bitsets save the search, which answers alone",
    ),
    Row(
        *("state/authority_pass.py", "_Pass._first_seen"),
        "event.seen & wanted and * without event.seen & wanted",
        "what saw none of the joins is the first to have seen none: " + SLOWER,
    ),
    Row(
        *("state/epochs.py", "_is_candidate", "* without judgement.is_ok(create.id)"),
        "only the first ok create event of an epoch is asked",
    ),
    Row(
        *("state/epochs.py", "may_read"),
        "judgement.ledger.founder == did -> judgement.ledger.founder != did",
        "the founder reads in the view of the genesis, and no other grant was known to it",
    ),
    Row(
        *("state/epochs.py", "to_revoke"),
        "grant.na is not None and grant.na < before without grant.na is not None",
        "every invite has an end: it is there for the types",
    ),
    Row(
        *("state/authority_ledger.py", "Ledger.add"),
        "parent and parent.rank[0] < OTHERS without parent",
        "but for the genesis a faultless act cites a grant: it is there for the types",
    ),
    Row(
        *("state/authority_ledger.py", "number_of", "'only pins and raises are numbered' -> ''"),
        "the text of an error that is not raised",
    ),
    Row(
        "state/authority_pass.py", "", "b'' -> b'XX'", "no event comes so far that it has that lam"
    ),
    *(
        Row("state/epochs.py", function, "0 -> 1", "the genesis ends nobody's reading")
        for function in ("plan", "")
    ),
    Row(
        *("state/authority_content.py", "content_verdict"),
        "judgement.closes and event.kind != 'merge' without judgement.closes",
        SLOWER,
    ),
    Row(
        *("state/authority_ledger.py", "Ledger.is_below"),
        "* without parent.rank[0] == OTHERS",
        "no grant of class 2 stands above one of another class: it saves the way up",
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
    *(
        Row("state/authority_pass.py", "", what, "no event comes so far that it has that lam")
        for what in ("1 -> 0", "1 -> 2", "limits.INT_MAX + 1 -> limits.INT_MAX - 1")
    ),
    *(
        Row("state/authority_ledger.py", "Ledger.ranked", what, SLOWER)
        for what in ("self._is_sorted = True -> nothing", "True -> False")
    ),
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
        Row(
            "state/claims.py", "", what, "(0, -1), (-1, 0), (-2, -1), (-1, 1) are below (0, 1), too"
        )
        for what in ("1 -> 0", "1 -> 2", "1 -> 0 (2)", "1 -> 2 (2)", "-1 -> 1 (2)")
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
    *(
        Row("state/claims.py", "double_fences", what, "-2 is no act, and 0 the creation")
        for what in ("1 -> 0", "1 -> 2")
    ),
    Row(
        "state/claims.py", "grips", "grip.until > known.until -> *", "of two alike one is the other"
    ),
    *(
        Row("state/needs.py", "_knots", what, "a task alone has no edge to leave out: " + SLOWER)
        for what in (
            "* without len(knot) > 1 or knot[0] in targets.get(knot[0], ())",
            "targets.get(knot[0], ()) -> targets.get((), knot[0])",
            "len(knot) > 1 -> len(knot) >= 1",
            "1 -> 0",
        )
    ),
    Row("state/project.py", "arrivals", "* -> * <= *", "who came alike by the same came the same"),
    Row("state/project.py", "refs_text", "if not refs: -> nothing", SLOWER),
    *(
        Row("state/status.py", "Fold._act", what, "-2 is no act, and 0 the creation")
        for what in ("1 -> 0", "1 -> 2")
    ),
    Row("state/status.py", "Fold.deciding", "2 -> 1", "one alone is in order"),
    Row(
        *("state/status.py", "Fold._settle"),
        "self._rule(deciding[0], one, first) -> self._rule(one, deciding[0], first)",
        "the first part that differs is the same whichever comes first",
    ),
    *(
        Row("state/claims.py", "rule", what, "keys are of one length")
        for what in ("zip(RULES, winner, loser, strict=True) without strict=True", "True -> False")
    ),
    Row("state/claims.py", "key", "2 -> 3", "3 comes behind 0 and 1, too"),
    Row("state/tasks.py", "_handoff", "0 -> 1", "with a handoff there is a tenure act"),
    *(
        Row("state/project.py", "", what, "behind every place, too")
        for what in ("2 -> 3", "31 -> 32", "31 -> 30")
    ),
    Row(
        *("state/registers.py", "without", "zip(pages, others, strict=False) without strict=False"),
        "it is the default",
    ),
    Row(
        *("state/settling.py", "reduce"),
        "found is None or * without not isinstance(found.body, ConflictResolve)",
        "no other act is legal: it is there for the types",
    ),
    Row(
        *("state/status.py", "Unreviewed.states"),
        "isinstance(body, TaskComplete) and body.for_review without isinstance(body, TaskComplete)",
        "asked of completions alone: it is there for the types",
    ),
    Row(
        *("state/status.py", "Fold._refuse"),
        "reason == LATE_RESULT and view.first is not None without view.first is not None",
        "whose author had a tenure has seen one: it is there for the types",
    ),
    Row(
        *("state/status.py", "Fold.deciding"),
        "stands and self._word(first) == REOPEN without stands",
        "a reopening alone leads to open, held by nobody, as nothing that decides does",
    ),
    Row(
        *("state/status.py", "Fold._firsts"),
        "view.first is not None and has(cover, view.first) without has(cover, view.first)",
        "the effective one is the least of them: asked of fewer",
    ),
    Row("state/status.py", "Fold._refuse_foreign", "if all(*: -> nothing", SLOWER),
    Row(
        *("state/status.py", "Fold._refuse_foreign"),
        "self._is_under(one, first) -> self._is_under(first, one)",
        "the way around is not taken, and the outcome is the same",
    ),
    Row("state/status.py", "Fold._judged", "1: -> :", "the first state was asked above"),
    Row("state/fields.py", "_set", "if not changes: -> nothing", SLOWER),
    Row("state/fields.py", "_set", "0 -> 1", "what was not made has nothing in its sets"),
    *(
        Row("state/fields.py", "_register", what, SLOWER)
        for what in ("if not edits: -> nothing", "if not writes: -> nothing")
    ),
    Row("state/registers.py", "_field_losses", "2 -> 1", "one alone has no loser: " + SLOWER),
    Row("state/status.py", "Fold._joined", "if len(basis) == 1: -> nothing", SLOWER),
    Row(
        *("state/tasks.py", "_task"),
        "done and * without isinstance(done.body, TaskComplete)",
        "a state follows from no other act: it is there for the types",
    ),
    Row(
        *("state/reviews.py", "Panel._gates"),
        "isinstance(op.body, TaskComplete) and op.body.for_review"
        " without isinstance(op.body, TaskComplete)",
        "asked of completions alone: it is there for the types",
    ),
    Row(
        *("state/claims.py", "double_fences"),
        "rule(keys[first], keys[one]) -> rule(keys[one], keys[first])",
        "the first part of two keys that differs is the same whichever comes first",
    ),
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
    *(
        Row("state/status.py", "Fold.deciding", what, "nothing stands then: " + SLOWER)
        for what in (
            "first is None or not view.work -> first is None and (not view.work)",
            "first is None or not view.work without not view.work",
        )
    ),
    Row("state/status.py", "Fold.deciding", "if len(found) < 2: -> nothing", SLOWER),
    Row("state/status.py", "Fold._judged", "1 -> 0", "the first state was asked above"),
    Row("state/status.py", "Fold._word", "'' -> 'XX'", "either is none of the words asked for"),
    Row("state/status.py", "Fold._rule", "True -> False (2)", "the two are three parts long"),
    *(
        Row("state/tasks.py", "_task", what, "a state follows from a completion: both or neither")
        for what in ("done and result -> done or result*", "done and result without *")
    ),
    Row(
        *("state/tasks.py", "_reviews"),
        "for op in ops if isinstance(op.body, TaskReview) without *",
        "a bench names verdicts alone: it is there for the types",
    ),
    Row(
        *("state/tasks.py", "_handoff", "not upon and first == number without not upon"),
        "what came upon it has seen it, so it is not the effective one any more",
    ),
    Row("state/registers.py", "", "2048 -> *", "sets are the same in pages of any size"),
    *(
        Row("state/registers.py", function, what, SLOWER)
        for function, what in (
            ("union", "if len(sets) == 1: -> nothing"),
            ("_joined", "if len(views) == 1: -> nothing"),
        )
    ),
    Row(
        *("state/registers.py", "members", "rest & -rest -> rest | -rest"),
        "the two differ in their sign alone, which has no part in their length",
    ),
    Row(
        *("state/project.py", "uses_of"),
        "isinstance(event.body, bodies.Grant) and * without isinstance(event.body, bodies.Grant)",
        "a faultless grant has no other body: it is there for the types",
    ),
    Row(
        *("state/project.py", "arrivals"),
        "sorted(ledger.grants.values(), key=lambda one: one.index) -> list(ledger.grants.values())",
        "the ledger files them by index, and keeps that order",
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
