"""What links used of their airtime and what a command costs: never less than it is, never more left than there is."""

import pytest

from comatrix.gateway.downlink.airtime_report import LinkReport, report_text
from comatrix.gateway.downlink.costs import Cost, cost_words, left_words, used_words

T0 = 1_700_000_000_000


@pytest.mark.parametrize(
    ("airtime_us", "left_us", "told"),
    [
        (370_000, 32_000_000, "costs 0.37 s of airtime, 32 s left this hour"),
        (364_544, 32_999_999, "costs 0.37 s of airtime, 32 s left this hour"),
        (1, 9_999_999, "costs 0.01 s of airtime, 9.99 s left this hour"),
        (12_000_001, 360_000_000, "costs 13 s of airtime, 360 s left this hour"),
        (370_000, 370_000, "costs 0.37 s of airtime, 0.37 s left this hour"),
        (370_000, 369_999, "costs 0.37 s of airtime and waits for it, 0.36 s left this hour"),
        (370_000, -5, "costs 0.37 s of airtime and waits for it, 0.00 s left this hour"),
    ],
)
def test_a_cost_in_words(airtime_us: int, left_us: int, told: str) -> None:
    assert cost_words(Cost(airtime_us, left_us)) == told


@pytest.mark.parametrize("airtime_us", [0, 1, 9_999, 10_000, 9_990_001, 9_999_999, 10_000_000, 10_000_001, 35_999_999])
def test_rounding_never_flatters(airtime_us: int) -> None:
    used, left = (float(words.removesuffix(" s")) for words in (used_words(airtime_us), left_words(airtime_us)))
    assert left * 1_000_000 <= airtime_us <= used * 1_000_000


@pytest.mark.parametrize(
    ("link", "told"),
    [
        (LinkReport("udp", nodes=3), "udp: no duty cycle, 3 nodes here"),
        (
            LinkReport("udp", nodes=1, received=1204, sent=1180, since_ms=T0 - 21_720_000),
            "udp: no duty cycle, 1 node here, 1204 datagrams received and 1180 sent in 6 h 2 min",
        ),
        (
            LinkReport("g1", 3_200_001, 36_000_000, None, 2),
            "g1: 3.21 s of 36 s airtime used this hour, may send now, 2 nodes here",
        ),
        (
            LinkReport("g1", 36_000_000, 36_000_000, T0 + 11_001),
            "g1: 36 s of 36 s airtime used this hour, may send again in 12 s, 0 nodes here",
        ),
        (LinkReport("g1", 0, 36_000_000, T0), "g1: 0.00 s of 36 s airtime used this hour, may send now, 0 nodes here"),
        (LinkReport("a\nb\u202e"), "a b: no duty cycle, 0 nodes here"),
    ],
)
def test_a_link_in_words(link: LinkReport, told: str) -> None:
    assert report_text([link], T0) == told


def test_a_line_a_link() -> None:
    assert report_text([LinkReport("udp"), LinkReport("g1")], T0).count("\n") == 1
    assert report_text([], T0) == "This gateway has no link."
