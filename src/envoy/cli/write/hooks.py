"""Hooks: Envoy put into the runtimes of agents, taken out, listed and tried."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence

from envoy.cli import show
from envoy.cli.args import Answer, Call
from envoy.cli.read import guide
from envoy.cli.read import home as read_home
from envoy.cli.render import Block, Body, line, table
from envoy.errors import UsageError
from envoy.runtimes import handshake, vendors
from envoy.runtimes import install as installing
from envoy.runtimes.install import Change, Job
from envoy.runtimes.vendors import File, Place, Tools
from envoy.wiring import checks

Json = dict[str, object]

SKILL = os.path.join("skills", "envoy.md")
STYLES = {"created": "ok", "changed": "ok", "removed": "ok", "restored": "ok", "kept": "warn"}
STATES = {"installed": "ok", "differs": "warn", "kept": "warn", "malformed": "bad", "denied": "bad"}


def install(call: Call) -> Answer:
    """Install into a runtime."""
    job, tools = job_of(call), tools_of(call)
    is_dry = call.args.switch("dry_run")
    changes = installing.install(job, write=not is_dry)
    data = changed(call, changes)
    data["warnings"] = [kept(one) for one in changes if one.action == "kept"]
    known = call.config.profile in checks.profiles(call.config)
    first = [] if known else [f"envoy --profile {call.config.profile} init --agent"]
    again = command_of(call, "install")
    data["next_commands"] = [
        *first, again if is_dry else command_of(call, "check")
    ]  # fmt: skip
    own = vendors.own_command(job.runtime, tools)
    return Answer(data, lambda: changed_text(data, own if is_dry else None))


def uninstall(call: Call) -> Answer:
    """Take out of a runtime what is ours."""
    changes = installing.uninstall(job_of(call), write=not call.args.switch("dry_run"))
    data = changed(call, changes)
    return Answer(data, lambda: changed_text(data, None))


def job_of(call: Call) -> Job:
    """Return which files are meant."""
    runtime, scope = call.args.need("runtime"), scope_of(call)
    place = place_of()
    found = vendors.files(runtime, scope, place, tools_of(call))
    return job_in(call, runtime, scope, found)


def job_in(call: Call, runtime: str, scope: str, found: Sequence[File]) -> Job:
    """Return the work on the files ``found`` of a scope; of a project nothing leads out of it."""
    place = place_of()
    if scope == vendors.PROJECT:
        return Job(call.config.home, runtime, found, place.project, place.project)
    return Job(call.config.home, runtime, found, None, place.home)


def command_of(call: Call, verb: str) -> str:
    """Return the command that does ``verb`` with the same runtime, scope and profile."""
    profile = call.config.profile
    lead = "" if call.config.origins["profile"] == "default" else f"--profile {profile} "
    return f"envoy {lead}hooks {verb} {call.args.need('runtime')} --scope {scope_of(call)}"


def scope_of(call: Call) -> str:
    """Return whose files are meant."""
    return call.args.text("scope") or vendors.USER


def place_of() -> Place:
    """Return where the files of runtimes lie."""
    return Place(os.path.expanduser("~"), os.getcwd(), os.environ, sys.platform)


def tools_of(call: Call) -> Tools:
    """Return what the files have to name."""
    usual = os.path.join(os.path.expanduser("~"), ".envoy")
    home = call.config.home
    return Tools(
        envoy=program("envoy"),
        server=program("envoy-mcp"),
        profile=call.config.profile,
        home=None if home == usual else home,
        skill=guide.shipped(SKILL),
        prompts=call.args.switch("prompts"),
    )


def program(name: str) -> str:
    """Return the absolute path of one of our programs: beside the one that runs, else on the PATH.

    Raises UsageError(unsupported_operation).
    """
    beside = [os.path.dirname(os.path.abspath(sys.argv[0])), os.path.dirname(sys.executable)]
    if os.path.basename(sys.argv[0]) not in ("envoy", "envoy-mcp"):
        beside = beside[1:]
    first = shutil.which(name) if len(beside) == 1 else None
    found = first or next(
        (path for path in (os.path.join(one, name) for one in beside) if os.access(path, os.X_OK)),
        shutil.which(name),
    )
    if found is None:
        raise UsageError("unsupported_operation", operation=name, cause="not_found")
    return os.path.abspath(found)


def changed(call: Call, changes: Sequence[Change]) -> Json:
    """Return what became of each file."""
    is_dry = call.args.switch("dry_run")
    return {
        "runtime": call.args.need("runtime"),
        "scope": scope_of(call),
        "profile": call.config.profile,
        "dry_run": is_dry,
        "changed": any(one.now != one.then for one in changes),
        "files": [
            {
                "part": one.file.part,
                "path": one.file.path,
                "action": one.action,
                "backup": one.backup,
                "diff": one.diff() if is_dry else None,
            }
            for one in changes
        ],
        "warnings": [],
        "next_commands": [],
    }


def kept(change: Change) -> Json:
    """Return the warning for an entry of our name that somebody else made."""
    message = f"{change.file.path} has an entry called envoy already; it was left as it is"
    return {"code": "entry_kept", "message": message}


def changed_text(data: Json, own: str | None) -> Iterator[Block]:
    """Yield what became of each file, with the diff if there is one, and what comes next."""
    files = show.listed(data["files"])
    heads = ("", "PART", "FILE")
    cells = [
        (
            [(show.text(one["action"]), STYLES.get(show.text(one["action"]), "dim"))],
            [show.text(one["part"])],
            [near(show.text(one["path"]))],
        )
        for one in files
    ]
    yield table(heads, cells, soft=())
    for one in files:
        if one["diff"]:
            yield Body(show.text(one["diff"]), indent=0)
    if own is not None:
        yield line(("the runtime's own way, for the server alone: ", "dim"), own)
    commands = data["next_commands"]
    assert isinstance(commands, list)
    for command in commands:
        yield line(("next: ", "dim"), str(command))


def near(path: str) -> str:
    """Return a path as people write it."""
    for root, mark in ((os.getcwd(), "."), (os.path.expanduser("~"), "~")):
        if path.startswith(root + os.sep):
            return mark + path[len(root) :]
    return path


# -- as it stands -------------------------------------------------------------------------------


def listing(call: Call) -> Answer:
    """Answer with each runtime and how its files stand."""
    place, tools = place_of(), tools_of(call)
    found: list[Json] = [
        {
            "runtime": runtime,
            "name": vendors.TITLES[runtime],
            "files": list(states(call, runtime, place, tools)),
        }
        for runtime in vendors.RUNTIMES
    ]
    data: Json = {"profile": call.config.profile, "runtimes": found}
    return Answer(data, lambda: listing_text(found))


def states(call: Call, runtime: str, place: Place, tools: Tools) -> Iterator[Json]:
    """Yield how each file of a runtime stands, in both scopes."""
    for scope in vendors.SCOPES:
        if runtime == vendors.ANY and scope == vendors.USER:
            continue
        files = vendors.files(runtime, scope, place, tools)
        job = job_in(call, runtime, scope, files)
        for one in files:
            state = installing.state(job, one)
            yield {"scope": scope, "part": one.part, "path": one.path, "state": state}


def listing_text(found: Sequence[Mapping[str, object]]) -> Iterator[Block]:
    """Yield a line for each file that has something of ours, and one for a runtime without any."""
    rows = list[tuple[list[str | tuple[str, str]], ...]]()
    for one in found:
        files = [file for file in show.listed(one["files"]) if file["state"] != "absent"]
        if not files:
            rows.append(([show.text(one["runtime"])], [("-", "dim")], [""], [""]))
        for file in files:
            state = show.text(file["state"])
            rows.append(
                (
                    [show.text(one["runtime"])],
                    [(state, STATES[state])],
                    [show.text(file["part"])],
                    [near(show.text(file["path"]))],
                )
            )
    yield table(("RUNTIME", "STATE", "PART", "FILE"), rows, soft=())


def check(call: Call) -> Answer:
    """Answer with one line per check; exit 8 if one failed."""
    job = job_of(call)
    again = command_of(call, "install")
    found = [looked_at(job, one, again) for one in job.files]
    tools = tools_of(call)
    environ = dict(os.environ)
    if tools.home is not None:
        environ["ENVOY_HOME"] = tools.home
    if job.runtime in vendors.EVENTS:
        talk = handshake.call(
            vendors.command(job.runtime, "session-start", tools),
            {**environ, "ENVOY_SESSION": "hooks-check"},
        )
        found.append(
            tried("hook session-start", talk, "envoy hook session-start --json </dev/null")
        )
    argv = [tools.server, *vendors.profile_of(tools)]
    talk = handshake.greet(argv, environ)
    found.append(tried("server", talk, shlex.join([*argv[:1], "--version"])))
    name = call.config.profile
    if name in checks.profiles(call.config):
        found.append(checks.Check("profile", "ok", name))
    else:
        mend = f"envoy --profile {name} init --agent"
        found.append(checks.Check("profile", "failed", "profile_not_found", mend))
    answer = read_home.diagnosed(found)
    answer.data.update({"runtime": job.runtime, "scope": scope_of(call)})
    return answer


def looked_at(job: Job, file: vendors.File, again: str) -> checks.Check:
    """Return how one file stands as a check."""
    state = installing.state(job, file)
    words = {"installed": "ok", "differs": "warning", "kept": "warning"}
    detail = f"{state}  {near(file.path)}"
    verdict = words.get(state, "failed")
    return checks.Check(file.part, verdict, detail, None if verdict == "ok" else again)


def tried(name: str, talk: handshake.Talk, command: str) -> checks.Check:
    """Return how a talk went as a check."""
    if talk.is_good:
        return checks.Check(name, "ok", f"{talk.detail}  {talk.took_ms} ms")
    return checks.Check(name, "failed", talk.detail, command)
