"""Changed bytes of a small home: some in CI; every page in tests/crash."""

from __future__ import annotations

from faults.suite import run


def test_a_changed_byte_is_noticed_or_harmless() -> None:
    done = run("bytes", "--sample", "1")
    assert done.status == 0 and done.figures["noticed"] > 0, done.out


# Who looks deeply and says that all is well.
BLIND = """
real = suite.Bench.look
def look(self, name, change=None, *, writes=True):
    seen = real(self, name, change, writes=writes)
    if change is None:
        return seen
    well = self.before[name]
    reads = [one._replace(out=one.out.replace("seen it", "done it")) for one in well.reads]
    return suite.Seen(reads, well.written, well.deep)
suite.Bench.look = look
"""


def test_control_what_shows_something_else_with_nobody_noticing_is_a_failure() -> None:
    done = run("bytes", "--sample", "1", program=BLIND)
    assert done.status == 1 and "nobody noticed" in done.out, done.out
