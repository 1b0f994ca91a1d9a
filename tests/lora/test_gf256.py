"""GF(256) is a field, and its tables agree with the definition."""

import pytest
from comatrix_lora.gf256 import POLYNOMIAL, add_scaled, inverse, multiply, scale

BYTES = range(256)


def slow_product(a: int, b: int) -> int:
    """The product of two polynomials over GF(2), reduced bit by bit."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= POLYNOMIAL << bit - 8
    return product


TABLE = [[slow_product(a, b) for b in BYTES] for a in BYTES]


def test_every_product_is_that_of_the_polynomials() -> None:
    assert [[multiply(a, b) for b in BYTES] for a in BYTES] == TABLE


def test_multiplication_commutes_and_has_one_and_inverses() -> None:
    assert all(TABLE[a][b] == TABLE[b][a] for a in BYTES for b in BYTES)
    assert TABLE[1] == list(BYTES)
    assert all(multiply(a, inverse(a)) == 1 for a in BYTES if a)
    assert all(TABLE[a][b] for a in BYTES for b in BYTES if a and b)
    with pytest.raises(ZeroDivisionError):
        inverse(0)


@pytest.mark.slow
def test_multiplication_is_associative_and_distributive_for_all_triples() -> None:
    products = [bytes(row) for row in TABLE]
    for a in BYTES:
        row = products[a]
        for b in BYTES:
            # Both laws for all c at once: (ab)c = a(bc), a(b + c) = ab + ac.
            assert products[row[b]] == products[b].translate(row)
            assert [row[b ^ c] for c in BYTES] == [row[b] ^ value for value in row]


def test_a_row_is_added_where_it_belongs_and_nowhere_else() -> None:
    source = bytes(BYTES)
    for factor in (0, 1, 2, 0x53, 255):
        target = bytearray(b"\xaa" * 260)
        add_scaled(target, 3, source, 1, 255, factor)
        assert bytes(target[:3] + target[258:]) == b"\xaa" * 5
        assert list(target[3:258]) == [0xAA ^ TABLE[factor][value] for value in range(1, 256)]


def test_a_row_is_added_within_one_buffer() -> None:
    buffer = bytearray([1, 2, 3, 4])
    add_scaled(buffer, 0, buffer, 2, 2, 7)
    assert list(buffer) == [1 ^ TABLE[7][3], 2 ^ TABLE[7][4], 3, 4]
    add_scaled(buffer, 2, buffer, 0, 2, 1)
    assert list(buffer[2:]) == [3 ^ buffer[0], 4 ^ buffer[1]]


def test_a_part_is_scaled() -> None:
    buffer = bytearray([9, 0, 3, 9])
    scale(buffer, 1, 2, 200)
    assert list(buffer) == [9, 0, TABLE[200][3], 9]
