"""Files stay small and say what they are about."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for part in ("comatrix", "firmware", "lora", "tests") for path in (ROOT / part).rglob("*.py"))
MOST_LINES = 400
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "manager"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_responsibility_and_a_name_that_tells_it(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES
    assert path.stem not in VAGUE


def test_every_test_file_has_a_name_of_its_own() -> None:
    """pytest imports them by that."""
    names = [path.name for path in SOURCES if path.name.startswith("test_")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
