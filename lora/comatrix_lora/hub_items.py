"""Items that a gateway offers to nodes that listen, under counters of its own, until their results are on disk."""

from comatrix_lora.ledger import COMMAND
from comatrix_lora.station_events import Reserve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from comatrix_lora.frame import Peer
    from comatrix_lora.hub_node import HubNode
    from comatrix_lora.mac import Mac
    from comatrix_lora.station import Counter


class Items:
    """`peers_of`, `counter_of`, `radios`: as the hub has them."""

    def __init__(
        self,
        peers_of: "Callable[[int], Iterable[Peer]]",
        counter_of: "Callable[[int], Counter]",
        radios: "dict[str, Mac]",
    ) -> None:
        self._peers_of = peers_of
        self._counter_of = counter_of
        self._radios = radios
        self._reserving: "dict[int, Peer]" = {}
        self._events: "list[tuple[int, Reserve]]" = []

    def reserved(self, number: int, limit: int, peer: "Peer | None") -> None:
        """The counter is stored up to `limit`; of a context that is gone, or where nobody asked, that says nothing."""
        asked = self._reserving.get(number)
        if asked is None or peer not in (None, asked):
            return
        self._reserving.pop(number)
        self._counter_of(number).granted(limit)

    def next_event(self) -> "tuple[int, Reserve] | None":
        """(number, Reserve), or None."""
        return self._events.pop(0) if self._events else None

    def rekeyed(self, number: int) -> None:
        """Its context was replaced, and the counter with it."""
        self._reserving.pop(number, None)
        self._events = [one for one in self._events if one[0] != number]

    def send(self, number: int, node: "HubNode", now: int) -> "tuple[str, bytes] | None":
        """(radio, frame) of what is offered to a node, where it is due and may go."""
        offered = node.offered
        if offered is None or offered.due > now:
            return None
        peer, name = self._way(number, node)
        mac = self._radios[name]
        limit = mac.limit(COMMAND)
        if peer is None or mac.earliest(now, offered.size(limit), COMMAND) > now:
            return None
        counter = self._counter_of(number)
        if not counter.ready():
            self._reserve(number, peer, counter)
            return None
        data = peer.seal_response(peer.window.highest, offered.next_plain(limit), counter.take())
        mac.send(now, len(data))
        offered.sent(now, mac, len(data))
        return name, data

    def _reserve(self, number: int, peer: "Peer", counter: "Counter") -> None:
        if number not in self._reserving:
            self._reserving[number] = peer
            self._events.append((number, Reserve(counter.wanted(), peer)))

    def _way(self, number: int, node: "HubNode") -> "tuple[Peer | None, str]":
        """The context that was heard, and the radio that heard it last."""
        for peer in self._peers_of(number):
            if peer.window.highest >= 0 and not peer.lost:
                return peer, node.radio or sorted(self._radios)[0]
        return None, sorted(self._radios)[0]

    def deadline(self, number: int, node: "HubNode", now: int) -> "int | None":
        """When `send` has something to do."""
        offered = node.offered
        if offered is None or number in self._reserving:
            return None
        peer, name = self._way(number, node)
        if peer is None:
            return None
        mac = self._radios[name]
        return max(offered.due, mac.earliest(now, offered.size(mac.limit(COMMAND)), COMMAND))
