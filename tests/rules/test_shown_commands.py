"""Every line that README.md and docs/start.md have a person type is typed by a test, which is named here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WAY = "tests/end_to_end/test_readme_path.py::test_the_readmes_lines_end_with_a_sensor_that_obeys"
BOARD = "tests/gateway/cli/test_board_way.py::test_the_readmes_lines_end_with_a_board_that_says_hello"
INSTALL = "tests/end_to_end/test_base_install.py::test_an_editable_install_compiles_what_goes_on_a_board"
START = "tests/gateway/cli/test_start_page.py::test_every_command_of_the_page_works_in_its_order"
SERVICE = "tests/gateway/cli/test_service_command.py::test_"
SYSTEM = ".ci/run::apt-get"  # what changes the system: CI's script does the like before all tests
TYPED_BY = {
    "README.md": {
        r"make demo .*": "tests/end_to_end/test_demo.py::test_it_shows_every_node_and_ends_by_itself",
        r"make test .*": ".ci/run::make test",
        r"\.venv/bin/comatrix --home .*|!cx .*": WAY,
        r"sudo apt-get install .*|git clone .*": SYSTEM,
        r"pipx install .*": INSTALL,
        r"comatrix (init|room create|node add|gateway run|node flash)\b.*": BOARD,
    },
    "docs/start.md": {
        r"sudo apt-get install .*|sudo git clone .*|sudo usermod .*|sudo ln .*": SYSTEM,
        r"sudo (python3 -m venv|/opt/comatrix/\.venv/bin/pip install) .*": INSTALL,
        r"sudo XDG_CONFIG_HOME=\S+ XDG_STATE_HOME=\S+ comatrix init": "tests/gateway/cli/test_init_command.py::test_",
        r"sudo comatrix service install": SERVICE,
        r"comatrix doctor": "tests/gateway/cli/test_board_way.py::test_the_doctor_of_the_start_page_answers",
        r"comatrix node flash PORT .*": "tests/gateway/cli/test_board_way.py::test_the_line_of_the_start_page_ends_",
        r"comatrix (status|room create|node add|tail|plot|export)\b.*": START,
    },
}


def typed(page: str) -> list[str]:
    """The lines of a page's blocks."""
    blocks = re.findall(r"^```\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.parametrize("page", sorted(TYPED_BY))
def test_every_line_has_a_test_that_types_it(page: str) -> None:
    lines = typed(page)
    assert len(lines) > 10
    for line in lines:
        assert [one for one in TYPED_BY[page] if re.fullmatch(one, line)], f"{page}: no test types {line}"
    for pattern in TYPED_BY[page]:
        assert any(re.fullmatch(pattern, line) for line in lines), f"{page} shows no {pattern} any more"


@pytest.mark.parametrize("test", sorted({test for page in TYPED_BY.values() for test in page.values()}))
def test_each_of_these_tests_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in (ROOT / file).read_text(encoding="utf-8")
