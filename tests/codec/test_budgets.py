"""What each message costs on the air: measured from the encoders, held to docs/reference/wire.md section 3."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from comatrix.gateway.pages import budgets

WIRE = (Path(__file__).parents[2] / "docs" / "reference" / "wire.md").read_text()


@pytest.mark.parametrize("row", budgets.rows(), ids=lambda row: f"{row.message} {row.budget}")
def test_a_message_stays_in_its_budget(row: budgets.Row) -> None:
    assert row.size == row.budget


@pytest.mark.parametrize("overhead", budgets.overheads(), ids=lambda overhead: overhead.message)
def test_oscore_adds_what_was_promised(overhead: budgets.Overhead) -> None:
    assert overhead.added == overhead.budget


def test_the_budgets_are_those_agreed() -> None:
    assert [row.budget for row in budgets.rows()] == [17, 20, 20, 23, 21, 24, 5, 11, 16, 19, 22]
    assert [overhead.budget for overhead in budgets.overheads()] == [14, 11, 13, 15, 14, 16, 15]


def test_the_reference_page_says_the_same_numbers() -> None:
    section = WIRE[WIRE.index("## 3. Budgets") : WIRE.index("## 4. Answers")]
    told = re.findall(r"^\| [^|]+ \| (\d+)(?:; (\d+))? \| (\d+|-) \| (\d+) \|$", section, re.MULTILINE)
    sizes = [int(size) for row in told for size in row[:2] if size]
    assert sizes == [row.size for row in budgets.rows()]
    pairs = [(row[2], row[3]) for row in told for size in row[:2] if size]
    assert pairs == [(str(row.comatrix_2021 or "-"), str(row.msc3079)) for row in budgets.rows()]


def test_make_bytes_prints_the_table() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "comatrix.gateway.pages.budgets"], capture_output=True, text=True, check=True
    )
    assert done.stdout == budgets.table()
    assert "reading of two sensors                    17      17            181      101" in done.stdout
