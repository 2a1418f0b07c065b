"""TOML: the two configuration files, read strictly and small.

Apart from `wiring.config` because the reader of the standard library loads for most of a bare
Python's start; it is imported only when there is a file.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from envoy import limits
from envoy.errors import UsageError


def read(path: str) -> Mapping[str, object]:
    """Return the top-level values of the file ``path``.

    Raises UsageError(invalid_argument) for what is no TOML, is too long, or nests.
    """
    found = _read(path)
    for name, value in found.items():
        if not isinstance(value, str | int):
            raise UsageError("invalid_argument", argument=path, cause="toml_value", name=name)
    return found


def read_tables(path: str) -> Mapping[str, Mapping[str, object]]:
    """Return the values of a file that has nothing but tables of values. Raises as ``read``."""
    found = dict[str, Mapping[str, object]]()
    for name, table in _read(path).items():
        if not isinstance(table, dict) or not all(
            isinstance(one, str | int) for one in table.values()
        ):
            raise UsageError("invalid_argument", argument=path, cause="toml_value", name=name)
        found[name] = table
    return found


def _read(path: str) -> Mapping[str, object]:
    """Return all that the file ``path`` holds."""
    try:
        with open(path, "rb") as file:
            data = file.read(limits.CONFIG_BYTES_MAX + 1)
        found = tomllib.loads(data.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # the last of a thousand brackets
        raise UsageError("invalid_argument", argument=path, cause="toml") from error
    if len(data) > limits.CONFIG_BYTES_MAX:
        raise UsageError("invalid_argument", argument=path, cause="too_long")
    return found
