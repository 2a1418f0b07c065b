"""Lines of the stream: after which of them a program reads its authority again."""

from __future__ import annotations

import pytest

from envoy.views.history import re_read


@pytest.mark.parametrize(
    ("type_name", "kind", "expected"),
    [
        pytest.param("epoch_bumped", "epoch_bumped", True, id="a new epoch"),
        pytest.param("capability_revoked", "remove", True, id="a removal"),
        pytest.param("capability_granted", "grant", False, id="a grant takes nothing away"),
        pytest.param("member_left", "leave", False, id="the public type of a leave"),
        pytest.param("event_held", "message", False, id="a held message"),
        pytest.param("event_held", "grant", True, id="a grant that is lost"),
        pytest.param("event_admitted", "remove", True, id="a removal that counts again"),
        pytest.param("event_admitted", "admit", False, id="an admit itself"),
    ],
)
def test_what_makes_a_program_read_its_authority_again(
    type_name: str, kind: str, expected: bool
) -> None:
    assert re_read(type_name, kind) == expected
