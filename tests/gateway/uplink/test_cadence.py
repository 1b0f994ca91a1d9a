"""When records are due."""

import pytest

from comatrix.codec import cbor
from comatrix.gateway.uplink.cadence import Post, due_ms, parse_post, values_of

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("text", "post"),
    [
        ("every", Post("every")),
        ("change", Post("change")),
        ("90s", Post("span", 90_000)),
        ("15min", Post("span", 900_000)),
        ("2h", Post("span", 7_200_000)),
        ("1d", Post("span", 86_400_000)),
        ("7d", Post("span", 604_800_000)),
    ],
)
def test_a_cadence_is_read(text: str, post: Post) -> None:
    assert parse_post(text) == post


@pytest.mark.parametrize("text", ["", "15", "min", "0s", "-1h", "1.5h", "15 min", "8d", "15m", "Every", "1" * 40 + "s"])
def test_what_is_no_cadence_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match='"15min"'):
        parse_post(text)


def test_every_record_and_the_first_and_an_alarm_go_at_once() -> None:
    span = Post("span", 15 * MINUTE_MS)
    assert due_ms(Post("every"), oldest_ms=7, posted_ms=5) == 7
    assert due_ms(span, oldest_ms=7, posted_ms=None) == 7
    assert due_ms(span, oldest_ms=7, posted_ms=5, at_once=True) == 7
    assert due_ms(Post("change"), oldest_ms=7, posted_ms=5, changed=False, at_once=True) == 7


def test_a_span_counts_from_the_last_post() -> None:
    span = Post("span", 15 * MINUTE_MS)
    assert due_ms(span, oldest_ms=MINUTE_MS, posted_ms=0) == 15 * MINUTE_MS
    assert due_ms(span, oldest_ms=99 * MINUTE_MS, posted_ms=0) == 99 * MINUTE_MS


def test_a_clock_set_back_silences_nobody_longer_than_a_span() -> None:
    span = Post("span", 15 * MINUTE_MS)
    assert due_ms(span, oldest_ms=0, posted_ms=1_000 * MINUTE_MS) == 15 * MINUTE_MS


def test_a_change_goes_at_once_and_no_change_after_an_hour() -> None:
    assert due_ms(Post("change"), oldest_ms=7, posted_ms=5, changed=True) == 7
    assert due_ms(Post("change"), oldest_ms=7, posted_ms=5, changed=False) == 7 + 60 * MINUTE_MS


def test_age_is_no_change() -> None:
    assert values_of(cbor.encode({0: 2137, -1: 60})) == values_of(cbor.encode({0: 2137}))
    assert values_of(cbor.encode({0: 2138})) != values_of(cbor.encode({0: 2137}))
    assert values_of(b"\xff") == b"\xff"
