"""The demo: a lead and two agents mend a broken package, and a newcomer can tell what happened.

Every command is a real one, in a home that is thrown away; every claim is checked, and the first
that does not hold ends the demo with exit status 1. `run.py PROGRAM` plays with another `envoy`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import agent
import newcomer
import removal
import workstate
from stage import DemoError, Json, Stage, find_program

PACKAGE = Path(__file__).with_name("package")
SPACE = "textstat"
SHORT = 13  # "task_" and 8 symbols: enough to be unique here
SECONDS_EXPECTED = 60


class Task(NamedTuple):
    """A task as the demo knows it: the truth that the newcomer is held to."""

    id: str
    module: str

    @property
    def short(self) -> str:
        """Return what is enough to name it."""
        return self.id[:SHORT]


class Result(NamedTuple):
    """What became of a task."""

    task: Task
    by: str
    message: str
    output: str


class Demo:
    """The story. ``names`` maps a member id to the profile that has it."""

    def __init__(self, stage: Stage, package: Path) -> None:
        self.stage = stage
        self.package = package
        self.names: dict[str, str] = {}
        self.code = ""

    def run(self) -> None:
        """Play all scenes."""
        bugs, note = self.lead_makes_tasks()
        self.agents_join()
        self.agents_claim(bugs)
        results = [self.work("a1", bugs[0]), self.work("a2", bugs[1])]
        winner = self.race(bugs[2])
        results.append(self.work(winner, bugs[2]))
        self.everything_passes()
        record, history = self.newcomer_reads()
        self.newcomer_knows(newcomer.read(record, history), results, note)
        workstate.play(self.stage, space=SPACE, code=self.code)
        removal.play(stage=self.stage, space=SPACE, code=self.code, task=note.id)

    # -- the lead -----------------------------------------------------------------------------

    def lead_makes_tasks(self) -> tuple[list[Task], Task]:
        """Let the lead find what fails and make tasks of it; return them and one that stays."""
        stage = self.stage
        stage.scene("A package with failing tests, and a lead who wants it mended")
        before = agent.run_tests(self.package)
        stage.quote(before.output, lines_max=2)
        modules = sorted({name.rpartition(".")[0].rpartition(".")[0] for name in before.failed})
        stage.claim(
            f"{len(before.failed)} of {before.ran} tests fail", len(modules) == 3, seen=before
        )
        made = stage.envoy(
            *("lead", "quickstart", "--human", "--name", "lead"),
            *("--space-name", SPACE, "--reusable"),
            shows=lambda new: (
                f"space {new['space_id'][:SHORT]}, its first invite {new['invite_id'][:SHORT]}"
            ),
        )
        self.code = made["invite_code"]
        stage.secrets.append(self.code)
        self.meet("lead", made["identity"])
        stage.claim(
            "the space is here alone: nothing left this machine", made["mode"] == "local_only"
        )
        bugs = [self.make_task(module) for module in modules]
        words = (SPACE, "Write the release note")
        note = stage.envoy("lead", "task", "create", *words, shows=task_line)
        return bugs, Task(note["task_id"], "")

    def make_task(self, module: str) -> Task:
        """Make a task of one failing file of tests, its output the description."""
        failing = agent.run_tests(self.package, module)
        made = self.stage.envoy(
            *("lead", "task", "create", "--space", SPACE, "--title", f"Make {module} pass"),
            "--stdin",
            text=failing.output,
            shows=task_line,
        )
        return Task(made["task_id"], module)

    # -- the agents ---------------------------------------------------------------------------

    def agents_join(self) -> None:
        """Let two agents join by the code, and nobody by a wrong one."""
        stage = self.stage
        stage.scene("Two agents join by the code; a wrong code opens nothing")
        wrong = self.code[:-1] + ("A" if self.code[-1] != "A" else "B")
        stage.secrets.append(wrong)
        stage.refused(
            "a1", "join", wrong, "--agent", "--name", "a1", exit_status=5, code="invalid_invite"
        )
        for name in ("a1", "a2"):
            self.join(name, self.code, role="write")
        roster = stage.envoy(
            "lead", "roster", SPACE, shows=lambda all_: ", ".join(map(person, all_["members"]))
        )
        known = {one["member_id"] for one in roster["members"]}
        stage.claim("the lead sees three members", known == set(self.names), seen=roster)

    def join(self, name: str, code: str, *, role: str) -> None:
        """Let ``name`` join and take its role."""
        joined = self.stage.envoy(
            *(name, "join", code, "--agent", "--name", name),
            shows=lambda new: (
                f"{new['join_state']} of {new['space_name']} with the role {new['role']}"
            ),
        )
        got = (joined["space_name"], joined["role"], joined["join_state"])
        self.stage.claim(f"{name} is in", got == (SPACE, role, "member"), seen=joined)
        self.names[joined["member_id"]] = name

    def meet(self, name: str, actor: Json) -> None:
        """Remember which member a profile is."""
        self.names[actor["member_id"]] = name

    def agents_claim(self, bugs: list[Task]) -> None:
        """Let the agents take different tasks, and none take what another holds."""
        self.stage.scene("They claim different tasks; what is held stays held")
        self.claim("a1", bugs[0])
        answer = self.stage.refused(
            *("a2", "task", "claim", bugs[0].short, "--space", SPACE),
            exit_status=5,
            code="task_already_claimed",
        )
        self.told_the_holder(answer, "a1")
        self.claim("a2", bugs[1])

    def claim(self, who: str, task: Task) -> None:
        """Let ``who`` claim a task and hear that the hub confirmed it."""
        done = self.stage.envoy(who, *claim_words(task), shows=claim_line)
        held = (self.names[done["assignee_id"]], done["claim_state"])
        self.stage.claim(f"{who} holds it for certain", held == (who, "confirmed"), seen=done)

    def told_the_holder(self, answer: Json, holder: str) -> None:
        """Hold a refusal to naming the holder."""
        told = answer.get("holder")
        self.stage.claim(
            f"the refusal names {holder} as the holder",
            self.names.get(str(told)) == holder,
            seen=answer,
        )

    def race(self, task: Task) -> str:
        """Let both agents claim one task at the same moment; return who got it."""
        stage = self.stage
        stage.scene(
            "Both reach for the last one at the same moment: one winner, and the loser knows"
        )
        agents = ("a1", "a2")
        ended = dict(
            zip(agents, stage.race([(one, claim_words(task)) for one in agents]), strict=True)
        )
        winners = [one for one in agents if ended[one].exit == 0]
        stage.claim("exactly one has won", len(winners) == 1, seen=ended)
        winner, loser = winners[0], agents[1 - agents.index(winners[0])]
        stage.show(claim_line(ended[winner].answer))
        stage.show_refusal(ended[loser])
        lost = ended[loser].exit, ended[loser].answer["error_code"]
        stage.claim("the other is refused", lost == (5, "task_already_claimed"), seen=ended[loser])
        self.told_the_holder(ended[loser].answer, winner)
        return winner

    def work(self, who: str, task: Task) -> Result:
        """Let ``who`` do a task: test, tell, mend, test again, complete with the proof."""
        stage = self.stage
        stage.scene(f"{who} makes {task.module} pass")
        before = agent.run_tests(self.package, task.module)
        stage.quote(before.output)
        stage.claim("its tests fail", not before.passed, seen=before)
        self.tell(who, task, before)
        self.set(who, task, "in_progress")
        change = agent.mend(self.package, task.module, before)
        assert change is not None, "one changed token mends each of the three"
        stage.show(f"mended {change.path.name} line {change.line}: {change.old} -> {change.new}")
        after = agent.run_tests(self.package, task.module)
        stage.quote(after.output, lines_max=2)
        stage.claim("its tests pass", after.passed and after.ran == before.ran, seen=after)
        message = self.tell(who, task, after)
        done = stage.envoy(
            *(who, "task", "complete", task.short, "--space", SPACE),
            *("--note", f"{change.old} had to be {change.new}", "--evidence", message[:SHORT]),
            shows=lambda new: f"{new['previous_lifecycle_state']} -> {new['lifecycle_state']}",
        )
        stage.claim("the task is completed", done["lifecycle_state"] == "completed", seen=done)
        return Result(task, who, message, after.output)

    def set(self, who: str, task: Task, status: str) -> None:
        """Let ``who`` say how far a task is."""
        done = self.stage.envoy(
            *(who, "task", "set", task.short, status, "--space", SPACE),
            shows=lambda new: f"{new['previous_lifecycle_state']} -> {new['lifecycle_state']}",
        )
        self.stage.claim(f"the task is {status}", done["lifecycle_state"] == status, seen=done)

    def tell(self, who: str, task: Task, run: agent.Run) -> str:
        """Let ``who`` post what a run of tests printed; return the id of the message."""
        sent = self.stage.envoy(
            *(who, "send", "--space", SPACE, "--task-id", task.short, "--stdin"),
            text=f"$ python -m unittest {task.module}\n{run.output}",
            shows=lambda new: f"{new['message_id'][:SHORT]} {new['local_durability']}",
        )
        return str(sent["message_id"])

    def everything_passes(self) -> None:
        """Run all tests of the mended package."""
        self.stage.scene("The package as the agents left it")
        after = agent.run_tests(self.package)
        self.stage.quote(after.output, lines_max=2)
        self.stage.claim(f"all {after.ran} tests pass", after.passed, seen=after)

    # -- the newcomer -------------------------------------------------------------------------

    def newcomer_reads(self) -> tuple[Json, Json]:
        """Let a reader join late; return its Work Record and its history."""
        stage = self.stage
        stage.scene("A newcomer joins late, may only read, and has nothing but the space")
        words = ("--role", "read", "--max-uses", "1", "--ttl", "30m")
        invite = stage.envoy(
            *("lead", "invite", SPACE, *words),
            shows=lambda new: (
                f"{new['invite_id'][:SHORT]} for {new['max_uses']}, role {new['role']}"
            ),
        )
        stage.secrets.append(invite["invite_code"])
        self.join("new", invite["invite_code"], role="read")
        stage.refused("new", "send", "May I?", "--space", SPACE, exit_status=4, code="read_only")
        record = stage.envoy(
            *("new", "work-record", SPACE),
            shows=lambda new: (
                f"{new['frontier']['events']} events, complete: {new['bounds']['complete']}"
            ),
        )
        history = stage.envoy(
            "new", "history", SPACE, shows=lambda new: f"{len(new['records'])} records"
        )
        return record, history

    def newcomer_knows(self, brief: newcomer.Brief, results: Iterable[Result], note: Task) -> None:
        """Show what the newcomer says, and hold it against what really happened."""
        stage = self.stage
        stage.scene("What the newcomer can say")
        for task in brief.done:
            stage.show(f"done   {task.title}, by {task.by}")
            for proof in task.evidence:
                stage.show(f"       shown by {proof.name[:SHORT]} of {proof.by}:")
                stage.quote(proof.body, lines_max=2)
        for one in brief.waiting:
            stage.show(f"{one.state}   {one.title}, held by {one.holder_id or 'nobody'}")
        said = sorted(
            (task.task_id, self.names[task.by_id], *(proof.body for proof in task.evidence))
            for task in brief.done
        )
        true = sorted(
            (one.task.id, one.by, f"$ python -m unittest {one.task.module}\n{one.output}")
            for one in results
        )
        stage.claim("it is right about who did what, on what evidence", said == true, seen=brief)
        waiting = [(one.task_id, one.state, one.holder_id) for one in brief.waiting]
        stage.claim("and about what is open", waiting == [(note.id, "open", None)], seen=brief)


def claim_words(task: Task) -> list[str]:
    """Return the command that claims ``task`` and waits for the hub."""
    return ["task", "claim", task.short, "--space", SPACE, "--require", "confirmed"]


def claim_line(answer: Json) -> str:
    """Return a claim as one line."""
    return (
        f"{answer['task_id'][:SHORT]} {answer['claim_state']} #{answer['fence']},"
        f" lease to {answer['lease_expires_at']}"
    )


def task_line(answer: Json) -> str:
    """Return a task as one line."""
    return f"{answer['task_id'][:SHORT]} {answer['state']}: {answer['title']}"


def person(member: Json) -> str:
    """Return a member as a few words."""
    return f"{member['display_name']} ({member['kind']}, {member['role']})"


def main() -> int:
    """Play the demo in a directory that is removed afterwards; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="envoy-demo-") as name:
        place = Path(name).resolve()
        package = place / "package"
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        try:
            stage = Stage(place / "home", sys.argv[1] if sys.argv[1:] else find_program())
            print("A prompt like `a1 $` says which profile speaks. Nothing outlives this run.")
            Demo(stage, package).run()
            stage.scene("Done")
            stage.show(
                f"{stage.commands} commands, {stage.claims} claims held, {stage.seconds:.1f} s"
            )
            if stage.seconds > SECONDS_EXPECTED:
                stage.show("that is long: the machine had other things to do")
        except DemoError as error:
            print(f"\nThe demo FAILED: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
