"""The numbers of docs/STYLE.md section 8 as a test: sizes, nesting, what must not stand in code.

Like the layering test it reads sources with ``ast`` and ``tokenize``, runs nothing, and proves on a
planted tree that every rule can fail and that sound code can pass. ruff and mypy hold the rest.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_layers import LAZY, closure, load, union

ROOT = Path(__file__).parents[1]
CODE = ("src", "tests", "tools", "demo", "bench")  # what counts as ours, generated data aside

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 100
NESTING_MAX = 3
PARAMETERS_MAX = 6
PLACES_MAX = 4  # parameters that may be given without their name
SPEC_LINES_MAX = 400
ADR_LINES_MAX = 80

# Beginning of a problem -> reason and ADR. This list may only shrink.
AEAD = "the arguments of AEAD(k, n, label, ctx, pt), in the order of the formula: ADR 0004"
EXCEPTIONS = {
    "src/envoy/core/crypto/aead.py: encrypt takes 5": AEAD,
    "src/envoy/core/crypto/aead.py: decrypt takes 5": AEAD,
}

FACES = ("cli", "mcp", "sdk", "web")
OUTERMOST = {
    "src/envoy/cli/main.py",  # maps what nobody foresaw to `internal`
    "src/envoy/mcp/server.py",  # the same for a client
    "src/envoy/relay/group.py",  # the one thread that writes must not die of one call
}
ENTRY_POINTS = (
    "",
    "cli.main",
    "cli.start",
    "mcp.main",
)  # the package itself, and the script of pyproject.toml
BLOCKS = (
    ast.AsyncFor, ast.AsyncWith, ast.For, ast.If, ast.Match, ast.Try, ast.TryStar, ast.While,
    ast.With,
)  # fmt: skip
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Silenced checks, tests that do not run, work without a number.
FORBIDDEN_COMMENT = re.compile(
    r"noqa|type:\s*ignore|pragma:\s*no cover|\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))"
)
FORBIDDEN_MARKS = {
    *("pytest.skip", "pytest.xfail", "pytest.importorskip"),
    *("pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"),
}


def problems(root: Path) -> list[str]:
    """Return what breaks a number of the style page below ``root``, without the exceptions."""
    return [text for text in everything(root) if not text.startswith(tuple(EXCEPTIONS))]


def everything(root: Path) -> list[str]:
    """Return everything below ``root`` that breaks a number of the style page, as sentences."""
    found: list[str] = []
    for folder in CODE:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            found += [f"{name}: {text}" for text in of_module(name, path.read_text("utf-8"))]
    found += of_pages(root / "docs/spec", SPEC_LINES_MAX)
    found += of_pages(root / "docs/adr", ADR_LINES_MAX)
    source = root / "src/envoy"
    found += [f"limits.{name} is used nowhere" for name in unused_limits(source)]
    found += [f"envoy.{name} is reached by nothing" for name in dead_modules(source)]
    return found


def of_pages(folder: Path, lines_max: int) -> Iterator[str]:
    """Yield the pages of ``folder`` that are too long to be checked in one sitting."""
    for page in sorted(folder.glob("*.md")):
        count = len(page.read_text("utf-8").splitlines())
        if count > lines_max:
            yield f"{page.name}: {count} lines"


def of_module(name: str, text: str) -> Iterator[str]:
    """Yield what is wrong with one module, ``name`` its path."""
    lines = text.splitlines()
    is_data = name == "src/envoy/core/words.py"  # a word list is no code
    if len(lines) > MODULE_LINES_MAX and not is_data:
        yield f"{len(lines)} lines"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield f"{len(line)} columns in line {number}"
    if FORBIDDEN_COMMENT.search(text):  # a glance: taking text apart takes seconds in all
        yield from of_comments(text)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            yield from of_function(node)
        yield from of_node(name, node)
    if name.startswith("src/"):
        yield from of_source(tree)


def of_comments(text: str) -> Iterator[str]:
    """Yield the comments that say what none may say."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and FORBIDDEN_COMMENT.search(token.string):
            yield f"line {token.start[0]} says {token.string!r}"


def of_function(node: Function) -> Iterator[str]:
    """Yield what is too large in one function."""
    assert node.end_lineno is not None
    length = node.end_lineno - node.lineno + 1
    if length > FUNCTION_LINES_MAX:
        yield f"{node.name} has {length} lines"
    depth = max((nesting(child) for child in node.body), default=0)
    if depth > NESTING_MAX:
        yield f"{node.name} is nested {depth} deep"
    count = len(places(node)) + len(node.args.kwonlyargs)
    if count > PARAMETERS_MAX:
        yield f"{node.name} has {count} parameters"


