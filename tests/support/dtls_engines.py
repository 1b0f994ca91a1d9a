"""A client and a server's association in memory: what the edge does around an engine, without its sockets."""

import os
from collections.abc import Callable

from comatrix.gateway.edges.dtls.client import Client
from comatrix.gateway.edges.dtls.cookies import Cookies
from comatrix.gateway.edges.dtls.engine import HANDSHAKE, OPEN, Association, Engine
from comatrix.gateway.edges.dtls.hello import is_hello, read_hello_untrusted, verify_request
from comatrix.gateway.edges.dtls.openssl import OpenSslEngine
from tests.support.dtls_client import MemoryClient

Fate = Callable[[bytes], list[bytes]]  # a datagram -> what arrives of it


def straight(datagram: bytes) -> list[bytes]:
    return [datagram]


class Pair:
    """`run()` carries datagrams between both until nothing moves. `largest`: the longest the server sent."""

    def __init__(self, engine: Engine, client: MemoryClient, fate: Fate = straight) -> None:
        self.engine = engine
        self.client = client
        self.fate = fate
        self.cookies = Cookies(os.urandom, 0)
        self.server: Association | None = None
        self.heard: list[bytes] = []  # plaintexts at the server
        self.told: list[bytes] = []  # at the client
        self.largest = 0

    def run(self) -> "Pair":
        self.client.step()
        moved = True
        while moved:
            moved = False
            for datagram in self.client.take():
                for arrived in self.fate(datagram):
                    self._to_server(arrived)
                moved = True
            for datagram in self._from_server():
                for arrived in self.fate(datagram):
                    self.told += self.client.give(arrived)
                moved = True
        return self

    def timers(self) -> None:
        self.client.timer()
        if self.server is not None and self.server.state == HANDSHAKE:
            self.server.handle_timer()

    @property
    def association(self) -> Association:
        assert self.server is not None
        return self.server

    def _to_server(self, datagram: bytes) -> None:
        if self.server is not None:
            self.heard += self.server.receive_datagram(datagram)
        elif is_hello(datagram):
            hello = read_hello_untrusted(datagram)
            if self.cookies.good(b"there", hello, 0):
                self.server = self.engine.accept(datagram)
            else:
                asked = verify_request(hello, self.cookies.make(b"there", hello, 0))
                assert len(asked) <= len(datagram)
                for arrived in self.fate(asked):
                    self.client.give(arrived)

    def _from_server(self) -> list[bytes]:
        if self.server is None:
            return []
        out, self.server.out = self.server.out, []
        self.largest = max([self.largest, *map(len, out)])
        return out


def opened(identity: bytes, key: bytes) -> tuple[Client, Association]:
    """Our own client and our own server, their handshake done."""
    client = Client(identity, key)
    client.begin()
    (hello,) = client.out
    client.out = []
    cookie = Cookies(os.urandom, 0).make(b"there", read_hello_untrusted(hello), 0)
    client.receive_datagram(verify_request(read_hello_untrusted(hello), cookie))
    (hello,) = client.out
    client.out = []
    server = OpenSslEngine({identity: key}.get).accept(hello)
    assert server is not None
    while server.out or client.out:
        out, server.out = server.out, []
        for datagram in out:
            client.receive_datagram(datagram)
        out, client.out = client.out, []
        for datagram in out:
            server.receive_datagram(datagram)
    assert client.state == server.state == OPEN
    return client, server
