"""The commented default configuration and the reference page, both made from the settings' own texts.

python -m comatrix.gateway.config.page docs/reference/configuration.md
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from textwrap import wrap
from typing import Any

from comatrix.gateway.config.load import variable
from comatrix.gateway.config.radio_settings import RadioSection
from comatrix.gateway.config.settings import SECTIONS, Settings

INTRO = """# Configuration

The gateway reads `comatrix.toml`: in `~/.config/comatrix` (or `$XDG_CONFIG_HOME/comatrix`), or in the folder given with
`--home` or `COMATRIX_HOME`. `comatrix init` writes it, `comatrix config check` tells every problem in it at once, and
`comatrix config show` prints all of it with these explanations.

This is enough:

```toml
{minimal}```

A variable `COMATRIX_<SECTION>_<KEY>` overrides a key; a list is written with commas. An unknown section, key or
variable is refused, naming the nearest one that exists. The account's access token is kept apart, in `secrets.toml`
beside it, which only its owner may read (mode 0600).

This page is made from `comatrix/gateway/config/settings.py` by `make docs`.
"""


def toml_value(value: Any) -> str:
    """A setting's value as TOML."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def minimal_toml(url: str, user: str) -> str:
    """The shortest working configuration."""
    return f"[homeserver]\nurl = {toml_value(url)}\nuser = {toml_value(user)}\n"


def commented_toml(settings: Settings) -> str:
    """`settings` as TOML with every text; what stands at its default is commented out."""
    lines = ["# CoMatrix gateway. A line with a leading # shows its default."]
    for name, kind in SECTIONS.items():
        lines += ["", f"# {kind.__doc__}", f"[{name}]"]
        for setting in fields(kind):
            lines += _commented(setting, getattr(getattr(settings, name), setting.name))
    for called, radio in settings.radios.items():
        lines += ["", f"# {RadioSection.__doc__}", f"[radios.{called}]"]
        for setting in fields(RadioSection):
            lines += _commented(setting, getattr(radio, setting.name))
    return "\n".join(lines) + "\n"


def _commented(setting: "Field[Any]", value: Any) -> Iterator[str]:
    for line in wrap(f"{setting.metadata['doc']} {_allowed(setting)}".strip(), 108):
        yield f"# {line}"
    missing = setting.metadata["required"] and not value
    shown = setting.metadata["example"] if missing else value
    yield f"{'# ' if missing or value == setting.default else ''}{setting.name} = {toml_value(shown)}"


def _allowed(setting: "Field[Any]") -> str:
    told = setting.metadata
    if told["choices"]:
        return f"One of {', '.join(told['choices'])}."
    if told["low"] is not None:
        return f"From {told['low']} to {told['high']}."
    if told["required"]:
        return "Required."
    return f"For example {toml_value(told['example'])}." if told["example"] else ""


def markdown() -> str:
    """docs/reference/configuration.md."""
    parts = [INTRO.format(minimal=minimal_toml("https://matrix.example.org", "@cx:example.org"))]
    for name, kind in SECTIONS.items():
        parts.append(
            f"\n## [{name}]\n\n{kind.__doc__}\n\n| key | default | what it is | variable |\n|---|---|---|---|\n"
        )
        parts += [f"{_row(setting)} `{variable(name, setting.name)}` |\n" for setting in fields(kind)]
    parts.append(
        f"\n## [radios.NAME]\n\n{RadioSection.__doc__} A section each; no variable overrides them.\n\n"
        "| key | default | what it is |\n|---|---|---|\n"
    )
    parts += [f"{_row(setting)}\n" for setting in fields(RadioSection)]
    return "".join(parts)


def _row(setting: "Field[Any]") -> str:
    default = "(required)" if setting.metadata["required"] else f"`{toml_value(setting.default)}`"
    text = f"{setting.metadata['doc']} {_allowed(setting)}".strip()
    return f"| `{setting.name}` | {default} | {text} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
