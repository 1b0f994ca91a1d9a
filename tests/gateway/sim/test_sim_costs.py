"""What a reading costs in a run, in calls and not in seconds: the same on every machine."""

import cProfile
import pstats

from comatrix.gateway.sim.reading import parse
from comatrix.gateway.sim.simulation import simulate

FIELD = """
[scenario]
duration = "30min"
drain = "1min"
[link.field]
kind = "lora"
sf = 7
[[node]]
name = "near"
link = "field"
sleep = true
count = 4
interval = "1min"
spread = 400
"""


def calls_of_a_reading() -> dict[str, float]:
    """Function -> how often it was called for each reading."""
    profile = cProfile.Profile()
    out = profile.runcall(simulate, parse(FIELD, "field.toml"))
    assert out.books.delivered == out.books.readings == 120
    stats: dict[tuple[str, int, str], tuple[int, int]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    found: dict[str, float] = {}
    for (path, _, name), (_, count, *_) in stats.items():
        place = f"{path.rpartition('/')[2]}:{name}" if "/" in path else name
        found[place] = found.get(place, 0) + count / 120
    return found


def test_a_reading_over_lora_costs_few_wakings_statements_and_turns() -> None:
    calls = calls_of_a_reading()
    assert calls["board.py:wake"] < 4.3
    assert calls["<method 'execute' of 'sqlite3.Connection' objects>"] < 45
    assert calls["base_events.py:_run_once"] < 52
    assert calls["lora_receiver.py:pump"] < 1.8
    assert calls["cbor.py:encode"] < 7.5
