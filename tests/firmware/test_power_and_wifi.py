"""Watchdog, deep sleep and Wi-Fi are used where a board has them, and do no harm where it has none."""

from pathlib import Path

import pytest
from comatrix_node import power, wifi

from tests.support.micropython import run_script, source_tree

BOARD = """
DEEPSLEEP_RESET = 4
slept = []
class WDT:
    def __init__(self, timeout):
        self.timeout = timeout
class RTC:
    def memory(self, data=None):
        return b""
def reset_cause():
    return 4
def deepsleep(ms):
    slept.append(ms)
"""

NETWORK = """
STA_IF = 0
log = []
fail = 0  # how many more times joining fails
class WLAN:
    def __init__(self, interface):
        self.joined = False
    def active(self, on):
        log.append("on" if on else "off")
    def connect(self, ssid, password):
        global fail
        log.append(ssid)
        if fail:
            fail -= 1
            raise OSError("radio")
        self.joined = True
    def isconnected(self):
        return self.joined
"""


def board(tmp_path: Path, script: str, **modules: str) -> list[str]:
    """What `script` prints where `modules` stand beside the sources, as a board's built-in ones would."""
    path = source_tree(tmp_path / "lib")
    for name, text in modules.items():
        (path / f"{name}.py").write_text(text)
    return run_script(script, tmp_path, path=path).split()


def test_a_host_without_a_board_sleeps_and_has_no_watchdog() -> None:
    power.watchdog(8000).feed()
    assert power.rtc() is None
    assert not power.woke_from_deep_sleep()
    power.deep_sleep(1)


def test_a_host_without_wifi_is_connected() -> None:
    assert wifi.connect("any", "")


def test_a_boards_watchdog_sleep_and_memory_are_used(tmp_path: Path) -> None:
    script = """
import sys
sys.path.insert(0, sys.path[0] + "/board")
from comatrix_node import power
import machine
print(power.watchdog(5000).timeout, power.rtc() is not None, power.woke_from_deep_sleep())
try:
    power.deep_sleep(60)
finally:
    print(machine.slept)
"""
    assert board(tmp_path, script, machine=BOARD) == ["5000", "True", "True", "[60]"]


@pytest.mark.parametrize(("failures", "joined"), [(0, "True"), (2, "True"), (3, "False")])
def test_wifi_is_tried_again_with_the_radio_switched_off_between(tmp_path: Path, failures: int, joined: str) -> None:
    script = f"""
import network
network.fail = {failures}
from comatrix_node.wifi import connect
print(connect("home", "secret"), network.log.count("home"), network.log.count("off"))
"""
    tries = min(failures + 1, 3)
    assert board(tmp_path, script, network=NETWORK) == [joined, str(tries), str(tries)]


def test_wifi_feeds_the_watchdog_while_it_waits(tmp_path: Path) -> None:
    script = """
from comatrix_node.wifi import connect
fed = []
print(connect("home", "secret", lambda: fed.append(1), 2, 300), len(fed))
"""
    never = NETWORK.replace("self.joined = True", "pass")
    assert board(tmp_path, script, network=never) == ["False", "6"]
