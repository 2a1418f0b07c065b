"""A machine whose clock was ahead once: it hears from its relay when the clock is right again."""

from __future__ import annotations

import pytest

from hub.far import Machine
from hub.test_linked import pull


@pytest.mark.parametrize("by", [0, 86_400_000])
@pytest.mark.parametrize("fresh_ms", [0, 10_000])
def test_news_fetched_under_a_clock_ahead_are_not_fresh_until_then(
    at: Machine, by: int, fresh_ms: int
) -> None:
    at.now_ms += 60_000
    at.now_ms += by
    at.linked(fresh_ms).handle(pull(at))
    assert at.relay.calls.count("pull") == 1
    at.now_ms -= by
    at.now_ms += 3_600_000
    at.linked(fresh_ms).handle(pull(at))
    assert at.relay.calls.count("pull") == 2
