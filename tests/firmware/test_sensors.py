"""The sensors give the numbers their chips mean, in the vocabulary's words and units."""

from collections.abc import Callable

import pytest
from comatrix_node.sensors.battery import Battery
from comatrix_node.sensors.bme280 import Bme280
from comatrix_node.sensors.dht22 import Dht22
from comatrix_node.sensors.simulated import Simulated

from comatrix.codec.words import scaled
from comatrix.gateway.sim.programs.chips import ADC_P, ADC_T, H
from comatrix.gateway.sim.programs.chips import Bme280 as Bme280Chip


class Bus(Bme280Chip):
    """An I2C bus with a BME280 at 0x76, and what was written."""

    def __init__(self, h: tuple[int, ...] = H) -> None:
        super().__init__(h)
        self.written: list[tuple[int, bytes]] = []
        self.busy = 0
        self.unplugged = False

    def readfrom_mem(self, address: int, register: int, n: int) -> bytes:
        if self.unplugged:
            raise OSError(19)
        if register == 0xF3:
            self.busy -= 1
            return bytes([8 if self.busy >= 0 else 0])
        return super().readfrom_mem(address, register, n)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        assert address == 0x76
        self.written.append((register, data))


def humidity_in_doubles(adc: int, fine: int, calibration: tuple[int, ...]) -> float:
    """%RH by the datasheet's floating-point formula (BST-BME280-DS002 section 8.1)."""
    h1, h2, h3, h4, h5, h6 = calibration
    t = fine - 76800.0
    h = (adc - (h4 * 64.0 + h5 / 16384.0 * t)) * (
        h2 / 65536.0 * (1.0 + h6 / 67108864.0 * t * (1.0 + h3 / 67108864.0 * t))
    )
    h *= 1.0 - h1 * h / 524288.0
    return max(0.0, min(100.0, h))


def test_bme280_compensates_as_the_datasheets_example() -> None:
    chip = Bme280(Bus())
    fine = chip.fine_temperature(ADC_T)
    assert fine == 128422
    # The page prints 25767236 (100653.27 Pa) and says integers may differ slightly: its 64-bit formula gives this.
    assert chip.pressure(ADC_P, fine) == 25767233
    reading = chip()
    assert reading is not None
    assert reading["temperature"] == 25.08
    assert reading["pressure"] == 1006.5


@pytest.mark.parametrize(
    "h", [H, (0, 350, 0, 400, 0, 30), (75, 380, 2, -300, -60, -30), (255, 300, 255, 2047, -2048, 127)]
)
def test_bme280_humidity_agrees_with_the_floating_point_formula(h: tuple[int, ...]) -> None:
    chip = Bme280(Bus(h=h))
    for adc_t in (380000, 450000, ADC_T, 560000):
        fine = chip.fine_temperature(adc_t)
        for adc_h in range(0, 65536, 997):
            assert chip.humidity(adc_h, fine) / 1024 == pytest.approx(humidity_in_doubles(adc_h, fine, h), abs=0.05)


def test_bme280_measures_once_and_waits_for_the_chip() -> None:
    bus = Bus()
    bus.busy = 3
    Bme280(bus)()
    assert bus.written == [(0xF2, b"\x01"), (0xF4, b"\x25")]
    assert bus.busy < 0


def test_bme280_unplugged_gives_no_reading() -> None:
    bus = Bus()
    chip = Bme280(bus)
    bus.unplugged = True
    assert chip() is None


def test_another_chip_is_refused_in_words() -> None:
    bus = Bus()
    bus.registers[0xD0] = 0x58
    with pytest.raises(OSError, match="no BME280 at address 0x76"):
        Bme280(bus)


def test_bme280_gives_the_same_on_a_device(on_device: Callable[[str], str]) -> None:
    script = f"""
from comatrix_node.sensors.bme280 import Bme280
registers = bytes.fromhex("{bytes(Bus().registers).hex()}")
class Bus:
    def readfrom_mem(self, address, register, n):
        return registers[register:register + n]
    def writeto_mem(self, address, register, data):
        pass
chip = Bme280(Bus())
fine = chip.fine_temperature({ADC_T})
print(fine, chip.pressure({ADC_P}, fine), chip.humidity(30000, fine), chip()["temperature"])
"""
    chip = Bme280(Bus())
    assert on_device(script).split() == ["128422", "25767233", str(chip.humidity(30000, 128422)), "25.08"]


class DhtDriver:
    """MicroPython's `dht.DHT22`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def measure(self) -> None:
        if self.error:
            raise self.error

    def temperature(self) -> float:
        return -3.4

    def humidity(self) -> float:
        return 81.2


def test_dht22_gives_temperature_and_humidity() -> None:
    assert Dht22(DhtDriver())() == {"temperature": -3.4, "humidity": 81.2}


@pytest.mark.parametrize("error", [OSError(110), Exception("checksum error")])
def test_dht22_without_an_answer_gives_no_reading(error: Exception) -> None:
    assert Dht22(DhtDriver(error))() is None


class CalibratedAdc:
    """An ESP32's ADC."""

    def __init__(self, *microvolts: int) -> None:
        self.microvolts = list(microvolts)

    def read_uv(self) -> int:
        self.microvolts.append(self.microvolts.pop(0))
        return self.microvolts[-1]


class PlainAdc:
    """An RP2's ADC."""

    def read_u16(self) -> int:
        return 32768


def test_battery_is_the_mean_scaled_up_over_the_divider() -> None:
    assert Battery(CalibratedAdc(1990000, 1992000))() == {"battery": 3.98}
    assert Battery(CalibratedAdc(1000000), 300000, 100000)() == {"battery": 4.0}
    assert Battery(CalibratedAdc(1500000), 0)() == {"battery": 1.5}


def test_battery_on_an_adc_without_calibration() -> None:
    assert Battery(PlainAdc(), 100000, 100000)() == {"battery": 3.3}


def test_simulated_readings_stay_in_their_bounds_and_fit_the_vocabulary() -> None:
    sensor = Simulated(seed=3)
    for _ in range(2000):
        reading = sensor()
        assert -10 <= reading["temperature"] <= 40
        assert 20 <= reading["humidity"] <= 95
        assert 3 <= reading["battery"] <= 4.2
        assert all(scaled(word, value) for word, value in reading.items())


def test_simulated_readings_depend_on_the_seed_alone(on_device: Callable[[str], str]) -> None:
    script = """
from comatrix_node.sensors.simulated import Simulated
s = Simulated(7)
for _ in range(50):
    print(sorted(s().items()))
"""
    sensor = Simulated(7)
    assert on_device(script).splitlines() == [str(sorted(sensor().items())) for _ in range(50)]
    assert Simulated(7)() != Simulated(8)()
