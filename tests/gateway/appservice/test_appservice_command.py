"""`comatrix appservice`: the file it writes, what it keeps, and what --check finds out."""

import asyncio
import json
import re
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from click.testing import CliRunner, Result

from comatrix.gateway.cli.main import cli
from comatrix.gateway.config.load import load
from comatrix.gateway.config.registration import read_tokens
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.synapse import LoopbackSynapse

FIRST = ["--homeserver", "http://127.0.0.1:1", "--user", "@cx:localhost"]


def run(home: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["appservice", *args], env={"COMATRIX_HOME": str(home)})


def registration(home: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((home / "registration.yaml").read_text())
    return loaded


def test_the_registration_holds_what_a_homeserver_needs(tmp_path: Path) -> None:
    done = run(tmp_path, *FIRST)
    assert done.exit_code == 0, done.output
    written = registration(tmp_path)
    assert written["id"] == "comatrix-cx" and written["url"] == "http://127.0.0.1:5680"
    assert written["sender_localpart"] == "cx"
    assert written["rate_limited"] is False and written["receive_ephemeral"] is False
    assert written["io.element.msc4190"] is True
    assert len(written["as_token"]) >= 40 and len(written["hs_token"]) >= 40
    assert written["as_token"] != written["hs_token"]
    spaces = written["namespaces"]["users"]
    assert all(space["exclusive"] for space in spaces)
    patterns = [space["regex"] for space in spaces]
    assert any(re.fullmatch(pattern, "@cx_node_7:localhost") for pattern in patterns)
    assert any(re.fullmatch(pattern, "@cx_service:localhost") for pattern in patterns)
    (aliases,) = written["namespaces"]["aliases"]
    assert re.fullmatch(aliases["regex"], "#cx_garden:localhost"), "room create needs one"
    assert not re.fullmatch(aliases["regex"], "#garden:localhost"), (
        "the service would be pushed every room with an alias"
    )
    for stranger in ("@cx:localhost", "@alice:localhost", "@cx_node_7:example.org", "@xcx_node_7:localhost"):
        assert not any(re.fullmatch(pattern, stranger) for pattern in patterns)


def test_dots_of_names_are_no_wildcards(tmp_path: Path) -> None:
    (tmp_path / "comatrix.toml").write_text(
        '[homeserver]\nurl = "http://127.0.0.1:1"\nuser = "@cx:a.example"\n[appservice]\nprefix = "c.x"\n'
    )
    assert run(tmp_path).exit_code == 0
    (ghosts, _) = registration(tmp_path)["namespaces"]["users"]
    assert re.fullmatch(ghosts["regex"], "@c.xnode_7:a.example")
    assert not re.fullmatch(ghosts["regex"], "@cyxnode_7:a.example")
    assert not re.fullmatch(ghosts["regex"], "@c.xnode_7:ayexample")


def test_only_the_owner_can_read_what_it_writes_and_no_token_is_shown(tmp_path: Path) -> None:
    done = run(tmp_path, *FIRST)
    kept = read_tokens(tmp_path / "appservice.toml")
    for name in ("registration.yaml", "appservice.toml"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    for token in (kept.as_token, kept.hs_token):
        assert token not in done.output and token not in repr(kept)
    assert "mode 0600" in done.output


def test_it_says_where_the_file_goes_and_what_comes_next(tmp_path: Path) -> None:
    output = run(tmp_path, *FIRST).output
    for word in ("Synapse", "app_service_config_files", "Dendrite", "conduit", str(tmp_path / "registration.yaml")):
        assert word in output
    assert output.endswith("Next: comatrix appservice --check\n")


def test_a_second_time_the_tokens_stay_unless_new_ones_are_asked_for(tmp_path: Path) -> None:
    run(tmp_path, *FIRST)
    first = registration(tmp_path)
    assert run(tmp_path).exit_code == 0
    assert registration(tmp_path) == first
    assert run(tmp_path, "--new-tokens").exit_code == 0
    assert registration(tmp_path)["as_token"] != first["as_token"]
    assert registration(tmp_path)["hs_token"] != first["hs_token"]


def test_behind_nat_the_url_is_null(tmp_path: Path) -> None:
    assert run(tmp_path, *FIRST, "--intake", "sync").exit_code == 0
    assert registration(tmp_path)["url"] is None
    assert load(tmp_path / "comatrix.toml", {}).appservice.intake == "sync"


def test_a_configuration_that_is_there_is_kept_and_the_service_enabled(tmp_path: Path) -> None:
    config = tmp_path / "comatrix.toml"
    config.write_text(
        '[homeserver]\nurl = "http://127.0.0.1:1"\nuser = "@cx:localhost"\n[gateway]\ntimezone = "Asia/Tokyo"\n'
    )
    assert run(tmp_path, "--url", "http://192.0.2.1:5680/").exit_code == 0
    settings = load(config, {})
    assert settings.gateway.timezone == "Asia/Tokyo" and settings.appservice.enabled
    assert registration(tmp_path)["url"] == "http://192.0.2.1:5680"
    before = config.read_text() + "# mine\n"
    config.write_text(before)
    assert run(tmp_path).exit_code == 0
    assert config.read_text() == before, "nothing changed, but it was written"


@pytest.mark.parametrize(
    ("config", "args", "told"),
    [
        ("", [], "no configuration"),
        ("", ["--homeserver", "x", "--user", "@cx:localhost"], "must be the homeserver's address"),
        ("", ["--homeserver", "http://x", "--user", "cx"], "must be a Matrix user"),
        ("", ["--homeserver", "http://x", "--user", "@c^x:localhost"], "cannot be a service's user"),
        ("", [*FIRST, "--url", "ftp://x"], "can reach such as"),
        ('bind = "0.0.0.0:5680"', [], "how the homeserver reaches this machine"),
        ('bind = "[::]:5680"', [], "how the homeserver reaches this machine"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_step(tmp_path: Path, config: str, args: list[str], told: str) -> None:
    if config:
        text = f'[homeserver]\nurl = "http://x"\nuser = "@cx:localhost"\n[appservice]\n{config}\n'
        (tmp_path / "comatrix.toml").write_text(text)
    done = run(tmp_path, *args)
    assert done.exit_code == 2
    assert told in done.output and "next: comatrix appservice" in done.output
    assert not (tmp_path / "registration.yaml").exists()


def test_config_check_looks_at_the_services_tokens(tmp_path: Path) -> None:
    run(tmp_path, *FIRST)
    check, env = ["config", "check"], {"COMATRIX_HOME": str(tmp_path)}
    assert CliRunner().invoke(cli, check, env=env).exit_code == 0
    (tmp_path / "appservice.toml").chmod(0o644)
    done = CliRunner().invoke(cli, check, env=env)
    assert done.exit_code == 2 and "chmod 600" in done.output
    (tmp_path / "appservice.toml").unlink()
    done = CliRunner().invoke(cli, check, env=env)
    assert done.exit_code == 2 and "next: comatrix appservice" in done.output


def test_json_names_the_file(tmp_path: Path) -> None:
    shown = json.loads(run(tmp_path, *FIRST, "--json").output)
    assert shown == {
        "file": str(tmp_path / "registration.yaml"),
        "id": "comatrix-cx",
        "user": "@cx:localhost",
        "url": "http://127.0.0.1:5680",
    }


def test_check_without_a_homeserver_says_so(tmp_path: Path) -> None:
    run(tmp_path, *FIRST)
    done = run(tmp_path, "--check")
    assert done.exit_code == 3 and "No homeserver answered" in done.output


def test_check_before_there_is_anything_to_check(tmp_path: Path) -> None:
    (tmp_path / "comatrix.toml").write_text('[homeserver]\nurl = "http://127.0.0.1:1"\nuser = "@cx:localhost"\n')
    done = run(tmp_path, "--check")
    assert done.exit_code == 2 and "next: comatrix appservice" in done.output


@pytest.mark.slow
async def test_check_tells_what_a_real_homeserver_makes_of_it(tmp_path: Path) -> None:
    server = LoopbackSynapse(tmp_path / "homeserver", free_port(socket.SOCK_STREAM))
    user = ["--homeserver", server.base_url, "--user", "@cx:localhost"]

    async def check(home: Path, *args: str) -> Result:
        return await asyncio.to_thread(run, home, "--check", *args)

    push, sync = tmp_path / "push", tmp_path / "sync"
    (tmp_path / "push").mkdir()
    (push / "comatrix.toml").write_text(
        f'[homeserver]\nurl = "{server.base_url}"\nuser = "@cx:localhost"\n'
        f'[appservice]\nbind = "127.0.0.1:{free_port(socket.SOCK_STREAM)}"\n'
    )
    assert run(push).exit_code == 0
    assert run(sync, *user[:3], "@cy:localhost", "--intake", "sync").exit_code == 0
    text = (sync / "comatrix.toml").read_text()
    (sync / "comatrix.toml").write_text(text + 'prefix = "cy_"\n')
    assert run(sync).exit_code == 0
    async with server:
        done = await check(push)
        assert done.exit_code == 1 and "does not know" in done.output and "restart" in done.output
    server.app_services += [push / "registration.yaml", sync / "registration.yaml"]
    async with server:
        done = await check(push)
        assert done.exit_code == 0, done.output
        assert "reaches the intake" in done.output and "Next: comatrix gateway run" in done.output
        done = await check(sync, "--json")
        assert done.exit_code == 0 and len(json.loads(done.output)["steps"]) == 3, done.output
        (push / "comatrix.toml").write_text((push / "comatrix.toml").read_text().replace("bind = ", "# bind = "))
        done = await check(push)
        assert done.exit_code == 1 and "cannot reach" in done.output and "--intake sync" in done.output
        assert run(push, "--new-tokens").exit_code == 0
        done = await check(push)
        assert done.exit_code == 1 and "does not know" in done.output
