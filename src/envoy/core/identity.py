"""Identity: one root secret, and all that a member is by it.

32 random bytes are the identity: every key follows from them, so 24 words on paper give back the
did and all keys, and nothing else has to be kept in step. Keys are derived, never converted: each
has its label and, where it belongs to one space or relay, that in its context, so that no two
spaces can be linked by a key.

Laws: a root leaves this module only as words or in the record of identity.json; no text and no
error holds one. What others say about their keys (a keys statement) counts only signed. No clock
and no randomness: ``root`` and ``ts`` are arguments.

Specification: docs/spec/identity.md. Test vectors: tests/vectors/identity.json, people.json.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from envoy import ids
from envoy.core import codec, words
from envoy.core.codec import B32, I63, EncKey
from envoy.core.crypto import seal, sign
from envoy.core.structs import Body, State
from envoy.errors import IntegrityError, NeedsHumanError, RemoteFault, UsageError

ROOT_BYTES: Final = 32
RECORD_VERSION: Final = 1
STATEMENT_VERSION: Final = 1
ENC_NO_MAX: Final = 2**32 - 1  # a u32 in the derivation
CARD_KEY: Final = bytes(32)  # in place of a space: the key for boxes of a did without invite
RECOVERY_WORDS: Final = 24
FINGERPRINT_WORDS: Final = 6
_CHECKSUM_BITS: Final = 8  # BIP39: one for each 32 bits of entropy
_CHECK_BYTES: Final = 8
_NO_LOCK: Final = {"mode": "none", "t": 0, "m": 0, "p": 0, "salt": ""}
_LOCK_MODES: Final = ("none", "passphrase", "keyring")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = str.maketrans("-_", "+/")

T = TypeVar("T")


class Identity(State, frozen=True):
    """The holder of ``root``, 32 bytes. Each method derives one thing; seeds are 32 bytes."""

    root: bytes

    def __repr__(self) -> str:
        return "Identity(...)"  # a root in a traceback would be a root in a log

    @property
    def did(self) -> bytes:
        """The public signing key, 32 bytes: who the member is."""
        return sign.public_key(self.signing_seed)

    @property
    def signing_seed(self) -> bytes:
        """The Ed25519 seed that signs events, statements and cards."""
        return sign.expand(self.root, "id-sign")

    def access_seed(self, space: bytes) -> bytes:
        """Return the Ed25519 seed of the pseudonym that a relay knows in ``space``."""
        return sign.expand(self.root, "access", space)

    def space_root_seed(self, salt: bytes) -> bytes:
        """Return the Ed25519 seed of the root key of the space whose genesis holds ``salt``."""
        return sign.expand(self.root, "space-root", salt)

    def enc_seed(self, no: int, space: bytes | None) -> bytes:
        """Return the X-Wing seed of encryption key ``no`` for ``space``; None is the card key."""
        place = CARD_KEY if space is None else space
        return sign.expand(self.root, "id-enc", place, no.to_bytes(4))

    def enc_key(self, no: int, space: bytes | None) -> bytes:
        """Return the public half, 1,216 bytes, of ``enc_seed``. Loads the library of seal."""
        return seal.public_key(self.enc_seed(no, space))

    @property
    def backup_key(self) -> bytes:
        """The symmetric key of archives that the words open."""
        return sign.expand(self.root, "id-backup")

    @property
    def check(self) -> bytes:
        """Eight bytes that tell a wrong passphrase from damage, and say nothing about the root."""
        return sign.expand(self.root, "id-check", length=_CHECK_BYTES)


# -- recovery words -------------------------------------------------------------------------


def recovery_words(root: bytes) -> list[str]:
    """Return the 24 words that stand for ``root``. Source: BIP39, 256 bits of entropy."""
    checksum = sign.sha256(sign.exactly(root, ROOT_BYTES))[0]
    return words.spell(int.from_bytes(root) << _CHECKSUM_BITS | checksum, RECOVERY_WORDS)


def root_from_words(text: str) -> bytes:
    """Return the root that 24 words stand for; letter case and white space do not count.

    Raises UsageError(invalid_argument); its details name the cause (word_count, unknown_word,
    checksum) and the places of unknown words, from 1, never a word: they are a secret.
    """
    found = [words.position(word) for word in text.lower().split()]
    if len(found) != RECOVERY_WORDS:
        raise UsageError("invalid_argument", cause="word_count", found=len(found))
    unknown = [place for place, number in enumerate(found, 1) if number is None]
    if unknown:
        raise UsageError("invalid_argument", cause="unknown_word", places=unknown)
    bits = 0
    for number in found:
        bits = bits << words.BITS | (number or 0)
    root = (bits >> _CHECKSUM_BITS).to_bytes(ROOT_BYTES)
    if sign.sha256(root)[0] != bits & 0xFF:
        raise UsageError("invalid_argument", cause="checksum")
    return root


# -- keys statements ------------------------------------------------------------------------


class KeysStatement(Body, frozen=True):
    """Q: "boxes for ``did`` in ``space`` go to ``enc``". ``space`` nil: the card key."""

    v: I63
    did: B32
    space: B32 | None
    no: I63
    enc: EncKey
    ts: I63

    def check(self) -> None:
        """Refuse a number that no key is derived by."""
        codec.refuse_unless(self.no <= ENC_NO_MAX)


def make_statement(
    identity: Identity, space: bytes | None, *, no: int, ts: int
) -> tuple[bytes, bytes]:
    """Return C(Q) and its signature for encryption key ``no`` of ``identity`` in ``space``."""
    key = identity.enc_key(no, space)
    made = KeysStatement(STATEMENT_VERSION, identity.did, space, no, key, ts)
    statement = codec.encode(made)
    return statement, sign.sign(identity.signing_seed, "keys", statement)


def check_statement(
    statement: bytes, sig: bytes, *, did: bytes, space: bytes | None
) -> KeysStatement:
    """Return the statement that ``did`` made about its key in ``space`` (None: its card key).

    Raises RemoteFault: unsupported for a newer version, malformed, non_canonical, bad_key for
    another did, wrong_space, bad_signature. Whether the key is usable is a local matter
    (``seal.is_usable``), never a rule.
    """
    version = codec.peek_first(statement)
    if isinstance(version, int) and version > STATEMENT_VERSION:
        raise RemoteFault("unsupported")
    found = codec.decode(statement, KeysStatement)
    codec.refuse_unless(found.v == STATEMENT_VERSION)
    if found.did != did or not sign.is_valid_key(did):
        raise RemoteFault("bad_key")
    if found.space != space:
        raise RemoteFault("wrong_space")
    if not sign.verify(did, "keys", sig, statement):
        raise RemoteFault("bad_signature")
    return found


# -- identity.json --------------------------------------------------------------------------


class Stored(State, frozen=True):
    """What identity.json holds: who, under which name, and the newest encryption key's number."""

    identity: Identity
    name: str
    enc_no: int


