"""The exceptions of the LoRa link, which stands alone: it knows nothing of `comatrix.errors`."""


class LoraError(Exception):
    """Root of everything this package raises on purpose. The text is for people."""
