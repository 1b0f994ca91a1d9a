"""What `Station.next_event` tells."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.frame import Peer


class Delivered:
    """A record of ours is on the gateway's disk. `kind`: its resource, a letter."""

    def __init__(self, kind: str, seq: int) -> None:
        self.kind = kind
        self.seq = seq


class Refused:
    """A record of ours is too large for the gateway, or too old to be named: it was let go."""

    def __init__(self, kind: str, seq: int) -> None:
        self.kind = kind
        self.seq = seq


class Item:
    """What waited for us: a command, or with `what` TEXT a text. `arguments`: a CBOR sequence. Told once a life."""

    TEXT = 255

    def __init__(self, id: int, what: int, arguments: bytes) -> None:
        self.id = id
        self.what = what
        self.arguments = arguments


class Time:
    """The gateway's time, Unix seconds, from the answer to the newest request."""

    def __init__(self, unix_s: int) -> None:
        self.unix_s = unix_s


class DescriptionWanted:
    """The gateway asks for the self-description."""


class Reserve:
    """Store `limit` for the counter, synced, then call `reserved` with it: nothing is sent before. `peer`: of a
    gateway's counter, the context it belongs to."""

    def __init__(self, limit: int, peer: "Peer | None" = None) -> None:
        self.limit = limit
        self.peer = peer


class Rekeyed:
    """Appendix B.2 completed: store `extra` in place of the old bytes, synced, then call `rekeyed`: nothing is sent
    before."""

    def __init__(self, extra: bytes) -> None:
        self.extra = extra


class Events:
    """Not taken yet, at most `most` of what only informs. Of Time, Item and DescriptionWanted the newest is enough: a
    gateway lets an item go only with its result, or for good. Readings' Delivered go first; `dropped` counts."""

    def __init__(self, most: int = 64) -> None:
        self.dropped = 0
        self._most = most
        self._waiting: "list[Any]" = []

    def put(self, event: "Any") -> None:
        """One more; of some kinds in place of an older one."""
        if isinstance(event, (Time, Item, DescriptionWanted)):
            self._waiting = [one for one in self._waiting if type(one) is not type(event)]
        self._waiting.append(event)
        if len(self._waiting) > self._most:
            self._drop()

    def _drop(self) -> None:
        told = [one for one in self._waiting if isinstance(one, (Delivered, Refused))]
        readings = [one for one in told if isinstance(one, Delivered) and one.kind == "r"]
        oldest = (readings or told or [None])[0]
        if oldest is not None:
            self._waiting = [one for one in self._waiting if one is not oldest]
            self.dropped += 1

    def take(self) -> "Any":
        """The oldest, or None."""
        return self._waiting.pop(0) if self._waiting else None
