"""Groups of commands, which name the nearest to a mistyped one.

The root's import a command's module only when the command is typed, so that --help stays quick.
"""

from importlib import import_module

import click


class NamingGroup(click.Group):
    """A group that names the nearest command where the one typed is none of its own."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        typed = args[0]
        if typed not in (known := self.list_commands(ctx)) and not typed.startswith("-"):
            from difflib import get_close_matches  # with the first mistyped word

            close = get_close_matches(typed, known, n=1)
            ctx.fail(f"There is no command {typed!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


class LazyGroup(NamingGroup):
    """`lazy`: name -> ("module:attribute", the line shown in the list of commands), beside commands of its own."""

    def __init__(self, *args: object, lazy: dict[str, tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, attribute = self.lazy[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            own = [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
            formatter.write_dl(own + [(name, text) for name, (_, text) in self.lazy.items()])
