"""`make soak`: LoRa's long figures and hostile DTLS, one after the other; ends with 1 when a limit is broken."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


PROCESSES = "2"  # of a figure that can use them


def commands(readings: int, transfers: int, frames: int, orders: int, seed: int) -> dict[str, list[str]]:
    """name -> `python -m` what."""
    given = str(seed)
    parted = ["--seed", given, "--processes", PROCESSES]
    return {
        "hostile frames": ["tests.lora.hostile_figures", "--frames", str(frames), "--seed", given],
        "history": ["tests.lora.history_figures", "--readings", str(readings), "--seed", given],
        "station and hub": ["tests.lora.station_figures", "--readings", str(readings), *parted],
        "commands": ["tests.lora.command_latency", "--commands", str(orders), *parted],
        "fragments": ["tests.lora.fragment_figures", "--transfers", str(transfers), "--seed", given],
        "simulated air": ["comatrix_lora.medium"],
        "hostile DTLS": ["tests.fuzz.dtls_hostile", "--datagrams", str(frames), "--seed", given],
        "days of a town": ["tests.gateway.sim.town_days", "--seed", given],
    }


def run(chosen: dict[str, list[str]]) -> dict[str, int]:
    """Runs them all, also behind one that breaks; name -> exit code."""
    codes = {}
    for name, command in chosen.items():
        print(f"== {name}: python -m {' '.join(command)}", flush=True)
        began = time.monotonic()
        codes[name] = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
        print(f"{'BROKEN' if codes[name] else 'ok'} after {time.monotonic() - began:.0f} s\n", flush=True)
    return codes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lora.soak", description="LoRa's long figures.")
    parser.add_argument("--readings", type=int, default=100_000, help="of each case of history, and of both ends")
    parser.add_argument("--transfers", type=int, default=2_000, help="of each case of fragments")
    parser.add_argument("--frames", type=int, default=1_000_000, help="hostile ones")
    parser.add_argument("--commands", type=int, default=100_000, help="to a node that listens")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    codes = run(commands(chosen.readings, chosen.transfers, chosen.frames, chosen.commands, chosen.seed))
    print(*(f"{name:16} {'BROKEN' if code else 'ok'}" for name, code in codes.items()), sep="\n")
    return 1 if any(codes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
