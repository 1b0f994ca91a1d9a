"""The radios of the gateway: their ports, what they hear, what they may still send in this hour."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Mac

from comatrix.gateway.config.radio_settings import RadioSection
from comatrix.gateway.edges.radio.radio import Radio
from comatrix.gateway.errors import StoreError
from comatrix.gateway.radio.events import Event, Lost, Ready, Received, Refused, Unknown
from comatrix.gateway.radio.machine import Driver
from comatrix.gateway.radio.making import channel_of, dialect_of, ledger_of

log = logging.getLogger("comatrix")

OnFrame = Callable[[str, bytes, int, int], None]


class Ledgers(Protocol):
    """Where what a radio spent is kept."""

    async def save(self, radio: str, spent: bytes) -> None:
        """Raises StoreError."""

    def load(self, radio: str) -> bytes | None:
        """As saved last; None: nothing is known."""


@dataclass(slots=True)
class Station:
    """A radio and its share of the law. `ready`: whether its module listens; `lost`: why not."""

    radio: Radio
    mac: Mac
    module: str = ""
    ready: bool = False
    lost: str = ""
    heard: int = 0
    sent: int = 0
    unsent: int = 0


class Radios:
    """All of the configuration's. `now`: Unix ms of a clock that never goes back, as the ledgers are kept in it."""

    def __init__(
        self,
        sections: Mapping[str, RadioSection],
        ledgers: Ledgers,
        *,
        now: Callable[[], int],
        random: Callable[[int], int],
        tell: Callable[[str], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._ledgers = ledgers
        self.now = now
        self._tell = tell
        self._start = start
        self._on_frame: OnFrame | None = None
        self.stations = {name: self._station(name, section, random) for name, section in sections.items()}

    def _station(self, name: str, section: RadioSection, random: Callable[[int], int]) -> Station:
        radio = Radio(section.port, Driver(dialect_of(section)), partial(self._event, name), baud=section.baud)
        return Station(radio, Mac(channel_of(section), self._ledger(name, section), random, awake=True))

    def _ledger(self, name: str, section: RadioSection) -> Ledger:
        ledger = ledger_of(section)
        spent = self._ledgers.load(name)
        if spent is not None and not ledger.load_untrusted(spent, self.now()):
            log.info("radio %s keeps to another band than before, or its airtime is not known: it waits an hour", name)
        return ledger

    @property
    def macs(self) -> dict[str, Mac]:
        """By name, for the hub."""
        return {name: station.mac for name, station in self.stations.items()}

    async def begin(self, on_frame: OnFrame) -> None:
        """Open the ports; those that are not there yet are tried again."""
        self._on_frame = on_frame
        for station in self.stations.values():
            await station.radio.start()

    async def aclose(self) -> None:
        """Let the ports go."""
        for station in self.stations.values():
            await station.radio.stop()

    def transmit(self, name: str, frame: bytes) -> None:
        """A frame that the mac let go. A radio that cannot send it now does not send it later: it would be too late."""
        station = self.stations[name]
        if not station.ready:
            station.unsent += 1
            return
        self._start(self._send(name, station, frame))

    async def _send(self, name: str, station: Station, frame: bytes) -> None:
        try:
            await self._ledgers.save(name, station.mac.ledger.dump())
        except StoreError:
            station.unsent += 1  # a restart would not know of it
            return
        station.sent += 1
        await station.radio.send(frame, None)

    def _event(self, name: str, event: Event) -> None:
        station = self.stations[name]
        if isinstance(event, Received):
            station.heard += 1
            if self._on_frame is not None:
                self._on_frame(name, event.frame, event.rssi_dbm, event.snr_db)
        elif isinstance(event, Ready):
            if station.lost:
                self._tell(f"radio {name} is back")
            station.ready, station.lost = True, ""
            station.module = f"{event.identity.kind} {event.identity.version}".strip()
            log.info("radio %s listens: %s at %s", name, station.module, station.radio.url)
        elif isinstance(event, Lost):
            station.ready, station.lost = False, event.reason
            self._tell(f"radio {name} cannot be used: {event.reason}; comatrix radio probe {station.radio.url}")
        elif isinstance(event, Refused | Unknown):
            station.unsent += 1

    def told(self) -> dict[str, dict[str, Any]]:
        """Name -> how it is, JSON-ready."""
        now = self.now()
        return {
            name: {
                "port": one.radio.url,
                "module": one.module,
                "ready": one.ready,
                "lost": one.lost,
                "heard": one.heard,
                "sent": one.sent,
                "unsent": one.unsent,
                "airtime_us": one.mac.ledger.used_us(now),
                "airtime_allowed_us": one.mac.ledger.budget_us,
            }
            for name, one in self.stations.items()
        }
