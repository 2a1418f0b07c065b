"""Audit bundles as files: what can be read, and the views that are made of a verified one."""

from __future__ import annotations

import json
import os
import re
import tracemalloc
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest

import bundles
from envoy.core import bundle, codec
from envoy.errors import ConflictError, EnvoyError, InternalError
from envoy.replica.actions import authority, messages, records, tasks
from envoy.replica.actions.audit import Chosen
from envoy.replica.actions.records import Said
from envoy.storage.audit_views import AuditViews
from envoy.views import auditpage
from envoy.views.audit import EVERYTHING, Slice, readable
from envoy.wiring import auditing, reporting, showing
from envoy.wiring.config import Config
from hostile import HOSTILE
from replica.forge import Forger
from replica.scenes import deliver, message
from replica.world import Actor, World

SHA = "5" * 64
ATTACKS = ("</pre><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt; &amp;")


class Scene(NamedTuple):
    """A space in which much was said, its bundle as a file, and the configuration of nobody."""

    lead: Actor
    agent: Actor
    path: str
    config: Config
    place: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return the scene, for all tests of a module."""
    place = tmp_path_factory.mktemp("audit")
    world = World(place)
    lead, agent, gone = world.team("lead", "agent", "gone")
    task = tasks.create(agent.copy, ATTACKS[0]).after.id
    tasks.claim(agent.copy, task, session="default")
    for text in (*ATTACKS, *HOSTILE):
        agent.send(text)
    passed = (("result", "pass"),)
    said = Said("evidence", ATTACKS[1], "test", task, passed, f"file:hull.txt@sha256:{SHA}")
    first = records.add(agent.copy, said).event
    for digest in ("a" * 40, "a" * 40 + "+dirty", "b" * 39):
        records.add(agent.copy, said._replace(subject=f"git:{ATTACKS[0]}@{digest}"))
    decided = Said("decision", "we keep it", task=task, refs=[("produced_by", first)])
    records.add(agent.copy, decided)
    taken = records.add(agent.copy, said).event
    records.retract(agent.copy, taken, reason="the wrong run")
    lead.sync()
    authority.remove(lead.copy, gone.me, reason="gone")
    lead.sync()
    path = place / "bundle"
    path.write_bytes(bundles.exported(lead))
    yield Scene(lead, agent, os.fspath(path), bundles.config(place / "none"), place)
    world.close()


def views(scene: Scene, directory: Path, path: str | None = None) -> dict[str, str]:
    """Return the views of a bundle by the names of their files."""
    with auditing.verified(scene.config, path or scene.path) as seen:
        names = showing.write(scene.config, seen, os.fspath(directory))
    assert sorted(names) == sorted(os.listdir(directory))
    assert {oct((directory / name).stat().st_mode & 0o777) for name in names} == {"0o600"}
    return {name: (directory / name).read_text("utf-8") for name in names}


# -- files ---------------------------------------------------------------------------------------


def code(act: Callable[[], object]) -> tuple[str, object]:
    """Return the code and the cause by which ``act`` is refused."""
    with pytest.raises(EnvoyError) as caught:
        act()
    return caught.value.code, caught.value.details.get("cause")


def test_a_file_that_cannot_be_read_is_the_caller_s_mistake(scene: Scene, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def verify(path: object) -> tuple[str, object]:
        return code(lambda: auditing.verified(scene.config, str(path)).__enter__())

    assert verify(tmp_path / "missing") == ("invalid_argument", "missing")
    assert verify(tmp_path) == ("invalid_argument", "not_a_file")
    assert verify(tmp_path / "pipe") == ("invalid_argument", "not_a_file")
    assert verify("a\0b") == ("invalid_argument", "nul")


def test_a_newer_bundle_asks_for_a_newer_build(scene: Scene, tmp_path: Path) -> None:
    parts = bundles.split(Path(scene.path).read_bytes())
    newer, path = codec.encode((bundle.VERSION + 1, "who knows")), tmp_path / "newer"
    path.write_bytes(bundles.joined([bundles.Raw(bundle.HEADER, newer), *parts[1:]]))
    act = auditing.verified(scene.config, os.fspath(path)).__enter__
    assert code(act) == ("schema_too_new", None)


def test_nothing_is_left_behind(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", os.fspath(tmp_path))
    with auditing.verified(scene.config, scene.path):
        (directory,) = tmp_path.iterdir()
        assert directory.stat().st_mode & 0o777 == 0o700
        (database,) = directory.rglob("replica.db")
        assert not database.read_bytes().startswith(b"SQLite format 3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(world_of: World, tmp_path: Path) -> None:
    lead, agent = world_of.team("lead", "agent")
    forger, path = Forger(agent), tmp_path / "long"
    peaks = []
    for count in (1_000, 3_000):
        deliver(lead, [forger.say(message("x" * 300))[0] for _ in range(count)])
        path.write_bytes(bundles.exported(lead))
        tracemalloc.start()
        with auditing.verified(bundles.config(tmp_path / "none"), os.fspath(path)):
            peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator[World]:
    """Return an empty machine."""
    made = World(tmp_path / "world")
    yield made
    made.close()


# -- views ---------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """What a browser would make of a page: its tags, its attributes, its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = set[str]()
        self.attributes = set[tuple[str, str]]()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.text += data


