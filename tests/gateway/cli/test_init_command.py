"""`comatrix init`: one command makes a working, private configuration."""

import socket
import stat
import time
import tomllib
from pathlib import Path

import pytest

from comatrix.gateway.config.load import load
from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.config.settings import SECTIONS
from tests.gateway.cli.conftest import PASSWORD, Comatrix, Loopback


def test_init_with_flags_writes_a_short_configuration_and_private_secrets(
    comatrix: Comatrix, homeserver: Loopback, tmp_path: Path
) -> None:
    words = ("init", "--homeserver", homeserver.url, "--user", "@cx:localhost", "--password-file", "-")
    result = comatrix(*words, input=PASSWORD + "\n")
    assert result.exit_code == 0, result.output
    assert "Next: comatrix room create" in result.stdout
    home = tmp_path / "home"
    text = (home / "comatrix.toml").read_text()
    assert len(text.splitlines()) <= 10
    settings = load(home / "comatrix.toml", {})
    assert (settings.homeserver.url, settings.homeserver.user) == (homeserver.url, "@cx:localhost")
    kept = read_secrets(home / "secrets.toml")
    assert kept.user_id == "@cx:localhost" and kept.device_id.startswith("CX")
    assert stat.S_IMODE((home / "secrets.toml").stat().st_mode) == 0o600
    assert kept.access_token not in result.output + text
    assert PASSWORD not in result.output + text + (home / "secrets.toml").read_text()
    assert comatrix("config", "check").exit_code == 0


