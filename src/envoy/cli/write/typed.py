"""Typed: the texts that a user gives, from an argument, stdin or a file, fit to be signed.

What is signed can never be changed, so a text is composed (NFC) where it is written, and nowhere
else: equal texts are equal bytes on every machine. What is no text is refused.

Specification: docs/spec/text.md.
"""

from __future__ import annotations

import errno
import os
import sys

from envoy import limits
from envoy.cli.args import Args
from envoy.errors import UsageError
from envoy.replica.actions import names
from envoy.wiring.config import NAME_SYMBOLS

STDIN = "-"


text = names.typed_text
line = names.typed_line


def name(value: str, flag: str) -> str:
    """Return ``value`` as a name for a member or a space."""
    return line(value, flag, bytes_max=limits.NAME_BYTES_MAX)


def body(args: Args) -> str:
    """Return the text of the call: of its place or `--body`, of stdin or of a file.

    Raises UsageError: missing_required_flag, invalid_argument for several texts, an empty one or a
    file that cannot be read, message_too_large.
    """
    given, path = args.text("body"), args.text("body_file")
    wants_stdin = args.switch("stdin") or given == STDIN or path == STDIN
    texts = [one for one in (given, path) if one not in (None, STDIN)]
    if len(texts) + wants_stdin > 1:
        raise UsageError("invalid_argument", argument="--body", cause="several_texts")
    if wants_stdin:
        found = from_stdin()
    elif path is not None:
        found = from_file(path)
    else:
        found = args.need("body")
    if not found:
        raise UsageError("invalid_argument", argument="--body", cause="empty")
    return text(found, "--body")


def given(args: Args, name: str) -> str | None:
    """Return the text of the flag ``name``; `-` stands for stdin. None where it was not given."""
    value = args.text(name)
    flag = "--" + name.replace("_", "-")
    return None if value is None else text(from_stdin() if value == STDIN else value, flag)


def key(args: Args) -> str | None:
    """Return the idempotency key of the call. Raises UsageError(invalid_argument)."""
    found = args.text("idempotency_key")
    if found is None:
        return None
    if not (NAME_SYMBOLS.issuperset(found) and 0 < len(found) <= limits.IDEMPOTENCY_KEY_CHARS_MAX):
        raise UsageError("invalid_argument", argument="--idempotency-key", cause="symbols")
    return found


def from_stdin() -> str:
    """Return what stdin holds, as much as is worth reading."""
    if sys.stdin is None:
        raise UsageError("invalid_argument", argument="--stdin", cause="closed")
    return decoded(sys.stdin.buffer.read(limits.TYPED_BYTES_MAX + 1), "--stdin")


def from_file(path: str) -> str:
    """Return what the file ``path`` holds, as much as is worth reading."""
    try:
        with open(path, "rb") as file:
            data = file.read(limits.TYPED_BYTES_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        number = error.errno if isinstance(error, OSError) else errno.EINVAL
        reason = os.strerror(number or errno.EIO)
        raise UsageError("invalid_argument", argument="--body-file", cause=reason) from error
    return decoded(data, "--body-file")


def decoded(data: bytes, flag: str) -> str:
    """Return ``data``, read for ``flag``, as text."""
    if len(data) > limits.TYPED_BYTES_MAX:
        raise UsageError("message_too_large", argument=flag, bytes_max=limits.TEXT_BYTES_MAX)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("invalid_argument", argument=flag, cause="utf8") from error
