"""What the kernel knows of processes: their memory, their children."""

from pathlib import Path


def rss_kib(pid: int) -> int:
    """Resident memory (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} is gone")


def descendants(pid: int) -> dict[int, str]:
    """Every living process below `pid`: its id and command line."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    parents[int(entry.name)] = int(fields[1])
            except OSError:
                continue  # it ended meanwhile
    found: dict[int, str] = {}
    layer = [pid]
    while layer:
        layer = [child for child, parent in parents.items() if parent in layer]
        found |= {child: _command(child) for child in layer}
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