def test_init_asks_for_what_is_not_given(comatrix: Comatrix, homeserver: Loopback) -> None:
    result = comatrix("init", input=f"{homeserver.url}\ncx\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert "device CX" in result.stdout


def test_nobody_to_ask_names_the_flags(comatrix: Comatrix) -> None:
    result = comatrix("init", input="")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("next: comatrix init --homeserver URL --user NAME")


def test_init_with_a_token(ready: Comatrix, homeserver: Loopback, tmp_path: Path) -> None:
    kept = read_secrets(tmp_path / "home" / "secrets.toml")
    for name in ("comatrix.toml", "secrets.toml"):
        (tmp_path / "home" / name).unlink()
    words = ("init", "--homeserver", homeserver.url, "--user", "cx", "--token-file", "-")
    assert ready(*words, input=kept.access_token + "\n").exit_code == 0
    assert read_secrets(tmp_path / "home" / "secrets.toml") == kept


def test_a_second_init_is_refused_and_force_keeps_device_and_settings(
    ready: Comatrix, homeserver: Loopback, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    result = ready("init", "--homeserver", homeserver.url)
    assert result.exit_code == 2 and "exists already" in result.stderr
    assert result.stderr.splitlines()[-1] == "next: comatrix init --force"
    with (home / "comatrix.toml").open("a") as file:
        file.write('[posting]\npost = "change" # my words\n')
    before, text = read_secrets(home / "secrets.toml"), (home / "comatrix.toml").read_text()
    assert ready("init", "--force", "--password-file", "-", input=PASSWORD).exit_code == 0
    after = read_secrets(home / "secrets.toml")
    assert after.device_id == before.device_id
    assert after.access_token != before.access_token
    assert (home / "comatrix.toml").read_text() == text
    words = ("init", "--force", "--password-file", "-", "--gateway-address", "pi.local:5683")
    assert ready(*words, input=PASSWORD).exit_code == 0
    settings = load(home / "comatrix.toml", {})
    assert (settings.gateway.address, settings.posting.post) == ("pi.local:5683", "change")


def test_init_asks_for_a_token_that_can_be_renewed(comatrix: Comatrix, homeserver: Loopback, tmp_path: Path) -> None:
    homeserver.server.token_lifetime_s = 300.0
    began_ms = time.time() * 1000
    words = ("init", "--homeserver", homeserver.url, "--user", "cx", "--password-file", "-")
    result = comatrix(*words, input=PASSWORD + "\n")
    assert result.exit_code == 0, result.output
    kept = read_secrets(tmp_path / "home" / "secrets.toml")
    assert kept.refresh_token.startswith("refresh_") and 290_000 < kept.expires_ms - began_ms < 330_000
    assert kept.refresh_token not in result.output + (tmp_path / "home" / "comatrix.toml").read_text()


def test_a_command_renews_a_token_that_ended_and_keeps_the_next(
    comatrix: Comatrix, homeserver: Loopback, tmp_path: Path
) -> None:
    homeserver.server.token_lifetime_s = 300.0
    words = ("init", "--homeserver", homeserver.url, "--user", "cx", "--password-file", "-")
    assert comatrix(*words, input=PASSWORD + "\n").exit_code == 0
    before = read_secrets(tmp_path / "home" / "secrets.toml")
    homeserver.server.expire_tokens("@cx:localhost", soft=True)
    result = comatrix("room", "create", "garden", "--invite", "@me:localhost")
    assert result.exit_code == 0, result.output
    after = read_secrets(tmp_path / "home" / "secrets.toml")
    assert after.access_token != before.access_token and after.refresh_token != before.refresh_token


def test_another_device_than_asked_for_is_what_is_kept(ready: Comatrix, homeserver: Loopback, tmp_path: Path) -> None:
    homeserver.server.device_given = "THEIRS"
    result = ready("init", "--force", "--password-file", "-", input=PASSWORD)
    assert result.exit_code == 0 and "device THEIRS" in result.stdout
    assert read_secrets(tmp_path / "home" / "secrets.toml").device_id == "THEIRS"


def test_a_wrong_password_is_told(comatrix: Comatrix, homeserver: Loopback, tmp_path: Path) -> None:
    words = ("init", "--homeserver", homeserver.url, "--user", "cx", "--password-file", "-")
    result = comatrix(*words, input="wrong\n")
    assert result.exit_code == 1
    assert "has no account cx with this password" in result.stderr
    assert result.stderr.splitlines()[-1] == "next: comatrix init"
    assert not (tmp_path / "home" / "comatrix.toml").exists()


def test_another_account_s_token_is_refused(ready: Comatrix, homeserver: Loopback, tmp_path: Path) -> None:
    kept = read_secrets(tmp_path / "home" / "secrets.toml")
    words = ("init", "--force", "--user", "@other:localhost", "--token-file", "-")
    result = ready(*words, input=kept.access_token)
    assert result.exit_code == 1
    assert "This is @cx:localhost, not @other:localhost." in result.stderr
    assert result.stderr.splitlines()[-1] == "next: comatrix init --force --user @cx:localhost"


def test_a_homeserver_that_does_not_answer_exits_3(comatrix: Comatrix) -> None:
    words = ("init", "--homeserver", "http://127.0.0.1:1", "--user", "cx", "--password-file", "-")
    result = comatrix(*words, input=PASSWORD)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1].startswith("next: comatrix init --homeserver URL ")


@pytest.mark.slow
def test_https_to_what_speaks_plain_http_is_told_as_that_and_soon(comatrix: Comatrix) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it waits for the rest of a request line, for ever
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        began_s = time.monotonic()
        result = comatrix("init", "--homeserver", url, "--user", "cx", "--password-file", "-", input=PASSWORD)
    assert result.exit_code == 3 and "perhaps it speaks plain HTTP" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("next: comatrix init --homeserver URL ")
    assert time.monotonic() - began_s < 8


def test_https_to_an_http_server_is_told_as_that(comatrix: Comatrix, homeserver: Loopback) -> None:
    url = homeserver.url.replace("http:", "https:")
    result = comatrix("init", "--homeserver", url, "--user", "cx", "--password-file", "-", input=PASSWORD)
    assert result.exit_code == 3 and "perhaps it speaks plain HTTP" in result.stderr, result.stderr


def test_wrong_flags_are_all_told_before_anything_is_sent(comatrix: Comatrix) -> None:
    result = comatrix("init", "--homeserver", "example", "--user", "@", "--gateway-address", "x")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 4


def test_config_check_tells_all_problems_at_once(ready: Comatrix, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "comatrix.toml").write_text('[homeserver]\nurl = "x"\n[udp]\nbnid = []\n')
    (home / "secrets.toml").chmod(0o644)
    result = ready("config", "check")
    assert result.exit_code == 2
    for words in ("url must be", "user is missing", "did you mean bind?", "can be read by others"):
        assert words in result.stderr
    told = ready("config", "check", "--json")
    assert told.exit_code == 2 and '"ok": false' in told.stdout


def test_secrets_others_can_read_name_the_chmod(ready: Comatrix, tmp_path: Path) -> None:
    (tmp_path / "home" / "secrets.toml").chmod(0o640)
    result = ready("config", "check")
    assert result.stderr.splitlines()[-1] == f"next: chmod 600 {tmp_path / 'home' / 'secrets.toml'}"


def test_config_show_is_a_configuration(comatrix: Comatrix) -> None:
    shown = comatrix("config", "show").stdout
    assert list(tomllib.loads(shown)) == list(SECTIONS)
    assert "# bind = " in shown
