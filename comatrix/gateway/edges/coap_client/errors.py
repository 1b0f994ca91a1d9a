"""Why a request got no answer.

NoAnswer          nothing came in time
+-- Refused       the other machine says that nobody listens at that port
+-- WasReset      the other side rejected the message (RFC 7252 section 4.2)
+-- NoHandshake   DTLS did not come to be, or ended
BrokenAnswerError   an answer came that cannot be used
NoSeq             there is no number left under which a record could be sent
"""


class NoAnswer(Exception):  # noqa: N818 - reads as the state it names
    """Nothing came in time."""


class Refused(NoAnswer):
    """The other machine says that nobody listens at that port."""


class WasReset(NoAnswer):
    """The other side rejected the message."""


class NoHandshake(NoAnswer):
    """DTLS did not come to be, or ended. `heard`: something came back; `asked`: it wanted the key; `alert`: what it
    refused by, or None; `stood`: it had come to be."""

    def __init__(self, *, heard: bool, asked: bool, alert: int | None, stood: bool = False) -> None:
        super().__init__()
        self.heard = heard
        self.asked = asked
        self.alert = alert
        self.stood = stood


class BrokenAnswerError(Exception):
    """The answer cannot be used; the text says why."""


class NoSeq(Exception):  # noqa: N818 - reads as the state it names
    """There is no number left under which a record could be sent."""
