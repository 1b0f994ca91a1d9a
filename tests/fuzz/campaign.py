"""Runs targets under atheris, a process each: what it prints becomes figures, a crash a command that repeats it."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import Target

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "fuzz"
INPUT_TIMEOUT_S = 20
LONGEST_INPUT = 4096
LEEWAY_S = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one target did. `crash`: the input that broke it, `said` the end of what was printed then."""

    name: str
    executions: int
    seconds: float
    edges: int
    corpus: int
    crash: Path | None = None
    said: str = ""


def fuzz(target: Target, limit: Sequence[str], folder: Path = CACHE, timeout_s: float | None = None) -> Outcome:
    """Run until `limit` (libFuzzer's -max_total_time or -runs). The corpus stays in `folder`."""
    home = folder / target.name
    known, corpus, crashes = (home / name for name in ("seeds", "corpus", "crashes"))
    for path in (known, corpus, crashes):
        path.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seed for layer in target.seeds for seed in seeds(layer)):
        (known / f"{number:04}").write_bytes(seed)
    before = set(crashes.iterdir())
    options = [*limit, f"-timeout={INPUT_TIMEOUT_S}", f"-max_len={LONGEST_INPUT}", f"-artifact_prefix={crashes}/"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.engine", target.name, *options, "-print_final_stats=1", corpus, known],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
    found = sorted(set(crashes.iterdir()) - before)
    return read_outcome(target.name, done.stdout, done.returncode, found)


def read_outcome(name: str, printed: str, exit_code: int, crashes: Sequence[Path]) -> Outcome:
    """What libFuzzer printed -> figures. Raises RuntimeError when it ended badly without a crash to show."""
    status = re.findall(r"^#(\d+)\s.*?cov: (\d+) .*?corp: (\d+)", printed, re.MULTILINE)
    runs = re.search(r"^stat::number_of_executed_units:\s*(\d+)", printed, re.MULTILINE)
    took = re.search(r"^Done \d+ runs in (\d+) second", printed, re.MULTILINE)
    executions, edges, corpus = (int(part) for part in status[-1]) if status else (0, 0, 0)
    if exit_code and not crashes:
        raise RuntimeError(f"{name} ended with {exit_code}:\n{printed[-3000:]}")
    said = printed[printed.find(" === Uncaught") :][:3000] if crashes else ""
    return Outcome(
        name,
        int(runs[1]) if runs else executions,
        float(took[1]) if took else 0.0,
        edges,
        corpus,
        crashes[0] if crashes else None,
        said,
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """One line a target."""
    lines = [f"{'target':40} {'executions':>12} {'a second':>9} {'edges':>6} {'corpus':>7}  result"]
    for one in outcomes:
        speed = f"{one.executions / one.seconds:,.0f}" if one.seconds else "-"
        result = "BROKEN" if one.crash else "ok"
        lines.append(f"{one.name:40} {one.executions:>12,} {speed:>9} {one.edges:>6} {one.corpus:>7}  {result}")
    return "\n".join(lines)


def repeat_command(name: str, crash: Path) -> str:
    """What a person types to see a crash again, in a debugger or without."""
    where = crash.relative_to(ROOT) if crash.is_relative_to(ROOT) else crash
    return f"{Path(sys.executable)} -m tests.fuzz --repeat {where} {name}".replace(f"{ROOT}/", "")
