"""RFC 8613 Appendix C: keys, nonces, AAD and ciphertexts of both directions, on CPython and on a real MicroPython."""

import json
from pathlib import Path

import pytest

from tests.session import oscore_vectors
from tests.support.micropython import run_script

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc8613_appendix_c.json"
CHECKS = list(oscore_vectors.checks(json.loads(VECTORS.read_text())))


@pytest.mark.parametrize(("name", "what", "got", "expected"), CHECKS, ids=[f"{row[0]} {row[1]}" for row in CHECKS])
def test_the_appendix(name: str, what: str, got: object, expected: object) -> None:
    assert got == expected


def test_nothing_of_the_appendix_is_left_out() -> None:
    assert {row[0] for row in CHECKS} == {f"C.{number}" for number in range(1, 9)}
    assert len(CHECKS) == 3 * 4 + 3 * 8 + 2 * 7


def test_the_appendix_on_micropython(tmp_path: Path) -> None:
    script = Path(oscore_vectors.__file__).read_text()
    assert run_script(script, tmp_path, arguments=(str(VECTORS),)) == f"passed {len(CHECKS)}\n"