def to_record(stored: Stored) -> dict[str, object]:
    """Return ``stored`` as the record of identity.json under lock mode ``none``.

    The root is in clear: file modes guard it, and whoever writes the file says so to the user.
    """
    return {
        "v": RECORD_VERSION,
        "name": stored.name,
        "did": ids.did_text(stored.identity.did),
        "enc_no": stored.enc_no,
        "lock": dict(_NO_LOCK),
        "root": _to_base64(stored.identity.root),
        "check": _to_base64(stored.identity.check),
    }


def from_record(record: Mapping[str, object]) -> Stored:
    """Return what the ``record`` of an identity.json holds.

    Raises NeedsHumanError(profile_locked) for a lock this build cannot open without a person,
    IntegrityError: ``schema_too_new`` for a newer version, ``state_corrupt`` for anything that
    ``to_record`` does not write, a root that does not fit ``check`` or ``did`` included.
    """
    version = record.get("v")
    if type(version) is int and version > RECORD_VERSION:
        raise IntegrityError("schema_too_new")
    lock = record.get("lock")
    if not isinstance(lock, Mapping) or lock.get("mode") not in _LOCK_MODES:
        raise IntegrityError("state_corrupt", cause="identity_lock")
    if lock["mode"] != "none":
        raise NeedsHumanError("profile_locked")
    root = _from_base64(_field(record, "root", str))
    name, enc_no = _field(record, "name", str), _field(record, "enc_no", int)
    stored = Stored(Identity(root), name, enc_no)
    # One comparison judges the rest: names of fields, types, encodings, did and check.
    fits = len(root) == ROOT_BYTES and 0 <= enc_no <= ENC_NO_MAX and to_record(stored) == record
    if not fits:
        raise IntegrityError("state_corrupt", cause="identity_record")
    return stored


# -- fingerprints ---------------------------------------------------------------------------


def fingerprint(key: bytes) -> bytes:
    """Return F, 32 bytes, of a member's ``key``; its first 8 hex digits are the short form."""
    return sign.tagged("fp", key)


def fingerprint_words(key: bytes) -> list[str]:
    """Return the first 66 bits of F as 6 words, to be read aloud."""
    bits = FINGERPRINT_WORDS * words.BITS
    return words.spell(int.from_bytes(fingerprint(key)) >> 256 - bits, FINGERPRINT_WORDS)


def fingerprint_full(key: bytes) -> str:
    """Return all of F as 16 groups of 4 hex digits."""
    return fingerprint(key).hex(" ", 2)


def safety_number(one: bytes, other: bytes) -> str:
    """Return the number that both holders of two keys see alike: twelve groups of five digits."""
    pair = sign.tagged("sn", *sorted((one, other)))
    stream = sign.expand(pair, "sn-digits", length=60)
    groups = (int.from_bytes(stream[at : at + 5]) % 100_000 for at in range(0, 60, 5))
    return " ".join(f"{group:05}" for group in groups)


def space_fingerprint(space: bytes, heads: Iterable[bytes]) -> bytes:
    """Return 32 bytes that are equal where the heads of the accepted events of ``space`` are.

    Two members compare it out of band: a hub that shows them different logs is found out.
    """
    return sign.tagged("space-fp", space, codec.encode(sorted(set(heads))))


def _field(record: Mapping[str, object], name: str, kind: type[T]) -> T:
    """Return field ``name`` of ``record``, exactly of type ``kind`` (a bool is no int)."""
    value = record.get(name)
    if type(value) is not kind:
        raise IntegrityError("state_corrupt", cause="identity_record")
    return value


def _to_base64(raw: bytes) -> str:
    """Return ``raw`` as base64url without padding."""
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL).decode()


def _from_base64(text: str) -> bytes:
    """Return the bytes of base64url ``text``; odd forms are caught by encoding again."""
    padded = text.translate(_FROM_URL) + "=" * (-len(text) % 4)
    try:
        return a2b_base64(padded)
    except ValueError as error:  # binascii.Error, or a letter that is not ASCII
        raise IntegrityError("state_corrupt", cause="identity_record") from error
