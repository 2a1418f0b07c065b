"""Seldom: modules that libraries name while they are loaded, and ask for nothing then.

The library of structures loads, before the first event is read, what describes and draws its types:
with regular expressions that are compiled on the way, a twentieth of what a `send` takes. While the
write side is loaded a stand-in answers to each of these names; the module behind it is loaded when
something of it is asked for, and then it is all there, for whoever took the stand-in as well.

Laws: a module that is loaded already is left alone; afterwards no stand-in can be imported, and
where other threads run none is put up, so nobody else meets one; what is asked of a stand-in is
what the module itself would have given.

Specification: docs/adr/0003-lean-start.md.
"""

from __future__ import annotations

import os
import sys
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType


def type_hints(*given: object, **named: object) -> object:
    """Return what `get_type_hints` says, of the package that has one for all versions, if it is."""
    try:
        found = real("typing_extensions")
    except ImportError:
        found = typing
    return found.get_type_hints(*given, **named)


# Name -> what is asked of it at once, and is known without it.
SELDOM: Mapping[str, Mapping[str, object]] = {
    # Before Python 3.12 it defines all its classes in Python, then takes those in C instead.
    "datetime": vars(__import__("_datetime")),
    "msgspec.inspect": {},
    "msgspec.json": {},
    "msgspec.toml": {},
    "msgspec.yaml": {},
    "platform": {"system": lambda: os.uname().sysname},  # `uuid` wants to know it
    # Where it is installed, the library prefers it to what Python has itself.
    "typing_extensions": {
        "get_type_hints": type_hints,
        "NotRequired": typing.NotRequired,
        "Required": typing.Required,
    },
}


class StandIn(ModuleType):
    """A module that is loaded when something of it is asked for."""

    def __getattr__(self, name: str) -> object:
        if name == "__path__":  # every `from … import` asks for it, and none of these is a package
            raise AttributeError(name)
        module = real(self.__name__)
        self.__dict__.update(vars(module))
        return getattr(module, name)


def real(name: str) -> ModuleType:
    """Return the module ``name``, loaded if it was not; stand-ins are none."""
    if isinstance(sys.modules.get(name), StandIn):
        del sys.modules[name]
    __import__(name)
    return sys.modules[name]


def is_alone() -> bool:
    """Return whether this thread is the only one of the process."""
    threading = sys.modules.get("threading")
    return threading is None or threading.active_count() == 1


@contextmanager
def standing_in() -> Iterator[None]:
    """Return a context in which what is loaded gets stand-ins for the modules of SELDOM."""
    for name, known in SELDOM.items():
        if name not in sys.modules and is_alone():
            stand_in = sys.modules[name] = StandIn(name)
            stand_in.__dict__.update(
                {what: value for what, value in known.items() if not what.startswith("__")}
            )
    try:
        yield
    finally:
        for name in SELDOM:
            if isinstance(sys.modules.get(name), StandIn):
                del sys.modules[name]
