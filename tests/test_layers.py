"""The layering rule as a test: imports point down, the read path and the hub stay keyless.

It holds the whole map of docs/ARCHITECTURE.md, later waves included, checks whatever part of it
exists below ``src/envoy``, and proves on planted violations that each rule can fail, and on a small
tree that what the design needs can pass.

It reads imports with ``ast`` and runs nothing, so a module asked for by name at run time escapes
it: only the files in LAZY may do that. Imports under TYPE_CHECKING count as hidden; those in a
``try`` at the top do not, they run when the module is loaded. Imports inside the functions of LAZY
are kept apart from those at the top: a read path is judged by what it loads (top), a hub by
whatever it could ever reach (both).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

SRC = Path(__file__).parents[1] / "src" / "envoy"

GROUND = {"errors", "ids", "jsontext", "lean", "limits", "untrusted"}
FACES = ("cli", "mcp", "sdk", "web")
FACE_MAY = GROUND | {"importers", "replica", "runtimes", "views", "wiring"}

# Package -> the packages below it that it may import. Sorted from the ground up: a package can
# only name earlier ones, so there is no way to write an upward import that passes.
MAY: dict[str, set[str]] = {
    **dict.fromkeys(sorted(GROUND), GROUND),
    "core": GROUND,
    "views": GROUND,
    "state": GROUND | {"core", "views"},
    "sync": GROUND | {"core"},
    "replica": GROUND | {"core", "state", "sync", "views"},
    "system": GROUND,
    "storage": GROUND | {"core", "system", "views"},
    "hub": GROUND | {"core", "sync", "system"},
    "relay": GROUND | {"core", "hub", "sync", "system"},
    "importers": GROUND,
    "runtimes": GROUND | {"system"},
    "wiring": GROUND | {"core", "hub", "relay", "replica", "storage", "system", "views"},
    **dict.fromkeys(FACES, FACE_MAY),
}

PURE = GROUND | {"core", "views", "state", "sync", "replica"}  # the world comes as arguments
WORLD = {
    "asyncio", "concurrent", "ctypes", "fcntl", "http", "logging", "multiprocessing", "os",
    "pathlib", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip

# One door to each outside package, so that its errors and quirks are handled in one place. Two for
# nacl: hubs sign and verify, but nothing they reach can decrypt. Two for msgspec: reducers have
# typed values and see no bytes.
DOORS = {
    "_json": {"jsontext"},
    "apsw": {"system.db"},
    "cryptography": {"core.crypto.seal", "system.certificate"},
    "http": {"hub.client"},
    "json": {"jsontext"},
    "keyring": {"system.vault"},
    "mcp": {"mcp.server"},
    "msgspec": {"core.codec", "core.structs"},
    "nacl": {"core.crypto.aead", "core.crypto.sign"},
    "nats": {"relay.bus.nats"},
    "obstore": {"relay.blob.s3"},
    "psycopg": {"relay.store.postgres"},
    "stripe": {"relay.billing.stripe"},
    "websockets": {"hub.live"},
}
KEYS = (
    "core.chunks", "core.codec", "core.crypto", "core.envelope", "core.epoch", "core.identity",
    "core.invite",
)  # fmt: skip
# All that a hub may reach of core.
BLIND = {"core.access", "core.codec", "core.crypto.sign", "core.receipt", "core.structs"}
ASYNC = ("relay.", "web.", "mcp.server", "sdk.aio")  # nothing else imports asyncio
# May import inside functions, so that a command pays for what it uses ("" is envoy/__init__.py).
# Those of core, replica and storage stand in the way of each write and seldom need what they load
# so: words to be read aloud, a new epoch, a genesis, circles of needs, an older file.
LAZY = {
    "",
    "cli.main",
    "cli.render",
    "cli.start",
    "cli.table",
    "cli.write.syncing",
    "core.crypto.seal",
    "core.identity",
    "mcp.main",
    "replica.batch",
    "replica.ingest",
    "replica.projector",
    "replica.replica",
    "replica.sync",
    "storage.replica_file",
    "system.vault",
    "wiring.blame",
    "wiring.reads",
    "wiring.secrets",
    "wiring.writes",
}
SLOW = {"asyncio", "dataclasses", "logging", "rich", "starlette"}
NOT_ON_READS = (set(DOORS) | SLOW) - {"_json", "apsw"}
MAY_HAVE_DATACLASSES = {"mcp", "sdk", "web"}  # faces that no hot command loads

Edges = dict[str, set[str]]


class Imports(NamedTuple):
    """Who imports what: project modules, outside packages, and the complaints about hidden ones."""

    inside: Edges
    outside: Edges
    lazy_inside: Edges  # by functions of the modules in LAZY
    lazy_outside: Edges
    hidden: list[str]


def load(root: Path) -> Imports:
    """Return the imports of every module below ``root``."""
    files = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    tops, packages, lazy_tops, lazy_packages = ({n: set[str]() for n in files} for _ in range(4))
    found = Imports(tops, packages, lazy_tops, lazy_packages, hidden=[])
    for name, path in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        early = top_statements(tree.body)
        for node, target in imported(tree):
            at_top = node in early
            if not at_top and name not in LAZY:
                found.hidden.append(f"{name}: import of {target} is not at the top")
            inside = found.lazy_inside if not at_top and name in LAZY else found.inside
            outside = found.lazy_outside if not at_top and name in LAZY else found.outside
            top, _, rest = target.partition(".")
            # "core.event.Event" names a class: the module is its parent.
            module = rest if rest in files else rest.rpartition(".")[0]
            if top != "envoy":
                outside[name].add(top or "a relative import")
            elif module:  # the package itself has the version, which may be known to all
                inside[name].add(module)
    return found


def top_statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of ``body`` and of each ``try`` in it, however nested."""
    found = list(body)
    for node in body:
        if isinstance(node, ast.Try):
            arms = [node.body, node.orelse, node.finalbody, *(arm.body for arm in node.handlers)]
            found += [inner for arm in arms for inner in top_statements(arm)]
    return found


