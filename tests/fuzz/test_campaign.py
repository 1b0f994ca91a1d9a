"""The fuzzer finds what is there to be found, and says how to see it again."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.campaign import ROOT, fuzz, read_outcome, repeat_command, table
from tests.fuzz.discovery import untrusted_functions
from tests.fuzz.engine import INSTRUMENTED
from tests.fuzz.planted import PLANTED, PlantedBugError
from tests.fuzz.targets import TARGETS

MOST_RUNS = 1_000_000

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="no atheris here: make atheris installs it where this Python has a wheel",
)

PRINTED = """\
#2	INITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 41Mb
#215323	REDUCE cov: 75 ft: 383 corp: 123/3438b lim: 1140 exec/s: 26915 rss: 41Mb L: 310/310 MS: 1 EraseBytes-
Done 215438 runs in 9 second(s)
stat::number_of_executed_units: 215438
"""


@needs_atheris
@pytest.mark.slow
def test_a_bug_only_coverage_leads_to_is_found(tmp_path: Path) -> None:
    outcome = fuzz(PLANTED, [f"-runs={MOST_RUNS}", "-seed=1"], tmp_path, timeout_s=120)
    assert outcome.crash is not None, f"not within {MOST_RUNS} runs"
    assert "PlantedBugError" in outcome.said
    with pytest.raises(PlantedBugError):
        PLANTED.run(outcome.crash.read_bytes())
    assert "BROKEN" in table([outcome])


@needs_atheris
@pytest.mark.slow
def test_a_sound_target_ends_with_its_figures(tmp_path: Path) -> None:
    (target,) = [one for one in TARGETS if one.name == "coap.decode_untrusted"]
    outcome = fuzz(target, ["-runs=20000", "-seed=1"], tmp_path, timeout_s=120)
    assert outcome.crash is None
    assert outcome.executions >= 20_000
    assert outcome.edges > 20, "nothing was instrumented"
    assert list((tmp_path / target.name / "corpus").iterdir()), "what it learned is kept"


def test_whatever_reads_bytes_from_outside_is_instrumented() -> None:
    """Without that the fuzzer is blind in it."""
    for found in untrusted_functions():
        assert set(INSTRUMENTED) & set(Path(found.path).relative_to(ROOT).parts), found.path


def test_figures_are_read_from_what_is_printed() -> None:
    outcome = read_outcome("x", PRINTED, 0, [])
    assert (outcome.executions, outcome.seconds, outcome.edges, outcome.corpus) == (215_438, 9.0, 75, 123)
    assert "215,438" in table([outcome])
    with pytest.raises(RuntimeError, match="ended with 1"):
        read_outcome("x", PRINTED, 1, [])


def test_a_crash_is_repeated_by_the_command_that_is_told(tmp_path: Path) -> None:
    crash = tmp_path / "crash-1"
    crash.write_bytes(b"\x40")
    command = repeat_command("coap.decode_untrusted", crash)
    done = subprocess.run([sys.executable, *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "takes" in done.stdout) == (0, True), done.stderr
    assert repeat_command("x.y", ROOT / ".cache" / "fuzz" / "c").split()[2:] == [
        *("tests.fuzz", "--repeat", ".cache/fuzz/c", "x.y")
    ]


def test_where_there_is_no_atheris_it_says_so_and_what_to_do_instead() -> None:
    hidden = "import runpy, sys; sys.modules['atheris'] = None; sys.argv[1:] = []"
    script = f"{hidden}; runpy.run_module('tests.fuzz', None, '__main__')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "make test" in done.stdout
    assert "Traceback" not in done.stderr
