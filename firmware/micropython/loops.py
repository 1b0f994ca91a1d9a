"""Writes list comprehensions, and any() and all() of a generator, as loops in front of their statement.

Each is a function of its own to MicroPython, 97 bytes of a 64-bit heap, and what it reads of the enclosing one becomes
an object. Only what is the first thing to happen in its statement is taken, so that all happens in the same order.
"""

import ast
from collections.abc import Iterator, Mapping

import inline_order

_SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Loop = tuple[list[ast.stmt], ast.expr]


def unroll(trees: Mapping[str, ast.Module]) -> None:
    """In every function of `trees` (module -> tree), in place."""
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                fresh = (name for name in _numbered() if name not in names)
                for block in _blocks(node):
                    _in_block(block, fresh)
        ast.fix_missing_locations(tree)


def _numbered() -> Iterator[str]:
    number = 0
    while True:
        yield f"looped_{number}"
        number += 1


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements of a function, not of those in it."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        statements = getattr(node, field, None)
        if isinstance(statements, list):
            if field != "handlers":
                yield statements
            for one in statements:
                if not isinstance(one, _SCOPES):
                    yield from _blocks(one)


def _in_block(block: list[ast.stmt], fresh: Iterator[str]) -> None:
    place = 0
    while place < len(block):
        found = next((node for node in _own(block[place]) if _is_first(block[place], node)), None)
        if found is None:
            place += 1
        else:
            before, value = _loop(found, fresh)
            inline_order.put(block[place], found, value)
            block[place:place] = before  # which may hold more to unroll


def _own(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions that the statement itself evaluates, in its own scope."""
    waiting: list[ast.AST] = [part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.expr)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.expr):
            yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def _is_first(statement: ast.stmt, node: ast.expr) -> bool:
    comprehension = node if isinstance(node, ast.ListComp) else _searched(node)
    if comprehension is None or len(comprehension.generators) != 1:
        return False
    if any(isinstance(part, ast.Lambda | ast.GeneratorExp) and part is not comprehension for part in ast.walk(node)):
        return False  # that may look at the loop's name later
    return inline_order.runs_first(statement, node)


def _searched(node: ast.expr) -> "ast.GeneratorExp | None":
    """x of any(x) and all(x)."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("any", "all"):
        return node.args[0] if isinstance(node.args[0], ast.GeneratorExp) else None
    return None


def _loop(node: ast.expr, fresh: Iterator[str]) -> Loop:
    """(the statements, what has the value then)."""
    held = next(fresh)
    if isinstance(node, ast.ListComp):
        append = ast.Attribute(ast.Name(held, ast.Load()), "append", ast.Load())
        each: list[ast.stmt] = [ast.Expr(ast.Call(append, [node.elt], []))]
        begin: ast.expr = ast.List([], ast.Load())
        comprehension: "ast.ListComp | ast.GeneratorExp" = node
    else:
        found = _searched(node)
        assert found is not None and isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        some = node.func.id == "any"
        test = found.elt if some else inline_order.negated(found.elt)
        done = ast.Assign([ast.Name(held, ast.Store())], ast.Constant(some))
        each, begin, comprehension = [ast.If(test, [done, ast.Break()], [])], ast.Constant(not some), found
    return [ast.Assign([ast.Name(held, ast.Store())], begin), _for(comprehension, each, fresh)], ast.Name(
        held, ast.Load()
    )


def _for(comprehension: "ast.ListComp | ast.GeneratorExp", each: list[ast.stmt], fresh: Iterator[str]) -> ast.stmt:
    generator = comprehension.generators[0]
    for test in reversed(generator.ifs):
        each = [ast.If(test, each, [])]
    targets = [part.id for part in ast.walk(generator.target) if isinstance(part, ast.Name)]
    names = {name: next(fresh) for name in targets}
    inline_order.rename(generator.target, names)
    for one in each:
        inline_order.rename(one, names)
    return ast.For(generator.target, generator.iter, each, [])
