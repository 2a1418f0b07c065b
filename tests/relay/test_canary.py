"""H11: what a relay has of words that were planted in every field that anybody can fill.

Three homes use all that a space has over a real relay. Then everything that the relay has or says
is searched: database, log of the database, chunks, a copy made by `relay backup`, journal, metrics,
health, what it answers to errors, every byte that its sockets carried, and its memory while it
lives. What must not be there: the words, the dids in text and as raw keys, the codes of invites,
and the words for roles: `abuse.test_r7` looks for them. Here stands that the same search finds a
word that somebody pushed in clear, wherever it lies and in whatever form.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from console import Console
from envoy.core import invite
from envoy.ids import did_key
from envoy.sync import frames
from hub.scenes import SPACE
from oracle import messagepack, scene
from relay import canary, process
from relay.process import Client, Served
from relay.proxy import Proxy, proxied
from relay.test_process import UnixConnection, get

pytestmark = pytest.mark.slow
CONTENT = 40_000  # bytes of an object: more than a page of any database


class Watched(NamedTuple):
    """A relay, what stands before it and hears all, and the mark of this run."""

    served: Served
    proxy: Proxy
    admin: Path
    mark: str


@contextmanager
def watched(root: Path) -> Iterator[Watched]:
    """Run a relay behind a proxy that remembers every byte."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with proxied() as proxy:
        origin = f"http://127.0.0.1:{proxy.port}"
        proxy.to, proxy.heard = port, bytearray()
        settings = {"port": port, "origins": [origin], "admin": f"unix:{root}/admin.sock"}
        with process.serving(root / "relay", **settings) as served:
            yield Watched(served, proxy, root / "admin.sock", canary.mark())


class Actor:
    """A home whose every word carries the mark."""

    def __init__(self, root: Path, at: Watched) -> None:
        self.console = Console(root, name="work")
        self._mark = at.mark

    def word(self, text: str) -> str:
        """Return a text that carries the mark."""
        return f"{self._mark} {text}"

    def ok(self, *args: str) -> dict[str, Any]:
        """Call `envoy`; what begins with + is a word to plant."""
        filled = [self.word(one[1:]) if one.startswith("+") else one for one in args]
        return self.console.ok(*filled)

    def made(self, name: str, *args: str) -> str:
        """Call `envoy`; return the id that its answer holds under ``name``."""
        return str(self.ok(*args)[name])


def talk(ada: Actor, bob: Actor) -> None:
    """Say, ask, answer, take back."""
    sent = ada.made("message_id", "send", "+body of a message")
    bob.ok("sync")
    bob.ok("send", "+an answer", "--reply-to", sent)
    ada.ok("send", "--poll-question", "+which one", "--poll-options", "red,green")
    taken = ada.made("message_id", "send", "+regretted")
    ada.ok("message", "redact", taken, "--reason", "+why it went")
    ada.ok("space", "update", "--description", "+what the space is for")
    ada.ok("card", "publish", "--name", "+card", "--version", f"{ada.word('v')}")
    bob.ok("send", "--task", "+a task in a message")


def work(ada: Actor, bob: Actor) -> None:
    """Make tasks, do them, hand them over, argue about them."""
    label = ada.word("label").replace(" ", "-")
    task = ada.made("task_id", "task", "create", "+text", "--title", "+title", "--label", label)
    ada.ok("task", "edit", task, "--title", "+another title", "--body", "+another text")
    bob.ok("sync")
    bob.ok("task", "claim", task)
    bob.ok("task", "set", task, "in_progress", "--note", "+how it goes")
    evidence = ("record", "add", "evidence", "+it passes", "--type", "test", "--task", task)
    subject = f"git:{ada.word('repo').replace(' ', '-')}@1"
    proof = bob.made("record_id", *evidence, "--subject", subject, "--field", "result=pass")
    handoff = ("handoff", "create", task, "--next", "+next", "--done", "+done", "--risk", "+risk")
    more = ("--remaining", "+left", "--question", "+asked", "--command", "+run this")
    bob.ok(*handoff, *more, "--evidence", proof)
    other = bob.made("task_id", "task", "create", "+reviewed", "--reviews", "1")
    bob.ok("task", "claim", other)
    bob.ok("task", "complete", other, "--note", "+handed in")
    ada.ok("sync")
    ada.ok("review", "request-changes", other, "--note", "+not yet")
    ada.ok("task", "cancel", other, "--reason", "+no more")
    charter = ada.made("record_id", "record", "add", "charter", "+what we are here for")
    ada.ok("record", "add", "decision", "+decided", "--ref", f"contradicts:{charter}")
    ada.ok("record", "retract", charter, "--reason", "+taken back")


