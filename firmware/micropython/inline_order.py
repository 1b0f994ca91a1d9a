"""In which order the parts of an expression are evaluated, for inline_calls.py and loops.py: what may change places."""

import ast
from collections.abc import Iterator
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
_LAZY = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_plain(node: ast.expr) -> bool:
    """A constant or a local name: the same whenever it is looked at, at no cost."""
    return isinstance(node, ast.Constant | ast.Name)


def _steps(node: ast.AST, certain: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """(part, whether it is evaluated once in any case), each after those it is made of."""
    if isinstance(node, _LAZY):
        yield from ((part, False) for part in ast.walk(node) if part is not node)
    elif isinstance(node, ast.IfExp):
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
        for child in ast.iter_child_nodes(node):
            yield from _steps(child, certain)
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


def runs_first(statement: ast.stmt, call: ast.expr) -> bool:
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


def negated(test: ast.expr) -> ast.expr:
    """not test."""
    return (
        test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else ast.UnaryOp(ast.Not(), test)
    )


def put(holder: ast.AST, old: ast.AST, new: ast.AST) -> None:
    """`new` where `old` stands below `holder`."""
    for node in ast.walk(holder):
        for field, value in ast.iter_fields(node):
            if value is old:
                setattr(node, field, new)
            elif isinstance(value, list):
                value[:] = [new if part is old else part for part in value]


def rename(node: Node, names: dict[str, str]) -> Node:
    """Its local names become other ones, in place."""
    _Rename(names).visit(node)
    return node


class _Rename(ast.NodeTransformer):
    """Local names -> other ones."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self._names.get(node.name, node.name) if node.name else None
        return self.generic_visit(node)
