"""Strangers and wrong keys, told in words and in bulk: one line at first, then one a while with how many there were."""

from collections.abc import Callable

from comatrix.session.server import Knock

EVERY_MS = 600_000
CAP = 1_024  # (reason, who) pairs remembered; beyond it they are counted together

_TEXTS = {
    "wrong key": "{who} knocked {times} with a wrong key",
    "old key": "{who} knocked {times} with a key from before the database was put back; it makes a new one by itself",
    "unknown node": "unknown {who} knocked {times}",
    "no security": "{who} knocked {times} without security",
}


class Knocks:
    """`tell` gets the lines; `name(number)` a node's name, or None. Times in ms of a clock that never goes back."""

    def __init__(self, tell: Callable[[str], None], name: Callable[[int], str | None]) -> None:
        self._tell = tell
        self._name = name
        self._known: dict[tuple[str, str], list[int]] = {}  # -> [count since the last line, when that was]
        self.total = 0

    def note(self, knock: Knock, now: int) -> None:
        """Count one, and tell if it is the first or the last line is long ago."""
        self.total += 1
        key = knock.reason, self._who(knock)
        entry = self._known.get(key)
        if entry is None:
            if len(self._known) >= CAP:
                key = knock.reason, "many others"
            entry = self._known.setdefault(key, [0, now - EVERY_MS])
        entry[0] += 1
        if now - entry[1] >= EVERY_MS:
            self._tell(_TEXTS[key[0]].format(who=key[1], times=_times(entry[0])))
            entry[0] = 0
            entry[1] = now

    def _who(self, knock: Knock) -> str:
        if knock.node is not None:
            return f"node '{self._name(knock.node) or knock.node}'"
        address = knock.addr[1][0]
        if knock.kid is None:
            return str(address)
        number = int.from_bytes(knock.kid, "big") if len(knock.kid) <= 2 else None
        return f"node {number} from {address}" if number else f"node from {address}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
