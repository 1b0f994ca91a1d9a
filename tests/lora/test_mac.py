"""When a node may send and listens, how long it pauses, and which advice it follows."""

import pytest
from comatrix_lora.airtime import airtime_us
from comatrix_lora.errors import LoraError
from comatrix_lora.ledger import ALARM, BULK, READING, Ledger
from comatrix_lora.link_advice import PATIENCE, Settings, advise, encode
from comatrix_lora.mac import ANSWER_MS, LONGEST_ANSWER, Channel, Mac, pause_ms


def mac(duty_ppm: int = 10_000, sf: int = 7, dwell_ms: int = 0, limit: int = 222) -> Mac:
    return Mac(Channel(sf, limit=limit), Ledger(duty_ppm, dwell_ms), lambda n: n // 2)


def test_a_receive_window_lasts_for_the_gateways_delay_and_the_longest_answer() -> None:
    one = mac()
    one.send(1000, 15, listens=True)
    sent_ms = -(-airtime_us(15, 7) // 1000)
    assert one.busy_until == 1000 + sent_ms
    assert one.listen_until == one.busy_until + ANSWER_MS - (-airtime_us(LONGEST_ANSWER, 7) // 1000)
    one.transmitted(2000)
    assert one.listen_until - one.busy_until == ANSWER_MS - (-airtime_us(LONGEST_ANSWER, 7) // 1000)


def test_an_answer_ends_the_window_and_a_frame_that_asks_nothing_has_none() -> None:
    one = mac()
    one.send(0, 15, listens=True)
    one.heard(500)
    assert one.listen_until == 500
    one.send(600, 15)
    assert one.listen_until == one.busy_until


def test_nothing_begins_while_a_frame_is_on_air() -> None:
    one = mac()
    one.send(0, 200)
    assert one.earliest(1, 15, ALARM) == one.busy_until


def test_what_the_law_forbids_now_waits_and_an_alarm_waits_less() -> None:
    one = mac(duty_ppm=1000, sf=10)
    now = 0
    while (begin := one.earliest(now, 15, READING)) == now:
        one.send(now, 15)
        now = one.busy_until
    assert one.earliest(now, 15, ALARM) == now < begin
    assert one.room(now, READING) < 15 <= one.room(now, ALARM)


def test_the_longest_frame_of_a_class_fits_dwell_time_and_share() -> None:
    assert mac(duty_ppm=0, dwell_ms=400, sf=10).limit() < 30
    slow = mac(duty_ppm=1000, sf=12)
    assert 20 < slow.limit(BULK) < slow.limit(ALARM)
    assert slow.earliest(0, slow.limit(BULK), BULK) == 0
    with pytest.raises(LoraError):
        slow.earliest(0, slow.limit(BULK) + 5, BULK)


def test_a_channel_without_room_for_a_frame_is_refused_at_once() -> None:
    with pytest.raises(LoraError):
        mac(duty_ppm=0, dwell_ms=400, sf=12)


def test_pauses_grow_but_not_without_end_and_are_spread() -> None:
    def low(n: int) -> int:
        return 0

    spans = [pause_ms(attempt, 100, low) * 2 for attempt in range(40)]
    assert spans[:4] == [100, 100, 200, 200] and spans[15] == 200
    assert spans == sorted(spans) and spans[-1] == 900_000
    assert (pause_ms(0, 100, low), pause_ms(0, 100, lambda n: n - 1)) == (50, 149)


def test_advice_is_followed_and_given_up_after_asks_without_an_answer() -> None:
    settings = Settings(10)
    settings.advised(encode(7, 6), 0)
    assert (settings.sf, settings.less_db) == (7, 6)
    for _ in range(PATIENCE - 1):
        settings.silent(1)
    settings.answered()
    for _ in range(PATIENCE - 1):
        settings.silent(2)
    assert settings.sf == 7
    settings.silent(3)
    assert (settings.sf, settings.less_db) == (10, 0)
    settings.advised(encode(7, 6), 4)
    assert settings.sf == 10, "what failed is not followed again soon"
    settings.advised(encode(8, 6), 5)
    assert settings.sf == 8
    settings.advised(0, 6)
    assert (settings.sf, settings.less_db) == (10, 0)


@pytest.mark.parametrize("advice", [0xB0, 0xD3, 0x10, 0x4F])
def test_advice_to_be_slower_or_to_what_no_radio_has_is_not_followed(advice: int) -> None:
    settings = Settings(10)
    settings.advised(advice, 0)
    assert (settings.sf, settings.less_db) == (10, 0)


def test_advice_leaves_the_margin_and_names_only_what_is_received() -> None:
    assert advise([20] * 7, 10, 0, [7, 10]) is None
    assert advise([5] * 7 + [-20], 10, 0, [7, 10]) == encode(10, 0)
    assert advise([5] * 8, 10, 0, [7, 10]) == encode(7, 2)
    assert advise([5] * 8, 10, 0, [10]) == encode(10, 10)
    assert advise([5] * 8, 10, 0, [10, 12]) == encode(10, 10)
    for sf in (0, 5, 12):
        assert encode(sf, 30) == sf << 4 | 15
    for wrong in ((4, 0), (13, 0), (7, 32), (7, -2)):
        with pytest.raises(LoraError):
            encode(*wrong)


@pytest.mark.parametrize(("added", "base64", "on_air"), [(0, False, 15), (8, False, 23), (8, True, 28)])
def test_what_a_module_adds_is_counted_as_airtime_and_kept_out_of_the_limit(
    added: int, base64: bool, on_air: int
) -> None:
    channel = Channel(9, preamble=12, limit=180, added=added, base64=base64)
    assert channel.airtime_us(15, 9) == airtime_us(on_air, 9, 125_000, 5, 12)
    longest = channel.fits(400_000)
    assert channel.airtime_us(longest, 9) <= 400_000
    assert longest == 180 or channel.airtime_us(longest + (3 if base64 else 1), 9) > 400_000
