"""The reference page of the SDK: every name that `import envoy` gives, from its source.

Read with ``ast``, so that the page is the same under every version of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[1] / "src/envoy"
PUBLIC = SOURCE / "sdk/public.py"
INHERITED = ("Exception", "Shape", "TypedDict")


class Named(NamedTuple):
    """A public name: where it is defined, and by what."""

    name: str
    node: ast.stmt
    bases: tuple[ast.ClassDef, ...]  # whose members it has, too


def public_names() -> dict[str, Named]:
    """Return every name that `import envoy` gives, as `envoy.sdk.public` imports it."""
    found = dict[str, Named]()
    for statement in ast.parse(PUBLIC.read_text("utf-8")).body:
        match statement:
            case ast.ImportFrom(module=str(module), names=[alias]):
                name = alias.asname or "open"
                body = tree_of(module).body
                node = next(one for one in body if alias.name in names_of(one))
                found[name] = Named(name, node, tuple(bases_of(node, body)))
    return found


def tree_of(module: str) -> ast.Module:
    """Return the source of one module of ours."""
    path = SOURCE / f"{module.removeprefix('envoy.').replace('.', '/')}.py"
    return ast.parse(path.read_text("utf-8"))


def names_of(node: ast.stmt) -> set[str]:
    """Return what a statement at the top of a module defines."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {one.id for one in targets if isinstance(one, ast.Name)}
    return set()


def bases_of(node: ast.stmt, body: list[ast.stmt]) -> Iterator[ast.ClassDef]:
    """Yield the classes that a class is made from, the nearest first, of any module of ours."""
    if not isinstance(node, ast.ClassDef):
        return
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        for other, where in definitions(name, body):
            yield other
            yield from bases_of(other, where)


def definitions(name: str, body: list[ast.stmt]) -> Iterator[tuple[ast.ClassDef, list[ast.stmt]]]:
    """Yield the class ``name`` as a module defines or imports it, with that module."""
    for one in body:
        match one:
            case ast.ClassDef(name=here) if here == name:
                yield one, body
            case ast.ImportFrom(module=str(module), names=names):
                if any((alias.asname or alias.name) == name for alias in names) and (
                    module.startswith("envoy.sdk") and name not in INHERITED
                ):
                    yield from definitions(name, tree_of(module).body)


def page() -> Iterator[str]:
    """Yield the page, line by line, without its head."""
    every = public_names()
    errors = [one for one in every if one.endswith("Error")]
    ids = [one for one in every if isinstance(every[one].node, ast.Assign)]
    rest = [one for one in every if one not in (*errors, *ids, "open")]
    yield "## Functions\n"
    yield from told(every["open"])
    yield "## Errors\n"
    for name in errors:
        yield from told(every[name])
    yield "## Classes\n"
    for name in sorted(rest):
        yield from told(every[name])
    yield "## Ids and other types\n"
    for name in sorted(ids):
        node = every[name].node
        assert isinstance(node, ast.Assign)
        yield f"- `{name}` = `{ast.unparse(node.value)}`"


def told(one: Named) -> Iterator[str]:
    """Yield what one name is."""
    node = one.node
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    yield f"### {one.name}\n"
    if isinstance(node, ast.FunctionDef):
        yield f"`{one.name}{arguments(node)}`\n"
    yield f"{doc(node)}\n"
    if isinstance(node, ast.ClassDef):
        lines = [line for kind in (node, *one.bases) for line in members(kind)]
        yield from dict.fromkeys(lines)
        if lines:
            yield ""


def members(node: ast.ClassDef) -> Iterator[str]:
    """Yield the public members of a class: fields of a dict, properties, methods."""
    for child in node.body:
        match child:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if is_shown(name):
                yield f"- `{name}: {ast.unparse(kind)}`"
            case ast.FunctionDef(name=name, returns=kind) if is_shown(name):
                is_property = any(ast.unparse(one) == "property" for one in child.decorator_list)
                gives = "" if kind is None else ast.unparse(kind)
                head = f"{name}: {gives}" if is_property else f"{name}{arguments(child)}"
                yield f"- `{head}`: {first(child)}"


def is_shown(name: str) -> bool:
    """Say whether a member is for callers."""
    return not name.startswith("_") and not name.isupper()


def arguments(node: ast.FunctionDef) -> str:
    """Return the arguments and the result of a function as they are written."""
    plain = ast.unparse(node.args).removeprefix("self, ").removeprefix("self")
    gives = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    return f"({plain}){gives}"


def doc(node: ast.ClassDef | ast.FunctionDef) -> str:
    """Return what a name is said to be, in full."""
    return "\n".join(line.strip() for line in (ast.get_docstring(node) or "").splitlines())


def first(node: ast.FunctionDef) -> str:
    """Return the first paragraph about a member, on one line."""
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
