"""Why a request got no answer.

NoAnswer       nothing came in time
+-- Refused    the other machine says that nobody listens at that port
+-- WasReset   the other side rejected the message (RFC 7252 section 4.2)
BrokenAnswerError   an answer came that cannot be used
NoSeq          there is no number left under which a record could be sent
"""


class NoAnswer(Exception):  # noqa: N818 - reads as the state it names
    """Nothing came in time."""


class Refused(NoAnswer):
    """The other machine says that nobody listens at that port."""


class WasReset(NoAnswer):
    """The other side rejected the message."""


class BrokenAnswerError(Exception):
    """The answer cannot be used; the text says why."""


class NoSeq(Exception):  # noqa: N818 - reads as the state it names
    """There is no number left under which a record could be sent."""