def nesting(node: ast.stmt) -> int:
    """Return how many blocks stand in one another in ``node``; an `elif` is no level of its own."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return 0  # judged by itself
    deepest = 0
    for arm in arms(node):
        chained = isinstance(node, ast.If) and arm is node.orelse and is_elif(arm)
        inner = max((nesting(child) for child in arm), default=0)
        deepest = max(deepest, inner - 1 if chained else inner)
    return deepest + isinstance(node, BLOCKS)


def arms(node: ast.stmt) -> list[list[ast.stmt]]:
    """Return the lists of statements that ``node`` holds."""
    found = [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]
    found += [part.body for part in getattr(node, "handlers", [])]
    return found + [part.body for part in getattr(node, "cases", [])]


def is_elif(arm: list[ast.stmt]) -> bool:
    """Return whether the `else` of an `if` is another `if` and nothing more."""
    return len(arm) == 1 and isinstance(arm[0], ast.If)


def places(node: Function) -> list[ast.arg]:
    """Return the parameters that may be given by place, without self and cls."""
    found = [*node.args.posonlyargs, *node.args.args]
    return found[1:] if found and found[0].arg in ("self", "cls", "mcs") else found


def of_node(name: str, node: ast.AST) -> Iterator[str]:
    """Yield what no module may do."""
    if isinstance(node, ast.ExceptHandler):
        caught = ast.unparse(node.type) if node.type else ""
        if caught in ("", "Exception", "BaseException") and name not in OUTERMOST:
            yield f"line {node.lineno} catches everything"
    below_faces = name.startswith("src/") and not name.startswith(
        tuple(f"src/envoy/{face}" for face in FACES)
    )
    if below_faces and isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
        yield f"line {node.lineno} prints below the faces"
    if isinstance(node, ast.Attribute) and ast.unparse(node) in FORBIDDEN_MARKS:
        yield f"line {node.lineno} leaves a test out ({node.attr})"


def of_source(tree: ast.Module) -> Iterator[str]:
    """Yield what is wrong with the public face of one module of the product."""
    if tree.body and not ast.get_docstring(tree):
        yield "the module has no docstring"
    for node in public(tree.body):
        if not ast.get_docstring(node):
            yield f"{node.name} has no docstring"
        if isinstance(node, ast.ClassDef):
            continue
        types = [part.annotation for part in every_parameter(node)] + [node.returns]
        if any(re.search(r"\bAny\b", ast.unparse(part)) for part in types if part):
            yield f"{node.name} has Any in its signature"
        if len(places(node)) > PLACES_MAX:
            yield f"{node.name} takes {len(places(node))} parameters without their names"
        for part in places(node):
            if part.annotation and ast.unparse(part.annotation) == "bool":
                yield f"{node.name} takes {part.arg}, a truth value, without its name"


def public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Yield the public functions and classes of ``body``, with those inside the classes."""
    for node in body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def every_parameter(node: Function) -> list[ast.arg]:
    """Return all parameters of a function."""
    extra = [part for part in (node.args.vararg, node.args.kwarg) if part]
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, *extra]


