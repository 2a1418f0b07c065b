"""Every story, in the order of the table in docs/spec/authority.md."""

from __future__ import annotations

from typing import Final

from state import (
    stories_delegations,
    stories_epochs,
    stories_invites,
    stories_leaving,
    stories_removals,
    stories_searched,
)
from state.stories import Story

STORIES: Final[tuple[Story, ...]] = (
    *stories_removals.STORIES,
    *stories_delegations.STORIES,
    *stories_leaving.STORIES,
    *stories_invites.STORIES,
    *stories_epochs.STORIES,
    *stories_searched.STORIES,
)


def story_named(number: str) -> Story:
    """Return the story of that number."""
    return next(one for one in STORIES if one.number == number)
