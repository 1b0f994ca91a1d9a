"""A station and a hub under fire: whatever comes is counted, and neither remembers any of it."""

from typing import Any

from comatrix_lora.rules import Ack

from tests.lora.hostile_frames import Attacked, Hearer, Pair
from tests.lora.link_by_hand import Link
from tests.lora.test_link_hostile import DOWN, UP, frame
from tests.lora.test_rekeying_hostile import STEPS, Exchange

MOST_STEP_MS = 20


class End:
    """One end of the link, as one who hears."""

    def __init__(self, up: bool) -> None:
        self.up = up


class KeyEnds(Attacked):
    """Four links, each in the middle of new keys, one before each frame of them; those before it were heard."""

    def __init__(self, seed: int) -> None:
        self.links: dict[Hearer, Link] = {}
        kinds: list[Pair] = []
        replayed: list[Pair] = []
        for step in STEPS:
            exchange, said = Exchange(), []
            for _ in range(STEPS.index(step)):
                said.append(exchange.said())
                exchange.hear(said[-1])
            hub, station = End(up=False), End(up=True)
            self.links |= {hub: exchange.link, station: exchange.link}
            hearers = [hub if place % 2 == 0 else station for place in range(len(said) + 1)]
            kinds.append((exchange.said(), hearers[-1]))
            replayed += zip(said, hearers[:-1], strict=True)
        self.kinds, self.replayed = kinds, replayed
        super().__init__(seed)

    def state(self) -> object:
        return [(link.state(), link.station.malformed) for link in self.links.values()]

    def hear(self, data: bytes, hearer: Hearer) -> str | None:
        """No time goes by: what is offered would be let go."""
        link = self.links[hearer]
        before = link.ignored()
        told = link.hear(not hearer.up, data)
        quiet = not told and link.ignored() == before + 1
        return f"ignored by the {'station' if hearer.up else 'hub'}" if quiet else None


class Ends(Attacked):
    """Both ends of one link that have met, and every kind of content in an authentic frame."""

    def __init__(self, seed: int) -> None:
        self.link = Link()
        self.station, self.hub = End(up=True), End(up=False)
        self.replayed = [*self._heard_by_the_hub(), *self._heard_by_the_station()]
        self.kinds = [*self._waiting()]
        super().__init__(seed)

    def _waiting(self) -> list[Pair]:
        """Frames that the other end will never get whole."""
        up = [(frame(self.link, True, rule), self.hub) for rule in UP.values()]
        down = [(self._down(rule, 9_100 + place), self.station) for place, rule in enumerate(DOWN.values())]
        return [*up, *down]

    def _heard_by_the_hub(self) -> list[Pair]:
        found: list[Pair] = []
        for rule in UP.values():
            data = frame(self.link, True, rule)
            for heard in self.link.hear(True, data):
                self.link.hub.committed(heard, self.link.now)
            self.link.now += 5_000  # what it would have answered is late
            self.link.hub.datagrams_to_send(self.link.now)
            found.append((data, self.hub))
        return found

    def _heard_by_the_station(self) -> list[Pair]:
        """Under counters of the gateway's own, and one under the nonce of a request."""
        asked = frame(self.link, True, UP["record"])
        [heard] = self.link.hear(True, asked)
        sent = [self._down(rule, 9_000 + place) for place, rule in enumerate(DOWN.values())]
        sent.append(self.link.gateway.seal_response(heard.counter, Ack(0, 0).encode()))
        for data in sent:
            self.link.hear(False, data)
        while self.link.station.next_event() is not None:
            pass
        self.link.hub.committed(heard, self.link.now)
        self.link.now += 5_000
        self.link.hub.datagrams_to_send(self.link.now)
        return [(asked, self.hub), *((data, self.station) for data in sent)]

    def _down(self, rule: Any, own: int) -> bytes:
        return self.link.gateway.seal_response(self.link.gateway.window.highest, rule.encode(), own)

    def state(self) -> object:
        return self.link.state(), self.link.station.malformed

    def hear(self, data: bytes, hearer: Hearer) -> str | None:
        self.link.now += self.noise.randrange(MOST_STEP_MS)
        before = self.link.ignored()
        told = self.link.hear(not hearer.up, data)
        quiet = not told and self.link.ignored() == before + 1
        return f"ignored by the {'station' if hearer.up else 'hub'}" if quiet else None
