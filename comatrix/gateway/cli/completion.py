"""`comatrix completion`: the script a shell completes commands with."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the shell completion script.

    \b
    bash: eval "$(comatrix completion bash)"          in ~/.bashrc
    zsh:  eval "$(comatrix completion zsh)"           in ~/.zshrc
    fish: comatrix completion fish > ~/.config/fish/completions/comatrix.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "comatrix", "_COMATRIX_COMPLETE").source())
