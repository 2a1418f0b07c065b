"""F1: the name of an object is a label: it opens no path, reaches no file and shows no control."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import Console
from envoy.core.kinds import read_body
from oracle import messagepack

NAMES = [
    *("../../.ssh/x", "/etc/passwd", "..", ".", "CON", "nul.txt", "a/b", "a\\b", "-rf", "~/x"),
    *("%2e%2e%2fx", "x\u202egpj.exe", "\x1b[31mred", "out", "$(touch ran)", "n" * 128),
]


@pytest.fixture
def console(tmp_path: Path) -> Console:
    found = Console(tmp_path)
    found.ok("--profile", "lead", "quickstart", "--space-name", "bughunt")
    (found.cwd / "file").write_bytes(b"data")
    return found


def files(root: Path) -> set[str]:
    """Return every path below ``root`` that is no part of a home."""
    return {str(path) for path in root.rglob("*") if "/home/" not in str(path)}


@pytest.mark.parametrize("name", NAMES)
def test_an_object_is_saved_where_it_was_asked_for_and_nowhere_else(
    console: Console, name: str
) -> None:
    put = console.ok("--profile", "lead", "object", "put", "file", f"--name={name}")
    before = files(console.cwd.parent)
    console.ok("--profile", "lead", "object", "get", put["object_id"], "--output", "saved")
    assert files(console.cwd.parent) - before == {str(console.cwd / "saved")}
    assert (console.cwd / "saved").read_bytes() == b"data"
    shown = console.call("--profile", "lead", "object", "list")
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.out


def test_no_link_is_followed_and_nothing_overwritten(console: Console) -> None:
    put = console.ok("--profile", "lead", "object", "put", "file", "--name", "../mine")
    mine, link = console.cwd / "mine", console.cwd / "link"
    mine.write_bytes(b"mine")
    link.symlink_to(mine)
    for path in ("mine", "link"):
        found = console.call(
            *("--profile", "lead", "--json", "object", "get", put["object_id"], "--output", path)
        )
        assert found.data["error_code"] == "already_exists"
    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["n" * 300, "", "two\nlines"])
def test_a_label_that_is_none_is_refused(console: Console, name: str) -> None:
    found = console.call("--profile", "lead", "--json", "object", "put", "file", f"--name={name}")
    assert (found.status, found.data["error_code"]) == (2, "invalid_argument")


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        pytest.param("../../.ssh/x", True, id="a path is a label"),
        pytest.param("n" * 128, True, id="the longest label"),
        pytest.param("n" * 129, False, id="a longer one by a modified client"),
        pytest.param("", False, id="none by a modified client"),
    ],
)
def test_a_reference_by_a_modified_client_has_bounds(name: str, is_read: bool) -> None:
    ident = bytes(32)
    raw = messagepack.write([ident, name, "a/b", 0, ident, ident, [ident], None, None])
    assert (read_body("object.put", raw) is not None) is is_read
