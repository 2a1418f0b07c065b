"""Details of errors: raw ids and times become text by their names."""

from __future__ import annotations

import pytest

from envoy import ids
from envoy.views.details import brief, legible

RAW = bytes(range(32))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("task_id", RAW, ids.to_text("task", RAW), id="a task"),
        pytest.param("space_id", RAW, ids.to_text("space", RAW), id="a space"),
        pytest.param("event_ids", (RAW, RAW), [ids.to_text("evt", RAW)] * 2, id="events"),
        pytest.param("holder", RAW, ids.did_text(RAW), id="a member"),
        pytest.param("digest", RAW, RAW.hex(), id="other bytes"),
        pytest.param("lease_expires_at", 0, "1970-01-01T00:00:00.000Z", id="a time"),
        pytest.param("fence", 4, 4, id="a number"),
        pytest.param("timed_out", True, True, id="a truth"),
        pytest.param("session", None, None, id="nothing"),
        pytest.param("matching_ids", ["task_a", "task_b"], ["task_a", "task_b"], id="text ids"),
    ],
)
def test_a_detail_is_legible(name: str, value: object, expected: object) -> None:
    assert legible({name: value}) == {name: expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(ids.to_text("task", RAW), ids.short(ids.to_text("task", RAW)), id="an id"),
        pytest.param(ids.did_text(RAW), ids.fingerprint(RAW), id="a member"),
        pytest.param("local_only", "local_only", id="a word"),
        pytest.param(4, "4", id="a number"),
        pytest.param(["a", 1], "a, 1", id="a list"),
        pytest.param(
            {ids.to_text("task", RAW): "cancelled", "b": None},
            f"{ids.short(ids.to_text('task', RAW))} cancelled",
            id="what is said of ids",
        ),
        pytest.param(True, None, id="a truth"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_detail_is_brief_for_people(value: object, expected: str | None) -> None:
    assert brief(value) == expected
