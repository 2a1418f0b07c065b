"""Resources and prompts: pages under names that hold ids alone, and texts of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from envoy import limits
from envoy.errors import EnvoyError
from envoy.mcp import fence, resources
from mcpplay import Player, player, team

SAID = "x" * 9_000 + "the end"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Player, str, dict[str, str]]]:
    """Return a session, its space, and one id of each sort."""
    console, space = team(tmp_path_factory.mktemp("resources"), "lead")
    with player(console, "lead") as lead:
        named = {
            "task": lead.call("task_create", title="Fix it")["task_id"],
            "event": lead.call("message_send", body=SAID)["event_id"],
            "object": lead.call("object_put", text="log", name="x")["object_id"],
        }
        yield lead, space, named


def test_each_space_has_two_and_every_form_leads_somewhere(
    place: tuple[Player, str, dict[str, str]],
) -> None:
    lead, space, named = place
    listed = resources.listed(lead.session)
    assert [uri for uri, _ in listed] == [
        f"envoy://space/{space}/work-record",
        f"envoy://space/{space}/brief",
    ]
    assert all("bughunt" not in uri + name for uri, name in listed)
    for form, _ in resources.TEMPLATES.values():
        uri = form.format(space=space, **named)
        done = resources.read(lead.session, uri)
        assert fence.size(done.data) <= limits.MCP_PAGE_CHARS_MAX + 100
        assert resources.head(lead.session, uri) is not None
    assert len(resources.newest(lead.session)) == 1


def test_an_event_is_shown_with_its_whole_text(place: tuple[Player, str, dict[str, str]]) -> None:
    lead, space, named = place
    done = resources.read(lead.session, f"envoy://space/{space}/event/{named['event']}")
    assert SAID in done.text
    listed = lead.ask("history", kinds=["message"]).data["records"][0]["body"]
    assert listed["truncated"] and listed["chars"] == len(SAID)


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("", id="nothing"),
        pytest.param("file:///etc/passwd", id="another scheme"),
        pytest.param("envoy://space/", id="no space"),
        pytest.param("envoy://space/bughunt/brief", id="a name, which a member chose"),
        pytest.param("envoy://space/{space}/invites", id="another sort"),
        pytest.param("envoy://space/{space}/task/", id="no id"),
        pytest.param("envoy://space/{space}/task/x/y", id="too deep"),
        pytest.param("envoy://space/{space}/" + "x" * 300, id="too long"),
        pytest.param("envoy://space/{space}/event/evt_" + "a" * 52, id="no such event"),
        pytest.param("envoy://space/space_" + "a" * 52 + "/brief", id="no such space"),
        pytest.param("envoy://space/space_" + "a" * 52 + "/object/obj_x", id="an object there"),
    ],
)
def test_other_names_lead_nowhere(place: tuple[Player, str, dict[str, str]], uri: str) -> None:
    lead, space, _ = place
    with pytest.raises(EnvoyError) as caught:
        resources.read(lead.session, uri.format(space=space))
    assert caught.value.code in ("not_found", "space_not_found")


@pytest.mark.parametrize("name", sorted(resources.PROMPTS))
def test_a_prompt_names_tools_and_quotes_nobody(name: str) -> None:
    found = resources.PROMPTS[name]
    given = dict.fromkeys(found.args, "task_t7f2kq")
    assert "task_t7f2kq" in resources.prompt(name, given)
    assert "{" not in resources.prompt(name, {})
    for bad in ("x y", "a\nb", "`x`", "ä", "", "<system>"):
        with pytest.raises(EnvoyError):
            resources.prompt(name, dict.fromkeys(found.args, bad))
    with pytest.raises(EnvoyError):
        resources.prompt(name, {"more": "x"})
