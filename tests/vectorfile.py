"""Vector files as test parameters: one test case per vector, its name as the id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).with_name("vectors")


def load(name: str) -> list[dict[str, Any]]:
    """Return the vectors of ``tests/vectors/NAME.json`` in their order."""
    vectors: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return vectors


def good(name: str) -> list[Any]:
    """Return the vectors of ``name`` that must pass, as parameters ``given, expect``."""
    return [
        pytest.param(vector["input"], vector["expect"], id=vector["name"])
        for vector in load(name)
        if "expect" in vector
    ]


def bad(name: str) -> list[Any]:
    """Return the vectors of ``name`` that must be refused, as parameters ``given, code``."""
    return [
        pytest.param(vector["input"], vector["code"], id=vector["name"])
        for vector in load(name)
        if "code" in vector
    ]
