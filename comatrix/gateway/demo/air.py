"""The demo's LoRa: a module for the gateway and one for a node, on pseudo terminals, a lossy medium between them."""

import random
from pathlib import Path

from comatrix_lora.medium.loss import LossSettings

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.demo.modem.air_wire import AirWire
from comatrix.gateway.demo.modem.machine import Manners
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
        for port in (self.gateway, self.node):
            module = self.wire.join(lambda on_air: RylrModem(on_air, Manners(), chance.randrange))
            self._modems.plug(port, module)

    @property
    def section(self) -> str:
        """The gateway's configuration of its radio."""
        return SECTION.format(name=RADIO, port=self.gateway, sf=SF)

    def close(self) -> None:
        """Unplug both."""
        self._modems.close()
