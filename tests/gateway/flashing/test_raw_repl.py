"""MicroPython's raw REPL as a state machine, in virtual time."""

import pytest

from comatrix.gateway.flashing.raw_repl import BANNER, KNOCK, Entered, Event, Failed, Ran, RawRepl


def sent(repl: RawRepl, now: int, until: int) -> bytes:
    """All it sends from `now` to `until`."""
    data = b""
    while True:
        repl.handle_timer(now)
        data += repl.data_to_send(now)
        due = repl.next_deadline()
        if due is None or due > until:
            return data
        now = max(now, due)


def entered() -> RawRepl:
    repl = RawRepl()
    repl.enter(0)
    sent(repl, 0, 10)
    repl.receive_untrusted(BANNER, 10)
    sent(repl, 10, 1000)
    assert repl.next_event() == Entered(b"")
    return repl


def run(repl: RawRepl, *answers: bytes) -> Event | None:
    repl.execute("print(1)", 2000)
    assert sent(repl, 2000, 2100) == b"print(1)\x04"
    for answer in answers:
        repl.receive_untrusted(answer, 2100)
    return repl.next_event()


def test_it_knocks_until_a_busy_board_listens() -> None:
    repl = RawRepl()
    repl.enter(0)
    assert sent(repl, 0, 1200) == KNOCK * 3
    repl.receive_untrusted(b"21.5\r\nTraceback ... KeyboardInterrupt\r\n>>> \r\n" + BANNER, 1200)
    sent(repl, 1200, 1300)
    event = repl.next_event()
    assert isinstance(event, Entered) and event.heard.startswith(b"21.5")


def test_a_second_banner_of_a_second_knock_is_no_answer() -> None:
    repl = RawRepl()
    repl.enter(0)
    sent(repl, 0, 600)
    repl.receive_untrusted(BANNER, 600)
    assert repl.next_event() is None
    repl.receive_untrusted(b"\r\n" + BANNER, 650)
    sent(repl, 650, 700)
    assert repl.next_event() is None  # it has said something less than SETTLED_MS ago
    sent(repl, 700, 720)
    assert repl.next_event() == Entered(b"")


def test_output_and_traceback_are_told_apart() -> None:
    assert run(entered(), b"OK1\r\n\x04\x04>") == Ran(b"1\r\n", b"")
    assert run(entered(), b"OK\x04Traceback\r\n\x04>") == Ran(b"", b"Traceback\r\n")


def test_an_answer_may_come_in_single_bytes() -> None:
    assert run(entered(), *(bytes((one,)) for one in b"OK1\r\n\x04\x04>")) == Ran(b"1\r\n", b"")


def test_a_board_that_says_nothing_fails_in_time() -> None:
    repl = RawRepl()
    repl.enter(0, within_ms=3000)
    repl.receive_untrusted(b"waiting for download", 10)
    sent(repl, 0, 2999)
    assert repl.next_event() is None
    sent(repl, 3000, 3000)
    assert repl.next_event() == Failed("it did not answer in time", b"waiting for download")


def test_code_that_does_not_end_fails_and_the_board_can_be_entered_again() -> None:
    repl = entered()
    assert run(repl, b"OK") is None
    sent(repl, 2100, 13000)
    assert isinstance(repl.next_event(), Failed)
    repl.enter(13000)
    assert sent(repl, 13000, 13010) == KNOCK


def test_long_code_is_sent_in_pieces_that_a_uart_can_hold() -> None:
    repl = entered()
    repl.execute("x" * 71, 2000)
    assert [len(repl.data_to_send(now)) for now in (2000, 2001, 2010, 2015, 2020, 2025)] == [32, 0, 32, 0, 8, 0]


def test_the_time_sending_takes_is_not_the_boards() -> None:
    repl = entered()
    repl.execute("x" * 16_000, 2000, within_ms=100)
    sent(repl, 2000, 7000)
    assert repl.next_event() is None
    repl.receive_untrusted(b"OK\x04\x04>", 7000)
    assert repl.next_event() == Ran(b"", b"")


def test_a_soft_reset_ends_at_the_next_banner() -> None:
    repl = entered()
    repl.soft_reset(2000)
    assert sent(repl, 2000, 4000) == b"\x04"
    repl.receive_untrusted(b"OK\r\nMPY: soft reboot\r\n" + BANNER, 4000)
    sent(repl, 4000, 4100)
    assert isinstance(repl.next_event(), Entered)


def test_a_board_that_pours_out_bytes_is_given_up() -> None:
    repl = entered()
    assert isinstance(run(repl, b"OK", *([b"\x00" * 65536] * 17)), Failed)


def test_operations_are_not_begun_within_each_other() -> None:
    repl = entered()
    repl.execute("pass", 0)
    with pytest.raises(ValueError, match="one operation"):
        repl.execute("pass", 0)
