"""The emulated modules' manners: errors, half duplex, boots, noise, reads in pieces."""

import pytest

from comatrix.gateway.demo.modem.direct_wire import DirectWire
from comatrix.gateway.demo.modem.machine import Manners, Modem
from comatrix.gateway.demo.modem.rak3172 import RakModem
from comatrix.gateway.demo.modem.rylr import RylrModem
from tests.gateway.radio.bench import KINDS, modem


def said(module: Modem, line: bytes, now: int, wait_ms: int = 10) -> bytes:
    """What comes within `wait_ms`."""
    module.receive(line, now)
    heard = b""
    while (at := module.next_deadline()) is not None and at <= now + wait_ms:
        module.handle_timer(at)
        heard += module.bytes_to_write(at)
    return heard


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"AT\r\n", b"+OK\r\n"),
        (b"hello\r\n", b"+ERR=2\r\n"),
        (b"AT+NONSENSE?\r\n", b"+ERR=4\r\n"),
        (b"AT+PARAMETER=99,7,1,12\r\n", b"+ERR=4\r\n"),
        (b"AT+SEND=0,5,toolong\r\n", b"+ERR=5\r\n"),
        (b"AT+SEND=0,241," + bytes(241) + b"\r\n", b"+ERR=13\r\n"),
        (b"AT+IPR=9600\r\n", b"+IPR=9600\r\n"),
    ],
)
def test_a_rylr_answers_mistakes_with_the_guide_s_codes(line: bytes, answer: bytes) -> None:
    assert said(RylrModem(lambda *_: None), line, 0).startswith(answer)


def test_a_rylr_whose_line_does_not_end_says_so_in_the_end() -> None:
    assert said(RylrModem(lambda *_: None), b"AT+SEND=0,9,abc", 0, 600) == b"+ERR=1\r\n"


def test_modules_are_busy_until_the_airtime_ends() -> None:
    rylr, rak = RylrModem(lambda *_: None), RakModem(lambda *_: None)
    rak.mode = "0"
    for module, line, ok, busy in (
        (rylr, b"AT+SEND=0,2,hi\r\n", b"+OK\r\n", b"+ERR=17\r\n"),
        (rak, b"AT+PSEND=6869\r\n", b"OK\r\n", b"AT_BUSY_ERROR\r\n"),
    ):
        assert said(module, line, 0) == ok
        airtime_ms = module.settings.airtime_ms(10 if module is rylr else 2)
        assert said(module, line, airtime_ms - 20) == busy
        assert said(module, line, airtime_ms + 10).endswith(ok)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"AT+PSEND=123\r\n", b"AT_PARAM_ERROR\r\n"),
        (b"AT+P2P=868:12:300:3:200:14\r\n", b"AT_PARAM_ERROR\r\n"),
        (b"AT+PRECV=70000\r\n", b"AT_PARAM_ERROR\r\n"),
        (b"AT+NONSENSE=1\r\n", b"AT_COMMAND_NOT_FOUND\r\n"),
    ],
)
def test_a_rak_answers_mistakes_with_the_manual_s_words(line: bytes, answer: bytes) -> None:
    module = RakModem(lambda *_: None)
    assert said(module, b"AT+PSEND=00\r\n", 0) == b"AT_MODE_NO_SUPPORT\r\n"
    module.mode = "0"
    assert said(module, line, 0) == answer


def test_a_rak_that_listens_refuses_new_parameters() -> None:
    module = RakModem(lambda *_: None)
    module.mode, module.listening = "0", 65533
    assert said(module, b"AT+P2P=868000000:9:125:0:8:14\r\n", 0).endswith(b"AT_BUSY_ERROR\r\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_that_boots_hears_nothing_and_then_says_its_banner(kind: str) -> None:
    module = modem(kind, lambda *_: None, lambda n: 0)
    module.restart(0)
    banner = {"r": b"+READY\r\n"}.get(kind[0] * (kind.startswith("rylr")), b"Current Work Mode: LoRaWAN.\r\n")
    assert said(module, b"AT\r\n", 10, 500).endswith(banner)


def test_a_reset_in_mid_frame_ends_the_transmission_and_its_answer() -> None:
    module = RakModem(lambda *_: None)
    module.mode = "0"
    said(module, b"AT+PSEND=" + b"00" * 200 + b"\r\n", 0)
    module.restart(50)
    assert b"TXP2P" not in said(module, b"", 50, 5000)


def test_noise_and_pieces_come_only_where_they_are_chosen() -> None:
    numbers = iter([0, 3, 65, 66, 67, 68, *[999] * 50])
    noisy = RylrModem(lambda *_: None, Manners(noise=500, most_bytes=2), lambda n: next(numbers) % n)
    assert said(noisy, b"AT\r\n", 0) == b"AB"
    assert [noisy.bytes_to_write(5) for _ in range(5)] == [b"CD", b"+O", b"K\r", b"\n", b""]


def test_the_wire_carries_to_whoever_has_the_same_settings_and_loses_by_choice() -> None:
    losing = iter([False, True])
    wire = DirectWire(lost=lambda: next(losing))
    sender, same, other = (wire.join(lambda on_air: RakModem(on_air)) for _ in range(3))
    for module in (sender, same, other):
        assert isinstance(module, RakModem)
        module.mode, module.listening = "0", 65533
    other.settings = type(other.settings)(868_300_000)
    for now in (0, 1000):
        said(sender, b"AT+PSEND=01\r\n", now, 0)
        wire.handle_timer(now + 500)
    assert (same.heard, other.heard, other.missed, wire.carried) == (1, 0, 0, 2)
