"""Everything manifest.py lists imports inside a real MicroPython, from source and compiled, under a node's heap."""

from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.micropython import run_script


def imports(modules: list[Any]) -> str:
    """A script that imports every module given and prints how many."""
    return "\n".join([*(f"import {module.name}" for module in modules), f"print({len(modules)})"])


def test_every_listed_source_imports_in_one_process(build: ModuleType, tmp_path: Path) -> None:
    modules = build.read_manifest()
    assert run_script(imports(modules), tmp_path).strip() == str(len(modules))


def test_every_compiled_module_imports_in_one_process(build: ModuleType, compiled: Path, tmp_path: Path) -> None:
    modules = build.outputs(build.read_manifest())
    assert run_script(imports(modules), tmp_path, path=compiled).strip() == str(len(modules))


def test_a_compiled_node_loads_in_a_heap_of_64_kib(compiled: Path, tmp_path: Path) -> None:
    """On 64 bits, where every object is twice the size it has on a board; 12 KB are left to work with at the least."""
    script = """
import gc
from comatrix_node.node import Node
import comatrix_node.link_udp
gc.collect()
print(gc.mem_free())
"""
    assert int(run_script(script, tmp_path, path=compiled, heap="64k")) > 12000
