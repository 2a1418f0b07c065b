"""Stand-ins of modules: what is asked of them is what the modules give, and nobody else meets one.

Each case runs in a process of its own, since a process loads the libraries once.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from envoy.wiring import seldom

LOADED = """
import sys
from envoy.wiring import seldom
with seldom.standing_in():
    import envoy.core.bodies
    import platform as taken
"""


def told(program: str, before: str = LOADED) -> str:
    """Return what a program says that begins with the write side loaded, or with ``before``."""
    done = subprocess.run(
        [sys.executable, "-c", before + program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_no_module_behind_a_stand_in_is_loaded_and_no_stand_in_is_left() -> None:
    assert told("print([name for name in seldom.SELDOM if name in sys.modules])") == "[]"
    assert told("print('msgspec' in sys.modules, 'uuid' in sys.modules)") == "True True"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        pytest.param(
            "import platform; print(taken.machine() == platform.machine())",
            "True",
            id="who took a stand-in gets all of the module",
        ),
        pytest.param(
            "found = taken.system(); import platform; print(found == platform.system())",
            "True",
            id="what was known at once is what the module says",
        ),
        pytest.param(
            "import msgspec; print(msgspec.json.decode(b'[1]', type=tuple[int, ...]))",
            "(1,)",
            id="a part of the library that nobody had loaded works",
        ),
        pytest.param(
            "import msgspec; print(msgspec.inspect.type_info(int) == msgspec.inspect.IntType())",
            "True",
            id="so does the one that describes types",
        ),
        pytest.param(
            "import datetime, msgspec, uuid\n"
            "class Row(msgspec.Struct):\n"
            "    at: datetime.datetime\n"
            "    id: uuid.UUID\n"
            "row = Row(datetime.datetime(2026, 1, 2), uuid.UUID(int=3))\n"
            "print(msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=Row) == row)",
            "True",
            id="times and ids of the standard library are those that the library knows",
        ),
        pytest.param(
            "import typing, msgspec\n"
            "class Pair(typing.NamedTuple):\n"
            "    one: int\n"
            "class Half(typing.TypedDict):\n"
            "    a: typing.Required[int]\n"
            "    b: typing.NotRequired[int]\n"
            "print(msgspec.json.decode(b'[1]', type=Pair), msgspec.convert({'a': 1}, Half))",
            "Pair(one=1) {'a': 1}",
            id="types that are told by their hints are understood",
        ),
        pytest.param(
            "import sys; sys.modules['typing_extensions'] = None\n"
            "print(seldom.type_hints(seldom.StandIn.__getattr__)['name'] is str)",
            "True",
            id="without the package that has hints for all versions Python's own are asked",
        ),
        pytest.param(
            "import datetime, platform; import importlib\n"
            "print(*[importlib.import_module(name).__file__ is not None for name in"
            " ('datetime', 'platform', 'msgspec.json', 'msgspec.toml')])",
            "True True True True",
            id="whoever imports such a module later gets the module",
        ),
    ],
)
def test_a_stand_in_gives_what_its_module_gives(program: str, said: str) -> None:
    assert told(program) == said


def test_a_module_that_is_loaded_is_left_alone() -> None:
    with seldom.standing_in():
        assert sys.modules["platform"] is platform
    assert sys.modules["platform"] is platform


def test_a_failure_while_loading_leaves_no_stand_in() -> None:
    program = (
        "for name in seldom.SELDOM: sys.modules.pop(name, None)\n"
        "try:\n"
        "    with seldom.standing_in():\n"
        "        raise ValueError\n"
        "except ValueError:\n"
        "    print([name for name in seldom.SELDOM if name in sys.modules])"
    )
    assert told(program) == "[]"


def test_beside_another_thread_no_stand_in_is_put_up() -> None:
    program = """
import sys, threading
from envoy.wiring import seldom
gone = threading.Event()
other = threading.Thread(target=gone.wait)
other.start()
with seldom.standing_in():
    beside = [name for name in seldom.SELDOM if isinstance(sys.modules.get(name), seldom.StandIn)]
gone.set()
other.join()
with seldom.standing_in():
    alone = [name for name in seldom.SELDOM if isinstance(sys.modules.get(name), seldom.StandIn)]
print(len(beside), len(alone) > 0)
"""
    assert told(program, before="") == "0 True"
