"""The disk model keeps what was synced and nothing it must not, and the log reader finds each call."""

import random

from tests.chaos.disk import Disk, sectors
from tests.chaos.strace_log import calls

CHANCES = [random.Random(seed) for seed in range(200)]


def written(disk: Disk, name: str, data: bytes) -> None:
    file = disk.open(name, create=True, truncate=True)
    assert file is not None
    file.write(0, data)


def test_what_was_synced_with_its_name_is_always_there() -> None:
    disk = Disk()
    written(disk, "a", b"x" * 2000)
    disk.names["a"].synced(1)
    disk.sync_names()
    disk.names["a"].write(1000, b"y" * 3000)
    for chance in CHANCES:
        left = disk.cut(chance)["a"]
        assert left[:1000] == b"x" * 1000
        assert set(left[1000:2000]) <= set(b"xy")
        assert set(left[2000:]) <= set(b"y\0")


def test_every_sector_of_a_write_may_be_missing_or_there() -> None:
    disk = Disk()
    written(disk, "a", b"y" * 1024)
    disk.sync_names()
    found = {disk.cut(chance)["a"] for chance in CHANCES}
    assert {b"", b"y" * 512, bytes(512) + b"y" * 512, b"y" * 1024} <= found


def test_a_synced_file_whose_folder_was_not_synced_may_be_gone() -> None:
    disk = Disk()
    written(disk, "a", b"y")
    disk.names["a"].synced(1)
    assert {tuple(disk.cut(chance).items()) for chance in CHANCES} == {(), (("a", b"y"),)}


def test_a_file_renamed_without_a_sync_of_its_bytes_may_be_empty_under_its_new_name() -> None:
    disk = Disk()
    written(disk, "new", b"old bytes")
    disk.names["new"].synced(1)
    disk.sync_names()
    written(disk, "part", b"new bytes")
    disk.rename("part", "new")
    found = {disk.cut(chance).get("new") for chance in CHANCES}
    assert {b"", b"old bytes", b"new bytes"} <= found


def test_names_come_in_order() -> None:
    disk = Disk()
    for name in "abc":
        written(disk, name, b"")
    disk.unlink("a")
    found = {"".join(sorted(disk.cut(chance))) for chance in CHANCES}
    assert found == {"", "a", "ab", "abc", "bc"}


def test_a_write_is_torn_at_the_disks_sectors() -> None:
    assert [(offset, len(data)) for offset, data in sectors((500, bytes(1100)))] == [
        (500, 12),
        (512, 512),
        (1024, 512),
        (1536, 64),
    ]


LOG = r"""
10 1.000001 openat(AT_FDCWD<\x2f\x74>, "\x2f\x61", O_RDWR|O_CREAT, 0600) = 5<\x2f\x61>
11 1.000002 pwrite64(5<\x2f\x61>, "\x68\x69", 2, 512 <unfinished ...>
10 1.000003 recvfrom(7<\x73>, "\x01\x02", 2048, 0, {sa_family=AF_INET, sin_port=htons(9)}, [28 => 16]) = 2
11 1.000004 <... pwrite64 resumed>)    = 2
11 1.000005 fdatasync(5<\x2f\x61> <unfinished ...>
10 1.000006 openat(AT_FDCWD<\x2f\x74>, "\x2f\x62", O_RDONLY) = -1 ENOENT (No such file or directory)
11 1.000007 +++ killed by SIGKILL +++
""".strip().splitlines()


def test_calls_of_interleaved_threads_are_put_together() -> None:
    found = {call.begun: call for call in calls(LOG)}
    opened, write, received, missing = found[0], found[1], found[2], found[5]
    assert (opened.name, opened.result, opened.texts(), opened.ok) == ("openat", 5, [b"/a"], True)
    assert (write.fd, write.path, write.texts(), write.begun, write.ended) == (5, "/a", [b"hi"], 1, 3)
    assert write.numbers_at_end(2) == [2, 512]
    assert received.texts() == [b"\x01\x02"]
    assert not missing.ok
    assert (found[4].name, found[4].ended, found[4].result) == ("fdatasync", None, None)
