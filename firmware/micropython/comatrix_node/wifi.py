"""Joins a Wi-Fi network (ESP32, RP2 W); other boards have no `network` module and need none."""

import time

try:
    import network  # type: ignore[import-not-found]
except ImportError:
    network = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def connect(
    ssid: str, password: str, feed: "Callable[[], object] | None" = None, tries: int = 3, wait_ms: int = 15000
) -> bool:
    """Whether the network is joined after at most `tries` of `wait_ms`. `feed()` is called while it waits.

    True at once where the board has no Wi-Fi: its network is somebody else's affair.
    """
    if network is None:
        return True
    wlan = network.WLAN(network.STA_IF)
    for _ in range(tries):
        if wlan.isconnected():
            return True
        # A radio that failed once joins again only after it was switched off (ESP32, RP2).
        try:
            wlan.active(False)
            wlan.active(True)
            wlan.connect(ssid, password)
        except OSError:
            continue
        for _ in range(0, wait_ms, 100):
            if wlan.isconnected():
                return True
            if feed:
                feed()
            time.sleep(0.1)
    return False
