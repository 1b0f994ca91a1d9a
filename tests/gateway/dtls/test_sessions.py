"""The peers of a DTLS socket in virtual time, with real engines in memory: who is let in, who goes, and when."""

import os
from collections.abc import Callable

import pytest

from comatrix.gateway.edges.dtls.hello import RECORD, is_hello, read_hello_untrusted
from comatrix.gateway.edges.dtls.openssl import OpenSslEngine
from comatrix.gateway.edges.dtls.sessions import HANDSHAKE_MS, OF_NODE, PATIENCE_MS, WAIT_MS, Caps, Sessions, SockAddr
from comatrix.gateway.model import SecureAddress
from tests.support.dtls_client import MemoryClient

KEY = b"0123456789abcdef"
HERE: SockAddr = ("192.0.2.7", 40_000)


class Above:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.nodes = {b"garden": 1, b"cellar": 2}
        self.received: list[tuple[bytes, SecureAddress]] = []
        self.away: list[tuple[str, bytes | None]] = []
        self.over: list[SecureAddress] = []
        self.open: list[SecureAddress] = []
        self.allowed = True
        self.hears = True

    def node_of(self, identity: bytes) -> int | None:
        return self.nodes.get(identity) if self.hears else None

    def allows(self, sockaddr: SockAddr, now: int) -> bool:
        return self.allowed

    def turned_away(self, reason: str, sockaddr: SockAddr, identity: bytes | None, now: int) -> None:
        self.away.append((reason, identity))

    def opened(self, addr: SecureAddress, now: int) -> None:
        self.open.append(addr)

    def receive(self, data: bytes, addr: SecureAddress, now: int) -> None:
        self.received.append((data, addr))

    def ended(self, addr: SecureAddress) -> None:
        self.over.append(addr)


class World:
    """Sessions, and clients by their addresses. `run()` until nothing moves."""

    def __init__(self, caps: Caps | None = None) -> None:
        self.above = Above()
        self.now = 1_000
        engine = OpenSslEngine(lambda identity: KEY if identity in self.above.nodes else None)
        self.sessions = Sessions(engine, self.above, caps or Caps(), os.urandom, self.now)
        self.clients: dict[SockAddr, MemoryClient] = {}
        self.told: dict[SockAddr, list[bytes]] = {}

    def client(self, sockaddr: SockAddr = HERE, identity: bytes = b"garden", key: bytes = KEY) -> MemoryClient:
        made = self.clients[sockaddr] = MemoryClient(identity, key)
        made.step()
        return made

    def run(self, fate: Callable[[bytes], bool] = lambda datagram: True) -> None:
        """`fate`: whether a datagram of a client arrives."""
        moved = True
        while moved:
            moved = False
            for sockaddr, client in self.clients.items():
                for datagram in client.take():
                    moved = True
                    if fate(datagram):
                        self.sessions.receive_datagram(datagram, sockaddr, self.now)
            for datagram, sockaddr in self.sessions.datagrams_to_send():
                moved = True
                if sockaddr in self.clients:
                    self.told.setdefault(sockaddr, []).extend(self.clients[sockaddr].give(datagram))

    def joined(self, sockaddr: SockAddr = HERE, identity: bytes = b"garden") -> MemoryClient:
        client = self.client(sockaddr, identity)
        self.run()
        assert client.open
        return client

    def says(self, client: MemoryClient, text: bytes) -> bool:
        """Whether what a client says arrives."""
        client.send(text)
        self.run()
        return any(data == text for data, _ in self.above.received)


def test_a_message_arrives_with_its_node_and_the_answer_goes_back() -> None:
    world = World()
    assert world.says(world.joined(), b"up")
    ((_, addr),) = world.above.received
    assert (addr.node, addr.sockaddr, addr[1][0]) == (1, HERE, "192.0.2.7")
    world.sessions.send(b"down", addr)
    world.run()
    assert world.told[HERE] == [b"down"]


