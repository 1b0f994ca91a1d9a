"""The `comatrix` command. Errors go to standard error and end with the next command to type.

Exit codes: 0 ok, 1 failed, 2 wrong usage or configuration, 3 homeserver or gateway did not answer, 130 Ctrl-C.
"""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from comatrix import __version__
from comatrix.errors import ComatrixError
from comatrix.gateway.cli.lazy import LazyGroup
from comatrix.gateway.cli.steps import home_of, placed
from comatrix.gateway.errors import GatewayError

HERE = "comatrix.gateway.cli"
COMMANDS = {
    "init": (f"{HERE}.init:init", "Set up this gateway: configuration, account, access token."),
    "appservice": (f"{HERE}.appservice:appservice", "Let each node be a user: the homeserver's registration file."),
    "config": (f"{HERE}.config:config", "Check or show the configuration."),
    "gateway": (f"{HERE}.gateway:gateway", "Run the gateway."),
    "room": (f"{HERE}.room:room", "Create and list rooms."),
    "node": (f"{HERE}.node:node", "Provision, show and revoke nodes."),
    "command": (f"{HERE}.command:command", "Tell a node something, and see what became of it."),
    "alarm": (f"{HERE}.alarm:alarm", "Have rooms told when a reading leaves a limit."),
    "tail": (f"{HERE}.tail:tail", "Show what nodes sent, as it arrives."),
    "plot": (f"{HERE}.plot:plot", "Draw a reading of a node."),
    "export": (f"{HERE}.export:export", "Write readings as CSV or JSON lines."),
    "queue": (f"{HERE}.queue:queue", "Show what waits for the homeserver; retry or drop what was parked."),
    "status": (f"{HERE}.status:status", "Show how the gateway and its nodes are."),
    "backup": (f"{HERE}.backup:backup", "Write everything of this gateway into one file; it may run meanwhile."),
    "restore": (f"{HERE}.backup:restore", "Put a backup back; nodes then make new keys by themselves."),
    "service": (f"{HERE}.service:service", "Run the gateway as a service of systemd."),
    "radio": (f"{HERE}.radio:radio", "Tell what a LoRa message costs on air, and find out what modules can do."),
    "doctor": (f"{HERE}.doctor:doctor", "Find out what is wrong, and what to type next."),
    "demo": (f"{HERE}.demo:demo", "Watch real nodes post into a room of a homeserver on this machine."),
    "sim": (f"{HERE}.sim:sim", "Play nodes, links and gateway in virtual time."),
    "coap": (f"{HERE}.coap:coap", "Try a gateway or a CoAP device by hand."),
    "decode": (f"{HERE}.decode:decode", "Explain the bytes of a CoAP message, a LoRa frame, of CBOR or of a record."),
    "encode": (f"{HERE}.encode:encode", "Make the bytes of a record."),
    "completion": (f"{HERE}.completion:completion", "Print the shell completion script."),
}
FAILED, INTERRUPTED = 1, 130
ANY_HELP = "comatrix --help"


class RootGroup(LazyGroup):
    """Turns every error a person can cause into words, the next command and an exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        typed = sys.argv[1:] if args is None else args
        home = home_of(typed)
        try:
            code = super().main(args, prog_name or "comatrix", **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            code = error.exit_code
        except click.ClickException as error:
            code = _explain(error.format_message(), _help_of(error), error.exit_code, home)
        except (click.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        except GatewayError as error:
            general = error.next_step == ANY_HELP
            step = self.help_of(typed) if general else error.next_step
            code = _explain(error.text, step, error.exit_code, home)
        except ComatrixError as error:
            code = _explain(str(error), ANY_HELP, FAILED, home)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            next_step = f"ls -ld {error.filename}" if error.filename else "comatrix status"
            code = _explain(f"{where}{error.strerror or error}", next_step, FAILED, home)
        sys.exit(code if isinstance(code, int) else 0)

    def help_of(self, args: Sequence[str]) -> str:
        """The help of the command that was typed: operations know no command lines."""
        path, command = ["comatrix"], click.Context(self)
        for word in args:
            group = command.command
            below = group.get_command(command, word) if isinstance(group, click.Group) else None
            if below is not None:
                path.append(word)
                command = click.Context(below, parent=command)
        return " ".join([*path, "--help"])


def _help_of(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    return f"{ctx.command_path if ctx else 'comatrix'} --help"


def _explain(text: str, next_step: str, code: int, home: str | None) -> int:
    click.echo(f"error: {text}", err=True)
    if next_step:
        click.echo(f"next: {placed(next_step, home)}", err=True)
    return code


@click.group("comatrix", cls=RootGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", metavar="DIR", help="Keep everything in DIR instead of the XDG directories (or COMATRIX_HOME).")
@click.version_option(__version__, message="comatrix %(version)s")
@click.pass_context
def cli(ctx: click.Context, home: str | None) -> None:
    """Lets microcontrollers with a few kilobytes of RAM take part in Matrix rooms.

    Start with `comatrix init`, then `comatrix node add` and `comatrix gateway run`.
    """
    ctx.obj = home


def main() -> NoReturn:
    """The entry point of the `comatrix` script."""
    cli.main()
