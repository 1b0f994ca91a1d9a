"""The boards' pin tables: each row says whence it is, and no pin is asked for what its chip cannot do."""

import re
import tomllib
from dataclasses import dataclass

import pytest

from comatrix.gateway.flashing import pins
from tests.support.micropython import ROOT

BOARDS = ROOT / "firmware" / "micropython" / "boards"
KNOWN = pins.tables(BOARDS)
ROW = re.compile(r"([A-Z][A-Z0-9_]*) = (\d+) +# ([a-z]+)(: .+)?")


@dataclass(frozen=True)
class Chip:
    """`there`: pins it has. `taken`: flash, USB and the console. `analog`: can be measured while Wi-Fi is on.
    `no_pull_up`: and cannot be written either. `wakes`: from deep sleep by their level."""

    there: frozenset[int]
    taken: frozenset[int]
    analog: frozenset[int]
    no_pull_up: frozenset[int] = frozenset()
    wakes: frozenset[int] = frozenset()


def some(*parts: int | range) -> frozenset[int]:
    return frozenset(pin for part in parts for pin in ([part] if isinstance(part, int) else part))


# espressif/esp-idf docs/en/api-reference/peripherals/gpio.rst (its table of each chip), adc_oneshot.rst;
# micropython/micropython docs/esp32/quickref.rst and docs/rp2/quickref.rst.
CHIPS = {
    "esp32": Chip(
        some(range(6), range(12, 20), range(21, 24), range(25, 28), range(32, 40)),
        some(1, 3),
        some(range(32, 40)),
        some(range(34, 40)),
        some(0, 2, 4, range(12, 16), range(25, 28), range(32, 40)),
    ),
    "esp32s3": Chip(
        some(range(22), range(26, 49)), some(19, 20, range(26, 33), 43, 44), some(range(1, 11)), wakes=some(range(22))
    ),
    "esp32c3": Chip(some(range(22)), some(range(11, 18), 18, 19, 20, 21), some(range(5)), wakes=some(range(6))),
    "esp32c6": Chip(some(range(31)), some(12, 13, 16, 17, range(24, 31)), some(range(7)), wakes=some(range(8))),
    "rp2": Chip(some(range(23), range(26, 29)), some(), some(range(26, 29)), wakes=some(range(29))),
}
WRITTEN = ("RELAY", "SCL", "SDA", "DHT", "LED", "VEXT", "LORA_SCK", "LORA_MOSI", "LORA_CS", "LORA_RESET", "LORA_RXEN")


def test_the_boards_people_have_are_there() -> None:
    assert {"esp32", "esp32s3", "esp32c3", "esp32c6", "pico_w"} <= set(KNOWN)
    assert {"t_beam", "t_beam_supreme", "heltec_lora32_v2", "heltec_lora32_v3", "t3_v1_6_1", "t3_s3"} <= set(KNOWN)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_pin_names_the_source_it_is_from(name: str) -> None:
    sources = tomllib.loads((BOARDS / f"{name}.toml").read_text())["sources"]
    for where in sources.values():
        assert re.match(r"[\w-]+/[\w-]+ [\w./-]+", where), where  # repository and path
    lines = (BOARDS / f"{name}.toml").read_text().split("[pins]\n")[1].splitlines()
    rows = [ROW.fullmatch(line) for line in lines]
    assert all(rows), lines
    said = {row[3] for row in rows if row}
    assert said - {"free"} == set(sources)
    assert all(row[4] for row in rows if row and row[3] != "free")  # the name it has there


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_no_pin_is_asked_for_what_its_chip_cannot(name: str) -> None:
    table, chip = KNOWN[name], CHIPS[KNOWN[name].chip]
    wired = table.pins
    assert len(set(wired.values())) == len(wired)
    assert {"SCL", "SDA", "ADC", "BATTERY", "RELAY", "DOOR"} <= set(wired)
    assert set(wired.values()) <= chip.there - chip.taken
    assert {wired["ADC"], wired["BATTERY"]} <= chip.analog
    assert not {wired[one] for one in WRITTEN if one in wired} & chip.no_pull_up
    assert wired["DOOR"] in chip.wakes - chip.no_pull_up
    if "LORA_SCK" in wired:
        assert {"LORA_MOSI", "LORA_MISO", "LORA_CS", "LORA_RESET"} <= set(wired)
        assert "LORA_DIO0" in wired or {"LORA_DIO1", "LORA_BUSY"} <= set(wired)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_module_made_from_a_table_has_its_pins(name: str) -> None:
    names: dict[str, object] = {}
    exec(KNOWN[name].module(), names)
    assert {pin: names[pin] for pin in KNOWN[name].pins} == KNOWN[name].pins
    assert all(where in str(names["__doc__"]) for where in KNOWN[name].sources)


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ("Generic ESP32 module with ESP32", "esp32"),
        ("Generic ESP32 module with SPIRAM with ESP32", "esp32"),
        ("Generic ESP32S3 module with Octal-SPIRAM with ESP32S3", "esp32s3"),
        ("ESP32C3 module with ESP32C3", "esp32c3"),
        ("ESP32C6 module with ESP32C6", "esp32c6"),
        ("LILYGO TTGO LoRa32 with ESP32", "t3_v1_6_1"),
        ("Raspberry Pi Pico 2 W with RP2350", "pico_w"),
        ("Raspberry Pi Pico with RP2040", None),  # it has no Wi-Fi
    ],
)
def test_an_image_of_a_known_board_gets_its_pins(machine: str, name: str | None) -> None:
    found = pins.chosen(KNOWN, None, machine)
    assert (found and found.name) == name
