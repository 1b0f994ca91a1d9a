"""What must never stand in a log: a traceback, the access token, a node's secret."""

import json

from comatrix.gateway.demo.stage import Stage


def check_log(stage: Stage) -> None:
    """Of the gateway, and of every node that ran. Fails the test."""
    gateway = stage.folder / "gateway.log"
    logs = {node.folder.name: node.output() for node in stage.nodes.values()}
    if gateway.exists():
        logs["gateway"] = gateway.read_text(errors="replace")
    for name, said in logs.items():
        assert "Traceback" not in said, f"{name}:\n{said}"
        assert "never retrieved" not in said, f"{name}:\n{said}"
        for secret in _secrets(stage):
            assert secret not in said, f"a secret in the log of {name}"


def _secrets(stage: Stage) -> list[str]:
    """The access token and node secrets on disk now, as they would be printed."""
    found = [stage.password]
    secrets_file = stage.place.paths.secrets
    if secrets_file.exists():
        found += [line.split('"')[1] for line in secrets_file.read_text().splitlines() if "access_token" in line]
    for config in (stage.folder / "nodes").glob("*/config.json"):
        secret = json.loads(config.read_text())["secret"]
        found += [secret, secret.upper(), repr(bytes.fromhex(secret))]
    return found
