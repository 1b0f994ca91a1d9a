"""Fixtures of the firmware's tests."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.micropython import ROOT, run_script

FIRMWARE = ROOT / "firmware" / "micropython"
sys.path.insert(0, str(ROOT / "tests" / "support" / "platform"))  # what CPython lacks of a board's modules


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """firmware/micropython/build.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("firmware_build", FIRMWARE / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def compiled(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the .mpy files, as they go to a device."""
    folder = tmp_path_factory.mktemp("mpy")
    build.compile_all(build.read_manifest(), folder)
    return folder


@pytest.fixture(scope="session")
def lora_compiled(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the LoRa set."""
    folder = tmp_path_factory.mktemp("mpy_lora")
    build.compile_all(build.read_manifest(link="lora"), folder)
    return folder


@pytest.fixture(scope="session")
def dtls_compiled(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the DTLS set."""
    folder = tmp_path_factory.mktemp("mpy_dtls")
    build.compile_all(build.read_manifest(link="dtls"), folder)
    return folder


@pytest.fixture(params=["sources", "compiled"])
def on_device(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Runs a script in a real MicroPython, once on the sources and once on the .mpy files; what it printed."""
    path = request.getfixturevalue("compiled") if request.param == "compiled" else None

    def run(script: str) -> str:
        return run_script(script, tmp_path, path=path)

    return run
