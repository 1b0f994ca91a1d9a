"""What each identifier stands for: something its module binds, an attribute of an object, a local variable."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

GLOBAL, ATTRIBUTE, LOCAL = range(3)
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True)
class Use:
    """One identifier at one place: `field` of `node`, or there the item `place` of a list."""

    kind: int
    node: ast.AST
    field: str
    place: int | None = None

    @property
    def name(self) -> str:
        """As it stands there now."""
        found = getattr(self.node, self.field)
        return str(found if self.place is None else found[self.place])

    def rename(self, name: str) -> None:
        """Write another one there."""
        if self.place is None:
            setattr(self.node, self.field, name)
        else:
            getattr(self.node, self.field)[self.place] = name


def uses(tree: ast.Module) -> list[Use]:
    """Every use in the module. What a class body reads is told as both: it may be the class's own or the module's.

    A name that a function imports counts as global: the module it comes from binds it."""
    return [use for node in tree.body for use in _uses(node, frozenset(), None)]


def _uses(node: ast.AST, local: frozenset[str], body: str | None) -> Iterator[Use]:
    """`local`: names of enclosing functions; `body`: "class" or "function" for statements right in one."""
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        yield from _of_function(node, local, body)
    elif isinstance(node, ast.ClassDef):
        yield Use(LOCAL if body == "function" else GLOBAL, node, "name")
        yield from _each([*node.bases, *node.keywords, *node.decorator_list], local, body)
        yield from _each(node.body, local, "class")
    elif isinstance(node, _COMPREHENSIONS):
        yield from _each(ast.iter_child_nodes(node), local | _stored([*node.generators]), body)
    elif isinstance(node, ast.Name):
        yield from _of_name(node, local, body)
    elif isinstance(node, ast.Attribute):
        yield Use(ATTRIBUTE, node, "attr")
        yield from _uses(node.value, local, body)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield Use(GLOBAL, alias, "asname" if alias.asname else "name")
            if alias.asname and isinstance(node, ast.ImportFrom):
                yield Use(GLOBAL, alias, "name")
    elif isinstance(node, ast.Global | ast.Nonlocal):
        for place, name in enumerate(node.names):
            yield Use(LOCAL if name in local else GLOBAL, node, "names", place)
    else:
        if isinstance(node, ast.ExceptHandler) and node.name:
            yield Use(LOCAL if node.name in local else GLOBAL, node, "name")
        yield from _each(ast.iter_child_nodes(node), local, body)


def _each(nodes: Iterable[ast.AST], local: frozenset[str], body: str | None) -> Iterator[Use]:
    for node in nodes:
        yield from _uses(node, local, body)


def _of_name(node: ast.Name, local: frozenset[str], body: str | None) -> Iterator[Use]:
    if node.id in local:
        yield Use(LOCAL, node, "id")
    elif body != "class":
        yield Use(GLOBAL, node, "id")
    else:
        yield Use(ATTRIBUTE, node, "id")
        if isinstance(node.ctx, ast.Load):
            yield Use(GLOBAL, node, "id")


def _of_function(node: ast.FunctionDef | ast.Lambda, local: frozenset[str], body: str | None) -> Iterator[Use]:
    arguments = node.args
    yield from _each([*arguments.defaults, *(part for part in arguments.kw_defaults if part)], local, body)
    own = local | {part.arg for part in ast.walk(arguments) if isinstance(part, ast.arg)}
    yield from (Use(LOCAL, part, "arg") for part in ast.walk(arguments) if isinstance(part, ast.arg))
    if isinstance(node, ast.Lambda):
        yield from _uses(node.body, own, "function")
        return
    yield Use({"class": ATTRIBUTE, "function": LOCAL, None: GLOBAL}[body], node, "name")
    yield from _each(node.decorator_list, local, body)
    yield from _each(node.body, own | _stored(node.body), "function")


def _stored(body: list[ast.stmt] | list[ast.comprehension]) -> frozenset[str]:
    """The names bound in a function's own scope, imports not counted."""
    found: set[str] = set()
    elsewhere: set[str] = set()
    waiting: list[ast.AST] = [*body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Global):
            elsewhere.update(node.names)
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | _COMPREHENSIONS):
            waiting.extend(ast.iter_child_nodes(node))
    return frozenset(found - elsewhere)