def imported(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every import statement with the dotted name it asks for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)


def union(edges: Edges, more: Edges) -> Edges:
    """Return what either graph imports."""
    return {name: targets | more[name] for name, targets in edges.items()}


def closure(edges: Edges, start: str) -> set[str]:
    """Return every project module that ``start`` reaches by ``edges``, itself included."""
    seen, todo = set[str](), [start]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += edges.get(name, set())
    return seen


def problems(root: Path) -> list[str]:
    """Return every violation below ``root`` as one sentence."""
    graph = load(root)
    inside = union(graph.inside, graph.lazy_inside)
    outside = union(graph.outside, graph.lazy_outside)
    found = list(graph.hidden)
    for name in inside:
        found += [text for target in sorted(inside[name]) for text in upward(name, target)]
        found += [text for top in sorted(outside[name]) for text in foreign(name, top)]
        if package(name) in {"hub", "relay"}:
            found += seen_by_hub(name, closure(inside, name))
        if name.startswith("cli.read."):
            found += loaded_by_read(name, graph)
    for path in sorted(root.rglob("*/__init__.py")):
        if path.read_text(encoding="utf-8").strip():
            found.append(f"{path.parent.relative_to(root)}/__init__.py is not empty")
    try:
        TopologicalSorter(inside).prepare()
    except CycleError as error:
        found.append(f"import cycle: {' -> '.join(error.args[1])}")
    return found


def package(name: str) -> str:
    """Return the first part of a module's name: its package, or itself on the ground."""
    return name.partition(".")[0]


def upward(name: str, target: str) -> Iterator[str]:
    """Yield what is wrong with ``name`` importing ``target``, both ours."""
    here, there = package(name), package(target)
    if name and there not in {here, *MAY.get(here, set())}:
        yield f"{name} may not import {target}"
    if here == "state" and target.startswith(KEYS):
        yield f"{name}: a reducer never sees keys or bytes ({target})"
    if here in FACES and there == "replica" and "replica.actions" not in target:
        yield f"{name}: a face writes only through replica.actions ({target})"


def foreign(name: str, top: str) -> Iterator[str]:
    """Yield what is wrong with ``name`` importing the outside package ``top``."""
    here = package(name)
    if name not in DOORS.get(top, {name}):
        yield f"{name}: second door to {top}"
    if top == "a relative import":
        yield f"{name} uses {top}"
    if here in PURE and top in WORLD:
        yield f"{name} touches the world: {top}"
    if top == "asyncio" and not name.startswith(ASYNC):
        yield f"{name} imports asyncio"
    if top == "dataclasses" and here not in MAY_HAVE_DATACLASSES:
        yield f"{name} uses dataclasses"


def seen_by_hub(name: str, reached: set[str]) -> Iterator[str]:
    """Yield what a hub could learn from the modules it reaches: it has to be blind."""
    for module in sorted(reached):
        meaning = module.startswith(("state.", "views.", "replica.", "storage."))
        secret = module.startswith("core.") and module not in BLIND
        if meaning or secret or module == "sync.session":
            yield f"{name} is not blind: it reaches {module}"


def loaded_by_read(name: str, graph: Imports) -> Iterator[str]:
    """Yield what a read loads that it never needs: keys, reducers, slow packages."""
    modules = closure(graph.inside, name)
    tops = {top for module in modules for top in graph.outside.get(module, ())}
    yield from (f"{name} loads {top}" for top in sorted(tops & NOT_ON_READS))
    for module in sorted(modules):
        if module.startswith(("core.", "state.", "replica.")):
            yield f"{name} loads {module}"


