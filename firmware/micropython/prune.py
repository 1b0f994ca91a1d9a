"""Leaves out what no module of the device's set mentions: functions, classes, methods and imports nobody names.

Only the gateway uses them; they stand in shared files. The rule is by name and errs on keeping: a name that occurs
anywhere in the set, as a variable, an attribute, an import or a text, keeps every definition of that name.
"""

import ast
from collections import Counter
from collections.abc import Iterable

Definition = (ast.FunctionDef, ast.ClassDef)


def mentioned(trees: Iterable[ast.Module]) -> Counter[str]:
    """How often each name is used, definitions not counted."""
    found: Counter[str] = Counter()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                found[node.id] += 1
            elif isinstance(node, ast.Attribute):
                found[node.attr] += 1
            elif isinstance(node, ast.ImportFrom):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found[node.value] += 1
    return found


def prune(trees: dict[str, ast.Module], kept: set[str]) -> list[str]:
    """Remove from `trees` (module -> tree) what is not mentioned, until nothing more goes; "module.name" of what went.

    Modules in `kept` are what users write against: nothing is taken from them.
    """
    gone: list[str] = []
    while True:
        before = len(gone)
        uses = mentioned(trees.values())
        for module, tree in trees.items():
            if module not in kept:
                gone += [f"{module}.{name}" for name in _drop_definitions(tree, uses)]
            _drop_imports(tree)
        if len(gone) == before:
            return gone


def _drop_definitions(tree: ast.Module, uses: Counter[str]) -> list[str]:
    gone: list[str] = []
    holders: list[ast.Module | ast.ClassDef] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for holder in holders:
        unused = [node for node in holder.body if isinstance(node, Definition) and _unused(node.name, uses)]
        gone += [node.name for node in unused]
        holder.body = [node for node in holder.body if node not in unused]
        if isinstance(holder, ast.ClassDef):
            holder.body = holder.body or [ast.Pass()]
    return gone


def _unused(name: str, uses: Counter[str]) -> bool:
    return not name.startswith("__") and not uses[name]


def _drop_imports(tree: ast.Module) -> None:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in [node for node in tree.body if isinstance(node, ast.ImportFrom)]:
        node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
        if not node.names:
            tree.body.remove(node)
