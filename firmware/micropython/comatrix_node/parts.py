"""What a node is made of where nothing is handed in: from config.json and the board. Needed once, so never kept."""

import sys

from comatrix_node.store import FlashStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_node.config import Config


def store(rtc: "Any") -> "Any":
    """Flash, behind the memory of the board's clock where there is one."""
    flash = FlashStore("state")
    if not rtc:
        return flash
    from comatrix_node.store_rtc import RtcStore

    return RtcStore(rtc, flash)


def board() -> "tuple[Any, bool]":
    """(memory that survives deep sleep or None, whether this start is a wake-up)."""
    from comatrix_node import power

    found = power.rtc(), power.woke_from_deep_sleep()
    unload("power")
    return found


def config() -> "Config":
    """What config.json says. Raises ConfigError."""
    from comatrix_node import config

    loaded = config.load()
    unload("config")
    return loaded


def unload(name: str) -> None:
    """A module that was needed once makes room for the rest; another import loads it again."""
    delattr(sys.modules["comatrix_node"], name)
    del sys.modules["comatrix_node." + name]
