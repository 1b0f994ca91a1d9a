"""Functions that read bytes from outside take whatever comes: each has a property here, or this file fails."""

import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.discovery import declared_errors, in_file, untrusted_functions
from tests.fuzz.seeds import seeds
from tests.fuzz.strategies import inputs
from tests.fuzz.targets import EVERY, TARGETS, Target

LARGE = 1 << 16
BOMBS = {
    "nested arrays": b"\x81" * LARGE,
    "nested maps": b"\xa1\x00" * (LARGE // 2),
    "great length": b"\x5b" + b"\xff" * 8,
    "many strings": b"\x98\xff" + b"\x60" * LARGE,
    "zeros": bytes(LARGE),
    "ones": b"\xff" * LARGE,
    "options": b"\x41\x02\x12\x34T" + b"\x11r" * (LARGE // 2),
    "brackets": b"[" * LARGE,
    "objects": b'{"rooms":' * (LARGE // 9),
    "digits": b"9" * LARGE,
    "steps": b"\x00\xff" + b"\x40\x02" * (LARGE // 2),
}
MOST_CPU_S = 1.0
MOST_MEMORY = 64 * LARGE


def of(target: Target) -> str:
    return target.name


def test_every_untrusted_function_has_a_property() -> None:
    found = [one.name for one in untrusted_functions()]
    assert len(found) == len(set(found)), "two of one name: tell them apart"
    assert sorted(found) == sorted(target.name for target in TARGETS)


@pytest.mark.parametrize("target", TARGETS, ids=of)
def test_it_declares_the_errors_it_may_raise(target: Target) -> None:
    (declared,) = [one.errors for one in untrusted_functions() if one.name == target.name]
    assert declared == {error.__name__ for error in target.errors}


@pytest.mark.parametrize("target", EVERY, ids=of)
def test_whatever_comes_it_raises_only_those_and_what_it_decodes_encodes_back(target: Target) -> None:
    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(inputs(target))
    def holds(data: bytes) -> None:
        target.run(data)

    holds()


@pytest.mark.parametrize("target", EVERY, ids=of)
def test_every_vector_and_its_beginnings(target: Target) -> None:
    for layer in target.seeds:
        for seed in seeds(layer):
            for size in {0, 1, len(seed) // 2, len(seed) - 1, len(seed)}:
                target.run(seed[: max(0, size)])


@pytest.mark.parametrize("target", EVERY, ids=of)
def test_no_input_takes_long_or_much(target: Target) -> None:
    tracemalloc.start()
    try:
        for name, bomb in BOMBS.items():
            tracemalloc.reset_peak()
            before, begin = tracemalloc.get_traced_memory()[0], time.process_time()
            target.run(bomb)
            assert time.process_time() - begin < MOST_CPU_S, name
            assert tracemalloc.get_traced_memory()[1] - before < MOST_MEMORY, name
    finally:
        tracemalloc.stop()


def test_a_function_without_a_property_would_be_seen(tmp_path: Path) -> None:
    source = (
        'class A:\n    async def peer_untrusted(self):\n        """Raises RecordError, CborError 4.00. Never XError."""'
    )
    (tmp_path / "peer.py").write_text(source)
    (found,) = in_file(tmp_path / "peer.py")
    assert found.name == "peer.peer_untrusted"
    assert found.errors == {"RecordError", "CborError"}
    assert declared_errors("It never raises.") == frozenset()


def test_two_of_one_name_in_a_file_are_told_apart_by_their_class(tmp_path: Path) -> None:
    body = "\n    def open_untrusted(self): ...\n"
    (tmp_path / "frame.py").write_text(
        f"class A:{body}class B:{body}def open_untrusted(): ...\ndef x_untrusted(): ...\n"
    )
    names = [found.name for found in in_file(tmp_path / "frame.py")]
    assert names == ["frame.A.open_untrusted", "frame.B.open_untrusted", "frame.open_untrusted", "frame.x_untrusted"]


@given(st.binary(max_size=8))
def test_a_target_lets_undeclared_errors_through(data: bytes) -> None:
    def raises(_data: bytes) -> None:
        raise KeyError("undeclared")

    with pytest.raises(KeyError):
        Target("none.none_untrusted", raises, (ValueError,)).run(data)
