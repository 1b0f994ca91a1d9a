"""Every dependency of the gateway has a wheel for arm64, so that nothing is compiled on a Raspberry Pi.

python -m tests.wheels FOLDER
"""

import subprocess
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64")
PYTHON = "3.11"  # of Raspberry Pi OS 12


def command(folder: str) -> list[str]:
    """pip, told to take wheels alone; Raspberry Pi OS 12 has glibc 2.36, so all of the platforms run there."""
    needed = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    platforms = [word for one in PLATFORMS for word in ("--platform", one)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    return [*pip, "--only-binary=:all:", *platforms, "--python-version", PYTHON, "--dest", folder, *needed]


def main(folder: str) -> int:
    """Downloads them with what they need in turn, and says how many."""
    code = subprocess.run(command(folder), check=False).returncode
    if code == 0:
        wheels = list(Path(folder).glob("*.whl"))
        size = sum(path.stat().st_size for path in wheels)
        print(f"{len(wheels)} packages have wheels for arm64 and Python {PYTHON}: {size / 1e6:.1f} MB")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
