"""Wild: stories that nobody would tell, drawn by chance.

Members grant, remove, backdate and contradict each other without sense. Most acts cite a grant that
their author has, so that they get past the S rules and meet; some do not. The ancestry of an act is
a draw as well: all there is, or the past of one or two events, as one who pretends would cite.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from envoy.core.bodies import ROLES
from envoy.core.codec import encode
from envoy.core.kinds import read_body
from state.log import DAY_MS, Delegating, Log, Node, Place, did
from state.slow import Slow
from state.told import told, told_one

MEMBERS: Final = "OBCWXY"
_FIRST_ROLES: Final = (("B", "admin"), ("C", "admin"), ("W", "write"))


class Wild:
    """A story under way; ``drawn`` decides everything."""

    def __init__(self, drawn: random.Random) -> None:
        self.drawn = drawn
        self.log = Log()
        self.slow = Slow(told(self.log))
        self.place = Place()
        self.acts: list[tuple[int, Callable[[str, str], object]]] = [
            (5, self._grant),
            (4, self._role),
            (4, self._delegate),
            (3, self._invite),
            (8, self._join),
            (4, self._remove),
            (4, self._revoke),
            (3, self._leave),
            (3, self._admit),
            (1, self._close),
            (4, self._epoch),
            (1, self._pin),
            (1, self._raise),
            (8, self._message),
            (2, self._keys),
            (1, self._merge),
        ]

    def tell(self, count: int) -> Log:
        """Return a story of a small cast and ``count`` acts."""
        for member, role in _FIRST_ROLES:
            self.log.grant(f"g{member}", "O", member, role, Place(only=tuple(self.log.nodes)))
            self._note(f"g{member}")
        weights = [weight for weight, _ in self.acts]
        for number in range(count):
            _, act = self.drawn.choices(self.acts, weights)[0]
            act(f"e{number}", self._stand())
            self._note(f"e{number}")
        return self.log

    def _note(self, name: str) -> None:
        self.slow.add(told_one(self.log, name))

    def _stand(self) -> str:
        """Draw who acts next, where and under which grant; return who."""
        nodes = list(self.log.nodes)
        chance = self.drawn.random()
        only = nodes if chance < 0.3 else self.drawn.sample(nodes, min(len(nodes), 2))
        if chance > 0.85:
            only = [self.drawn.choice(nodes)]
        known = {one for name in only for one in (name, *self._past(name))}
        ts = max(self.log.nodes[name].ts for name in known)
        step = self.drawn.choice((0, 0, 0, 1000, DAY_MS))
        # Low ids of equal lam in no order of telling.
        place = Place(only=only, ts=ts + step, id=self.drawn.getrandbits(64))
        owned = sorted(one for one in known & self.log.subjects.keys() if self.slow.is_grant(one))
        if not owned or self.drawn.random() < 0.03:
            self.place = place
            return self._who()
        under = self.drawn.choice(owned)
        self.place = place._replace(under=under)
        return self.log.names[self.log.subjects[under]]

    def _past(self, name: str) -> list[str]:
        past = self.log.nodes[name].past
        return [node.name for node in self.log.nodes.values() if past >> node.no & 1]

    def _any(self, *kinds: str) -> str:
        """Return an event, of one of ``kinds`` if there is any."""
        nodes: Sequence[Node] = list(self.log.nodes.values())
        chosen = [node.name for node in nodes if node.kind in kinds]
        return self.drawn.choice(chosen or [node.name for node in nodes])

    def _who(self) -> str:
        return self.drawn.choice(MEMBERS)

    def _grant(self, name: str, by: str) -> None:
        self.log.grant(name, by, self._who(), self.drawn.choice(ROLES), self.place)

    def _role(self, name: str, by: str) -> None:
        self.log.role(name, by, self._who(), self.drawn.choice(ROLES), self.place)

    def _delegate(self, name: str, by: str) -> None:
        drawn = self.drawn
        terms = Delegating(verb=drawn.choice(("read", "write", "write")))
        terms["depth"] = drawn.choice((0, 1, 2, 11))
        if drawn.random() < 0.3:
            terms["task"] = "T"
        if drawn.random() < 0.3:
            terms["na"] = DAY_MS
        self.log.delegate(name, by, self._who(), self.place, **terms)

    def _invite(self, name: str, by: str) -> None:
        uses = self.drawn.choice((0, 1, 1, 2))
        mode = self.drawn.choice(("open", "open", "open", "approve"))
        self.log.invite(name, by, self.place, uses=uses, mode=mode, na=2 * DAY_MS)

    def _join(self, name: str, by: str) -> None:
        invite = self._any("invite")
        place = self.place._replace(only=[*(self.place.only or ()), invite])
        self.log.join(name, by, invite, place._replace(ts=None))

    def _remove(self, name: str, by: str) -> None:
        whom = self._who()
        acts = [node.name for node in self.log.nodes.values() if node.author == did(whom)]
        undo = self.drawn.sample(acts, min(len(acts), self.drawn.choice((0, 0, 4))))
        self.log.remove(name, by, whom, self.place, undo=sorted(undo))

    def _revoke(self, name: str, by: str) -> None:
        target = self._any("delegate", "invite", "grant", "role", "join")
        self.log.revoke(name, by, target, self.place)

    def _leave(self, name: str, by: str) -> None:
        self.log.leave(name, by, self.place)

    def _admit(self, name: str, by: str) -> None:
        ids = {self._any("message") for _ in range(4)}
        ids |= {self._any("remove", "revoke", "leave", "role") for _ in range(4)}
        self.log.admit(name, by, sorted(ids), self.place)

    def _close(self, name: str, by: str) -> None:
        self.log.close(name, by, self.place)

    def _epoch(self, name: str, by: str) -> None:
        seen = {one for cited in self.place.only or () for one in (cited, *self._past(cited))}
        ids = self.slow.recipients(frozenset(seen))
        if self.drawn.random() < 0.2:
            ids = sorted({*ids, self._who()})
        readers = [one for one in ids if one in MEMBERS]
        invites = [one for one in ids if one not in MEMBERS]
        self.log.epoch(name, by, readers, self.place, invites=invites)

    def _pin(self, name: str, by: str) -> None:
        self.log.pin(name, by, self.drawn.choice((1, 2)), self.place)

    def _raise(self, name: str, by: str) -> None:
        self.log.raise_rules(name, by, self.drawn.choice((2, 3)), self.place)

    def _message(self, name: str, by: str) -> None:
        self.log.message(name, by, self.place, task=self.drawn.choice((None, "T")))

    def _keys(self, name: str, by: str) -> None:
        self.log.keys(name, by, self.place)

    def _merge(self, name: str, by: str) -> None:
        self.log.tell(name, by, "merge", read_body("merge", encode((None,))), self.place)


def wild(seed: int, count: int) -> Log:
    """Return the story of ``seed`` with ``count`` acts."""
    return Wild(random.Random(seed)).tell(count)
