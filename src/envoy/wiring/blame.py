"""Blame: what looks like a bug may be damage, and damage has a code and a way out.

Code meets rows that it never wrote and fails in ways that nobody foresaw. Whoever is the outermost
frame of a face asks here what to tell: the home is looked at deeply, loaded for this alone.

Laws: a home that is sound, or cannot be looked at, leaves the bug a bug.

Specification: docs/spec/home.md, What comes back from where, rule 2.
"""

from __future__ import annotations

from envoy.errors import EnvoyError, IntegrityError
from envoy.wiring.config import Config


def damage_behind(config: Config, error: Exception) -> EnvoyError | None:
    """Return the damage that explains ``error``; None if it is foreseen, or nothing is damaged."""
    if isinstance(error, OSError) or (isinstance(error, EnvoyError) and error.code != "internal"):
        return None
    from envoy.wiring import deep

    part = deep.damage(config)
    if part is None:
        return None
    return IntegrityError("state_corrupt", reason=part, exception=type(error).__name__)
