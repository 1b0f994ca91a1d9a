"""What a simulation changes in the firmware's modules ends with it, and holds whatever the firmware unloaded before."""

import gc
from importlib import import_module

from comatrix.gateway.sim.reading import parse
from comatrix.gateway.sim.report import figures
from comatrix.gateway.sim.simulation import simulate
from comatrix.session.oscore import Context

DOOR = """
[scenario]
duration = "150min"
drain = "10min"
[link.way]
[[node]]
name = "door"
link = "way"
sleep = true
program = "examples/door_contact.py"
"""


CHANGED = {
    "comatrix_node.node": ("gc", "aead"),
    "comatrix_node.lora_node": ("gc", "aead"),
    "comatrix_node.lora_room": ("unload",),
    "comatrix.session.keys": ("Context",),
}


def there() -> dict[str, object]:
    return {
        f"{module}.{name}": vars(import_module(module))[name] for module, names in CHANGED.items() for name in names
    }


def test_after_a_run_the_firmware_is_as_it_was() -> None:
    before = there()
    simulate(parse(DOOR, "door.toml"))
    assert there() == before
    assert (before["comatrix_node.lora_node.gc"], before["comatrix.session.keys.Context"]) == (gc, Context)


def test_a_program_sleeps_deeply_also_after_a_node_unloaded_modules() -> None:
    told = []
    for _ in range(2):
        from comatrix_node import parts

        parts.board()  # unloads `power`
        parts.unload("parts")  # as a node does that was made outside a run
        told.append(figures(simulate(parse(DOOR, "door.toml")))["programs"][0]["starts"])
    assert told[0] == told[1] > 1
