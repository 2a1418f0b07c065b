"""Events of any shape: what a modified client, another copy or a bad clock would write.

A forger signs with the real keys of an actor and seals under a real epoch; the place of the event
in the graph, its time, kind and bytes are the test's. Nothing is committed in the actor's own copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from envoy.core.codec import encode
from envoy.core.crypto.sign import sign
from envoy.core.envelope import Writer, author_event, envelope_id, seal
from envoy.core.epoch import epoch_keys
from envoy.core.event import Event, Links, build_inner, with_salt
from envoy.core.kinds import entity_of
from envoy.core.structs import Body, replace
from envoy.replica.replica import KIND_OF
from replica.world import Actor

Value = bytes | int | str | None | tuple[bytes, ...]


class Forger:
    """Writes in the name of ``actor`` on a chain of its own, in the order of the calls."""

    def __init__(
        self,
        actor: Actor,
        *,
        chain: bytes | None = None,
        draw: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.actor = actor
        self.draw = draw
        self.chain = chain or draw(16)
        self.tip: Event | None = None

    @property
    def writer(self) -> Writer:
        """The keys of the actor in the epoch that its copy writes under."""
        row = self.actor.space
        assert row.epoch is not None
        epoch = self.actor.events.epoch(row.sn, row.epoch)
        assert epoch is not None and epoch.secret is not None
        keys = epoch_keys(row.id, epoch.secret)
        seed = self.actor.profile.identity.signing_seed
        return Writer(space=row.id, epoch=epoch.id, event_key=keys.event_key, seed=seed)

    def links(self, body: Body, kind: str) -> Links:
        """Return the place that an honest author would give an event now."""
        row, events = self.actor.space, self.actor.events
        heads = events.heads(row.sn, citable=True)
        tip = self.tip
        named = [one for one in heads if tip is None or one.id != tip.id][:16]
        entity = None
        if kind in KIND_OF.values():
            entity = entity_of(kind, body, event=b"", author=self.actor.me, space=row.id)
        grants = self.actor.profile.rows.grants_of(row.sn, events.actor(self.actor.me))
        is_founder = not grants or grants[0].kind == "genesis"
        above = [one.lam for one in named] + ([tip.lam] if tip else [])
        times = [one.ts for one in named] + ([tip.ts] if tip else [])
        return Links(
            chain=self.chain,
            seq=0 if tip is None else tip.seq + 1,
            prev=None if tip is None else tip.id,
            deps=tuple(sorted(one.id for one in named)),
            lam=1 + max(above),
            auth=row.id if is_founder else grants[0].id,
            ts=max(self.actor.clock.now_ms(), *times),
            basis=tuple(one for one, _ in events.entity_heads(row.sn, entity)) if entity else (),
        )

    def say(self, body: Body, **change: Value) -> tuple[bytes, Event]:
        """Return an envelope and its event.

        ``change`` names another ``kind``, the ``raw`` bytes of a body, or fields of the links.
        """
        kind, raw = change.pop("kind", KIND_OF[type(body)]), change.pop("raw", encode(body))
        assert isinstance(kind, str) and isinstance(raw, bytes)
        links = replace(self.links(body, kind), **change)
        frame, event = author_event(
            self.writer, links=links, kind=kind, body=raw, entropy=self.draw(32)
        )
        self.tip = event
        return frame, event

    def unsigned(self, body: Body) -> bytes:
        """Return an envelope whose signature is another's."""
        return self._sealed(body, seed=self.draw(32))

    def misplaced(self, body: Body) -> bytes:
        """Return an envelope whose inner names another space."""
        return self._sealed(body, space=self.draw(32))

    def anonymous(self, body: Body) -> bytes:
        """Return an envelope whose author is no key."""
        return self._sealed(body, author=bytes(32))

    def _sealed(
        self,
        body: Body,
        *,
        seed: bytes | None = None,
        space: bytes | None = None,
        author: bytes | None = None,
    ) -> bytes:
        """Return an envelope with one thing inside that does not fit."""
        writer, kind = self.writer, KIND_OF[type(body)]
        blank = build_inner(
            space or writer.space,
            writer.epoch,
            author or self.actor.me,
            links=self.links(body, kind),
            kind=kind,
            body=encode(body),
        )
        return self._closed(blank, seed or writer.seed)

    def versioned(self, version: int) -> bytes:
        """Return an envelope whose inner is one that a later build would write."""
        salt = self.draw(24)
        inner = encode((version, "who knows"))
        writer = self.writer
        return seal(writer, salt=salt, sig=sign(writer.seed, "event", inner), inner=inner)

    def _closed(self, blank: bytes, seed: bytes) -> bytes:
        """Return the envelope of an inner, signed by ``seed``."""
        salt = self.draw(24)
        inner = with_salt(blank, salt)
        return seal(self.writer, salt=salt, sig=sign(seed, "event", inner), inner=inner)


def ident(frame: bytes) -> bytes:
    """Return the id of an envelope."""
    return envelope_id(frame)
