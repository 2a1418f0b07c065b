"""Epochs: one secret, its keys, and how it reaches exactly the readers it is for.

An epoch is a span of a space's life with one set of readers. Its secret K is random and travels in
HPKE boxes, one a reader; everything else follows from K and the space. No cipher here commits to
its key, but the epoch id does: it is a hash over a commitment to K, so a box, a head or a wrap with
another secret shows before it is used (THREATS K2, K3, K20). Each epoch wraps the secrets of those
before it, which lets a newcomer walk back through history with one unwrap per epoch.

Laws: K is drawn, never derived, and used for one epoch id only, so a crashed creation is tried
again with a new one. Whatever comes from outside is checked against an epoch id before its bytes
are used for anything. Nothing here knows who may read; that is ``state.epochs``.

Specification: docs/spec/epoch.md. Test vectors: tests/vectors/epoch.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from envoy import limits
from envoy.core.codec import B32, I64, decode, encode, peek_first, refuse_unless
from envoy.core.crypto.aead import NONCE_ZERO, decrypt, encrypt
from envoy.core.crypto.seal import BOX_BYTES, kid, open_box, public_key, seal
from envoy.core.crypto.sign import SUITE, exactly, expand, extract, prefixed, tagged
from envoy.core.event import Event
from envoy.core.structs import Body, State
from envoy.errors import RemoteFault

SECRET_BYTES: Final = 32
NONCE_BYTES: Final = 16
TAG_BYTES: Final = 16
NO_WRAP: Final = bytes(32)  # in the place of H("wrap", prev_wrap) where there is none


class EpochKeys(State, frozen=True):
    """What follows from an epoch secret: the keys of its events and of its wrap, and c."""

    event_key: bytes
    wrap_key: bytes
    commitment: bytes

    def __repr__(self) -> str:
        return "EpochKeys(...)"  # a secret in a traceback would be one in a log


class Head(Body, frozen=True):
    """What a hub shows of an epoch to whoever may pull the space."""

    suite: I64
    tag: B32
    commitment: B32
    prev_wrap: bytes | None


class Entry(Body, frozen=True):
    """An older epoch in a wrap: its id, what the id was made of, and its secret."""

    id: B32
    tag: B32
    wrap: B32
    secret: B32

    def __repr__(self) -> str:
        return "Entry(...)"  # a secret in a traceback would be one in a log


class NewEpoch(State, frozen=True):
    """A created epoch: ``nonce`` and ``wrap`` go into the ``epoch.create``, ``head`` to hubs."""

    id: bytes
    secret: bytes
    keys: EpochKeys
    nonce: bytes
    wrap: bytes
    head: bytes

    def __repr__(self) -> str:
        return "NewEpoch(...)"  # a secret in a traceback would be one in a log


class Walk(State, frozen=True):
    """What a walk through heads found: secrets by epoch id, and the epochs whose wrap is bad."""

    secrets: dict[bytes, bytes]
    bad: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "Walk(...)"  # a secret in a traceback would be one in a log


# -- derivations -----------------------------------------------------------------------------


def epoch_keys(space: bytes, secret: bytes) -> EpochKeys:
    """Return what follows from ``secret``, the K of an epoch of ``space``."""
    root = extract(space, exactly(secret, SECRET_BYTES))
    return EpochKeys(expand(root, "evt"), expand(root, "hist"), expand(root, "commit", space))


def creator_tag(author: bytes, nonce: bytes) -> bytes:
    """Return t, which ties an epoch to its creator without naming it. ``nonce`` is 16 bytes."""
    return tagged("epoch-creator", author, exactly(nonce, NONCE_BYTES))


def wrap_hash(prev_wrap: bytes | None) -> bytes:
    """Return w: the hash of the wrap, 32 zero bytes where there is none."""
    return NO_WRAP if prev_wrap is None else tagged("wrap", prev_wrap)


def epoch_id(space: bytes, *, tag: bytes, commitment: bytes, wrap: bytes) -> bytes:
    """Return the epoch id H("epoch", space, t, c, w): it commits to the secret and the wrap."""
    return tagged("epoch", space, tag, commitment, wrap)


def new_epoch(
    space: bytes, author: bytes, *, nonce: bytes, secret: bytes, older: Sequence[Entry]
) -> NewEpoch:
    """Return the epoch that ``author`` creates with a fresh ``secret`` and ``nonce``.

    ``older`` are the maximal epochs known (``maximal``), at most limits.WRAP_ENTRIES_MAX, none for
    the first. Source: docs/spec/epoch.md, Values.
    """
    keys = epoch_keys(space, secret)
    tag = creator_tag(author, nonce)
    prev_wrap = make_wrap(keys.wrap_key, space, tag, older) if older else None
    wrap = wrap_hash(prev_wrap)
    head = encode(Head(SUITE, tag, keys.commitment, prev_wrap))
    new = epoch_id(space, tag=tag, commitment=keys.commitment, wrap=wrap)
    return NewEpoch(new, secret, keys, nonce, wrap, head)


def is_created(event: Event, *, suite: int, nonce: bytes, wrap: bytes, commitment: bytes) -> bool:
    """Say whether ``event``, with these fields in its body, created the epoch it is sealed under.

    ``commitment`` is that of the secret which opened it. A genesis creates the first epoch: its
    own suite and nonce, and NO_WRAP. Source: docs/spec/epoch.md, Creation.
    """
    tag = creator_tag(event.author, nonce)
    made = epoch_id(event.space, tag=tag, commitment=commitment, wrap=wrap)
    return suite == SUITE and event.epoch == made


# -- heads and secrets -----------------------------------------------------------------------


def read_head(head: bytes, space: bytes, epoch: bytes) -> Head:
    """Return the fields of ``head``, which are those that give ``epoch``.

    Raises RemoteFault: ``too_large``, ``unknown_suite``, ``malformed``, ``non_canonical``;
    ``bad_link`` for the head of another epoch. Source: docs/spec/epoch.md, Heads.
    """
    if len(head) > limits.EPOCH_HEAD_BYTES_MAX:
        raise RemoteFault("too_large")
    suite = peek_first(head)
    if isinstance(suite, int) and suite != SUITE:
        raise RemoteFault("unknown_suite")
    fields = decode(head, Head)
    wrap = wrap_hash(fields.prev_wrap)
    if epoch != epoch_id(space, tag=fields.tag, commitment=fields.commitment, wrap=wrap):
        raise RemoteFault("bad_link")
    return fields


def check_secret(
    space: bytes, epoch: bytes, *, tag: bytes, wrap: bytes, secret: bytes
) -> EpochKeys:
    """Return the keys of ``secret``, which is the one that gives ``epoch``.

    Raises RemoteFault(cannot_open) for any other secret: faces call that ``epoch_box_bad``.
    """
    refuse_unless(len(secret) == SECRET_BYTES)
    keys = epoch_keys(space, secret)
    if epoch != epoch_id(space, tag=tag, commitment=keys.commitment, wrap=wrap):
        raise RemoteFault("cannot_open")
    return keys


# -- the history chain -----------------------------------------------------------------------


def make_wrap(wrap_key: bytes, space: bytes, tag: bytes, entries: Iterable[Entry]) -> bytes:
    """Return prev_wrap: ``entries``, 1 to limits.WRAP_ENTRIES_MAX, ascending by id, encrypted.

    The nonce is zero because a wrap key seals once: it follows from a secret drawn for it.
    """
    ordered = tuple(sorted(entries, key=lambda entry: entry.id))
    assert 0 < len(ordered) <= limits.WRAP_ENTRIES_MAX, "rotate twice"
    return encrypt(wrap_key, NONCE_ZERO, "hist", space + tag, encode(ordered))


def open_wrap(wrap_key: bytes, space: bytes, tag: bytes, prev_wrap: bytes) -> tuple[Entry, ...]:
    """Return the entries of ``prev_wrap``, each with the secret that gives its epoch id.

    Raises RemoteFault: ``cannot_open`` for a bit flip, a wrong key or a secret that is another
    epoch's, ``malformed``, ``non_canonical``. Source: docs/spec/epoch.md, History.
    """
    entries = decode(decrypt(wrap_key, NONCE_ZERO, "hist", space + tag, prev_wrap), _Entries)
    ids = [entry.id for entry in entries]
    refuse_unless(0 < len(ids) <= limits.WRAP_ENTRIES_MAX and ids == sorted(set(ids)))
    for entry in entries:
        check_secret(space, entry.id, tag=entry.tag, wrap=entry.wrap, secret=entry.secret)
    return entries


def walk(space: bytes, secrets: Mapping[bytes, bytes], heads: Mapping[bytes, Head]) -> Walk:
    """Return ``secrets`` and all that the wraps in ``heads`` add to them, one unwrap per epoch.

    ``heads`` come from ``read_head``, ``secrets`` from ``check_secret``. A wrap that fails is
    named and skipped: the epochs behind it are reached by another one, or asked for.
    """
    found, bad = dict(secrets), list[bytes]()
    todo = sorted(found)
    while todo:
        epoch = todo.pop()
        head = heads.get(epoch)
        if head is None or head.prev_wrap is None:
            continue
        try:
            wrap_key = epoch_keys(space, found[epoch]).wrap_key
            entries = open_wrap(wrap_key, space, head.tag, head.prev_wrap)
        except RemoteFault:
            bad.append(epoch)
            continue
        new = {entry.id: entry.secret for entry in entries if entry.id not in found}
        found.update(new)
        todo.extend(sorted(new))
    return Walk(found, tuple(sorted(bad)))


def maximal(listed: Mapping[bytes, Iterable[bytes]]) -> tuple[bytes, ...]:
    """Return, ascending, the epochs that no other one wraps: what the next epoch has to list.

    ``listed`` maps every epoch whose secret is known to the ids in its verified wrap. One that is
    reachable only through a wrap that failed is not listed by anybody, and so stands here again.
    """
    below = {older for ids in listed.values() for older in ids}
    return tuple(sorted(listed.keys() - below))


# -- boxes -----------------------------------------------------------------------------------


def box_tag(epoch: bytes, key_id: bytes) -> bytes:
    """Return the 16 bytes by which the holder of encryption key ``key_id`` finds its box."""
    return tagged("box-tag", epoch, key_id)[:TAG_BYTES]


def seal_box(enc_pk: bytes, space: bytes, epoch: bytes, secret: bytes) -> bytes:
    """Return a box with ``secret`` for the holder of ``enc_pk``.

    Raises RemoteFault(bad_key) for a key that cannot be sealed to: its reader gets no box.
    """
    return seal(enc_pk, _box_info(space, epoch, kid(enc_pk)), exactly(secret, SECRET_BYTES))


def open_boxes(
    seed: bytes, boxes: Sequence[bytes], *, space: bytes, epoch: bytes, head: Head
) -> tuple[bytes | None, tuple[int, ...]]:
    """Return the secret of ``epoch`` from the first good box, and the positions of bogus ones.

    ``boxes`` come in reading order: the head's poster first, then oldest first. At most
    limits.BOXES_TRIED_MAX are tried; None means: ask a member (``key.request``).
    """
    info = _box_info(space, epoch, kid(public_key(seed)))
    bogus = list[int]()
    for position, box in enumerate(boxes[: limits.BOXES_TRIED_MAX]):
        try:
            refuse_unless(len(box) == BOX_BYTES)
            secret = open_box(seed, info, box)
            check_secret(space, epoch, tag=head.tag, wrap=wrap_hash(head.prev_wrap), secret=secret)
        except RemoteFault:
            bogus.append(position)
        else:
            return secret, tuple(bogus)
    return None, tuple(bogus)


def _box_info(space: bytes, epoch: bytes, key_id: bytes) -> bytes:
    """Return what binds a box to its space, epoch and key."""
    return prefixed("epoch-seal", space, epoch, key_id)


# -- slots -----------------------------------------------------------------------------------


def slot_name(space: bytes, salt: bytes, task: bytes, no: int) -> bytes:
    """Return the slot of ``task`` at the hub pinned as ``no``; hubs cannot link it to the task.

    ``salt`` is that of the genesis body, which only members know.
    """
    return expand(extract(space, salt), "slot", task, no.to_bytes(8))


_Entries = tuple[Entry, ...]
