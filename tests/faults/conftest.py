"""Which tests of this directory are collected: those whose tools are installed."""

from __future__ import annotations

from faults import shim

collect_ignore = [] if shim.compiler() else ["test_calls.py"]