def test_nothing_is_remembered_of_who_has_no_cookie() -> None:
    world = World()
    for port in range(500):
        world.client((f"192.0.2.{port % 250}", 1_000 + port))
    hellos = [(client.take()[0], where) for where, client in world.clients.items()]
    for hello, where in hellos:
        world.sessions.receive_datagram(hello, where, world.now)
    assert (world.sessions.unfinished, len(world.sessions)) == (0, 0)
    answers = world.sessions.datagrams_to_send()
    assert len(answers) == 500
    assert all(len(answer) <= len(hello) for (answer, _), (hello, _) in zip(answers, hellos, strict=True))


def test_a_cookie_is_good_only_where_it_was_sent_to() -> None:
    world = World()
    client = world.client()
    world.sessions.receive_datagram(client.take()[0], HERE, world.now)
    ((asked, _),) = world.sessions.datagrams_to_send()
    client.give(asked)
    (second,) = client.take()
    world.sessions.receive_datagram(second, ("192.0.2.8", 40_000), world.now)
    world.sessions.receive_datagram(second, ("192.0.2.7", 40_001), world.now)
    assert world.sessions.unfinished == 0
    world.sessions.receive_datagram(second, HERE, world.now)
    assert world.sessions.unfinished == 1


def test_a_cookie_is_no_good_after_ten_minutes() -> None:
    world = World()
    client = world.client()
    world.sessions.receive_datagram(client.take()[0], HERE, world.now)
    ((asked, _),) = world.sessions.datagrams_to_send()
    client.give(asked)
    world.sessions.receive_datagram(client.take()[0], HERE, world.now + 600_001)
    assert world.sessions.unfinished == 0


def test_a_peer_that_rebooted_is_served_again_from_the_same_port() -> None:
    world = World()
    world.joined()
    again = world.joined()  # no close_notify went before
    assert world.says(again, b"I am back")
    assert len(world.sessions) == 1
    first, second = world.above.open
    assert world.above.over == [first]
    assert second.association != first.association
    world.sessions.send(b"for the one before", first)
    world.run()
    assert world.told.get(HERE, []) == []


def test_the_live_association_works_until_the_second_handshake_is_finished() -> None:
    world = World()
    first = world.joined()
    second = MemoryClient(b"garden", KEY)
    second.step()
    world.sessions.receive_datagram(second.take()[0], HERE, world.now)
    ((asked, _),) = world.sessions.datagrams_to_send()
    second.give(asked)
    world.sessions.receive_datagram(second.take()[0], HERE, world.now)
    assert world.sessions.unfinished == 1
    world.sessions.datagrams_to_send()
    assert world.says(first, b"still me")
    assert world.above.over == []


def test_an_impostor_who_cannot_finish_takes_nothing_over() -> None:
    """Whoever sees a node's packets can answer for the cookie, but has no key."""
    world = World()
    first = world.joined()
    world.clients[HERE] = impostor = MemoryClient(b"garden", b"x" * 16)
    impostor.step()
    world.run()
    assert world.sessions.unfinished == 1
    world.clients[HERE] = first
    assert world.says(first, b"still me")
    world.now += HANDSHAKE_MS
    world.sessions.handle_timer(world.now)
    assert world.sessions.unfinished == 0
    assert world.says(first, b"and after")


@pytest.mark.parametrize(
    "forged",
    [
        b"\x15\xfe\xfd\0\0\0\0\0\0\0\x63\0\x02\x02\x28",
        b"\x14\xfe\xfd\0\0\0\0\0\0\0\x63\0\x01\x01",
        b"\x16\xfe\xfd\0\0\0\0\0\0\0\x63\0\x0c\x0e" + bytes(11),
        b"\x17\xfe\xfd\0\0\0\0\0\0\0\x63\0\x01\x41",
        b"\x15\xfe\xfd\0\x01\0\0\0\0\0\x63\0\x02\x02\x28",
        b"\x17\xfe\xfd\0\x01\xff\xff\xff\xff\xff\xff\0\x20" + bytes(32),
        b"\x17\xfe\xfd\0\x02\0\0\0\0\0\0\0\x20" + bytes(32),
    ],
)
def test_what_is_forged_for_a_live_association_does_it_no_harm(forged: bytes) -> None:
    world = World()
    client = world.joined()
    world.sessions.receive_datagram(forged, HERE, world.now)
    assert world.above.over == []
    assert world.says(client, b"still here")


