"""One radio of the gateway, a section [radios.NAME] of the configuration."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from comatrix_lora import regions

from comatrix.gateway.config.describing import setting
from comatrix.gateway.config.values import check_port

MODULES = ("rylr998", "rylr896", "rak3172")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,15}")


@dataclass(frozen=True, slots=True)
class RadioSection:
    """A LoRa radio at a serial port. NAME: 1 to 16 of a-z, 0-9, "_" and "-"."""

    port: str = setting(
        "",
        "The serial port of the module, or a serial server. `comatrix radio probe PORT` tells what is there.",
        check_port,
        required=True,
        example="/dev/ttyUSB0",
    )
    module: str = setting("rylr998", "Which module it is.", choices=MODULES)
    region: str = setting(
        "EU868",
        "Whose law is kept: sub-bands, duty cycle, dwell time and power.",
        choices=regions.NAMES,
    )
    frequency_hz: int = setting(0, "The channel's centre. 0: the usual one of the region.", low=0, high=1_020_000_000)
    sf: int = setting(9, "The spreading factor: 12 reaches farthest, 7 is fastest.", low=5, high=12)
    bandwidth_hz: int = setting(125_000, "The channel's width.", low=125_000, high=500_000)
    coding_rate: int = setting(5, "4/5 to 4/8 by its lower number.", low=5, high=8)
    preamble: int = setting(12, "Symbols before each frame; the same at every node of this radio.", low=6, high=65_535)
    power_dbm: int = setting(14, "At the antenna.", low=-9, high=22)
    network_id: int = setting(18, "RYLR modules hear only those of their own.", low=0, high=18)
    binary_safe: bool = setting(
        False,
        "RYLR modules: whether `radio probe` found that every byte value passes. Else frames go as base64, a third "
        "longer; every node of the radio has to do the same.",
    )
    baud: int = setting(115_200, "Bits a second of the serial line.", low=1_200, high=1_000_000)

    @property
    def channel_hz(self) -> int:
        """The frequency, configured or the region's."""
        return self.frequency_hz or int(regions.region(self.region).channel[0])


def shared_ports(radios: Mapping[str, RadioSection]) -> list[str]:
    """Ports that more than one of them names."""
    ports = [radio.port for radio in radios.values()]
    return sorted({port for port in ports if port and ports.count(port) > 1})
