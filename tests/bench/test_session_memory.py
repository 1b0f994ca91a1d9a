"""Sessions whose memory is measured stand and carry a record, on the wheel's OpenSSL and on the system's."""

import pytest

from comatrix.gateway.bench.session_memory import System, kib_each, wheel


def test_a_session_of_ours_takes_less_than_120_kib() -> None:
    assert kib_each(wheel(), 100) < 120


def test_so_does_one_on_the_system_s_libssl() -> None:
    try:
        system = System()
    except OSError as error:
        pytest.skip(str(error))
    assert system.version.startswith("OpenSSL ")
    assert kib_each(system.make, 100) < 120
