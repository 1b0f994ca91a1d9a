"""The code of one block: systematic, linear over GF(256), with the rows of a Cauchy matrix as coefficients.

A block is k fragments of one size. Fragment `seed` is fragment number `seed` itself where seed < k, else the sum of all
k, number i multiplied by 1 / (seed ^ i). Every square part of a Cauchy matrix is invertible, so *any* k of the 256
fragments give the block back. (Random coefficients fail to in one case of 255, and need a generator on both sides.)
"""

from comatrix_lora.gf256 import add_scaled, inverse, scale

MAX_FRAGMENTS = 32


def coefficient(seed: int, index: int) -> int:
    """What the coded fragment `seed` multiplies fragment `index` by; seed >= k > index, so they differ."""
    return inverse(seed ^ index)


def encode(content: "bytes | bytearray", start: int, k: int, size: int, seed: int) -> bytes:
    """Fragment `seed` of the block of k * size bytes that begins at `start` of `content`."""
    if seed < k:
        return bytes(content[start + seed * size : start + (seed + 1) * size])
    fragment = bytearray(size)
    for index in range(k):
        add_scaled(fragment, 0, content, start + index * size, size, coefficient(seed, index))
    return bytes(fragment)


def decode(block: bytearray, seeds: "list[int]", size: int) -> None:
    """Make `block` what it was, in place. Slot i of it holds fragment seeds[i]; the seeds differ from each other, and a
    seed below their number stands in its own slot."""
    k = len(seeds)
    missing = [slot for slot in range(k) if seeds[slot] != slot]
    for slot in missing:
        for index in range(k):
            if seeds[index] == index:
                add_scaled(block, slot * size, block, index * size, size, coefficient(seeds[slot], index))
    matrix = [bytearray([coefficient(seeds[slot], index) for index in missing]) for slot in missing]
    _eliminate(matrix, block, [slot * size for slot in missing], size)


def _eliminate(matrix: "list[bytearray]", block: bytearray, starts: "list[int]", size: int) -> None:
    """Gauss-Jordan: row r of `matrix` belongs to `size` bytes at starts[r], and becomes row r of the unit matrix."""
    order = len(matrix)
    for pivot in range(order):
        # Leading parts of a Cauchy matrix are Cauchy matrices: the pivot is never 0, no rows are exchanged.
        factor = inverse(matrix[pivot][pivot])
        scale(matrix[pivot], pivot, order - pivot, factor)
        scale(block, starts[pivot], size, factor)
        for row in range(order):
            factor = matrix[row][pivot]
            if row != pivot and factor:
                add_scaled(matrix[row], pivot, matrix[pivot], pivot, order - pivot, factor)
                add_scaled(block, starts[row], block, starts[pivot], size, factor)
