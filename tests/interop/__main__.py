"""`make interop`: runs the tests of matrix.py, prints who was spoken with, what passed, and why some did not run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.matrix import PEERS, Seen, table

HERE = Path(__file__).parent
PROGRAMS = {"coap-client-notls": "libcoap3-bin", "coap-server-gnutls": "libcoap3-bin", "openssl": "openssl"}


def install() -> None:
    """What Debian has of the peers, where this account may install it; else what to type."""
    missing = sorted({package for name, package in PROGRAMS.items() if shutil.which(name) is None})
    if not missing:
        return
    command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None or subprocess.run(command, check=False).returncode:
        print(f"Not spoken with: what needs {', '.join(missing)}. Next: sudo apt-get install {' '.join(missing)}")


def main() -> int:
    """pytest's exit code."""
    install()
    seen = Seen()
    elsewhere = [str(HERE.parent / row.folder / row.file) for row in PEERS if row.folder != HERE.name]
    code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:], str(HERE), *elsewhere], plugins=[seen])
    print(table(seen, PEERS))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
