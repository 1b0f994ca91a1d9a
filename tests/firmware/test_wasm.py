"""The same files run on MicroPython's WebAssembly build: another version, another machine, another AES."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.firmware import ccm_vectors
from tests.support.wasm import run_wasm


@pytest.mark.slow
def test_ccm_agrees_with_the_rfc_and_the_gateway(tmp_path: Path) -> None:
    count = ccm_vectors.write_all(tmp_path)
    assert run_wasm(ccm_vectors.CHECK, tmp_path).strip() == str(count)


@pytest.mark.slow
def test_every_listed_module_imports(build: ModuleType, tmp_path: Path) -> None:
    names = [module.name for module in build.read_manifest()]
    script = "\n".join([*(f"import {name}" for name in names), f"print({len(names)})"])
    assert run_wasm(script, tmp_path).strip() == str(len(names))


@pytest.mark.slow
def test_an_exception_there_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="planted"):
        run_wasm("raise ValueError('planted')", tmp_path)
