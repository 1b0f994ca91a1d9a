"""`make docs`: writes every page and picture that is made from the code. Run it at the root of the checkout."""

from pathlib import Path

from comatrix.gateway.admin.doctor import page as doctor
from comatrix.gateway.cli import page as commands
from comatrix.gateway.config import page as configuration
from comatrix.gateway.pages import (
    airtime_picture,
    airtimes,
    command_states,
    exchange,
    plot_picture,
    radio_states,
    vocabulary,
)
from comatrix.gateway.sim import reference as scenarios

PAGES = {
    "command-states.md": command_states.markdown,
    "commands.md": commands.markdown,
    "configuration.md": configuration.markdown,
    "doctor.md": doctor.markdown,
    "exchange.md": exchange.markdown,
    "lora-airtime.md": airtimes.markdown,
    "radio-states.md": radio_states.markdown,
    "scenarios.md": scenarios.markdown,
    "vocabulary.md": vocabulary.markdown,
}


def write(folder: Path) -> None:
    """Write every page into `folder`."""
    for name, made in PAGES.items():
        (folder / name).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    write(Path("docs/reference"))
    for picture in (airtime_picture, plot_picture):
        picture.write(Path("docs/pictures"))
