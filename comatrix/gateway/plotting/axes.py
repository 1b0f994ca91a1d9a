"""Where the marks of an axis stand and what is written there: round values, and round times of a time zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile

from comatrix.gateway.uplink.typed import decimal_string

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WITHIN_A_DAY = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)  # minutes between marks
DAYS = (1, 2, 5, 7, 14)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PREFIXES = ("", "k", "M", "G", "T", "P")
LARGE = 100_000  # from here on a value is written in thousands, millions ...
PARTS = 3  # digits behind the point of such a value


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark: where, a scaled value or Unix ms, and what is written there."""

    at: int
    label: str


def value_ticks(low: int, high: int, digits: int, most: int) -> list[Tick]:
    """At most `most` marks at round values between two scaled ones, which differ."""
    step = _step(high - low, most)
    first = -(-low // step) * step
    power = _power(max(abs(low), abs(high)), digits)
    return [Tick(at, _label(at, step, digits, power)) for at in range(first, high + 1, step)]


def value_words(scaled: int, digits: int) -> str:
    """A value on little room: exact, or of a large one its first digits: "21.37", "1234.568 M"."""
    power = _power(abs(scaled), digits)
    if not power:
        return decimal_string(scaled, digits)
    surplus = max(0, digits + 3 * power - PARTS)
    number = decimal_string(_rounded(scaled, surplus), digits + 3 * power - surplus)
    return f"{number.rstrip('0').rstrip('.')} {PREFIXES[power]}"


def time_ticks(since_ms: int, until_ms: int, timezone: tzinfo, most: int) -> list[Tick]:
    """At most `most` marks at round times of the clock on the wall; midnight and whole days carry the date."""
    for minutes in WITHIN_A_DAY:
        if (until_ms - since_ms) // (minutes * MINUTE_MS) < most:
            return _clock_ticks(since_ms, until_ms, timezone, minutes)
    days = next((days for days in DAYS if (until_ms - since_ms) // (days * DAY_MS) < most), DAYS[-1])
    return _clock_ticks(since_ms, until_ms, timezone, days * 24 * 60)


def moment(at_ms: int, timezone: tzinfo) -> datetime:
    """The date and the time on the wall."""
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(timezone)


def clock_words(at_ms: int, timezone: tzinfo, *, with_date: bool) -> str:
    """ "14:05", "3 Jul 14:05"."""
    when = moment(at_ms, timezone)
    return f"{_date(when)} {when:%H:%M}" if with_date else f"{when:%H:%M}"


def _step(span: int, most: int) -> int:
    """The smallest of 1, 2, 5, 10, 20 ... that a span holds less often than `most` times."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if span // (digit * power) < most:
                return digit * power
        power *= 10


def _power(size: int, digits: int) -> int:
    """How many times a thousand a value of this size is written in."""
    whole, power = size // 10**digits, 0
    while whole >= LARGE and power < len(PREFIXES) - 1:
        whole //= 1000
        power += 1
    return power


def _label(at: int, step: int, digits: int, power: int) -> str:
    """With the digits behind the point that tell it from its neighbours."""
    kept = digits + 3 * power
    while kept and step % 10 == 0:
        step //= 10
        kept -= 1
    scaled = at // 10 ** (digits + 3 * power - kept)
    return decimal_string(scaled, kept) + (f" {PREFIXES[power]}" if power else "")


def _rounded(scaled: int, surplus: int) -> int:
    """Without its last `surplus` digits."""
    unit: int = 10**surplus
    return (scaled + unit // 2) // unit


def _clock_ticks(since_ms: int, until_ms: int, timezone: tzinfo, minutes: int) -> list[Tick]:
    def unix_ms(when: datetime) -> int:
        since = when.replace(tzinfo=timezone) - EPOCH
        return since // timedelta(milliseconds=1)

    whole = takewhile(lambda when: unix_ms(when) <= until_ms, _wall_times(moment(since_ms, timezone), minutes))
    found = [(when, unix_ms(when)) for when in whole]
    # A clock that is set forward leaves some times out.
    real = [(when, ms) for when, ms in found if ms >= since_ms and moment(ms, timezone).replace(tzinfo=None) == when]
    return [Tick(ms, f"{when:%H:%M}" if when.hour or when.minute else _date(when)) for when, ms in real]


def _wall_times(since: datetime, minutes: int) -> Iterator[datetime]:
    """Round times of the clock on the wall, from before `since` on, without end."""
    day = datetime(since.year, since.month, since.day)
    days = max(1, minutes // (24 * 60))
    day -= timedelta(days=day.toordinal() % days)
    while True:
        for minute in range(0, 24 * 60, minutes):
            yield day + timedelta(minutes=minute)
        day += timedelta(days=days)


def _date(when: datetime) -> str:
    return f"{when.day} {MONTHS[when.month - 1]}"
