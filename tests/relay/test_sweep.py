"""What ends by itself, each by a clock that is turned, and what does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from envoy import jsontext, limits
from envoy.relay.desk import Config, Desk
from envoy.relay.journal import Journal, Listener
from envoy.relay.metrics import NAMES, Metrics
from envoy.relay.quota import Buckets, Pace, Rate, Rates
from envoy.relay.sweep import Retention
from envoy.sync import chunks, frames
from envoy.sync.frames import HubRefusal
from hub.scenes import INVITE, SPACE, envelope, epoch_head
from relay.scenes import ALLOWED, ORIGIN, Relay
from relay.test_desk import CHUNK, EXAMPLES, push, refusal

DAY_MS = limits.DAY_SECONDS * 1000
IDLE = 90
KEPT = Retention()


class Sweeping(Relay):
    """A relay that forgets, or is short of disk or patience, as a test says."""

    def set(self, kept: Retention = KEPT, **other: object) -> None:
        """Serve by other terms."""
        self.desk.close()
        self.metrics = Metrics()
        config = Config(
            frozenset([ORIGIN]), ALLOWED, lambda *_: None, retention=kept, metrics=self.metrics
        )
        config = Config._make({**config._asdict(), **other}.values())
        self.desk = Desk(
            self.directory, config, now_ms=lambda: self.now_ms, on_wake=self.wakes.extend
        )


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Sweeping]:
    found = Sweeping(tmp_path / "relay")
    found.set()
    found.create()
    yield found
    found.close()


def slot(relay: Relay, fence: int) -> None:
    call = frames.Slot(frames.CLAIM, SPACE, 1, bytes(32), fence, bytes(16), 60, envelope("c"))
    relay.ask(call, frames.Slotted, relay.token("writer"))


@pytest.mark.parametrize(
    ("kept", "days", "gone"),
    [
        pytest.param(Retention(), 89, False, id="asked for within ninety days"),
        pytest.param(Retention(), 91, True, id="not asked for in ninety days"),
        pytest.param(Retention(space_days=None), 10_000, False, id="kept for ever"),
        pytest.param(Retention(space_days=5), 6, True, id="kept for less"),
    ],
)
def test_a_space_that_nobody_asks_for_ends_whole(
    relay: Sweeping, kept: Retention, days: int, gone: bool
) -> None:
    relay.set(kept)
    relay.ask(push("one"), frames.Pushed, relay.token("writer"))
    relay.ask(EXAMPLES["chunk_put"], frames.Done, relay.token("writer"))
    relay.now_ms += days * DAY_MS
    assert relay.desk.sweep()["spaces"] == int(gone)
    entry = relay.entry("writer")
    assert entry.code == ("space_not_found" if gone else None)
    if gone:
        assert not list(Path(relay.directory, "chunks").rglob("*" + "0" * 0 + ".*"))
        assert relay.create().head == 0


def test_a_session_keeps_its_space(relay: Sweeping) -> None:
    relay.token("writer")
    for _ in range(5):
        relay.now_ms += 80 * DAY_MS
        assert relay.desk.sweep()["spaces"] == 0
        assert relay.entry("writer").code is None


@pytest.mark.parametrize(
    ("fence", "days", "gone"),
    [
        pytest.param(0, IDLE + 1, 1, id="idle"),
        pytest.param(0, IDLE - 1, 0, id="not so long"),
        pytest.param(limits.SLOT_SEEN_MAX - 1, IDLE + 1, 1, id="of the highest fence that may go"),
        pytest.param(limits.SLOT_SEEN_MAX, IDLE + 1, 0, id="whose fence nobody could name again"),
    ],
)
def test_a_slot_ends_when_it_is_idle(relay: Sweeping, fence: int, days: int, gone: int) -> None:
    relay.set(Retention(space_days=None))
    slot(relay, fence)
    relay.now_ms += days * DAY_MS
    assert relay.desk.sweep()["slots"] == gone


def test_an_invite_ends_at_its_time_with_all_that_hangs_on_it(relay: Sweeping) -> None:
    relay.ask(INVITE, frames.Done, relay.token("admin"))
    relay.now_ms = INVITE.expires - 1
    assert relay.desk.sweep()["invites"] == 0
    relay.now_ms += 1
    assert relay.desk.sweep()["invites"] == 1
    assert relay.desk.sweep()["invites"] == 0


def test_boxes_of_old_epochs_end_and_those_of_the_newest_stay(relay: Sweeping) -> None:
    relay.set(Retention(space_days=None))
    token = relay.token("writer")
    epochs = list[bytes]()
    for number in range(limits.BOX_EPOCHS_MIN + 2):
        head, epoch = epoch_head(SPACE, f"tag {number}")
        relay.ask(frames.EpochPut(SPACE, epoch, head), frames.Done, token)
        box = frames.Box(bytes(16), bytes(frames.BOX_BYTES))
        relay.ask(frames.BoxPut(SPACE, epoch, (box,)), frames.Done, token)
        epochs.append(epoch)
    relay.now_ms += (IDLE - 1) * DAY_MS
    assert relay.desk.sweep()["boxes"] == 0
    relay.now_ms += 2 * DAY_MS
    assert relay.desk.sweep()["boxes"] == 2
    reader = relay.token("reader")

    def boxes(epoch: bytes) -> int:
        call = frames.EpochGet(SPACE, epoch, (bytes(16),))
        return len(relay.ask(call, frames.EpochFound, reader).boxes[0])

    assert [boxes(epoch) for epoch in epochs] == [0, 0] + [1] * limits.BOX_EPOCHS_MIN


def test_notes_of_who_asked_and_who_took_end(relay: Sweeping) -> None:
    relay.set(Retention(space_days=None))
    relay.ask(push("one"), frames.Pushed, relay.token("reader"))
    relay.now_ms += (IDLE + 2) * DAY_MS
    counts = relay.desk.sweep()
    assert counts["nonces"] >= 1 and counts["usage"] == 2
    assert relay.metrics.value("swept_total", label="usage") == 2


def test_a_chunk_that_the_disk_lost_is_not_there(relay: Sweeping) -> None:
    put = EXAMPLES["chunk_put"]
    assert isinstance(put, chunks.ChunkPut)
    relay.ask(put, frames.Done, relay.token("writer"))
    have = chunks.ChunkHave(SPACE, (put.id,), True)
    assert relay.ask(have, chunks.ChunkMap, relay.token("reader")).bits == b"\x80"
    relay.desk._shelf.drop(SPACE, put.id)
    assert relay.ask(have, chunks.ChunkMap, relay.token("reader")).bits == b"\x00"
    assert put.chunk == CHUNK


def test_a_disk_that_is_all_but_full_takes_nothing_and_gives_what_it_has(
    relay: Sweeping,
) -> None:
    relay.ask(push("one"), frames.Pushed, relay.token("writer"))
    relay.set(has_room=lambda: False)
    token = relay.token("writer")  # sessions go on
    assert refusal(lambda: relay.ask(push("two"), frames.Pushed, token)) == "storage_failed"
    put = EXAMPLES["chunk_put"]
    assert refusal(lambda: relay.ask(put, frames.Done, token)) == "storage_failed"
    pull = frames.Pull((frames.Since(SPACE, None, 0),), 10, 0)
    assert len(relay.ask(pull, frames.Pulled, token).pages[0].frames) == 1


def test_a_desk_counts_what_it_refuses_and_what_it_does(relay: Sweeping) -> None:
    pace = Pace(Buckets(b"key", lambda: 0.0), Rates(frames=Rate(1, 2)))
    relay.set(pace=pace)
    token = relay.token("writer")
    relay.ask(push("one", "two"), frames.Pushed, token)
    assert refusal(lambda: relay.ask(push("three"), frames.Pushed, token)) == "rate_limited"
    assert refusal(lambda: relay.ask(push("x"), frames.Pushed, b"t" * 80)) == "auth_failed"
    with pytest.raises(HubRefusal):
        relay.desk.admit("nothing", b"peer")
    relay.desk.admit("pull", b"peer")
    counted = relay.metrics
    assert counted.value("appends_total", label="ok") == 1
    assert counted.value("rate_limited_total", label="push") == 1
    assert counted.value("auth_failed_total", label="auth_failed") == 1
    assert counted.value("refused_total", label="unsupported_operation") == 1
    assert counted.value("sessions_total") == 1
    text = counted.text({"connections": 3})
    assert "envoy_relay_connections 3\n" in text
    assert "envoy_relay_commit_seconds_count" in text
    assert text.count("# TYPE") == len(NAMES)


def test_a_probe_reads_writes_and_reaches_the_chunks(relay: Sweeping) -> None:
    relay.desk.probe()
    shelf = Path(relay.directory, "chunks")
    assert list(shelf.iterdir()) == []


def test_the_journal_tells_no_text_of_an_error_and_no_argument_of_a_template() -> None:
    lines = list[str]()
    journal = Journal(lines.append, now_ms=lambda: 5, key=b"key")
    listener = Listener(journal)
    try:
        raise ValueError("the secret word")
    except ValueError as error:
        found = (type(error), error, error.__traceback__)
    for args, exc_info in ((("198.51.100.7",), None), ((), found)):
        listener.emit(
            logging.LogRecord("uvicorn.error", logging.ERROR, "x.py", 1, "from %s", args, exc_info)
        )
    journal.note("one", space=journal.name(SPACE))
    journal.failed("odd", ValueError("never raised: the secret word"))
    assert "secret" not in "".join(lines) and "198.51" not in "".join(lines)
    assert jsontext.loads(lines[0]) == {
        "at": 5, "event": "server", "level": "error", "said": "from %s",
    }  # fmt: skip
    failed = jsontext.loads(lines[1])
    assert isinstance(failed, dict) and failed["error"] == "ValueError"
    assert str(failed["place"]).startswith("test_sweep.py:")
    named = jsontext.loads(lines[2])
    assert isinstance(named, dict) and len(str(named["space"])) == 8
    assert Journal(lines.append, now_ms=lambda: 5, key=b"other").name(SPACE) != named["space"]
