"""Reads the "lora" object of `config.json`: which radio, which channel, how it is wired. Needed once, so never kept."""

from comatrix_lora.errors import LoraError
from comatrix_lora.regions import region, sub_band

from comatrix_node.config import ConfigError

RYLR = ("rylr998", "rylr896")
SX126X = ("sx1261", "sx1262")
SX127X = ("sx1276", "sx1277", "sx1278", "sx1279")
MODULES = RYLR + ("rak3172",) + SX126X + SX127X
# Least and most dBm a module takes, by the first letters of its name (manuals and datasheets named in the drivers).
_POWER_DBM = (
    ("rylr896", 0, 15),
    ("rylr", 0, 22),
    ("rak", 5, 22),
    ("sx1261", -17, 15),
    ("sx126", -9, 22),
    ("sx127", 2, 20),
)
_BANDWIDTHS_HZ = (62500, 125000, 250000, 500000)  # narrower ones need a better crystal than these modules have
_PINS = ("tx", "rx", "sck", "mosi", "miso", "cs", "busy", "dio0", "dio1", "reset")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Radio:
    """A plain holder. `uart`: a number of the board or the path of a terminal; pins are numbers or None.

    `duty_ppm` and `dwell_ms`: what the sub-band allows (comatrix_lora.ledger)."""

    module: str
    region: str
    frequency_hz: int
    bandwidth_hz: int
    sf: int
    coding_rate: int
    preamble: int
    power_dbm: int
    least_dbm: int
    duty_ppm: int
    dwell_ms: int
    uart: "int | str"
    baud: int
    network_id: int
    binary_safe: bool
    spi: int
    tcxo_millivolts: "int | None"
    pins: "dict[str, int | None]"


def load(values: "dict[str, Any]") -> Radio:
    """All of config.json -> the radio. Raises ConfigError."""
    if "lora" not in values:
        raise ConfigError('config.json: there must be a "gateway", or "lora"; copy the file `comatrix node add` wrote')
    return parse(values["lora"])


def parse(values: "Any") -> Radio:
    """The value of "lora" -> the radio. Raises ConfigError, naming the key and what it may be."""
    if not isinstance(values, dict):
        raise ConfigError('config.json: "lora" must be an object with module and region; see docs/howto/lora-node.md')
    radio = Radio()
    radio.module = _one_of(values, "module", MODULES)
    _channel(radio, values)
    _power(radio, values)
    radio.uart = values.get("uart", 1)
    if not isinstance(radio.uart, str):
        radio.uart = _integer(values, "uart", 0, 9, 1)
    radio.baud = _integer(values, "baud", 1200, 921600, 115200)
    radio.network_id = _integer(values, "network_id", 0, 18, 18)
    radio.binary_safe = bool(values.get("binary_safe"))
    radio.spi = _integer(values, "spi", 0, 9, 1)
    tcxo = values.get("tcxo_millivolts")
    radio.tcxo_millivolts = None if tcxo is None else _integer(values, "tcxo_millivolts", 1600, 3300)
    radio.pins = {}
    for name in _PINS:
        radio.pins[name] = None if values.get(name) is None else _integer(values, name, 0, 99)
    _wired(radio)
    return radio


def _channel(radio: Radio, values: "dict[str, Any]") -> None:
    try:
        place = region(_text(values, "region"))
        frequency_hz, bandwidth_hz, sf = place.channel
        radio.region = place.name
        radio.frequency_hz = _integer(values, "frequency_hz", 137000000, 1020000000, frequency_hz)
        radio.bandwidth_hz = _bandwidth(values, bandwidth_hz)
        radio.sf = _integer(values, "sf", 5 if radio.module in SX126X else 7, 12, sf)
        radio.coding_rate = _integer(values, "coding_rate", 5, 8, 5)
        radio.preamble = _integer(values, "preamble", 4, 65535, 12)
        radio.duty_ppm = sub_band(place, radio.frequency_hz, radio.bandwidth_hz).duty_ppm
        radio.dwell_ms = place.dwell_ms
    except LoraError as error:
        raise ConfigError("config.json: lora: %s" % error)


def _bandwidth(values: "dict[str, Any]", default: int) -> int:
    found = values.get("bandwidth_hz", default)
    if found not in _BANDWIDTHS_HZ:
        raise ConfigError("config.json: lora: bandwidth_hz must be one of %s" % (_BANDWIDTHS_HZ,))
    return _integer(values, "bandwidth_hz", 0, 500000, default)


def _power(radio: Radio, values: "dict[str, Any]") -> None:
    """What the module can, and no more than the region allows with an antenna of no gain."""
    most = region(radio.region).max_eirp_dbm
    for name, low, high in _POWER_DBM:
        if radio.module.startswith(name):
            radio.least_dbm = low
            radio.power_dbm = _integer(values, "power_dbm", low, high, min(14, most))
            break
    if radio.power_dbm > most:
        raise ConfigError("config.json: lora: power_dbm is at most %d in %s" % (most, radio.region))


def _wired(radio: Radio) -> None:
    if not radio.module.startswith("sx"):
        return
    needed = ["sck", "mosi", "miso", "cs"] + (["busy"] if radio.module in SX126X else [])
    missing = [name for name in needed if radio.pins[name] is None]
    if missing:
        raise ConfigError(
            "config.json: lora: %s needs the numbers of its pins: %s" % (radio.module, ", ".join(missing))
        )


def _integer(values: "dict[str, Any]", key: str, low: int, high: int, default: "int | None" = None) -> int:
    value = values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError("config.json: lora: %s must be a number from %d to %d" % (key, low, high))
    return value


def _text(values: "dict[str, Any]", key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str):
        raise ConfigError('config.json: lora: %s must be a text; "comatrix node add" writes it' % key)
    return value


def _one_of(values: "dict[str, Any]", key: str, known: "tuple[str, ...]") -> str:
    value = _text(values, key)
    if value not in known:
        raise ConfigError("config.json: lora: %s must be one of %s" % (key, ", ".join(known)))
    return value
