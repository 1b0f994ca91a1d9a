"""Every function whose name ends in `_untrusted`, found in the sources, with the errors its docstring declares."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("comatrix", "firmware", "lora")
SUFFIX = "_untrusted"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Found:
    """One function: `name` is "module.function", of a method "module.Class.function" where its file has another
    function of that name; `errors` are the class names after "Raises" in its docstring."""

    name: str
    path: str
    errors: frozenset[str]


@cache
def untrusted_functions() -> list[Found]:
    """In all of the project's sources, also methods and functions inside others."""
    return [found for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")) for found in in_file(path)]


def in_file(path: Path) -> list[Found]:
    """Those of one file."""
    functions = list(_functions(ast.parse(path.read_text(encoding="utf-8")), ""))
    names = [node.name for _, node in functions]
    return [
        Found(
            f"{path.stem}.{of_class if names.count(node.name) > 1 else ''}{node.name}",
            str(path),
            declared_errors(ast.get_docstring(node) or ""),
        )
        for of_class, node in functions
    ]


def _functions(tree: ast.AST, of_class: str) -> Iterator[tuple[str, Function]]:
    """("Class." or nothing, function) of those that end so."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function) and node.name.endswith(SUFFIX):
            yield of_class, node
        yield from _functions(node, f"{node.name}." if isinstance(node, ast.ClassDef) else of_class)


def declared_errors(docstring: str) -> frozenset[str]:
    """ "... Raises CborError, RecordError." -> both names."""
    sentence = re.search(r"\bRaises (.*?)(?:\.\s|\.?$)", docstring, re.DOTALL)
    return frozenset(re.findall(r"\b[A-Z]\w*Error\b", sentence[1])) if sentence else frozenset()
