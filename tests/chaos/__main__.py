"""`python -m tests.chaos`: breaks the gateway in every way we know, and says whether its promises held."""

import asyncio
import signal
import sys

import click

from tests.chaos.campaign import Wanted, run
from tests.chaos.report import Report

SERVICE, SYNAPSE = 10, 20  # one kill more in so many
LONG_LIFE_S = 120.0


@click.command()
@click.option("--seed", default=1, show_default=True, help="The same seed draws the same lives and cuts.")
@click.option("--kills", default=1000, show_default=True, help="Deaths of the gateway under load.")
@click.option("--cuts", default=3000, show_default=True, help="Power cuts, replayed from recorded runs.")
def main(seed: int, kills: int, cuts: int) -> None:
    """Run everything. Ends with 1 where an invariant did not hold."""

    def say(line: str) -> None:
        click.echo(line)
        sys.stdout.flush()

    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us in the background
        signal.signal(number, signal.default_int_handler)
    report = Report(say)
    wanted = Wanted(seed, kills, cuts, kills // SERVICE, kills // SYNAPSE, LONG_LIFE_S)
    say(
        f"seed {seed}: {kills:,} kills, {wanted.service:,} more of an application service,"
        f" {wanted.synapse:,} before a real Synapse, {cuts:,} power cuts"
    )
    asyncio.run(run(wanted, report))
    say(report.table())
    if report.violations:
        say(f"\nagain: make chaos SEED={seed} KILLS={kills} CUTS={cuts}")
        sys.exit(1)


if __name__ == "__main__":
    main()
