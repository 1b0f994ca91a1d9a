"""Counters in the memory of the board's clock, for boards that sleep deeply. Loaded where there is such a memory."""

from comatrix_node.store import SLOT, FlashStore, Slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    State = dict[str, Any]


class RtcStore(Slots):
    """RTC memory (`machine.RTC()`) in front of a FlashStore: the counter itself lives there, through deep sleep.

    Flash is written every 32nd value. What RTC memory holds counts only while it names flash's generation.
    """

    step = 1
    _flash_step = 32

    def __init__(self, rtc: "Any", flash: FlashStore) -> None:
        self._rtc = rtc
        self._flash = flash
        self._kept: "State | None" = None  # what flash holds
        self.keep = flash.keep
        self.kept = flash.kept
        self.forget = flash.forget
        super().__init__(self._read_rtc, self._write_rtc)

    def _read_rtc(self, i: int) -> bytes:
        return bytes(self._rtc.memory())[i * SLOT : (i + 1) * SLOT]

    def _write_rtc(self, i: int, record: bytes) -> None:
        memory = self._rtc.memory()
        if len(memory) < 2 * SLOT:
            memory = bytes(2 * SLOT)
        i *= SLOT
        self._rtc.memory(memory[:i] + record + memory[i + SLOT :])  # others keep things behind these

    def load(self) -> "State | None":
        """The exact state after a deep sleep, else flash's, or None."""
        kept = self._flash.load()
        recent = super().load()
        self._kept = kept
        if kept and recent and self.generation == self._flash.generation:
            return recent
        return kept and dict(kept)

    def save(self, state: "State", generation: int = 0) -> None:
        """Replace the state; only a new reservation or a change beside the counter touches flash."""
        kept = self._kept
        counter = state["counter"]
        if not kept or counter > kept["counter"] or dict(state, counter=kept["counter"]) != kept:
            kept = dict(state, counter=counter + self._flash_step - 1)
            self._flash.save(kept)
            self._kept = kept
        super().save(state, self._flash.generation)
