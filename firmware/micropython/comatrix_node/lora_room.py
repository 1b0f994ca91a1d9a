"""What a LoRa node needs seldom makes room for the rest once it was used."""

import gc
import sys

CONFIGURING = ("comatrix_node.lora_config", "comatrix_lora.regions")
STARTING = ("comatrix_node.lora_recall", "comatrix_lora.ledger_dump")
FRAGMENTS = (
    "comatrix_lora.incoming",
    "comatrix_lora.fragment_receiver",
    "comatrix_lora.fragment_sender",
    "comatrix_lora.fragment_format",
    "comatrix_lora.erasure_code",
    "comatrix_lora.gf256",
)


def unload(names: "tuple[str, ...]") -> None:
    """Another import loads them again. On CPython they may be others', too, and stay."""
    if hasattr(gc, "threshold"):
        for name in names:
            if sys.modules.pop(name, None):
                package, _, last = name.rpartition(".")
                delattr(sys.modules[package], last)
