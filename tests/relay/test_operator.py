"""The operator's side, by the real program: made, served, checked, copied, put back, given out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console import PROGRAM, Console
from envoy.errors import EnvoyError
from envoy.relay import backup, doctor, tables
from envoy.relay.doctor import Place
from schemas import problems

SECONDS_MAX = 30


class Serving:
    """`envoy relay serve`, running, and what its one line said."""

    def __init__(self, console: Console, *args: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--json", "relay", "serve", *args],
            env=console.environment(),
            cwd=console.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        self.told: dict[str, Any] = json.loads(line)

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it; return its status and what it wrote to stderr."""
        self._process.send_signal(how)
        _, journal = self._process.communicate(timeout=SECONDS_MAX)
        return self._process.returncode, journal


@contextmanager
def serving(console: Console, *args: str) -> Iterator[Serving]:
    """Run a relay while the context lives."""
    found = Serving(console, *args)
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


def free() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def data(console: Console) -> str:
    return os.fspath(console.cwd / "relay")


def code_of(console: Console, *args: str) -> tuple[int, str]:
    """Return status and code of a command that fails."""
    done = console.call("--json", *args)
    return done.status, str(done.data.get("error_code"))


# -- init ----------------------------------------------------------------------------------------


def test_a_new_relay_has_a_key_a_configuration_and_where_it_asks_a_code(console: Console) -> None:
    made = console.ok("relay", "init")
    assert made["provider"] == "none" and made["code"] is None and made["files"] == ["relay.toml"]
    paid = console.ok("relay", "init", "--data", "paid", "--domain", "relay.example.org")
    assert paid["provider"] == "token" and len(paid["code"]) == 29
    assert paid["files"] == ["relay.toml", "Caddyfile"]
    text = (console.cwd / "paid" / "Caddyfile").read_text()
    assert "relay.example.org {" in text and "reverse_proxy 127.0.0.1:8787" in text
    for name in ("relay.key", "relay.toml"):
        assert (console.cwd / "relay" / name).stat().st_mode & 0o777 == 0o600
    assert code_of(console, "relay", "init") == (5, "already_exists")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(("--listen", "8787"), "invalid_argument", id="no address"),
        pytest.param(("--listen", "127.0.0.1:x"), "invalid_argument", id="no port"),
        pytest.param(("--listen", "127.0.0.1:65536"), "invalid_argument", id="a port too large"),
        pytest.param(("--domain", "a/b"), "invalid_argument", id="no name"),
        pytest.param(("--tls-cert", "x"), "missing_required_flag", id="a certificate alone"),
        pytest.param(("--provider", "gold"), "invalid_argument", id="no provider"),
    ],
)
def test_a_setting_that_is_none_is_refused(
    console: Console, args: tuple[str, ...], code: str
) -> None:
    assert code_of(console, "relay", "init", *args) == (2, code)
    assert not os.path.exists(data(console))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sandbox = true", id="an unknown name"),
        pytest.param('provider = "gold"', id="no provider"),
        pytest.param("listen = [1]", id="no value"),
    ],
)
def test_a_configuration_that_says_something_else_is_refused(console: Console, text: str) -> None:
    console.ok("relay", "init")
    (console.cwd / "relay" / "relay.toml").write_text(text + "\n")
    assert code_of(console, "relay", "doctor") == (2, "invalid_argument")


# -- serve ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_relay_says_where_it_is_and_ends_orderly(console: Console, how: signal.Signals) -> None:
    console.ok("relay", "init")
    relay = Serving(console, "--listen", "127.0.0.1:0")
    told = relay.told
    status, journal = relay.end(how)
    assert problems(told, "relay_serving") == []
    assert told["url"].startswith("http://127.0.0.1:") and told["pin"] is None
    assert status == 0
    events = [json.loads(line)["event"] for line in journal.splitlines()]
    assert events == ["ready", "draining", "ended"]


