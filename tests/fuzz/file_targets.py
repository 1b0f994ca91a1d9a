"""Targets of what reads a person's files and a board's answers: backups, databases, configurations, the REPL."""

import tempfile
from pathlib import Path

from comatrix.gateway.cli.node_image import HEADER_BYTES, OFFSETS, offset_untrusted
from comatrix.gateway.config.archive import extract_untrusted
from comatrix.gateway.edges.store.snapshot import judge_untrusted
from comatrix.gateway.flashing.about import literal_untrusted
from comatrix.gateway.flashing.raw_repl import MOST_HEARD, RawRepl
from comatrix.gateway.flashing.wanted import config_untrusted


def literal(data: bytes) -> None:
    """literal_untrusted: what it takes is Python's own way to write a value."""
    value = literal_untrusted(data)
    assert literal_untrusted(repr(value).encode("utf-8", "surrogatepass")) == value or value != value


def configuration(data: bytes) -> None:
    """config_untrusted: what it takes names a node."""
    values = config_untrusted(data, "node.json")
    assert isinstance(values["name"], str) and "node" in values


def repl(data: bytes) -> None:
    """receive_untrusted: whatever a port says, at most one event an operation, and memory has a limit."""
    machine = RawRepl()
    machine.enter(0)
    for start in range(0, len(data), 7):
        machine.receive_untrusted(data[start : start + 7], start)
        assert len(machine._heard) <= MOST_HEARD + 7
    machine.handle_timer(1_000_000)
    machine.handle_timer(2_000_000)
    assert sum(1 for _ in iter(machine.next_event, None)) <= 1


def database(data: bytes) -> None:
    """judge_untrusted: no file made of bytes is a database of ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backup.db"
        path.write_bytes(data)
        judge_untrusted(path)
        raise AssertionError("that is no database of ours")


def archive(data: bytes) -> None:
    """extract_untrusted: what is no backup leaves nothing outside its folder."""
    with tempfile.TemporaryDirectory() as folder:
        source, into = Path(folder) / "backup.tar.gz", Path(folder) / "into"
        source.write_bytes(data)
        into.mkdir()
        try:
            extract_untrusted(source, into)
        finally:
            assert {one.name for one in Path(folder).iterdir()} == {"backup.tar.gz", "into"}


def image(data: bytes) -> None:
    """offset_untrusted: one of the known offsets, by the header alone."""
    offset = offset_untrusted(data)
    assert offset is None or offset in OFFSETS.values()
    assert offset_untrusted(data[:HEADER_BYTES]) == offset
