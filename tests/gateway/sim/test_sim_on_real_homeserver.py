"""`comatrix sim --homeserver`: a run in virtual time that posts over HTTP."""

import asyncio
import json
import secrets
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from comatrix.gateway.cli.main import cli
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient


def _token_file(folder: Path, token: str, mode: int = 0o600) -> str:
    path = folder / "token"
    path.write_text(token + "\n")
    path.chmod(mode)
    return str(path)


def _sim(url: str, user: str, token_file: str, *more: str) -> tuple[int, str]:
    where = ["--homeserver", url, "--user", user, "--token-file", token_file]
    told = CliRunner().invoke(cli, ["sim", "one-node", *where, *more])
    return told.exit_code, told.output


def test_where_nobody_answers_the_next_step_is_told(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    code, told = _sim(url, "@sim:x", _token_file(tmp_path, "token"))
    assert code == 2
    assert f"No Matrix homeserver answers at {url}" in told and f"curl {url}/_matrix/client/versions" in told


def test_a_token_others_can_read_is_refused(tmp_path: Path) -> None:
    code, told = _sim("http://127.0.0.1:1", "@sim:x", _token_file(tmp_path, "token", 0o644))
    assert code == 2 and "chmod 600" in told


def test_half_an_account_is_refused() -> None:
    told = CliRunner().invoke(cli, ["sim", "one-node", "--homeserver", "http://127.0.0.1:1"])
    assert told.exit_code == 2 and "go together" in told.output


def test_half_a_typist_and_one_that_is_the_gateway_itself_are_refused(tmp_path: Path) -> None:
    token = _token_file(tmp_path, "token")
    code, told = _sim("http://127.0.0.1:1", "@sim:x", token, "--typist", "@you:x")
    assert code == 2 and "--typist and --typist-token-file go together" in told
    code, told = _sim("http://127.0.0.1:1", "@sim:x", token, "--typist", "@sim:x", "--typist-token-file", token)
    assert code == 2 and "does not obey itself" in told


async def _account(server: LoopbackSynapse) -> tuple[str, str]:
    name = f"sim-{secrets.token_hex(4)}"
    await server.register(name, "password")
    async with MatrixClient(server.base_url) as client:
        body = (await client.login_password(name, "password", "SIM", "sim")).body
    assert body is not None
    return body["user_id"], body["access_token"]


@pytest.mark.slow
def test_every_reading_stands_once_in_a_room_of_a_real_homeserver(synapse: LoopbackSynapse, tmp_path: Path) -> None:
    user, token = asyncio.run(_account(synapse))
    code, text = _sim(synapse.base_url, user, _token_file(tmp_path, token), "--json")
    assert code == 0, text
    told = json.loads(text)
    assert told["readings"] == told["delivered"] >= 60
    assert told["doubled"] == 0
    assert told["latency_s"]["p100"] < 60  # of virtual time
    assert any("not typed" in line for line in told["operator"])


@pytest.mark.slow
def test_a_command_of_the_scenario_is_typed_by_another_account_and_obeyed(
    synapse: LoopbackSynapse, tmp_path: Path
) -> None:
    user, token = asyncio.run(_account(synapse))
    typist, typed_token = asyncio.run(_account(synapse))
    (tmp_path / "typist").mkdir()
    typing = ("--typist", typist, "--typist-token-file", _token_file(tmp_path / "typist", typed_token))
    code, text = _sim(synapse.base_url, user, _token_file(tmp_path, token), *typing, "--json")
    assert code == 0, text
    told = json.loads(text)
    assert [(one["said"], one["state"]) for one in told["commands"]] == [("interval = 30 s", "confirmed")]
    assert told["readings"] == told["delivered"] > 90  # twice as often after 20 minutes of the hour
    assert not any("not typed" in line for line in told["operator"])


@pytest.mark.slow
def test_a_token_that_is_not_the_accounts_is_refused(synapse: LoopbackSynapse, tmp_path: Path) -> None:
    user, token = asyncio.run(_account(synapse))
    for name, written in ((user, "nonsense"), ("@other:localhost", token)):
        code, told = _sim(synapse.base_url, name, _token_file(tmp_path, written))
        assert code == 2 and f"does not take the token as that of {name}" in told
        assert token not in told
