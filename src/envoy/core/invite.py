"""Invites: one short code from which a joiner derives all that a way in needs.

The code carries 115 random bits and never enters the space or a hub: the space holds the public
halves of what it derives, a hub a lookup id, hashes of two secrets and an encrypted blob. So a hub
cannot join, a member cannot pass on what it does not have, and guessing is out of reach (THREATS
K9). Whoever redeems signs its own key with the redeem key: a proof fits one member, one space, one
invite and one encryption key, and nobody else can use a proof that is seen.

Codes are typed by people, so they have a door of their own: one error for whatever is wrong with
one, ``invalid_invite``, which never repeats the text.

Specification: docs/spec/invite.md. Test vectors: tests/vectors/invite.json.
"""

from __future__ import annotations

from typing import Final, TypeVar

from envoy import limits
from envoy.core.bodies import MODES, ROLES, Statement
from envoy.core.codec import B32, B64, I63, EncKey, bounded, decode, encode, refuse_unless
from envoy.core.crypto.aead import NONCE_BYTES, TAG_BYTES, decrypt, encrypt
from envoy.core.crypto.seal import OVERHEAD_BYTES, open_box, seal
from envoy.core.crypto.sign import (
    exactly,
    expand,
    extract,
    prefixed,
    public_key,
    sign,
    tagged,
)
from envoy.core.joining import Joining
from envoy.core.structs import Body, State
from envoy.errors import ConflictError, RemoteFault

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0 1 I O: people read codes aloud
SECRET_BYTES: Final = 15
SECRET_BITS: Final = 115
SECRET_SYMBOLS: Final = SECRET_BITS // 5
CODE_SYMBOLS: Final = SECRET_SYMBOLS + 1  # the last one checks the others
LOOKUP_BYTES: Final = 16
URI_HEAD: Final = "envoy://join"

_GROUP: Final = 4
_BLANKS: Final = " \t\n\r\f\v"
_CODE_CHARS_MAX: Final = 64  # room for any grouping by dashes and spaces
_URI_CHARS_MAX: Final = 1024
_LENGTH_BYTES: Final = 4
_PLAIN_BYTES: Final = limits.INVITE_BLOB_BYTES - NONCE_BYTES - TAG_BYTES
_SEALED_BYTES: Final = limits.JOIN_REQUEST_BYTES - OVERHEAD_BYTES
_VALUES: Final = {symbol: value for value, symbol in enumerate(ALPHABET)}
_SALT: Final = b"envoy/1 invite"
B = TypeVar("B", bound=Body)


class InviteKeys(State, frozen=True):
    """What follows from a code. ``redeem``, ``access`` and ``enc`` are seeds of key pairs."""

    lookup: bytes
    blob: bytes
    fetch_auth: bytes
    redeem: bytes
    access: bytes
    enc: bytes

    def __repr__(self) -> str:
        return "InviteKeys(...)"  # a secret in a traceback would be one in a log


class InviteInfo(Body, frozen=True):
    """What the blob tells the holder of a code: where the space is and what the invite gives.

    ``pin`` is the SHA-256 of the relay's public key (SPKI); ``enc`` the key that join requests are
    sealed to (approve mode); ``cap`` the capability chain that ends in the access key (open mode,
    nil where the hub is a local file and asks for none).
    """

    space: B32
    relays: tuple[str, ...]
    pin: B32 | None
    inviter: B32
    invite: B32
    mode: str
    role: str
    na: I63
    enc: EncKey | None
    cap: bytes | None

    def check(self) -> None:
        """Refuse a mode without its fields, and over-long lists."""
        refuse_unless(self.mode in MODES and self.role in ROLES)
        refuse_unless((self.enc is not None) == (self.mode == "approve"))
        refuse_unless(self.cap is None or self.mode == "open")
        refuse_unless(len(self.cap or b"") <= limits.INVITE_CAP_BYTES_MAX)
        refuse_unless(len(self.relays) <= limits.INVITE_RELAYS_MAX)
        for relay in self.relays:
            bounded(relay, limits.TITLE_BYTES_MAX, empty=False)


class JoinRequest(Body, frozen=True):
    """What somebody with the code of an approve invite tells those who may let it in.

    ``proof`` is the redeem proof over ``did``, the key of ``keys`` and ``access``.
    """

    did: B32
    name: str
    keys: Statement
    access: B32
    proof: B64

    def check(self) -> None:
        """Refuse a name that is no name."""
        bounded(self.name, limits.NAME_BYTES_MAX, empty=False)


