"""A real MicroPython on real littlefs and FAT, the power cut in every block that is written, whole or in its middle."""

from collections.abc import Callable

import pytest

CUTS = """
import os, sys, vfs
from comatrix_node.store import FlashStore


class Cut(Exception):
    pass


class Flash:
    def __init__(self, size, data, left, torn):
        self.size, self.data, self.left, self.torn = size, bytearray(data), left, torn
        self.writes = 0
        self.dead = False

    def readblocks(self, block, into, offset=0):
        at = block * self.size + offset
        into[:] = self.data[at : at + len(into)]
        return 0

    def writeblocks(self, block, data, offset=0):
        if self.dead:
            return -5
        at = block * self.size + offset
        whole = bytes(data)
        self.writes += 1
        if self.writes == self.left:
            done = len(whole) * self.torn // 2
            self.data[at : at + done] = whole[:done]
            self.dead = True
            raise Cut
        self.data[at : at + len(whole)] = whole
        return 0

    def ioctl(self, op, argument):
        if op == 4:
            return len(self.data) // self.size
        if op == 5:
            return self.size
        if op == 6:
            if self.dead:
                return -5
            # Erased blocks are ones: what stood there is gone before anything new is written.
            at = argument * self.size
            self.data[at : at + self.size] = b"\\xff" * self.size
        return 0


KIND = vfs.VfsLfs2 if sys.argv[1] == "littlefs" else vfs.VfsFat
SIZE = 512


def formatted():
    flash = Flash(SIZE, bytes(64 * SIZE), None, 0)
    KIND.mkfs(flash)
    return bytes(flash.data)


def on(flash, act):
    vfs.mount(KIND(flash), "/flash")
    os.chdir("/flash")
    try:
        return act()
    except (Cut, OSError) as error:
        if not flash.dead:
            raise
    finally:
        os.chdir("/")
        vfs.umount("/flash")


def state(counter):
    return {"enrolment": 3, "counter": counter, "command": 1, "context": b"0123456789abcdef"}


said = []  # what was promised: ("counter", n) or ("kept", bytes or None), in order; "?" in front: not yet


def life():
    store = FlashStore("state")
    for counter in (8, 16, 24):
        said.append(("?", "counter", counter))
        store.save(state(counter))
        said.append(("", "counter", counter))
    for kept in (b"a" * 90, b"b" * 700):
        said.append(("?", "kept", kept))
        store.keep(kept)
        said.append(("", "kept", kept))
    said.append(("?", "counter", 32))
    store.save(state(32))
    said.append(("", "counter", 32))
    said.append(("?", "kept", None))
    store.forget()
    said.append(("", "kept", None))


def look():
    store = FlashStore("state")
    found = store.load()
    for what, now in (("counter", found and found["counter"]), ("kept", store.kept())):
        told = [one for one in said if one[1] == what]
        sure = [one[2] for one in told if not one[0]]
        may = [None] if not sure else [sure[-1]]
        if told and told[-1][0]:
            may.append(told[-1][2])
        assert now in may, (what, now, may)
    store.save(state(40))
    store.keep(b"c")
    store = FlashStore("state")
    assert store.load() == state(40) and store.kept() == b"c"


empty = formatted()
whole = Flash(SIZE, empty, None, 0)
on(whole, life)
for torn in (0, 1, 2):
    for left in range(1, whole.writes + 1):
        said = []
        flash = Flash(SIZE, empty, left, torn)
        on(flash, life)
        assert flash.dead, left
        on(Flash(SIZE, flash.data, None, 0), look)
print("cuts", whole.writes)
"""

FULL = """
import os, vfs
from comatrix_node.store import FlashStore


class Ram:
    def __init__(self):
        self.data = bytearray(128 * 512)

    def readblocks(self, block, into, offset=0):
        into[:] = self.data[block * 512 + offset : block * 512 + offset + len(into)]

    def writeblocks(self, block, data, offset=0):
        self.data[block * 512 + offset : block * 512 + offset + len(data)] = data

    def ioctl(self, op, argument):
        if op == 6:
            self.data[argument * 512 : argument * 512 + 512] = b"\\xff" * 512
        return {4: 128, 5: 512}.get(op, 0)


def state(counter):
    return {"enrolment": 3, "counter": counter, "command": 1, "context": b""}


for kind in (vfs.VfsLfs2, vfs.VfsFat):
    ram = Ram()
    kind.mkfs(ram)
    vfs.mount(kind(ram), "/flash")
    os.chdir("/flash")
    store = FlashStore("state")
    store.save(state(8))
    ballast = 0
    for size in (2048, 600, 300):  # small files stand in their directory
        try:
            while True:
                with open("ballast%d" % ballast, "wb") as file:
                    file.write(bytes(size))
                ballast += 1
        except OSError as error:
            assert error.errno == 28, error
            ballast += 1
    try:
        store.keep(bytes(3000))
        print("kept on full flash")
    except OSError as error:
        print("full", error.errno)
    assert FlashStore("state").load() == state(8)
    assert FlashStore("state").kept() is None
    for number in range(ballast):
        try:
            os.remove("ballast%d" % number)
        except OSError:
            pass
    store.keep(bytes(3000))
    store.save(state(16))
    assert FlashStore("state").load() == state(16)
    assert FlashStore("state").kept() == bytes(3000)
    os.chdir("/")
    vfs.umount("/flash")
"""


@pytest.mark.parametrize("kind", ["littlefs", "FAT"])
def test_power_cut_in_any_block_leaves_what_was_promised(on_device: Callable[[str], str], kind: str) -> None:
    script = CUTS.replace("sys.argv[1]", repr(kind))
    word, count = on_device(script).split()[-2:]
    assert word == "cuts" and int(count) > 20


def test_a_full_filesystem_refuses_loses_nothing_and_recovers(on_device: Callable[[str], str]) -> None:
    assert on_device(FULL).split("\n")[:2] == ["full 28", "full 28"]
