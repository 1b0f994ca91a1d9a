"""Makes a module smaller for the device without changing what it does: three safe rewrites of its syntax tree.

1. Module-level integer constants of our own files stand where they are used, and their names go.
2. The texts of our own exceptions go: a node catches them by class and shows none.
3. Names that begin with one underscore become short, the same short name in every file.

mpy-cross already drops comments, docstrings, annotations and, with -O3, line numbers and asserts.
"""

import ast
import string

Constants = dict[str, dict[str, int]]  # module -> name -> value
_ALPHABET = string.ascii_lowercase + string.ascii_uppercase


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


class Names:
    """Short names for private ones, given in order of first sight; deterministic for a fixed order of files."""

    def __init__(self) -> None:
        self._short: dict[str, str] = {}

    def short(self, name: str) -> str:
        """`_receive_empty` -> `_a`; public and dunder names stay."""
        if not name.startswith("_") or name.startswith("__") or name == "_":
            return name  # `_t` gets a new name too: kept, it could meet the short name of another
        if name not in self._short:
            number = len(self._short)
            letters = _ALPHABET[number % 52] + (_ALPHABET[number // 52 - 1] if number >= 52 else "")
            self._short[name] = "_" + letters
        return self._short[name]


class Shrinker(ast.NodeTransformer):
    """Rewrites one module. `constants` and `exceptions` are those of the whole set of files."""

    def __init__(self, module: str, constants: Constants, exceptions: set[str], names: Names) -> None:
        self.own = constants.get(module, {})
        self.known: dict[str, int] = dict(self.own)
        self.modules: dict[str, str] = {}
        self.constants = constants
        self.exceptions = exceptions
        self.names = names

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
            kept.append(ast.alias(self.names.short(alias.name), alias.asname))
        return ast.ImportFrom(node.module, kept, node.level) if kept else None

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        """`if TYPE_CHECKING:` goes."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """The definitions of constants go, at module level only (see `shrink`)."""
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """module.CONSTANT -> its value; private attributes get short names."""
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            value = self.constants[self.modules[node.value.id]].get(node.attr)
            if value is not None:
                return ast.Constant(value)
        self.generic_visit(node)
        node.attr = self.names.short(node.attr)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """CONSTANT -> its value."""
        if isinstance(node.ctx, ast.Load) and node.id in self.known:
            return ast.Constant(self.known[node.id])
        node.id = self.names.short(node.id)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Private functions get short names; annotations go."""
        node.name = self.names.short(node.name)
        node.returns = None
        for argument in node.args.args + node.args.kwonlyargs:
            argument.annotation = None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Private classes get short names; `__slots__` says nothing to MicroPython."""
        node.name = self.names.short(node.name)
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


def shrink(source: str, module: str, constants: Constants, exceptions: set[str], names: Names) -> str:
    """A module's source -> smaller source that behaves the same."""
    tree = ast.parse(source)
    shrinker = Shrinker(module, constants, exceptions, names)
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
