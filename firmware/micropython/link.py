"""Joins the modules of package `comatrix` into one, `comatrix/__init__`, and has the others import from it.

On a board a module costs its own dictionary, an entry for each name it imports, and the texts of its path and name: the
shared core in one piece leaves 4 KB more of a heap of 64 KB. Module-level names get their module's name in front, so
`encode` of cbor and of coap stay two things; `cbor.encode` becomes `cbor_encode`.
"""

import ast
from collections.abc import Iterator, Mapping

Trees = Mapping[str, ast.Module]  # module name -> tree
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class LinkError(Exception):
    """A module is written in a way this linker does not follow; the text says where."""


def link(trees: Trees, package: str) -> dict[str, ast.Module]:
    """The modules outside `package` as they were, but importing from it, and `package` with all that was below it."""
    below = [name for name in trees if name == package or name.startswith(package + ".")]
    exported = {name: _exports(trees[name], name) for name in below}
    linked = {}
    for name, tree in trees.items():
        _Linker(name, exported, package).apply(tree)
        if name not in exported:
            linked[name] = tree
    body = [
        statement for name in _deepest_first({name: trees[name] for name in below}) for statement in trees[name].body
    ]
    return {package: ast.Module(_once(body), []), **linked}


def bindings(body: list[ast.stmt]) -> set[str]:
    """The names that statements bind in their own scope, imports not counted."""
    found: set[str] = set()
    for node in _own_scope(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) or (isinstance(node, ast.ExceptHandler) and node.name):
            found.add(node.name or "")
    return found


def _own_scope(body: list[ast.stmt]) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | _COMPREHENSIONS):
            waiting.extend(ast.iter_child_nodes(node))


def _exports(tree: ast.Module, module: str) -> dict[str, str]:
    last = module.rpartition(".")[2]
    return {name: name if name.startswith("__") else f"{last}_{name}" for name in bindings(tree.body)}


def _once(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements without texts, imports from inside, and repeated imports of other modules."""
    kept: dict[str, ast.stmt] = {}
    for number, node in enumerate(body):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        kept.setdefault(ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else str(number), node)
    return list(kept.values())


def _deepest_first(trees: Trees) -> list[str]:
    """Each module after those it imports. The linker has left their names in `imports`."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order:
            return
        for other in sorted(getattr(trees[name], "linked", ())):
            if other != name:
                add(other)
        order.append(name)

    for name in sorted(trees):
        add(name)
    return order


class _Linker:
    """Rewrites one module: what it imports from the package, and its own names if it is of the package."""

    def __init__(self, module: str, exported: Mapping[str, dict[str, str]], package: str) -> None:
        self.module = module
        self.exported = exported
        self.package = package
        self.names = dict(exported.get(module, {}))  # a name here -> its name in the package
        self.modules: dict[str, str] = {}  # a name here -> the module it stands for
        self.used: set[str] = set()
        self.imports: set[str] = set()

    def apply(self, tree: ast.Module) -> None:
        """Rewrite `tree` in place; `tree.linked` holds the modules it needs before it."""
        tree.body = [node for node in tree.body if not self._took_import(node)]
        for node in tree.body:
            self._statement(node, frozenset(), top=True)
        if self.module not in self.exported and self.used:
            tree.body.insert(0, ast.ImportFrom(self.package, [ast.alias(name) for name in sorted(self.used)], 0))
        tree.linked = self.imports  # type: ignore[attr-defined]

    def _took_import(self, node: ast.stmt) -> bool:
        if not isinstance(node, ast.ImportFrom) or node.module is None or node.module not in self.exported:
            return False
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            if submodule in self.exported:
                self.modules[alias.asname or alias.name] = submodule
                self.imports.add(submodule)
            elif alias.name in self.exported[node.module]:
                self.names[alias.asname or alias.name] = self.exported[node.module][alias.name]
                self.imports.add(node.module)
            else:
                raise LinkError(f"{self.module} imports {alias.name}, which {node.module} does not have")
        return True

    def _statement(self, node: ast.AST, shadowed: frozenset[str], top: bool = False) -> None:
        """Rewrite below `node`. `shadowed`: names that are local to an enclosing function or class body."""
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            self._function(node, shadowed, top)
        elif isinstance(node, ast.ClassDef):
            for base in (*node.bases, *node.decorator_list):
                self._child(node, base, shadowed)
            local = shadowed | bindings(node.body)
            for part in node.body:
                # A method sees past its class: only statements of the class body itself are shadowed by its names.
                self._statement(part, shadowed if isinstance(part, ast.FunctionDef) else local)
            if top:
                node.name = self.names.get(node.name, node.name)
        elif isinstance(node, _COMPREHENSIONS):
            targets = [part for generator in node.generators for part in ast.walk(generator.target)]
            self._plain(node, shadowed | {part.id for part in targets if isinstance(part, ast.Name)}, False)
        else:
            self._plain(node, shadowed, top)

    def _function(self, node: ast.FunctionDef | ast.Lambda, shadowed: frozenset[str], top: bool) -> None:
        arguments = node.args
        for default in (*arguments.defaults, *(part for part in arguments.kw_defaults if part)):
            self._child(arguments, default, shadowed)
        local = shadowed | {part.arg for part in ast.walk(arguments) if isinstance(part, ast.arg)}
        if isinstance(node, ast.Lambda):
            self._child(node, node.body, local)
            return
        for decorator in node.decorator_list:
            self._child(node, decorator, shadowed)
        local |= bindings(node.body)
        for part in node.body:
            self._statement(part, local)
        if top:
            node.name = self.names.get(node.name, node.name)

    def _plain(self, node: ast.AST, shadowed: frozenset[str], top: bool) -> None:
        if isinstance(node, ast.Name) and node.id not in shadowed:
            self._name(node)
        if isinstance(node, ast.Global) or (isinstance(node, ast.ImportFrom) and node.module in self.exported):
            raise LinkError(f"{self.module} imports or rebinds inside a function: {ast.unparse(node)}")
        for child in ast.iter_child_nodes(node):
            self._child(node, child, shadowed, top)

    def _child(self, parent: ast.AST, child: ast.AST, shadowed: frozenset[str], top: bool = False) -> None:
        """Rewrite `child` of `parent`; `module.name` is replaced where it stands."""
        if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name) and child.value.id in self.modules:
            if child.value.id in shadowed:
                raise LinkError(f"{self.module}: {child.value.id} is a module and a local name in line {child.lineno}")
            new = self.exported[self.modules[child.value.id]].get(child.attr)
            if new is None:
                raise LinkError(f"{self.module} uses {ast.unparse(child)}, which does not exist")
            self.used.add(new)
            _replace(parent, child, ast.Name(new, child.ctx))
        else:
            self._statement(child, shadowed, top)

    def _name(self, node: ast.Name) -> None:
        new = self.names.get(node.id)
        if node.id in self.modules:
            raise LinkError(f"{self.module} passes the module {node.id} around in line {node.lineno}")
        if new is not None:
            self.used.add(new)
            node.id = new


def _replace(parent: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for field, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, field, new)
        elif isinstance(value, list):
            value[:] = [new if part is old else part for part in value]
