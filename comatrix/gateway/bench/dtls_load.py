"""The load over DTLS: all nodes shake hands at once, then each has one request out, the next when that is answered."""

import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comatrix.codec import coap
from comatrix.codec.option_numbers import URI_PATH
from comatrix.gateway.bench.conversation import ACK_CHANGED, WrongAnswerError, reading
from comatrix.gateway.bench.dtls_client import ClientContext, DtlsClient
from comatrix.gateway.bench.load import node_address

RETRY_S = 2.0
LIMIT_S = 120.0
JOIN_S = 20.0  # who has no association by then has none
LOOK_S = 0.1  # how often flights and requests that were lost are looked for


@dataclass(frozen=True, slots=True)
class Joined:
    """How many of the nodes have an association, and when the last one had."""

    count: int
    elapsed_s: float


class _Node:
    __slots__ = ("client", "heads", "index", "requests", "sent_s", "socket")

    def __init__(self, client: DtlsClient, sock: socket.socket) -> None:
        self.client = client
        self.socket = sock
        self.requests: list[bytes] = []
        self.heads: list[bytes] = []
        self.index = 0
        self.sent_s = 0.0

    def send(self) -> None:
        self.sent_s = time.perf_counter()
        self.socket.send(self.requests[self.index])


class DtlsLoad:
    """Nodes at addresses of their own, as in load.Load; `identity(number)` of each from 1 on."""

    def __init__(self, address: tuple[str, int], nodes: int, key: bytes, identity: Callable[[int], bytes]) -> None:
        context = ClientContext(key)
        self._epoll = select.epoll()
        self._nodes: dict[int, _Node] = {}
        self.resent = 0
        for number in range(1, nodes + 1):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((node_address(number), 0))
            sock.connect(address)
            sock.setblocking(False)
            self._nodes[sock.fileno()] = _Node(DtlsClient(context, identity(number)), sock)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """Close the sockets."""
        self._epoll.close()
        for node in self._nodes.values():
            node.socket.close()

    def join(self) -> Joined:
        """Every node says hello at once."""
        begun_s = time.perf_counter()
        for node in self._nodes.values():
            _send(node, node.client.shake())
        missing = len(self._nodes)
        look_s = begun_s + LOOK_S
        while missing and time.perf_counter() < begun_s + JOIN_S:
            for fd, _ in self._epoll.poll(LOOK_S):
                missing -= self._shaken(self._nodes[fd])
            if time.perf_counter() >= look_s:
                look_s = time.perf_counter() + LOOK_S
                for node in self._nodes.values():
                    if not node.client.open:
                        _send(node, node.client.timer())
        return Joined(len(self._nodes) - missing, time.perf_counter() - begun_s)

    @staticmethod
    def _shaken(node: _Node) -> bool:
        """Whether this was what was missing to open it."""
        before = node.client.open
        while True:
            try:
                datagram = node.socket.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return node.client.open and not before
            _send(node, node.client.shake(datagram))

    def prepare(self, messages: int, *, nodes: int, stored: bool) -> None:
        """Seal the next `messages` of the first `nodes`: readings, or requests for the time, which nobody stores."""
        for number, node in enumerate(self._first(nodes), 1):
            node.requests, node.heads, node.index = [], [], 0
            for index in range(messages):
                mid = (number * 977 + index + (0 if stored else 30_000)) & 0xFFFF
                token = bytes((index & 0xFF,))
                payload = reading(number, index) if stored else b""
                code, path = (coap.POST, b"r") if stored else (coap.GET, b"t")
                message = coap.Message(coap.CON, code, mid, token, [(URI_PATH, path)], payload)
                node.requests.append(node.client.seal(coap.encode(message)))
                head = ACK_CHANGED if stored else bytes((0x61, coap.CONTENT))
                node.heads.append(head + mid.to_bytes(2, "big") + token)

    def run(self, nodes: int) -> float:
        """All prepared requests of the first `nodes` -> seconds. Raises WrongAnswerError."""
        begun_s = time.perf_counter()
        asked = list(self._first(nodes))
        for node in asked:
            node.send()
        busy = len(asked)
        look_s = begun_s + RETRY_S
        while busy:
            for fd, _ in self._epoll.poll(RETRY_S / 4):
                node = self._nodes[fd]
                if not self._answered(node):
                    continue
                if node.index < len(node.requests):
                    node.send()
                else:
                    busy -= 1
            now_s = time.perf_counter()
            if now_s >= look_s:
                look_s = now_s + RETRY_S / 4
                self._resend(asked, now_s)
                if now_s > begun_s + LIMIT_S:
                    raise WrongAnswerError(f"{busy} nodes still wait for an answer after {LIMIT_S:g} s")
        return time.perf_counter() - begun_s

    def _first(self, nodes: int) -> Sequence[_Node]:
        return list(self._nodes.values())[:nodes]

    @staticmethod
    def _answered(node: _Node) -> bool:
        try:
            answer = node.client.unseal(node.socket.recv(2048))
        except (BlockingIOError, ConnectionRefusedError):
            return False
        if not answer or node.index >= len(node.heads):
            return False
        if not answer.startswith(node.heads[node.index]):
            raise WrongAnswerError(f"not the answer to request {node.index}: {answer.hex()}")
        node.index += 1
        return True

    def _resend(self, asked: Sequence[_Node], now_s: float) -> None:
        for node in asked:
            if node.index < len(node.requests) and now_s - node.sent_s > RETRY_S:
                node.send()
                self.resent += 1


def _send(node: _Node, datagrams: list[bytes]) -> None:
    for datagram in datagrams:
        node.socket.send(datagram)
