"""In which order the parts of an expression are evaluated, and what may change places; see inline_calls.py."""

import ast
from collections.abc import Iterator

_LAZY = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_plain(node: ast.expr) -> bool:
    """A constant or a local name: the same whenever it is looked at, at no cost."""
    return isinstance(node, ast.Constant | ast.Name)


def _steps(node: ast.AST, certain: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """(part, whether it is evaluated once in any case), each after those it is made of."""
    if isinstance(node, _LAZY):
        for part in ast.walk(node):
            yield part, False
        return
    if isinstance(node, ast.IfExp):
        yield from _steps(node.test, certain)
        yield from _steps(node.body, False)
        yield from _steps(node.orelse, False)
    elif isinstance(node, ast.BoolOp):
        for place, part in enumerate(node.values):
            yield from _steps(part, certain and place == 0)
    elif isinstance(node, ast.Compare):
        yield from _steps(node.left, certain)
        for place, part in enumerate(node.comparators):
            yield from _steps(part, certain and place == 0)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield from _steps(key or value, certain)
            yield from _steps(value, certain)
    else:
        for part in ast.iter_child_nodes(node):
            yield from _steps(part, certain)
    if isinstance(node, ast.expr):
        yield node, certain


def first_and_once(value: ast.expr, names: list[str]) -> bool:
    """Whether these names are read once each, in any case, in that order, before anything else happens."""
    waiting = list(names)
    quiet = True
    for node, certain in _steps(value):
        if isinstance(node, ast.Name) and node.id in names:
            if not waiting or node.id != waiting[0] or not certain or not quiet:
                return False
            waiting.pop(0)
        elif not isinstance(node, ast.Constant | ast.Name):
            quiet = False
    return not waiting


def runs_first(statement: ast.stmt, call: ast.Call) -> bool:
    """Whether the call is the first thing that happens in the statement, in any case, once."""
    if isinstance(statement, ast.Return | ast.Expr):
        value = statement.value
    elif isinstance(statement, ast.Assign | ast.AugAssign):
        if isinstance(statement, ast.AugAssign):
            return False
        value = statement.value
    elif isinstance(statement, ast.If):
        value = statement.test
    elif isinstance(statement, ast.For):
        value = statement.iter
    else:
        return False
    if value is None:
        return False
    inside = set(map(id, ast.walk(call)))
    for node, certain in _steps(value):
        if node is call:
            return certain
        if id(node) not in inside and not isinstance(node, ast.Constant | ast.Name):
            return False
    return False
