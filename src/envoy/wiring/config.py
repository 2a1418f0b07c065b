"""Config: where the home is, which profile and space are meant, and who said so.

A value comes from the command line, else the environment, else the project's `.envoy.toml`, else
`config.toml` of the home, else a default; its origin is kept, so that `diagnose` can tell. The
project file may name a profile and a space and nothing else: a cloned repository must not choose a
relay, a home or a format.

Reading a file of this kind costs 8 ms, so it is left to the caller: ``read_toml`` is called for a
file that exists, and a face passes `wiring.toml.read` without loading it first.

Specification: docs/spec/cli.md.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping

from envoy import limits
from envoy.errors import UsageError
from envoy.lean import NamedTuple

PROJECT_FILE = ".envoy.toml"
HOME_FILE = "config.toml"
PROJECT_KEYS = frozenset(("profile", "space"))
SESSION_DEFAULT = "default"
# Name: variable of the environment, default.
SETTINGS: Mapping[str, tuple[str, str]] = {
    "profile": ("ENVOY_PROFILE", "default"),
    "space": ("ENVOY_SPACE", ""),
    "session": ("ENVOY_SESSION", SESSION_DEFAULT),
    "timeout": ("ENVOY_TIMEOUT", str(limits.RPC_SECONDS_DEFAULT * 1000)),
    "relay_url": ("ENVOY_RELAY_URL", ""),
    "color": ("", "auto"),
    "egress": ("", "any"),
}
NAME_SYMBOLS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")

ReadToml = Callable[[str], Mapping[str, object]]


class Config(NamedTuple):
    """What one call of a face stands on."""

    home: str
    profile: str
    space: str | None
    session: str
    timeout_ms: int
    json: bool
    quiet: bool
    color: str  # auto, always, never
    relay_url: str | None
    sync: bool  # look for news before a read, push after a write
    yes: bool
    verbose: bool
    origins: Mapping[str, str]  # flag, environment, a file, default
    passphrase_file: str | None = None  # a path; - is stdin
    egress: str = "any"  # local: nothing but this machine is called


def load(flags: Mapping[str, object], *, read_toml: ReadToml) -> Config:
    """Return the configuration for the global ``flags`` of this call.

    Raises UsageError(invalid_argument) for a value that is none, naming where it came from.
    """
    home, home_origin = find_home(flags.get("home"))
    files = (
        (find_project_file(home), PROJECT_KEYS),
        (os.path.join(home, HOME_FILE), frozenset(SETTINGS)),
    )
    layers = [("flag", flags), ("environment", from_environment())]
    layers += [
        (path, {key: value for key, value in read_toml(path).items() if key in allowed})
        for path, allowed in files
        if path is not None and is_mine(path)
    ]
    values, origins = merged(layers)
    return Config(
        home=home,
        profile=profile_name(values["profile"], origins["profile"]),
        space=values["space"] or None,
        session=session_name(values["session"], origins["session"]),
        timeout_ms=milliseconds(values["timeout"], origins["timeout"]),
        json=flags.get("json") is True or os.environ.get("ENVOY_FORMAT") == "json",
        quiet=flags.get("quiet") is True,
        color=color(values["color"], origins["color"]),
        relay_url=values["relay_url"] or None,
        sync=flags.get("no_sync") is not True,
        yes=flags.get("yes") is True,
        verbose=flags.get("verbose") is True,
        origins={"home": home_origin, **origins},
        passphrase_file=passphrase_file(flags),
        egress=egress(values["egress"], origins["egress"]),
    )


def passphrase_file(flags: Mapping[str, object]) -> str | None:
    """Return where a passphrase is read from. Only a flag names it: a path is no setting."""
    given = flags.get("passphrase_file")
    return None if given is None else str(given)


def find_home(named: object = None) -> tuple[str, str]:
    """Return the absolute path of the home and where it comes from; ``named`` comes first."""
    if named is not None:
        return os.path.abspath(str(named)), "flag"
    given = os.environ.get("ENVOY_HOME", "")
    if given:
        return os.path.abspath(given), "environment"
    return os.path.join(os.path.expanduser("~"), ".envoy"), "default"


def find_project_file(home: str) -> str | None:
    """Return the nearest project file of the working directory or those above it, or None."""
    try:
        here = os.getcwd()
    except OSError:  # it was removed under us: then it is no project either
        return None
    for _ in range(limits.PROJECT_DIRECTORIES_MAX):
        path = os.path.join(here, PROJECT_FILE)
        if is_mine(path):
            return path
        above = os.path.dirname(here)
        if above == here or here == os.path.dirname(home):
            return None
        here = above
    return None


def is_mine(path: str) -> bool:
    """Return whether ``path`` is a file of mine or of root: nobody else sets my profile."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid in (os.getuid(), 0)


def from_environment() -> dict[str, object]:
    """Return the settings that the environment names; an empty variable names none."""
    return {
        name: os.environ[variable]
        for name, (variable, _) in SETTINGS.items()
        if variable and os.environ.get(variable)
    }


def merged(layers: list[tuple[str, Mapping[str, object]]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return each setting as text from the first of ``layers`` that has it, and its origin."""
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    for name, (_, default) in SETTINGS.items():
        values[name], origins[name] = default, "default"
        for origin, layer in layers:
            if layer.get(name) is not None:
                values[name], origins[name] = str(layer[name]), origin
                break
    return values, origins


def profile_name(name: str, origin: str) -> str:
    """Return ``name`` if it can be the name of a directory and of nothing else."""
    if not name_is_plain(name):
        raise UsageError("invalid_argument", argument="profile", cause="name", origin=origin)
    return name


def name_is_plain(name: str) -> bool:
    """Return whether ``name`` is 1 to 64 ASCII letters, digits, `.`, `_`, `-`, no dot first."""
    plain = NAME_SYMBOLS.issuperset(name) and not name.startswith((".", "-"))
    return plain and 0 < len(name) <= limits.PROFILE_NAME_CHARS_MAX


def session_name(name: str, origin: str) -> str:
    """Return ``name`` if it fits a claim."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:  # bytes of the environment that were no UTF-8
        raise UsageError(
            "invalid_argument", argument="session", cause="utf8", origin=origin
        ) from error
    if not 0 < size <= limits.LABEL_BYTES_MAX:
        raise UsageError("invalid_argument", argument="session", cause="length", origin=origin)
    return name


def milliseconds(text: str, origin: str) -> int:
    """Return ``text`` as the time that one call or one lock may take."""
    if not (text.isascii() and text.isdigit() and len(text) <= limits.ARGUMENT_DIGITS_MAX):
        raise UsageError("invalid_argument", argument="timeout", cause="number", origin=origin)
    return min(int(text), limits.TIMEOUT_MS_MAX)


def egress(choice: str, origin: str) -> str:
    """Return whether other machines may be called at all: any, or local."""
    if choice not in ("any", "local"):
        raise UsageError("invalid_argument", argument="egress", cause="choice", origin=origin)
    return choice


def color(choice: str, origin: str) -> str:
    """Return when to use colour: by flag, else NO_COLOR and FORCE_COLOR, else automatically."""
    if choice not in ("auto", "always", "never"):
        raise UsageError("invalid_argument", argument="color", cause="choice", origin=origin)
    if origin == "flag":
        return choice
    if os.environ.get("NO_COLOR"):
        return "never"
    return "always" if os.environ.get("FORCE_COLOR") else choice
