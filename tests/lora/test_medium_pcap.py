"""The capture file: field by field against the two specifications, and read by tshark where there is one."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from comatrix_lora.medium.frame import Frame, Reception
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.pcap import PcapWriter, loratap_0
from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.medium.statistics import Outcome

from tests.support.scripted_air import AIRTIME_US, PositionIsLoss

SF12 = RadioSettings(868_300_000, sf=12, bandwidth_hz=250_000, coding_rate=8, sync_word=0x34)


def capture(epoch_us: int = 0, version: int = 0) -> bytes:
    """Two radios hear a frame at SF7, one a weak one at SF12; one more is lost."""
    file, medium = io.BytesIO(), Medium(1, PositionIsLoss())
    medium.observe(PcapWriter(file, epoch_us, version))
    for name, settings in (("gw/7a", None), ("gw/7b", None), ("gw/12", SF12)):
        medium.radio(name, (0.0,), settings).listen()
    strong, weak, lost = (medium.radio(name, (loss,)) for name, loss in (("s", 100.0), ("w", 140.0), ("l", 150.0)))
    weak.configure(SF12)
    medium.at(0, lambda: strong.transmit(bytes(range(20))))
    medium.at(3_000_000, lambda: weak.transmit(b"weak"))
    medium.at(9_000_000, lambda: lost.transmit(b"lost"))
    medium.run()
    return file.getvalue()


def packets(data: bytes) -> list[tuple[int, int, bytes]]:
    """(seconds, microseconds, bytes) of each record, by draft-ietf-opsawg-pcap section 5."""
    found, at = [], 24
    while at < len(data):
        seconds, us, kept, size = struct.unpack_from("<IIII", data, at)
        assert kept == size
        found.append((seconds, us, data[at + 16 : at + 16 + kept]))
        at += 16 + kept
    assert at == len(data)
    return found


def test_the_file_begins_as_pcap_in_microseconds_with_link_type_270() -> None:
    magic, major, minor, zone, accuracy, longest, link_type = struct.unpack_from("<IHHiIII", capture())
    assert (magic, major, minor, zone, accuracy, link_type) == (0xA1B2C3D4, 2, 4, 0, 0, 270)
    assert longest >= 35 + 255


def test_each_reception_is_a_packet_at_its_end_and_what_was_lost_is_none() -> None:
    found = packets(capture(epoch_us=1_700_000_000_000_000))
    assert [(seconds, us) for seconds, us, _ in found[:2]] == [(1_700_000_000, AIRTIME_US)] * 2
    assert [data[15:] for _, _, data in found] == [bytes(range(20)), bytes(range(20)), b"weak"]


def test_the_header_holds_what_loratap_0_says_at_its_place() -> None:
    strong, _, weak = (data for _, _, data in packets(capture()))
    assert strong[0:4] == bytes([0, 0, 0, 15])  # version, padding, length
    assert struct.unpack(">IBB", strong[4:10]) == (868_100_000, 1, 7)
    assert struct.unpack(">IBB", weak[4:10]) == (868_300_000, 2, 12)
    assert [field - 139 for field in strong[10:13]] == [-86, -86, -86]
    assert (weak[10] / 4 - 139, weak[11] - 139, weak[12] - 139) == (-126, -126, -126)
    assert struct.unpack("b", strong[13:14])[0] / 4 == 31
    assert struct.unpack("b", weak[13:14])[0] / 4 == -12
    assert (strong[14], weak[14]) == (0x12, 0x34)


def test_version_1_adds_radio_time_flags_and_coding_rate() -> None:
    plain = [data for _, _, data in packets(capture())]
    found = [data for _, _, data in packets(capture(version=1))]
    for data, short in zip(found, plain, strict=True):
        assert data[0:4] == bytes([1, 0, 0, 35])
        assert data[4:15] == short[4:15]
        assert data[35:] == short[15:]
        assert data[27] == 0b1000  # LoRa, not inverted, explicit header, CRC right
        assert data[29:35] == bytes(6)
    assert [int.from_bytes(data[15:23], "big") for data in found] == [0, 1, 2]
    assert int.from_bytes(found[0][23:27], "big") == AIRTIME_US
    assert [data[28] for data in found] == [5, 5, 8]


def test_there_is_no_version_2() -> None:
    with pytest.raises(ValueError, match="no version 2"):
        PcapWriter(io.BytesIO(), version=2)


@pytest.mark.parametrize(
    ("rssi", "snr", "rssi_field", "snr_field"),
    [(-1500, -330, 0, 0x80), (200, 500, 159, 127), (2000, 500, 254, 127), (-500, -10, 254, 0xFC), (-1390, 0, 0, 0)],
)
def test_levels_beyond_the_fields_are_the_nearest_that_fits(
    rssi: int, snr: int, rssi_field: int, snr_field: int
) -> None:
    radio = Medium(1).radio("node", (0.0,))
    header = loratap_0(Reception(Frame(radio, b"", 0, 5), radio, Outcome.RECEIVED, rssi, snr, 0))
    assert (header[10], header[13]) == (rssi_field, snr_field)


def test_tshark_reads_the_same(tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("no tshark here: apt-get install tshark")
    file = tmp_path / "air.pcap"
    file.write_bytes(capture())
    fields = ["time_epoch", "frequency", "bandwidth", "sf", "packet", "snr", "syncword", "data"]
    names = ["frame.time_epoch", *(f"loratap.channel.{field}" for field in fields[1:4])]
    names += ["loratap.rssi.packet", "loratap.rssi.snr", "loratap.syncword", "data.data"]
    command = ["tshark", "-r", str(file), "-T", "fields", "-E", "separator=,", "--disable-protocol", "lorawan"]
    command += [word for name in names for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    rows = [dict(zip(fields, line.split(","), strict=True)) for line in done.stdout.splitlines()]
    assert [float(row["time_epoch"]) for row in rows[:2]] == [AIRTIME_US / 1e6] * 2
    assert [row["data"] for row in rows] == [bytes(range(20)).hex()] * 2 + [b"weak".hex()]
    assert [row["frequency"] for row in rows] == ["868100000", "868100000", "868300000"]
    assert [(row["bandwidth"], row["sf"], row["syncword"]) for row in rows[1:]] == [
        ("1", "7", "0x12"),
        ("2", "12", "0x34"),
    ]
    assert [row["snr"] for row in rows] == ["124", "124", "208"]  # two's complement, quarters of a dB
    words = subprocess.run(["tshark", "-r", str(file), "-V"], capture_output=True, text=True, check=True, timeout=120)
    for told in ("Packet: -86 dBm", "Current: -126 dBm", "SNR: 31 dB", "Spreading Factor: 12"):
        assert told in words.stdout
