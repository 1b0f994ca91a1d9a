"""Whether the homeserver can be reached, as the answers to our requests tell."""

from comatrix.gateway.model import HomeserverAnswer

RED_AFTER_MS = 120_000


class Reach:
    """Times in monotonic ms. Where nothing is asked nothing is known to be wrong."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._why = ""

    def note(self, answer: HomeserverAnswer, now: int, overdue_s: float = 0.0) -> None:
        """A request ended, after it was overdue so long: then the homeserver was away. 502 to 504: a proxy's."""
        if answer.status is None or answer.status in (502, 503, 504):
            self._since = now - int(overdue_s * 1000) if self._since is None else self._since
            self._why = answer.error or f"HTTP {answer.status}"
        else:
            self._since = None

    def trouble(self, now: int) -> str:
        """In words, once no request had an answer for two minutes; else ""."""
        if self._since is None or now - self._since < RED_AFTER_MS:
            return ""
        return f"the homeserver has been unreachable for {(now - self._since) // 1000} s: {self._why}"
