"""`comatrix backup` and `comatrix restore`: everything of a gateway in one file, and back."""

import tempfile
from pathlib import Path

import click

from comatrix import __version__
from comatrix.gateway.cli.connection import Place, is_running
from comatrix.gateway.cli.context import clock, place_of, zone
from comatrix.gateway.cli.steps import here
from comatrix.gateway.config import archive
from comatrix.gateway.config.load import load
from comatrix.gateway.config.private_file import write_private
from comatrix.gateway.edges.store import snapshot
from comatrix.gateway.errors import StoreInUse, UsageError

BEFORE = ".comatrix-"


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE.")
@click.pass_context
def backup(ctx: click.Context, file: Path, force: bool) -> None:
    """Write configuration, secrets and database into FILE (.tar.gz, mode 0600). The gateway may run meanwhile.

    FILE holds the keys of every node and the account's access token: keep it as safe as the gateway.
    """
    from comatrix.gateway.clock import wall_ms

    place = place_of(ctx)
    if file.exists() and not force:
        raise UsageError(f"{file} is there already.", f"comatrix backup --force {file}")
    with tempfile.TemporaryDirectory(prefix=BEFORE, dir=file.absolute().parent) as folder:
        copy = Path(folder) / archive.DATABASE
        schema = snapshot.take(place.paths.database, copy)
        parts = {name: path for name, path in _settings_of(place).items() if path.exists()}
        archive.write(file, __version__, schema, wall_ms(), parts | {archive.DATABASE: copy})
    click.echo(f"Wrote {file} ({file.stat().st_size:,} bytes): {', '.join([*parts, archive.DATABASE])}.")
    click.echo("It holds the keys of all nodes: keep it as safe as the gateway itself.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the gateway that is here; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore(ctx: click.Context, file: Path, replace: bool, yes: bool) -> None:
    """Put back what `comatrix backup` wrote. The gateway must not run, here or anywhere else.

    All nodes are refused until each has made new keys, by itself, within some minutes of the next `gateway run`: no
    counter of the copy is trusted.
    """
    place = place_of(ctx)
    database = place.paths.database
    if is_running(place):
        raise UsageError(f"A gateway runs ({place.paths.socket}).", "end it, then type this again")
    present = [path for path in (*_settings_of(place).values(), database) if path.exists()]
    if present and not replace:
        raise UsageError(f"There is a gateway here already ({present[0]}).", f"comatrix restore --replace {file}")
    try:
        lock = snapshot.owned(database)
    except StoreInUse as error:
        raise StoreInUse(error.text, "end that process, then type this again") from None
    try:
        with tempfile.TemporaryDirectory(prefix=BEFORE, dir=database.parent) as folder:
            manifest = _checked(file, Path(folder))
            if present and not yes:
                click.confirm(f"Replace {', '.join(str(path) for path in present)}?", abort=True, err=True)
            _put_back(place, Path(folder))
    finally:
        lock.release()
    click.echo(f"Restored what CoMatrix {manifest.version} saved at {clock(manifest.created_ms, zone(place))}.")
    click.echo("Nodes make new keys by themselves within some minutes. Never run the old gateway again.")
    click.echo(here("Next: comatrix gateway run"))


def _settings_of(place: Place) -> dict[str, Path]:
    """Name in the archive -> where it stands here; all but the database."""
    paths = place.paths
    return dict(
        zip(archive.SETTINGS, (paths.config, paths.secrets, paths.service_tokens, paths.registration), strict=True)
    )


def _checked(file: Path, folder: Path) -> archive.Manifest:
    """The parts in `folder`, each judged: nothing is replaced by what could not be used. Raises GatewayError."""
    manifest = archive.extract_untrusted(file, folder)
    snapshot.judge_untrusted(folder / archive.DATABASE)
    if (folder / archive.SETTINGS[0]).exists():
        load(folder / archive.SETTINGS[0], {})
    return manifest


def _put_back(place: Place, folder: Path) -> None:
    """The database first: until its instance file is gone nothing of the copy may be used."""
    database = place.paths.database
    snapshot.put_back(folder / archive.DATABASE, database)
    for name, path in _settings_of(place).items():
        if (folder / name).exists():
            write_private(path, (folder / name).read_bytes())
        else:
            path.unlink(missing_ok=True)
