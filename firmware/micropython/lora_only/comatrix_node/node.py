"""`from comatrix_node.node import Node`, on a board that has the LoRa set alone."""

import gc

from comatrix_node import lora_room

# As build.py makes them. One after the other: a module that imports waits in memory with all its code.
_PIECES = ("comatrix", "comatrix_frames", "comatrix_link")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_node.config import Config


class Node:
    """Gives a `lora_node.Node`. The configuration is read first: what reads it, and the rest, do not meet in memory."""

    def __new__(cls, config: "Config | None" = None, *handed: "Any", **named: "Any") -> "Any":
        if config is None:
            from comatrix_node import parts

            config = parts.config()
        lora_room.unload(lora_room.CONFIGURING)
        for piece in _PIECES:
            try:
                __import__(piece)
            except ImportError:
                pass  # the sources stand there as they are
            gc.collect()
        from comatrix_node import lora_node

        return lora_node.Node(config, *handed, **named)
