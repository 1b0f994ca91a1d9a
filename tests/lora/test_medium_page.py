"""docs/reference/lora-medium.md shows what `python -m comatrix_lora.medium` prints."""

from pathlib import Path

import pytest
from comatrix_lora.medium import acceptance
from comatrix_lora.medium.__main__ import MOST_DEVIATIONS, SEED, collision_rows, loss_rows
from comatrix_lora.medium.acceptance import Estimate

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "lora-medium.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_tables_of_the_page_are_what_the_command_prints() -> None:
    judged: list[Estimate] = []
    for rows in (collision_rows(judged), loss_rows(judged)):
        assert "\n".join(rows) in PAGE
    assert len(judged) == 6 + 2 * 4
    assert all(abs(one.deviations) <= MOST_DEVIATIONS for one in judged)


@pytest.mark.slow
def test_the_day_of_the_page_is_what_the_command_prints_and_repeats_to_the_byte() -> None:
    day = acceptance.day(SEED)
    assert f"{day}" in PAGE
    assert day == acceptance.day(SEED)
    assert (day.sent, day.events) == (72_000, 216_000)
