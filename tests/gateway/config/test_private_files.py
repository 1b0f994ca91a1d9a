"""Where files are, and that secrets stay with their owner."""

import stat
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.config.private_file import folder_locked, write_private
from comatrix.gateway.config.secrets import Secrets, read_secrets, renew_secrets, write_secrets
from comatrix.gateway.errors import UsageError

KEPT = Secrets("@cx:example.org", "CXDEVICE", 'syt_"odd\\\n token')
GOOD = 'user_id = "a"\ndevice_id = "b"\naccess_token = "c"\n'
RENEWABLE = Secrets("@cx:example.org", "CXDEVICE", "syt_a", 'syr_"odd\\', 1_700_000_000_000)


def test_files_follow_the_xdg_directories() -> None:
    paths = find_paths(None, {}, Path("/home/me"))
    assert paths.config == Path("/home/me/.config/comatrix/comatrix.toml")
    assert paths.secrets == Path("/home/me/.config/comatrix/secrets.toml")
    assert paths.database == Path("/home/me/.local/state/comatrix/comatrix.db")
    moved = find_paths(None, {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "relative"}, Path("/home/me"))
    assert moved.config == Path("/c/comatrix/comatrix.toml")
    assert moved.socket == Path("/home/me/.local/state/comatrix/control.sock")


def test_home_holds_everything_and_the_option_beats_the_variable() -> None:
    assert find_paths(None, {"COMATRIX_HOME": "/a"}, Path("/u")).config == Path("/a/comatrix.toml")
    paths = find_paths("/b", {"COMATRIX_HOME": "/a"}, Path("/u"))
    assert {paths.config.parent, paths.secrets.parent, paths.database.parent, paths.socket.parent} == {Path("/b")}


def test_secrets_are_0600_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secrets.toml"
    write_secrets(path, KEPT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secrets(path) == KEPT
    write_secrets(path, RENEWABLE)
    assert read_secrets(path) == RENEWABLE


def test_renewed_secrets_never_replace_a_login(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    write_secrets(path, RENEWABLE)
    after = replace(RENEWABLE, access_token="syt_b", refresh_token="syr_b")
    assert renew_secrets(path, RENEWABLE, after) == after == read_secrets(path)
    write_secrets(path, KEPT)
    assert renew_secrets(path, after, RENEWABLE) == KEPT == read_secrets(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_login_waits_for_a_renewal_to_end(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    with folder_locked(tmp_path):
        thread = Thread(target=write_secrets, args=(path, KEPT))
        thread.start()
        thread.join(0.05)
        assert not path.exists()
    thread.join()
    assert read_secrets(path) == KEPT


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_secrets_others_can_read_are_refused_with_the_chmod_to_type(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secrets.toml"
    write_secrets(path, KEPT)
    path.chmod(mode)
    with pytest.raises(UsageError) as caught:
        read_secrets(path)
    assert caught.value.next_step == f"chmod 600 {path}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "access_token = 3",
        "not toml",
        'user_id = "a"\ndevice_id = "b"\naccess_token = ""',
        GOOD + "refresh_token = 7",
        GOOD + "expires_ms = true",
        GOOD + 'expires_ms = "1"',
        GOOD + 'password = "x"',
    ],
)
def test_incomplete_secrets_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secrets.toml"
    write_private(path, text.encode())
    with pytest.raises(UsageError):
        read_secrets(path)


def test_missing_secrets_say_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_secrets(tmp_path / "secrets.toml")
    assert caught.value.next_step == "comatrix init"


def test_the_token_is_in_no_repr() -> None:
    assert "syt_" not in repr(KEPT) and "syr_" not in repr(RENEWABLE)


def test_a_private_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["node.json"]


def test_secrets_that_cannot_be_read_are_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").mkdir(mode=0o700)
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_secrets(tmp_path / "secrets.toml")
