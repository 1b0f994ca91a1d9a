"""Imports go one way: gateway.cli -> app -> edges -> pure -> session -> codec -> errors (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Deeper layers first. A module may import from its own layer and from those above it in this list.
LAYERS = [
    ("comatrix.errors",),
    ("comatrix.codec",),
    ("comatrix.session",),
    ("comatrix.gateway.errors", "comatrix.gateway.model", "comatrix.gateway.aead"),
    (
        "comatrix.gateway.uplink",
        "comatrix.gateway.downlink",
        "comatrix.gateway.plotting",
        "comatrix.gateway.radio",
        "comatrix.gateway.flashing",
        "comatrix.gateway.config",
        "comatrix.gateway.provisioning",
        "comatrix.gateway.pages",
    ),
    ("comatrix.gateway.clock", "comatrix.gateway.logs", "comatrix.gateway.bound_socket"),
    ("comatrix.gateway.edges",),
    ("comatrix.gateway.admin",),
    ("comatrix.gateway.directory", "comatrix.gateway.collector", "comatrix.gateway.opening"),
    (
        "comatrix.gateway.speaking",
        "comatrix.gateway.receiving",
        "comatrix.gateway.monitoring",
        "comatrix.gateway.receiving_dtls",
        "comatrix.gateway.receiving_lora",
    ),
    ("comatrix.gateway.desk",),
    (
        "comatrix.gateway.commanding",
        "comatrix.gateway.showing",
        "comatrix.gateway.upgrades",
        "comatrix.gateway.tending",
    ),
    ("comatrix.gateway.room_news",),
    ("comatrix.gateway.app",),
    ("comatrix.gateway.running",),
    # The demo plays what the command line does, and is one of its commands. `make docs` writes the commands' page too.
    (
        "comatrix.gateway.cli",
        "comatrix.gateway.demo",
        "comatrix.gateway.sim",
        "comatrix.__main__",
        "comatrix.gateway.pages.__main__",
    ),
    ("comatrix.gateway.bench",),
]
# Named nowhere above: the root package holds the version alone.
FREE = ("comatrix", "comatrix.gateway")
SHARED = ("comatrix.errors", "comatrix.codec", "comatrix.session")
# What a pure module must not reach for: clocks, sockets, threads, randomness, files of its own.
IO_MODULES = {"asyncio", "socket", "sqlite3", "threading", "httpx", "time", "random", "secrets", "subprocess", "select"}
PURE = (
    "comatrix.codec",
    "comatrix.session",
    "comatrix.gateway.uplink",
    "comatrix.gateway.downlink",
    "comatrix.gateway.plotting",
    "comatrix.gateway.radio",
    "comatrix.gateway.flashing",
    "comatrix.gateway.model",
    "comatrix_lora",
)


def module_files() -> dict[str, Path]:
    """Module name -> file, for everything the distribution carries."""
    found = {}
    for base in (ROOT, ROOT / "lora", ROOT / "firmware" / "micropython"):
        for path in base.glob("comatrix*/**/*.py"):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


FILES = module_files()


def imports_of(tree: ast.AST) -> set[str]:
    """Every module named in an import, wherever it stands; `from a import b` names a.b where that is a module."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole in FILES else node.module)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__":
            names.add(ast.literal_eval(node.args[0]))  # by text: anything else is an error here
    return names


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def layer_of(name: str) -> int | None:
    """The layer of the member that names the module most exactly."""
    found = [
        (len(member), number) for number, members in enumerate(LAYERS) for member in members if within(name, member)
    ]
    return max(found)[1] if found else None


def violations(name: str, tree: ast.AST) -> list[str]:
    """What is wrong with a module's imports, in words."""
    wrong = []
    own = layer_of(name)
    for target in sorted(imports_of(tree)):
        if within(name, "comatrix_lora") and within(target, "comatrix"):
            wrong.append(f"{name} imports {target}: comatrix_lora stands alone")
        medium = "comatrix_lora.medium"
        if (
            within(target, medium)
            and not within(name, medium)
            and (_on_a_device(name) or within(name, "comatrix_lora"))
        ):
            wrong.append(f"{name} imports {target}: the simulator is for CPython, and no part of the link")
        shared = target == "comatrix" or any(within(target, part) for part in SHARED)
        if within(name, "comatrix_node") and within(target, "comatrix") and not shared:
            wrong.append(f"{name} imports {target}: a node has only the shared core")
        other = layer_of(target)
        if own is not None and other is not None and other > own:
            wrong.append(f"{name} imports {target}: the arrow points up")
        if _edge(name) and _edge(target) and _edge(name) != _edge(target):
            wrong.append(f"{name} imports {target}: edges are handed to each other by app")
        if any(within(name, pure) for pure in PURE) and target.split(".")[0] in IO_MODULES:
            wrong.append(f"{name} imports {target}: a pure module has no clock, socket, thread or randomness")
    return wrong


def _on_a_device(name: str) -> bool:
    return any(within(name, part) for part in (*SHARED, "comatrix_node"))


def _edge(name: str) -> str | None:
    parts = name.split(".")
    return parts[3] if parts[:3] == ["comatrix", "gateway", "edges"] and len(parts) > 3 else None


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_module_imports_only_what_its_layer_may(name: str) -> None:
    assert violations(name, ast.parse(FILES[name].read_text())) == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_module_has_a_layer(name: str) -> None:
    if within(name, "comatrix_lora") or within(name, "comatrix_node") or name in FREE:
        return
    assert layer_of(name) is not None, f"{name} stands in no layer: name it in LAYERS and docs/architecture.md"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("comatrix.codec.cbor", "import comatrix.session.endpoint"),
        ("comatrix.session.endpoint", "from comatrix.gateway import model"),
        ("comatrix.gateway.uplink.ingest", "from comatrix.gateway.edges import udp"),
        ("comatrix.gateway.uplink.ingest", "import time"),
        ("comatrix.gateway.downlink.grammar", "import time"),
        ("comatrix.gateway.radio.machine", "import asyncio"),
        ("comatrix.gateway.downlink.grammar", "from comatrix.gateway import admin"),
        ("comatrix.gateway.edges.udp", "from comatrix.gateway.edges import receiver"),
        ("comatrix.gateway.edges.udp", "from comatrix.gateway import app"),
        ("comatrix_node.node", "from comatrix.gateway import model"),
        ("comatrix_lora.frame", "from comatrix.codec import cbor"),
        ("comatrix_lora.mac", "from comatrix_lora.medium.scheduler import Scheduler"),
        ("comatrix_lora.medium.air", "from comatrix.codec import cbor"),
        ("comatrix_lora.medium.air", "import random"),
        ("comatrix_node.node", "import comatrix_lora.medium.medium"),
    ],
)
def test_a_planted_violation_is_caught(name: str, line: str) -> None:
    assert violations(name, ast.parse(line))
