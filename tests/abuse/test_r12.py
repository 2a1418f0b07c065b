"""R12: who was removed hears nothing newer by a socket, a poll or a token that was live before."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envoy.core import access
from envoy.core.access import Statement
from envoy.core.crypto.sign import sha256
from envoy.sync import access as calls
from envoy.sync import frames, live
from envoy.sync.frames import HubRefusal
from hub.scenes import SPACE
from relay import process
from relay.process import Client, Served
from relay.scenes import FOUNDER, READER, ROOT, key_of, link, seed_of
from relay.test_fanout import closed, hear, listen, push, sub

SECONDS_MAX = 1.0


def remove(client: Client, *, by: str, n: int = 1) -> None:
    """State that the reader's access is over."""
    said = Statement(SPACE, n, 0, 0, (sha256(key_of("reader")),))
    seed, chain = (ROOT, ()) if by == "root" else (seed_of(by), FOUNDER)
    put = calls.AccessPut(SPACE, (), access.state_access(seed, said, chain))
    client.ask(put, frames.Done, client.token("founder"))


def pull(client: Client, token: bytes, wait_ms: int = 0) -> frames.Pulled:
    """Pull all, or wait for something."""
    call = frames.Pull((frames.Since(SPACE, None, 0),), 100, wait_ms)
    return client.ask(call, frames.Pulled, token)


@pytest.mark.parametrize("by", ["root", "founder"])
def test_a_live_socket_is_closed_within_a_second_with_nothing_newer(
    tmp_path: Path, by: str
) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        client.create()
        with listen(served) as gone, listen(served) as stays:
            sub(gone, (client.token("reader"), 0))
            sub(stays, (client.token("writer"), 0))
            push(client, "before")
            for line in (gone, stays):  # the control: both hear
                woken = hear(line)
                assert isinstance(woken, live.Woken) and woken.head == 1
            remove(client, by=by)
            begun = time.monotonic()
            push(client, "after")
            end = hear(gone)
            assert isinstance(end, live.End) and end.code == "epoch_revoked"
            assert closed(gone) == 4403 and time.monotonic() - begun < SECONDS_MAX
            woken = hear(stays)
            assert isinstance(woken, live.Woken) and woken.head == 2
        client.close()


def test_a_silent_socket_is_closed_although_nobody_writes(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        client.create()
        with listen(served) as gone:
            sub(gone, (client.token("reader"), 0))
            remove(client, by="root")
            begun = time.monotonic()
            assert closed(gone) == 4403 and time.monotonic() - begun < SECONDS_MAX
        client.close()


def test_a_poll_that_waits_ends_with_nothing_newer(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served, ThreadPoolExecutor(1) as pool:
        client, other = Client(served), Client(served)
        client.create()
        token = client.token("reader")
        waiting = pool.submit(pull, other, token, 5_000)
        time.sleep(0.3)
        remove(client, by="root")
        push(client, "after")
        with pytest.raises(HubRefusal, match="session_stale"):
            waiting.result(5)
        client.close()
        other.close()


def back(served: Served, client: Client) -> list[str | None]:
    """Return what every way back in comes to."""
    again = (*FOUNDER, link("founder", "reader", "r", 0))
    younger = (*READER, link("reader", "reader", "r", 0))
    return [client.entry("reader", chain).code for chain in (None, READER, again, younger)]


def test_the_token_of_before_and_every_other_way_back_in(tmp_path: Path) -> None:
    with process.serving(tmp_path / "relay") as served:
        client = Client(served)
        client.create()
        token = client.token("reader")
        assert pull(client, token).pages  # the control
        remove(client, by="root")
        push(client, "after")
        with pytest.raises(HubRefusal, match="session_stale"):
            pull(client, token)
        entry = client.ask(calls.Renew(), calls.Entries, token).entries[0]
        assert entry.token is None and entry.code in ("session_stale", "epoch_revoked")
        assert set(back(served, client)) <= {"epoch_revoked", "auth_failed", "capability_missing"}
        client.close()
