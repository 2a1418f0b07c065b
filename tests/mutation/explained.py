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


ROWS: Final[tuple[Row, ...]] = ()


@cache
def _literal(what: str) -> str:
    """Return a pattern in which only ``*`` means something."""
    return what.replace("[", "[[]").replace("?", "[?]")


def reason(mutant: Mutant) -> str | None:
    """Return why ``mutant`` cannot be killed; None where it should be."""
    return next((row.reason for row in ROWS if row.fits(mutant)), None)
