"""A medium in which everybody hears everybody: between two modules on a desk."""

from collections.abc import Callable
from heapq import heappop, heappush

from comatrix.gateway.demo.modem.machine import Modem, OnAir
from comatrix.gateway.radio.settings import RadioSettings


class DirectWire:
    """Joins modems. `lost()`: whether one frame is lost on its way to one modem."""

    def __init__(self, rssi_dbm: int = -40, snr_db: int = 11, lost: Callable[[], bool] = lambda: False) -> None:
        self._rssi_dbm, self._snr_db, self._lost = rssi_dbm, snr_db, lost
        self._modems: list[Modem] = []
        self._flying: list[tuple[int, int, int, bytes, RadioSettings]] = []
        self.carried = 0

    def join(self, make: Callable[[OnAir], Modem]) -> Modem:
        """A modem on this medium: `make` gets its `on_air`."""
        place = len(self._modems)
        modem = make(lambda frame, settings, now: self._carry(place, frame, settings, now))
        self._modems.append(modem)
        return modem

    def _carry(self, place: int, frame: bytes, settings: RadioSettings, now: int) -> None:
        self.carried += 1
        heappush(self._flying, (now + settings.airtime_ms(len(frame)), self.carried, place, frame, settings))

    def next_deadline(self) -> int | None:
        """When a frame arrives."""
        return self._flying[0][0] if self._flying else None

    def handle_timer(self, now: int) -> None:
        """Hand over what has arrived."""
        while self._flying and self._flying[0][0] <= now:
            at, _, place, frame, settings = heappop(self._flying)
            for other, modem in enumerate(self._modems):
                if other != place and settings.heard_by(modem.settings) and not self._lost():
                    modem.deliver(frame, self._rssi_dbm, self._snr_db, at)
