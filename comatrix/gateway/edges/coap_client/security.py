"""How a request is sealed and its answer opened; plain CoAP leaves both as they are."""

from typing import Protocol

from comatrix.codec import coap

Options = list[tuple[int, bytes]]


class Opened:
    """An answer: `order` grows with each the other side makes, None where only Observe tells (RFC 7641 section 3.4)."""

    def __init__(self, code: int, options: Options, payload: bytes, order: int | None = None) -> None:
        self.code = code
        self.options = options
        self.payload = payload
        self.order = order

    def first(self, number: int) -> bytes | None:
        """The value of the first such option."""
        return next((value for known, value in self.options if known == number), None)


class Sealed(Protocol):
    """One request as it leaves, and how answers to it are read."""

    code: int
    options: Options
    payload: bytes

    def open_untrusted(self, message: coap.Message) -> Opened:
        """Raises BrokenAnswerError: it is not the other side's."""


class Security(Protocol):
    """What requests are sealed by."""

    protected: bool

    def seal(self, code: int, options: Options, payload: bytes) -> Sealed:
        """A request, sorted options -> what is sent."""


class PlainRequest:
    """As it is."""

    def __init__(self, code: int, options: Options, payload: bytes) -> None:
        self.code = code
        self.options = options
        self.payload = payload

    def open_untrusted(self, message: coap.Message) -> Opened:
        """Anybody may have sent it."""
        return Opened(message.code, list(message.options), message.payload)


class Plain:
    """No security of its own. `protected`: the link has it."""

    def __init__(self, *, protected: bool = False) -> None:
        self.protected = protected

    def seal(self, code: int, options: Options, payload: bytes) -> Sealed:
        """As it is."""
        return PlainRequest(code, options, payload)
