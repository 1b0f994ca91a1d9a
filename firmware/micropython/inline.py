"""Puts a function that is called at one place there: on a board each function costs 60 to 130 bytes beside its code.

Taken are functions of a module called in that module, and methods called as `self.method(...)` in their class, where
nothing else in the set has the name; in a piece of linked modules, whose objects no person hands in, methods of any
object. A call is replaced where that changes nothing: what ran before it still does. What inline_calls.py does not
understand stays a function.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import inline_calls
import prune

Owner = ast.Module | ast.ClassDef


def inline(trees: Mapping[str, ast.Module], kept: set[str], pieces: Iterable[str] = ()) -> list[str]:
    """In `trees` (module -> tree), in place; the names of what went. Of modules in `kept`, which people write against,
    only what is private is taken."""
    gone: list[str] = []
    refused: set[str] = set()
    while True:
        found = next(_once(trees, kept, refused), None)
        if found is None:
            return gone
        module, owner, function = found
        method = isinstance(owner, ast.ClassDef)
        if inline_calls.replace(function, trees[module] if module in pieces else owner, method, module in pieces):
            owner.body.remove(function)
            gone.append(function.name)
        else:
            refused.add(function.name)


def _once(
    trees: Mapping[str, ast.Module], kept: set[str], refused: set[str]
) -> Iterator[tuple[str, Owner, ast.FunctionDef]]:
    """What is named once beside its definition, and where that stands."""
    uses = prune.mentioned(trees.values())
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    defined = Counter(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef))
    for module, tree in trees.items():
        for owner, function in _functions(tree):
            name = function.name
            if uses[name] == defined[name] == 1 and name not in refused and not name.startswith("__"):
                if module not in kept or name.startswith("_"):
                    yield module, owner, function


def _functions(tree: ast.Module) -> Iterator[tuple[Owner, ast.FunctionDef]]:
    owners: list[Owner] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for owner in owners:
        for node in owner.body:
            if isinstance(node, ast.FunctionDef):
                yield owner, node
