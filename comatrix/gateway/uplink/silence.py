"""Since when no news came from the homeserver, and why."""

from dataclasses import dataclass
from typing import Any

from comatrix.gateway.model import HomeserverAnswer


@dataclass(slots=True)
class Silence:
    """`since_ms` None: news come. Times: ms of the caller's clock. `refused`: it did answer, with a no of its own."""

    since_ms: int | None = None
    why: str = ""
    refused: bool = False

    def note(self, answer: HomeserverAnswer, now_ms: int) -> None:
        """A request for news came to nothing."""
        if self.since_ms is None:
            self.since_ms = now_ms
        self.why = answer.error or f"HTTP {answer.status}"
        self.refused = not answer.unsettled

    def over(self) -> None:
        """News came."""
        self.since_ms, self.why, self.refused = None, "", False

    def told(self, offset_ms: int) -> dict[str, Any] | None:
        """For `comatrix status`; `offset_ms` makes the caller's clock Unix time. None: news come."""
        if self.since_ms is None:
            return None
        return {"since_ms": self.since_ms + offset_ms, "why": self.why, "refused": self.refused}
