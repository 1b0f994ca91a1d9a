"""Where no native MicroPython is to be had, its WebAssembly build is taken, and that is said; tests never take it."""

from pathlib import Path

import pytest

from comatrix.gateway.demo.interpreter import ENVIRONMENT, Unusable, find, find_native
from comatrix.gateway.demo.wasm.install import HERE, PACKAGE, installed_version, pinned_version
from tests.firmware.test_interpreter import checkout, program

NO_NATIVE = "no MicroPython 1.25 or newer with sockets was found"
FETCHING = "Fetching MicroPython's WebAssembly build by npm (0.6 MB, once) ..."


def node_js(tmp_path: Path, npm: str = "") -> dict[str, str]:
    """An environment with a node that answers as the build would, and an npm that is the script `npm`."""
    program(tmp_path / "bin" / "node", "1.27.0")
    fetched = f'mkdir -p "node_modules/{PACKAGE}" && echo \'{{"version": "{pinned_version()}"}}\' '
    program(tmp_path / "bin" / "npm").write_text(
        f"#!/bin/sh\n{npm or fetched + f'> node_modules/{PACKAGE}/package.json'}\n"
    )
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def without_native(tmp_path: Path, npm: str = "") -> dict[str, str]:
    """As `node_js`, with a micropython before any of this machine's own that lacks sockets."""
    program(tmp_path / "bin" / "micropython", says="ImportError: no module named 'socket'")
    return node_js(tmp_path, npm)


def test_a_native_one_comes_first(tmp_path: Path) -> None:
    native = program(tmp_path / "bin" / "micropython")
    found = find(node_js(tmp_path), tmp_path, tmp_path)
    assert (found.kind, found.command) == ("native", (str(native),))


def test_fetching_a_native_one_comes_before_the_wasm_build(tmp_path: Path) -> None:
    folder = checkout(
        tmp_path, 'mkdir -p "$1"; printf "#!/bin/sh\\necho 1.25.0\\n" > "$1/micropython"; chmod +x "$1/micropython"'
    )
    assert find(without_native(tmp_path), tmp_path, folder).origin == "fetched"


def test_where_there_is_no_native_one_npm_fetches_the_wasm_build_and_why_is_told(tmp_path: Path) -> None:
    folder = checkout(tmp_path, "echo 'get_unix_port: the mirror did not answer' >&2; exit 1")
    environ, said = without_native(tmp_path), list[str]()
    found = find(environ, tmp_path, folder, said.append)
    build = folder / ".cache" / "micropython-wasm" / "node_modules" / PACKAGE / "micropython.mjs"
    assert found.kind == "wasm"
    assert found.command == (str(tmp_path / "bin" / "node"), str(HERE / "run.mjs"), str(build))
    assert said[1] == FETCHING
    assert said[2].startswith("N" + NO_NATIVE[1:])
    assert "the mirror did not answer" in said[2]


def test_its_name_tells_what_it_is_and_what_to_think_of_its_figures(tmp_path: Path) -> None:
    assert str(find(without_native(tmp_path), tmp_path, tmp_path)) == (
        "MicroPython 1.27.0 compiled to WebAssembly (no native one was to be had): Node.js runs it and lends it UDP "
        "and AES, so figures of memory and speed mean nothing"
    )


def test_it_is_fetched_once_and_again_when_another_version_is_wanted(tmp_path: Path) -> None:
    environ = without_native(tmp_path)
    cache = tmp_path / ".cache" / "comatrix" / "micropython-wasm"
    for expected in ([FETCHING], [], [FETCHING]):
        said: list[str] = []
        find(environ, tmp_path, tmp_path, said.append)
        assert [line for line in said if line == FETCHING] == expected
        if not expected:
            (cache / "node_modules" / PACKAGE / "package.json").write_text('{"version": "1.0.0"}')
    assert installed_version(cache) == pinned_version()


def test_it_can_be_asked_for_though_a_native_one_is_there(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "micropython")
    found = find({ENVIRONMENT: "wasm", **node_js(tmp_path)}, tmp_path, tmp_path)
    assert (found.kind, found.origin) == ("wasm", f"named by {ENVIRONMENT}")


def test_a_named_native_one_that_does_not_run_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="does not run"):
        find({ENVIRONMENT: str(tmp_path / "gone"), **node_js(tmp_path)}, tmp_path, tmp_path)


def test_without_nodejs_both_reasons_and_both_remedies_are_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable) as raised:
        find({"PATH": ""}, tmp_path, tmp_path)
    assert raised.value.text == f"{NO_NATIVE}; MicroPython's WebAssembly build needs node, which is not installed"
    assert "apt-get install micropython" in raised.value.next_step
    assert "apt-get install nodejs npm" in raised.value.next_step


def test_what_npm_says_is_told(tmp_path: Path) -> None:
    environ = without_native(tmp_path, "echo 'npm error network: no answer' >&2; exit 1")
    with pytest.raises(
        Unusable, match="npm cannot fetch MicroPython's WebAssembly build: npm error network: no answer"
    ):
        find(environ, tmp_path, tmp_path)


def test_whoever_needs_real_sockets_never_gets_it(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=NO_NATIVE):
        find_native(without_native(tmp_path), tmp_path, tmp_path)
    with pytest.raises(Unusable, match="without sockets of its own"):
        find_native({ENVIRONMENT: "wasm", **node_js(tmp_path)}, tmp_path, tmp_path)
