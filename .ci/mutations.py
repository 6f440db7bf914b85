"""Small wrong versions of a module's source: what a mutation test tries (`mutants.py`)."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

COMPARED: dict[type, list[type]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
}
SWAPPED: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
SWAPPED |= {ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
SWAPPED |= {ast.And: ast.Or, ast.Or: ast.And, ast.LShift: ast.RShift}
EXTREMES = {"min": "max", "minimum": "maximum", "argmin": "argmax", "nanmin": "nanmax", "floor": "ceil"}
EXTREMES |= {after: before for before, after in EXTREMES.items()}


# What no test looks at: types, decorators, and texts of messages.
SKIPPED = ("decorator_list", "annotation", "returns")


class Mutant(NamedTuple):
    """A wrong version of a module: lines of the outermost function (0: none) and of the change, sources."""

    function: int
    line: int
    was: str
    now: str
    source: str


class Place(NamedTuple):
    """Where a node hangs in its tree, the line of its outermost function, and its statement."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    function: int
    statement: ast.stmt

    def put(self, node: ast.AST) -> None:
        """Hang another node there."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def other_operators(node: ast.AST) -> Iterator[ast.AST]:
    """Another comparison, arithmetic or logic."""
    match node:
        case ast.Compare(left, [operator], [right]):
            yield from (ast.Compare(left, [other()], [right]) for other in COMPARED[type(operator)])
        case ast.BinOp(left, operator, right) if type(operator) in SWAPPED:
            yield ast.BinOp(left, SWAPPED[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(SWAPPED[type(operator)](), values)
        case ast.UnaryOp(ast.Not() | ast.Invert() | ast.USub(), operand):
            yield operand
        case ast.Name(name) if name in EXTREMES:
            yield ast.Name(EXTREMES[name], node.ctx)
        case ast.Attribute(value, name) if name in EXTREMES:
            yield ast.Attribute(value, EXTREMES[name], node.ctx)


def other_values(node: ast.AST) -> Iterator[ast.AST]:
    """Constants one more, one less, double, opposite; tolerances 10,000 times as wide; slices off by one."""
    match node:
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(float() as value):
            yield ast.Constant(value * 1e4 if 0 < value < 1e-3 else value * 2 if value else 1.0)
        case ast.Slice(lower, upper, step):
            for place, bound in (("lower", lower), ("upper", upper)):
                if bound is not None and not isinstance(bound, ast.Constant):
                    later = ast.BinOp(bound, ast.Add(), ast.Constant(1))
                    yield ast.Slice(**{"lower": lower, "upper": upper, "step": step, place: later})


def nothing_instead(node: ast.AST) -> Iterator[ast.AST]:
    """`pass` in place of a statement that something could be missing from."""
    match node:
        case ast.If(body=body, orelse=[]) if not isinstance(body[-1], ast.Raise):
            yield ast.Pass()
        case ast.AugAssign() | ast.Break() | ast.Continue() | ast.Raise() | ast.Expr(ast.Call()):
            yield ast.Pass()
        case ast.Assign([ast.Subscript()]):
            yield ast.Pass()


def places(node: ast.AST, function: int = 0, statement: Any = None) -> Iterator[Place]:
    """All nodes below one whose change a test should notice."""
    for field, value in ast.iter_fields(node):
        left_out = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.ClassDef) and field != "body")
        if field in SKIPPED or left_out:
            continue
        several = isinstance(value, list)
        for index, child in enumerate(value if several else [value]):
            if not isinstance(child, ast.AST) or (isinstance(child, ast.AnnAssign) and not function):
                continue
            first = function
            if isinstance(child, ast.FunctionDef) and not function:
                first = min([child.lineno, *(call.lineno for call in child.decorator_list)])
            within = child if isinstance(child, ast.stmt) else statement
            # Codes, outside functions, may have any value; tolerances may not.
            if function or (isinstance(child, ast.Constant) and isinstance(child.value, float)):
                yield Place(node, field, index if several else None, child, function, within)
            if not isinstance(child, ast.Raise):
                yield from places(child, first, within)


def shortened(was: str, now: str) -> tuple[str, str]:
    """Both statements, of long ones the part that differs."""
    alike = next(
        (i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now))
    )
    start, end = max(0, alike - 60), alike + 40
    was, now = (f"{'…' * (start > 0)}{text[start:end]}{'…' * (end < len(text))}" for text in (was, now))
    return was, now


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its source."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for place in places(tree):
        was = ast.unparse(place.statement).splitlines()[0]
        for change in (other_operators, other_values, nothing_instead):
            for variant in change(place.node):
                place.put(variant)
                gone = place.statement is place.node
                now = "pass" if gone else ast.unparse(place.statement).splitlines()[0]
                source = ast.unparse(ast.fix_missing_locations(tree))
                yield Mutant(place.function, place.node.lineno, *shortened(was, now), source)
                place.put(place.node)
