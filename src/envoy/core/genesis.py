"""Genesis: the event that is the space.

The space id is a hash over G, and G commits to the whole first body (B0) without showing it: a hub
is given G alone, checks the id and learns the key that may delete the space, no names. Members
check that B0 gives the id of the space they were invited to, and that the founder signed it. It is
the one body that is read at the door, because nothing can be judged before it.

Two genesis envelopes of one B0 are a fork of the founder's chain like any other: acts cite the
space id, never an envelope.

Specification: docs/spec/event.md. Test vectors: tests/vectors/event.json.
"""

from __future__ import annotations

from typing import Final

from envoy.core.bodies import Genesis
from envoy.core.codec import decode, encode
from envoy.core.crypto.sign import SUITE, public_key, tagged
from envoy.core.envelope import Writer, author_event
from envoy.core.epoch import NewEpoch, new_epoch
from envoy.core.event import GENESIS, Event, Links, check_own_links
from envoy.core.structs import State
from envoy.errors import RemoteFault

RULES: Final = 1  # the rules of authority and of the reducers that this build knows


class Founding(State, frozen=True):
    """A founded space: what hubs get (``commitment``, ``epoch.head``) and the first event."""

    space: bytes
    commitment: bytes
    epoch: NewEpoch
    envelope: bytes
    event: Event


def genesis_commitment(body: bytes) -> bytes:
    """Return G of ``body``, which is C(B0). Raises RemoteFault(malformed, non_canonical)."""
    fields = decode(body, Genesis)
    return encode((fields.suite, fields.root_pub, tagged("genesis-body", body)))


def space_id(commitment: bytes) -> bytes:
    """Return the id, 32 bytes, of the space whose G is ``commitment``."""
    return tagged("genesis", commitment)


def check_genesis(event: Event) -> Genesis:
    """Return the body of ``event``, the genesis of its space.

    Raises RemoteFault: ``malformed``, ``non_canonical``; ``unknown_suite``; ``wrong_space`` for a
    body that gives another id; ``bad_key`` for an author who is not the founder; ``bad_link`` for a
    place that is not the first; ``unsupported`` for newer rules. Source: docs/spec/event.md,
    Genesis.
    """
    body = decode(event.body, Genesis)
    if body.suite != SUITE:
        raise RemoteFault("unknown_suite")
    if space_id(genesis_commitment(event.body)) != event.space:
        raise RemoteFault("wrong_space")
    if body.founder != event.author:
        raise RemoteFault("bad_key")
    check_own_links(event)
    if body.rules > RULES:
        raise RemoteFault("unsupported")
    return body


def found(
    seed: bytes, body: Genesis, *, secret: bytes, chain: bytes, ts: int, entropy: bytes
) -> Founding:
    """Return the space that ``body`` makes, its first epoch, for the founder alone, and event.

    ``seed`` is the founder's; ``secret`` 32, ``chain`` 16 and ``entropy`` 32 random bytes.
    """
    assert body.founder == public_key(seed), "only the founder founds"
    raw = encode(body)
    commitment = genesis_commitment(raw)
    space = space_id(commitment)
    epoch = new_epoch(space, body.founder, nonce=body.nonce, secret=secret, older=())
    links = Links(chain=chain, seq=0, prev=None, deps=(), lam=0, auth=space, ts=ts, basis=())
    writer = Writer(space=space, epoch=epoch.id, event_key=epoch.keys.event_key, seed=seed)
    envelope, event = author_event(writer, links=links, kind=GENESIS, body=raw, entropy=entropy)
    return Founding(space, commitment, epoch, envelope, event)
