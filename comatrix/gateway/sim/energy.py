"""What a node on LoRa takes from its battery: an estimate as a range.

Lower end: light sleep while the radio is on, deep sleep otherwise. Upper end: the processor runs at full speed while
the radio is on, and a second more for each reading: MicroPython boots. Sensors, regulators and losses are in neither.

Each constant names its source. Where one says "as quoted", the data sheet itself was not at hand, and what quotes it
was read. An assumption is a figure for which no source was read at all.
"""

RECEIVE_LEAST_MA = 4.6  # 125 kHz, DC-DC, 3.3 V: SX1262 data sheet, as quoted by github.com/cabo/senml-jc (energy.py)
RECEIVE_MOST_MA = 5.3  # boosted gain. Assumption
RADIO_SLEEP_UA = 0.6  # with retention: SX1261/2 data sheet, as quoted by the SX126X driver of Mbed OS (SleepMode.txt)
RECEIVE_MA = (RECEIVE_LEAST_MA, RECEIVE_MOST_MA)
# Up to so many dBm at 868 MHz: amplifier set best for the power, and its setting for 22 dBm. 45 mA at 14 dBm: SX1262
# data sheet, 3.3 V, as quoted by github.com/cabo/senml-jc (energy.py). All others are assumptions.
TRANSMIT_MA = ((14, 45.0, 90.0), (17, 58.0, 95.0), (20, 84.0, 102.0), (22, 118.0, 118.0))
DEEP_SLEEP_UA = 10.0  # timer and RTC memory: ESP32 data sheet, as quoted by lucidar.me, ESP32-DevKitC V4
LIGHT_SLEEP_MA = 0.8  # ESP-WROOM-32 manual, table 5
FULL_SPEED_MA = 68.0  # most at 240 MHz, both cores, its own radio off: ESP32 Series Datasheet v3.5, table 6
AWAKE_MA = (LIGHT_SLEEP_MA, FULL_SPEED_MA)
BOOT_S = (0.0, 1.0)  # assumption
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