def share(ada: Actor, bob: Actor) -> None:
    """Share files, run something."""
    path = ada.console.cwd / ada.word("file name")
    path.write_text(ada.word("content ") * (CONTENT // 20))
    put = ("object", "put", os.fspath(path), "--media-type", "text/plain")
    shared = ada.made("object_id", *put)
    gone = ada.made("object_id", *put, "--name", "+another name")
    ada.ok("object", "retract", gone, "--reason", "+wrong file")
    ada.ok("run", "--keep-output", "--", "sh", "-c", f"echo {ada.word('output')}; true")
    ada.ok("sync")
    bob.ok("sync")
    out = bob.console.cwd / "got"
    bob.ok("object", "get", shared, "--output", os.fspath(out))
    assert out.read_bytes() == path.read_bytes()  # it went over the relay


def rule(ada: Actor, bob: Actor, cid: Actor) -> list[str]:
    """Let in, give roles, remove; return the codes of the invites."""
    asked = str(ada.ok("invite", "--publish", "--mode", "approve", "--ttl", "1h")["invite_uri"])
    cid.ok("join", asked, "--name", "+third")
    (request,) = ada.ok("invites", "pending")["requests"]
    ada.ok("--yes", "invites", "approve", str(request["request_id"]))
    cid.ok("sync")
    cid.ok("send", "+from the third")
    ada.ok("sync")
    member = ("--member", f"@{bob.word('second')}")
    ada.ok("--yes", "space", "role", *member, "--role", "admin")
    bob.ok("sync")
    bob.ok("sync")
    ada.ok("--yes", "space", "remove", *member, "--reason", "+who was removed, why")
    cid.ok("sync")
    return [asked]


def history(at: Watched, root: Path) -> tuple[Sequence[Actor], list[str]]:
    """Let three homes do all that a space is for; return them and the codes they used."""
    ada, bob, cid = (Actor(root / name, at) for name in ("one", "two", "three"))
    relay = ("--relay-url", at.served.origin)
    names = ("--name", "+first", "--space-name", "+space")
    made = ada.ok(*relay, "quickstart", "--human", "--cross-machine", *names)
    code = str(made["invite_uri"])
    bob.ok("join", code, "--name", "+second")
    ada.ok("sync")
    talk(ada, bob)
    work(ada, bob)
    share(ada, bob)
    return (ada, bob, cid), [code, *rule(ada, bob, cid)]


def secrets(at: Watched, actors: Sequence[Actor], codes: Sequence[str]) -> dict[str, bytes]:
    """Return what no relay may have: the mark, dids, the secrets of codes."""
    found = {"a planted word": at.mark.encode()}
    for number, actor in enumerate(actors):
        did = str(actor.ok("identity", "list")["profiles"][0]["member_id"])
        found |= {f"did {number}": did.encode(), f"key {number}": did_key(did)}
    for number, code in enumerate(codes):
        found[f"code {number}"] = code.partition("#")[2].encode()
        found[f"secret {number}"] = invite.parse(code).secret
    return found


def told(at: Watched) -> bytes:
    """Return all that the relay tells its operator, and what it answers to errors."""
    line = UnixConnection(at.admin)
    said = [get(line, path)[1] for path in ("/metrics", "/healthz", "/readyz", "/nothing")]
    client = Client(at.served)
    odd = [client.post(f"/v1/{name}", b"\x93nonsense")[1] for name in ("pull", "session", "none")]
    client.close()
    public = http.client.HTTPConnection(*at.served.address, timeout=10)
    said.append(get(public, "/v1/info")[1])
    return "".join(said).encode() + b"".join(odd) + at.served.log.read_bytes()


def everywhere(at: Watched, root: Path, words: dict[str, bytes]) -> dict[str, set[str]]:
    """Search all that the relay has; return what was found, by place."""
    wanted = canary.patterns(words) | {name: {role} for name, role in canary.ROLES.items()}
    places = {"memory": canary.in_memory(at.served.process.pid, wanted)}
    places["what it tells"] = canary.found_in(told(at), wanted)
    places["what it heard"] = canary.found_in(at.proxy.heard or b"", wanted)
    copy, directory = root / "copy", at.served.directory
    operator = Console(root / "operator")
    operator.ok("relay", "backup", "--data", os.fspath(directory), "--to", os.fspath(copy))
    for where in (directory, copy):
        places |= {f"{where.name}/{name}": hits
                   for name, hits in canary.in_files(where, wanted).items()}  # fmt: skip
    return {place: hits for place, hits in places.items() if hits}


def test_h11_control_what_is_pushed_in_clear_is_found_wherever_it_lies(tmp_path: Path) -> None:
    with watched(tmp_path) as at:
        client = Client(at.served)
        client.create()
        body = f"{at.mark} in clear ".encode() * 40 + b"".join(canary.ROLES.values())
        sealed = [1, scene.fixed("epoch"), scene.fixed("salt", 24), body]
        push = frames.Push(SPACE, (messagepack.write(sealed),))
        client.ask(push, frames.Pushed, client.token("writer"))
        found = everywhere(at, tmp_path, {"a planted word": at.mark.encode()})
        client.close()
    wanted = {"a planted word", *canary.ROLES}
    assert {"memory", "what it heard", "relay/hub.db-wal", "copy/hub.db"} <= set(found)
    assert all(found[place] == wanted for place in found)


@pytest.mark.parametrize("shift", range(8))
def test_control_a_word_is_found_in_every_form(shift: int) -> None:
    word = canary.mark().encode()
    wanted, around = canary.patterns({"it": word}), b"some more"
    data = bytes(shift) + word + around
    coded = [base64.b64encode(data), base64.b32encode(data), base64.b32encode(data).lower()]
    for form in (data, data.hex().encode(), data.decode().encode("utf-16-le"), *coded):
        assert canary.found_in(b"\xff" + form + b"\xff", wanted) == {"it"}
        assert canary.found_in(form.replace(form[5:40], b"?"), wanted) == set()
