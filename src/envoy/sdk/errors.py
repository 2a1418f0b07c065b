"""Errors: the tree of `envoy.errors` as programs catch it, and the door that all calls pass.

Three errors that a program answers in its own way have classes of their own. Ids and times in
`details` are text here, as in JSON. What is no error of Envoy does not get through the door: a
file system that failed is an `InternalError(storage_failed)`.

Specification: docs/sdk.md, Errors; docs/reference/errors.md.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from envoy.errors import ConflictError, EnvoyError, InternalError
from envoy.sdk.types import Untrusted
from envoy.views.details import legible


class AlreadyClaimedError(ConflictError):
    """Somebody else holds the task, or another session of this profile."""

    @property
    def holder(self) -> str | None:
        """Return the member id of who holds it, if that is known."""
        found = self.details.get("holder")
        return found if isinstance(found, str) else None

    @property
    def fence(self) -> int | None:
        """Return the number of the holding; None while no hub has confirmed it."""
        found = self.details.get("fence")
        return found if isinstance(found, int) else None


class GateError(ConflictError):
    """The gate of a task is not met."""

    @property
    def missing(self) -> tuple[Untrusted, ...]:
        """Return the types of evidence that are missing, as a member named them."""
        found = self.details.get("missing")
        return tuple(Untrusted(str(one)) for one in found) if isinstance(found, list) else ()

    @property
    def reviews_missing(self) -> int:
        """Return how many approvals are missing."""
        found = self.details.get("reviews_missing")
        return found if isinstance(found, int) else 0


class VersionConflictError(ConflictError):
    """The task has changed since the version that the call names."""

    @property
    def version(self) -> str | None:
        """Return the version it has now."""
        found = self.details.get("version")
        return found if isinstance(found, str) else None


OWN: dict[str, type[EnvoyError]] = {
    "task_already_claimed": AlreadyClaimedError,
    "evidence_missing": GateError,
    "evidence_stale": GateError,
    "review_required": GateError,
    "version_conflict": VersionConflictError,
}


def public(error: EnvoyError) -> EnvoyError:
    """Return an error as callers get it: of its own class, ids and times as text."""
    kind = OWN.get(error.code, type(error))
    made = kind(error.code, next_command=error.next_command)
    made.details = legible(error.details)
    return made


@contextmanager
def door() -> Iterator[None]:
    """Let nothing but errors of Envoy through, as callers get them."""
    try:
        yield
    except EnvoyError as error:
        raise public(error) from error
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "EIO").lower()
        raise InternalError("storage_failed", reason=reason) from error
