"""DTLS servers that are not ours, in processes of their own: libcoap's on OpenSSL and on GnuTLS, OpenSSL's s_server."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from comatrix.gateway.demo.free_port import free_port

LIBCOAP = ("coap-server-gnutls", "coap-server-openssl")
_START_S = 0.3


@contextmanager
def running(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A server, for as long as it is needed. Skips where it is not installed."""
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed (Debian: apt-get install libcoap3-bin openssl)")
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    )
    try:
        time.sleep(_START_S)
        yield process
    finally:
        process.kill()
        process.communicate()


def libcoap(name: str, port: int, key: str) -> tuple[str, ...]:
    """Its DTLS port is one above the plain one."""
    return name, "-A", "127.0.0.1", "-p", str(port - 1), "-k", key, "-h", "which garden?"


def s_server(port: int, *words: str) -> tuple[str, ...]:
    """OpenSSL's, which says what it is given at its standard input and prints what it hears."""
    return "openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-quiet", *words


def psk(key: bytes) -> tuple[str, ...]:
    """What makes `s_server` ask for a pre-shared key."""
    return "-nocert", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0", "-psk", key.hex(), "-psk_hint", "which garden?"


def pair_of_ports() -> int:
    """A port for DTLS, with a free one below it."""
    while True:
        port = free_port(socket.SOCK_DGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as below:
            try:
                below.bind(("127.0.0.1", port - 1))
            except OSError:
                continue
        return port
