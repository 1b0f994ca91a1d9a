"""The demo's LoRa: a module for the gateway and one for a node, on pseudo terminals, a lossy medium between them."""

import random
from pathlib import Path

from comatrix_lora.medium.loss import LossSettings

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.demo.modem.air_wire import AirWire
from comatrix.gateway.demo.modem.machine import Manners, Modem
from comatrix.gateway.demo.modem.pty_runner import PtyModems
from comatrix.gateway.demo.modem.rylr import RylrModem

RADIO = "air"
SF = 7
SECTION = """
[radios.{name}]
port = "{port}"
module = "rylr998"
sf = {sf}
binary_safe = true
"""


class Air:
    """Two modules that hear each other, but for what the medium loses. `gateway`, `node`: their ports."""

    def __init__(self, folder: Path, loss: float, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.loss = loss
        self.gateway, self.node = folder / "gateway-radio", folder / "node-radio"
        self.wire = AirWire(seed, LossSettings(independent=loss))
        self._modems = PtyModems(self.wire, monotonic_ms)
        chance = random.Random(seed)
        self._modules: dict[Path, Modem] = {}
        for port in (self.gateway, self.node):
            self._modules[port] = self.wire.join(lambda on_air: RylrModem(on_air, Manners(), chance.randrange))
            self.plug(port)

    @property
    def section(self) -> str:
        """The gateway's configuration of its radio."""
        return SECTION.format(name=RADIO, port=self.gateway, sf=SF)

    def plug(self, port: Path) -> None:
        """The module's cable is in."""
        self._modems.plug(port, self._modules[port])

    def unplug(self, port: Path) -> None:
        """It is pulled."""
        self._modems.unplug(port)

    def __str__(self) -> str:
        sent, lost = self.wire.carried, self.wire.lost
        share = 100 * lost / sent if sent else 0
        return f"lora: {sent} frames sent, {lost} lost ({share:.0f} %), {self.wire.airtime_us / 1e6:.1f} s on air"

    def close(self) -> None:
        """Unplug both."""
        self._modems.close()
