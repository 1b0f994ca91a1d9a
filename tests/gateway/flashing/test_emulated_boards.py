"""Real MicroPython for microcontrollers, emulated by QEMU: 1.9.2 on a micro:bit, 1.25 on a Cortex-M3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.flashing import board_files
from comatrix.gateway.flashing.about import about, check_node, check_uploader
from comatrix.gateway.flashing.bringing import bring, compare
from comatrix.gateway.flashing.procedure import BoardError
from tests.gateway.flashing.conftest import Linked, no_progress, ran
from tests.support.compiling import compiled
from tests.support.emulated_board import PtyBoard
from tests.support.micropython import ROOT
from tests.support.qemu_boards import qemu_board

pytestmark = pytest.mark.slow
OLD_SYNTAX = b"def words(n):\n    return '%d words' % n\nprint(words(3))\n\x00\xff"


@pytest.fixture
def microbit(tmp_path: Path) -> Iterator[PtyBoard]:
    made = qemu_board("microbit", tmp_path)
    yield made
    made.close()


@pytest.fixture
def cortex(tmp_path: Path) -> Iterator[PtyBoard]:
    made = qemu_board("cortex-m3", tmp_path)
    yield made
    made.close()


async def test_a_microbit_of_2017_takes_a_file_reads_it_back_and_restarts(microbit: PtyBoard, linked: Linked) -> None:
    link = await linked(microbit)
    it = await link.run(about())
    assert it.version[:2] == (1, 9)
    check_uploader(it)
    with pytest.raises(BoardError, match=r"needs 1\.25 or newer"):
        check_node(it)
    await link.run(board_files.write(it, "old.py", OLD_SYNTAX, no_progress))
    assert await link.run(board_files.read("old.py")) == OLD_SYNTAX
    assert ("old.py", len(OLD_SYNTAX)) in await link.run(board_files.listing())
    await link.start_program()
    await link.enter(20_000)
    with pytest.raises(BoardError, match="NameError"):  # it has forgotten what it was told before
        await link.run(ran("_f"))


# What the node's sources are on this board: imported as .mpy, and held to published values.
MODULES = [
    *("comatrix/__init__", "comatrix/codec/__init__", "comatrix/session/__init__", "comatrix/errors"),
    *("comatrix/codec/cbor", "comatrix/codec/coap", "comatrix/codec/option_numbers"),
    *("comatrix/session/hkdf", "comatrix/session/counter"),
]
SELF_TEST = """
from comatrix.codec import cbor
from comatrix.session.hkdf import hkdf, sha256
from binascii import hexlify
value = {1: [2, -500, 23.5, b'\\x00\\xff', 'Z\\u00fcrich', None, True]}
assert cbor.decode_untrusted(cbor.encode(value)) == value
print(hexlify(sha256(b'abc')).decode())
print(hexlify(hkdf(bytes(range(13)), b'\\x0b' * 22, bytes(range(0xf0, 0xfa)), 42)).decode())
"""
# FIPS 180-2, appendix B.1; RFC 5869, appendix A.1 (salt, key, info and length as above).
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
OKM = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"


async def test_a_cortex_m3_takes_compiled_modules_and_computes_published_values(
    cortex: PtyBoard, linked: Linked, tmp_path: Path
) -> None:
    link = await linked(cortex)
    await link.run(ran((ROOT / "tests" / "support" / "ram_files.py").read_text()))
    it = await link.run(about())
    assert it.version[:2] == (1, 25) and it.hashes and it.base64
    link.hurry()
    files = compiled(MODULES, tmp_path)
    changes = await link.run(compare(it, files))
    assert len(changes.write) == len(files)
    await link.run(bring(it, files, changes, no_progress))
    assert (await link.run(compare(it, files))).write == ()
    with pytest.raises(BoardError, match="no `cryptolib`"):
        check_node(it)
    assert (await link.run(ran(SELF_TEST))).decode().split() == [ABC, OKM]
