"""Numbers in a column."""

from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return sum(values) // len(values)


def spread(values: Sequence[float]) -> float:
    """Return the distance between the least and the greatest value."""
    return max(values) - min(values)
