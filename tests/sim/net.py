"""The network of the simulator: the way of one member to the hub, call by call.

A call may be lost before or after the hub heard it, be heard twice, be heard again much later, take
its time, come back spoiled, or never leave because the member is cut off. While one waits for an
answer others act: between two calls no lock is held, so whatever they do must be fine.
"""

from __future__ import annotations

from envoy.core.structs import Body
from envoy.errors import RelayError
from envoy.sync.frames import HubRefusal
from replica.world import Door
from sim.disk import Killed
from sim.hubs import garbled
from sim.scene import Scene, Weather

DEEP_MAX = 2
LATE_MS = 20 * 60_000


class Net(Door):
    """The door of one member."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene = scene
        self.name = name
        self.cut_until = 0
        self.dies_in = 0  # calls until the process dies; 0: it does not
        hub = scene.answering(name)
        super().__init__(hub, scene.hub.true)
        self.calls = []

    @property
    def is_cut(self) -> bool:
        """Say whether nothing gets through."""
        return self.away or self.scene.now < self.cut_until

    def handle(self, call: Body) -> Body:
        """Return what comes back for ``call``, if anything does."""
        scene, weather, dice = self.scene, self.scene.weather, self.scene.dice
        scene.counts["calls"] += 1
        scene.now += dice.randrange(1 + weather.slow_ms)
        dies = self._dies()
        if dies and dice.random() < 0.5:
            raise Killed
        if self.is_cut:
            raise RelayError("relay_unavailable")
        if scene.deep < DEEP_MAX and dice.random() < weather.beside:
            scene.beside(self.name)
        chance = dice.random
        if chance() < weather.lost:
            self._later(call, weather)
            raise RelayError("relay_unavailable")
        reply = self._heard(call)
        if chance() < weather.doubled:
            reply = self._again(call, reply)
        if chance() < weather.late:
            scene.later(call, self.name, scene.now + dice.randrange(LATE_MS))
        if dies:
            raise Killed
        if chance() < weather.unheard:
            raise RelayError("relay_unavailable")
        return garbled(reply, dice) if chance() < weather.spoiled else reply

    def _dies(self) -> bool:
        """Count down to the call that the process does not survive."""
        if self.dies_in == 0:
            return False
        self.dies_in -= 1
        return self.dies_in == 0

    def _heard(self, call: Body) -> Body:
        """Let the hub answer; its key is the one that this answer comes from."""
        hub = self.scene.answering(self.name)
        self.hub_key = hub.hub_key
        return hub.handle(call)

    def _again(self, call: Body, reply: Body) -> Body:
        """Let the hub hear the same call twice."""
        self.scene.counts["doubled"] += 1
        try:
            second = self._heard(call)
        except HubRefusal:
            return reply
        return second if self.scene.dice.random() < 0.5 else reply

    def _later(self, call: Body, weather: Weather) -> None:
        """Let a call that seemed lost arrive after all, at times."""
        self.scene.counts["lost"] += 1
        if self.scene.dice.random() < 0.5 or weather.late:
            at = self.scene.now + self.scene.dice.randrange(LATE_MS)
            self.scene.later(call, self.name, at)
