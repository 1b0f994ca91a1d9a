"""`python -m tests.chaos`: breaks the gateway in every way we know, and says whether its promises held."""

import asyncio
import sys

import click

from tests.chaos.campaign import SHARE_OF_SYNAPSE, Wanted, run
from tests.chaos.report import Report


@click.command()
@click.option("--seed", default=1, show_default=True, help="The same seed draws the same lives and cuts.")
@click.option("--kills", default=50, show_default=True, help="Deaths of the gateway under load.")
@click.option("--cuts", default=300, show_default=True, help="Power cuts, replayed from a recorded run.")
@click.option("--synapse", default=-1, help="Deaths in front of a real Synapse.  [default: one in 20 of the kills]")
def main(seed: int, kills: int, cuts: int, synapse: int) -> None:
    """Run everything. Ends with 1 where an invariant did not hold."""

    def say(line: str) -> None:
        click.echo(line)
        sys.stdout.flush()

    report = Report(say)
    wanted = Wanted(seed, kills, cuts, kills // SHARE_OF_SYNAPSE if synapse < 0 else synapse)
    say(f"seed {seed}: {kills:,} kills, {wanted.synapse:,} of Synapse's gateway, {cuts:,} power cuts")
    asyncio.run(run(wanted, report))
    say(report.table())
    if report.violations:
        say(f"\nagain: python -m tests.chaos --seed {seed} --kills {kills} --cuts {cuts} --synapse {wanted.synapse}")
        sys.exit(1)


if __name__ == "__main__":
    main()
