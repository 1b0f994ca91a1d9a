"""Hypothesis' self-descriptions of nodes: every one of them is good."""

from typing import Any

from hypothesis import strategies as st

from comatrix.codec.description import Description, Method, Setting

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,23}", fullmatch=True)
_UNITS = st.text(max_size=24)
_EXACT = st.integers(1 - (1 << 53), (1 << 53) - 1)


def _unlike(strategy: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[list[Any]]:
    """Lists of what has a name (or is one), no name twice."""
    return st.lists(strategy, max_size=size, unique_by=lambda one: one if isinstance(one, str) else one.name)


def _bounded(name: str, unit: str, bounds: list[int], digits: int) -> Setting:
    return Setting(name, unit, bounds[0], bounds[1], digits)


def _description(named: list[Setting | Method], schemas: dict[int, list[int]]) -> Description:
    settings = [one for one in named if isinstance(one, Setting)]
    return Description(settings, [one for one in named if isinstance(one, Method)], schemas)


SETTINGS = st.builds(Setting, NAMES, _UNITS) | st.builds(
    _bounded, NAMES, _UNITS, st.lists(_EXACT, min_size=2, max_size=2).map(sorted), st.integers(0, 9)
)
METHODS = st.builds(Method, NAMES, _unlike(NAMES | SETTINGS, 8))
# Any lists of the right shape: whether they are schemas is the link's to say.
_FIELDS = st.integers(1, 8).flatmap(lambda fields: st.lists(_EXACT, min_size=4 * fields, max_size=4 * fields))
DESCRIPTIONS = st.builds(
    _description, _unlike(SETTINGS | METHODS, 12), st.dictionaries(st.integers(1, 270), _FIELDS, max_size=4)
)
