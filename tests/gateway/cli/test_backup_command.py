"""One file holds a gateway, beside one that runs; put back, it trusts no counter; nothing bad is put back."""

import gzip
import io
import json
import os
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comatrix.gateway.cli.main import cli
from comatrix.gateway.config.secrets import Secrets, read_secrets, write_secrets
from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.store import Store

CONFIGURATION = '[homeserver]\nurl = "https://matrix.example.org"\nuser = "@cx:example.org"\n'
TOKEN = Secrets("@cx:example.org", "DEVICE", "token of the account")
Comatrix = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A gateway with one node, not running."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "comatrix.toml").write_text(CONFIGURATION)
    write_secrets(folder / "secrets.toml", TOKEN)
    with Store.open(folder / "comatrix.db", 0) as store:
        store.write(provision)
    return folder


def provision(connection: sqlite3.Connection) -> None:
    node = nodes.add(connection, "garden", rooms.add(connection, "!a:b").id, now_ms=0)
    contexts.add(connection, node.number, "u", b"s" * 16)


def comatrix(home: Path, *words: str, input: str | None = None) -> Result:
    result = CliRunner().invoke(cli, ["--home", str(home), *words], input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def names(home: Path) -> list[str]:
    with Store.open(home / "comatrix.db", 0) as store:
        return [node.name for node in store.read(nodes.all_nodes)]


def backed_up(home: Path, tmp_path: Path) -> Path:
    file = tmp_path / "cx.tar.gz"
    done = comatrix(home, "backup", str(file))
    assert done.exit_code == 0, done.output
    return file


def test_a_backup_taken_while_the_database_is_written_is_whole_and_private(home: Path, tmp_path: Path) -> None:
    with Store.open(home / "comatrix.db", 0) as store:  # as a running gateway holds it, with its log beside it
        store.write(lambda connection: nodes.add(connection, "cellar", 1, now_ms=0))
        file = backed_up(home, tmp_path)
        store.write(lambda connection: nodes.add(connection, "roof", 1, now_ms=0))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cx.tar.gz", "home"], "something was left behind"
    assert comatrix(tmp_path / "new", "restore", str(file)).exit_code == 0
    assert names(tmp_path / "new") == ["garden", "cellar"]
    assert names(home) == ["garden", "cellar", "roof"]


def test_an_empty_home_gets_everything_back(home: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    said = comatrix(new, "restore", str(backed_up(home, tmp_path)))
    assert said.exit_code == 0 and "make new keys by themselves" in said.stdout
    assert (new / "comatrix.toml").read_text() == CONFIGURATION
    assert read_secrets(new / "secrets.toml") == TOKEN
    for name in ("secrets.toml", "comatrix.db"):
        assert stat.S_IMODE((new / name).stat().st_mode) == 0o600


def test_a_restored_database_is_a_copy_also_beside_the_instance_file_of_its_own_gateway(
    home: Path, tmp_path: Path
) -> None:
    file = backed_up(home, tmp_path)
    before = (home / "comatrix.db.instance").read_text()
    assert comatrix(home, "restore", "--replace", "--yes", str(file)).exit_code == 0
    (home / "comatrix.db.instance").write_text(before)  # an operator who puts that back as well
    with Store.open(home / "comatrix.db", 5) as store:
        assert store.restored
        assert store.instance != before.strip()
        assert all(context.missing for context in store.read(contexts.living))


def test_a_home_in_use_is_replaced_only_when_asked_for_and_confirmed(home: Path, tmp_path: Path) -> None:
    file = backed_up(home, tmp_path)
    with Store.open(home / "comatrix.db", 0) as store:
        store.write(lambda connection: nodes.add(connection, "cellar", 1, now_ms=0))
    refused = comatrix(home, "restore", str(file))
    assert refused.exit_code == 2 and "--replace" in refused.stderr.splitlines()[-1]
    assert comatrix(home, "restore", "--replace", str(file), input="n\n").exit_code == 130
    assert names(home) == ["garden", "cellar"]
    assert comatrix(home, "restore", "--replace", str(file), input="y\n").exit_code == 0
    assert names(home) == ["garden"]


def test_nothing_is_put_back_while_a_process_has_the_database(home: Path, tmp_path: Path) -> None:
    file = backed_up(home, tmp_path)
    with Store.open(home / "comatrix.db", 0):
        refused = comatrix(home, "restore", "--replace", "--yes", str(file))
    assert refused.exit_code == 1 and f"pid {os.getpid()}" in refused.stderr
    assert names(home) == ["garden"]


def test_a_file_that_is_there_is_not_written_over(home: Path, tmp_path: Path) -> None:
    file = backed_up(home, tmp_path)
    assert comatrix(home, "backup", str(file)).exit_code == 2
    assert comatrix(home, "backup", "--force", str(file)).exit_code == 0


def test_a_gateway_without_a_database_has_nothing_to_back_up(tmp_path: Path) -> None:
    said = comatrix(tmp_path / "none", "backup", str(tmp_path / "cx.tar.gz"))
    assert said.exit_code == 1 and "there is no database" in said.stderr
    assert list(tmp_path.iterdir()) == []


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


def packed(file: Path, parts: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for name, data in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if name != "manifest.json":
                entry.type = kind
            archive.addfile(entry, io.BytesIO(data))


def a_flipped_byte(file: Path) -> None:
    parts = members(file)
    changed = bytearray(parts["comatrix.db"])
    changed[2000] ^= 1
    packed(file, parts | {"comatrix.db": bytes(changed)})


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def no_archive(file: Path) -> None:
    file.write_bytes(b"nothing")


def no_tar(file: Path) -> None:
    file.write_bytes(gzip.compress(b"nothing"))


def a_stranger(file: Path) -> None:
    packed(file, members(file) | {"../../evil": b"x"})


def a_link(file: Path) -> None:
    packed(file, members(file), kind=tarfile.SYMTYPE)


def no_database(file: Path) -> None:
    packed(file, {name: data for name, data in members(file).items() if name != "comatrix.db"})


def another_format(file: Path) -> None:
    parts = members(file)
    packed(file, parts | {"manifest.json": json.dumps(json.loads(parts["manifest.json"]) | {"format": 9}).encode()})


BAD = [a_flipped_byte, half, no_archive, no_tar, a_stranger, a_link, no_database, another_format]


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_a_bad_backup_changes_nothing(spoil: Callable[[Path], None], home: Path, tmp_path: Path) -> None:
    file = backed_up(home, tmp_path)
    spoil(file)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    refused = comatrix(home, "restore", "--replace", "--yes", str(file))
    assert refused.exit_code == 2 and "no backup that can be put back" in refused.stderr
    assert {path.name: path.read_bytes() for path in home.iterdir() if path.name in before} == before | {
        "comatrix.db.lock": (home / "comatrix.db.lock").read_bytes()
    }
    assert not (tmp_path / "evil").exists()


def rewritten(file: Path, job: str) -> None:
    """With another database, and a manifest that fits it."""
    import hashlib

    parts = members(file)
    path = file.with_name("other.db")
    path.write_bytes(parts["comatrix.db"])
    with sqlite3.connect(path) as connection:
        connection.execute(job)
    connection.close()
    data = path.read_bytes()
    path.unlink()
    said = json.loads(parts["manifest.json"])
    said["parts"]["comatrix.db"] = [len(data), hashlib.sha256(data).hexdigest()]
    packed(file, parts | {"manifest.json": json.dumps(said).encode(), "comatrix.db": data})


@pytest.mark.parametrize(
    ("job", "words"), [("PRAGMA user_version = 99", "newer CoMatrix"), ("PRAGMA application_id = 5", "other program")]
)
def test_a_database_this_one_cannot_use_is_refused_before_anything_changes(
    job: str, words: str, home: Path, tmp_path: Path
) -> None:
    file = backed_up(home, tmp_path)
    rewritten(file, job)
    refused = comatrix(home, "restore", "--replace", "--yes", str(file))
    assert refused.exit_code == 1 and words in refused.stderr
    assert names(home) == ["garden"]
