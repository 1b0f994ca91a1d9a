"""The UDP edge drains its sockets, answers from the socket asked, and keeps the protocol's timers."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from comatrix.gateway.edges.udp import UdpEdge, Verbs
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.uplink.associations import PlainAddress


class Echo:
    """Answers every datagram with itself, at once or when a timer is due."""

    def __init__(self, clock: Callable[[], int], delay_ms: int = 0) -> None:
        self._clock = clock
        self._delay_ms = delay_ms
        self._waiting: list[tuple[int, bytes, PlainAddress]] = []
        self._ready: list[tuple[bytes, PlainAddress]] = []

    def receive(self, data: bytes, addr: PlainAddress, now: int) -> None:
        if self._delay_ms:
            self._waiting.append((now + self._delay_ms, data, addr))
        else:
            self._ready.append((data, addr))

    def datagrams_to_send(self, now: int) -> list[tuple[bytes, PlainAddress]]:
        ready, self._ready = self._ready, []
        return ready

    def next_deadline(self) -> int | None:
        return self._waiting[0][0] if self._waiting else None

    def handle_timer(self, now: int) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, data, addr = self._waiting.pop(0)
            self._ready.append((data, addr))


def milliseconds() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


def opened(binds: list[tuple[str, int]], delay_ms: int = 0) -> UdpEdge:
    edge = UdpEdge(binds, 1_048_576, milliseconds)
    echo = Echo(milliseconds, delay_ms)
    edge.start(Verbs(echo.receive, echo.datagrams_to_send, echo.next_deadline, echo.handle_timer))
    return edge


async def asked(family: int, to: tuple[str, int], count: int = 1) -> list[tuple[bytes, tuple[str, int]]]:
    """Send numbered datagrams at once -> the answers and where they came from."""
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for number in range(count):
            sock.sendto(b"%d" % number, to)
        answers = []
        for _ in range(count):
            data, addr = await asyncio.wait_for(loop.sock_recvfrom(sock, 100), 5)
            answers.append((data, addr[:2]))
        return answers


async def test_each_answer_leaves_by_the_socket_that_was_asked() -> None:
    edge = opened([("127.0.0.1", 0), ("127.0.0.1", 0)])
    try:
        for address in edge.addresses:
            assert await asked(socket.AF_INET, address) == [(b"0", address)]
    finally:
        edge.close()


async def test_more_datagrams_than_one_turn_takes_are_all_read() -> None:
    edge = opened([("127.0.0.1", 0)])
    try:
        answers = await asked(socket.AF_INET, edge.addresses[0], 200)
        assert sorted(int(data) for data, _ in answers) == list(range(200))
        assert (edge.received, edge.sent) == (200, 200)
    finally:
        edge.close()


async def test_a_timer_of_the_protocol_sends_without_a_datagram() -> None:
    edge = opened([("127.0.0.1", 0)], delay_ms=30)
    try:
        assert (await asked(socket.AF_INET, edge.addresses[0]))[0][0] == b"0"
    finally:
        edge.close()


async def test_the_any_address_of_ipv6_takes_ipv4_as_well() -> None:
    edge = opened([("::", 0)])
    try:
        port = edge.addresses[0][1]
        assert (await asked(socket.AF_INET, ("127.0.0.1", port)))[0][0] == b"0"
        assert (await asked(socket.AF_INET6, ("::1", port)))[0][0] == b"0"
    finally:
        edge.close()


async def test_a_port_in_use_is_told_in_words_and_nothing_stays_open() -> None:
    edge = opened([("127.0.0.1", 0)])
    try:
        with pytest.raises(GatewayError, match="cannot listen on UDP") as error:
            UdpEdge([("127.0.0.1", 0), edge.addresses[0]], 65_536, milliseconds)
        assert "comatrix config check" in error.value.next_step
    finally:
        edge.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_what_is_sent_to_a_group_that_somebody_here_is_in_is_not_heard(host: str) -> None:
    group, here = "239.192.7.7", socket.inet_aton("127.0.0.1")
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    edge = UdpEdge([(host, 0)], 65536, lambda: 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member:
        try:
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + here)
            member.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        except OSError:
            edge.close()
            pytest.skip("no groups on this machine's loopback")
        port = edge.addresses[0][1]
        edge.start(
            Verbs(lambda data, addr, now: heard.put_nowait(data), lambda now: [], lambda: None, lambda now: None)
        )
        member.sendto(b"to the group", (group, port))
        member.sendto(b"to us", ("127.0.0.1", port))
        assert await asyncio.wait_for(heard.get(), 5) == b"to us"
        edge.close()
