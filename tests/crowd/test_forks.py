"""A forked child beside what its parent has open: it works or is refused, and damages nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from processes import python

BEGIN = """
import os, sys, threading
import envoy
from envoy.errors import InternalError
from envoy.system import db, files
from envoy.wiring import config, toml, writes

home = sys.argv[1]
me = envoy.open("lead", home=home, create="agent")
space = me.spaces.create("crowd")
settings = config.load({"profile": "lead", "home": home}, read_toml=toml.read)
child_reads, parent_writes = os.pipe()
OTHER = '''
import sys, envoy
space = envoy.open("lead", home=sys.argv[1]).spaces.get()
for number in range(12):
    space.send(f"other {number}")
'''


def other():
    import subprocess
    subprocess.run([sys.executable, "-c", OTHER, home], check=True)


def go():
    os.write(parent_writes, b"x")


def gone(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count():
    with db.connect(home + "/profiles/lead/replica.db", read_only=True) as found:
        assert db.full_check(found) == []
    return sum(1 for one in space.history(kinds=["message"]))
"""
ITERATOR = """
space.send("first")
events = space.events(since="start", types=["new_message"], timeout=5)
next(events)
child = os.fork()
if child == 0:
    os.read(child_reads, 1)
    for number in range(12):
        space.send(f"child {number}")
    os._exit(0)
events.close()
go()
other()
print(gone(child), count())
"""
PROFILE = """
with writes.open_profile(settings) as profile:
    child = os.fork()
    if child == 0:
        try:
            writes.open_space(profile, None).space
        except InternalError as error:
            assert error.details["reason"] == "connection_of_another"
            for number in range(12):
                space.send(f"child {number}")
            os._exit(7)
        os._exit(0)
    other()
    told = gone(child)
    assert writes.open_space(profile, None).space.name == "crowd"
print(told, count())
"""
WRITE = """
with writes.open_profile(settings) as profile:
    with profile.events.transaction(durable=True):
        child = os.fork()
        if child == 0:
            try:
                space.send("from the middle of a write")
            except InternalError as error:
                os._exit(7 if error.details["reason"] == "connection_of_another" else 1)
            os._exit(0)
        told = gone(child)
space.send("after")
print(told, count())
"""
LOCK = """
held = files.lock(home + "/profiles/lead/replica.lock", timeout_s=1)
child = os.fork()
if child == 0:
    held.release()
    os.read(child_reads, 1)
    os._exit(0)
held.release()
files.lock(home + "/profiles/lead/replica.lock", timeout_s=1).release()
space.send("the child lives and stops nobody")
go()
print(gone(child), count())
"""
KEPT = """
held = files.lock(home + "/profiles/lead/replica.lock", timeout_s=1)
child = os.fork()
if child == 0:
    held.release()
    os._exit(0)
told = gone(child)
try:
    files.lock(home + "/profiles/lead/replica.lock", timeout_s=0.1)
except envoy.EnvoyError as error:
    assert error.code == "timeout"
    held.release()
    print(told, count())
"""


THREAD = """
COUNT = "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a WHERE x < 9000000)"
busy = threading.Event()


def look():
    with db.connect(home + "/profiles/lead/replica.db", read_only=True) as connection:
        busy.set()
        connection.rows(int, COUNT + " SELECT count(*) FROM a")


thread = threading.Thread(target=look)
thread.start()
busy.wait()
threading.Event().wait(0.1)
child = os.fork()
if child == 0:
    try:
        space.send("beside a thread that is not here")
    except InternalError:
        os._exit(7)
    os._exit(0)
told = gone(child)
thread.join()
space.send("the parent goes on")
print(told, count())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        pytest.param(ITERATOR, "0 25", id="an iterator is open: the child loses nothing"),
        pytest.param(PROFILE, "7 24", id="a profile is open: it is refused, one of its own is not"),
        pytest.param(WRITE, "7 1", id="a write is under way: the child is refused"),
        pytest.param(THREAD, "7 1", id="another thread was inside a call: the child is refused"),
        pytest.param(LOCK, "0 1", id="a lock that the parent gave back is not the child's"),
        pytest.param(KEPT, "0 0", id="a child that lets go lets nobody in"),
    ],
)
def test_a_forked_child_damages_nothing(program: str, wanted: str, tmp_path: Path) -> None:
    started = python(BEGIN + program, os.fspath(tmp_path / "h"))
    out, _ = started.communicate(timeout=60)
    assert (started.returncode, out.strip()) == (0, wanted)
