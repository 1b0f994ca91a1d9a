"""Puts a module that one other alone needs into that one, and a class with one subclass into its subclass.

Written apart because several sets need the part; in a set with one of them a module costs its own dictionary and names,
a class 300 bytes more.
"""

import ast
from collections.abc import MutableMapping


def absorb(trees: MutableMapping[str, ast.Module], into: str, module: str) -> None:
    """`module` disappears from `trees`; what it defined stands in `into`, in front of that one's own."""
    part, whole = trees.pop(module), trees[into]
    body = [node for node in whole.body if not (isinstance(node, ast.ImportFrom) and node.module == module)]
    first = 1 if ast.get_docstring(whole) is not None else 0
    own = part.body[1:] if ast.get_docstring(part) is not None else part.body
    whole.body = [*body[:first], *own, *body[first:]]
    _flatten(whole)


def _flatten(tree: ast.Module) -> None:
    """A class that stands there as the only base of the only class derived from it is no more."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in list(classes.values()):
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        derived = [other for other in classes.values() if _has_base(other, bases[0])] if len(bases) == 1 else []
        if derived == [node] and bases[0] in classes:
            base = classes[bases[0]]
            tree.body.remove(base)
            own = base.body[1:] if ast.get_docstring(base) is not None else base.body
            node.body, node.bases = [*own, *node.body], base.bases


def _has_base(node: ast.ClassDef, name: str) -> bool:
    return any(isinstance(base, ast.Name) and base.id == name for base in node.bases)
