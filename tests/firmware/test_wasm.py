"""The same files run on MicroPython's WebAssembly build: another version, another machine, another AES."""

import socket
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.firmware import ccm_vectors
from tests.support.wasm import run_wasm, wasm_command

# Sends after it wrote, asks without a pause until it is answered, then waits, and tells what it heard.
TALK = """
import os, select, socket
with open("kept", "w") as file:
    file.write("before")
os.remove("removed")
opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
opened.setblocking(False)
opened.connect(socket.getaddrinfo("localhost", {port}, 0, socket.SOCK_DGRAM)[0][-1])
poller = select.poll()
poller.register(opened, select.POLLIN)
opened.send(bytes(range(256)))
heard = None
while not heard:
    try:
        heard = opened.recv(4)
    except OSError:
        pass
print(heard)
opened.send(b"more")
assert poller.poll(20000) == [(opened, select.POLLIN)]
print(opened.recv(1280))
assert poller.poll(50) == []
try:
    opened.recv(1280)
except OSError:
    print("none left")
"""

# What a node's run() does, in place of the node: 200 turns that leave a megabyte each.
LITTER = """
import boot, gc, sys
class Litter:
    turns = 0
    def step(self, wait_ms):
        self.turns += 1
        for _ in range(10):
            bytes(100000)
        if self.turns == 200:
            print(gc.mem_alloc())
            sys.exit(0)
boot.run(Litter())
print("never")
"""


@pytest.mark.slow
def test_ccm_agrees_with_the_rfc_and_the_gateway(tmp_path: Path) -> None:
    count = ccm_vectors.write_all(tmp_path)
    assert run_wasm(ccm_vectors.CHECK, tmp_path).strip() == str(count)


@pytest.mark.slow
def test_every_listed_module_imports(build: ModuleType, tmp_path: Path) -> None:
    names = [module.name for module in build.read_manifest()]
    script = "\n".join([*(f"import {name}" for name in names), f"print({len(names)})"])
    assert run_wasm(script, tmp_path).strip() == str(len(names))


@pytest.mark.slow
def test_an_exception_there_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="planted"):
        run_wasm("raise ValueError('planted')", tmp_path)


@pytest.mark.slow
def test_its_lent_sockets_talk_and_files_are_on_the_host_before_a_datagram_is(tmp_path: Path) -> None:
    (tmp_path / "removed").touch()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(30)
        (tmp_path / "main.py").write_text(TALK.format(port=peer.getsockname()[1]))
        with subprocess.Popen([*wasm_command(), "main.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as talking:
            try:
                data, sender = peer.recvfrom(1280)
                assert data == bytes(range(256))
                assert (tmp_path / "kept").read_text() == "before"
                assert not (tmp_path / "removed").exists()
                peer.sendto(b"\x00\xffheard", sender)
                assert peer.recv(1280) == b"more"
                peer.sendto(b"waited", sender)
                said, _ = talking.communicate(timeout=30)
            finally:
                talking.kill()
    assert (said, talking.returncode) == ("b'\\x00\\xffhe'\nb'waited'\nnone left\n", 0)


@pytest.mark.slow
def test_a_node_that_runs_for_ever_leaves_no_garbage_there(tmp_path: Path) -> None:
    assert int(run_wasm(LITTER, tmp_path)) < 5_000_000


@pytest.mark.slow
def test_an_exit_status_is_passed_on(tmp_path: Path) -> None:
    for words, status in ((["-c", "raise SystemExit(3)"], 3), (["-c", "raise SystemExit"], 0), (["-X", "x"], 2)):
        done = subprocess.run([*wasm_command(), *words], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == status
