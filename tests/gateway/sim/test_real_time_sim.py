"""`comatrix sim --real`: nodes of a scenario as MicroPython processes, by the real clock."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from comatrix.gateway.cli.main import cli
from comatrix.gateway.sim.real_program import measured
from tests.support.micropython import real_micropython

BOTH_LINKS = """
[scenario]
seed = 3
duration = "30s"
drain = "25s"
[link.house]
loss = 0.1
delay_ms = 10
jitter_ms = 30
[link.garden]
kind = "lora"
sf = 7
loss = 0.1
frequency_hz = 869525000
[[node]]
name = "kitchen"
link = "house"
interval = "2s"
observe = true
[[node]]
name = "pump"
link = "garden"
interval = "4s"
position = [100, 0]
[[command]]
at = "26s"
node = "kitchen"
command = "call lamp 1"
"""


def _sim(*arguments: str) -> tuple[int, str]:
    told = CliRunner().invoke(cli, ["sim", *arguments])
    return told.exit_code, told.output


def test_more_nodes_than_processes_are_refused_with_the_limit() -> None:
    code, told = _sim("lora-town", "--real")
    assert code == 2
    assert "at most 8; lora-town has 500" in told and "comatrix sim lora-town" in told


def test_a_channel_the_module_cannot_have_is_refused(tmp_path: Path) -> None:
    scenario = tmp_path / "fast.toml"
    scenario.write_text('[link.a]\nkind = "lora"\nsf = 6\n[[node]]\nname = "n"\nlink = "a"\n')
    code, told = _sim(str(scenario), "--real")
    assert code == 2 and "[link.a]" in told and "sf 7 to 12" in told


def test_without_an_interpreter_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COMATRIX_MICROPYTHON", str(tmp_path / "nowhere"))
    code, told = _sim("one-node", "--real")
    assert code != 0
    assert "nowhere" in told and "apt-get install micropython" in told


def test_a_line_a_node_has_not_ended_yet_is_no_reading() -> None:
    assert list(measured("boot\nmeasured 1 1000\nmeasured 2 20")) == [(1, 1000)]


@pytest.mark.slow
def test_real_nodes_on_both_links_deliver_each_reading_once_and_obey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = tmp_path / "both.toml"
    scenario.write_text(BOTH_LINKS)
    monkeypatch.setenv("COMATRIX_MICROPYTHON", real_micropython().path)
    code, text = _sim(str(scenario), "--real", "--json")
    assert code == 0, text
    told = json.loads(text)
    assert told["real"]
    assert told["readings"] == told["delivered"] >= 10 and told["doubled"] == 0
    assert {one["name"]: one["delivered"] > 2 for one in told["node"]} == {"kitchen": True, "pump": True}
    assert told["links"]["house"]["sent"] > told["links"]["house"]["lost"] > 0
    assert told["lora"]["garden"]["airtime_ms_a_reading"]["used"] > 0
    assert [(one["node"], one["state"]) for one in told["commands"]] == [("kitchen", "confirmed")]
    assert 0 <= told["latency_s"]["p50"] < 5


@pytest.mark.slow
def test_ctrl_c_ends_it_with_a_report_and_no_process_left() -> None:
    command = [sys.executable, "-m", "comatrix", "sim", "one-node", "--real", "--json"]
    environment = {**os.environ, "COMATRIX_MICROPYTHON": real_micropython().path}
    playing = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    time.sleep(8)
    children = Path(f"/proc/{playing.pid}/task/{playing.pid}/children").read_text().split()
    playing.send_signal(signal.SIGINT)
    text, _ = playing.communicate(timeout=30)
    assert playing.returncode == 0
    assert json.loads(text)["nodes"] == 1
    assert not any(Path(f"/proc/{child}").exists() for child in children)
