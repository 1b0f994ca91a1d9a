"""The load: one socket and one request outstanding a node (NSTART 1), the next as soon as the answer was checked."""

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from comatrix.codec import coap
from comatrix.gateway.bench.conversation import Conversation, WrongAnswerError

RETRY_S = 2.0  # ACK_TIMEOUT of RFC 7252
LIMIT_S = 60.0
MAX_DATAGRAM = 2048
MESSAGE_MASK = 0x30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run. `latencies_ms` sorted; `separate`: answers behind an empty ACK."""

    messages: int
    elapsed_s: float
    latencies_ms: list[float]
    resent: int
    separate: int

    def percentile_ms(self, share: float) -> float:
        """The latency that `share` (0 to 1) of the messages stayed within."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(share * len(self.latencies_ms)))]


class _Node:
    __slots__ = ("begun_s", "conversation", "index", "sent_s", "socket", "until")

    def __init__(self, conversation: Conversation, sock: socket.socket) -> None:
        self.conversation = conversation
        self.socket = sock
        self.index = 0
        self.until = 0
        self.begun_s = self.sent_s = 0.0

    def begin(self) -> None:
        self.begun_s = self.sent_s = time.perf_counter()
        self.socket.send(self.conversation.requests[self.index])

    def send_again(self) -> None:
        self.sent_s = time.perf_counter()
        self.socket.send(self.conversation.requests[self.index])


class Load:
    """Nodes that speak from addresses of their own in 127.1.0.0/16 to the server at `address`."""

    def __init__(
        self, address: tuple[str, int], conversations: Sequence[Conversation], retry_s: float = RETRY_S
    ) -> None:
        self._retry_s = retry_s
        self._nodes: dict[int, _Node] = {}
        self._epoll = select.epoll()
        self._latencies_ms: list[float] = []
        self._resent = self._separate = 0
        for number, conversation in enumerate(conversations, 1):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((node_address(number), 0))
            sock.connect(address)
            sock.setblocking(False)
            self._nodes[sock.fileno()] = _Node(conversation, sock)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """Close the sockets."""
        self._epoll.close()
        for node in self._nodes.values():
            node.socket.close()

    def run(self, messages: int) -> Outcome:
        """Each node sends its next `messages` requests. Raises WrongAnswerError, also when answers stop coming."""
        self._latencies_ms = []
        self._resent = self._separate = 0
        begun_s = time.perf_counter()
        for node in self._nodes.values():
            node.until = node.index + messages
            node.begin()
        self._exchange(begun_s + LIMIT_S)
        elapsed_s = time.perf_counter() - begun_s
        total = messages * len(self._nodes)
        return Outcome(total, elapsed_s, sorted(self._latencies_ms), self._resent, self._separate)

    def _exchange(self, limit_s: float) -> None:
        busy = len(self._nodes)
        nodes = self._nodes
        look_s = time.perf_counter() + self._retry_s
        while busy:
            for fd, _ in self._epoll.poll(self._retry_s / 4):
                node = nodes[fd]
                if not self._received(node):
                    continue
                if node.index < node.until:
                    node.begin()
                else:
                    busy -= 1
            now_s = time.perf_counter()
            if now_s >= look_s:
                look_s = now_s + self._retry_s / 4
                self._resend(now_s)
                if now_s > limit_s:
                    raise WrongAnswerError(f"{busy} nodes still wait for an answer after {LIMIT_S:g} s")

    def _received(self, node: _Node) -> bool:
        """Whether this was the answer node waits for, checked."""
        try:
            answer = node.socket.recv(MAX_DATAGRAM)
        except (BlockingIOError, ConnectionRefusedError):
            return False
        if node.index == node.until:
            return False  # a second answer to its last request
        conversation = node.conversation
        if not answer.startswith(conversation.heads[node.index]):
            later = self._otherwise(node, answer)
            if later is None:
                return False
            answer = later
        conversation.check(node.index, answer)
        self._latencies_ms.append((time.perf_counter() - node.begun_s) * 1000)
        node.index += 1
        return True

    def _otherwise(self, node: _Node, answer: bytes) -> bytes | None:
        """A second answer to a request sent twice, an empty ACK, or a separate answer -> as if it were on the ACK."""
        heads = node.conversation.heads
        if node.index and answer.startswith(heads[node.index - 1]):
            return None
        head = heads[node.index]
        if answer == bytes((0x60, coap.EMPTY)) + head[2:4]:
            self._separate += 1
            return None
        if len(answer) > 4 and answer[0] & MESSAGE_MASK <= coap.NON << 4 and answer[4:5] == head[4:5]:
            if answer[0] & MESSAGE_MASK == coap.CON << 4:
                node.socket.send(bytes((0x60, coap.EMPTY)) + answer[2:4])
            return bytes((answer[0] & ~MESSAGE_MASK | coap.ACK << 4, answer[1])) + head[2:4] + answer[4:]
        raise WrongAnswerError(f"not the answer to request {node.index}: {answer.hex()}")

    def _resend(self, now_s: float) -> None:
        for node in self._nodes.values():
            if node.index < node.until and now_s - node.sent_s > self._retry_s:
                node.send_again()
                self._resent += 1


def node_address(number: int) -> str:
    """The loopback address node `number` speaks from: a plain node is known by it."""
    return f"127.1.{number >> 8}.{number & 255}"
