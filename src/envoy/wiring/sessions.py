"""Sessions: what hooks remember of one run of an agent, between two of its moments.

A hook is a process of a tenth of a second, so whether a model was warned before, and what it was
told of, lies in a small file of the profile, one per session. Losing it costs a repeated sentence.

Laws: ids, numbers and our own words, never what a member wrote. At most 64 sessions; the oldest
go. What is not as it should be is taken for nothing: hooks fail open.

Specification: docs/spec/hooks.md, Sessions.
"""

from __future__ import annotations

import os

from envoy import ids, limits
from envoy.errors import EnvoyError
from envoy.jsontext import JsonError, dumps, loads
from envoy.lean import NamedTuple
from envoy.storage import home
from envoy.system import files
from envoy.views import names, rows
from envoy.wiring.reads import Reader

# How the session of a server begins that has no name given: it has no hooks, and ends with itself.
SERVER = "mcp-"

Json = dict[str, object]


class Held(NamedTuple):
    """A task that a session has, and its space."""

    space: rows.Space
    task: rows.Task


def held(reader: Reader, session: str, *, servers: bool) -> list[Held]:
    """Return what a session of the profile has claimed and works on.

    ``servers``: also what the profile's servers without a name have.
    """
    me = reader.me_an()
    return [
        Held(one, task)
        for one in (reader.spaces if me is not None else ())
        for task in reader.views.tasks_of(one.sn, me or 0, limit=limits.SLOTS_PER_POSTER_MAX)
        if task.is_claim and task.state in names.AT_WORK and _is_of(task, session, servers=servers)
    ]


def _is_of(task: rows.Task, session: str, *, servers: bool) -> bool:
    """Say whether a session holds a task, or a server."""
    name = task.session or ""
    return name == session or (servers and name.startswith(SERVER))


def path_of(where: home.Paths, session: str) -> str:
    """Return where the file of a session lies; its name tells nothing."""
    name = ids.sha256(session.encode("utf-8", "replace")).hexdigest()[:32]
    return os.path.join(where.profile, "sessions", f"{name}.json")


def load(where: home.Paths, session: str) -> Json:
    """Return what is remembered of a session; nothing where that is missing or unreadable."""
    path = path_of(where, session)
    try:
        found = loads(files.read(path, bytes_max=limits.HOOK_SESSION_BYTES_MAX))
    except (EnvoyError, JsonError):
        return {}
    return found if isinstance(found, dict) else {}


def save(where: home.Paths, session: str, known: Json) -> None:
    """Remember ``known`` of a session. Raises EnvoyError as ``files.replace`` does."""
    path = path_of(where, session)
    if not files.exists(path):
        files.ensure_directory(os.path.dirname(path))
        _make_room(os.path.dirname(path))
    files.replace(path, dumps(known).encode())


def forget(where: home.Paths, session: str) -> None:
    """Forget a session."""
    files.remove(path_of(where, session))


def _make_room(directory: str) -> None:
    """Delete the sessions that were longest not heard of, beyond what there is room for."""
    try:
        found = [entry for entry in os.scandir(directory) if entry.name.endswith(".json")]
        found.sort(key=lambda entry: entry.stat().st_mtime)
    except OSError as error:
        raise files.fault(error, directory) from error
    for entry in found[: max(0, len(found) + 1 - limits.HOOK_SESSIONS_MAX)]:
        files.remove(entry.path)
