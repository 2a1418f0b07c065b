"""Name the tests beside what was changed: `make quick` runs these and lets nobody wait for more.

What is not committed counts, where that is nothing the last commit. Tests mirror the sources, so a
module has the files of its name, or its folder's; what all tests hang on has all of them.

Use: python tools/nearby.py
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
ALWAYS = ("tests/test_docs.py", "tests/test_layers.py", "tests/test_tidy.py", "tests/test_tools.py")
EVERY = "tests"


def tests_of(path: str, root: Path) -> Iterator[str]:
    """Yield the tests of a changed file, all paths relative to ``root``."""
    place = PurePosixPath(path)
    match place.parts:
        case ("src", "envoy", *folders, name):
            folder = root.joinpath(EVERY, *folders)
            found = sorted(folder.glob(f"test_{PurePosixPath(name).stem}*.py"))
            near = next(one for one in (folder, *folder.parents) if one.is_dir())
            yield from [str(one.relative_to(root)) for one in found or [near]]
        case ("tests", *_, name) if name.startswith("test_"):
            yield from [path] if (root / path).is_file() else []
        case ("tests", folder, *_, _):
            yield f"{EVERY}/{folder}"
        case ("tests", _) | ("Makefile",) | ("pyproject.toml",):
            yield EVERY
        case (folder, *_) if (root / EVERY / f"test_{folder}.py").is_file():
            yield f"{EVERY}/test_{folder}.py"


def chosen(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """Return what pytest is to run for some changed files, nothing twice."""
    found = {one for path in changed for one in tests_of(path, root)}
    if EVERY in found:
        return [EVERY]
    kept = {one for one in found if not any(str(up) in found for up in PurePosixPath(one).parents)}
    return sorted({*kept, *ALWAYS})


def changed() -> list[str]:
    """Return the files that are not committed, or else those of the last commit."""
    for words in (
        ("ls-files", "--others", "--modified", "--exclude-standard"),
        ("diff", "--name-only", "HEAD~1"),
    ):
        done = subprocess.run(
            ("git", *words), cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.stdout:
            return done.stdout.splitlines()
    return ["Makefile"]


if __name__ == "__main__":
    print(*chosen(changed()))