def test_hellos_without_a_cookie_do_a_live_association_no_harm() -> None:
    world = World()
    client = world.joined()
    for _ in range(50):
        stranger = MemoryClient(b"garden", KEY)
        stranger.step()
        world.sessions.receive_datagram(stranger.take()[0], HERE, world.now)
    assert world.sessions.unfinished == 0
    world.sessions.datagrams_to_send()
    assert world.says(client, b"still here")


def test_a_late_copy_of_the_hello_begins_nothing() -> None:
    world = World()
    client = world.client()
    seen: list[bytes] = []

    def watched(datagram: bytes) -> bool:
        seen.append(datagram)
        return True

    world.run(watched)
    hello = [datagram for datagram in seen if is_hello(datagram) and read_hello_untrusted(datagram).cookie]
    world.sessions.receive_datagram(hello[0], HERE, world.now)
    assert world.sessions.unfinished == 0
    assert world.says(client, b"as before")


def test_a_client_that_starts_anew_in_the_midst_of_its_handshake_is_served() -> None:
    world = World()
    world.client()
    world.run(lambda datagram: is_hello(datagram))  # its second flight is lost, and it reboots
    assert world.sessions.unfinished == 1
    world.joined()
    assert (world.sessions.unfinished, len(world.sessions)) == (0, 1)


def test_unknown_identities_and_wrong_keys_are_told_once_each() -> None:
    world = World()
    world.client(HERE, b"nobody")
    world.client(("192.0.2.8", 1), b"garden", b"x" * 16)
    world.run()
    for _ in range(3):
        world.sessions.receive_datagram(b"\x16\xfe\xfd\0\x01" + bytes(6) + b"\0\x20" + bytes(32), ("192.0.2.8", 1), 0)
    assert sorted(world.above.away) == [("unknown identity", b"nobody"), ("wrong key", b"garden")]


def test_the_silent_association_makes_room() -> None:
    world = World(Caps(sessions=3))
    clients = [world.joined((f"192.0.2.{n}", 1), [b"garden", b"cellar"][n % 2]) for n in range(3)]
    world.now += 1
    assert world.says(clients[0], b"not silent")
    world.joined(("192.0.2.9", 1), b"cellar")
    assert [addr.sockaddr[0] for addr in world.above.over] == ["192.0.2.1"]
    assert (len(world.sessions), world.sessions.evicted) == (3, 1)
    assert clients[1].error is not None, "it was told"


def test_an_idle_association_ends() -> None:
    world = World(Caps(idle_ms=60_000))
    world.joined()
    world.now += 59_000
    world.sessions.handle_timer(world.now)
    assert len(world.sessions) == 1
    world.now += 11_000
    due = world.sessions.next_deadline(world.now)
    assert due is not None and due <= world.now
    world.sessions.handle_timer(world.now)
    assert len(world.sessions) == 0
    assert [addr.node for addr in world.above.over] == [1]


def test_a_node_has_so_many_associations_and_no_more() -> None:
    world = World()
    for port in range(OF_NODE + 3):
        world.now += 1
        world.joined(("192.0.2.7", 1_000 + port))
    assert len(world.sessions) == OF_NODE
    assert [addr.sockaddr[1] for addr in world.above.over] == [1_000, 1_001, 1_002]


def unfinished(world: World, where: SockAddr) -> None:
    world.client(where)
    world.run(is_hello)


