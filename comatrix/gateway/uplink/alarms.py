"""When a reading leaves a limit, and when it is back: the states of an alarm.

| state  | a reading that is             | leads to |
|--------|-------------------------------|----------|
| ok     | beyond the limit              | raised   |
| ok     | anything else                 | ok       |
| raised | back by the hysteresis        | ok       |
| raised | anything else                 | raised   |

Between the limit and the way back nothing changes, so a value that trembles at its limit raises one alarm. A reading
that was measured before the newest one judged changes nothing either: what comes late is history.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from comatrix.codec.vocab import Row

OK, RAISED = "ok", "raised"
BELOW, ABOVE = "<", ">"
BEYOND, BETWEEN, BACK = "beyond", "between", "back"
NEXT: Mapping[tuple[str, str], str] = {
    (OK, BEYOND): RAISED,
    (OK, BETWEEN): OK,
    (OK, BACK): OK,
    (RAISED, BEYOND): RAISED,
    (RAISED, BETWEEN): RAISED,
    (RAISED, BACK): OK,
}
MOST_PER_NODE = 16
BY_COMMAND_LINE, BY_CONFIGURATION = "", "configuration"  # who set a limit where nobody on Matrix (@name:server) did
HYSTERESIS_PART = 20  # of the limit: 5 %
LEAST_TENTHS_CELSIUS = 5  # 5 % of a limit near 0 °C would be nothing; every other unit's 0 is a real zero


class Reading(NamedTuple):
    """A word's integer as it is on the air, and when it was measured and received, Unix ms."""

    value: int
    measured_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """`limit` and `hysteresis` are scaled as the word's readings are."""

    comparison: str
    limit: int
    hysteresis: int

    @property
    def way_back(self) -> int:
        """The value at which it is over."""
        return self.limit + (self.hysteresis if self.comparison == BELOW else -self.hysteresis)

    def where(self, value: int) -> str:
        """BEYOND the limit, BACK, or BETWEEN the two."""
        sign = -1 if self.comparison == BELOW else 1
        if sign * value > sign * self.limit:
            return BEYOND
        return BACK if sign * value <= sign * self.way_back else BETWEEN


@dataclass(frozen=True, slots=True)
class Standing:
    """`judged_ms`: when the newest reading judged was measured. Of a raised one: the value that raised it, and when
    that was measured."""

    state: str = OK
    judged_ms: int | None = None
    value: int | None = None
    since_ms: int | None = None


def judge(threshold: Threshold, standing: Standing, reading: Reading) -> Standing:
    """The state after a reading."""
    if _is_late(standing, reading):
        return standing
    state = NEXT[standing.state, threshold.where(reading.value)]
    if state == OK:
        return Standing(OK, reading.measured_ms)
    if standing.state == OK:
        return Standing(RAISED, reading.measured_ms, reading.value, reading.measured_ms)
    return Standing(RAISED, reading.measured_ms, standing.value, standing.since_ms)


def default_hysteresis(row: Row, limit: int) -> int:
    """Of a limit where nobody said: 5 % of it; of a temperature at least half a degree."""
    least = LEAST_TENTHS_CELSIUS * 10**row.digits // 10 if row.senml_unit == "Cel" else 0
    return max(abs(limit) // HYSTERESIS_PART, least)


def _is_late(standing: Standing, reading: Reading) -> bool:
    """A newest one that was measured after this one came is the work of a clock that was put right since."""
    newest_ms = standing.judged_ms
    return newest_ms is not None and reading.measured_ms < newest_ms <= reading.received_ms
