"""Leaves out what no module of the device's set mentions: functions, classes, methods, constants and imports.

Only the gateway uses them; they stand in shared files. The rule is by name and errs on keeping: a name that occurs
anywhere in the set, as a variable, an attribute, an import or a text, keeps every definition of that name.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping

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
                gone += [f"{module}.{name}" for name in _drop_definitions(tree, uses) + _drop_constants(tree, uses)]
            _drop_imports(tree)
        if len(gone) == before:
            return gone


def merge_exceptions(trees: dict[str, ast.Module], errors: str) -> None:
    """Exceptions of module `errors` that no other module catches are raised as the nearest ancestor one does, or the
    root: a class costs a board 250 bytes of RAM."""
    classes = {node.name: node for node in trees[errors].body if isinstance(node, ast.ClassDef)}
    raised = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    merged = [node.exc for node in raised if isinstance(node.exc, ast.Name)]  # raised by its bare name, without a text
    elsewhere = {
        node.id
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node not in merged and not _is_base(node, classes)
    }
    for name in merged:
        while name.id in classes and name.id not in elsewhere and _parent(classes[name.id]) in classes:
            name.id = _parent(classes[name.id])
    for module, tree in trees.items():
        _import_exceptions(tree, errors, set(classes), module == errors)


def _parent(node: ast.ClassDef) -> str:
    return node.bases[0].id if node.bases and isinstance(node.bases[0], ast.Name) else ""


def _is_base(name: ast.Name, classes: dict[str, ast.ClassDef]) -> bool:
    return any(name in node.bases for node in classes.values())


def _import_exceptions(tree: ast.Module, errors: str, classes: set[str], is_errors: bool) -> None:
    """The imports from `errors` as the module now needs them."""
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == errors]
    used = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & classes)
    if is_errors or not imports:
        return
    first = imports[0]
    others = [alias for alias in first.names if alias.name not in classes]
    first.names = [*others, *(ast.alias(name) for name in used)]


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


def _drop_constants(tree: ast.Module, uses: Counter[str]) -> list[str]:
    """NAME = text, number or tuple of such that only its own assignment names."""
    gone: list[str] = []
    for node in list(tree.body):
        if isinstance(node, ast.Assign) and _is_constant(node.value):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if len(names) == len(node.targets) and not [n for n in names if uses[n] > 1 or n.startswith("__")]:
                tree.body.remove(node)
                gone += names
    return gone


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Tuple) and all(map(_is_constant, node.elts)))


def drop(trees: dict[str, ast.Module], methods: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
    """Take methods, by module and class, from `trees`. Raises KeyError for one that is not there."""
    for module, classes in methods.items():
        holders = {node.name: node for node in trees[module].body if isinstance(node, ast.ClassDef)}
        for holder, names in classes.items():
            found = {part.name: part for part in holders[holder].body if isinstance(part, ast.FunctionDef)}
            for name in names:
                holders[holder].body.remove(found[name])


def _unused(name: str, uses: Counter[str]) -> bool:
    return not name.startswith("__") and not uses[name]


def _drop_imports(tree: ast.Module) -> None:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in [node for node in tree.body if isinstance(node, ast.ImportFrom)]:
        node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
        if not node.names:
            tree.body.remove(node)