@pytest.mark.slow
def test_from_a_code_to_a_connected_space(console: Console) -> None:
    code = console.ok("relay", "init", "--provider", "token")["code"]
    console.ok("init", "--human", "--name", "Ada")
    console.ok("space", "create", "bughunt")
    with serving(console, "--listen", "127.0.0.1:0") as relay:
        url = relay.told["url"]
        at, to = ("--relay-url", url), ("--relay", url)
        assert console.ok(*at, "billing", "plans")["plans"][0]["name"] == "standard"
        assert not console.ok(*at, "billing", "status")["connected_access_active"]
        refused = code_of(console, "space", "connect", "bughunt", *to)
        assert refused == (7, "subscription_required")
        assert code_of(console, *at, "billing", "redeem", "AAAA-BBBB") == (3, "not_found")
        assert console.ok(*at, "billing", "redeem", "-", stdin=code + "\n")["changed"]
        assert not console.ok(*at, "billing", "redeem", code)["changed"]
        console.ok("space", "connect", "bughunt", *to)
        found = console.ok("billing", "status")  # of the only relay that a space here is on
        assert (found["spaces"], found["spaces_max"], found["relay"]) == (1, 100, url)
        (row,) = console.ok("relay", "token", "list")["codes"]
        assert row["state"] == "redeemed"
        console.ok("relay", "token", "revoke", row["code_id"])
        assert not console.ok("billing", "status")["connected_access_active"]


@pytest.mark.slow
def test_a_relay_of_the_lan_is_known_by_its_pin_and_by_nothing_else(console: Console) -> None:
    flags = ("--lan", "--listen", free(), "--provider", "none", "--open")
    console.ok("relay", "init", *flags)
    console.ok("init", "--human", "--name", "Ada")
    with serving(console) as relay:
        url, pin = relay.told["url"], relay.told["pin"]
        assert relay.told["uri"] == f"r={url}&pin={pin}"
        at = ("--relay-url", url)
        assert console.ok(*at, "billing", "status", "--pin", pin)["connected_access_active"]
        assert code_of(console, *at, "billing", "status") == (7, "relay_unavailable")
        wrong = ("--pin", "00" * 32)
        assert code_of(console, *at, "billing", "status", *wrong) == (8, "relay_inconsistent")
        found = {one["name"]: one for one in console.ok("relay", "doctor")["checks"]}
        assert found["address"]["state"] == found["process"]["state"] == "ok"
        served = code_of(console, "relay", "serve")
        assert served == (6, "timeout")
    with serving(console) as again:
        assert again.told["pin"] == pin  # the certificate is kept


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param((), "not_found", id="there is no relay"),
        pytest.param(
            ("--listen", "0.0.0.0:0", "--provider", "token"), "unsupported_scheme", id="in clear"
        ),
        pytest.param(
            ("--listen", "0.0.0.0:0", "--provider", "none"),
            "missing_required_flag",
            id="for everybody, unsaid",
        ),
        pytest.param(("--lan", "--listen", "0.0.0.0:0"), "invalid_argument", id="no known port"),
        pytest.param(("--tls-cert", "x", "--tls-key", "y"), "state_access_denied", id="no file"),
        pytest.param(("--tls-cert", "relay/relay.toml", "--tls-key", "y"), "invalid_argument",
                     id="no certificate"),
    ],
)  # fmt: skip
def test_serve_refuses_what_would_cost_somebody(
    console: Console, args: tuple[str, ...], code: str
) -> None:
    if args:
        console.ok("relay", "init")
    assert code_of(console, "relay", "serve", *args)[1] == code


def test_an_address_that_is_taken_is_told(console: Console) -> None:
    console.ok("relay", "init")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        found = console.call("--json", "relay", "serve", "--listen", place)
    assert (found.status, found.data["error_code"]) == (2, "unsupported_destination")


@pytest.mark.slow
def test_without_the_extra_serve_says_what_to_install(console: Console) -> None:
    hidden = "import sys; sys.modules['uvicorn'] = None; " + PROGRAM
    done = subprocess.run(
        [sys.executable, "-c", hidden, "--json", "relay", "serve"],
        env=console.environment(),
        cwd=console.cwd,
        capture_output=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["error_code"]) == (2, "unsupported_operation")
    assert found["missing"] == "uvicorn" and "envoy-space[relay]" in found["next_command"]


# -- billing, seen from a client -----------------------------------------------------------------


