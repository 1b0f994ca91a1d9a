"""Everything manifest.py lists imports inside a real MicroPython, from source and compiled, under a node's heap."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from tests.support.micropython import run_script


def imports(build: ModuleType) -> str:
    """A script that imports every module of the manifest and prints how many."""
    names = [module.name for module in build.read_manifest()]
    return "\n".join([*(f"import {name}" for name in names), f"print({len(names)})"])


def test_every_listed_module_imports_in_one_process(build: ModuleType, on_device: Callable[[str], str]) -> None:
    assert on_device(imports(build)).strip() == str(len(build.read_manifest()))


def test_a_compiled_node_loads_in_a_heap_of_64_kib(compiled: Path, tmp_path: Path) -> None:
    """On 64 bits, where every object is twice the size it has on a board; 4 KiB are left to work with at the least."""
    script = """
import gc
from comatrix_node.node import Node
import comatrix_node.link_udp
gc.collect()
print(gc.mem_free())
"""
    assert int(run_script(script, tmp_path, path=compiled, heap="64k")) > 4096