class JoinReply(Body, frozen=True):
    """Where who was let in finds its box: the epoch; ``cap`` its capability chain at a relay."""

    space: B32
    epoch: B32
    cap: bytes | None

    def check(self) -> None:
        """Refuse an over-long chain."""
        refuse_unless(len(self.cap or b"") <= limits.INVITE_CAP_BYTES_MAX)


class InviteLink(State, frozen=True):
    """A code or URI as it was typed: the secret, and where the URI says to ask."""

    secret: bytes
    relay: str | None
    pin: str | None

    def __repr__(self) -> str:
        return "InviteLink(...)"  # a secret in a traceback would be one in a log


# -- codes -----------------------------------------------------------------------------------


def new_secret(entropy: bytes) -> bytes:
    """Return the secret s of a new invite: the last 115 bits of 15 random bytes."""
    number = int.from_bytes(exactly(entropy, SECRET_BYTES)) & ((1 << SECRET_BITS) - 1)
    return number.to_bytes(SECRET_BYTES)


def code(secret: bytes) -> str:
    """Return the code of ``secret``: 24 symbols in groups of four, joined by dashes."""
    number = int.from_bytes(exactly(secret, SECRET_BYTES))
    assert number >> SECRET_BITS == 0, "a secret has 115 bits"
    shifts = range(SECRET_BITS - 5, -1, -5)
    symbols = "".join([ALPHABET[(number >> shift) & 31] for shift in shifts]) + _check(secret)
    return "-".join([symbols[at : at + _GROUP] for at in range(0, CODE_SYMBOLS, _GROUP)])


def parse_code(text: str) -> bytes:
    """Return the secret in ``text``; letter case, dashes and spaces do not matter.

    Raises ConflictError(invalid_invite), without the text, for anything else.
    """
    symbols = text.replace("-", "").replace(" ", "").upper() if text.isascii() else ""
    if len(text) > _CODE_CHARS_MAX or len(symbols) != CODE_SYMBOLS:
        raise ConflictError("invalid_invite")
    number = 0
    for symbol in symbols[:-1]:
        value = _VALUES.get(symbol)
        if value is None:
            raise ConflictError("invalid_invite")
        number = number << 5 | value
    secret = number.to_bytes(SECRET_BYTES)
    if symbols[-1] != _check(secret):
        raise ConflictError("invalid_invite")
    return secret


def uri(secret: bytes, *, relay: str | None = None, pin: str | None = None) -> str:
    """Return the URI of a code. Only the fragment is secret; the query says where to ask.

    ``relay`` is an origin such as ``https://relay.example``; ``pin`` a URL-safe text.
    """
    pairs = [f"{name}={value}" for name, value in (("r", relay), ("pin", pin)) if value]
    query = "?" + "&".join(pairs) if pairs else ""
    return f"{URI_HEAD}{query}#{code(secret)}"


def parse(text: str) -> InviteLink:
    """Return what ``text``, a code or an ``envoy://join`` URI, says.

    Nothing is asked of a relay here, and its name is not judged: it is member text until the
    network door takes it. Raises ConflictError(invalid_invite).
    """
    text = text.strip(_BLANKS)
    if not text.lower().startswith(URI_HEAD):
        return InviteLink(parse_code(text), None, None)
    head, _, fragment = text[len(URI_HEAD) :].partition("#")
    if len(text) > _URI_CHARS_MAX or head[:1] not in ("", "?"):
        raise ConflictError("invalid_invite")
    found = dict[str, str]()
    for pair in head[1:].split("&") if head else []:
        name, equals, value = pair.partition("=")
        if name not in ("r", "pin") or name in found or not (equals and _is_plain(value)):
            raise ConflictError("invalid_invite")
        found[name] = value
    return InviteLink(parse_code(fragment), found.get("r"), found.get("pin"))


# -- derivations and blob --------------------------------------------------------------------


def invite_keys(secret: bytes) -> InviteKeys:
    """Return what follows from ``secret``. Source: docs/spec/invite.md, Derivations."""
    key = extract(_SALT, exactly(secret, SECRET_BYTES))
    return InviteKeys(
        lookup=expand(key, "inv-lookup", length=LOOKUP_BYTES),
        blob=expand(key, "inv-blob"),
        fetch_auth=expand(key, "inv-fetch_auth"),
        redeem=expand(key, "inv-redeem"),
        access=expand(key, "inv-access"),
        enc=expand(key, "inv-enc"),
    )


