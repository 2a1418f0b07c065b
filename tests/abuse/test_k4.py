"""K4: no key that a removed member has opens what is written under the epoch after it."""

from __future__ import annotations

from envoy.core.envelope import open_outer
from envoy.core.epoch import epoch_keys
from envoy.errors import RemoteFault
from replica.council import council, remove
from replica.scenes import frames_of
from replica.world import Actor, World


def opened(frames: list[bytes], gone: Actor) -> int:
    """Return how many frames open under any secret that ``gone`` holds."""
    space = gone.space.id
    keys = [epoch_keys(space, row.secret) for row in gone.events.epochs(1) if row.secret]
    count = 0
    for frame in frames:
        for key in keys:
            try:
                open_outer(frame, space, key.event_key)
            except RemoteFault:
                continue
            count += 1
    return count


def test_trial_decryption_with_all_it_has(world: World) -> None:
    lead, b, _, gone, _ = council(world)
    before = frames_of(lead)
    remove(lead, gone)
    after = set(frames_of(lead)) - set(before)
    old = [frame for frame in after if opened([frame], gone)]
    sent = {lead.send("one").event, b.send("two").event}
    b.sync()
    lead.sync()
    gone.sync()
    new = [frame for frame in frames_of(lead) if frame not in set(before) | set(old)]
    assert len(new) > len(sent) and opened(new, gone) == 0
    assert opened(before, gone) >= len(before) > 0  # the control
    assert opened(new, b) > 0
