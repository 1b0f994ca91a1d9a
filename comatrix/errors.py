"""The exceptions of the shared core, one tree.

    ComatrixError
    +-- WireError               bytes from the other side are wrong; `code` is the CoAP answer they earn
    |   +-- CborError           4.00  not the CBOR we accept (RFC 8949)
    |   +-- MessageFormatError  none  not a CoAP message (RFC 7252 section 3): a CON earns a Reset, the rest silence
    |   +-- BadOptionError      4.02  a critical option we do not know or cannot read (RFC 7252 section 5.4.1)
    |   +-- RecordError         4.00  well-formed CBOR that is no record of ours
    |   +-- OscoreError         4.00, 4.01 or 4.02 as RFC 8613 section 8.2 says
    +-- LocalError              the caller asked for what cannot be done; a bug or a limit on this side
        +-- CounterError        a counter was taken before its reservation was on disk
        +-- BusyError           a bounded queue is full

Gateway errors that a person reads are in `comatrix.gateway.errors`.
"""

BAD_REQUEST = 0x80
UNAUTHORIZED = 0x81
BAD_OPTION = 0x82


class ComatrixError(Exception):
    """Root of everything this project raises on purpose."""


class WireError(ComatrixError):
    """Bytes from the other side are wrong. `code`: the CoAP answer code they earn, or None for none."""

    code: "int | None" = BAD_REQUEST


class CborError(WireError):
    """Not the CBOR we accept."""


class MessageFormatError(WireError):
    """Not a CoAP message (RFC 7252 section 3)."""

    code = None


class BadOptionError(WireError):
    """A critical option that is unknown or has a value of a wrong length."""

    code = BAD_OPTION


class RecordError(WireError):
    """Well-formed CBOR that is no record of ours."""


class OscoreError(WireError):
    """OSCORE processing failed; the code says at which step (RFC 8613 section 8.2)."""

    def __init__(self, text: str, code: int = BAD_REQUEST) -> None:
        super().__init__(text)
        self.code = code


class LocalError(ComatrixError):
    """The caller asked for what cannot be done."""


class CounterError(LocalError):
    """A counter value was taken before its reservation was on disk."""


class BusyError(LocalError):
    """A bounded queue is full."""
