"""Battery voltage on an ADC pin, behind a divider of two resistors."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Battery:
    """Call it for {battery V}: the mean of `samples` readings, scaled back up over the divider."""

    def __init__(self, adc: "Any", upper_ohm: int = 100000, lower_ohm: int = 100000, samples: int = 16) -> None:
        """`adc`: `machine.ADC(Pin(n))`. Battery, `upper_ohm`, pin, `lower_ohm`, ground; `upper_ohm` 0: no divider."""
        self._adc = adc
        self._ratio = (upper_ohm + lower_ohm) / lower_ohm
        self._samples = samples

    def _microvolts(self) -> int:
        if hasattr(self._adc, "read_uv"):  # ESP32: calibrated at the factory
            return int(self._adc.read_uv())
        return int(self._adc.read_u16()) * 3300000 // 65535  # RP2: measured against its 3.3 V

    def __call__(self) -> "dict[str, float]":
        total = sum(self._microvolts() for _ in range(self._samples))
        return {"battery": round(total / self._samples * self._ratio / 10000) / 100}
