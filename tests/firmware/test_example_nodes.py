"""Complete nodes, run for hours of virtual time against the gateway's receiving side: their readings arrive there."""

import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec.words import scaled
from tests.support.micropython import ROOT
from tests.support.node_bench import Bench

EXAMPLES = ROOT / "firmware" / "micropython" / "examples"
HOUR_MS = 3_600_000


class Pin:
    IN = OUT = PULL_UP = 1
    log: list[tuple[int, int]] = []

    def __init__(self, number: int, *modes: int) -> None:
        self.number, self.level = number, 1

    def value(self, to: int | None = None) -> int:
        if to is not None:
            self.level = to
            self.log.append((self.number, to))
        return self.level


class Adc:
    def __init__(self, pin: Pin) -> None: ...

    def read_u16(self) -> int:
        return 52428  # 80 % of full scale: dry soil


class I2c:
    def __init__(self, bus: int, scl: Pin, sda: Pin) -> None: ...

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        return b"\x60" + bytes(count - 1)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None: ...


def module(**names: Any) -> Any:
    made = types.ModuleType("board")
    made.__dict__.update(names)
    return made


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Its node is what a program's `Node()` makes; running it lets two hours and a half pass."""
    made = Bench()
    Pin.log.clear()

    class Program:
        def __init__(self) -> None:
            self.node = made.boot(interval_s=60)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.node, name)

        def run(self) -> None:
            made.run(self.node, 2 * HOUR_MS + HOUR_MS // 2)

        run_once = run
        schema = staticmethod(lambda fields: None)  # of a link this bench has not

    pins = {"SCL": 1, "SDA": 2, "ADC": 3, "BATTERY": 4, "RELAY": 5, "DOOR": 6}
    for name, board in (
        ("machine", module(Pin=Pin, ADC=Adc, I2C=I2c)),
        ("pins", module(**pins)),
        ("esp32", module(wake_on_ext0=lambda pin, level: None)),
        ("time", module(**{**vars(sys.modules["time"]), "sleep": lambda seconds: None})),
        ("comatrix_node.node", module(Node=Program)),
    ):
        monkeypatch.setitem(sys.modules, name, board)
    return made


@pytest.mark.parametrize(
    ("name", "word", "count"),
    [
        ("weather_station.py", "temperature", 30),
        ("plant_watering.py", "soil-moisture", 5),
        ("door_contact.py", "contact", 3),
        ("soil_lora.py", "battery", 3),
    ],
)
def test_a_complete_node_is_heard_at_its_pace(bench: Bench, name: str, word: str, count: int) -> None:
    runpy.run_path(str(Path(EXAMPLES / name)))
    number = scaled(word, 1)[0]
    assert sum(number in one for one in bench.readings()) == count


def test_the_pump_runs_where_the_soil_is_dry_and_stops(bench: Bench) -> None:
    runpy.run_path(str(EXAMPLES / "plant_watering.py"))
    assert Pin.log == [(5, 1), (5, 0)] * 5