def plant(root: Path, tree: dict[str, str]) -> list[str]:
    """Write ``tree``, module name to source, below ``root`` and return its problems."""
    for module, text in tree.items():
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return problems(root)


# The shape the design wants: a read that loads no crypto and reaches the write side only inside a
# function, a reducer of typed values, a hub that verifies.
SOUND = {
    "ids": "try:\n    from _sha2 import sha256\nexcept ImportError:\n    import hashlib",
    "core.structs": "import msgspec",
    "core.codec": "import msgspec",
    "core.crypto.sign": "from nacl._sodium import lib",
    "core.crypto.seal": "def seal():\n    import cryptography",
    "core.event": "from envoy.core.crypto import sign\nfrom envoy.core import structs",
    "core.receipt": "from envoy.core.crypto import sign\nfrom envoy.core import codec",
    "views.rows": "from typing import NamedTuple",
    "state.tasks": "from envoy.core import event, structs\nfrom envoy.views import rows",
    "sync.frames": "from envoy.core import codec",
    "system.db": "import apsw",
    "storage.views": "from envoy.system import db\nfrom envoy.views import rows",
    "hub.peek": "from envoy.system import db",
    "hub.handler": "from envoy.core import receipt\nfrom envoy.sync import frames",
    "replica.replica": "from envoy.core import event\nfrom envoy.state import tasks",
    "replica.actions.tasks": "from envoy.replica import replica",
    "wiring.writes": "from envoy.hub import handler\nfrom envoy.replica import replica",
    "wiring.reads": (
        "from envoy.hub import peek\nfrom envoy.storage import views\n"
        "def refresh():\n    from envoy.wiring import writes"
    ),
    "cli.read.work": "from envoy.wiring import reads\nfrom envoy.views import rows",
    "cli.write.work": "from envoy.wiring import writes\nfrom envoy.replica.actions import tasks",
    "cli.read.__init__": "",
    "cli.main": (
        "from envoy import __version__\ndef command():\n    from envoy.cli.read import work"
    ),
}


def test_the_map_only_points_down() -> None:
    order = list(MAY)
    for package, below in MAY.items():
        assert package in GROUND or all(order.index(b) < order.index(package) for b in below)


def test_the_source_follows_the_map() -> None:
    assert problems(SRC) == []


def test_a_sound_tree_has_no_problems(tmp_path: Path) -> None:
    assert plant(tmp_path, SOUND) == []


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        pytest.param("core.dag", "from envoy.state import tasks", "may not import", id="upward"),
        pytest.param("state.gates", "import time", "touches the world", id="clock in a reducer"),
        pytest.param(
            "state.gates", "from envoy.core import codec", "never sees", id="bytes in a reducer"
        ),
        pytest.param(
            "state.gates",
            "import dataclasses",
            "uses dataclasses",
            id="slow start of every command",
        ),
        pytest.param("core.dag", "from . import event", "a relative import", id="relative"),
        pytest.param("hub.sqlite", "import nacl", "second door to nacl", id="second door"),
        pytest.param(
            "hub.local", "from envoy.core import event", "not blind", id="relay reaches an event"
        ),
        pytest.param(
            "relay.app",
            "def f():\n    from envoy.core.crypto import seal",
            "not blind",
            id="relay reaches a key inside a function",
        ),
        pytest.param(
            "mcp.tools", "from envoy.cli import main", "may not import", id="face to face"
        ),
        pytest.param(
            "web.app", "from envoy.replica import replica", "only through", id="two write APIs"
        ),
        pytest.param(
            "cli.read.talk", "from envoy.wiring import writes", "loads nacl", id="crypto on a read"
        ),
        pytest.param("wiring.config", "import asyncio", "imports asyncio", id="asyncio in the CLI"),
        pytest.param(
            "views.tasks", "def f():\n    import json", "is not at the top", id="hidden import"
        ),
        pytest.param(
            "views.tasks",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from envoy.views import rows",
            "is not at the top",
            id="import for types alone",
        ),
        pytest.param("cli.write.__init__", "X = 1", "is not empty", id="code in a package"),
        pytest.param("cli.read.talk", "import rich", "loads rich", id="a slow package on a read"),
        pytest.param(
            "cli.read.talk",
            "from envoy.replica.actions import tasks",
            "loads core.crypto.sign",
            id="an action on a read",
        ),
        pytest.param("sync.recon", "from envoy.sync import recon", "import cycle", id="cycle"),
    ],
)
def test_each_rule_can_fail(tmp_path: Path, name: str, source: str, complaint: str) -> None:
    assert any(complaint in problem for problem in plant(tmp_path, {**SOUND, name: source}))
