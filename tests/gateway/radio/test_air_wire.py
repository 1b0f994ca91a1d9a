"""Emulated modules on the simulated medium: what it loses is lost, what is sent at once collides."""

import pytest
from comatrix_lora.medium.loss import LossSettings

from comatrix.gateway.demo.modem.air_wire import AirWire
from comatrix.gateway.demo.modem.machine import Modem
from comatrix.gateway.demo.modem.rak3172 import RakModem

FRAMES = 400


class Desk:
    """Modules in virtual time."""

    def __init__(self, modules: int, loss: float = 0.0) -> None:
        self.now = 1_000_000
        self.wire = AirWire(3, LossSettings(independent=loss))
        self.modems = [self.wire.join(RakModem) for _ in range(modules)]
        self.said: list[bytes] = [b""] * modules
        self.run(500)
        for modem in self.modems:
            self.tell(modem, b"AT+NWM=0")
            self.tell(modem, b"AT+P2P=868100000:7:125:0:12:14")
            self.tell(modem, b"AT+PRECV=65533")
        self.said = [b""] * modules

    def tell(self, modem: Modem, line: bytes) -> None:
        modem.receive(line + b"\r\n", self.now)
        self.run(500)

    def run(self, ms: int) -> None:
        for _ in range(ms // 10):
            self.now += 10
            self.wire.handle_timer(self.now)
            for place, modem in enumerate(self.modems):
                modem.handle_timer(self.now)
                while data := modem.bytes_to_write(self.now):
                    self.said[place] += data

    def heard(self, place: int) -> int:
        return self.said[place].count(b"+EVT:RXP2P")


def test_frames_arrive_where_nothing_is_lost_and_their_airtime_is_counted() -> None:
    desk = Desk(2)
    for _ in range(10):
        desk.tell(desk.modems[0], b"AT+PSEND=" + b"00" * 15)
    assert desk.heard(1) == 10 and desk.heard(0) == 0
    assert (desk.wire.carried, desk.wire.lost) == (10, 0)
    assert 0 <= 10 * 1000 * desk.modems[0].settings.airtime_ms(15) - desk.wire.airtime_us < 10 * 1000


def test_as_many_frames_are_lost_as_was_asked_for() -> None:
    desk = Desk(2, loss=0.3)
    for _ in range(FRAMES):
        desk.tell(desk.modems[0], b"AT+PSEND=" + b"00" * 15)
    assert desk.heard(1) + desk.wire.lost == FRAMES
    assert desk.wire.lost / FRAMES == pytest.approx(0.3, abs=0.07)


def test_two_modules_that_send_at_once_are_not_both_heard() -> None:
    desk = Desk(3)
    for modem in desk.modems[:2]:
        modem.receive(b"AT+PSEND=" + b"00" * 15 + b"\r\n", desk.now)
    desk.run(1000)
    assert desk.heard(2) < 2 and desk.wire.lost > 0


def test_a_frame_begins_when_it_is_sent_however_long_nothing_happened_before() -> None:
    desk = Desk(2)
    desk.now += 60_000
    desk.modems[0].receive(b"AT+PSEND=" + b"00" * 15 + b"\r\n", desk.now)
    assert desk.wire.next_deadline() is not None
    desk.run(desk.modems[0].settings.airtime_ms(15) - 10)
    assert desk.heard(1) == 0
    desk.run(30)
    assert desk.heard(1) == 1
