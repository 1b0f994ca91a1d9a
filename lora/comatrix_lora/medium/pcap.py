"""Frames received, as a capture file that Wireshark and tshark read: pcap with LoRaTap headers, link type 270.

pcap: draft-ietf-opsawg-pcap, sections 4 and 5, times in microseconds. LoRaTap version 1: github.com/eriknl/LoRaTap, README.
"""

import struct
from typing import BinaryIO

from comatrix_lora.medium.frame import Reception
from comatrix_lora.medium.statistics import Outcome

LINKTYPE_LORATAP = 270
_MAGIC_MICROSECONDS = 0xA1B2C3D4
_LONGEST = 512
# Version, padding, length; frequency, bandwidth, SF; four of RSSI and SNR; sync word; source gateway, timestamp, flags,
# coding rate, data rate of FSK, IF channel, RF chain, tag.
_LORATAP = struct.Struct(">BBHIBBBBBBBQIBBHBBH")
_BANDWIDTH_STEP_HZ = 125_000
_NOT_KNOWN = 255
_CRC_OK = 0x08
_RSSI_ZERO_DBM_X10 = -1390


class PcapWriter:
    """An observer of a medium: one packet for each frame at each radio that received it, at the frame's end.

    `epoch_us` is the time of day at which the medium's clock was 0. A radio is told from others by its source gateway
    field, numbered in the order of their first packets.
    """

    def __init__(self, file: BinaryIO, epoch_us: int = 0) -> None:
        self._file = file
        self._epoch_us = epoch_us
        self._numbers: dict[str, int] = {}
        file.write(struct.pack("<IHHiIII", _MAGIC_MICROSECONDS, 2, 4, 0, 0, _LONGEST, LINKTYPE_LORATAP))

    def __call__(self, reception: Reception) -> None:
        if reception.outcome is not Outcome.RECEIVED:
            return
        number = self._numbers.setdefault(reception.receiver.name, len(self._numbers))
        packet = loratap_header(reception, number) + reception.frame.data
        seconds, us = divmod(self._epoch_us + reception.frame.end_us, 1_000_000)
        self._file.write(struct.pack("<IIII", seconds, us, len(packet), len(packet)) + packet)


def loratap_header(reception: Reception, number: int) -> bytes:
    """35 bytes. Levels out of the fields' range become the nearest that fits."""
    settings = reception.frame.settings
    return _LORATAP.pack(
        1,
        0,
        _LORATAP.size,
        settings.frequency_hz,
        min(settings.bandwidth_hz // _BANDWIDTH_STEP_HZ, 255),
        settings.sf,
        _packet_rssi(reception.rssi_dbm_x10, reception.snr_db_x10),
        _NOT_KNOWN,
        _NOT_KNOWN,
        max(-128, min(127, round(reception.snr_db_x10 * 4 / 10))) & 0xFF,
        settings.sync_word,
        number,
        reception.frame.end_us & 0xFFFFFFFF,
        _CRC_OK,
        settings.coding_rate,
        0,
        0,
        0,
        0,
    )


def _packet_rssi(rssi_dbm_x10: int, snr_db_x10: int) -> int:
    """Steps of 1 dB above -139 dBm, of a quarter where the SNR is negative."""
    steps = 1 if snr_db_x10 >= 0 else 4
    return max(0, min(_NOT_KNOWN - 1, round((rssi_dbm_x10 - _RSSI_ZERO_DBM_X10) * steps / 10)))
