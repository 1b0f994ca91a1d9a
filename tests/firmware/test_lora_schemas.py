"""Which schema says a reading: the smallest, never one that would lose a value."""

from typing import Any

import pytest
from comatrix_lora.schema import from_list_untrusted
from comatrix_node.lora_schemas import Schemas

from tests.support.lora_bench import LoraBench


def test_climate_is_known_without_being_declared() -> None:
    assert Schemas().split({0: 2150, 1: 455}) == [(0, {0: 2150, 1: 455})]
    assert Schemas().split({0: 2150}) == [(0, {0: 2150})]


def test_declared_schemas_are_numbered_in_order_and_announced_as_flat_lists() -> None:
    schemas = Schemas()
    assert schemas.declare({"soil-moisture": (0, 100, 0.5), "battery": (2, 4.5, 0.05)}) == (
        1,
        [2, 200, 450, 5, 6, 0, 1000, 5],
    )
    assert schemas.declare({"pressure": (900, 1100, 0.1)}) == (2, [3, 9000, 11000, 1])
    assert from_list_untrusted([2, 200, 450, 5, 6, 0, 1000, 5]).size == 2


def test_the_smallest_that_says_all_is_taken() -> None:
    schemas = Schemas()
    schemas.declare({"temperature": (-20, 60, 0.5), "humidity": (0, 100, 1)})
    assert schemas.split({0: 2150, 1: 450}) == [(1, {0: 2150, 1: 450})]
    assert schemas.split({0: 7000, 1: 450}) == [(0, {0: 7000, 1: 450})]  # out of the small one's range


def test_words_of_two_schemas_become_two_readings_and_others_a_record() -> None:
    schemas = Schemas()
    schemas.declare({"soil-moisture": (0, 100, 0.5)})
    assert schemas.split({0: 2150, 1: 450, 6: 415}) == [(0, {0: 2150, 1: 450}), (1, {6: 415})]
    assert schemas.split({0: 2150, 3: 10130}) == []
    assert schemas.split({0: 9999}) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"warmth": (0, 1, 1)}, "unknown word warmth"),
        ({"humidity": (0, 100, 0.3)}, "humidity: low < high"),
        ({"humidity": (100, 0, 1)}, "humidity: low < high"),
        ({"humidity": (0, 100, 0)}, "humidity: low < high"),
        ({}, "1 to 8 words"),
    ],
)
def test_what_is_no_schema_is_told_in_words(fields: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Schemas().declare(fields)


def test_a_schema_after_the_first_reading_is_refused() -> None:
    node = LoraBench().boot()
    node.post({"temperature": 1})
    with pytest.raises(ValueError, match="before the first reading"):
        node.schema({"pressure": (900, 1100, 0.1)})


def test_what_no_schema_says_arrives_as_a_record() -> None:
    bench = LoraBench()
    node = bench.boot()
    node.post({"temperature": 21.5, "pressure": 1013.2})
    node.post({"temperature": 120})
    node.say("hello")
    bench.run(node, 600_000)
    assert bench.gateway.bodies("r") == [{0: 2150, 3: 10132}, {0: 12000}]
    assert bench.gateway.bodies("m") == [["hello"]]


def test_the_description_is_sent_when_asked_and_tells_the_schemas() -> None:
    bench = LoraBench()
    node = bench.boot(lambda node: node.schema({"pressure": (900, 1100, 0.1)}))
    bench.gateway.wants_description = True
    bench.run(node, 60_000)
    node.post({"temperature": 1})
    bench.run(node, 3_600_000)
    assert bench.gateway.bodies("d") == [[[], [], {1: [3, 9000, 11000, 1]}]]
    assert len(bench.gateway.bodies("h")[0][2]) == 4
