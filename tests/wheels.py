"""Every dependency has a wheel for arm64, so that nothing is compiled on a Raspberry Pi; for armv7 all but
cffi, which the Dockerfile compiles.

python -m tests.wheels FOLDER
"""

import subprocess
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
Target = tuple[str, tuple[str, ...], str, tuple[str, ...]]
# Machine, platforms, Python, what is compiled. Raspberry Pi OS 12 has glibc 2.36, python:3.12-slim 2.41 (Debian 13).
ARM64: Target = ("arm64", ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"), "3.11", ())
ARMV7: Target = ("armv7", ("manylinux_2_31_armv7l", "manylinux_2_36_armv7l"), "3.12", ("cffi",))


def command(folder: str, platforms: tuple[str, ...], python: str, packages: list[str], *more: str) -> list[str]:
    """pip, told to take wheels alone."""
    named = [word for one in platforms for word in ("--platform", one)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    return [*pip, "--only-binary=:all:", *named, "--python-version", python, "--dest", folder, *more, *packages]


def main(folder: str) -> int:
    """Downloads them with what they need in turn, and says how many."""
    needed = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    machine, platforms, python, _ = ARM64
    code = subprocess.run(command(folder, platforms, python, needed), check=False).returncode
    if code:
        return code
    wheels = sorted(Path(folder).glob("*.whl"))
    told(machine, python, wheels)
    pinned = ["==".join(wheel.name.split("-")[:2]) for wheel in wheels]
    machine, platforms, python, compiled = ARMV7
    packages = [one for one in pinned if one.split("==")[0] not in compiled]
    armv7 = Path(folder) / machine
    code = subprocess.run(command(str(armv7), platforms, python, packages, "--no-deps"), check=False).returncode
    if code == 0:
        told(machine, python, sorted(armv7.glob("*.whl")), f"; compiled: {', '.join(compiled)}")
    return code


def told(machine: str, python: str, wheels: list[Path], more: str = "") -> None:
    """One line."""
    size = sum(path.stat().st_size for path in wheels)
    print(f"{len(wheels)} packages have wheels for {machine} and Python {python}: {size / 1e6:.1f} MB{more}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
