"""The examples and the documentation's programs are short, and a device can run them."""

import re
from pathlib import Path

import pytest

from tests.support.device_syntax import violations
from tests.support.micropython import ROOT, run_script

EXAMPLES = sorted((ROOT / "firmware" / "micropython" / "examples").glob("*.py"))
PAGE = (ROOT / "docs" / "howto" / "write-a-sensor.md").read_text()
OBEYS = (ROOT / "docs" / "howto" / "obey-commands.md").read_text()

# A node that remembers what it was given, in place of the one that waits for a network.
NODE = """
class Node:
    def sensor(self, word=None, every_s=None):
        def register(read):
            reading = read()
            period = getattr(every_s, "value", every_s)
            print(word, period, sorted(reading.items()) if isinstance(reading, dict) else reading)
            return read
        return register
    def setting(self, name, unit="", low=None, high=None, digits=0, default=None, on_change=None):
        class Setting:
            value = default
        return Setting()
    def method(self, name, *parameters):
        def register(call):
            print(name, parameters, call(*[one[2] for one in parameters]))
            return call
        return register
    def schema(self, fields):
        print(sorted(fields))
    def on_text(self, show):
        show("a text")
        return show
    def run(self):
        print("runs")
    run_once = run
"""
PINS = """
SCL = SDA = ADC = BATTERY = RELAY = DOOR = 4
"""
ESP32 = """
def wake_on_ext0(pin, level):
    print("wakes at", level)
"""
BOARD = """
class Pin:
    IN = OUT = PULL_UP = 1
    def __init__(self, number, *modes):
        pass
    level = 1
    def value(self, to=None):
        if to is not None:
            self.level = to
        return self.level
class ADC:
    ATTN_11DB = 3
    def __init__(self, pin, atten=None):
        pass
    def read_uv(self):
        return 1990000
    def read_u16(self):
        return 32768
class I2C:
    def __init__(self, bus, scl, sda):
        pass
    def readfrom_mem(self, address, register, n):
        return b"\\x60" + bytes(n - 1)
    def writeto_mem(self, address, register, data):
        pass
"""
DHT = """
class DHT22:
    def __init__(self, pin):
        pass
    def measure(self):
        pass
    def temperature(self):
        return 21.5
    def humidity(self):
        return 40.5
"""
EXPECTED = {
    "simulated_station.py": "weather 60 [",
    "dht22_station.py": "air 300 [('humidity', 40.5), ('temperature', 21.5)]",
    "bme280_station.py": "air 300 [('humidity', ",
    "relay_station.py": "soil-moisture 600 49.99923704890517\npump (('on', '', 0, 1),) 0\na text",
    "lora_station.py": "['battery', 'soil-moisture']\nweather 600 [",
    "weather_station.py": "air 300 [('humidity', ",
    "door_contact.py": "wakes at 0\ncontact 3600 1",
    "soil_lora.py": "['battery', 'soil-moisture']\nsoil 3600 [('battery', 3.3000",
    "plant_watering.py": "water (('seconds', 's', 1, 20),) 0\nsoil-moisture 1800 49.99",
    "battery.py": "supply 3600 [('battery', 3.98)]\ncontact 60 1",
}


def on_a_board(program: str, folder: Path) -> str:
    """What `program` prints on a board of the test's own, with the real sensors and a node that runs nothing."""
    lib = folder / "lib"
    (lib / "comatrix_node").mkdir(parents=True)
    (lib / "comatrix_node" / "node.py").write_text(NODE)
    (lib / "comatrix_node" / "sensors").symlink_to(ROOT / "firmware" / "micropython" / "comatrix_node" / "sensors")
    for name, text in (("machine", BOARD), ("dht", DHT), ("pins", PINS), ("esp32", ESP32)):
        (lib / f"{name}.py").write_text(text)
    return run_script(program, folder, path=lib)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_runs(path: Path, tmp_path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= 30
    assert violations(source) == []
    printed = on_a_board(source, tmp_path)
    assert printed.startswith(EXPECTED[path.name])
    assert printed.endswith("runs\n")


def test_the_page_shows_a_sensor_of_at_most_ten_lines_that_runs(tmp_path: Path) -> None:
    program = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    sensor = program[program.index("@node.sensor") : program.index("node.run()")].strip().splitlines()
    assert len(sensor) <= 10
    assert on_a_board(program, tmp_path).startswith("soil-moisture 600 ")


def test_the_page_on_commands_shows_the_example() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", OBEYS, re.DOTALL)
    example = (ROOT / "firmware" / "micropython" / "examples" / "relay_station.py").read_text()
    assert example.partition('"""\n\n')[2] == program


def test_the_page_names_every_driver() -> None:
    drivers = (ROOT / "firmware" / "micropython" / "comatrix_node" / "sensors").glob("*.py")
    for driver in drivers:
        assert driver.stem == "__init__" or f"comatrix_node.sensors.{driver.stem}" in PAGE
