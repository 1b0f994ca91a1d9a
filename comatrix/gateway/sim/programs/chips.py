"""Sensors as their chips look from a bus or a pin: what a driver reads of them."""

import struct

# The calculation example of the BMP280's data sheet (BST-BMP280-DS001 section 3.12), whose formulas the BME280 shares:
# 25.08 °C and 1006.53 hPa. For humidity, which has none, a calibration in the range chips are delivered with.
T = (27504, 26435, -1000)
P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
H = (75, 362, 0, 313, 50, 30)
ADC_P, ADC_T, ADC_H = 415148, 519888, 30000
ADDRESS, ID, STATUS, DATA = 0x76, 0xD0, 0xF3, 0xF7
NO_DEVICE = 19  # ENODEV, as MicroPython raises it where nothing answers on the bus


class Bme280:
    """Its registers by address (BST-BME280-DS002 section 5.3); a measurement is over at once."""

    def __init__(self, h: tuple[int, ...] = H) -> None:
        self.registers = bytearray(256)
        self.registers[ID] = 0x60
        self.registers[0x88:0xA0] = struct.pack("<HhhHhhhhhhhh", *T, *P)
        h1, h2, h3, h4, h5, h6 = h
        self.registers[0xA1] = h1
        self.registers[0xE1:0xE4] = struct.pack("<hB", h2, h3)
        self.registers[0xE4] = (h4 >> 4) & 0xFF
        self.registers[0xE5] = (h4 & 15) | (h5 & 15) << 4
        self.registers[0xE6] = (h5 >> 4) & 0xFF
        self.registers[0xE7:0xE8] = struct.pack("b", h6)
        self.measures()

    def measures(self, adc_p: int = ADC_P, adc_t: int = ADC_T, adc_h: int = ADC_H) -> None:
        """What its three converters give from now on: 20, 20 and 16 bits."""
        for start, value in ((DATA, adc_p), (DATA + 3, adc_t)):
            self.registers[start : start + 3] = (value << 4).to_bytes(3, "big")
        self.registers[DATA + 6 : DATA + 8] = adc_h.to_bytes(2, "big")

    def readfrom_mem(self, address: int, register: int, n: int) -> bytes:
        """`n` bytes from a register on. Raises OSError: no such chip."""
        if address != ADDRESS:
            raise OSError(NO_DEVICE)
        return bytes(self.registers[register : register + n])

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Nothing it is told changes what it gives. Raises OSError: no such chip."""
        if address != ADDRESS:
            raise OSError(NO_DEVICE)
