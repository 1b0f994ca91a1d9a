"""Frames received, as a capture file that Wireshark and tshark read: pcap with LoRaTap headers, link type 270.

pcap: draft-ietf-opsawg-pcap, sections 4 and 5, times in microseconds. LoRaTap versions 0 and 1: README of
github.com/eriknl/LoRaTap.
"""

import struct
from typing import BinaryIO

from comatrix_lora.medium.frame import Reception
from comatrix_lora.medium.statistics import Outcome

LINKTYPE_LORATAP = 270
_MAGIC_MICROSECONDS = 0xA1B2C3D4
_LONGEST = 512
# Version, padding, length; frequency, bandwidth, SF; RSSI of packet, maximum, current; SNR; sync word.
_VERSION_0 = struct.Struct(">BBHIBBBBBBB")
# Source gateway, timestamp, flags, coding rate, data rate of FSK, IF channel, RF chain, tag.
_VERSION_1_MORE = struct.Struct(">QIBBHBBH")
_BANDWIDTH_STEP_HZ = 125_000
_CRC_OK = 0x08
_RSSI_ZERO_DBM_X10 = -1390
_MOST = 254  # 255 means that nothing is known


class PcapWriter:
    """An observer of a medium: one packet for each frame at each radio that received it, at the frame's end.

    `epoch_us` is the time of day at which the medium's clock was 0. Version 1 tells coding rates too, and radios apart:
    by the source gateway field, numbered in the order of their first packets. tshark 4.0 takes what version 1 adds for
    the beginning of the frame.
    """

    def __init__(self, file: BinaryIO, epoch_us: int = 0, version: int = 0) -> None:
        if version not in (0, 1):
            raise ValueError(f"there is no version {version} of LoRaTap")
        self._file = file
        self._epoch_us = epoch_us
        self._version = version
        self._numbers: dict[str, int] = {}
        file.write(struct.pack("<IHHiIII", _MAGIC_MICROSECONDS, 2, 4, 0, 0, _LONGEST, LINKTYPE_LORATAP))

    def __call__(self, reception: Reception) -> None:
        if reception.outcome is not Outcome.RECEIVED:
            return
        number = self._numbers.setdefault(reception.receiver.name, len(self._numbers))
        header = loratap_1(reception, number) if self._version else loratap_0(reception)
        packet = header + reception.frame.data
        seconds, us = divmod(self._epoch_us + reception.frame.end_us, 1_000_000)
        self._file.write(struct.pack("<IIII", seconds, us, len(packet), len(packet)) + packet)


def loratap_0(reception: Reception, version: int = 0, length: int = _VERSION_0.size) -> bytes:
    """15 bytes. Levels out of the fields' range become the nearest that fits."""
    settings = reception.frame.settings
    level = _steps(reception.rssi_dbm_x10, 1)
    return _VERSION_0.pack(
        version,
        0,
        length,
        settings.frequency_hz,
        min(settings.bandwidth_hz // _BANDWIDTH_STEP_HZ, 255),
        settings.sf,
        # Where the SNR is negative a step is a quarter of a dB, says LoRaTap; Wireshark reads whole ones always. So the
        # level in whole steps follows, in the fields of the strongest and the current one.
        level if reception.snr_db_x10 >= 0 else _steps(reception.rssi_dbm_x10, 4),
        level,
        level,
        max(-128, min(127, round(reception.snr_db_x10 * 4 / 10))) & 0xFF,
        settings.sync_word,
    )


def loratap_1(reception: Reception, number: int) -> bytes:
    """35 bytes; `number` tells the radio."""
    rate = reception.frame.settings.coding_rate
    more = _VERSION_1_MORE.pack(number, reception.frame.end_us & 0xFFFFFFFF, _CRC_OK, rate, 0, 0, 0, 0)
    return loratap_0(reception, 1, _VERSION_0.size + len(more)) + more


def _steps(rssi_dbm_x10: int, steps_a_db: int) -> int:
    return max(0, min(_MOST, round((rssi_dbm_x10 - _RSSI_ZERO_DBM_X10) * steps_a_db / 10)))
