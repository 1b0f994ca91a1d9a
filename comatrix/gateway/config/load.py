"""TOML text and COMATRIX_* variables -> Settings, with every problem told at once."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from comatrix.gateway.config.radio_settings import NAME, RadioSection, shared_ports
from comatrix.gateway.config.settings import SECTIONS, Settings
from comatrix.gateway.errors import UsageError

PREFIX = "COMATRIX_"
RADIOS = "radios"  # the sections [radios.NAME]; no variable overrides them
CHECK_AGAIN = "correct that, then: comatrix config check"


class ConfigError(UsageError):
    """`problems`: one line each, naming where it stands, the key and what is wrong."""

    def __init__(self, problems: list[str], next_step: str = CHECK_AGAIN) -> None:
        super().__init__("\n".join(problems), next_step)
        self.problems = problems


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """The configuration at `path`, overridden by `environ`. Raises ConfigError; UsageError if there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"There is no configuration at {path}.", "comatrix init") from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", f"ls -ld {path}") from None
    return parse(text, str(path), environ)


def parse(text: str, source: str, environ: Mapping[str, str]) -> Settings:
    """TOML `text` named `source` in problems, overridden by `environ`, -> Settings. Raises ConfigError."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{source}: is not TOML: {error}"]) from None
    problems = list(_unknown(written, source))
    overrides = _from_environment(environ, problems)
    sections = {name: _section(name, written, source, overrides, problems) for name in SECTIONS}
    radios = _radios(written.get(RADIOS, {}), source, problems)
    if problems:
        raise ConfigError(problems)
    return Settings(**sections, radios=radios)


def _nearest(word: str, known: list[str]) -> str:
    close = _alike(word, known, 0.5)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


def _alike(word: str, known: list[str], cutoff: float) -> list[str]:
    from difflib import get_close_matches  # with the first mistyped word

    return get_close_matches(word, known, 1, cutoff)


def _unknown(written: Mapping[str, Any], source: str) -> Iterator[str]:
    for name, table in written.items():
        if name == RADIOS:
            yield from _unknown_of_radios(table, source)
        elif name not in SECTIONS:
            yield f"{source}: [{name}] is no section" + _misplaced(name, table)
        elif not isinstance(table, dict):
            yield f"{source}: {name} must be a section, written [{name}]"
        else:
            yield from _unknown_keys(name, SECTIONS[name], table, source)


def _unknown_keys(name: str, kind: type[Any], table: Mapping[str, Any], source: str) -> Iterator[str]:
    known = [f.name for f in fields(kind)]
    for key in table:
        if key not in known:
            yield f"{source}: [{name}] {key} is no setting" + _nearest(key, known)


def _unknown_of_radios(tables: Any, source: str) -> Iterator[str]:
    if not isinstance(tables, dict):
        yield f"{source}: {RADIOS} must be sections, each written [{RADIOS}.NAME]"
        return
    for name, table in tables.items():
        if not isinstance(table, dict):
            yield f"{source}: [{RADIOS}] {name} is no section: write [{RADIOS}.NAME] for each radio"
        elif NAME.fullmatch(name) is None:
            yield f'{source}: [{RADIOS}.{name}] must be called by 1 to 16 of a-z, 0-9, "_" and "-"'
        else:
            yield from _unknown_keys(f"{RADIOS}.{name}", RadioSection, table, source)


def _misplaced(name: str, value: object) -> str:
    """What to say of an unknown top-level name: a key without its section, or a section misspelt."""
    homes = [section for section, kind in SECTIONS.items() if name in {f.name for f in fields(kind)}]
    if homes and not isinstance(value, dict):
        return f"; {name} belongs under [{homes[0]}]"
    return _nearest(name, list(SECTIONS))


def variable(section: str, key: str) -> str:
    """The environment variable that overrides [section] key."""
    return f"{PREFIX}{section}_{key}".upper()


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[tuple[str, str], str]:
    known = {variable(s, f.name): (s, f.name) for s, kind in SECTIONS.items() for f in fields(kind)}
    sections = tuple(f"{PREFIX}{name}_".upper() for name in SECTIONS)
    found: dict[tuple[str, str], str] = {}
    for name, text in sorted(environ.items()):
        if name in known:
            found[known[name]] = text
        elif name.startswith(sections) or (name.startswith(PREFIX) and _alike(name, list(known), 0.85)):
            problems.append(f"environment: {name} is no setting" + _nearest(name, list(known)))
    return found


def _section(
    name: str,
    written: Mapping[str, Any],
    source: str,
    overrides: Mapping[tuple[str, str], str],
    problems: list[str],
) -> Any:
    table = written.get(name)
    return _read(SECTIONS[name], name, table if isinstance(table, dict) else {}, source, overrides, problems)


def _radios(tables: Any, source: str, problems: list[str]) -> dict[str, RadioSection]:
    """Those that are right; what is wrong is among `problems`."""
    radios: dict[str, RadioSection] = {}
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if isinstance(table, dict):
            before = len(problems)
            radio = _read(RadioSection, f"{RADIOS}.{name}", table, source, {}, problems)
            if len(problems) == before:
                radios[name] = radio
    for name, radio in radios.items():
        from comatrix.gateway.radio.making import check_radio  # half a megabyte of LoRa, where there is a radio

        try:
            check_radio(radio)
        except ValueError as error:
            problems.append(f"{source}: [{RADIOS}.{name}] cannot be used: {error}")
    problems += [f'{source}: [{RADIOS}] more than one is at port "{port}"' for port in shared_ports(radios)]
    return radios


def _read(
    kind: type[Any],
    name: str,
    table: Mapping[str, Any],
    source: str,
    overrides: Mapping[tuple[str, str], str],
    problems: list[str],
) -> Any:
    chosen: dict[str, Any] = {}
    for setting in fields(kind):
        override = overrides.get((name, setting.name))
        where = (
            f"{source}: [{name}] {setting.name}" if override is None else "environment: " + variable(name, setting.name)
        )
        try:
            if override is not None:
                chosen[setting.name] = _checked(setting, _from_text(setting, override))
            elif setting.name in table:
                chosen[setting.name] = _checked(setting, table[setting.name])
            elif setting.metadata["required"]:
                problems.append(f"{where} is missing, for example: {setting.name} = {_example(setting)}")
        except ValueError as error:
            problems.append(f"{where} {error}")
    return kind(**chosen)


def _example(setting: "Field[Any]") -> str:
    return f'"{setting.metadata["example"]}"'


def _from_text(setting: "Field[Any]", text: str) -> Any:
    """A variable's text -> the setting's type; a list is written with commas."""
    if isinstance(setting.default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(setting.default, bool):
        return {"true": True, "false": False}.get(text, text)
    if isinstance(setting.default, int):
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"must be a whole number, not {text!r}") from None
    return text


def _checked(setting: "Field[Any]", value: Any) -> Any:
    """`value` as the setting keeps it. Raises ValueError in words."""
    if isinstance(setting.default, tuple):
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise ValueError('must be a list of texts such as ["[::]:5683"]')
        for part in value:
            _check_text(setting, part)
        if not value and setting.default:
            raise ValueError("must not be empty")
        if setting.metadata["together"]:
            setting.metadata["together"](value)
        return tuple(value)
    if isinstance(setting.default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {toml_words(value)}")
        return value
    if isinstance(setting.default, int):
        return _whole_number(setting, value)
    if not isinstance(value, str):
        raise ValueError(f"must be a text in quotes, not {toml_words(value)}")
    _check_text(setting, value)
    return value


def toml_words(value: Any) -> str:
    """A TOML value as it is written, or what it is where that is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, int | float):
        return str(value)
    return "a list" if isinstance(value, list) else "a section" if isinstance(value, dict) else "a date or time"


def _whole_number(setting: "Field[Any]", value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, not {toml_words(value)}")
    low, high = setting.metadata["low"], setting.metadata["high"]
    if not low <= value <= high:
        raise ValueError(f"must be from {low} to {high}, not {value}")
    return value


def _check_text(setting: "Field[Any]", text: str) -> None:
    told = setting.metadata
    if not text and setting.default == "" and not told["required"]:
        return
    if told["choices"] and text not in told["choices"]:
        known = ", ".join(f'"{choice}"' for choice in told["choices"])
        raise ValueError(f'must be one of {known}, not "{text}"')
    if told["check"]:
        try:
            told["check"](text)
        except ValueError as error:
            raise ValueError(f'{error}, not "{text}"') from None
