"""Main: the command line of `envoy-mcp`, and what it checks before a client hears of it.

The SDK takes a second to load, so `--version` and `--help` answer without it, and where it is not
installed that is said in one sentence.

Specification: docs/spec/mcp.md, Starting.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from secrets import token_hex

import envoy
from envoy.errors import EnvoyError, UsageError
from envoy.mcp.session import Bounds
from envoy.wiring import config as configs
from envoy.wiring import sessions, toml

EXIT_INTERRUPT = 130
SESSION_BYTES = 4
MISSING = "envoy-mcp needs the package mcp: pip install 'envoy-space[mcp]'"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        "envoy-mcp",
        allow_abbrev=False,
        description="Serve one Envoy profile to one MCP client, over stdin and stdout.",
    )
    add = made.add_argument
    add("--profile", metavar="P", help="the profile to speak for; default: ENVOY_PROFILE, default")
    add("--space", metavar="S", help="the only space this server may touch; others are refused")
    add(
        "--deny-cross-space",
        action="store_true",
        help="once texts of a space were shown, refuse to write into another",
    )
    add("--read-only", action="store_true", help="list and run only tools that read")
    add("--root", metavar="DIR", help="files are shared from below here; default: this directory")
    add("--envoy-bin", metavar="PATH", help="accepted and not used: no other program is run")
    add("--version", action="version", version=f"envoy-mcp {envoy.__version__}")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the client hangs up; return the exit status."""
    given = parser().parse_args(argv)
    try:
        config = loaded(given.profile)
        bounds = Bounds(root_of(given.root), given.space, given.deny_cross_space, given.read_only)
    except EnvoyError as error:
        print(f"error[{error.code}]: {error.sentence}", file=sys.stderr)
        return error.exit
    try:
        from envoy.mcp import server
    except ImportError:
        print(f"error[unsupported_operation]: {MISSING}", file=sys.stderr)
        return UsageError.exit
    try:
        server.run(config, bounds)
    except KeyboardInterrupt:
        return EXIT_INTERRUPT
    return 0


def loaded(profile: str | None) -> configs.Config:
    """Return the configuration of this process; without ENVOY_SESSION it is a session of its own.

    Raises UsageError(invalid_argument).
    """
    flags = {"profile": profile, "quiet": True, "json": True}
    found = configs.load(flags, read_toml=toml.read)
    if found.origins["session"] != "default":
        return found
    return found._replace(session=f"{sessions.SERVER}{token_hex(SESSION_BYTES)}")


def root_of(given: str | None) -> str:
    """Return the directory that files are shared from. Raises UsageError(invalid_argument)."""
    path = os.path.realpath(given or os.getcwd())
    if not os.path.isdir(path):
        raise UsageError("invalid_argument", argument="--root", cause="no_directory")
    return path


if __name__ == "__main__":
    sys.exit(main())
