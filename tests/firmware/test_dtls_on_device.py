"""DTLS inside a real MicroPython: a whole node on a socket, its heap, and the very datagrams CPython sends."""

import hashlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dtls_bench import PSK, DtlsBench
from tests.support.dtls_scripted import ScriptedServer
from tests.support.dtls_world import DtlsWorld
from tests.support.micropython import run_script

NODE = """
import gc, sys
gc.collect()
print("before", gc.mem_alloc())
from comatrix_node.node import Node
node = Node()
most = 0
for value in range(int(sys.argv[1])):
    node.post({"temperature": value / 100, "humidity": 45.2})
    while node.pending():
        node.step(100)
        most = max(most, gc.mem_alloc())
gc.collect()
print("after", gc.mem_alloc(), "of", gc.mem_alloc() + gc.mem_free())
print("delivered", node.delivered, "handshakes", node.link.handshakes)
node.link.close()
"""


class SocketGateway:
    """A DtlsWorld on a real socket; time is real, nothing is lost."""

    def __init__(self) -> None:
        self.world = DtlsWorld()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.05)
        self.port: int = self.socket.getsockname()[1]
        self.stopped = False
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.stopped:
            try:
                data, address = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            self.world.now = time.monotonic_ns() // 1_000_000
            self.world.receive(data)
            for datagram in self.world.take():
                self.socket.sendto(datagram, address)


@pytest.fixture
def gateway() -> Iterator[SocketGateway]:
    made = SocketGateway()
    made.thread.start()
    yield made
    made.stopped = True
    made.thread.join()
    made.socket.close()


def config(port: int, folder: Path, **more: Any) -> None:
    values = {"v": 1, "node": 7, "name": "garden", "enrolment": 1, "gateway": f"127.0.0.1:{port}", "interval_s": 60}
    (folder / "config.json").write_text(json.dumps({**values, "security": "dtls", "psk": PSK.hex(), **more}))


@pytest.mark.parametrize("form", ["sources", "compiled"])
def test_a_node_on_a_board_delivers_in_dtls(
    gateway: SocketGateway, dtls_compiled: Path, tmp_path: Path, form: str
) -> None:
    config(gateway.port, tmp_path)
    path = dtls_compiled if form == "compiled" else None
    printed = run_script(NODE, tmp_path, path=path, arguments=("30",))
    assert printed.splitlines()[-1] == "delivered 30 handshakes 1"
    readings = [body[0] for path, _, body in gateway.world.records if path == "r"]
    assert readings == list(range(30))
    end_s = time.monotonic() + 10
    while not gateway.world.peers[1].closed and time.monotonic() < end_s:
        time.sleep(0.01)  # the last datagram is still to be read, in another thread
    assert gateway.world.peers[1].closed


def test_an_observing_node_on_a_board_registers_in_dtls(
    gateway: SocketGateway, dtls_compiled: Path, tmp_path: Path
) -> None:
    config(gateway.port, tmp_path, observe=True)
    script = """
from comatrix_node.node import Node
node = Node()
node.on_text(print)
for _ in range(10):
    node.step(50)
"""
    run_script(script, tmp_path, path=dtls_compiled)
    assert gateway.world.watch is not None


def test_a_dtls_node_runs_in_a_heap_of_80_kib(gateway: SocketGateway, dtls_compiled: Path, tmp_path: Path) -> None:
    """On 64 bits, where every object is twice the size it has on a board."""
    config(gateway.port, tmp_path)
    printed = run_script(NODE, tmp_path, path=dtls_compiled, arguments=("100",), heap="80k")
    assert printed.splitlines()[-1] == "delivered 100 handshakes 1"


REPLAY = """
import sys
from comatrix_node.crypto import aead
from comatrix_node.dtls import Client
import hashlib, json
from binascii import hexlify, unhexlify

script = json.load(open("script.json"))
numbers = script["random"]
client = Client(b"garden", bytes(range(16)), lambda n: numbers.pop(0), aead)
digest = hashlib.sha256()
client.connect(0)
for now, what, data in script["steps"]:
    if what == "feed":
        client.receive_datagram(unhexlify(data), now)
    elif what == "say":
        client.send(unhexlify(data))
    client.handle_timer(now)
    for datagram in client.datagrams_to_send(now):
        digest.update(datagram)
    while True:
        event = client.next_event()
        if event is None:
            break
        digest.update(type(event).__name__.encode() if script["names"] else b"?")
        digest.update(getattr(event, "data", b""))
print(client.state, hexlify(digest.digest()).decode())
"""


def test_both_interpreters_send_the_same_datagrams(tmp_path: Path) -> None:
    """A handshake with losses, and data with copies, recorded once and played to both."""
    server = ScriptedServer(PSK)
    server.hint = b"which garden?"
    server.finished_pieces = [(7, 5), (0, 7)]
    chance = random.Random(3)
    numbers = [chance.randrange(256) for _ in range(32)]
    bench = DtlsBench(server)
    left = list(numbers)
    bench.client.ours = bytes(left)
    steps: list[tuple[int, str, str]] = []
    original = bench.client.receive_datagram

    bench.client.connect(0)
    bench.never = {0, 2}
    heard: list[tuple[int, bytes]] = []

    def hear(data: bytes, now: int) -> None:
        heard.append((now, data))
        original(data, now)

    bench.client.receive_datagram = hear  # type: ignore[method-assign]
    steps.append((1000, "timer", ""))
    bench.run(10_000)
    assert bench.client.state == 3
    for word in (b"one", b"two"):
        bench.say(word)
    record = server.record(23, b"answer", 1)
    steps = sorted(
        [(now, "feed", data.hex()) for now, data in heard]
        + [(now, "timer", "") for now in range(1000, 10_000, 500)]
        + [(9_990, "say", b"one".hex()), (9_991, "say", b"two".hex()), (9_992, "feed", record.hex())] * 1
        + [(9_993, "feed", record.hex())]
    )
    (tmp_path / "script.json").write_text(json.dumps({"random": numbers, "steps": steps, "names": True}))
    device = run_script(REPLAY, tmp_path).split()
    here = _here(numbers, steps)
    assert device == here
    assert here[0] == "3"


def _here(numbers: list[int], steps: list[tuple[int, str, str]]) -> list[str]:
    from comatrix_node.crypto import aead
    from comatrix_node.dtls import Client

    left = list(numbers)
    client = Client(b"garden", PSK, lambda n: left.pop(0), aead)
    digest = hashlib.sha256()
    client.connect(0)
    for now, what, data in steps:
        if what == "feed":
            client.receive_datagram(bytes.fromhex(data), now)
        elif what == "say":
            client.send(bytes.fromhex(data))
        client.handle_timer(now)
        for datagram in client.datagrams_to_send(now):
            digest.update(datagram)
        while (event := client.next_event()) is not None:
            digest.update(type(event).__name__.encode())
            digest.update(getattr(event, "data", b""))
    return [str(client.state), digest.hexdigest()]


@pytest.mark.parametrize("form", ["sources", "compiled"])
def test_this_micropython_says_whether_it_has_dtls_of_its_own(dtls_compiled: Path, tmp_path: Path, form: str) -> None:
    path = dtls_compiled if form == "compiled" else None
    script = """
import tls
from comatrix_node import security_dtls
print(security_dtls.available(), hasattr(tls.SSLContext, "set_psk_key"))
"""
    found, has = run_script(script, tmp_path, path=path).split()
    assert found == has
