"""Who is heard how often: each bucket gives what it promises, and nothing here grows with the number of strangers."""

from ipaddress import IPv6Address, IPv6Network

from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.uplink.admission import Admission, Rates, network
from comatrix.gateway.uplink.associations import Address
from comatrix.session.server import Knock

HERE: Address = (0, ("192.0.2.7", 5683))
NEIGHBOUR: Address = (0, ("192.0.2.7", 40_000))
ELSEWHERE: Address = (0, ("198.51.100.1", 5683))


class Door:
    """An admission, and what it told."""

    def __init__(self, **rates: int) -> None:
        self.told: list[Knock] = []
        self.admission = Admission(Rates(**rates), lambda knock, now: self.told.append(knock))

    def fail(self, addr: Address, times: int, now: int = 0) -> int:
        """Failing datagrams, as far as they are looked at -> how many were."""
        looked_at = 0
        for _ in range(times):
            if self.admission.allows_address(addr, now):
                self.admission.failed(addr, now)
                looked_at += 1
        return looked_at


def spoofed(number: int) -> Address:
    return 0, (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 5683)


def test_a_node_has_its_burst_and_then_its_rate() -> None:
    door = Door(node=30, node_burst=5)
    assert [door.admission.allows_node(7, 0) for _ in range(6)] == [0, 0, 0, 0, 0, 2]
    assert door.admission.allows_node(7, 500) == 2
    assert door.admission.allows_node(7, 1_001) == 1
    assert door.admission.allows_node(7, 2_000) == 0  # what was refused cost nothing
    assert door.admission.allows_node(7, 2_000) == 2
    assert [door.admission.allows_node(7, 60_000) for _ in range(6)] == [0, 0, 0, 0, 0, 2]
    assert (door.admission.slowed, {(knock.reason, knock.node) for knock in door.told}) == (5, {("too fast", 7)})


def test_a_node_that_keeps_to_its_rate_is_never_slowed_down() -> None:
    door = Door(node=120, node_burst=1)
    assert not any(door.admission.allows_node(7, now) for now in range(0, 600_000, 500))


def test_one_node_does_not_use_up_anothers_tokens() -> None:
    door = Door(node=1, node_burst=1)
    assert door.admission.allows_node(7, 0) == 0
    assert door.admission.allows_node(7, 0) == 60
    assert door.admission.allows_node(8, 0) == 0


def test_an_address_that_fails_too_often_is_dropped_until_tokens_come_back() -> None:
    door = Door(address=60, address_burst=10)
    assert door.fail(HERE, 50) == 10
    assert door.admission.dropped == 40
    assert {(knock.reason, knock.addr) for knock in door.told} == {("dropped", HERE)}
    assert door.fail(HERE, 50, 3_000) == 3
    assert door.fail(NEIGHBOUR, 1, 3_000) == 0  # the same IPv4 address
    assert door.fail(ELSEWHERE, 1, 3_000) == 1
    assert door.fail(HERE, 50, 60_000) == 10


def test_the_whole_half_of_an_ipv6_address_counts_as_one() -> None:
    door = Door(address=60, address_burst=10)
    assert sum(door.fail((0, (f"2001:db8::{number:x}", 5683)), 1) for number in range(50)) == 10
    assert door.fail((0, ("2001:db8:0:1::1", 5683)), 50) == 10
    assert sum(door.fail((0, (f"fe80::{number:x}", 5683)), 1) for number in range(50)) == 50  # neighbours on one link


def test_the_exact_address_a_node_was_heard_at_is_always_heard() -> None:
    door = Door(address=60, address_burst=10)
    door.admission.proved(HERE, 0)
    assert door.fail(NEIGHBOUR, 50) == 10
    assert door.fail(HERE, 50) == 50
    assert not door.admission.allows_address(NEIGHBOUR, 0)
    assert not door.admission.allows_address((1, HERE[1]), 0)  # another listener is another address


def test_known_addresses_are_bounded_and_the_ones_in_use_stay() -> None:
    door = Door(addresses=100, address=1, address_burst=1)
    for number in range(5_000):
        door.admission.proved(spoofed(number), number * 1_000)
        door.admission.proved(HERE, number * 1_000)
    assert len(door.admission._known) == 100
    door.fail(NEIGHBOUR, 1, 5_000_000)
    assert door.admission.allows_address(HERE, 5_000_000)
    assert not door.admission.allows_address(NEIGHBOUR, 5_000_000)


def test_strangers_beyond_the_table_share_one_bucket() -> None:
    door = Door(addresses=100, address=60, address_burst=10, crowd=6_000)
    assert sum(door.fail(spoofed(number), 1) for number in range(10_000)) == 100 + 100
    assert len(door.admission._strangers) == 100
    assert door.admission.allows_address(spoofed(5), 0)  # it has a bucket of its own
    assert sum(door.fail(spoofed(number), 1, 500) for number in range(20_000, 30_000)) == 50
    # A token comes back in a second: then the strangers of before make room for new ones.
    assert sum(door.fail(spoofed(number), 1, 1_000) for number in range(30_000, 30_100)) == 100
    assert len(door.admission._strangers) == 100


def test_answers_to_strangers_are_bounded_all_together() -> None:
    door = Door(answers=600)
    answered = sum(door.admission.failed(spoofed(number), number) for number in range(60_000))
    assert answered == 10 + 599
    assert door.admission.unanswered == 60_000 - answered


def test_strangers_cannot_use_up_the_answers_of_a_known_address() -> None:
    door = Door(answers=600, address=60, address_burst=10)
    door.admission.proved(HERE, 0)
    for number in range(1_000):
        door.admission.failed(spoofed(number), 0)
    assert [door.admission.failed(HERE, 0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert door.admission.repeated(HERE, 0)
    assert not door.admission.repeated(spoofed(5), 0)


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_the_network_of_an_ipv6_address_is_its_upper_half(address: IPv6Address) -> None:
    if address.is_link_local or address.ipv4_mapped:
        return
    assert IPv6Network(network(str(address))) == IPv6Network((int(address) >> 64 << 64, 64))


@given(st.lists(st.sampled_from(["0", "1", "db8", "ffff"]), min_size=8, max_size=8).map(":".join))
def test_zeros_left_out_are_counted(text: str) -> None:
    address = IPv6Address(text)
    assert network(str(address)) == network(str(IPv6Address((int(address) >> 64 << 64) + 0x1234_0000_0000_0001)))


def test_an_ipv4_address_is_itself_also_on_a_listener_for_both() -> None:
    assert network("192.0.2.7") == network("::ffff:192.0.2.7") == "192.0.2.7"
    assert network("fe80::1%wlan0") == "fe80::1%wlan0"