def test_billing_asks_for_a_relay_and_for_one_that_answers(console: Console) -> None:
    console.ok("init", "--human", "--name", "Ada")
    assert code_of(console, "billing", "status") == (2, "missing_required_flag")
    at = ("--relay-url", "http://127.0.0.1:1")
    assert code_of(console, *at, "billing", "plans") == (7, "relay_unavailable")
    assert code_of(console, *at, "billing", "plans", "--pin", "x") == (2, "invalid_argument")
    assert code_of(console, "billing", "checkout") == (2, "unsupported_operation")


@pytest.mark.slow
def test_a_relay_that_asks_nobody_needs_no_code(console: Console) -> None:
    console.ok("relay", "init")
    console.ok("init", "--human", "--name", "Ada")
    with serving(console, "--listen", "127.0.0.1:0") as relay:
        at = ("--relay-url", relay.told["url"])
        assert console.ok(*at, "billing", "plans")["plans"] == []
        found = console.ok(*at, "billing", "status")
        assert found["connected_access_active"] and found["product_plan"] is None
        refused = code_of(console, *at, "billing", "redeem", "AAAA")
        assert refused == (2, "unsupported_operation")


# -- access codes --------------------------------------------------------------------------------


def test_codes_are_minted_listed_and_revoked(console: Console) -> None:
    console.ok("relay", "init")
    minted = console.ok("relay", "token", "--count", "3", "--days", "365d")
    assert len(set(minted["codes_minted"])) == 3 and len(minted["codes"]) == 3
    assert {one["days"] for one in minted["codes"]} == {365}
    ident = minted["codes"][0]["code_id"]
    left = console.ok("relay", "token", "revoke", ident)["codes"]
    assert len(left) == 2 and ident not in {one["code_id"] for one in left}
    assert console.ok("relay", "token", "list")["codes"] == left
    text = console.call("relay", "token", "list").out
    assert "365" in text and left[0]["code_id"] in text


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(("--plan", "gold"), "not_found", id="no such plan"),
        pytest.param(("revoke",), "missing_required_flag", id="revoke what"),
        pytest.param(("revoke", "00ff"), "not_found", id="no such code"),
        pytest.param(("list", "00ff"), "invalid_argument", id="a list of one"),
        pytest.param(("--data", "nowhere"), "not_found", id="no relay"),
        pytest.param(("--count", "101"), "invalid_argument", id="too many"),
    ],
)
def test_what_is_no_call_about_codes_is_refused(
    console: Console, args: tuple[str, ...], code: str
) -> None:
    console.ok("relay", "init")
    assert code_of(console, "relay", "token", *args)[1] == code


# -- doctor --------------------------------------------------------------------------------------


def test_a_sound_relay_has_nothing_to_repair(console: Console) -> None:
    console.ok("relay", "init")
    found = console.ok("relay", "doctor")
    assert found["sound"]
    states = {one["name"]: one["state"] for one in found["checks"]}
    assert states.pop("process") == "warning" and set(states.values()) == {"ok"}
    assert set(os.listdir(data(console))) & {"chunks"} == {"chunks"}
    assert os.listdir(console.cwd / "relay" / "chunks") == []
    assert "hint: envoy relay serve" in console.call("relay", "doctor").out


def open_to_all(path: Path) -> None:
    (path / "relay.key").chmod(0o644)


def no_key(path: Path) -> None:
    (path / "relay.key").write_bytes(b"key")


def torn(path: Path) -> None:
    for name in ("hub.db-wal", "hub.db-shm"):
        (path / name).unlink(missing_ok=True)
    with (path / "hub.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 60_000)


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        pytest.param(open_to_all, "files", id="a key that others read"),
        pytest.param(no_key, "files", id="a key that is none"),
        pytest.param(torn, "database", id="a database that is torn"),
    ],
)
def test_what_is_wrong_is_found(console: Console, harm: Callable[[Path], None], name: str) -> None:
    console.ok("relay", "init")
    harm(console.cwd / "relay")
    done = console.call("--json", "relay", "doctor")
    assert done.status == 8 and not done.data["sound"]
    states = {one["name"]: one for one in done.data["checks"]}
    assert states[name]["state"] == "failed" and states[name]["next_command"]


