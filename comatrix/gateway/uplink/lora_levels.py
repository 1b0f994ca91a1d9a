"""How well each radio hears each node: what people look at before they move an antenna."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from comatrix_lora.hub_events import Reception

MOST = 4096  # nodes; the one heard least lately goes first


@dataclass(slots=True)
class Level:
    """Frames of one node at one radio, and the levels of the last one."""

    frames: int = 0
    rssi_dbm: int = 0
    snr_db: int = 0


@dataclass(slots=True)
class Levels:
    """By node and radio, since the start."""

    _of: dict[int, dict[str, Level]] = field(default_factory=dict)

    def note(self, node: int, reception: Reception) -> None:
        """A radio heard a frame of the node, perhaps not as the only one."""
        radios = self._of.pop(node, {})
        self._of[node] = radios  # the newest last
        level = radios.setdefault(reception.radio, Level())
        level.frames += 1
        level.rssi_dbm, level.snr_db = reception.rssi_dbm, reception.snr_db
        if len(self._of) > MOST:
            del self._of[next(iter(self._of))]

    def radio_of(self, node: int) -> str | None:
        """The radio that hears a node best; None: none did."""
        radios = self._of.get(node)
        return max(radios, key=lambda name: (radios[name].snr_db, radios[name].rssi_dbm)) if radios else None

    def heard_best(self, radio: str, nodes: Iterable[int]) -> int:
        """How many of the nodes this radio hears best."""
        return sum(self.radio_of(node) == radio for node in nodes)

    def told(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Node number -> radio -> its level, JSON-ready."""
        return {
            str(node): {
                name: {"frames": one.frames, "rssi_dbm": one.rssi_dbm, "snr_db": one.snr_db}
                for name, one in radios.items()
            }
            for node, radios in self._of.items()
        }
