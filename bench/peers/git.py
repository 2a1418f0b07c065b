"""Git: a durable note is an empty commit, signed with a key of `ssh` or not.

What it promises beside Envoy: with ``core.fsync=all`` objects and references are synced before the
command ends. Nothing is encrypted, and nothing leaves the repository. Who signs starts
`ssh-keygen`, whose time is a part of the commit's.
"""

from __future__ import annotations

from pathlib import Path

from bench.peers import finding
from bench.peers.finding import Program
from bench.rounds import Wrong
from bench.setting import Spent, environment, spend

PROMISE = "core.fsync=all: objects and references synced before it ends; nothing encrypted or sent"
_BRANCH = "main"
_WHO = "Bench <bench@localhost>"
_SETTINGS = (
    *("core.fsync=all", "core.fsyncMethod=fsync", "gc.auto=0", "maintenance.auto=false"),
    *("user.name=Bench", "user.email=bench@localhost", "gpg.format=ssh", "core.pager=cat"),
)


def find() -> Program | None:
    """Return `git`, None where it is not installed."""
    return finding.program("git", "--version")


class Repository:
    """A repository with ``count`` commits before anything is measured."""

    def __init__(self, git: Program, place: Path, count: int, text: str) -> None:
        self._git = git
        self._place = place
        self._tree = place / "tree"
        self._tree.mkdir(parents=True)
        self._key = self._make_key()
        self._run("init", "--quiet", f"--initial-branch={_BRANCH}")
        self._fill(count, text)
        self.commits = count

    @property
    def signs(self) -> bool:
        """Say whether commits can be signed."""
        return self._key is not None

    def _make_key(self) -> Path | None:
        """Return a new key to sign with, None where `ssh-keygen` is not installed."""
        keygen, key = finding.find("ssh-keygen"), self._place / "key"
        if keygen is None:
            return None
        argv = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(key)]
        return key if spend(argv, environment(), self._place).exit == 0 else None

    def _run(self, *args: str) -> Spent:
        """Run a command of Git, without the settings of who measures."""
        env = {
            **environment(),
            "HOME": str(self._place),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        settings = [word for one in _SETTINGS for word in ("-c", one)]
        spent = spend([self._git.path, "-C", str(self._tree), *settings, *args], env, self._place)
        if spent.exit != 0:
            raise Wrong(f"git {args[0]}: {spent.out[-200:]}{spent.err[-200:]}")
        return spent

    def _fill(self, count: int, text: str) -> None:
        """Write commits of a long history, packed as `git gc` would leave them."""
        bodies = [f"{number} {text}" for number in range(count)]
        stream = self._place / "stream"
        stream.write_text(
            "".join(
                f"commit refs/heads/{_BRANCH}\ncommitter {_WHO} {1_700_000_000 + at} +0000\n"
                f"data {len(body)}\n{body}\n"
                for at, body in enumerate(bodies)
            ),
            "ascii",
        )
        # The bench gives no standard input to what it measures: a shell opens the file.
        quoted = f'exec "{self._git.path}" -C "{self._tree}" fast-import --quiet <"{stream}"'
        spent = spend(["/bin/sh", "-c", quoted], environment(), self._place)
        if spent.exit != 0:
            raise Wrong(f"git fast-import: {spent.err[-200:]}")

    def note(self, text: str, *, signed: bool) -> Spent:
        """Keep a note durably, as a commit that changes no file."""
        self.commits += 1
        words = ("commit", "--quiet", "--allow-empty", "-m", text)
        if not signed:
            return self._run(*words)
        return self._run("-c", f"user.signingkey={self._key}", *words, "-S")

    def newest(self, rows: int) -> Spent:
        """Show the newest notes."""
        spent = self._run("log", "-n", str(rows))
        shown = sum(line.startswith("commit ") for line in spent.out.splitlines())
        if shown != rows:
            raise Wrong(f"git log: {shown} of {rows} commits")
        return spent

    def problems(self) -> list[str]:
        """Return whether commits are missing, or none of them is signed."""
        found = int(self._run("rev-list", "--count", "HEAD").out)
        wrong = [] if found == self.commits else [f"git: {found} of {self.commits} commits"]
        if self.signs and "SIGNATURE" not in self._run("log", "-n", "9", "--format=raw").out:
            wrong.append("git: no commit is signed")
        return wrong
