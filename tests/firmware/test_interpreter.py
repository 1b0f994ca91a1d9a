"""A real MicroPython is found where it is, fetched where it is not, and the person is told which and why."""

import shutil
from pathlib import Path

import pytest

from comatrix.gateway.demo.interpreter import ENVIRONMENT, Unusable, fetch, find, probe
from tests.support.micropython import ROOT, real_micropython


def program(path: Path, version: str = "1.25.0", says: str = "") -> Path:
    """A program that answers as a MicroPython of that version would; with `says`, one that fails with those words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n" if says else f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def checkout(tmp_path: Path, script: str) -> Path:
    """A checkout whose get_unix_port.sh is `script`, and a PATH with an apt-get in `tmp_path`/bin."""
    folder = tmp_path / "checkout"
    fetcher = program(folder / "firmware" / "micropython" / "get_unix_port.sh")
    fetcher.write_text("#!/bin/sh\n" + script)
    (folder / "pyproject.toml").touch()
    program(tmp_path / "bin" / "apt-get")
    return folder


def test_the_named_one_is_taken_before_all_others(tmp_path: Path) -> None:
    named, other = program(tmp_path / "named"), program(tmp_path / "bin" / "micropython")
    found = find({ENVIRONMENT: str(named), "PATH": str(other.parent)}, tmp_path, tmp_path)
    assert found.path == str(named)
    assert str(found) == f"MicroPython 1.25.0 ({named}, named by {ENVIRONMENT})"


def test_a_named_one_that_does_not_run_is_told_and_not_replaced(tmp_path: Path) -> None:
    other = program(tmp_path / "bin" / "micropython")
    with pytest.raises(Unusable, match=f"named by {ENVIRONMENT}.*does not run"):
        find({ENVIRONMENT: str(tmp_path / "gone"), "PATH": str(other.parent)}, tmp_path, tmp_path)


def test_path_comes_before_the_cache(tmp_path: Path) -> None:
    program(tmp_path / "cache" / "comatrix" / "micropython" / "micropython")
    on_path = program(tmp_path / "bin" / "micropython")
    environ = {"PATH": str(on_path.parent), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert find(environ, tmp_path, tmp_path).origin == "on PATH"


def test_an_old_one_on_path_gives_way_to_the_cache(tmp_path: Path) -> None:
    old = program(tmp_path / "bin" / "micropython", "1.19.1")
    program(tmp_path / "cache" / "comatrix" / "micropython" / "micropython", "1.26.0")
    found = find({"PATH": str(old.parent), "XDG_CACHE_HOME": str(tmp_path / "cache")}, tmp_path, tmp_path)
    assert (found.version, found.origin) == ((1, 26, 0), "fetched earlier")


def test_the_checkouts_cache_comes_before_the_users(tmp_path: Path) -> None:
    folder = checkout(tmp_path, "exit 1")
    mine = program(folder / ".cache" / "micropython" / "micropython")
    program(tmp_path / ".cache" / "comatrix" / "micropython" / "micropython")
    assert find({"PATH": ""}, tmp_path, folder).path == str(mine)


def test_one_is_fetched_into_the_checkouts_cache_and_that_is_said(tmp_path: Path) -> None:
    folder = checkout(
        tmp_path, 'mkdir -p "$1"; printf "#!/bin/sh\\necho 1.25.0\\n" > "$1/micropython"; chmod +x "$1/micropython"'
    )
    said: list[str] = []
    environ = {"PATH": str(tmp_path / "bin")}
    found = find(environ, tmp_path, folder, said.append)
    assert found.path == str(folder / ".cache" / "micropython" / "micropython")
    assert said == ["No MicroPython >= 1.25 here: fetching Debian's package (5 MB, once) ..."]
    assert find(environ, tmp_path, folder, said.append).origin == "fetched earlier"
    assert len(said) == 1


def test_when_there_is_none_every_place_and_the_remedy_are_told(tmp_path: Path) -> None:
    folder = checkout(tmp_path, "echo 'get_unix_port: the mirror did not answer' >&2; exit 1")
    program(tmp_path / "bin" / "micropython", says="ImportError: no module named 'socket'")
    with pytest.raises(Unusable) as raised:
        find({"PATH": str(tmp_path / "bin")}, tmp_path, folder)
    assert "on PATH) is no MicroPython with sockets and AES: ImportError" in raised.value.text
    assert "fetching one failed: get_unix_port: the mirror did not answer" in raised.value.text
    assert f"{ENVIRONMENT}=/path/to/micropython" in raised.value.next_step


def test_outside_a_checkout_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"no MicroPython 1\.25 or newer"):
        find({"PATH": ""}, tmp_path, tmp_path)


def test_cpython_is_no_micropython() -> None:
    python = shutil.which("python3")
    assert python
    with pytest.raises(Unusable, match="is no MicroPython"):
        probe(python, "by mistake")


def test_the_one_the_tests_use_is_real() -> None:
    assert real_micropython().version >= (1, 25)


@pytest.mark.slow
def test_debians_package_is_fetched_and_runs(tmp_path: Path) -> None:
    if not shutil.which("apt-get"):
        pytest.skip("no apt-get here: the script is for Debian")
    try:
        path = fetch(ROOT / "firmware" / "micropython" / "get_unix_port.sh", tmp_path / "here")
    except Unusable as reason:
        if "did not answer" in reason.text or "no Debian mirror" in reason.text:
            pytest.skip(reason.text)
        raise
    assert probe(path, "fetched").version >= (1, 25)
    assert sorted(file.name for file in (tmp_path / "here").iterdir()) == ["micropython", "unix"]


def test_the_script_says_what_it_needs() -> None:
    script = ROOT / "firmware" / "micropython" / "get_unix_port.sh"
    with pytest.raises(Unusable, match="get_unix_port: "):
        fetch(script, Path("/proc/nowhere"))
