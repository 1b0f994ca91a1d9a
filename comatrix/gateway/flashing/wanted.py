"""What is to be on a board: the compiled set, pins.py, config.json, main.py; config.json with values changed."""

import json
from typing import Any

from comatrix.gateway.errors import UsageError
from comatrix.gateway.flashing.procedure import BoardError

CONFIG, PROGRAM, PINS = "config.json", "main.py", "pins.py"
HIDDEN = "(hidden)"


def config_untrusted(data: bytes, where: str) -> dict[str, Any]:
    """What a node's file says, on a board or on disk. Raises UsageError: it is none."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not isinstance(values.get("name"), str) or "node" not in values:
        raise UsageError(
            f"{where} is no file that `comatrix node add` wrote.",
            "comatrix node add garden --room '#garden:example.org'",
        )
    return values


def config_bytes(values: dict[str, Any]) -> bytes:
    """As it stands on the board: always the same for the same values, so that it can be compared."""
    return (json.dumps(values, indent=2) + "\n").encode()


def changed(
    values: dict[str, Any], *, interval_s: int | None, gateway: str | None, wifi: tuple[str, str] | None
) -> dict[str, Any]:
    """With what is not None put in. Raises BoardError: a node on LoRa has neither."""
    if "lora" in values and (gateway or wifi):
        raise BoardError(
            f"{values['name']} is a node on LoRa: it has no Wi-Fi and no gateway's address.",
            f"comatrix node show {values['name']}",
        )
    new = dict(values)
    if interval_s is not None:
        new["interval_s"] = interval_s
    if gateway is not None:
        new["gateway"] = gateway
    if wifi is not None:
        new["wifi"] = {"ssid": wifi[0], "password": wifi[1]}
    return new


def with_board_wifi(values: dict[str, Any], on_board: dict[str, Any] | None) -> dict[str, Any]:
    """A file without Wi-Fi does not take the board's away."""
    if on_board and "wifi" in on_board and "wifi" not in values and "lora" not in values:
        return {**values, "wifi": on_board["wifi"]}
    return values


def shown(values: dict[str, Any]) -> dict[str, Any]:
    """Without what is secret."""
    open_values = {key: HIDDEN if key == "secret" else value for key, value in values.items()}
    wifi = values.get("wifi")
    if isinstance(wifi, dict) and wifi.get("password"):
        open_values["wifi"] = {**wifi, "password": HIDDEN}
    return open_values
