"""The channel as the node's radio fills it: what a module adds to a frame is on the air, too."""

from comatrix_lora.airtime import airtime_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_node.lora_config import Radio


class RadioChannel:
    """What comatrix_lora.mac.Channel is, with what the link adds to a frame: `of(link)` tells that."""

    limit = 0
    _on_air: "Any" = None

    def __init__(self, radio: "Radio") -> None:
        self.sf: "int" = radio.sf
        self._radio = radio

    def of(self, link: "Any") -> None:
        """`link.limit`: bytes of the longest frame; `link.on_air(size)`: bytes such a frame has on the air."""
        self.limit = link.limit
        self._on_air = link.on_air

    def airtime_us(self, size: int, sf: int) -> int:
        """Of a frame of `size` bytes at `sf`."""
        radio = self._radio
        return airtime_us(self._on_air(size), sf, radio.bandwidth_hz, radio.coding_rate, radio.preamble)

    def airtime_ms(self, size: int, sf: int) -> int:
        """The same, rounded up."""
        return (self.airtime_us(size, sf) + 999) // 1000

    def fits(self, longest_us: "int | None") -> int:
        """Bytes of the longest frame within that airtime, at the provisioned spreading factor."""
        size = self.limit
        while longest_us is not None and size and self.airtime_us(size, self.sf) > longest_us:
            size -= 1
        return size
