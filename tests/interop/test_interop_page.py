"""docs/reference/interop.md names the peers and cases that are tested, all of them and no other."""

import re
from pathlib import Path

from tests.interop.matrix import PEERS, Seen, table

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "reference" / "interop.md").read_text(encoding="utf-8")
NO_PEERS = {"test_interop_page.py"}
OBSERVE = {*range(1, 3), *range(4, 13)}  # there is no 03
CASES = {"core": {*range(1, 24), 31}, "block": {*range(1, 7)}, "obs": OBSERVE, "link": {*range(1, 10)}}


def scripted() -> dict[str, set[int]]:
    """The cases that are scripted here."""
    found: dict[str, set[int]] = {}
    for path in HERE.glob("test_etsi_*.py"):
        for kind, number in re.findall(r"^def test_td_coap_([a-z]+)_(\d\d)_", path.read_text(), re.MULTILINE):
            found.setdefault(kind, set()).add(int(number))
    return found


def test_every_case_is_scripted() -> None:
    assert scripted() == CASES


def test_the_page_says_of_each_that_it_passes() -> None:
    listed = re.findall(r"^\| TD_COAP_([A-Z]+)_(\d\d) \| yes \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(
        (kind.upper(), f"{number:02}") for kind, numbers in CASES.items() for number in numbers
    )


def test_every_file_with_a_peer_is_a_row_here_and_on_the_page() -> None:
    files = {path.name for path in HERE.glob("test_*.py")} - NO_PEERS
    assert files == {row.file for row in PEERS if row.folder == HERE.name}
    assert [row for row in PEERS if not (HERE.parent / row.folder / row.file).exists()] == []
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert named == {row.file for row in PEERS if not row.file.startswith("test_etsi")}


def test_the_table_tells_what_failed_and_what_did_not_run() -> None:
    seen = Seen({"test_a.py": 3}, {"test_a.py": 1}, {"test_node_coap.py": "no npm"})
    lines = table(seen, PEERS).splitlines()
    assert any(line.startswith("node-coap") and line.endswith("not run: no npm") for line in lines)
    assert lines[-1].split() == ["test_a.py", "3", "passed,", "1", "FAILED"]
