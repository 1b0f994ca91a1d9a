"""The dialogs of tests/vectors/serial_modems.json, verbatim, against drivers and emulators."""

import json
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.demo.modem.machine import Manners, Modem
from comatrix.gateway.demo.modem.rak3172 import RakModem
from comatrix.gateway.demo.modem.rylr import RylrModem
from comatrix.gateway.radio.events import Received, Sent
from comatrix.gateway.radio.machine import Driver
from comatrix.gateway.radio.rak3172 import Rak3172
from comatrix.gateway.radio.rylr import AIR_OVERHEAD, MAX_DATA, Rylr
from comatrix.gateway.radio.settings import RadioSettings

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "serial_modems.json").read_text())
RYLR, RAK = VECTORS["rylr"], VECTORS["rak3172"]
OF_THE_RAK = RadioSettings(868_000_000, 7, 125_000, 5, 10, 14)


def answered(modem: Modem, line: str, now: int) -> str:
    """What the module says to a line, until its transmission is over."""
    modem.receive(line.encode(), now)
    said = b""
    while (at := modem.next_deadline()) is not None and at < now + 2000:
        modem.handle_timer(at)
        said += modem.bytes_to_write(at)
    return said.decode()


def rylr_driver() -> tuple[Driver, int]:
    """A driver whose module has answered its setup."""
    driver = Driver(Rylr(RadioSettings(), destination=120, binary_safe=True))
    driver.opened(0)
    driver.handle_timer(150)
    now = 150
    while line := driver.bytes_to_write(now):
        value = {b"AT+VER?\r\n": b"+VER=RYLR998_REYAX_V1.2.2"}.get(line, b"+OK")
        if line.endswith(b"?\r\n") and b"VER" not in line:
            value = b"+" + line[3:-3] + b"=9"
        driver.receive(value + b"\r\n", now)
        now += 5
    driver.next_event()
    return driver, now


def test_the_rylr_driver_speaks_the_dialog() -> None:
    driver, now = rylr_driver()
    driver.send(b"HELLO", 1, now)
    assert driver.bytes_to_write(now) == RYLR["tx"].encode()
    driver.receive(RYLR["tx_ok"].encode(), now)
    assert driver.next_event() is None, "accepted is not yet sent"
    driver.handle_timer(driver.next_deadline() or 0)
    assert driver.next_event() == Sent(1)
    driver.receive(RYLR["rx"].encode(), now + 500)
    assert driver.next_event() == Received(b"HELLO", -99, 40)


def test_the_rylr_module_answers_as_in_the_dialog() -> None:
    flown: list[tuple[bytes, int]] = []
    modem = RylrModem(lambda frame, settings, now: flown.append((frame, now)))
    modem.values["ADDRESS"] = "50"
    assert answered(modem, RYLR["tx"], 0) == RYLR["tx_ok"]
    ((frame, _),) = flown
    assert len(frame) == len(b"HELLO") + RYLR["air_overhead_bytes"] == 5 + AIR_OVERHEAD
    other = RylrModem(lambda frame, settings, now: None)
    other.values["ADDRESS"] = "120"
    other.deliver(frame, -99, 40, 5000)
    other.handle_timer(5010)
    assert other.bytes_to_write(5010) == RYLR["rx"].encode()


def test_rylr_s_figures_are_those_of_the_vectors() -> None:
    assert (RYLR["max"], RYLR["air_overhead_bytes"]) == (MAX_DATA, AIR_OVERHEAD)


def test_the_rak_driver_speaks_the_dialog() -> None:
    driver = Driver(Rak3172(OF_THE_RAK))
    driver.opened(0)
    driver.handle_timer(150)
    written: list[str] = []
    now = 150
    answers = {"AT+VER=?": "AT+VER=RUI_4.0.6_RAK3172-E\r\n", "AT+NWM=?": "AT+NWM=1\r\n"}
    while line := driver.bytes_to_write(now).decode():
        written.append(line)
        driver.receive((answers.get(line.strip(), "") + "OK\r\n").encode(), now)
        now += 5
    assert RAK["p2p"] in written
    assert RAK["cfg"] in written
    assert written[-1] == RAK["rxmode"]
    driver.next_event()
    driver.send(bytes.fromhex("11223344"), 7, now)
    assert driver.bytes_to_write(now).decode() == RAK["tx"]
    driver.receive(b"OK\r\n", now)
    assert driver.next_event() is None
    driver.receive(RAK["tx_event"].encode(), now)
    assert driver.next_event() == Sent(7)
    for heard, frame in ((RAK["rx"], b"Hello Rak3172"), (RAK["older_fw_rx"], b"Hello")):
        driver.receive(heard.encode(), now)
        assert driver.next_event() == Received(frame, -28, 5)


def test_the_rak_module_answers_as_in_the_dialog() -> None:
    flown: list[bytes] = []
    modem = RakModem(lambda frame, settings, now: flown.append(frame))
    assert answered(modem, RAK["p2p"], 0).startswith("OK\r\n")
    assert answered(modem, RAK["cfg"], 3000) == "OK\r\n"
    assert modem.settings == OF_THE_RAK
    assert answered(modem, RAK["rxmode"], 3100) == "OK\r\n"
    assert answered(modem, RAK["tx"], 3200) == "OK\r\n" + RAK["tx_event"]
    assert flown == [bytes.fromhex("11223344")]
    modem.deliver(b"Hello Rak3172", -28, 5, 9000)
    modem.handle_timer(9010)
    assert modem.bytes_to_write(9010).decode() == RAK["rx"]


def test_the_older_rak_tells_a_frame_on_two_lines() -> None:
    modem = RakModem(lambda frame, settings, now: None, Manners(old=True))
    for line in ("AT+NWM=0\r\n", "AT+PRECV=65534\r\n"):
        answered(modem, line, 0)
    modem.deliver(b"Hello", -28, 5, 5000)
    modem.handle_timer(5010)
    assert modem.bytes_to_write(5010).decode() == RAK["older_fw_rx"]


@pytest.mark.parametrize(
    ("mode", "sends", "still_listens"),
    [("0", True, False), ("65535", False, False), ("65534", False, True), ("65533", True, True)],
)
def test_the_rak_module_s_ways_to_listen_are_those_of_the_vectors(mode: str, sends: bool, still_listens: bool) -> None:
    assert mode in RAK["precv"]
    modem = RakModem(lambda frame, settings, now: None)
    modem.mode = "0"
    answered(modem, f"AT+PRECV={mode}\r\n", 0)
    assert ("OK" in answered(modem, "AT+PSEND=00\r\n", 100)) == sends
    modem.deliver(b"one", -1, 1, 5000)
    heard = modem.heard
    modem.deliver(b"two", -1, 1, 9000)
    assert (heard, modem.heard) == (int(mode != "0"), int(mode != "0") + int(still_listens))


@pytest.mark.parametrize(("digits", "right"), [(0, False), (2, True), (3, False), (500, True), (502, False)])
def test_the_rak_module_takes_as_many_digits_as_the_vectors_say(digits: int, right: bool) -> None:
    low, high = RAK["hex_chars"]
    modem = RakModem(lambda frame, settings, now: None)
    modem.mode = "0"
    assert ("OK" in answered(modem, f"AT+PSEND={'0' * digits}\r\n", 0)) == right
    assert right == (digits % 2 == 0 and low <= digits <= high)
