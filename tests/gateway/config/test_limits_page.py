"""docs/reference/limits.md names every limit that can be configured, with its default."""

import re
from dataclasses import fields
from pathlib import Path

from comatrix.gateway.config.settings import LimitsSettings
from comatrix.gateway.uplink.knocks import LISTED, MOST_NODES, MOST_STRANGERS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")


def test_every_limit_stands_on_the_page_with_its_default() -> None:
    for setting in fields(LimitsSettings):
        (row, *_) = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{setting.name}`" in line] or [""]
        assert re.search(rf"\b{setting.default}\b", row), f"{setting.name}: {row!r}"


def test_how_many_events_are_told_and_listed_stands_there_too() -> None:
    for number in (LISTED, MOST_NODES, MOST_STRANGERS):
        assert re.search(rf"\b{number}\b", PAGE)
