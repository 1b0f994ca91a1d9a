"""The servers under test, each a process of its own on loopback that dies with this one."""

import importlib.util
import json
import os
import secrets
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from comatrix.codec import coap
from comatrix.codec.option_numbers import URI_PATH
from comatrix.gateway.aead import aead
from comatrix.gateway.bench import slow_disk
from comatrix.gateway.bench.ingest_server import DATABASE
from comatrix.gateway.bench.load import node_address
from comatrix.gateway.demo import tied_process
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.edges.store import contexts, dtls_keys, nodes, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import GatewayError
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id

START_S = 20.0
LIBCOAP = "coap-server-notls"
LIBCOAP_DTLS = "coap-server-openssl"


@dataclass(slots=True)
class Subject:
    """A running server. `contexts`: OSCORE as node 1, 2, ... has it; None: plain CoAP."""

    process: "subprocess.Popen[bytes]"
    address: tuple[str, int]
    contexts: list[oscore.Context] | None

    def stop(self) -> None:
        """End it by its pid: politely, then by force."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server to measure. `missing()`: why it cannot be, in words, or ""; `start(folder, nodes)` runs it."""

    name: str
    secured: bool
    durable: bool
    start: Callable[[Path, int], Subject]
    missing: Callable[[], str] = lambda: ""


def start_comatrix(
    folder: Path, count: int, *, secured: bool, profile: Path | None = None, sync_delay_ms: int = 0
) -> Subject:
    """The gateway's ingest path with `count` nodes in a new database. `sync_delay_ms`: on a slower disk."""
    keys: list[oscore.Context] = []
    with Store.open(folder / DATABASE, 0) as store:
        room = store.write(lambda connection: rooms.add(connection, "!bench:localhost"))
        for number in range(1, count + 1):
            keys.append(_provision(store, number, room.id, secured))
    arguments = [str(folder), "oscore" if secured else "plain", *([str(profile)] if profile else [])]
    slower = slow_disk.environment(folder, sync_delay_ms) if sync_delay_ms else {}
    process, port = _python_server("comatrix.gateway.bench.ingest_server", arguments, folder, slower)
    return Subject(process, ("127.0.0.1", port), keys if secured else None)


def _provision(store: Store, number: int, room: int, secured: bool) -> oscore.Context:
    secret = secrets.token_bytes(16)
    security = "oscore" if secured else "plain"
    address = None if secured else node_address(number)
    store.write(
        lambda connection: nodes.add(connection, f"n{number}", room, now_ms=0, security=security, address=address)
    )
    if secured:
        store.write(lambda connection: contexts.add(connection, number, "u", secret))
    return Keys(secret, node_id(number), b"", aead).context()


def start_dtls(folder: Path, count: int, key: bytes) -> Subject:
    """The gateway's ingest path over DTLS, with nodes n1, n2, ... that share a key."""
    with Store.open(folder / DATABASE, 0) as store:
        store.write(lambda connection: _provision_dtls(connection, count, key))
    process, port = _python_server("comatrix.gateway.bench.ingest_server", [str(folder), "dtls"], folder)
    return Subject(process, ("127.0.0.1", port), None)


def _provision_dtls(connection: sqlite3.Connection, count: int, key: bytes) -> None:
    room = rooms.add(connection, "!bench:localhost")
    for number in range(1, count + 1):
        nodes.add(connection, f"n{number}", room.id, now_ms=0, security="dtls")
        dtls_keys.add(connection, number, b"n%d" % number, key)


def start_libcoap_dtls(folder: Path, count: int, key: bytes) -> Subject:
    """libcoap's example server with a pre-shared key: any identity may come."""
    program = shutil.which(LIBCOAP_DTLS)
    assert program is not None
    port = free_port(socket.SOCK_DGRAM)
    command = [program, "-A", "127.0.0.1", "-p", str(port), "-k", key.decode(), "-d", "100", "-v", "0"]
    process = _spawn(command, folder)
    time.sleep(0.5)
    return Subject(process, ("127.0.0.1", port + 1), None)  # coaps is one above


