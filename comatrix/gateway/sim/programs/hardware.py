"""What is soldered to a simulated board, and the modules of MicroPython by which a program reaches it.

Pins are what the scenario's inputs say. Where it says nothing, an analog pin is near the middle of its range, a digital
one open; a BME280 hangs on every I2C bus, a DHT22 on any pin.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.sim.programs.chips import ADC_H, ADC_P, ADC_T, DATA, Bme280

FULL_SCALE = 65_535
MICROVOLTS = 3_300_000
DEEPSLEEP_RESET, POWER_ON_RESET = 4, 1  # machine.reset_cause() of an ESP32


class Walk:
    """A random walk of whole steps about 0."""

    def __init__(self, stream: Stream, most: int, step: int) -> None:
        self._stream, self._most, self._step = stream, most, step
        self._at = 0

    def __call__(self) -> int:
        self._at += self._stream.below(2 * self._step + 1) - self._step
        self._at = max(-self._most, min(self._most, self._at))
        return self._at


class Hardware:
    """`driven(pin, level)` is told when a program moves an output. It outlives deep sleep, as wires do."""

    def __init__(self, stream: Stream, driven: Callable[[int, int], None]) -> None:
        self._driven = driven
        self._inputs: dict[int, float] = {}
        self._outputs: dict[int, int] = {}
        self._pulled_up: set[int] = set()
        self._walks = [Walk(stream, most, step) for most, step in ((4000, 60), (16_000, 400), (4000, 200), (900, 90))]
        self._chip = Bme280()
        self.wakes_at: tuple[int, int] | None = None  # a pin and the level that ends deep sleep

    def put(self, pin: int, value: float) -> bool:
        """From outside: 0 to 1, of its range where it is analog. Whether that ends deep sleep."""
        self._inputs[pin] = value
        return self.wakes()

    def wakes(self) -> bool:
        """Whether the pin that ends deep sleep is at that level."""
        return self.wakes_at is not None and self.level(self.wakes_at[0]) == self.wakes_at[1]

    def level(self, pin: int) -> int:
        """Of a digital pin."""
        if pin in self._outputs:
            return self._outputs[pin]
        return int(self._inputs.get(pin, float(pin in self._pulled_up)) >= 0.5)

    def drive(self, pin: int, level: int) -> None:
        """The program moves an output."""
        level = int(bool(level))
        if self._outputs.get(pin) != level:
            self._outputs[pin] = level
            self._driven(pin, level)

    def opened(self, pin: int, modes: tuple[int, ...], level: int | None) -> None:
        """The program says what a pin is."""
        if Pin.PULL_UP in modes[1:]:
            self._pulled_up.add(pin)
        if modes[:1] == (Pin.OUT,):
            self._outputs.setdefault(pin, 0)
            if level is not None:
                self.drive(pin, level)

    def analog(self, pin: int) -> int:
        """0 to 65535: what was put there, and a little noise."""
        value = round(self._inputs.get(pin, 0.5) * FULL_SCALE) + self._walks[3]()
        return max(0, min(FULL_SCALE, value))

    def weather(self, register: int) -> Bme280:
        """The chip on the bus, with the weather as it is now where its data are about to be read."""
        if register == DATA:
            pressure, temperature, humidity = (walk() for walk in self._walks[:3])
            self._chip.measures(ADC_P + pressure, ADC_T + temperature, ADC_H + humidity)
        return self._chip

    def climate(self) -> tuple[int, int]:
        """Tenths of a degree and of a per cent, for a DHT22."""
        return 200 + self._walks[1]() // 100, 500 + self._walks[2]() // 40


class Pin:
    """machine.Pin"""

    IN, OUT, OPEN_DRAIN, PULL_UP, PULL_DOWN = 1, 3, 7, 2, 1
    hardware: Hardware

    def __init__(self, number: int, *modes: int, value: int | None = None) -> None:
        self.number = number
        self.hardware.opened(number, modes, value)

    def value(self, to: int | None = None) -> int | None:
        """Its level, or move it."""
        if to is None:
            return self.hardware.level(self.number)
        self.hardware.drive(self.number, to)
        return None

    __call__ = value

    def on(self) -> None:
        """High."""
        self.value(1)

    def off(self) -> None:
        """Low."""
        self.value(0)


class Adc:
    """machine.ADC"""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = range(4)

    def __init__(self, pin: Pin, *, atten: int = 0) -> None:
        self._pin = pin

    def read_u16(self) -> int:
        """0 to 65535."""
        return self._pin.hardware.analog(self._pin.number)

    def read_uv(self) -> int:
        """Microvolts."""
        return self.read_u16() * MICROVOLTS // FULL_SCALE


class I2c:
    """machine.I2C"""

    hardware: Hardware

    def __init__(self, bus: int, *, scl: Pin, sda: Pin, freq: int = 400_000) -> None: ...

    def readfrom_mem(self, address: int, register: int, n: int) -> bytes:
        """What a chip has there. Raises OSError."""
        return self.hardware.weather(register).readfrom_mem(address, register, n)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Raises OSError."""
        self.hardware.weather(-1).writeto_mem(address, register, data)


class Dht22:
    """dht.DHT22"""

    def __init__(self, pin: Pin) -> None:
        self._hardware = pin.hardware
        self._found = 0, 0

    def measure(self) -> None:
        """Ask the sensor."""
        self._found = self._hardware.climate()

    def temperature(self) -> float:
        """°C"""
        return self._found[0] / 10

    def humidity(self) -> float:
        """%RH"""
        return self._found[1] / 10


def module(name: str, **names: Any) -> ModuleType:
    """One with these names in it."""
    made = ModuleType(name)
    made.__dict__.update(names)
    return made


def modules(
    hardware: Hardware,
    pins: dict[str, int],
    *,
    sleep_ms: Callable[[int], None],
    deep_sleep: Callable[[int], None],
    now_ms: Callable[[], int],
    woke: bool,
) -> dict[str, ModuleType]:
    """What a program on that board imports. `pins`: those of its pins.py."""
    pin = type("Pin", (Pin,), {"hardware": hardware})
    i2c = type("I2C", (I2c,), {"hardware": hardware})

    def wake_on_ext0(pin: Pin, level: int) -> None:
        hardware.wakes_at = pin.number, int(level)

    machine = module(
        "machine",
        Pin=pin,
        ADC=Adc,
        I2C=i2c,
        SoftI2C=i2c,
        deepsleep=deep_sleep,
        DEEPSLEEP_RESET=DEEPSLEEP_RESET,
        reset_cause=lambda: DEEPSLEEP_RESET if woke else POWER_ON_RESET,
    )
    clock = module(
        "time",
        sleep=lambda seconds: sleep_ms(round(seconds * 1000)),
        sleep_ms=sleep_ms,
        ticks_ms=now_ms,
        ticks_diff=lambda later, earlier: later - earlier,
    )
    return {
        "machine": machine,
        "time": clock,
        "utime": clock,
        "pins": module("pins", **pins),
        "dht": module("dht", DHT22=Dht22),
        "esp32": module("esp32", wake_on_ext0=wake_on_ext0, WAKEUP_ALL_LOW=0, WAKEUP_ANY_HIGH=1),
    }
