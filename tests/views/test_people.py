"""People: names beside fingerprints, look-alikes found, times of any year written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envoy.core.crypto.sign import public_key
from envoy.errors import NotFoundError
from envoy.views import rows
from envoy.views.people import (
    SECONDS,
    SECONDS_MAX,
    STAMP_MS_MAX,
    People,
    milliseconds,
    skeleton,
    stamp,
)

MOMENTS = st.integers(0, STAMP_MS_MAX)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(MOMENTS)
def test_a_stamp_is_what_the_standard_library_writes(ms: int) -> None:
    moment = EPOCH + timedelta(milliseconds=ms)
    assert stamp(ms) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(MOMENTS)
def test_a_stamp_is_read_back(ms: int) -> None:
    assert milliseconds(stamp(ms) or "") == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        pytest.param(None, None, id="no time"),
        pytest.param(0, "1970-01-01T00:00:00.000Z", id="the first"),
        pytest.param(951_782_400_000, "2000-02-29T00:00:00.000Z", id="a leap day of a century"),
        pytest.param(STAMP_MS_MAX, "9999-12-31T23:59:59.999Z", id="the last"),
        pytest.param(2**63 - 1, "9999-12-31T23:59:59.999Z", id="a time no calendar has"),
        pytest.param(-5, "1970-01-01T00:00:00.000Z", id="before all"),
    ],
)
def test_a_time_of_others_may_say_anything(ms: int | None, text: str | None) -> None:
    assert stamp(ms) == text


def test_stamps_that_are_kept_stay_right_and_few() -> None:
    texts = [stamp(second * 1000) for second in range(3 * SECONDS_MAX)]
    assert len(set(texts)) == len(texts) and len(SECONDS) <= SECONDS_MAX
    assert [stamp(second * 1000) for second in range(3 * SECONDS_MAX)] == texts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("admin", "\u0430dmin", id="Cyrillic a"),
        pytest.param("owner", "\u03bfwner", id="Greek omicron"),
        pytest.param("Lead", "lead", id="case"),
        pytest.param("lead", "l\u0435\u0430d", id="two letters"),
        pytest.param("paypal", "paypa1", id="a digit"),
        pytest.param("bill", "biII", id="capital i"),
        pytest.param("modern", "modem", id="r and n"),
        pytest.param("wave", "vvave", id="two v"),
        pytest.param("a1", "a 1", id="a space"),
        pytest.param("a1", "a\u200b1", id="no width"),
        pytest.param("jose", "jos\u00e9", id="an accent"),
        pytest.param("abc", "\uff41\uff42\uff43", id="full width"),
        pytest.param("fire", "\ufb01re", id="a ligature"),
        pytest.param("admin", "adm\u0131n", id="an i without its dot"),
        pytest.param("admin", "adm\u0456n", id="a Cyrillic i"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a1", "a2"), ("lead", "leader"), ("\u65e5\u672c", "\u65e5\u4e2d"), ("anna", "hanna")],
)
def test_names_that_differ_to_the_eye_have_different_ones(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


GONE, HERE = None, "write"


def known(*told: tuple[str, str | None]) -> People:
    """Return people of these names and roles, by number from 0."""
    return People(
        [
            rows.Member(
                sn=1,
                an=an,
                did=public_key(bytes([an]) * 32),
                name=name,
                type=None,
                role=role,
                reader=0,
                joined_ms=0,
                via=None,
                removed_ms=None,
                enc=None,
                kid=None,
                enc_no=None,
                access=None,
                flags="[]",
            )
            for an, (name, role) in enumerate(told)
        ],
        me=bytes(32),
        find_did=lambda an: bytes(32),
    )


@pytest.mark.parametrize(
    ("told", "number"),
    [
        pytest.param([("a", HERE), ("b", GONE)], 0, id="who is here"),
        pytest.param([("a", GONE), ("b", HERE)], 0, id="the one who was removed"),
        pytest.param([("a", GONE), ("a", HERE), ("a", GONE)], 1, id="the one here before all gone"),
        pytest.param([("a", GONE), ("a", GONE)], "id_ambiguous", id="two who were removed"),
        pytest.param([("a", HERE), ("a", HERE)], "id_ambiguous", id="two who are here"),
        pytest.param([("b", GONE)], "not_found", id="nobody"),
    ],
)
def test_a_name_asked_about_means_one_person(
    told: list[tuple[str, str | None]], number: int | str
) -> None:
    people = known(*told)
    if isinstance(number, int):
        assert people.find_ever("@a").an == number
        return
    with pytest.raises(NotFoundError) as caught:
        people.find_ever("@a")
    assert caught.value.code == number


def test_an_act_means_nobody_who_was_removed() -> None:
    with pytest.raises(NotFoundError, match="not_found"):
        known(("a", GONE)).find("@a")
    assert known(("a", HERE)).find("@a").an == 0
