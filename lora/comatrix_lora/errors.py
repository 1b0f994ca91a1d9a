"""The exceptions of the LoRa link, one tree.

LoraError        the caller asked for what cannot be done, or a limit on this side
+-- FrameError   bytes from the air are no frame of ours, or of nobody we hold keys of: silence is the answer
"""


class LoraError(Exception):
    """Root of everything the LoRa link raises on purpose."""


class FrameError(LoraError):
    """Bytes from the air are wrong; nothing was changed by them."""
