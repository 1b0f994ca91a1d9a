"""Every function whose name ends in `_untrusted`, found in the sources, with the errors its docstring declares."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("comatrix", "firmware", "lora")
SUFFIX = "_untrusted"


@dataclass(frozen=True, slots=True)
class Found:
    """One function: `name` is "module.function", `errors` the class names after "Raises" in its docstring."""

    name: str
    path: str
    errors: frozenset[str]


def untrusted_functions() -> list[Found]:
    """In all of the project's sources, also methods and functions inside others."""
    return [found for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")) for found in in_file(path)]


def in_file(path: Path) -> list[Found]:
    """Those of one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        Found(f"{path.stem}.{node.name}", str(path), declared_errors(ast.get_docstring(node) or ""))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.endswith(SUFFIX)
    ]


def declared_errors(docstring: str) -> frozenset[str]:
    """ "... Raises CborError, RecordError." -> both names."""
    sentence = re.search(r"\bRaises (.*?)(?:\.\s|\.?$)", docstring, re.DOTALL)
    return frozenset(re.findall(r"\b[A-Z]\w*Error\b", sentence[1])) if sentence else frozenset()