def unused_limits(source: Path) -> list[str]:
    """Return the constants of limits.py that nothing in the product mentions."""
    limits = source / "limits.py"
    if not limits.exists():
        return []
    text = "".join(path.read_text("utf-8") for path in sorted(source.rglob("*.py")))
    words = re.findall(r"[A-Z][A-Z0-9_]+", text)
    assigned = [
        target.id
        for node in ast.parse(limits.read_text("utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return [name for name in assigned if words.count(name) < 2]


def dead_modules(source: Path) -> list[str]:
    """Return the modules that no entry point reaches, by import or by a name in a table."""
    graph = load(source)
    edges = union(graph.inside, graph.lazy_inside)
    alive = set[str]()
    for start in ENTRY_POINTS:
        alive |= closure(edges, start)
    if alive & LAZY:
        alive |= {
            name for start in named_in_tables(source, edges) for name in closure(edges, start)
        }
    return sorted(
        name
        for name in edges
        if name not in alive and (source / f"{name.replace('.', '/')}.py").exists()
    )


def named_in_tables(source: Path, edges: dict[str, set[str]]) -> set[str]:
    """Return the modules that a table of commands names as text, as in "read.work:record"."""
    found = set[str]()
    for path in sorted((source / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                module = f"cli.{node.value.partition(':')[0]}"
                found |= {module} & edges.keys()
    return found


def plant(root: Path, tree: dict[str, str]) -> list[str]:
    """Write ``tree``, path to text, below ``root`` and return its problems."""
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return problems(root)


SOUND = {
    "src/envoy/__init__.py": '"""The package."""\n',
    "src/envoy/limits.py": '"""Bounds."""\nKIB = 1024\nTEXT_MAX = 2 * KIB\n',
    "src/envoy/cli/__init__.py": "",
    "src/envoy/cli/main.py": (
        '"""The command."""\nfrom envoy.cli import table\n\n\n'
        'def main() -> None:\n    """Run."""\n    try:\n        print(table.ROWS)\n'
        "    except Exception:\n        print()\n"
    ),
    "src/envoy/cli/table.py": '"""Commands."""\nfrom envoy import limits\n\n'
    'ROWS = (("work-record", "read.work:record"), limits.TEXT_MAX)\n',
    "src/envoy/cli/read/work.py": (
        '"""Reads."""\n\n\ndef record(one: int, two: int, *, three: bool) -> None:\n'
        '    """Show it."""\n'
        "    if one:\n        pass\n    elif two:\n        pass\n    elif three:\n        pass\n"
        "    else:\n        for _ in ():\n            while two:\n                pass\n"
        "# TODO(#12): a number makes it a plan\n"
    ),
    "tests/test_work.py": "def test_it() -> None:\n    print('tests may')\n",
    "docs/spec/work.md": "# Work\n" * SPEC_LINES_MAX,
    "docs/adr/0001-work.md": "# Work\n" * ADR_LINES_MAX,
}


def test_the_project_keeps_the_numbers() -> None:
    assert problems(ROOT) == []


def test_a_sound_tree_has_no_problems(tmp_path: Path) -> None:
    assert plant(tmp_path, SOUND) == []


WORK = "src/envoy/cli/read/work.py"
PURE = "src/envoy/limits.py"
TEST = "tests/test_a.py"


def module(*lines: str) -> str:
    """Return a module with a docstring and ``lines``."""
    return "\n".join(('"""A module."""', *lines, ""))


def function(signature: str, *lines: str) -> str:
    """Return a module with one function that has a docstring and ``lines``."""
    return module(f"def f{signature}:", "    '''F.'''", *(f"    {line}" for line in lines))


def nested(*heads: str) -> str:
    """Return a module with one function of blocks in blocks."""
    blocks = [f"{'    ' * depth}{head}" for depth, head in enumerate(heads)]
    return function("()", *blocks, "    " * len(heads) + "pass")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        pytest.param(WORK, module(*[""] * 500), "501 lines", id="a long module"),
        pytest.param(TEST, "\n" * 501, "501 lines", id="a long test"),
        pytest.param(WORK, function("()", *["a"] * 59), "f has 61 lines", id="a long function"),
        pytest.param(WORK, module(f"# {'x' * 99}"), "101 columns", id="a long line"),
        pytest.param(
            WORK, nested("for a in b:", "if a:", "with a:", "while b:"), "4 deep", id="nesting"
        ),
        pytest.param(
            WORK, nested("if a:", "if b:", "match a:", "case 1:", "if b:"), "4 deep", id="by match"
        ),
        pytest.param(WORK, function("(a, *, b, c, d, e, g, h)"), "7 parameters", id="parameters"),
        pytest.param(WORK, function("(a, b, c, d, e)"), "takes 5", id="places"),
        pytest.param(WORK, function("(a: bool)"), "truth value", id="a bare truth value"),
        pytest.param(WORK, "x = 1\n", "the module has no", id="a module without docstring"),
        pytest.param(WORK, module("def f(): ..."), "f has no doc", id="a function without"),
        pytest.param(WORK, module("class C: ..."), "C has no doc", id="a class without"),
        pytest.param(
            WORK,
            module("class C:", "    '''C.'''", "    def m(self): ..."),
            "m has no",
            id="method",
        ),
        pytest.param(WORK, function("(a: list[Any])"), "Any in its", id="Any in a parameter"),
        pytest.param(WORK, function("() -> Any"), "Any in its", id="Any returned"),
        pytest.param(PURE, module("print(1)"), "prints below", id="print below the faces"),
        pytest.param(
            WORK, module("try:", "    a", "except:", "    b"), "everything", id="bare except"
        ),
        pytest.param(
            TEST,
            module("try:", "    a", "except Exception:", "    b"),
            "everything",
            id="in a test",
        ),
        pytest.param(WORK, module("# " + "TODO later"), "says", id="work without a number"),
        pytest.param(WORK, module("# " + "noqa: E501"), "says", id="a silenced linter"),
        pytest.param(WORK, module("# " + "type: ignore"), "says", id="a silenced type check"),
        pytest.param(WORK, module("# " + "pragma: no cover"), "says", id="hidden from coverage"),
        pytest.param(
            TEST, "@pytest.mark.xfail\ndef f(): ...\n", "leaves", id="a test that may fail"
        ),
        pytest.param(TEST, "pytest.skip('x')\n", "leaves a test out", id="a test that is left out"),
        pytest.param("docs/spec/work.md", "x\n" * 401, "401 lines", id="a long spec page"),
        pytest.param("docs/adr/0001-work.md", "x\n" * 81, "81 lines", id="a long ADR"),
        pytest.param(PURE, module("KIB = 1", "TEXT_MAX = 2"), "KIB is used", id="an unused limit"),
        pytest.param("src/envoy/views/rows.py", module(), "reached by nothing", id="dead module"),
    ],
)
def test_each_rule_can_fail(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    assert any(complaint in problem for problem in plant(tmp_path, {**SOUND, name: text}))


def test_every_exception_is_still_needed() -> None:
    names = {name.partition(":")[0] for name in EXCEPTIONS}
    found = [
        f"{name}: {text}"
        for name in names
        for text in of_module(name, (ROOT / name).read_text("utf-8"))
    ]
    assert [name for name in EXCEPTIONS if not any(text.startswith(name) for text in found)] == []
