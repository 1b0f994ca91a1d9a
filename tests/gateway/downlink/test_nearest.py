"""A typo leads to the name that was meant; nonsense leads nowhere."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.downlink.nearest import LONGEST, nearest

NAMES = ("interval", "target", "pump", "Set", "get")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("intervall", "interval"),
        ("intreval", "interval"),
        ("INTERVAL", "interval"),
        ("pmup", "pump"),
        ("sett", "Set"),
        ("gte", "get"),
        ("xyz", None),
        ("", None),
        ("i" * (LONGEST + 1), None),
    ],
)
def test_the_nearest(word: str, name: str | None) -> None:
    assert nearest(word, NAMES) == name


def test_what_is_longer_than_a_name_is_no_typo_of_one() -> None:
    assert nearest("i" * LONGEST, ["i" * LONGEST]) is not None
    assert nearest("i" * (LONGEST + 1), ["i" * LONGEST]) is None


def test_of_two_that_differ_by_case_it_is_always_the_same_one() -> None:
    assert nearest("pmup", ["Pump", "pump"]) == nearest("pmup", ["pump", "Pump"]) == "Pump"


@given(st.text(max_size=8), st.lists(st.text(min_size=1, max_size=8), max_size=6), st.randoms())
def test_it_is_one_of_them_in_whatever_order_they_come(word: str, names: list[str], random: Random) -> None:
    found = nearest(word, names)
    assert found is None or found in names
    random.shuffle(names)
    assert nearest(word, names) == found
