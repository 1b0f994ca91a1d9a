"""An address is proven by what was sent there and came back from there, in time, and once."""

from random import Random

import pytest

from comatrix.gateway.uplink.address_proof import LIFETIME_MS, SIZE, AddressProof

HERE = (0, ("192.0.2.7", 5683))
THERE = (0, ("192.0.2.7", 5684))
OTHER_LISTENER = (1, ("192.0.2.7", 5683))


@pytest.fixture
def proof() -> AddressProof:
    return AddressProof(Random(1).randrange)


def test_what_comes_back_in_time_proves_the_address(proof: AddressProof) -> None:
    echo = proof.challenge(7, HERE, 0)
    assert len(echo) == SIZE
    assert not proof.proven(7, HERE)
    assert proof.check(7, HERE, echo, LIFETIME_MS - 1)
    assert proof.proven(7, HERE)


def test_what_comes_too_late_does_not(proof: AddressProof) -> None:
    assert not proof.check(7, HERE, proof.challenge(7, HERE, 0), LIFETIME_MS)
    assert not proof.proven(7, HERE)


@pytest.mark.parametrize("addr", [THERE, OTHER_LISTENER])
def test_another_port_or_listener_is_another_address(proof: AddressProof, addr: tuple[int, tuple[str, int]]) -> None:
    echo = proof.challenge(7, HERE, 0)
    assert not proof.check(7, addr, echo, 1)
    assert proof.check(7, HERE, echo, 1)
    assert not proof.proven(7, addr)


def test_a_value_is_one_nodes_and_serves_once(proof: AddressProof) -> None:
    echo = proof.challenge(7, HERE, 0)
    assert not proof.check(8, HERE, echo, 1)
    assert proof.check(7, HERE, echo, 1)
    assert not proof.check(7, HERE, echo, 2)


def test_only_the_newest_value_of_a_node_counts(proof: AddressProof) -> None:
    first, second = proof.challenge(7, HERE, 0), proof.challenge(7, HERE, 1)
    assert first != second
    assert not proof.check(7, HERE, first, 2)
    assert proof.check(7, HERE, second, 2)


@pytest.mark.parametrize("echo", [b"", bytes(SIZE), bytes(40)])
def test_a_guess_proves_nothing_and_costs_nothing(proof: AddressProof, echo: bytes) -> None:
    value = proof.challenge(7, HERE, 0)
    assert not proof.check(7, HERE, echo, 1)
    assert proof.check(7, HERE, value, 1)


def test_a_node_is_proven_to_be_in_one_place(proof: AddressProof) -> None:
    for addr in (HERE, THERE):
        assert proof.check(7, addr, proof.challenge(7, addr, 0), 1)
    assert (proof.proven(7, HERE), proof.proven(7, THERE)) == (False, True)
