"""Errors a person sees. Each ends with the next command to type, and says which exit code the command line earns.

GatewayError       1  failed
+-- UsageError     2  wrong usage or configuration
+-- Unreachable    3  the homeserver or the running gateway did not answer
+-- MailboxFull    1  as many commands wait for the node as may
+-- StoreError     1  the database cannot be used
    +-- StoreInUse 1  another process has it
    +-- StoreFull  1  it takes no more records for now; what waits is still posted
"""

from comatrix.errors import ComatrixError


class GatewayError(ComatrixError):
    """`text` says what is wrong, `next_step` what to type or do next (may be empty)."""

    exit_code = 1

    def __init__(self, text: str, next_step: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.next_step = next_step


class UsageError(GatewayError):
    """Wrong usage or configuration."""

    exit_code = 2


class Unreachable(GatewayError):  # noqa: N818 - reads as the state it names
    """The homeserver, or a gateway that should be running, did not answer."""

    exit_code = 3


class MailboxFull(GatewayError):  # noqa: N818 - reads as the state it names
    """As many commands wait for the node as may."""


class StoreError(GatewayError):
    """The database cannot be opened, is locked by another process, or cannot take more."""


class StoreInUse(StoreError):  # noqa: N818 - reads as the state it names
    """Another process has the database."""


class StoreFull(StoreError):  # noqa: N818 - reads as the state it names
    """No room for another record now. `retry_after_s`: what the node is told as Max-Age with its 5.03."""

    def __init__(self, text: str, next_step: str = "", *, retry_after_s: int = 60) -> None:
        super().__init__(text, next_step)
        self.retry_after_s = retry_after_s
