"""Write tests/vectors/authority.json: stories of acts that cross, and how each of them ends.

What is expected is computed by ``state.slow``, which follows docs/spec/authority.md word by word
and knows nothing of envoy; a test holds that it is what the hand-written stories say, and that
envoy agrees. Shapes: docs/spec/authority.md, section Vectors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from state import slow_epochs
from state.every_story import STORIES
from state.log import Log
from state.slow import Slow
from state.stories import Story
from state.told import told

TARGET = Path(__file__).with_name("authority.json")


def vector(story: Story) -> dict[str, Any]:
    """Return a story as a vector."""
    log = Log()
    story.tell(log)
    events = told(log)
    return {
        "name": f"{story.number}: {story.title}",
        "input": events,
        "expect": ending(Slow(events)),
    }


def ending(slow: Slow) -> dict[str, Any]:
    """Return what every replica makes of a story."""
    everything = slow.all
    members = sorted({event["by"] for event in slow.events.values()})
    return {
        "verdicts": {name: slow.text(name) for name in slow.events},
        "live": slow.live(everything),
        "roles": {one: slow.role_of(everything, one) for one in members},
        "recipients": slow.recipients(everything),
        "ending": sorted(slow_epochs.ending(slow, everything)),
        "epoch": slow_epochs.current(slow, everything),
    }


def text() -> str:
    """Return the content of the file: one vector a line."""
    lines = [json.dumps(vector(story), separators=(",", ":")) for story in STORIES]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
