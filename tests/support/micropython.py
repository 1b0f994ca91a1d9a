"""Runs code in a real MicroPython process: the tests' side of `comatrix.gateway.demo.interpreter`."""

import functools
import os
import subprocess
from pathlib import Path

import pytest

from comatrix.gateway.demo.interpreter import Interpreter, Unusable, find_native
from tests.support.one_at_a_time import one_at_a_time

ROOT = Path(__file__).resolve().parents[2]
# What MicroPython may import; never the checkout itself, where `lora/` would shadow a package.
PACKAGES = (ROOT / "comatrix", ROOT / "firmware" / "micropython" / "comatrix_node", ROOT / "lora" / "comatrix_lora")


@functools.cache
def _found() -> Interpreter | str:
    try:
        with one_at_a_time("micropython"):
            return find_native(report=print)
    except Unusable as reason:
        return f"{reason.text}; {reason.next_step}"


def real_micropython() -> Interpreter:
    """The interpreter, looked for once a test run. Skips the test, with the reason, where there is none."""
    found = _found()
    if isinstance(found, str):
        pytest.skip(found)
    return found


def source_tree(folder: Path) -> Path:
    """`folder`, holding links to the packages MicroPython may import from source."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        link = folder / package.name
        if not link.exists():
            link.symlink_to(package, target_is_directory=True)
    return folder


def run_script(
    script: str,
    folder: Path,
    *,
    path: Path | None = None,
    heap: str | None = None,
    arguments: tuple[str, ...] = (),
    timeout_s: float = 60.0,
) -> str:
    """What `script` prints, run in `folder` with imports from `path` (default: the sources). Fails the test, with
    MicroPython's traceback, when it does not end well. `heap`: for example "64k"."""
    interpreter = real_micropython()
    main = folder / "main_under_test.py"
    main.write_text(script)
    options = ["-X", f"heapsize={heap}"] if heap else []
    tree = path or source_tree(folder / "lib")
    done = subprocess.run(
        [interpreter.path, *options, str(main), *arguments],
        cwd=folder,
        env={**os.environ, "MICROPYPATH": f"{tree}:.frozen"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"MicroPython ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
