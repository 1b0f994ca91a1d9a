"""Nodes over DTLS, provisioned at the command line."""

import json
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import dtls_keys
from tests.gateway.cli.conftest import Comatrix
from tests.gateway.cli.test_commands import garden as garden
from tests.gateway.cli.test_commands import in_store, read


def test_a_node_over_dtls_has_an_identity_and_a_key_of_its_own(garden: Comatrix, tmp_path: Path) -> None:
    result = garden("node", "add", "shed", "--room", "#garden:localhost", "--security", "dtls")
    assert result.exit_code == 0, result.output
    made = json.loads((tmp_path / "shed.json").read_text())
    assert (made["security"], made["psk_identity"], len(bytes.fromhex(made["psk"]))) == ("dtls", "shed", 16)
    assert "secret" not in made
    assert made["gateway"].endswith(":5684")
    assert f"identity shed, key {made['psk']} (hex)" in result.stdout
    assert "set [dtls] listen" in result.stderr
    shown = read(garden, "node", "show", "shed")
    assert (shown["security"], shown["psk_identities"], shown["keys"]) == ("dtls", ["shed"], [])
    assert made["psk"] not in json.dumps(shown)


def test_a_node_over_dtls_is_rotated_under_a_second_identity(garden: Comatrix, tmp_path: Path) -> None:
    add = ("node", "add", "shed", "--room", "#garden:localhost", "--security", "dtls", "--psk-identity", "a1:b2")
    assert garden(*add).exit_code == 0
    assert garden("node", "rotate", "shed", "--out", "new.json").exit_code == 0
    old, new = (json.loads((tmp_path / name).read_text()) for name in ("shed.json", "new.json"))
    assert (old["psk_identity"], new["psk_identity"]) == ("a1:b2", "shed.2")
    assert old["psk"] != new["psk"]
    assert read(garden, "node", "show", "shed")["psk_identities"] == ["shed.2", "a1:b2"]
    assert garden("node", "revoke", "shed").exit_code == 0
    assert in_store(tmp_path, lambda store: store.read(lambda c: dtls_keys.of_node(c, 2))) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--security", "dtls", "--plain", "192.168.1.20"), "instead of --plain"),
        (("--psk-identity", "x"), "is for --security dtls"),
        (("--security", "dtls", "--psk-identity", "two words"), "1 to 64 bytes without spaces"),
        (("--security", "dtls", "--psk-identity", "x" * 65), "1 to 64 bytes without spaces"),
        (("--security", "tls"), "oscore"),
    ],
)
def test_what_cannot_be_a_node_over_dtls_is_told(garden: Comatrix, words: tuple[str, ...], said: str) -> None:
    result = garden("node", "add", "shed", "--room", "#garden:localhost", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(read(garden, "node", "list")) == 1


def test_two_nodes_do_not_share_an_identity(garden: Comatrix) -> None:
    add = ("node", "add", "shed", "--room", "#garden:localhost", "--security", "dtls", "--psk-identity", "one")
    assert garden(*add).exit_code == 0
    result = garden("node", "add", "barn", *add[3:])
    assert result.exit_code != 0
    assert "there is a PSK identity 'one' already" in result.stderr
