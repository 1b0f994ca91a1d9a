"""A node's DTLS on real sockets, in a real MicroPython: against our gateway, OpenSSL's s_server, libcoap's servers."""

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comatrix.gateway.demo.free_port import free_port
from tests.support.dtls_gateway import dtls_gateway
from tests.support.dtls_servers import LIBCOAP, libcoap, pair_of_ports, psk, running, s_server
from tests.support.micropython import ROOT, run_script

TALK = (ROOT / "tests" / "support" / "dtls_talk.py").read_text()
PSK = "sixteen byte key"


@pytest.fixture(params=["sources", "compiled"])
def talk(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., list[str]]:
    """Runs dtls_talk.py in MicroPython, once from source and once from the DTLS set; the lines it printed."""
    path = request.getfixturevalue("dtls_compiled") if request.param == "compiled" else None

    def run(*arguments: str) -> list[str]:
        return run_script(TALK, tmp_path, path=path, arguments=arguments, timeout_s=300).splitlines()

    return run


async def test_our_gateway_answers_in_dtls(talk: Callable[..., list[str]], tmp_path: Path) -> None:
    async with dtls_gateway(tmp_path, key=PSK.encode()) as gateway:
        said = await asyncio.to_thread(talk, str(gateway.port), "coap", "1000", "", "t")
    assert said == ["2.05", "2.05", "handshakes 1"]


@pytest.mark.parametrize("name", LIBCOAP)
def test_libcoap_answers_in_dtls(talk: Callable[..., list[str]], name: str) -> None:
    port = pair_of_ports()
    with running(*libcoap(name, port, PSK)):
        assert talk(str(port), "coap") == ["2.05", "2.05", "handshakes 1"]


def test_openssl_hears_and_is_heard(talk: Callable[..., list[str]]) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with running(*s_server(port, *psk(PSK.encode()))) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(b"hello yourself\n")  # it is sent once there is somebody
        assert talk(str(port), "raw") == ["hello yourself", "handshakes 1"]
        assert server.stdout.read(18) == b"hello from a node\n"


class Relay:
    """Between node and server: loses a share of the datagrams both ways, and can make the node come from elsewhere."""

    def __init__(self, port: int, loss: float, seed: int) -> None:
        self.server = ("127.0.0.1", port)
        self.loss = loss
        self.chance = random.Random(seed)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.front.settimeout(0.01)
        self.port: int = self.front.getsockname()[1]
        self.back = self._connected()
        self.node: tuple[str, int] | None = None
        self.stopped = False
        self.thread = threading.Thread(target=self._run)

    def move(self) -> None:
        """From here on the server sees another address."""
        self.back = self._connected()

    def _connected(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.connect(self.server)
        made.settimeout(0.01)
        return made

    def _run(self) -> None:
        while not self.stopped:
            for source, up in ((self.front, True), (self.back, False)):
                try:
                    data, address = source.recvfrom(2048)
                except OSError:
                    continue
                if up:
                    self.node = address
                if self.chance.random() >= self.loss and self.node:
                    self.back.send(data) if up else self.front.sendto(data, self.node)


@contextmanager
def relay(port: int, loss: float = 0.0, seed: int = 0) -> Iterator[Relay]:
    made = Relay(port, loss, seed)
    made.thread.start()
    try:
        yield made
    finally:
        made.stopped = True
        made.thread.join()
        made.front.close()
        made.back.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBCOAP)
@pytest.mark.parametrize("seed", [2, 3])
def test_libcoap_answers_at_40_percent_loss(talk: Callable[..., list[str]], name: str, seed: int) -> None:
    port = pair_of_ports()
    with running(*libcoap(name, port, PSK)), relay(port, 0.4, seed) as between:
        assert talk(str(between.port), "coap", "300").count("2.05") == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBCOAP)
def test_a_server_that_sees_another_address_is_met_anew(talk: Callable[..., list[str]], name: str) -> None:
    """libcoap does not hear a node whose address changed, until that shakes hands."""
    port = pair_of_ports()
    with running(*libcoap(name, port, PSK)), relay(port) as between:
        threading.Timer(1.0, between.move).start()
        assert talk(str(between.port), "coap", "500", "move") == ["2.05", "2.05", "handshakes 2"]
