"""Servers of peers: what one that keeps running answers, beside Envoy's, in the same rounds.

Both sides are processes that were started before the clock, on loopback, with a client that costs
little. What each promises with its answer is said in the remarks of its case.

Specification: docs/MEASURES.md, section 5.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from bench import world
from bench.cases.peers import ENVOY, missing, rounds
from bench.cases.relay import CONNECTIONS, Log
from bench.cases.tools import Server
from bench.peers import finding, mail, nats
from bench.relay import spaces
from bench.relay.driver import Crew, Task
from bench.relay.process import Settings
from bench.rounds import Contender, Race, Target, Wrong
from bench.setting import Case, Json, Setting, environment

NATS_LEAST = 0.1  # in turn, beside a server as it comes
SEND_MOST, INBOX_MOST, TOOLS_MOST = 0.1, 1.0, 0.25
MANY, MANY_QUICK = 4_000, 1_000
FEW, FEW_QUICK = 500, 100
ROWS = 10
# Of words as people write them: those of other cases can be taken for a phrase of recovery words.
TEXT = (
    "The parser drops a trailing comma when lists are nested twice. My fix is on the branch and its"
    " test fails without it; two callers relied on the former shape, please look at them before you"
    " merge it."
)
RELAY = "relay: a FULL commit for each group that waits, before the answers; frames are sealed"


# -- messages that a server keeps ---------------------------------------------------------------


class Stream:
    """A JetStream server, clients of it, and how many messages it has acknowledged."""

    def __init__(self, setting: Setting, peer: finding.Program, sync: str) -> None:
        self._name = f"nats, {sync} sync"
        self._server = nats.Server(peer, setting.home(f"nats-{sync}"), sync)
        setting.held.callback(self._server.close)
        self._crews: dict[int, nats.Crew] = {}
        for connections in (CONNECTIONS, 1):
            self._crews[connections] = nats.Crew(self._server.address, connections)
            setting.held.callback(self._crews[connections].close)
        self._acked = 0
        self._spent, self._done = 0.0, 0

    def publish(self, connections: int, number: int) -> float:
        """Publish over so many connections; return the messages acknowledged in a second."""
        before = self._server.cpu_s()
        found = self._crews[connections].ask(nats.Task(number, spaces.FRAME_BYTES))
        self._spent += self._server.cpu_s() - before
        self._done += number
        self._acked += found["acked"]
        if found["acked"] != number:
            raise Wrong(f"{found['acked']} of {number} messages acknowledged")
        return float(found["acked"] / found["seconds"])

    def cpu_us(self) -> float:
        """Return the processor time that the server took for a message, in microseconds."""
        return self._spent / max(1, self._done) * 1e6

    def problems(self) -> list[str]:
        """Return whether messages that were acknowledged are missing."""
        found = self._server.messages()
        return [] if found == self._acked else [f"{self._name}: {found} of {self._acked} are there"]


def play_nats(setting: Setting) -> Race:
    """Measure posts of 1 KB over many connections, and over one in turn."""
    peer = nats.find()
    if peer is None:
        return missing("nats-server")
    syncs = [nats.DEFAULT]
    if nats.can_sync(peer, setting.home("tried")):
        syncs.insert(0, nats.ALWAYS)
    streams = {sync: Stream(setting, peer, sync) for sync in syncs}
    log = Log(setting, "relay", Settings(has_pace=False))
    many, few = (MANY_QUICK, FEW_QUICK) if setting.quick else (MANY, FEW)
    contenders, targets = list[Contender](), list[Target]()
    for connections, number in ((CONNECTIONS, many), (1, few)):
        crew, mine = log.crew(setting, connections), f"relay append, {connections} x"
        contenders.append(Contender(mine, "per_s", posting(log, crew, number)))
        for sync, stream in streams.items():
            theirs = f"nats publish, {sync} sync, {connections} x"
            contenders.append(Contender(theirs, "per_s", publishing(stream, connections, number)))
            is_anchor = (connections, sync) == (1, nats.DEFAULT)
            bound = NATS_LEAST if is_anchor else None
            targets.append(Target(mine, theirs, bound, is_most=False))
    remarks = [f"{peer.version}, {sync} sync: {nats.PROMISES[sync]}" for sync in syncs]
    if nats.ALWAYS not in syncs:
        remarks.append(finding.absent("a nats-server that can sync before it answers"))

    def notes() -> dict[str, float]:
        found = {f"nats, {sync} sync, cpu us": one.cpu_us() for sync, one in streams.items()}
        return {"relay cpu us": log.cpu_us(), **found}

    return Race(
        tuple(contenders),
        tuple(targets),
        rounds=3 if setting.quick else 9,
        checks=lambda: log.problems() + [text for s in streams.values() for text in s.problems()],
        notes=notes,
        remarks=(*remarks, RELAY),
    )


def posting(log: Log, crew: Crew, number: int) -> Callable[[], float]:
    """Return what measures posts to the relay."""
    return lambda: log.post(crew, Task(number))


def publishing(stream: Stream, connections: int, number: int) -> Callable[[], float]:
    """Return what measures messages to a stream."""
    return lambda: stream.publish(connections, number)


# -- messages between agents --------------------------------------------------------------------


class Agents:
    """Two profiles of one space, each with an `envoy-mcp` of its own."""

    def __init__(self, setting: Setting) -> None:
        made = world.make(setting.home("agents"), ("writer", "reader"))
        program = str(Path(setting.envoy).with_name("envoy-mcp"))
        self._servers = {}
        for name in made.profiles:
            self._servers[name] = Server([program], environment(made.home, name))
            setting.held.callback(self._servers[name].close)

    def _call(self, profile: str, tool: str, **arguments: object) -> Json:
        given: Json = {"space": world.NAME, **arguments}
        server = self._servers[profile]
        found: Json = server.ask("tools/call", name=tool, arguments=given)["structuredContent"]
        return found

    def send(self, key: str, text: str) -> None:
        """Send a message from one to the other."""
        if self._call("writer", "message_send", body=text, key=key)["pending_sync"]:
            raise Wrong("the hub does not have it")

    def inbox(self, limit: int) -> list[Json]:
        """Return messages that the other has not read, the oldest first."""
        rows: list[Json] = self._call("reader", "inbox_read", limit=limit)["messages"]
        return rows

    def unread(self) -> int:
        """Return how many messages the other has not read."""
        return int(self._call("reader", "inbox_read", limit=1)["matching_unread_count"])

    def tools(self) -> Json:
        """Return the list of tools as it is answered."""
        return self._servers["reader"].ask("tools/list")


def play_mail(setting: Setting) -> Race:
    """Measure a message sent, an inbox read, and what a list of tools costs its reader."""
    peer = mail.find()
    if peer is None:
        return missing(f"{mail.PACKAGE} {mail.VERSION}")
    theirs = mail.Server(peer, setting.home("mail"))
    setting.held.callback(theirs.close)
    ours, numbers = Agents(setting), count()
    sent = {"mail": 0, "envoy": 0}

    def sending(side: str, send: Callable[[str, str], None]) -> Callable[[], None]:
        def once() -> None:
            send(f"note-{next(numbers)}", TEXT)
            sent[side] += 1

        return once

    def reading(inbox: Callable[[int], list[Json]]) -> Callable[[], None]:
        def once() -> None:
            found = json.dumps(inbox(ROWS))
            if found.count(TEXT) < ROWS:
                raise Wrong(f"{found.count(TEXT)} of {ROWS} texts were read")

        return once

    to_mail, to_envoy = sending("mail", theirs.send), sending("envoy", ours.send)
    for _ in range(ROWS):
        to_mail()
        to_envoy()

    def problems() -> list[str]:
        counts = {"mail": len(theirs.inbox(mail.READ_MAX)), "envoy": ours.unread()}
        return [
            f"{side}: {found} of {sent[side]} messages arrived"
            for side, found in counts.items()
            if found != sent[side]
        ]

    return Race(
        (
            timed("agent mail, send_message", to_mail),
            timed("envoy, message_send", to_envoy),
            timed("agent mail, fetch_inbox", reading(theirs.inbox)),
            timed("envoy, inbox_read", reading(ours.inbox)),
            weighed("agent mail, tools/list", theirs.tools),
            weighed("envoy, tools/list", ours.tools),
        ),
        (
            Target("envoy, message_send", "agent mail, send_message", SEND_MOST, is_most=True),
            Target("envoy, inbox_read", "agent mail, fetch_inbox", INBOX_MOST, is_most=True),
            Target("envoy, tools/list", "agent mail, tools/list", TOOLS_MOST, is_most=True),
        ),
        rounds=rounds(setting),
        checks=problems,
        remarks=(f"{mail.PACKAGE} {peer.version}: {mail.PROMISE}", f"{ENVOY}; over a pipe"),
    )


def timed(name: str, act: Callable[[], None]) -> Contender:
    """Return one call as a contender."""

    def once() -> float:
        began = time.perf_counter()
        act()
        return (time.perf_counter() - began) * 1000

    return Contender(name, "wall_ms", once)


def weighed(name: str, ask: Callable[[], Json]) -> Contender:
    """Return the length of an answer as a contender."""
    return Contender(name, "bytes", lambda: float(len(json.dumps(ask()))))


CASES = (
    Case("peer.nats", "1 KB messages kept: NATS JetStream and the relay", play_nats),
    Case("peer.mail", "a message sent and an inbox read: agent mail and envoy-mcp", play_mail),
)