def test_frames_that_do_not_give_their_chain_a_clock_and_a_sweep_are_found(
    console: Console,
) -> None:
    console.ok("relay", "init")
    place = Place(data(console), "http://127.0.0.1:1", None)
    store = tables.open_store(place.directory, tables.read_keys(place.directory), read_only=False)
    with store.group():
        row = (bytes(32), b"g", bytes(32), 1, bytes(32), bytes(32), 1, 1, 0, 2**43)
        store.connection.run("INSERT INTO space VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        store.connection.run("INSERT INTO chunk VALUES(?, ?, ?, ?)", (bytes(32), bytes(32), 1, 1))
    store.close()
    found = {one.name: one for one in doctor.examine(place)}
    assert {name for name, one in found.items() if one.state == doctor.FAILED} == {
        "spaces", "clock", "address",
    }  # fmt: skip
    assert found["sweep"].state == doctor.WARNING
    assert "relay_unavailable" in found["address"].detail


# -- copies --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_relay_is_copied_while_it_serves_and_put_back_as_another_instance(
    console: Console,
) -> None:
    console.ok("relay", "init")
    console.ok("init", "--human", "--name", "Ada")
    console.ok("space", "create", "bughunt")
    (console.cwd / "file.txt").write_text("a file")
    listen = ("--listen", free())
    with serving(console, *listen) as relay:
        console.ok("space", "connect", "bughunt", "--relay", relay.told["url"])
        console.ok("send", "--space", "bughunt", "before the copy")
        console.ok("object", "put", "file.txt", "--space", "bughunt")
        console.ok("sync")
        copied = console.ok("relay", "backup", "--to", "copy")
        assert copied["spaces"] == 1 and copied["frames"] > 3 and copied["missing_chunks"] == 0
        console.ok("send", "--space", "bughunt", "after the copy")
    assert code_of(console, "relay", "backup", "--to", "copy") == (5, "already_exists")
    assert code_of(console, "relay", "restore", "copy") == (5, "already_exists")
    shutil.rmtree(data(console))
    again = console.ok("relay", "restore", "copy")
    assert {**again, "directory": "", "next_commands": []} == {
        **copied, "schema": again["schema"], "directory": "", "next_commands": [],
    }  # fmt: skip
    before, after = (instance(console.cwd / name) for name in ("copy", "relay"))
    assert before != after
    old, new = (tables.read_keys(os.fspath(console.cwd / name)) for name in ("copy", "relay"))
    assert old.hub == new.hub and old.token != new.token
    with serving(console, *listen):
        console.ok("sync")
        found = console.ok("relay", "doctor")
        assert found["sound"]
        (after_count,) = {console.ok("relay", "backup", "--to", "copy2")["frames"]}
    assert after_count > copied["frames"]  # what came after the copy is there again


def instance(path: Path) -> bytes:
    keys = tables.read_keys(os.fspath(path))
    store = tables.open_store(os.fspath(path), keys, read_only=True)
    try:
        return store.instance
    finally:
        store.close()


def test_a_copy_that_is_none_or_torn_is_not_put_back(console: Console, tmp_path: Path) -> None:
    assert code_of(console, "relay", "restore", "nowhere") == (3, "not_found")
    console.ok("relay", "init")
    console.ok("relay", "backup", "--to", "copy")
    torn(console.cwd / "copy")
    assert code_of(console, "relay", "restore", "copy", "--data", "new") == (8, "state_corrupt")
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(EnvoyError, match="already_exists"):
        backup.save(data(console), os.fspath(taken))


def test_a_copy_tells_which_chunks_were_not_on_the_disk(console: Console) -> None:
    console.ok("relay", "init")
    keys = tables.read_keys(data(console))
    store = tables.open_store(data(console), keys, read_only=False)
    with store.group():
        store.keep_chunk(bytes(32), bytes(32), 10, 2**43)
    store.close()
    assert console.ok("relay", "backup", "--to", "copy")["missing_chunks"] == 1
    assert "not on the disk" in console.call("relay", "backup", "--to", "copy2").out
