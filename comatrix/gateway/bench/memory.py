"""Where an idle gateway's memory is: what its code takes, imported layer by layer in a process of its own.

`python -m comatrix.gateway.bench.memory` prints the table; `make day` prints it with its own figures.
"""

import subprocess
import sys
from dataclasses import dataclass

from comatrix.gateway.errors import GatewayError

LAYERS = ("the interpreter", "its standard library", "packages: cryptography, httpx, click", "our own code")
# What `comatrix gateway run` imports, and its first request. Prints the modules, the last three LAYERS a line each.
NAMES = """
import importlib, sys
for name in ("cli.main", "cli.gateway", "running"):
    importlib.import_module("comatrix.gateway." + name)
import httpx, certifi, anyio._backends._asyncio
lines = [], [], []
for name, module in sys.modules.items():
    if getattr(module, "__spec__", None) is not None:
        top = name.partition(".")[0]
        lines[2 if top in ("comatrix", "comatrix_lora") else top not in sys.stdlib_module_names].append(name)
print(*(" ".join(line) for line in lines), sep="\\n")
"""
# Imports those lines, and prints what the process holds before the first and after each: resident, of it mapped files.
GROW = """
import sys
for line in ("", *sys.argv[1].split("\\n")):
    for name in line.split():
        try:
            __import__(name)
        except ImportError:  # one that another module makes
            pass
    with open("/proc/self/status") as status:
        kib = {words[0]: int(words[1]) for words in map(str.split, status) if words[0] in ("VmRSS:", "RssFile:")}
    print(kib["VmRSS:"] / 1024, kib["RssFile:"] / 1024)
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """`rss_mb`: resident memory it adds; `file_mb` of it are mapped files, which processes share."""

    name: str
    rss_mb: float
    file_mb: float


def layers() -> list[Layer]:
    """Of the gateway's code, in the order of LAYERS. Raises GatewayError."""
    lines = _run(GROW, _run(NAMES).rstrip("\n")).splitlines()
    held = [[float(figure) for figure in line.split()] for line in lines]
    steps = zip(LAYERS, [[0.0, 0.0], *held], held, strict=False)
    return [Layer(name, rss - rss_before, file - file_before) for name, (rss_before, file_before), (rss, file) in steps]


def table(found: list[Layer], idle_mb: float | None = None, most_mb: float | None = None) -> str:
    """Markdown. `idle_mb`, `most_mb`: what a gateway held idle, and at most."""
    rows = [(layer.name, f"{layer.rss_mb:.1f} MB", f"{layer.file_mb:.1f} MB") for layer in found]
    if idle_mb is not None:
        opened_mb = idle_mb - sum(layer.rss_mb for layer in found)
        rows.append(("what it opens: TLS and its certificates, database, sockets", f"{opened_mb:.1f} MB", ""))
        rows.append(("**idle**", f"**{idle_mb:.1f} MB**", ""))
    if idle_mb is not None and most_mb is not None:
        rows.append(("a day: what is remembered, SQLite's pages, buffers", f"{most_mb - idle_mb:.1f} MB", ""))
        rows.append(("**at most**", f"**{most_mb:.1f} MB**", ""))
    head = "| where the gateway's memory is | resident | of it mapped files |\n|---|---|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _run(program: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise GatewayError(f"the bench's memory run failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.stdout.write(table(layers()) + "\n")