def start_aiocoap(folder: Path, count: int, *, secured: bool) -> Subject:
    """aiocoap's server; its contexts are folders and have no ID Context, which it would want in every request."""
    keys: list[oscore.Context] = []
    for number in range(1, count + 1) if secured else ():
        secret = secrets.token_bytes(16)
        own = folder / f"node{number}"
        own.mkdir()
        settings = {"sender-id_hex": "", "recipient-id_hex": node_id(number).hex(), "secret_hex": secret.hex()}
        (own / "secret.json").write_text(json.dumps(settings))
        keys.append(oscore.Context(secret, node_id(number), b"", None, aead))
    arguments = [str(folder), str(free_port(socket.SOCK_DGRAM))]
    process, port = _python_server("comatrix.gateway.bench.aiocoap_server", arguments, folder)
    return Subject(process, ("127.0.0.1", port), keys if secured else None)


def start_libcoap(folder: Path, count: int) -> Subject:
    """libcoap's example server; a PUT makes the resource that is then posted to."""
    port = free_port(socket.SOCK_DGRAM)
    program = shutil.which(LIBCOAP)
    assert program is not None
    command = [program, "-A", "127.0.0.1", "-p", str(port), "-d", "100", "-v", "0"]
    process = _spawn(command, folder)
    address = ("127.0.0.1", port)
    request = coap.encode(coap.Message(coap.CON, 3, 1, b"\x01", [(URI_PATH, b"r")], b"\xa0"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        probe.settimeout(0.1)
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            try:
                probe.send(request)
                probe.recv(64)
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.05)
            else:
                return Subject(process, address, None)
    process.kill()
    raise GatewayError(f"{LIBCOAP} did not answer")


def on_a_slow_disk(delay_ms: int) -> Contestant:
    """Ours, where each sync takes `delay_ms` longer."""
    return Contestant(
        f"CoMatrix, each sync {delay_ms} ms longer",
        True,
        True,
        lambda folder, count: start_comatrix(folder, count, secured=True, sync_delay_ms=delay_ms),
        slow_disk.missing,
    )


def contestants() -> list[Contestant]:
    """All of them, ours first."""
    return [
        Contestant("CoMatrix", False, True, lambda folder, count: start_comatrix(folder, count, secured=False)),
        Contestant("CoMatrix", True, True, lambda folder, count: start_comatrix(folder, count, secured=True)),
        Contestant(
            "aiocoap", False, False, lambda folder, count: start_aiocoap(folder, count, secured=False), _no_aiocoap
        ),
        Contestant(
            "aiocoap", True, False, lambda folder, count: start_aiocoap(folder, count, secured=True), _no_aiocoap_oscore
        ),
        Contestant("libcoap", False, False, start_libcoap, _no_libcoap),
    ]


def _no_aiocoap() -> str:
    return "" if importlib.util.find_spec("aiocoap") else "not installed: pip install '.[dev]' (in the clone)"


def _no_aiocoap_oscore() -> str:
    absent = [name for name in ("aiocoap", "filelock", "lakers", "cbor2") if importlib.util.find_spec(name) is None]
    return f"not measured, {', '.join(absent)} missing: pip install 'aiocoap[oscore]'" if absent else ""


def _no_libcoap() -> str:
    return "" if shutil.which(LIBCOAP) else "not installed: apt-get install libcoap3-bin"


def _python_server(
    module: str, arguments: list[str], folder: Path, environment: "dict[str, str] | None" = None
) -> "tuple[subprocess.Popen[bytes], int]":
    """Starts it and waits for the port it prints. Raises GatewayError."""
    process = _spawn([sys.executable, "-m", module, *arguments], folder, environment)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if ready else b""
    if not line:
        process.kill()
        process.wait()
        raise GatewayError(f"{module} did not start:\n{(folder / 'server.log').read_text(errors='replace')}")
    return process, int(line)


def _spawn(command: list[str], folder: Path, environment: "dict[str, str] | None" = None) -> "subprocess.Popen[bytes]":
    launcher = [sys.executable, tied_process.__file__, str(os.getpid())]
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
