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

from envoy import ids, limits
from envoy.core import codec
from envoy.core.codec import B32, I63, EncKey
from envoy.core.crypto import aead, seal, sign
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
_SUM_BYTES: Final = 8
NONE, PASSPHRASE, KEYRING = "none", "passphrase", "keyring"
LOCK_MODES: Final = (NONE, PASSPHRASE, KEYRING)
LOCK_SALT_BYTES: Final = 16
# What one guess at a passphrase costs: a quarter of a second and 64 MiB (RFC 9106, section 4).
PASSES: Final = 3
KIB: Final = 64 * limits.KIB
LANES: Final = 4
_FIELDS: Final = ("v", "name", "did", "enc_no", "lock", "root", "check", "sum")
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

    def account_seed(self, origin: str) -> bytes:
        """Return the Ed25519 seed of the account at the relay ``origin``, which knows no did."""
        return sign.expand(self.root, "account", codec.encode(origin))

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
    def db_key(self) -> bytes:
        """The symmetric key of an encrypted replica.db."""
        return sign.expand(self.root, "id-db")

    @property
    def check(self) -> bytes:
        """Eight bytes that fit this root alone, and say nothing about it."""
        return sign.expand(self.root, "id-check", length=_CHECK_BYTES)


# -- recovery words -------------------------------------------------------------------------


def recovery_words(root: bytes) -> list[str]:
    """Return the 24 words that stand for ``root``. Source: BIP39, 256 bits of entropy."""
    from envoy.core import words

    checksum = sign.sha256(sign.exactly(root, ROOT_BYTES))[0]
    return words.spell(int.from_bytes(root) << _CHECKSUM_BITS | checksum, RECOVERY_WORDS)


def root_from_words(text: str) -> bytes:
    """Return the root that 24 words stand for; letter case and white space do not count.

    Raises UsageError(invalid_argument); its details name the cause (word_count, unknown_word,
    checksum) and the places of unknown words, from 1, never a word: they are a secret.
    """
    from envoy.core import words

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


class Lock(State, frozen=True):
    """How the root lies in identity.json. ``m`` is in KiB; salt 16 bytes, empty for ``none``."""

    mode: str
    t: int
    m: int
    p: int
    salt: bytes


NO_LOCK: Final = Lock(NONE, 0, 0, 0, b"")


def is_bounded(t: int, m: int, p: int) -> bool:
    """Say whether argon2id with these parameters is one that a file may ask for; ``m`` in KiB."""
    fits = 1 <= t <= limits.KDF_PASSES_MAX and 1 <= p <= limits.KDF_LANES_MAX
    return fits and 8 * p <= m <= limits.KDF_KIB_MAX


def new_lock(mode: str, salt: bytes) -> Lock:
    """Return the lock of ``mode`` for one write of identity.json; ``salt`` is 16 fresh bytes."""
    if mode == NONE:
        return NO_LOCK
    sign.exactly(salt, LOCK_SALT_BYTES)
    if mode == PASSPHRASE:
        return Lock(mode, PASSES, KIB, LANES, salt)
    return Lock(mode, 0, 0, 0, salt)


def lock_key(lock: Lock, secret: bytes) -> bytes:
    """Return w, which wraps the root. ``secret``: the passphrase in UTF-8, or 32 bytes of the OS.

    A passphrase costs a quarter of a second. Raises InternalError(internal) without the memory.
    """
    if lock.mode == PASSPHRASE:
        return seal.argon2id(secret, lock.salt, passes=lock.t, kib=lock.m, lanes=lock.p)
    return sign.expand(secret, "lock", lock.salt)


def to_record(stored: Stored, lock: Lock = NO_LOCK, wrap: bytes = b"") -> dict[str, object]:
    """Return ``stored`` as the record of identity.json; ``wrap`` is the ``lock_key`` of ``lock``.

    Under the lock ``none`` the root is in clear: file modes guard it, and whoever writes the file
    says so to the user.
    """
    one = stored.identity
    root = one.root
    if lock.mode != NONE:
        root = aead.encrypt(wrap, aead.NONCE_ZERO, "lock", _lock_ctx(one.did, lock), root)
    record: dict[str, object] = {
        "v": RECORD_VERSION,
        "name": stored.name,
        "did": ids.did_text(one.did),
        "enc_no": stored.enc_no,
        "lock": {
            "mode": lock.mode,
            "t": lock.t,
            "m": lock.m,
            "p": lock.p,
            "salt": _to_base64(lock.salt),
        },
        "root": _to_base64(root),
        "check": _to_base64(one.check),
    }
    return {**record, "sum": _to_base64(_sum(record))}


