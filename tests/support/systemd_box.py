"""A real systemd as process 1 of namespaces of its own, on a view of this machine that is thrown away after."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOT = Path(__file__).with_name("boot_systemd.sh")
PYTHON = "/usr/bin/python3"  # of the system: the tests' own may stand where a service may not look
PROGRAM = "/opt/comatrix/bin/comatrix"
HOMES = {"XDG_CONFIG_HOME": "/etc", "XDG_STATE_HOME": "/var/lib"}
PATIENCE_S = 40.0

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _missing() -> str:
    """Why it cannot be done here; empty where it can."""
    if os.getuid() != 0:
        return "only root can start a systemd of its own"
    needed = ("unshare", "nsenter", "setpriv", "chroot", "/lib/systemd/systemd", "systemctl", PYTHON)
    if lacking := [name for name in needed if shutil.which(name) is None]:
        return f"no {', '.join(lacking)} here: apt-get install -y systemd util-linux python3"
    told = subprocess.run([PYTHON, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    if told.stdout.split() != [str(part) for part in sys.version_info[:2]]:
        return f"{PYTHON} is another Python than that of the tests: it cannot import their packages"
    if _cgroup2() is None:
        return "no cgroup2 is mounted here"
    return ""


def _cgroup2() -> Path | None:
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next((Path(line[1]) for line in lines if line[2] == "cgroup2"), None)


@contextmanager
def systemd_box(folder: Path) -> Iterator[Run]:
    """Runs a command there: run(*words, input=..., env=...). `comatrix` is installed as PROGRAM. Skips the test, saying
    why, where it cannot be done."""
    if why := _missing():
        pytest.skip(why)
    group, packages = _cgroup2(), Path(pytest.__file__).parents[1]
    assert group is not None
    group /= f"comatrix-{os.getpid()}"
    group.mkdir()
    start = 'echo 0 >"$1/cgroup.procs"; shift; exec unshare -m -p -f -u -i -C --kill-child "$@"'
    words = ["sh", "-c", start, "sh", str(group), "sh", str(BOOT), str(folder), str(ROOT), str(packages)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as unshare:
        try:
            run = _inside(unshare, time.monotonic() + PATIENCE_S)
            _install(run)
            yield run
        finally:
            unshare.kill()
            unshare.wait()
            _remove(group)


def _inside(unshare: "subprocess.Popen[bytes]", until: float) -> Run:
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")

    def run(*words: str, input: str | None = None, **env: str) -> "subprocess.CompletedProcess[str]":
        child = children.read_text().strip()
        enter = ["nsenter", "-t", child, "-m", "-p", "-u", "-i", "-C", "-r", "-w"]
        path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **env}
        return subprocess.run([*enter, *words], capture_output=True, text=True, input=input, env=path, check=False)

    while time.monotonic() < until:
        if unshare.poll() is not None:
            assert unshare.stdout
            pytest.skip(f"namespaces for a systemd are refused here: {unshare.stdout.read().decode()[-300:]}")
        started = children.exists() and children.read_text().strip()
        if started and run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
            return run
        time.sleep(0.1)
    pytest.skip("systemd does not come up in namespaces here")


def _install(run: Run) -> None:
    made = run(PYTHON, "-m", "venv", "--without-pip", "/opt/comatrix")
    if made.returncode:
        pytest.skip(f"no venv of {PYTHON}: apt-get install -y python3-venv")
    paths = "/opt/source /opt/source/lora /opt/source/firmware/micropython /opt/packages"
    script = f"""
for path in {paths}; do echo $path; done > "$(echo /opt/comatrix/lib/python3.*/site-packages)/source.pth"
printf '#!/opt/comatrix/bin/python3\\nfrom comatrix.gateway.cli.main import main\\nmain()\\n' > {PROGRAM}
chmod 755 {PROGRAM}
{PROGRAM} --version
"""
    done = run("sh", "-ec", script)
    assert done.returncode == 0, done.stderr


def _remove(group: Path) -> None:
    """Its processes have ended; the kernel may need a moment to see it."""
    until = time.monotonic() + 5
    for folder in [*sorted(group.rglob("*/"), reverse=True), group]:
        while time.monotonic() < until:
            try:
                folder.rmdir()
                break
            except OSError:
                time.sleep(0.05)
