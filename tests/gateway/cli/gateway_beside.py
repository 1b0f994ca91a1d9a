"""A gateway in a process of its own, beside which commands are typed."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from comatrix.gateway.cli.connection import Place, is_running
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.demo.free_port import free_port

COMMAND = [sys.executable, "-c", "from comatrix.gateway.cli.main import main; main()"]
_PATIENCE_S = 30


@contextmanager
def gateway_beside(home: Path) -> Iterator[int]:
    """Runs it in a `home` that is set up -> its UDP port. It must end well, and without a traceback."""
    port = free_port(socket.SOCK_DGRAM)
    with (home / "comatrix.toml").open("a") as file:
        file.write(f'\n[udp]\nbind = ["127.0.0.1:{port}"]\n')
    gateway = subprocess.Popen([*COMMAND, "--home", str(home), "gateway", "run"], stderr=subprocess.PIPE, text=True)
    try:
        place, until = Place(find_paths(str(home), {}, home), {}), time.monotonic() + _PATIENCE_S
        while not is_running(place):
            assert gateway.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        yield port
    finally:
        gateway.send_signal(signal.SIGTERM)
        said = gateway.communicate(timeout=_PATIENCE_S)[1]
    assert gateway.returncode == 0 and "Traceback" not in said, said