def check_record(record: Mapping[str, object]) -> Lock:
    """Return the lock of the ``record`` of an identity.json that nothing happened to.

    It needs no secret: a checksum goes over all fields. Raises IntegrityError: ``schema_too_new``
    for a newer version, ``state_corrupt`` for anything that ``to_record`` does not write.
    """
    version = record.get("v")
    if type(version) is int and version > RECORD_VERSION:
        raise IntegrityError("schema_too_new")
    lock = record.get("lock")
    if not isinstance(lock, Mapping) or lock.get("mode") not in LOCK_MODES:
        raise IntegrityError("state_corrupt", cause="identity_lock")
    salt = _field(lock, "salt", str)
    t, m, p = (_field(lock, name, int) for name in ("t", "m", "p"))
    found = Lock(_field(lock, "mode", str), t, m, p, _from_base64(salt))
    enc_no, total = _field(record, "enc_no", int), _field(record, "sum", str)
    _did(record)
    fits = tuple(sorted(record)) == tuple(sorted(_FIELDS)) and len(lock) == 5
    texts = [_field(record, name, str) for name in ("name", "root", "check")]
    fits = fits and 0 <= enc_no <= ENC_NO_MAX and version == RECORD_VERSION and _is_lock(found)
    fits = fits and len(texts[0].encode()) <= limits.NAME_BYTES_MAX and "\0" not in texts[0]
    fits = fits and all(_to_base64(_from_base64(text)) == text for text in (salt, *texts[1:]))
    if not fits or total != _to_base64(_sum(record)):
        raise IntegrityError("state_corrupt", cause="identity_record")
    return found


def from_record(record: Mapping[str, object], wrap: bytes | None = None) -> Stored:
    """Return what the ``record`` of an identity.json holds; ``wrap``: the ``lock_key`` of its lock.

    Raises NeedsHumanError(profile_locked) for a locked one without ``wrap`` or with another
    (cause ``wrong_secret``), and what ``check_record`` raises; a root that does not fit ``check``
    or ``did`` is state_corrupt too.
    """
    lock = check_record(record)
    root = _from_base64(_field(record, "root", str))
    if lock.mode != NONE:
        if wrap is None:
            raise NeedsHumanError("profile_locked", mode=lock.mode)
        root = _unwrapped(root, wrap, lock, _did(record))
    if len(root) != ROOT_BYTES:
        raise IntegrityError("state_corrupt", cause="identity_record")
    one = Identity(root)
    if one.did != _did(record) or _to_base64(one.check) != record["check"]:
        raise IntegrityError("state_corrupt", cause="identity_root")
    return Stored(one, _field(record, "name", str), _field(record, "enc_no", int))


def renamed(record: Mapping[str, object], name: str) -> dict[str, object]:
    """Return ``record`` under another ``name``; its lock stays, and no secret is needed.

    Raises as ``check_record`` does.
    """
    check_record(record)
    after = {**record, "name": name}
    return {**after, "sum": _to_base64(_sum(after))}


def _unwrapped(root: bytes, wrap: bytes, lock: Lock, did: bytes) -> bytes:
    """Return the root out of its wrapping. The record is whole: only the secret can be wrong."""
    try:
        return aead.decrypt(wrap, aead.NONCE_ZERO, "lock", _lock_ctx(did, lock), root)
    except RemoteFault as fault:
        raise NeedsHumanError("profile_locked", mode=lock.mode, cause="wrong_secret") from fault


def _lock_ctx(did: bytes, lock: Lock) -> bytes:
    """Return did || C(lock), which binds a wrapped root to its place."""
    return did + codec.encode((lock.mode, lock.t, lock.m, lock.p, lock.salt))


def _is_lock(lock: Lock) -> bool:
    """Say whether this build would open ``lock``: a file must not ask for unbounded work."""
    if lock.mode == NONE:
        return lock == NO_LOCK
    if len(lock.salt) != LOCK_SALT_BYTES:
        return False
    if lock.mode == PASSPHRASE:
        return is_bounded(lock.t, lock.m, lock.p)
    return (lock.t, lock.m, lock.p) == (0, 0, 0)


def _sum(record: Mapping[str, object]) -> bytes:
    """Return the checksum of all other fields of ``record``: damage, not malice, is what it finds.

    Whoever can write the file can write the sum; a wrapped root is guarded by its AEAD.
    """
    lock = record["lock"]
    assert isinstance(lock, Mapping), "checked before"
    parts = [record[name] for name in ("v", "name", "did", "enc_no")]
    parts += [[lock[name] for name in ("mode", "t", "m", "p", "salt")]]
    parts += [record["root"], record["check"]]
    return sign.tagged("id-sum", codec.encode(parts))[:_SUM_BYTES]


def _did(record: Mapping[str, object]) -> bytes:
    """Return the public key that the record names."""
    try:
        return ids.did_key(_field(record, "did", str))
    except UsageError as error:
        raise IntegrityError("state_corrupt", cause="identity_record") from error


# -- fingerprints ---------------------------------------------------------------------------


def fingerprint(key: bytes) -> bytes:
    """Return F, 32 bytes, of a member's ``key``; its first 8 hex digits are the short form."""
    return sign.tagged("fp", key)


def fingerprint_words(key: bytes) -> list[str]:
    """Return the first 66 bits of F as 6 words, to be read aloud."""
    from envoy.core import words

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
