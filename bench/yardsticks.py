"""Yardsticks: what this machine can do without Envoy, measured in the same rounds.

Each is the bare cost of one thing that Envoy promises and cannot do faster than: starting Python,
making bytes durable, signing, verifying, encrypting. Libraries are used directly, none of Envoy.

Specification: docs/MEASURES.md, section 2.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw
from nacl import bindings

from bench.rounds import Contender, Wrong
from bench.setting import environment, spend

TEXT = bytes(500)
ROW = bytes(600)
WARM_TRANSACTIONS = 2_000  # SQLite is slower in a log that still grows
SECONDS = 0.1  # of one sample


def rate(name: str, work: Callable[[], object], *, batch: int = 1) -> Contender:
    """Return ``work``, which does ``batch`` things, as a contender in things per second."""

    def once() -> float:
        count, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < SECONDS:
            work()
            count += batch
        return count / spent

    return Contender(name, "per_s", once)


def python(scratch: Path) -> Contender:
    """Return the start of this interpreter with nothing to do."""
    return _start("python", [sys.executable, "-c", "pass"], scratch)


def python_is(scratch: Path) -> Contender:
    """Return the start of a Python that looks at no environment and no site directory."""
    return _start("python_is", [sys.executable, "-I", "-S", "-c", "pass"], scratch)


def _start(name: str, argv: list[str], scratch: Path) -> Contender:
    def once() -> float:
        spent = spend(argv, environment(), scratch)
        if spent.exit != 0:
            raise Wrong(spent.err)
        return spent.cpu_ms

    return Contender(name, "cpu_ms", once)


def fsync(scratch: Path) -> Contender:
    """Return the rate of appending 512 bytes and making them durable."""
    file = os.open(scratch / "fsync", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append() -> None:
        os.write(file, bytes(512))
        os.fsync(file)

    return rate("fsync", append)


def sqlite(scratch: Path, *, synchronous: str) -> Contender:
    """Return the rate of one-row transactions of 600 bytes in a warm write-ahead log."""
    name = f"sqlite_{synchronous.lower()}"
    connection = apsw.Connection(str(scratch / f"{name}.db"))
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("CREATE TABLE row(bytes BLOB)")
    connection.execute("PRAGMA synchronous=NORMAL")

    def insert() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO row(bytes) VALUES(?)", (ROW,))
        connection.execute("COMMIT")

    for _ in range(WARM_TRANSACTIONS):
        insert()
    connection.execute(f"PRAGMA synchronous={synchronous}")
    return rate(name, insert)


def sign() -> Contender:
    """Return the rate of Ed25519 signatures of 500 bytes."""
    _, key = bindings.crypto_sign_seed_keypair(bytes(32))
    return rate("sign", lambda: [bindings.crypto_sign(TEXT, key) for _ in range(50)], batch=50)


def verify() -> Contender:
    """Return the rate of Ed25519 verifications of 500 bytes."""
    public, key = bindings.crypto_sign_seed_keypair(bytes(32))
    signed = bindings.crypto_sign(TEXT, key)

    def check() -> None:
        for _ in range(50):
            bindings.crypto_sign_open(signed, public)

    return rate("verify", check, batch=50)


def aead() -> Contender:
    """Return the rate of XChaCha20-Poly1305 over 500 bytes."""
    seal = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt
    nonce, key = bytes(24), bytes(32)
    return rate("aead", lambda: [seal(TEXT, b"", nonce, key) for _ in range(50)], batch=50)


def everything(scratch: Path) -> tuple[Contender, ...]:
    """Return all yardsticks."""
    return (
        python(scratch),
        python_is(scratch),
        fsync(scratch),
        sqlite(scratch, synchronous="FULL"),
        sqlite(scratch, synchronous="NORMAL"),
        sign(),
        verify(),
        aead(),
    )