def test_unfinished_handshakes_are_capped_in_all_and_of_one_source() -> None:
    world = World(Caps(handshakes=5, handshakes_of_source=2))
    for port in range(4):
        unfinished(world, ("192.0.2.1", port))
    assert world.sessions.unfinished == 2
    for host in range(2, 10):
        unfinished(world, (f"192.0.2.{host}", 1))
    assert world.sessions.unfinished == 5
    assert world.sessions.put_off == 7
    world.now += HANDSHAKE_MS + WAIT_MS
    world.sessions.handle_timer(world.now)
    assert world.sessions.unfinished == 0
    world.clients.clear()
    world.joined()


def test_all_who_come_at_once_are_served_in_turn_without_a_word_of_theirs_more() -> None:
    world = World(Caps(handshakes=4))
    for host in range(1, 61):
        world.client((f"192.0.2.{host}", 1), [b"garden", b"cellar"][host % 2])
    world.run()
    assert all(client.open for client in world.clients.values())
    assert world.sessions.handshakes == 60
    assert world.sessions.put_off > 0


def test_hellos_that_wait_are_capped() -> None:
    world = World(Caps(handshakes=1))
    unfinished(world, HERE)
    for number in range(3):
        unfinished(world, (f"192.0.2.{10 + number}", 1))
    assert len(world.sessions._waiting) == 3
    for number in range(5_000):
        world.sessions._wait(b"", (f"10.0.{number >> 8}.{number & 255}", 1), b"", world.now)
    assert len(world.sessions._waiting) == 4_096


def test_a_handshake_that_stands_still_makes_room_where_all_places_are_taken() -> None:
    world = World(Caps(handshakes=2))
    for host in (1, 2):
        unfinished(world, (f"192.0.2.{host}", 1))
    world.clients.clear()
    world.now += PATIENCE_MS
    world.joined()


def test_unfinished_handshakes_of_an_ipv6_network_count_together() -> None:
    world = World(Caps(handshakes_of_source=2))
    for host in range(1, 5):
        unfinished(world, (f"2001:db8::{host}", 1))
    assert world.sessions.unfinished == 2


def test_no_handshake_begins_where_too_many_failed() -> None:
    world = World()
    world.above.allowed = False
    unfinished(world, HERE)
    assert (world.sessions.unfinished, world.sessions.put_off) == (0, 1)


def test_a_node_that_lost_its_key_loses_its_associations_and_others_do_not() -> None:
    world = World()
    world.joined()
    other = world.joined(("192.0.2.8", 1), b"cellar")
    world.sessions.drop(1, {b"garden"})
    assert [addr.node for addr in world.above.over] == [1]
    assert world.says(other, b"not I")


def test_a_node_that_is_heard_no_more_when_the_handshake_is_done_is_not_let_in() -> None:
    world = World()
    world.above.hears = False  # its key was asked for a moment ago
    client = world.client()
    world.run()
    assert client.error is not None
    assert world.above.away == [("unknown identity", b"garden")]
    assert len(world.sessions) == 0
    assert world.above.open == []


def test_all_are_told_when_the_gateway_stops() -> None:
    world = World()
    client = world.joined()
    unfinished(world, ("192.0.2.8", 1))
    world.sessions.close()
    world.run()
    assert client.error is not None
    assert (len(world.sessions), world.sessions.unfinished) == (0, 0)


def test_the_socket_is_asked_for_no_timer_while_there_is_nobody() -> None:
    world = World()
    assert world.sessions.next_deadline(world.now) is None
    unfinished(world, HERE)
    assert world.sessions.next_deadline(world.now) == world.now + 100


def test_rubbish_is_counted_and_nothing_else() -> None:
    world = World()
    for data in (b"", b"\0", b"\x16", bytes(RECORD), b"\x40\x01\x12\x34"):
        world.sessions.receive_datagram(data, HERE, world.now)
    assert world.sessions.datagrams_to_send() == []
    assert world.sessions.strays == 5
