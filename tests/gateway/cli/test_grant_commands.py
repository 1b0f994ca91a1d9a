"""Who may send texts to whom, as the command line grants and shows it."""

from pathlib import Path

from tests.gateway.cli.conftest import Comatrix
from tests.gateway.cli.test_commands import garden, read

__all__ = ["garden"]


def test_a_node_may_send_texts_to_another_one_once_that_is_granted(garden: Comatrix, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "cellar.json"), "--gateway-address", "pi:5683")
    assert garden("node", "add", "cellar", "--room", "#garden:localhost", *out).exit_code == 0
    granted = garden("node", "grant", "garden", "Cellar")
    assert granted.stdout == "Node 1 garden may send texts to 2 cellar.\n"
    assert garden("node", "grant", "1", "2").exit_code == 0, "a second time changes nothing"
    assert read(garden, "node", "show", "garden")["tells"] == [{"number": 2, "name": "cellar"}]
    assert read(garden, "node", "show", "cellar")["told_by"] == [{"number": 1, "name": "garden"}]
    assert "may tell        2 cellar\n" in garden("node", "show", "garden").stdout
    assert "told by         1 garden\n" in garden("node", "show", "cellar").stdout
    assert read(garden, "node", "show", "cellar")["tells"] == [], "not the other way round"
    assert garden("node", "ungrant", "garden", "cellar").stdout == "Node 1 garden may send texts to no node now.\n"
    for words in (("ungrant", "garden", "cellar"), ("grant", "garden", "garden"), ("grant", "garden", "nobody")):
        refused = garden("node", *words)
        assert refused.exit_code == 2 and "next: comatrix node" in refused.stderr
    assert read(garden, "node", "grant", "garden", "cellar")["tells"] == [{"number": 2, "name": "cellar"}]
    assert garden("node", "revoke", "cellar").exit_code == 0
    assert read(garden, "node", "show", "garden")["tells"] == []
