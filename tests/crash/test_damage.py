"""Any byte of a home may change, any file of it may go: it is noticed or harmless, nothing that
another copy still has is lost, and `sync --verify` makes a home of it again."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import closing

import apsw
import pytest

from crash.damage import PAGE, PROFILES, Home
from envoy.system import db

HUB = "hub/hub.db"
REPLICA = "profiles/a1/replica.db"
LOG = REPLICA + "-wal"
LOOKS = ("status", "history", "inbox", "diagnose")


@pytest.fixture(scope="module", params=[True, False], ids=["folded", "in the log"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home whose databases are folded, or still in their logs."""
    made = Home(tmp_path_factory.mktemp("home"))
    made.make(folded=request.param)
    return made


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home whose databases are folded."""
    made = Home(tmp_path_factory.mktemp("home"))
    made.make(folded=True)
    return made


def all_of(home: Home) -> dict[str, set[str]]:
    """Return what each profile shows of the space as it was made."""
    home.restore()
    return {name: home.events(name) for name in PROFILES}


def check(home: Home, before: dict[str, set[str]], what: str) -> bool:
    """Use the damaged home, mend it, and find everything in it; say if the damage was noticed.

    ``what`` is said where that fails.
    """
    seen = [home.call("a1", "--json", one) for one in LOOKS]
    written = home.call("a1", "--json", "send", "new", "--space", "bughunt")
    other = home.call("lead", "--json", "send", "beside", "--space", "bughunt")
    deep = home.call("a1", "--json", "diagnose", "--deep")
    for found in (*seen, written, other, deep):
        code = found.data.get("error_code")
        assert code is None or found.status in (2, 3, 8), (what, found)
    mended = home.call("a1", "--json", "sync", "--verify")
    assert mended.status == 0, (what, mended)
    for name in ("lead", "a1", "lead"):
        assert home.call(name, "--json", "sync").status == 0, what
    after = {name: home.events(name) for name in PROFILES}
    for name in PROFILES:
        assert before[name] <= after[name], (what, name, before[name] - after[name])
        sound = home.call(name, "--json", "diagnose", "--deep")
        assert sound.status == 0, (what, name, sound.out)
    assert after["lead"] == after["a1"], what
    texts = {one.split(" ", 2)[2] for one in after["lead"]}
    for told, text in ((written, "new"), (other, "beside")):
        assert told.status or text in texts, (what, text)
    return deep.status != 0


def places(home: Home, file: str, count: int, seed: int) -> Iterator[tuple[int, int]]:
    """Yield places of a file, every page in turn, and a bit to change there."""
    chance = random.Random(seed)
    size = (home.place / file).stat().st_size
    pages = list(range(0, size, PAGE))
    chance.shuffle(pages)
    for number in range(count):
        start = pages[number % len(pages)]
        # The head of a page holds what its rows hang on, so every third time that is hit.
        reach = 100 if number % 3 == 0 else PAGE
        yield min(start + chance.randrange(reach), size - 1), 1 << chance.randrange(8)


def sweep(home: Home, file: str, count: int, seed: int) -> int:
    """Flip bits of a file, one home at a time; return how often that was noticed."""
    print("seed", seed)
    before, noticed = all_of(home), 0
    for at, mask in places(home, file, count, seed):
        home.restore()
        home.flip(file, at, mask)
        noticed += check(home, before, f"{file} {at:#x} {mask:#x}")
    return noticed


@pytest.mark.parametrize(("file", "seed"), [(REPLICA, 1), (HUB, 2)])
def test_a_flipped_bit_is_noticed_or_harmless_and_mended(
    folded: Home, file: str, seed: int
) -> None:
    sweep(folded, file, 4, seed)


@pytest.mark.prove
@pytest.mark.parametrize(("file", "seed"), [(REPLICA, 3), (HUB, 4)])
def test_a_flipped_bit_in_every_page_is_noticed_or_harmless_and_mended(
    folded: Home, file: str, seed: int
) -> None:
    folded.restore()
    pages = (folded.place / file).stat().st_size // PAGE
    assert sweep(folded, file, pages, seed) > 0


@pytest.mark.parametrize("share", [0, 0.3, 0.9], ids="{} of it is left".format)
def test_a_log_that_is_cut_costs_nothing_that_the_hub_has(home: Home, share: float) -> None:
    before = all_of(home)
    path = home.place / LOG
    if path.exists():
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
    check(home, before, f"{LOG} cut to {share}")


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param([LOG], id="the log of a replica"),
        pytest.param([REPLICA, LOG, REPLICA + "-shm"], id="a replica"),
        pytest.param([HUB + "-wal"], id="the log of the hub"),
        pytest.param([HUB, HUB + "-wal", HUB + "-shm"], id="the hub"),
        pytest.param(["hub/hub.lock", "profiles/a1/replica.lock"], id="the locks"),
        pytest.param([REPLICA + "-shm", HUB + "-shm"], id="what SQLite shares"),
    ],
)
def test_a_file_that_is_gone_costs_nothing_that_the_other_side_has(
    home: Home, lost: list[str]
) -> None:
    before = all_of(home)
    for name in lost:
        (home.place / name).unlink(missing_ok=True)
    check(home, before, str(lost))


def test_a_lost_log_makes_no_fork(home: Home) -> None:
    all_of(home)
    (home.place / LOG).unlink(missing_ok=True)
    assert home.call("a1", "send", "after", "--space", "bughunt").status == 0
    home.call("lead", "sync")
    members = home.call("lead", "--json", "space", "members", "--space", "bughunt").data["members"]
    assert [one["forked"] for one in members] == [False, False]


@pytest.mark.parametrize("file", ["profiles/a1/identity.json", "config.toml"])
def test_a_flipped_bit_in_a_text_is_noticed_or_harmless(folded: Home, file: str) -> None:
    before = all_of(folded)
    size = (folded.place / file).stat().st_size
    noticed = 0
    for at in range(0, size, 1 + size // 30):
        folded.restore()
        folded.flip(file, at, 1 << at % 7)
        found = folded.call("a1", "--json", "diagnose")
        noticed += found.status != 0
        assert found.status in (0, 2, 3, 8)
        assert found.status or folded.events("a1") in (before["a1"], set())
    assert noticed > 0
    folded.restore()
    assert folded.call("a1", "diagnose", "--deep").status == 0, "control"


def test_a_schema_that_says_something_else_is_noticed_and_mended(folded: Home) -> None:
    before = all_of(folded)
    told = b"CREATE TABLE actor(an INTEGER PRIMARY KEY"
    folded.restore()
    at = (folded.place / REPLICA).read_bytes().index(told) + told.index(b"INTEGER")
    for place, mask in ((at, 98), (at + 2, 232), (at + 6, 155)):
        folded.restore()
        folded.flip(REPLICA, place, mask)
        for look in LOOKS:
            assert folded.call("a1", "--json", look).data.get("error_code") != "internal"
        assert check(folded, before, f"{place} {mask}"), "it was noticed"


def misshape(path: str, value: str) -> None:
    """Put into a row of the hub what its table would not take, and leave the table as it was."""
    rewrite = "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'space'"
    strict, loose = ") STRICT, WITHOUT ROWID", ") WITHOUT ROWID"
    steps = [(rewrite, (strict, loose)), (f"UPDATE space SET head = {value}", ())]
    for sql, params in (*steps, (rewrite, (loose, strict))):
        with closing(apsw.Connection(path)) as raw:
            raw.execute("PRAGMA writable_schema=ON")
            raw.execute(sql, params)


@pytest.mark.parametrize("value", ["x'00ff'", "'many'", "1.5"])
def test_a_row_of_another_shape_is_noticed_and_mended(folded: Home, value: str) -> None:
    before = all_of(folded)
    folded.restore()
    misshape(str(folded.place / HUB), value)
    for look in LOOKS:
        assert folded.call("a1", "--json", look).data.get("error_code") != "internal", look
    assert check(folded, before, value), "it was noticed"


def test_when_a_space_was_synced_stands_twice_so_damage_shows(folded: Home) -> None:
    folded.restore()
    path = folded.place / REPLICA
    with db.connect(str(path), read_only=True) as connection:
        synced = connection.find(int, "SELECT synced_ms FROM space")
    assert synced is not None
    written, data = synced.to_bytes(6, "big"), path.read_bytes()
    places = [one.start() for one in re.finditer(re.escape(written), data)]
    assert len(places) == 2
    assert folded.call("a1", "--json", "diagnose", "--deep").status == 0
    for at in places:
        folded.restore()
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert folded.call("a1", "--json", "diagnose", "--deep").status == 8
