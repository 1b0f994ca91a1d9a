"""Replaces one call by the body of what it calls; see inline.py.

As an expression where the body is one `return`; else as statements in front of the statement that calls, which then
has the value. Local names of the body get new ones: no .mpy holds those.
"""

import ast
import copy
import itertools
from collections.abc import Callable, Iterable, Iterator

import inline_order

_SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What would mean something else in another function.
_NOT_IN_BODY = (
    *(ast.FunctionDef, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom, ast.Delete),
    *(ast.Yield, ast.YieldFrom, ast.NamedExpr),
)
Emit = Callable[["ast.expr | None"], list[ast.stmt]]


class _RefusedError(Exception):
    """The call cannot be replaced."""


def replace(function: ast.FunctionDef, where: "ast.Module | ast.ClassDef", method: bool, anyones: bool) -> bool:
    """Replace the one call of `function` in the functions of `where`; whether that could be done. `anyones`: a method
    of whatever object, else of `self`."""
    for caller in _callers(where):
        for call in _own(caller):
            if caller is not function and isinstance(call, ast.Call) and _calls(call, function.name, method, anyones):
                try:
                    _replace(caller, call, function, method)
                except _RefusedError:
                    return False
                return True
    return False


def _callers(owner: "ast.Module | ast.ClassDef") -> Iterator[ast.FunctionDef]:
    for node in owner.body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _callers(node)


