"""`make fuzz`: every target in turn, then a table; `--repeat FILE TARGET` runs one input again."""

import argparse
import importlib.util
import sys
from pathlib import Path

from tests.fuzz.campaign import fuzz, repeat_command, table
from tests.fuzz.targets import EVERY

NO_ATHERIS = """\
Fuzzing needs atheris, and it is not installed for this Python. It is published for Linux on x86-64 and some versions
of Python only; elsewhere run the same targets under Hypothesis: make test. To install it: make fuzz"""


def main() -> int:
    """The exit code: 1 when a target broke, 2 when nothing could be run."""
    options = _options()
    targets = [one for one in EVERY if not options.targets or one.name in options.targets]
    if len(targets) < len(options.targets):
        print("Targets are:", *(one.name for one in EVERY), sep="\n  ")
        return 2
    if options.repeat:
        for target in targets:
            target.run(options.repeat.read_bytes())
        print(f"{targets[0].name} takes {options.repeat} well")
        return 0
    if importlib.util.find_spec("atheris") is None:
        print(NO_ATHERIS)
        return 2
    outcomes = []
    for target in targets:
        print(f"{target.name}, {options.seconds} s ...", flush=True)
        outcome = fuzz(target, [f"-max_total_time={options.seconds}"])
        outcomes.append(outcome)
        if outcome.crash:
            print(outcome.said, f"To repeat it: {repeat_command(target.name, outcome.crash)}", sep="\n", flush=True)
    print(table(outcomes))
    return 1 if any(outcome.crash for outcome in outcomes) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="run this input once, without atheris")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="only these")
    options = parser.parse_args()
    if options.repeat and len(options.targets) != 1:
        parser.error("--repeat FILE needs the one TARGET it belongs to")
    return options


if __name__ == "__main__":
    sys.exit(main())
