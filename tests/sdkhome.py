"""Sdkhome: a temporary home with two profiles in one space, as programs have it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import envoy


class Pair(NamedTuple):
    """A lead who founded a space, and an agent who joined it."""

    home: Path
    lead: envoy.Client
    agent: envoy.Client
    led: envoy.Space
    worked: envoy.Space


def pair(home: Path) -> Pair:
    """Return a lead and an agent in one new space below ``home``."""
    lead = envoy.open("lead", home=home, create="human")
    agent = envoy.open("a1", home=home, create="agent", session="s1")
    led = lead.spaces.create("bughunt")
    worked = agent.join(led.invite().reveal())
    return Pair(home, lead, agent, led, worked)
