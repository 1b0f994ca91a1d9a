"""A port for a process that is about to start, or to start again."""

import contextlib
import random
import socket

PORTS = (12_000, 30_000)  # below those the kernel gives away (net.ipv4.ip_local_port_range begins at 32768)


def free_port(kind: socket.SocketKind) -> int:
    """A port of loopback nobody has now, and that nobody is given while its owner is dead for a moment."""
    while True:
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(*PORTS)))
            return int(probe.getsockname()[1])
