"""What `Station.next_event` tells."""


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
    """Store `limit` for the counter, synced, then call `reserved` with it: nothing is sent before."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
