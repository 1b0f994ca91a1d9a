"""What happened on the medium, a line a frame and radio, and one hash over all of it."""

import hashlib
from typing import TextIO

from comatrix_lora.medium.frame import Reception


class Transcript:
    """An observer of a medium. Same seed and same calls, same `digest`; `file` gets the lines, where one is given."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.lines = 0

    def __call__(self, reception: Reception) -> None:
        line = line_of(reception) + "\n"
        self.lines += 1
        self._hash.update(line.encode())
        if self._file is not None:
            self._file.write(line)

    @property
    def digest(self) -> str:
        """SHA-256 of the lines so far, in hex."""
        return self._hash.hexdigest()


def line_of(reception: Reception) -> str:
    """When it was decided, from start to end in us, from whom to whom, channel, tenths of dB, outcome, bytes."""
    frame, settings = reception.frame, reception.frame.settings
    return (
        f"{reception.us} {frame.start_us}-{frame.end_us} {frame.sender.name}>{reception.receiver.name}"
        f" {settings.frequency_hz}/{settings.bandwidth_hz}/SF{settings.sf}"
        f" {reception.rssi_dbm_x10} {reception.snr_db_x10} {reception.outcome.value}: {frame.data.hex()}"
    )
