"""Errors a person sees. Each ends with the next command to type, and says which exit code the command line earns.

GatewayError       1  failed
+-- UsageError     2  wrong usage or configuration
+-- Unreachable    3  the homeserver or the running gateway did not answer
+-- StoreError     1  the database cannot be used, or is full
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


class StoreError(GatewayError):
    """The database cannot be opened, is locked by another process, or cannot take more."""
