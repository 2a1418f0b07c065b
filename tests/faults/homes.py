"""Homes: what commands are tried on, laid out anew for each fault.

`busy` holds something for every mutating command to work on: tasks in every state, records, an
object, an invite, a request, a conflict, a quarantined event, a handoff. `small` holds as little as
a home can that says something. Names stand for the ids in them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from hashlib import sha256
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from console import Console, text_of
from envoy.cli.main import main
from envoy.errors import CODES
from envoy.system import db

LEAD, AGENT, OTHER = "lead", "a1", "a2"
SPACE = "bughunt"


class Said(NamedTuple):
    """What one command came to."""

    status: int
    out: str
    err: str


class Stage:
    """A home below a directory of its own, as it was made, and the names of what is in it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.console = Console(self.root / "stage")
        self.names = dict[str, str]()
        self._kept = self.root / "kept"

    @property
    def home(self) -> Path:
        """Return the home."""
        return self.console.home

    def ok(self, name: str, *args: str, stdin: str = "") -> dict[str, Any]:
        """Return what a command answers, which has to succeed."""
        return self.console.ok("--profile", name, *args, stdin=stdin)

    def play(self, name: str, *args: str) -> Said:
        """Return what a command comes to."""
        done = self.console.call("--profile", name, "--json", *args)
        return Said(done.status, done.out, done.err)

    def stand(self) -> None:
        """Be where its commands are run, with nothing else in the environment. For a child."""
        own = self.console.environment()
        os.chdir(self.console.cwd)
        os.environ.clear()
        os.environ.update(own)

    def say(self, name: str, *args: str) -> Said:
        """Do as `play`, in a process that stands here."""
        streams = [TextIOWrapper(BytesIO(), encoding="utf-8") for _ in range(3)]
        before = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = streams
        try:
            status = main(["--profile", name, "--json", *args])
        finally:
            sys.stdin, sys.stdout, sys.stderr = before
        return Said(status, text_of(streams[1]), text_of(streams[2]))

    def keep(self) -> None:
        """Fold every log into its database, and keep the home as it is now."""
        for path in self.home.rglob("*.db"):
            db.seal_off(os.fspath(path))
        for path in (*self.home.rglob("*.db-wal"), *self.home.rglob("*.db-shm")):
            path.unlink()
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self.root / "stage", self._kept, symlinks=True)

    def restore(self) -> None:
        """Lay everything out as it was kept."""
        shutil.rmtree(self.root / "stage")
        shutil.copytree(self._kept, self.root / "stage", symlinks=True)

    def give(self, away: Path) -> None:
        """Put a copy of what is kept into a directory."""
        draft = away.with_name(away.name + ".draft")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(self._kept, draft, symlinks=True)
        draft.rename(away)

    def take(self, away: Path) -> None:
        """Have kept what another stage gave."""
        shutil.copytree(away, self._kept, symlinks=True)
        self.restore()

    def prints(self, name: str) -> dict[str, bytes]:
        """Return the hash of each file that is a profile's own."""
        return {
            os.fspath(path.relative_to(self.home)): sha256(path.read_bytes()).digest()
            for path in sorted((self.home / "profiles" / name).rglob("*"))
            if path.is_file() and not path.name.endswith(("-shm", ".lock"))
        }

    def has(self, name: str) -> bool:
        """Say whether there is such a profile."""
        return (self.home / "profiles" / name).exists()

    def events(self, name: str) -> set[bytes]:
        """Return the ids of all events that a profile holds."""
        path = self.home / "profiles" / name / "replica.db"
        with db.connect(os.fspath(path), read_only=True) as connection:
            return set(connection.rows(bytes, "SELECT id FROM event"))


def oddities(said: Said, own: int = 0) -> list[str]:
    """Return what no command may come to: a traceback, an undocumented code, a bug.

    ``own``: the status of a command that has one for all its errors.
    """
    found = list[str]()
    if "Traceback" in said.out + said.err:
        found.append(f"a traceback: {said.err[-400:]}")
    if said.status not in (0, own, *{exit_status for exit_status, _, _ in CODES.values()}):
        found.append(f"status {said.status}, which no code has: {said.err[-200:]}")
    code = code_of(said)
    if code == "internal":
        found.append(f"internal: {said.out[:300]}")
    elif code is not None and (code not in CODES or said.status not in (own, CODES[code][0])):
        found.append(f"{code} with status {said.status}")
    elif said.status and code is None and said.out and not data_of(said):
        found.append(f"status {said.status} with half an answer: {said.out[:200]}")
    return found


def code_of(said: Said) -> str | None:
    """Return the code of the error that a command answered with --json."""
    data = data_of(said)
    code = data.get("error_code")
    return code if isinstance(code, str) else None


