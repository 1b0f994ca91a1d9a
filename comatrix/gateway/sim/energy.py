"""What a node on LoRa takes from its battery: an estimate from datasheets, as a range.

The radio: Semtech SX1261/2 data sheet (DS.SX1261-2.W.APP), "Power consumption" and "Power consumption in transmit
mode", SX1262 with its DC-DC converter. Sleep with retention 600 nA; LoRa reception at 125 kHz 4.6 mA, boosted gain
5.3 mA; transmission at 868/915 MHz: with the amplifier set best for the power, and with its setting for 22 dBm.
The processor: Espressif ESP32 data sheet, "Power consumption by power modes": deep sleep with the RTC timer and memory
10 uA, light sleep 0.8 mA, both cores at 240 MHz with the radio off at most 68 mA.

Lower end: light sleep while the radio is on, deep sleep otherwise. Upper end: the processor runs at full speed while
the radio is on, and a second more for each reading: MicroPython boots. Sensors, regulators and losses are in neither.
"""

RADIO_SLEEP_UA = 0.6
RECEIVE_MA = (4.6, 5.3)
TRANSMIT_MA = ((14, 45.0, 90.0), (17, 58.0, 95.0), (20, 84.0, 102.0), (22, 118.0, 118.0))  # up to dBm, best, plain
DEEP_SLEEP_UA = 10.0
AWAKE_MA = (0.8, 68.0)
BOOT_S = (0.0, 1.0)
DAY_S = 86_400.0


def transmit_ma(power_dbm: int) -> tuple[float, float]:
    """For the chip's next higher setting; above 22 dBm an amplifier follows, and the chip's own most is told."""
    for most_dbm, best, plain in TRANSMIT_MA:
        if power_dbm <= most_dbm:
            return best, plain
    return TRANSMIT_MA[-1][1:]


def mah_a_day(sent_s: float, heard_s: float, whole_s: float, wakes: int, power_dbm: int) -> tuple[float, float]:
    """Least and most milliampere-hours a day of a node whose radio sent and listened for so long of the whole."""
    least, most = (
        _charge(sent_s, heard_s, whole_s, wakes, transmit_ma(power_dbm)[end], end) / 3600 * DAY_S / whole_s
        for end in (0, 1)
    )
    return least, most


def _charge(sent_s: float, heard_s: float, whole_s: float, wakes: int, sending_ma: float, end: int) -> float:
    """Milliampere-seconds."""
    radio_s = sent_s + heard_s
    awake_s = min(whole_s, radio_s + wakes * BOOT_S[end])
    radio = sent_s * sending_ma + heard_s * RECEIVE_MA[end] + (whole_s - radio_s) * RADIO_SLEEP_UA / 1000
    return radio + awake_s * AWAKE_MA[end] + (whole_s - awake_s) * DEEP_SLEEP_UA / 1000
