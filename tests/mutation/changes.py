"""Changes: what a mutant does to one node of a syntax tree, by the type of the node.

Each function here takes a node and yields what could stand in its place: a comparison with the
bound on its other side, a condition without one of its parts, a number one off, a call without one
of its names. Nobody writes these slips on purpose; a test that notices them would notice the ones
that somebody makes.

Law: what is yielded is a new node, the one that was given stays as it is.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
# Orders move by their bound alone; these turn into their opposite.
OPPOSITES: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
CALLED: Final = {"sorted": "list", "min": "max", "max": "min", "any": "all", "all": "any"}
# Calls that only name a type, or what a class is called.
NAMING: Final = frozenset({"TypeVar", "NewType", "ParamSpec"})
T = TypeVar("T")


class Less(NamedTuple):
    """What stands in a node's place, and the part of the node that it lacks."""

    node: ast.AST
    part: ast.AST


Slips = Iterator[ast.AST | Less]


def without(items: Sequence[T], index: int) -> list[T]:
    """Return ``items`` without the one at ``index``."""
    return [*items[:index], *items[index + 1 :]]


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """Return a copy of ``node`` with other ``fields``."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def compare(node: ast.Compare) -> Slips:
    """Each comparison of a chain with its bound moved, or turned round."""
    for index, op in enumerate(node.ops):
        ops = list(node.ops)
        ops[index] = COMPARED[type(op)]()
        yield changed(node, ops=ops)


def bool_op(node: ast.BoolOp) -> Slips:
    """``and`` for ``or``, and the condition without each of its parts."""
    yield changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for index in range(len(node.values)):
        rest = without(node.values, index)
        new = rest[0] if len(rest) == 1 else changed(node, values=rest)
        yield Less(new, node.values[index])


def unary_op(node: ast.UnaryOp) -> Slips:
    """What is denied, or negative, as it is."""
    yield node.operand


def bin_op(node: ast.BinOp) -> Slips:
    """Another operator of the same kind; a union of types has none."""
    if isinstance(node.op, ast.BitOr) and any(map(_is_type, (node.left, node.right))):
        return
    if type(node.op) in COMPUTED:
        yield changed(node, op=COMPUTED[type(node.op)]())


def _is_type(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None) | ast.Subscript():
            return True
        case ast.Name(id=name):
            return name in ("int", "str", "bytes", "bool") or _is_class(name)
        case ast.Attribute(attr=name):
            return _is_class(name)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_type(left) or _is_type(right)
        case _:
            return False


def _is_class(name: str) -> bool:
    return name[:1].isupper() and not name.isupper()


def constant(node: ast.Constant) -> Slips:
    """A number one off, the other truth, an empty text, a text where none is."""
    match node.value:
        case bool(value):
            yield ast.Constant(not value)
        case int(value):
            yield ast.Constant(value + 1)
            if value > 0:
                yield ast.Constant(value - 1)
        case str(text):
            yield ast.Constant("" if text else "XX")
        case bytes(data):
            yield ast.Constant(b"" if data else b"XX")
        case _:
            return


def if_exp(node: ast.IfExp) -> Slips:
    """The two ways exchanged."""
    yield changed(node, body=node.orelse, orelse=node.body)


def if_(node: ast.If) -> Slips:
    """The condition denied, unless it is changed by itself; and the whole of it gone."""
    if not _turns(node.test):
        yield changed(node, test=ast.UnaryOp(ast.Not(), node.test))
    if not node.orelse:
        yield ast.Pass()


def while_(node: ast.While) -> Slips:
    """The condition denied, unless it is changed by itself."""
    if not _turns(node.test):
        yield changed(node, test=ast.UnaryOp(ast.Not(), node.test))


def _turns(test: ast.expr) -> bool:
    """Say whether a change of ``test`` itself already denies it."""
    match test:
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Compare(ops=[op]):
            return isinstance(op, OPPOSITES)
        case _:
            return False


def comprehension(node: ast.comprehension) -> Slips:
    """Without each of its conditions."""
    for index in range(len(node.ifs)):
        yield Less(changed(node, ifs=without(node.ifs, index)), node.ifs[index])


def return_(node: ast.Return) -> Slips:
    """None instead of a value."""
    if node.value is not None and not isinstance(node.value, ast.Constant):
        yield changed(node, value=ast.Constant(None))


def gone(_node: ast.AST) -> Slips:
    """Nothing at all."""
    yield ast.Pass()


def expression(node: ast.Expr) -> Slips:
    """No call, nothing yielded."""
    if isinstance(node.value, (ast.Call, ast.Yield, ast.YieldFrom)):
        yield ast.Pass()


def assign(node: ast.Assign) -> Slips:
    """What is kept in something is not kept; without a name nothing could go on."""
    if any(isinstance(one, (ast.Attribute, ast.Subscript)) for one in node.targets):
        yield ast.Pass()


def aug_assign(node: ast.AugAssign) -> Slips:
    """Another operator, and nothing."""
    if type(node.op) in COMPUTED:
        yield changed(node, op=COMPUTED[type(node.op)]())
    yield ast.Pass()


def break_(_node: ast.Break) -> Slips:
    """On with the next one."""
    yield ast.Continue()


def continue_(_node: ast.Continue) -> Slips:
    """No further one."""
    yield ast.Break()


def slice_(node: ast.Slice) -> Slips:
    """Without one of its bounds."""
    for name in ("lower", "upper", "step"):
        if getattr(node, name) is not None:
            yield changed(node, **{name: None})


def call(node: ast.Call) -> Slips:
    """The first two arguments exchanged, without one that is named, and the opposite function."""
    args, name = node.args, node.func.id if isinstance(node.func, ast.Name) else ""
    if len(args) > 1 and name not in ("min", "max") and _differ(*args[:2]):
        yield changed(node, args=[args[1], args[0], *args[2:]])
    for index, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield Less(changed(node, keywords=without(node.keywords, index)), keyword)
    if name in CALLED:
        kept = node.keywords if name in ("min", "max") else []
        yield changed(node, func=ast.Name(CALLED[name], ast.Load()), keywords=kept)


def _differ(one: ast.expr, other: ast.expr) -> bool:
    """Say whether two arguments can change places."""
    is_starred = isinstance(one, ast.Starred) or isinstance(other, ast.Starred)
    return not is_starred and ast.unparse(one) != ast.unparse(other)


def match_(node: ast.Match) -> Slips:
    """Without each of its cases but the one for all others."""
    for index, case in enumerate(node.cases):
        if len(node.cases) > 1 and not _is_any(case.pattern):
            yield Less(changed(node, cases=without(node.cases, index)), case.pattern)


def _is_any(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def match_case(node: ast.match_case) -> Slips:
    """Without its guard."""
    if node.guard is not None:
        yield Less(changed(node, guard=None), node.guard)


def match_or(node: ast.MatchOr) -> Slips:
    """Without each of its patterns."""
    for index in range(len(node.patterns)):
        rest = without(node.patterns, index)
        new = rest[0] if len(rest) == 1 else changed(node, patterns=rest)
        yield Less(new, node.patterns[index])


def items(node: ast.Tuple | ast.List | ast.Set) -> Slips:
    """Without each of its elements, as long as one is left; asked of tables, not of code."""
    for index in range(len(node.elts) if len(node.elts) > 1 else 0):
        yield Less(changed(node, elts=without(node.elts, index)), node.elts[index])


def rows(node: ast.Dict) -> Slips:
    """Without each of its rows; asked of tables, not of code."""
    for index in range(len(node.keys)):
        new = changed(node, keys=without(node.keys, index), values=without(node.values, index))
        yield Less(new, node.keys[index] or node.values[index])


Changes = Callable[..., Slips]
CHANGES: Final[dict[type[ast.AST], Changes]] = {
    ast.Compare: compare,
    ast.BoolOp: bool_op,
    ast.UnaryOp: unary_op,
    ast.BinOp: bin_op,
    ast.Constant: constant,
    ast.IfExp: if_exp,
    ast.If: if_,
    ast.While: while_,
    ast.comprehension: comprehension,
    ast.Return: return_,
    ast.Raise: gone,
    ast.Delete: gone,
    ast.Expr: expression,
    ast.Assign: assign,
    ast.AugAssign: aug_assign,
    ast.Break: break_,
    ast.Continue: continue_,
    ast.Slice: slice_,
    ast.Call: call,
    ast.Match: match_,
    ast.match_case: match_case,
    ast.MatchOr: match_or,
}
# Of what stands outside functions: state machines are tables.
OF_TABLES: Final[dict[type[ast.AST], Changes]] = {
    ast.Tuple: items,
    ast.List: items,
    ast.Set: items,
    ast.Dict: rows,
}
