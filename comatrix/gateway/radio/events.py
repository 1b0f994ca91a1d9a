"""What a driver tells whoever uses the radio.

Every frame that was handed to `send` ends in exactly one of Sent, Refused and Unknown. `token` is the caller's own.
"""

from dataclasses import dataclass

from comatrix.gateway.radio.settings import RadioSettings


@dataclass(frozen=True, slots=True)
class Identity:
    """The module that answers: "RYLR" or "RAK3172", its firmware's own words, and how it is set."""

    kind: str
    version: str
    settings: RadioSettings


@dataclass(frozen=True, slots=True)
class Ready:
    """The module is set up and listens."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Received:
    """A frame from the air. RSSI and SNR are the module's own figures."""

    frame: bytes
    rssi_dbm: int
    snr_db: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The frame left the antenna: the module said so, or its airtime is over since the module took it."""

    token: object


@dataclass(frozen=True, slots=True)
class Refused:
    """The frame was never on air, and will not be."""

    reason: str
    token: object


@dataclass(frozen=True, slots=True)
class Unknown:
    """The frame may have been on air: the module or its port was lost meanwhile. Whoever sent it decides what next."""

    reason: str
    token: object


@dataclass(frozen=True, slots=True)
class Lost:
    """The radio cannot be used for now; told once, until it is Ready again. Frames that wait stay."""

    reason: str


Event = Ready | Received | Sent | Refused | Unknown | Lost
