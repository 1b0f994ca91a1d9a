"""A medium for scripts: a radio's position is its path loss in dB, and everything that happens is written down."""

from comatrix_lora.medium.collisions import CollisionModel
from comatrix_lora.medium.frame import Reception
from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import Position
from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.settings import RadioSettings

AIRTIME_US = 56_576  # 20 bytes at SF7, 125 kHz, 4/5
SYMBOL_US = 1_024


class PositionIsLoss:
    """Between (a,) and (b,): |a - b| dB."""

    def loss_db_x10(self, seed: int, here: Position, there: Position) -> int:
        return round(10 * abs(here[0] - there[0]))


class ScriptedAir:
    """One gateway, listening, and senders of frames at set times; `told` holds "sender>receiver outcome" in order."""

    def __init__(self, collisions: CollisionModel | None = None, loss: LossSettings | None = None) -> None:
        self.medium = Medium(1, PositionIsLoss(), collisions, loss)
        self.told: list[str] = []
        self.medium.observe(self._write)
        self.gateway = self.listener("gw")

    def listener(self, name: str, settings: RadioSettings | None = None, loss_db: float = 0.0) -> Radio:
        radio = self.medium.radio(name, (loss_db,), settings)
        radio.listen()
        return radio

    def send(self, name: str, us: int, loss_db: float = 100.0, settings: RadioSettings | None = None) -> Radio:
        """At `us` a new radio sends 20 bytes; with 14 dBm they arrive with 14 - `loss_db` dBm."""
        radio = self.medium.radio(name, (loss_db,), settings)
        self.medium.at(us, lambda: radio.transmit(bytes(20)))
        return radio

    def run(self) -> list[str]:
        """Everything that was told, to the end."""
        self.medium.run()
        return self.told

    def _write(self, reception: Reception) -> None:
        self.told.append(f"{reception.frame.sender.name}>{reception.receiver.name} {reception.outcome.value}")
