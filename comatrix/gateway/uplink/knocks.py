"""Security events in words and in bulk: a line at first, then one a while with how many there were, and a list."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.uplink.sanitise import clean_name
from comatrix.session.server import Knock

EVERY_MS = 600_000
MOST_STRANGERS = 32  # told one by one at a time; beyond it they are counted together
MOST_NODES = 128
LISTED = 256  # events the list keeps; the one that rests longest goes first

# {who}, {times} ("once", "14 times"), {count} and {s} (plural).
_TEXTS = {
    "wrong key": "{who} knocked {times} with a wrong key",
    "old key": "{who} knocked {times} with a key from before the database was put back; it makes a new one by itself",
    "unknown node": "unknown {who} knocked {times}",
    "unknown identity": "unknown {who} knocked {times}",
    "no handshake": "{count} DTLS handshake{s} with {who} came to nothing",
    "other node": "{who} knocked {times} with the OSCORE identity of another node inside its DTLS",
    "no security": "{who} knocked {times} without security",
    "wrong listener": "plain {who} knocked {times} at a listener for encrypted nodes: it belongs to [udp] plain_bind",
    "wrong address": "{who} knocked {times} without security and is no plain node's address",
    "blocked": "blocked {who} knocked {times}",
    "malformed": "{count} malformed datagram{s} from {who}",
    "dropped": "{count} datagram{s} from {who} dropped unread: too many before had failed",
    "too fast": "{who} was told {times} to slow down: it sends more than [limits] node_rate allows",
    "replay": "{count} replayed message{s} of {who} refused",
}

_Key = tuple[str, str]  # (reason, who)


@dataclass(slots=True)
class _Untold:
    count: int
    told_ms: int


@dataclass(slots=True)
class _Event:
    count: int
    first_ms: int
    last_ms: int
    address: str | None


class Knocks:
    """`tell` gets the lines; `name(number)` a node's name, or None. Times in ms of a clock that never goes back."""

    def __init__(self, tell: Callable[[str], None], name: Callable[[int], str | None]) -> None:
        self._tell = tell
        self._name = name
        self._nodes: dict[_Key, _Untold] = {}
        self._strangers: dict[_Key, _Untold] = {}
        self._events: OrderedDict[_Key, _Event] = OrderedDict()
        self.total = 0

    def note(self, knock: Knock, now: int) -> None:
        """Count one, and tell of it if it is the first in a while."""
        self.total += 1
        key = self._counted(knock, now)
        table = self._strangers if knock.node is None else self._nodes
        untold = table.get(key)
        if untold is None:
            table[key] = _Untold(0, now)
            self._tell(_words(key, 1))
            return
        untold.count += 1
        if now - untold.told_ms >= EVERY_MS:
            self._tell_of(key, untold, now)

    def next_deadline(self) -> int | None:
        """When `handle_timer` is due, or None."""
        return min((untold.told_ms + EVERY_MS for table in self._tables for untold in table.values()), default=None)

    def handle_timer(self, now: int) -> None:
        """Tell what came since the last lines that are EVERY_MS old; forget who has been quiet since."""
        for table in self._tables:
            for key, untold in list(table.items()):
                if now - untold.told_ms < EVERY_MS:
                    continue
                if untold.count:
                    self._tell_of(key, untold, now)
                else:
                    del table[key]

    def tell_rest(self, now: int) -> None:
        """The gateway stops: what was counted and not told yet."""
        for table in self._tables:
            for key, untold in table.items():
                if untold.count:
                    self._tell_of(key, untold, now)

    def report(self, unix_offset_ms: int) -> list[dict[str, Any]]:
        """Every event remembered, the latest first, JSON-ready. `unix_offset_ms`: from this clock to Unix time."""
        return [
            {
                "text": _words(key, event.count),
                "reason": key[0],
                "who": key[1],
                "count": event.count,
                "first_ms": event.first_ms + unix_offset_ms,
                "last_ms": event.last_ms + unix_offset_ms,
                "address": event.address,
            }
            for key, event in reversed(self._events.items())
        ]

    @property
    def _tables(self) -> tuple[dict[_Key, _Untold], dict[_Key, _Untold]]:
        return self._nodes, self._strangers

    def _counted(self, knock: Knock, now: int) -> _Key:
        """The key this one is counted under."""
        address = None if knock.addr is None else clean_name(knock.addr[1][0])
        key = knock.reason, self._who(knock, address)
        if knock.node is None:
            others = "other addresses" if knock.kid is None else "nodes from other addresses"
            table, most = self._strangers, MOST_STRANGERS
        else:
            table, most, others = self._nodes, MOST_NODES, "other nodes"
        if key not in table and len(table) >= most:
            key = knock.reason, others
        event = self._events.get(key)
        if event is None:
            if len(self._events) >= LISTED:
                self._events.popitem(last=False)
            event = self._events[key] = _Event(0, now, now, None)
        event.count += 1
        event.last_ms = now
        event.address = address
        self._events.move_to_end(key)
        return key

    def _who(self, knock: Knock, address: str | None) -> str:
        if knock.node is not None:
            return f"node '{clean_name(self._name(knock.node) or str(knock.node))}'"
        if knock.kid is None:
            return str(address)
        if knock.reason == "unknown identity":
            return f"PSK identity '{clean_name(knock.kid.decode(errors='replace'))}' from {address}"
        number = int.from_bytes(knock.kid, "big") if len(knock.kid) <= 2 else None
        return f"node {number} from {address}" if number else f"node from {address}"

    def _tell_of(self, key: _Key, untold: _Untold, now: int) -> None:
        self._tell(_words(key, untold.count))
        untold.count = 0
        untold.told_ms = now


def _words(key: _Key, count: int) -> str:
    reason, who = key
    times = "once" if count == 1 else f"{count} times"
    return _TEXTS[reason].format(who=who, times=times, count=count, s="" if count == 1 else "s")
