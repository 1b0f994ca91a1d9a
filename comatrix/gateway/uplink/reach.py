"""Whether the homeserver can be reached, as the answers to our requests tell."""

RED_AFTER_MS = 120_000


class Reach:
    """Times in monotonic ms. Where nothing is asked nothing is known to be wrong."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._why = ""

    def note(self, status: int | None, why: str, now: int) -> None:
        """A request ended: `status` of HTTP, None without an answer. 502 to 504 come from a proxy."""
        if status is None or status in (502, 503, 504):
            self._since = now if self._since is None else self._since
            self._why = why or f"HTTP {status}"
        else:
            self._since = None

    def trouble(self, now: int) -> str:
        """In words, once no request had an answer for two minutes; else ""."""
        if self._since is None or now - self._since < RED_AFTER_MS:
            return ""
        return f"the homeserver has been unreachable for {(now - self._since) // 1000} s: {self._why}"