def test_the_page_holds_hostile_text_as_text_alone(scene: Scene, tmp_path: Path) -> None:
    page = views(scene, tmp_path / "shown")["index.html"]
    found = Tags()
    found.feed(page)
    assert not found.tags & {"script", "img", "iframe", "a", "link", "object", "form", "svg"}
    assert {name for _, name in found.attributes} == {
        *("charset", "class", "content", "http-equiv", "lang", "name"),
    }
    for text in ATTACKS:
        assert text in found.text
    for forbidden in ("\x1b", "\u202e", "\x07", "\x9b", "\u200b"):
        assert forbidden not in page
    assert auditpage.POLICY in page and "default-src 'none'" in auditpage.POLICY
    assert "url(" not in page and "@import" not in page


def test_the_page_says_who_left_and_what_it_does_not_prove(scene: Scene, tmp_path: Path) -> None:
    page = views(scene, tmp_path / "shown")["index.html"]
    assert ">removed</span>" in page and "It does not prove" in page
    assert "founded the space" in page and "joined by an invite" in page
    assert ">retracted</span>" in page and "prefers-color-scheme:dark" in page


def test_the_page_counts_what_it_has_no_room_for(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envoy.limits.BUNDLE_PAGE_EVENTS_MAX", 5)
    path = tmp_path / "short"
    path.write_bytes(bundles.exported(scene.lead, Chosen(redact=("bodies",), since=1)))
    page = views(scene, tmp_path / "shown", os.fspath(path))["index.html"]
    assert page.count("<time>") >= 5 and "older events stand in the bundle alone" in page
    assert "withheld" in page and "all bodies" in page


def test_both_sides_make_the_same_views(scene: Scene, tmp_path: Path) -> None:
    assert views(scene, tmp_path / "one") == views(scene, tmp_path / "two")


def test_the_graph_is_prov_json(scene: Scene, tmp_path: Path) -> None:
    graph = json.loads(views(scene, tmp_path / "shown")["prov.json"])
    needed = {
        "wasAssociatedWith": {"prov:activity": "activity", "prov:agent": "agent"},
        "wasGeneratedBy": {"prov:entity": "entity", "prov:activity": "activity"},
        "used": {"prov:activity": "activity", "prov:entity": "entity"},
        "wasAttributedTo": {"prov:entity": "entity", "prov:agent": "agent"},
        "wasDerivedFrom": {"prov:generatedEntity": "entity", "prov:usedEntity": "entity"},
    }
    assert graph.keys() == {"prefix", "agent", "entity", "activity", *needed}
    for section, ends in needed.items():
        assert graph[section], section
        for name, relation in graph[section].items():
            assert name.startswith("_:")
            for end, among in ends.items():
                assert relation[end] in graph[among]
    for name in (*graph["agent"], *graph["entity"], *graph["activity"]):
        prefix, _, local = name.partition(":")
        assert prefix in graph["prefix"] and re.fullmatch(r"[\w.-]+", local)
    for act in graph["activity"].values():
        assert re.fullmatch(r"[\d-]{10}T[\d:.]{12}Z", act["prov:startTime"])
    kinds = {one["prov:type"]["$"] for one in graph["agent"].values()}
    assert kinds == {"prov:SoftwareAgent"}


def test_the_statements_are_in_toto_statements(scene: Scene, tmp_path: Path) -> None:
    lines = views(scene, tmp_path / "shown")["statements.jsonl"].splitlines()
    found = [json.loads(one) for one in lines]
    assert [one["subject"] for one in found] == [
        [{"name": "file:hull.txt", "digest": {"sha256": SHA}}],
        [{"name": f"git:{ATTACKS[0]}", "digest": {"gitCommit": "a" * 40}}],
    ]
    for one in found:
        assert one.keys() == {"_type", "subject", "predicateType", "predicate"}
        assert one["_type"] == "https://in-toto.io/Statement/v1"
        assert one["predicate"]["text"] == ATTACKS[1]
        assert one["predicate"]["fields"] == {"result": "pass"}


def test_views_of_what_is_withheld_do_not_show_it(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "redacted"
    path.write_bytes(bundles.exported(scene.lead, Chosen(redact=("bodies", "objects"))))
    found = views(scene, tmp_path / "shown", os.fspath(path))
    assert found["statements.jsonl"] == "" and "alert(1)" not in "".join(found.values())
    graph = json.loads(found["prov.json"])
    assert graph["entity"] == {} and graph["wasDerivedFrom"] == {}


def test_what_was_redacted_in_the_space_is_shown_to_nobody(world_of: World, tmp_path: Path) -> None:
    lead, agent = world_of.team("lead", "agent")
    sent = agent.send("the password is hull")
    messages.redact(agent.copy, sent.event, reason="it was secret")
    lead.sync()
    lead.send("thanks")
    data = bundles.exported(lead)
    found = bundles.verified(data, tmp_path)
    assert (found.stubs, found.pinned) == (1, 1)
    stubs = [one.payload for one in bundles.split(data) if one.sort == bundle.STUB]
    assert codec.decode(stubs[0], bundle.Stub).kind == "message"
    path = tmp_path / "redacted"
    path.write_bytes(data)
    with auditing.verified(bundles.config(tmp_path / "none"), os.fspath(path)) as seen:
        assert showing.withheld(seen) == ["what was redacted or taken back in the space"]
        names = showing.write(
            bundles.config(tmp_path / "none"), seen, os.fspath(tmp_path / "shown")
        )
    assert "password" not in "".join((tmp_path / "shown" / name).read_text() for name in names)


def test_a_directory_that_is_there_is_left_alone(scene: Scene, tmp_path: Path) -> None:
    with auditing.verified(scene.config, scene.path) as seen:
        with pytest.raises(ConflictError, match="already_exists"):
            showing.write(scene.config, seen, os.fspath(tmp_path))
        with pytest.raises(EnvoyError):
            showing.write(scene.config, seen, os.fspath(tmp_path / "no" / "where"))
    assert list(tmp_path.iterdir()) == []


def test_views_that_cannot_be_written_leave_nothing(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> object:
        raise InternalError("storage_failed")

    monkeypatch.setattr("envoy.wiring.showing.objects.target", full)
    with auditing.verified(scene.config, scene.path) as seen, pytest.raises(InternalError):
        showing.write(scene.config, seen, os.fspath(tmp_path / "shown"))
    assert list(tmp_path.iterdir()) == []


# -- who could read ------------------------------------------------------------------------------


def test_a_removed_member_could_read_up_to_its_removal(scene: Scene) -> None:
    found, sn = AuditViews(scene.lead.connection), scene.lead.space.sn
    epochs = found.epochs(sn)
    assert len(epochs) == 2 and all(one.created for one in epochs)
    members = {one.name: one for one in scene.lead.store.members(sn).values()}
    counted = {
        name: len(reporting.could_read(member, epochs, found.given(sn, member.an)))
        for name, member in members.items()
    }
    assert counted == {"lead": 2, "agent": 2, "gone": 1}
    assert readable(epochs, (), ()) == frozenset()
    assert found.resting(sn, members["agent"].an) == 0


def test_a_report_is_about_one_task_one_author_and_no_time_before_what_was_asked(
    scene: Scene,
) -> None:
    views, sn = AuditViews(scene.lead.connection), scene.lead.space.sn
    (task,) = scene.lead.connection.rows(bytes, "SELECT id FROM task")
    everything = {one.id: one for one in views.acts(sn, EVERYTHING, 1_000)}
    about = {one.id for one in views.acts(sn, Slice(task=task), 1_000)}
    kinds = {everything[one].kind for one in about}
    assert {"task.create", "task.claim", "record"} <= kinds and "message" not in kinds
    assert 0 < len(about) < len(everything)
    (an,) = {one.an for one in everything.values() if one.id == task}
    by_lead = Slice(an=scene.lead.events.actor(scene.lead.me), task=task)
    assert views.acts(sn, by_lead, 1_000) == [] and views.verdicts(sn, by_lead) == []
    assert {one.id for one in views.acts(sn, Slice(an, None, task), 1_000)} == about
    newest = max(one.ts for one in everything.values())
    assert views.acts(sn, Slice(since=newest + 1), 1_000) == []
    assert len(views.acts(sn, Slice(since=newest), 1_000)) > 0
    counted = sum(count for _, _, count in views.verdicts(sn, Slice(task=task)))
    assert counted == len(about)
