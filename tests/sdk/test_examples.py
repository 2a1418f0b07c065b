"""The examples of the documents, as they stand there, and the one that the SDK was drawn by."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

import envoy
from console import compare

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a temporary home that is also the working directory."""
    monkeypatch.setenv("ENVOY_HOME", str(tmp_path / "h"))
    for name in ("ENVOY_PROFILE", "ENVOY_SPACE", "ENVOY_SESSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield each example of a page with what it is said to print."""
    text = (ROOT / page).read_text("utf-8")
    assert text.count("```python") == len(BLOCK.findall(text))
    yield from BLOCK.findall(text)


@pytest.mark.parametrize("page", ["docs/sdk.md", "README.md"])
def test_examples_run_and_print_what_stands_below_them(home: Path, page: str) -> None:
    known: dict[str, object] = {}
    names: dict[str, str] = {}
    every = list(blocks(page))
    assert every
    for source, wanted in every:
        shown = StringIO()
        with redirect_stdout(shown):
            exec(compile(source, page, "exec"), known)
        problem = compare(wanted.splitlines(), shown.getvalue().splitlines(), names)
        assert problem is None, f"{problem}\n{source}\n{shown.getvalue()}"


# INTERFACES, section 7, word by word.
DRAWN_BY = """
import envoy

with envoy.open(profile="lead") as me:
    space = me.spaces.create("bughunt")
    invite = space.invite(role="write", max_uses=1, ttl="30m")    # str(invite) is redacted; …
    space.tasks.create("Repro crash in parser", priority=0, require_evidence=["test"], reviews=1)

with envoy.open(profile="a1", session="a1-run-7") as a1:
    space = a1.join(invite.reveal())
    with space.tasks.next().claim(require="confirmed") as work:          # heartbeats; released if …
        log = space.objects.put("crash.log")
        proof = work.record("evidence", type="test", refs=[("produced_by", log.id)])
        work.complete("Off by one in next_token", evidence=[proof])     # gated: becomes submitted
    for event in space.events(since="last-ack", types={"review_recorded"}, timeout=60):
        print(event.actor.fingerprint, event.task.state, event.task.title.text)
"""


class SeenError(Exception):
    """What was waited for was printed."""


def test_the_example_that_the_sdk_was_drawn_by_runs_as_it_is_written(home: Path) -> None:
    (home / "crash.log").write_text("index out of range")
    lead = envoy.open("lead", create="human")
    envoy.open("a1", create="agent")
    printed = list[tuple[object, ...]]()

    def judge() -> None:
        while not list(lead.spaces.list()):
            pass
        space = lead.spaces.get()
        event = next(space.events(since="start", types={"task_submitted"}, timeout=60))
        space.reviews.approve(event.task, "good")

    def show(*values: object) -> None:
        printed.append(values)
        raise SeenError  # it would go on for a minute

    judging = threading.Thread(target=judge)
    judging.start()
    with pytest.raises(SeenError):
        exec(compile(DRAWN_BY, "INTERFACES", "exec"), {"print": show})
    judging.join()
    assert printed == [(lead.me.fingerprint, "completed", "Repro crash in parser")]
