"""[alarms] limits: the command's own syntax, and what is wrong told with the nearest right name."""

import json

import pytest

from comatrix.gateway.config.load import ConfigError, parse
from comatrix.gateway.config.page import commented_toml, minimal_toml
from comatrix.gateway.downlink.alarm_words import limit_of

MINIMAL = minimal_toml("https://matrix.example.org", "@cx:example.org")


def with_limits(*limits: str) -> str:
    return f"{MINIMAL}[alarms]\nlimits = {json.dumps(limits, ensure_ascii=False)}\n"


def problem_of(*limits: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(with_limits(*limits), "comatrix.toml", {})
    [problem] = caught.value.problems
    return problem


def test_a_limit_is_written_as_behind_the_command() -> None:
    texts = ("garden temperature < 3 °C", "garden battery below 3300mV hysteresis=0.1V")
    limits = parse(with_limits(*texts), "x", {}).alarms.limits
    assert [limit_of(text).words for text in limits] == [
        "garden temperature below 3.00 °C",
        "garden battery below 3.30 V",
    ]
    assert limit_of(limits[1]).threshold.hysteresis == 10


@pytest.mark.parametrize(
    ("limit", "wrong"),
    [
        ("garden batery <3.3V", '"batery" is no reading. Did you mean battery?'),
        ("garden battery <3.3kg", 'battery: "3.3kg" is in another unit than '),
        ("garden battery <low", 'battery: "low" is no number.'),
        ("garden battery <3 hysterese=1", 'battery: "3 hysterese=1" is in another unit'),
        ("garden battery off", "There is no limit in it"),
        ("garden battery", "There is no limit in it"),
        ("garden", "There is no limit in it"),
        ("", "There is no limit in it"),
        ("battery <3.3V", "is no"),
        ('garden "battery <3', "Not understood: a quote is open"),
        ("garden battery <3\u202e", "There is a character that hides or reorders text (U+202E) in it"),
    ],
)
def test_what_is_wrong_is_told_with_the_key_and_what_would_be_right(limit: str, wrong: str) -> None:
    problem = problem_of("garden temperature >30", limit)
    assert problem.startswith(
        'comatrix.toml: [alarms] limits must be a node and its limit such as "garden battery <3.3V" ('
    )
    assert wrong in problem and problem.endswith(f'), not "{limit}"')


def test_two_limits_on_one_side_are_refused() -> None:
    assert problem_of("garden battery <3", "Garden battery <3.1") == (
        "comatrix.toml: [alarms] limits must have one limit on each side of a reading, and has several like "
        '"garden battery below 3.00 V"'
    )
    parse(with_limits("garden battery <3", "garden battery >4", "shed battery <3"), "x", {})


def test_more_limits_than_a_node_may_have_are_refused() -> None:
    words = ("temperature", "humidity", "pressure", "illuminance", "co2", "wind-speed", "rain", "distance", "battery")
    limits = [f"garden {word} {side}" for word in words for side in ("<1", ">2")]
    parse(with_limits(*limits[:16]), "x", {})
    assert (
        problem_of(*limits) == "comatrix.toml: [alarms] limits must have at most 16 limits a node, and has 18 of garden"
    )


def test_a_variable_lists_them_with_commas() -> None:
    limits = "garden battery <3.3V, garden temperature >30"
    settings = parse(MINIMAL, "x", {"COMATRIX_ALARMS_LIMITS": limits})
    assert settings.alarms.limits == ("garden battery <3.3V", "garden temperature >30")


def test_what_config_show_prints_reads_back() -> None:
    settings = parse(with_limits("garden temperature < 3 °C"), "x", {})
    assert parse(commented_toml(settings), "shown", {}) == settings
