"""DHT22 (AM2302) on one pin with a pull-up, by MicroPython's own `dht` driver. At most one reading every 2 s."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Dht22:
    """Call it for {temperature °C, humidity %RH}, or None when the sensor did not answer or its sum was wrong."""

    def __init__(self, driver: "Any") -> None:
        """`driver`: `dht.DHT22(Pin(n))`."""
        self._driver = driver

    def __call__(self) -> "dict[str, float] | None":
        try:
            self._driver.measure()
        except Exception:  # noqa: BLE001  the driver raises a bare Exception for a wrong checksum
            return None
        return {"temperature": self._driver.temperature(), "humidity": self._driver.humidity()}
