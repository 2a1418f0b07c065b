"""Edits of files of agent runtimes: the vectors, and what no vector can say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envoy.errors import UsageError
from envoy.runtimes import edits, jsonedit
from envoy.runtimes.edits import Both, Edit, Hooks, Json, Own, Servers, Toml, Words
from vectorfile import bad, good

ENTRY: Json = {"command": "/bin/envoy-mcp", "args": ["--profile", "a1"]}
STOP: Json = {"hooks": [{"type": "command", "command": "/bin/envoy hook stop"}]}
SERVERS = Servers(("mcpServers",), ENTRY)
HOOKS = Hooks({"Stop": STOP}, {}, groups=True)
EDITS: dict[str, Edit] = {
    "servers": SERVERS,
    "hooks": HOOKS,
    "toml": Toml(ENTRY),
    "words": Words("words\n"),
}


@pytest.mark.parametrize(("given", "expect"), good("hooks"))
def test_install_and_back(given: dict[str, str], expect: dict[str, str]) -> None:
    edit, text = EDITS[given["edit"]], given["text"]
    after = edit.added(text)
    assert after == expect["after"]
    assert edit.holds(after) and not edit.holds(text)
    assert edit.taken(after, text or None) == expect["back"]
    assert edit.added(edit.taken(after, text or None)) == after  # twice is once


@pytest.mark.parametrize(("given", "code"), bad("hooks"))
def test_what_cannot_be_understood_is_refused(given: dict[str, str], code: str) -> None:
    edit = EDITS[given["edit"]]
    with pytest.raises(UsageError) as refused:
        if edit.holds(given["text"]):
            edit.taken(given["text"], None)
        edit.added(given["text"])
    assert (refused.value.code, refused.value.details["cause"]) == (code, given["cause"])


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        pytest.param(SERVERS, '{"mcpServers": {"envoy": {"command": "mine"}}}', id="a server"),
        pytest.param(Toml(ENTRY), '[mcp_servers.envoy]\ncommand = "mine"\n', id="a TOML table"),
        pytest.param(Own("skill"), "my own skill", id="a skill"),
    ],
)
def test_an_entry_of_our_name_by_somebody_else_stays(edit: Edit, text: str) -> None:
    assert edit.kept(text) and not edit.holds(text)
    assert edit.added(text) == text == edit.taken(text, None)


def test_what_was_added_behind_ours_stays() -> None:
    text = SERVERS.added('{\n  "a": 1\n}\n').replace("    }\n  }", '    },\n    "x": {}\n  }')
    assert SERVERS.taken(text, None) == '{\n  "a": 1,\n  "mcpServers": {\n    "x": {}\n  }\n}\n'


def test_what_was_added_before_ours_stays() -> None:
    text = SERVERS.added("{}\n").replace('"mcpServers": {', '"mcpServers": {\n    "x": {},')
    assert SERVERS.taken(text, None) == '{\n  "mcpServers": {\n    "x": {}\n  }\n}\n'


def test_a_command_put_into_our_group_stays() -> None:
    text = HOOKS.added("{}\n").replace(
        'hook stop"\n          }', 'hook stop"\n          },\n          {"command": "say"}'
    )
    left = HOOKS.taken(text, None)
    assert [*jsonedit.elements(left, ("hooks", "Stop"))] == [{"hooks": [{"command": "say"}]}]
    assert not HOOKS.holds(left)


def test_an_empty_list_that_was_there_before_stays() -> None:
    before = '{"hooks": {"Stop": [], "Start": []}}'
    assert HOOKS.taken(HOOKS.added(before), before) == before
    assert HOOKS.taken(HOOKS.added(before), None) == '{"hooks": {"Start": []}}'


def test_hooks_of_an_older_path_are_taken_for_ours() -> None:
    for line in ("/old/envoy hook stop", "'/a b/envoy' hook stop --profile x", "envoy hook stop"):
        text = HOOKS.added("{}").replace("/bin/envoy hook stop", line)
        assert HOOKS.holds(text), line


@pytest.mark.parametrize(
    "line", ["envoy hooks list", "my-envoy hook stop", "envoy hook stopped", "/x/envoyhook stop"]
)
def test_a_hook_that_only_sounds_like_ours_is_not(line: str) -> None:
    assert not HOOKS.holds(HOOKS.added("{}").replace("/bin/envoy hook stop", line))


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"command": "x", "args": ["envoy-mcp"]}, id="by another program"),
        pytest.param({"command": "/old/envoy-mcp"}, id="by another path"),
    ],
)
def test_a_server_that_runs_our_program_is_ours(entry: Json) -> None:
    assert SERVERS.holds(jsonedit.put("{}", ("mcpServers", "envoy"), entry))


@pytest.mark.parametrize("entry", [{}, {"url": "https://x"}, {"command": "x-envoy-mcp"}, "text"])
def test_a_server_that_runs_something_else_is_not(entry: object) -> None:
    assert not SERVERS.holds(jsonedit.put("{}", ("mcpServers", "envoy"), entry))


def test_a_new_file_of_hooks_has_what_belongs_beside_them() -> None:
    edit = Hooks({"stop": {"command": "envoy hook stop"}}, {"version": 1}, groups=False)
    assert jsonedit.find(edit.added(""), ("version",)) is not None
    assert jsonedit.find(edit.added("{}"), ("version",)) is None


def test_a_table_within_a_toml_table_gets_its_own_head() -> None:
    text = Toml({**ENTRY, "env": {"A": "b"}}).added("")
    assert edits.toml(text)["mcp_servers"] == {"envoy": {**ENTRY, "env": {"A": "b"}}}


SCALARS = st.sampled_from(["1", "-2.5e3", "true", "null", '"x"', '"\\u00e9"', "{}", "[]", "[ ]"])
BLANKS = st.sampled_from(["", " ", "\n  ", "\n\t", " // c\n", " /* c */ ", "\r\n  "])


@st.composite
def objects(draw: st.DrawFn) -> str:
    """Return an object with members, blanks and comments anywhere, and perhaps a last comma."""
    parts = list[str]()
    count = draw(st.integers(1, 4))
    for index in range(count):
        name = draw(st.sampled_from(["a", "b", "mcp", "x y"])) + str(index)
        blanks = [draw(BLANKS) for _ in range(3)]
        parts.append(f'{blanks[0]}"{name}":{blanks[1]}{draw(SCALARS)}{blanks[2]}')
    last = draw(st.sampled_from(["", ",", ",\n"]))
    return draw(BLANKS) + "{" + ",".join(parts) + last + "}" + draw(BLANKS)


@settings(max_examples=100, deadline=None)
@given(text=objects())
@example(text='{\n  "a0":1 /* c */ } /* c */ ')  # the bracket stands between two comments
def test_whatever_object_it_is_put_into_comes_back_byte_for_byte(text: str) -> None:
    both = Both((SERVERS, HOOKS))
    after = both.added(text)
    servers = jsonedit.find(after, ("mcpServers", "envoy"))
    assert servers is not None and jsonedit.value(after, servers) == ENTRY
    assert both.taken(after, text) == text


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet='{}[]:,"\\ \n1ae/*-.', max_size=30))
def test_any_text_is_understood_or_refused(text: str) -> None:
    edit: Any = SERVERS
    try:
        after = edit.added(text)
    except UsageError as error:
        assert error.details["cause"] in ("json", "shape")
    else:
        assert edit.holds(after)