def seal_blob(keys: InviteKeys, info: InviteInfo, nonce: bytes) -> bytes:
    """Return the blob that a hub keeps: always limits.INVITE_BLOB_BYTES. ``nonce`` is random."""
    raw = encode(info)
    decode(raw, InviteInfo)  # what no joiner could read is not published
    return nonce + encrypt(keys.blob, nonce, "blob", keys.lookup, _padded(raw, _PLAIN_BYTES))


def open_blob(keys: InviteKeys, blob: bytes) -> InviteInfo:
    """Return what the blob of this invite says.

    Raises RemoteFault: ``cannot_open`` for another lookup id, key or bit; ``malformed`` for
    another length; ``non_canonical`` for other padding.
    """
    refuse_unless(len(blob) == limits.INVITE_BLOB_BYTES)
    nonce, sealed = blob[:NONCE_BYTES], blob[NONCE_BYTES:]
    return decode(_unpadded(decrypt(keys.blob, nonce, "blob", keys.lookup, sealed)), InviteInfo)


# -- asking to be let in ---------------------------------------------------------------------


def seal_request(enc: bytes, lookup: bytes, request: JoinRequest) -> bytes:
    """Return ``request`` for the holder of ``enc``: always limits.JOIN_REQUEST_BYTES.

    Raises RemoteFault(bad_key) for a key that cannot be sealed to.
    """
    return _sealed(enc, "join-request", lookup, request)


def open_request(seed: bytes, lookup: bytes, sealed: bytes) -> JoinRequest:
    """Return the request that was sealed to the key of ``seed`` for the invite ``lookup``.

    Nothing it says is checked. Raises RemoteFault as ``open_blob`` does.
    """
    return _opened(seed, "join-request", lookup, sealed, JoinRequest)


def seal_reply(enc: bytes, lookup: bytes, reply: JoinReply) -> bytes:
    """Return the answer to a request for its author, as long as a request.

    Raises RemoteFault(bad_key) for a key that cannot be sealed to.
    """
    return _sealed(enc, "join-reply", lookup, reply)


def open_reply(seed: bytes, lookup: bytes, sealed: bytes) -> JoinReply:
    """Return the answer that was sealed to the key of ``seed``. Raises as ``open_blob`` does."""
    return _opened(seed, "join-reply", lookup, sealed, JoinReply)


def _sealed(enc: bytes, label: str, lookup: bytes, body: Body) -> bytes:
    """Return ``body``, padded so that its length tells nothing, in a box."""
    return seal(enc, prefixed(label, lookup), _padded(encode(body), _SEALED_BYTES))


def _opened(seed: bytes, label: str, lookup: bytes, sealed: bytes, kind: type[B]) -> B:
    """Return what is in a box of one size."""
    refuse_unless(len(sealed) == limits.JOIN_REQUEST_BYTES)
    return decode(_unpadded(open_box(seed, prefixed(label, lookup), sealed)), kind)


def _padded(raw: bytes, size: int) -> bytes:
    """Return ``raw`` behind its length, with zeros to ``size``."""
    plain = len(raw).to_bytes(_LENGTH_BYTES) + raw
    assert len(plain) <= size, "the bounds of what is inside leave room"
    return plain.ljust(size, b"\0")


def _unpadded(plain: bytes) -> bytes:
    """Return what ``_padded`` was given. Raises RemoteFault (malformed, non_canonical)."""
    end = _LENGTH_BYTES + int.from_bytes(plain[:_LENGTH_BYTES])
    refuse_unless(end <= len(plain))
    if plain[end:] != bytes(len(plain) - end):
        raise RemoteFault("non_canonical")
    return plain[_LENGTH_BYTES:end]


# -- redeeming -------------------------------------------------------------------------------


def ipk(keys: InviteKeys) -> bytes:
    """Return the public key that redeem proofs verify under: a field of the invite event."""
    return public_key(keys.redeem)


def prove(keys: InviteKeys, joining: Joining) -> bytes:
    """Return the redeem proof, 64 bytes, of whoever holds the code."""
    return sign(keys.redeem, "join", *joining)


def _check(secret: bytes) -> str:
    """Return the check symbol: the top five bits of H("invite-check", s)."""
    return ALPHABET[tagged("invite-check", secret)[0] >> 3]


def _is_plain(value: str) -> bool:
    """Say whether ``value`` is visible ASCII and not empty."""
    return bool(value) and value.isascii() and value.isprintable() and " " not in value
