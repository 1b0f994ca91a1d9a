"""Any k of the 256 fragments of a block give it back."""

import random
from itertools import combinations

import pytest
from comatrix_lora.erasure_code import MAX_FRAGMENTS, coefficient, decode, encode
from comatrix_lora.gf256 import inverse, multiply


def decoded(k: int, size: int, content: bytes, seeds: tuple[int, ...] | list[int]) -> bytes:
    """`content` from its fragments `seeds`, put into slots as `decode` wants them."""
    slots = [seed if seed in seeds else -1 for seed in range(k)]
    for seed in seeds:
        if seed >= k:
            slots[slots.index(-1)] = seed
    block = bytearray(b"".join(encode(content, 0, k, size, seed) for seed in slots))
    decode(block, slots, size)
    return bytes(block)


def is_singular(rows: list[list[int]]) -> bool:
    """By elimination with exchange of rows, independent of the code under test."""
    rows = [row[:] for row in rows]
    for column in range(len(rows)):
        pivot = next((row for row in rows[column:] if row[column]), None)
        if pivot is None:
            return True
        rows.remove(pivot)
        rows.insert(column, pivot)
        for row in rows[column + 1 :]:
            factor = multiply(row[column], inverse(pivot[column]))
            row[:] = [value ^ multiply(factor, other) for value, other in zip(row, pivot, strict=True)]
    return False


@pytest.mark.parametrize(("k", "seeds"), [(1, 256), (2, 64), (3, 20), (4, 13), (5, 11)])
def test_every_choice_of_k_fragments_decodes(k: int, seeds: int) -> None:
    content = bytes(random.Random(k).randbytes(2 * k))
    for chosen in combinations(range(seeds), k):
        assert decoded(k, 2, content, chosen) == content, chosen


@pytest.mark.parametrize("k", [1, 2, 10, 31, MAX_FRAGMENTS])
def test_random_choices_decode(k: int) -> None:
    rng = random.Random(k)
    for _ in range(20):
        content = rng.randbytes(k * 5)
        assert decoded(k, 5, content, rng.sample(range(256), k)) == content


def test_two_by_two_and_random_square_parts_are_never_singular() -> None:
    for a, b in combinations(range(MAX_FRAGMENTS, 256, 3), 2):
        for c, d in combinations(range(0, MAX_FRAGMENTS, 5), 2):
            assert multiply(coefficient(a, c), coefficient(b, d)) != multiply(coefficient(a, d), coefficient(b, c))
    rng = random.Random(1)
    for _ in range(40):
        order = rng.randrange(3, 12)
        columns = rng.sample(range(MAX_FRAGMENTS), order)
        rows = [
            [coefficient(seed, index) for index in columns] for seed in rng.sample(range(MAX_FRAGMENTS, 256), order)
        ]
        assert not is_singular(rows)
    assert is_singular([[1, 2], [multiply(1, 7), multiply(2, 7)]])


def test_the_first_k_fragments_are_the_block_itself() -> None:
    content = bytes(range(40))
    assert b"".join(encode(content, 10, 3, 10, seed) for seed in range(3)) == content[10:]


def test_a_coded_fragment_is_known_to_the_byte() -> None:
    """The code on the air does not change unnoticed: coefficients 1 / 2 and 1 / 3 for seed 2 of a block of 2."""
    assert (coefficient(2, 0), coefficient(2, 1)) == (inverse(2), inverse(3)) == (0x8E, 0xF4)
    assert encode(b"\x01\x00\x01\x01", 0, 2, 2, 2) == bytes([0x8E ^ 0xF4, 0xF4])
