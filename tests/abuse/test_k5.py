"""K5: epochs made at once are all used and lost by nobody; the next one merges them."""

from __future__ import annotations

from envoy.core.epoch import epoch_keys, open_wrap, read_head
from envoy.replica.actions import authority
from replica.compare import differences, meaning
from replica.council import council
from replica.scenes import parked, status_of
from replica.world import World


def test_three_rotations_beside_each_other(world: World) -> None:
    lead, b, c, w, reader = council(world)
    rotators, sent, made = (lead, b, c), list[bytes](), set[bytes]()
    for one in rotators:
        one.door.away = True
        authority.rotate(one.copy)
        sent.append(one.send(f"by {one.name}").event)
        made.add(one.space.epoch or b"")
        one.door.away = False
    team = (lead, b, c, w, reader)
    for _ in range(2):
        for one in team:
            one.sync()
    for one in team:
        assert {status_of(one, event) for event in sent} == {"ok"} and not parked(one)
        assert one.space.epoch == lead.space.epoch and one.space.adequate
        assert differences(meaning(lead), meaning(one)) == []
    authority.rotate(lead.copy)
    row = lead.events.epoch(1, lead.space.epoch or b"")
    assert row is not None and row.head and row.secret and len(made) == 3
    head = read_head(row.head, lead.space.id, row.id)
    key = epoch_keys(lead.space.id, row.secret).wrap_key
    assert head.prev_wrap is not None
    assert {one.id for one in open_wrap(key, lead.space.id, head.tag, head.prev_wrap)} == made