def data_of(said: Said) -> dict[str, Any]:
    """Return what a command answered with --json; nothing if it did not."""
    line = said.out.strip().splitlines()[-1:] or [""]
    try:
        found = json.loads(line[0])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def small(root: Path) -> Stage:
    """Return a home of two members, a message and a task that is claimed."""
    stage = Stage(root)
    made = stage.ok(LEAD, "quickstart", "--human", "--space-name", SPACE)
    stage.ok(AGENT, "join", made["invite_code"])
    task = stage.ok(LEAD, "task", "create", "Repro crash")["task_id"]
    stage.ok(AGENT, "task", "claim", task)
    stage.ok(AGENT, "send", "seen it")
    _settle(stage, LEAD, AGENT, LEAD)
    stage.keep()
    return stage


def busy(root: Path) -> Stage:
    """Return a home with something for every command."""
    stage, names = Stage(root), {"space": SPACE}
    cwd = stage.console.cwd
    made = stage.ok(LEAD, "quickstart", "--human", "--space-name", SPACE, "--reusable")
    for name in (AGENT, OTHER, "gone"):
        stage.ok(name, "join", made["invite_code"])
    _tasks(stage, names)
    for kind in ("message", "spoilt"):
        names[kind] = stage.ok(AGENT, "send", kind)["message_id"]
    names["record"] = stage.ok(AGENT, "record", "add", "decision", "we keep it")["record_id"]
    (cwd / "crash.log").write_text("segmentation fault\n" * 40)
    names["object"] = stage.ok(AGENT, "object", "put", "crash.log", "--pin")["object_id"]
    names["loose"] = stage.ok(AGENT, "object", "put", "-", "--name", "n", stdin="x")["object_id"]
    names["invite"] = stage.ok(LEAD, "invite", SPACE, "--ttl", "1d")["invite_id"]
    asked = stage.ok(LEAD, "invite", SPACE, "--mode", "approve", "--ttl", "1d")["invite_code"]
    stage.console.call("--profile", "knocks", "--json", "join", asked)
    stage.ok("knocks", "sync")
    names["grant"] = stage.ok(LEAD, "delegate", SPACE, "@a2", "--verb", "write")["grant_id"]
    _settle(stage, LEAD, AGENT, OTHER, LEAD)
    names["request"] = stage.ok(LEAD, "invites", "pending")["requests"][0]["request_id"]
    _apart(stage, names)
    _settle(stage, LEAD, AGENT, OTHER, LEAD, AGENT)
    names["code"] = stage.ok(LEAD, "invite", SPACE, "--ttl", "1d")["invite_code"]
    names["conflict"] = stage.ok(AGENT, "conflicts", "list")["conflicts"][0]["conflict_id"]
    names["out"] = os.fspath(cwd / "out")
    passphrase = cwd / "passphrase"
    passphrase.write_text("correct horse battery\n")
    passphrase.chmod(0o600)
    names["passphrase"] = os.fspath(passphrase)
    stage.ok(AGENT, "backup", "--out", "a1.envoy", "--passphrase-file", names["passphrase"])
    stage.names = names
    stage.keep()
    return stage


def _tasks(stage: Stage, names: dict[str, str]) -> None:
    """Make tasks in the states that commands need."""
    gated = ("judged",)
    for name in ("free", "mine", "going", "over", "judged", "handed", "given"):
        more = ("--reviews", "1") if name in gated else ()
        names[name] = stage.ok(LEAD, "task", "create", name, *more)["task_id"]
    names["disputed"] = stage.ok(AGENT, "task", "create", "disputed")["task_id"]
    for name in ("mine", "going", "judged", "handed"):
        stage.ok(AGENT, "task", "claim", names[name], "--lease", "4h")
    stage.ok(LEAD, "task", "cancel", names["over"], "--reason", "no")
    stage.ok(AGENT, "task", "submit", names["judged"], "--note", "done")
    stage.ok(AGENT, "task", "set", names["going"], "in_progress")
    made = stage.ok(AGENT, "handoff", "create", names["handed"], "--next", "go on", "--to", "@a2")
    names["handoff"] = made["record_id"]


def _apart(stage: Stage, names: dict[str, str]) -> None:
    """Let two write while the hub is away, and one that is being removed."""
    hub, away = stage.home / "hub", stage.home / "away"
    hub.rename(away)
    for name, title in ((LEAD, "keel"), (AGENT, "mast")):
        stage.ok(name, "task", "edit", names["disputed"], "--title", title)
        shutil.rmtree(hub, ignore_errors=True)
    late = stage.ok("gone", "send", "too late")["message_id"]
    shutil.rmtree(hub, ignore_errors=True)
    away.rename(hub)
    stage.ok(LEAD, "space", "remove", SPACE, "@gone", "--yes")
    stage.play("gone", "sync")
    names["late"] = late


def _settle(stage: Stage, *names: str) -> None:
    """Let everybody hear of everything."""
    for name in names:
        stage.ok(name, "sync")
