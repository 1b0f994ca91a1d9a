"""The base install, built as a wheel and put into an empty environment: few packages, little disk, little memory."""

import asyncio
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.demo.stage import Stage
from comatrix.gateway.demo.synapse import LoopbackSynapse
from tests.end_to_end.log_check import check_log
from tests.end_to_end.node_programs import POST_MANY
from tests.end_to_end.processes import rss_kib
from tests.end_to_end.room_reading import wait_for
from tests.support.micropython import ROOT, real_micropython

pytestmark = pytest.mark.slow

MOST_PACKAGES = 18
MOST_MEGABYTES = 60
MOST_IDLE_KIB = 50_000  # 48,700 were measured; docs/reference/benchmarks.md tells where it is
NOT_OURS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")
# What the wheel is made of. A copy of only this shows what is missing, and leaves no build folder in the checkout.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "comatrix", "lora", "firmware")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git knows."""
    folder = tmp_path_factory.mktemp("source")
    for name in tracked(*SOURCES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from that."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment with the wheel and what it needs, no extras."""
    folder = tmp_path_factory.mktemp("base")
    venv.create(folder, with_pip=False)
    pip("--python", str(folder / "bin" / "python"), "install", str(wheel))
    yield folder


def tracked(*places: str) -> list[str]:
    """Files of the checkout, without what it ignores."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *places]
    found = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in found if (ROOT / name).is_file()]


def pip(*words: str) -> None:
    """Fails the test with pip's last words."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def site_packages(base: Path) -> Path:
    """Where the packages are."""
    (found,) = (base / "lib").glob("python3*/site-packages")
    return found


def test_the_wheel_carries_what_a_gateway_and_a_demo_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    every = set(tracked("comatrix"))
    assert any(name.endswith(".sql") for name in every)
    assert not every - names, "files of the package that the wheel leaves out"
    for name in (
        "comatrix/py.typed",
        "comatrix/gateway/demo/tied_process.py",
        "comatrix_node/node.py",
        "comatrix_node/sensors/simulated.py",
        "comatrix_lora/__init__.py",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests/", "build/")) or ".cache" in name]


def test_the_base_install_is_small(base: Path) -> None:
    folder = site_packages(base)
    packages = sorted(path.name for path in folder.glob("*.dist-info") if not path.name.startswith(NOT_OURS))
    ours = [path for path in folder.iterdir() if path.name not in NOT_OURS and not path.name.startswith("pip-")]
    files = [file for path in ours for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    print(f"{len(packages)} packages, {megabytes:.1f} MB")
    assert len(packages) <= MOST_PACKAGES, packages
    assert megabytes <= MOST_MEGABYTES


def test_the_command_runs_from_anywhere(base: Path, tmp_path: Path) -> None:
    command = [str(base / "bin" / "comatrix")]
    for words in (["--version"], ["--help"], ["config", "show"], ["decode", "record", "A10019085"], ["demo"]):
        done = subprocess.run(
            [*command, "--home", str(tmp_path / "home"), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if words == ["--version"]:
            assert done.stdout.startswith("comatrix ")
        if words == ["demo"]:
            assert done.returncode == 1 and "pip install" in done.stderr, done.stderr


def test_an_editable_install_compiles_what_goes_on_a_board(source: Path, tmp_path: Path) -> None:
    """As README and start.md have it: the sources stay where they are."""
    venv.create(tmp_path / "cx", with_pip=False)
    python = str(tmp_path / "cx" / "bin" / "python")
    pip("--python", python, "install", "--editable", f"{source}[flash]")
    compiled = "from comatrix.gateway.cli import node_set; print(len(node_set.compiled_set('udp', None)))"
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", compiled], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 10
    assert (source / "build" / "firmware" / "package.json").exists()


async def test_an_idle_gateway_of_the_base_install_is_small_in_memory(
    base: Path, synapse: LoopbackSynapse, tmp_path: Path
) -> None:
    real_micropython()
    stage = Stage(tmp_path, print, synapse, python=str(base / "bin" / "python"))
    try:
        await stage.open_homeserver()
        room = (await stage.create_room("memory"))["room_id"]
        await stage.start_gateway()
        configuration = await stage.provision("garden", room, post="every", interval_s=1)
        await asyncio.sleep(3)  # it has synced by then
        idle = rss_kib(stage.gateway_pid)
        node = await stage.start_node("garden", configuration, POST_MANY.format(count=30))
        assert await asyncio.wait_for(node.wait(), 30) == 0, node.output()
        await wait_for(stage, room, 30, 20)
        busy = rss_kib(stage.gateway_pid)
        print(f"idle {idle} KiB, after 30 readings {busy} KiB")
        assert idle <= MOST_IDLE_KIB
        assert busy <= MOST_IDLE_KIB + 2_000
    finally:
        await stage.close()
        check_log(stage)
