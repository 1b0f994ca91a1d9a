"""The session on an emulated Cortex-M3 with MicroPython's own `cryptolib`: OSCORE's vectors, and nodes with a gateway.

What runs are the shared modules and the firmware's own crypto.py as .mpy, put there by the uploader.
"""

import json
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.edges.flashing.board_link import BoardLink
from comatrix.gateway.flashing.about import about, check_node
from comatrix.gateway.flashing.bringing import bring, compare
from tests.gateway.flashing.conftest import Linked, no_progress, ran
from tests.session import oscore_vectors
from tests.support.compiling import compiled
from tests.support.micropython import ROOT
from tests.support.qemu_boards import qemu_board

pytestmark = pytest.mark.slow
link_simulation: Any = import_module("tests.simulation.link_simulation")

VECTORS = ROOT / "tests" / "vectors" / "rfc8613_appendix_c.json"
CORE = [
    *("comatrix/__init__", "comatrix/errors", "comatrix_node/__init__", "comatrix_node/crypto"),
    *("comatrix/codec/__init__", "comatrix/codec/cbor", "comatrix/codec/coap", "comatrix/codec/option_numbers"),
    *("comatrix/session/__init__", "comatrix/session/hkdf", "comatrix/session/oscore"),
]
SESSION = [
    *("comatrix/codec/codes", "comatrix/codec/options", "comatrix/codec/record_types", "comatrix/codec/records"),
    *("comatrix/session/keys", "comatrix/session/replay", "comatrix/session/counter", "comatrix/session/exchange"),
    *("comatrix/session/endpoint", "comatrix/session/duplicates", "comatrix/session/serving"),
    *("comatrix/session/shaping", "comatrix/session/answering", "comatrix/session/client", "comatrix/session/server"),
]
OSCORE = """
import json, gc
import oscore_vectors
with open("vectors.json") as file:
    vectors = json.load(file)
failed, passed = [], 0
for name, what, got, expected in oscore_vectors.checks(vectors):
    passed += got == expected
    if got != expected:
        failed.append((name, what))
print(passed, failed)
"""
# Loss in percent, records, nodes, seed. What is loaded is collected after, as the node does, and its files, which flash
# would hold, are let go: the gateway's table of what it has seen is one piece of 16 KB.
LINK = """
import gc, os
for name in ("comatrix_node.crypto", "comatrix.session.client", "comatrix.session.server", "link_simulation"):
    __import__(name)
    gc.collect()
for folder in ("comatrix/codec", "comatrix/session", "comatrix"):
    for name in os.listdir(folder):
        if name.endswith(".mpy"):
            os.remove(folder + "/" + name)
gc.collect()
import link_simulation
lines, digest, good = link_simulation.run({}, {}, {}, {})
for line in lines:
    print(line)
print(digest)
"""


@pytest.fixture
async def cortex(tmp_path: Path, linked: Linked) -> AsyncIterator[BoardLink]:
    """A link to the board, which has files in RAM."""
    made = qemu_board("cortex-m3 with cryptolib", tmp_path)
    link = await linked(made)
    await link.run(ran((ROOT / "tests" / "support" / "ram_files.py").read_text()))
    link.hurry()
    yield link
    made.close()


async def put(link: BoardLink, files: dict[str, bytes]) -> None:
    """Raises BoardError where the node would not run."""
    it = await link.run(about())
    check_node(it)
    await link.run(bring(it, files, await link.run(compare(it, files)), no_progress))


async def test_oscore_seals_and_opens_what_the_appendix_says(cortex: BoardLink, tmp_path: Path) -> None:
    files = {**compiled([*CORE, "oscore_vectors"], tmp_path), "vectors.json": VECTORS.read_bytes()}
    await put(cortex, files)
    expected = len(list(oscore_vectors.checks(json.loads(VECTORS.read_text()))))
    assert (await cortex.run(ran(OSCORE))).decode().strip() == f"{expected} []"


@pytest.mark.parametrize("loss", [0, 40])
async def test_nodes_and_gateway_exchange_the_very_datagrams_they_do_elsewhere(
    cortex: BoardLink, tmp_path: Path, loss: int
) -> None:
    what = (loss, 10, 2, 1)
    lines, digest, good = link_simulation.run(*what)
    assert good, lines
    await put(cortex, compiled([*CORE, *SESSION, "link_simulation"], tmp_path))
    assert (await cortex.run(ran(LINK.format(*what), 300_000))).decode().split("\r\n")[:-1] == [*lines, digest]
