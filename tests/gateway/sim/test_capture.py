"""What a run had on the air, read back by tshark."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from comatrix.gateway.sim.reading import parse
from comatrix.gateway.sim.simulation import Outcome, simulate

BOTH = """
[scenario]
duration = "20min"
terrain = "flat"
[link.air]
kind = "lora"
sf = 7
[link.wire]
[[node]]
name = "far"
link = "air"
sleep = true
interval = "5min"
[[node]]
name = "near"
link = "wire"
interval = "5min"
"""


def captured() -> tuple[Outcome, bytes]:
    file = io.BytesIO()
    return simulate(parse(BOTH, "both.toml"), capture=file), file.getvalue()


def test_the_same_run_is_the_same_capture_and_capturing_changes_nothing() -> None:
    out, data = captured()
    assert captured()[1] == data
    assert simulate(parse(BOTH, "both.toml")).books.digest() == out.books.digest()


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_datagrams_and_lora_frames_of_one_file(tmp_path: Path) -> None:
    out, data = captured()
    path = tmp_path / "both.pcapng"
    path.write_bytes(data)
    fields = ["frame.interface_name", "udp.dstport", "loratap.channel.sf", "ip.checksum.status"]
    command = ["tshark", "-r", str(path), "-o", "ip.check_checksum:TRUE", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("\t") for line in told]
    wire = [row for row in rows if row[0] == "wire"]
    assert len(wire) == out.fleet.counts["wire"].arrived
    assert all((row[1], row[3]) == ("5683", "1") for row in wire)  # 1: a right checksum
    assert out.radios is not None
    heard = sum(level.frames for level in out.radios.books.levels.values())
    assert [row[2] for row in rows if row[0] == "air"] == ["7"] * heard
    assert sum(row[0] == "nodes of air" for row in rows) == out.radios.books.transmitters["air"].frames
