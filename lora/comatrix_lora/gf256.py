"""Arithmetic in GF(256), by tables. Addition and subtraction are both `^`.

Bytes are polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1, as in most Reed-Solomon codes.
"""

POLYNOMIAL = 0x11D


def _tables() -> "tuple[bytearray, bytearray]":
    powers, logarithms = bytearray(510), bytearray(256)
    value = 1
    for exponent in range(255):
        # Written twice, so that a sum of two logarithms needs no modulo.
        powers[exponent] = powers[exponent + 255] = value
        logarithms[value] = exponent
        value <<= 1
        if value > 255:
            value ^= POLYNOMIAL
    return powers, logarithms


# Powers of 2, which generates the field, and their logarithms (that of 0 stands there unused).
_POWERS, _LOGARITHMS = _tables()


def multiply(a: int, b: int) -> int:
    """The product of two bytes."""
    return _POWERS[_LOGARITHMS[a] + _LOGARITHMS[b]] if a and b else 0


def inverse(a: int) -> int:
    """What times `a` is 1. Raises ZeroDivisionError for 0."""
    if not a:
        raise ZeroDivisionError("0 has no inverse")
    return _POWERS[255 - _LOGARITHMS[a]]


def add_scaled(
    target: bytearray, target_start: int, source: "bytes | bytearray", source_start: int, size: int, factor: int
) -> None:
    """Add `factor` times `size` bytes of `source` to those of `target`, in place; the two may be one buffer."""
    if not factor:
        return
    powers, logarithms = _POWERS, _LOGARITHMS
    shift = logarithms[factor]
    offset = target_start - source_start
    for position in range(source_start, source_start + size):
        value = source[position]
        if value:
            target[position + offset] ^= powers[logarithms[value] + shift]


def scale(target: bytearray, start: int, size: int, factor: int) -> None:
    """Multiply `size` bytes by `factor`, in place."""
    for position in range(start, start + size):
        target[position] = multiply(target[position], factor)
