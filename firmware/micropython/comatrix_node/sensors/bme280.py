"""Bosch BME280 over I2C: temperature, humidity, pressure, compensated in integers (BST-BME280-DS002 section 4.2.3).

The chip sleeps between readings (forced mode, oversampling 1), as section 3.5.1 recommends for weather.
"""

import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ID, _ID_VALUE = 0xD0, 0x60
_CTRL_HUM, _STATUS, _CTRL_MEAS, _DATA = 0xF2, 0xF3, 0xF4, 0xF7
_FORCED = 0x25  # temperature and pressure once each, then back to sleep
_MEASURING = 0x08
_WAIT_MS = 20  # a measurement takes at most 9.3 ms (section 9.1)


def _nibbles(data: bytes) -> "tuple[int, int]":
    """dig_H4 and dig_H5, signed 12 bits each, from registers 0xE4-0xE6 (table 16)."""
    h4 = data[0] << 4 | data[1] & 15
    h5 = data[2] << 4 | data[1] >> 4
    return h4 - (h4 >> 11 << 12), h5 - (h5 >> 11 << 12)


class Bme280:
    """Call it for {temperature °C, humidity %RH, pressure hPa}, or None when the chip did not answer."""

    def __init__(self, i2c: "Any", address: int = 0x76) -> None:
        """`i2c`: `machine.I2C(...)`. Raises OSError when no BME280 is at `address` (0x76, or 0x77 with SDO high)."""
        self._i2c = i2c
        self._address = address
        if self._read(_ID, 1)[0] != _ID_VALUE:
            raise OSError("no BME280 at address 0x%x (a BMP280 measures no humidity)" % address)
        head = self._read(0x88, 26)  # dig_T1..dig_P9, one unused byte, dig_H1
        self._t: "tuple[int, ...]" = struct.unpack("<Hhh", head[:6])
        self._p: "tuple[int, ...]" = struct.unpack("<Hhhhhhhhh", head[6:24])
        tail = self._read(0xE1, 7)
        h2, h3 = struct.unpack("<hB", tail[:3])
        h4, h5 = _nibbles(tail[3:6])
        self._h: "tuple[int, ...]" = (head[25], h2, h3, h4, h5, struct.unpack("b", tail[6:])[0])

    def _read(self, register: int, n: int) -> bytes:
        return bytes(self._i2c.readfrom_mem(self._address, register, n))

    def _write(self, register: int, value: int) -> None:
        self._i2c.writeto_mem(self._address, register, bytes([value]))

    def raw(self) -> "tuple[int, int, int]":
        """One measurement: the three ADC values (pressure and temperature 20 bits, humidity 16)."""
        self._write(_CTRL_HUM, 1)  # takes effect with the write to ctrl_meas (section 5.4.3)
        self._write(_CTRL_MEAS, _FORCED)
        for _ in range(_WAIT_MS):
            time.sleep(0.001)
            if not self._read(_STATUS, 1)[0] & _MEASURING:
                break
        d = self._read(_DATA, 8)
        return d[0] << 12 | d[1] << 4 | d[2] >> 4, d[3] << 12 | d[4] << 4 | d[5] >> 4, d[6] << 8 | d[7]

    def fine_temperature(self, adc: int) -> int:
        """t_fine: 1/5120 °C."""
        t1, t2, t3 = self._t
        half = (adc >> 4) - t1
        return (((adc >> 3) - (t1 << 1)) * t2 >> 11) + ((half * half >> 12) * t3 >> 14)

    def pressure(self, adc: int, fine: int) -> int:
        """1/256 Pa, or 0 where the calibration makes no sense."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self._p
        t = fine - 128000
        offset = t * t * p6 + (t * p5 << 17) + (p4 << 35)
        slope = (1 << 47) + (t * t * p3 >> 8) + (t * p2 << 12)
        slope = slope * p1 >> 33
        if not slope:
            return 0
        p = (((1048576 - adc) << 31) - offset) * 3125
        p = p // slope if p >= 0 else -(-p // slope)
        return (p + (p9 * (p >> 13) * (p >> 13) >> 25) + (p8 * p >> 19) >> 8) + (p7 << 4)

    def humidity(self, adc: int, fine: int) -> int:
        """1/1024 %RH, 0..102400."""
        h1, h2, h3, h4, h5, h6 = self._h
        t = fine - 76800
        linear = (adc << 14) - (h4 << 20) - h5 * t + 16384 >> 15
        gain = ((t * h6 >> 10) * ((t * h3 >> 11) + 32768) >> 10) + 2097152
        h = linear * (gain * h2 + 8192 >> 14)
        h -= ((h >> 15) * (h >> 15) >> 7) * h1 >> 4
        return max(0, min(h, 419430400)) >> 12

    def __call__(self) -> "dict[str, float] | None":
        try:
            adc_p, adc_t, adc_h = self.raw()
        except OSError:
            return None
        fine = self.fine_temperature(adc_t)
        return {
            "temperature": (fine * 5 + 128 >> 8) / 100,
            "humidity": round(self.humidity(adc_h, fine) / 102.4) / 10,
            "pressure": round(self.pressure(adc_p, fine) / 2560) / 10,
        }