def _own(caller: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of its body that run in its own scope."""
    waiting: list[ast.AST] = [*caller.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_SCOPES, *_COMPREHENSIONS)):
            waiting.extend(ast.iter_child_nodes(node))


def _calls(call: ast.Call, name: str, method: bool, anyones: bool) -> bool:
    if method:
        of = call.func
        return isinstance(of, ast.Attribute) and of.attr == name and (anyones or _is_name(of.value, "self"))
    return _is_name(call.func, name)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _replace(caller: ast.FunctionDef, call: ast.Call, function: ast.FunctionDef, method: bool) -> None:
    body = [one for one in function.body if not isinstance(one, ast.Assert) and not _is_text(one)]
    given = _arguments(call, function, method)
    _check(caller, function, body)
    if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
        value = _as_expression(body[0].value, given, caller)
        if value is not None:
            inline_order.put(caller, call, value)
            return
    _as_statements(caller, call, body, given)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _arguments(call: ast.Call, function: ast.FunctionDef, method: bool) -> dict[str, ast.expr]:
    """parameter -> what the call gives for it, in the order of evaluation."""
    told = function.args
    names = [one.arg for one in told.args]
    if told.vararg or told.kwarg or told.kwonlyargs or told.posonlyargs or function.decorator_list:
        raise _RefusedError
    if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
        raise _RefusedError
    given: dict[str, ast.expr] = {}
    positional = ([call.func.value] if method and isinstance(call.func, ast.Attribute) else []) + call.args
    if len(positional) > len(names):
        raise _RefusedError
    given.update(zip(names, positional, strict=False))
    given.update({one.arg: one.value for one in call.keywords if one.arg})
    for name, default in zip(names[len(names) - len(told.defaults) :], told.defaults, strict=True):
        if name not in given:
            if not isinstance(default, ast.Constant):
                raise _RefusedError
            given[name] = default
    if set(given) != set(names):
        raise _RefusedError
    return given


def _check(caller: ast.FunctionDef, function: ast.FunctionDef, body: list[ast.stmt]) -> None:
    """What the body takes from the module must not be the caller's own, nor may it make a scope that others see."""
    parts = [part for statement in body for part in ast.walk(statement)]
    if any(isinstance(part, _NOT_IN_BODY) for part in parts):
        raise _RefusedError
    own = _bound(function)
    free = {part.id for part in parts if isinstance(part, ast.Name)} - own
    if free & _bound(caller):
        raise _RefusedError


def _bound(function: ast.FunctionDef) -> set[str]:
    found = {part.arg for part in ast.walk(function) if isinstance(part, ast.arg)}
    for part in ast.walk(function):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            found.add(part.id)
        elif (
            isinstance(part, ast.ExceptHandler | ast.FunctionDef | ast.ClassDef) and part.name and part is not function
        ):
            found.add(part.name)
        elif isinstance(part, ast.alias):
            found.add((part.asname or part.name).split(".")[0])
    return found


def _fresh(taken: set[str]) -> Iterator[str]:
    for number in itertools.count():
        if f"local_{number}" not in taken:
            yield f"local_{number}"


def _as_expression(value: ast.expr, given: dict[str, ast.expr], caller: ast.FunctionDef) -> "ast.expr | None":
    """The value with the arguments in it, or None where one would be evaluated twice, or at another time."""
    later = [name for name, one in given.items() if not inline_order.is_plain(one)]
    if not inline_order.first_and_once(value, later):
        return None
    fresh = _fresh({part.id for part in ast.walk(caller) if isinstance(part, ast.Name)})
    made = inline_order.rename(copy.deepcopy(value), {name: next(fresh) for name in sorted(_stored([value]))})
    put: ast.expr = _Put(given).visit(made)
    return put


class _Put(ast.NodeTransformer):
    """Names -> expressions."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self._values[node.id]) if node.id in self._values else node


def _as_statements(caller: ast.FunctionDef, call: ast.Call, body: list[ast.stmt], given: dict[str, ast.expr]) -> None:
    block, statement = _statement_of(caller, call)
    if not inline_order.runs_first(statement, call):
        raise _RefusedError
    stored = _stored(body)
    fresh = _fresh({part.id for part in ast.walk(caller) if isinstance(part, ast.Name)})
    straight = {name for name, one in given.items() if inline_order.is_plain(one) and name not in stored}
    names = {name: next(fresh) for name in sorted((stored | set(given)) - straight)}
    made = [inline_order.rename(copy.deepcopy(one), names) for one in body]
    made = [_Put({name: given[name] for name in straight}).visit(one) for one in made]
    before: list[ast.stmt] = [
        ast.Assign([ast.Name(names[name], ast.Store())], one) for name, one in given.items() if name not in straight
    ]
    place = block.index(statement)
    block[place : place + 1] = before + _spliced(made, statement, call, fresh)


def _stored(body: "Iterable[ast.AST]") -> set[str]:
    """The names it binds, in whatever scope."""
    parts = [part for one in body for part in ast.walk(one)]
    found = {part.id for part in parts if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}
    found |= {part.name for part in parts if isinstance(part, ast.ExceptHandler) and part.name}
    return found | {part.arg for part in parts if isinstance(part, ast.arg)}


def _statement_of(caller: ast.FunctionDef, call: ast.Call) -> tuple[list[ast.stmt], ast.stmt]:
    """The innermost statement with the call, and the list that holds it."""
    found: "tuple[list[ast.stmt], ast.stmt] | None" = None
    for node in ast.walk(caller):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                for one in statements:
                    if isinstance(one, ast.stmt) and any(part is call for part in ast.walk(one)):
                        found = (statements, one)  # ast.walk goes inwards
    if found is None:
        raise _RefusedError
    return found


def _spliced(body: list[ast.stmt], statement: ast.stmt, call: ast.Call, fresh: Iterator[str]) -> list[ast.stmt]:
    """The body's statements, which do with its value what the statement does."""
    if isinstance(statement, ast.Return) and statement.value is call:
        ends = _ends(body)
        return body if ends else [*body, ast.Return(None)]
    if isinstance(statement, ast.Expr) and statement.value is call:
        return _without_returns(body, _value_dropped) or [ast.Pass()]
    if isinstance(statement, ast.Assign) and statement.value is call and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return _without_returns(body, lambda value: [ast.Assign([target], value or ast.Constant(None))])
    name = next(fresh)

    def held(value: "ast.expr | None") -> list[ast.stmt]:
        return [ast.Assign([ast.Name(name, ast.Store())], value or ast.Constant(None))]

    made = _without_returns(body, held)
    inline_order.put(statement, call, ast.Name(name, ast.Load()))
    return [*made, statement]


def _value_dropped(value: "ast.expr | None") -> list[ast.stmt]:
    return [] if value is None or inline_order.is_plain(value) else [ast.Expr(value)]


def _ends(body: list[ast.stmt]) -> bool:
    """Whether nothing behind it can run."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise)


def _returns(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Return) for part in ast.walk(node))


def _without_returns(body: list[ast.stmt], emit: Emit) -> list[ast.stmt]:
    """The same, with what `emit` gives in place of each return, and at the end."""
    for place, node in enumerate(body):
        before, after = body[:place], body[place + 1 :]
        if isinstance(node, ast.Return):
            return before + emit(node.value)
        if isinstance(node, ast.Raise):
            return [*before, node]
        if not _returns(node):
            continue
        if not isinstance(node, ast.If):
            raise _RefusedError
        yes, no = node.body, node.orelse
        if _ends(yes):
            yes, no = _without_returns(yes, emit), _without_returns(no + after, emit)
        elif _ends(no):
            yes, no = _without_returns(yes + after, emit), _without_returns(no, emit)
        else:
            raise _RefusedError
        if not yes and not no:
            return [*before, *_value_dropped(node.test)]
        test = node.test if yes else inline_order.negated(node.test)
        return [*before, ast.If(test, yes or no, no if yes else [])]
    return body + emit(None)
