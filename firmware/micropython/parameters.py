"""Gives parameters names of one letter: .mpy files store those names, though not those of other local variables.

A name that any call of the set uses as a keyword stays, and so does every parameter of what users call.
"""

import ast
import string
from collections.abc import Iterable


def keywords(trees: Iterable[ast.Module]) -> set[str]:
    """The names calls use as keywords."""
    return {node.arg for tree in trees for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}


def attributes(tree: ast.Module) -> set[str]:
    """The names of attributes: a file stores those anyway, so a parameter of that name costs nothing."""
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def shorten(tree: ast.AST, fixed: set[str], public: bool) -> None:
    """Rename in every function of `tree`, in place. `fixed`: names that stay. `public`: only in private functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and not (public and not _private(node.name)):
            _rename(node, fixed)
        shorten(node, fixed, public and not (isinstance(node, ast.FunctionDef) and _private(node.name)))


def _private(name: str) -> bool:
    """A constructor is called by users, whatever it begins with."""
    return name.startswith("_") and not name.startswith("__")


def _rename(function: ast.FunctionDef, fixed: set[str]) -> None:
    """One name stands for one thing within a function and what it encloses, so all of that is renamed alike."""
    parts = [part for statement in function.body for part in ast.walk(statement)]
    taken = {part.id for part in parts if isinstance(part, ast.Name)} | _unmovable(parts)
    taken |= {part.arg for part in parts + function.args.args if isinstance(part, ast.arg)}
    letters = (letter for letter in string.ascii_lowercase if letter not in taken)
    stays = fixed | _unmovable(parts) | {"self"}
    wanted = [argument.arg for argument in function.args.args if argument.arg not in stays and len(argument.arg) > 1]
    short = dict(zip(wanted, letters, strict=False))
    for part in parts + function.args.args:
        if isinstance(part, ast.Name):
            part.id = short.get(part.id, part.id)
        elif isinstance(part, ast.arg):
            part.arg = short.get(part.arg, part.arg)


def _unmovable(parts: list[ast.AST]) -> set[str]:
    """Names that stand in the tree as plain text: caught exceptions, global, nonlocal, nested definitions, imports."""
    found: set[str] = set()
    for part in parts:
        if isinstance(part, ast.ExceptHandler | ast.FunctionDef | ast.ClassDef) and part.name:
            found.add(part.name)
        elif isinstance(part, ast.Global | ast.Nonlocal):
            found.update(part.names)
        elif isinstance(part, ast.alias):
            found.add((part.asname or part.name).split(".")[0])
    return found
