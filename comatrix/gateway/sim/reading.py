"""TOML -> a scenario, with every problem told at once."""

import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from comatrix_lora import regions
from comatrix_lora.errors import LoraError
from comatrix_lora.mac import Mac

from comatrix.gateway.config.load import ConfigError, toml_words
from comatrix.gateway.downlink.nearest import nearest
from comatrix.gateway.errors import UsageError
from comatrix.gateway.sim.lora_channel import channel_of, ledger_of
from comatrix.gateway.sim.scenario import (
    LORA_SENSORS,
    MOST_NODES,
    AnyLink,
    CommandPlan,
    FaultPlan,
    InputPlan,
    LinkPlan,
    LoraPlan,
    NodePlan,
    Scenario,
    WholePlan,
)

SHIPPED = Path(__file__).parent / "scenarios"
SECTIONS = ("scenario", "link", "node", "command", "input", "fault")
NEXT_STEP = "comatrix sim --list"
Plan = TypeVar("Plan")


def name_of(field_name: str) -> str:
    """The key in TOML of a field: spans are written with their unit, milliseconds alone say so."""
    spans = {"duration_ms", "drain_ms", "late_after_ms", "interval_ms", "poll_ms", "at_ms", "for_ms"}
    return field_name.removesuffix("_ms") if field_name in spans else field_name


def shipped() -> dict[str, Path]:
    """Those that come with the program, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def load(where: str) -> Scenario:
    """A file, or one that is shipped, by its name. Raises ConfigError; UsageError where there is none."""
    path = Path(where)
    if not path.exists() and where in shipped():
        path = shipped()[where]
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = nearest(where, shipped())
        raise UsageError(
            f"There is no scenario {where}." + (f" Did you mean {near}?" if near else ""), NEXT_STEP
        ) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{where}: is not UTF-8 text"], NEXT_STEP) from None
    except OSError as error:
        raise UsageError(f"{where} cannot be read: {error.strerror}.", f"ls -ld {where}") from None
    return parse(text, path.name, path.parent)


def parse(text: str, source: str, folder: Path | None = None) -> Scenario:
    """TOML `text` named `source` in problems, and from `folder`. Raises ConfigError."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{source}: is not TOML: {error}"], NEXT_STEP) from None
    problems: list[str] = []
    for name in written:
        if name not in SECTIONS:
            problems.append(f"{source}: [{name}] is no section{_hint(name, SECTIONS)}")
    whole = _table(WholePlan, written.get("scenario", {}), f"{source}: [scenario]", problems)
    links = _links(written.get("link", {}), source, problems)
    nodes = _tables(NodePlan, "node", written, source, problems)
    commands = _tables(CommandPlan, "command", written, source, problems)
    faults = _tables(FaultPlan, "fault", written, source, problems)
    inputs = _tables(InputPlan, "input", written, source, problems)
    if not problems:
        problems += _contradictions(source, links, nodes, commands)
        problems += _without_program(source, nodes, inputs)
    if problems or whole is None:
        raise ConfigError(problems, NEXT_STEP)
    return Scenario(whole, links, tuple(_each(nodes)), tuple(commands), tuple(faults), tuple(inputs), folder)


def _hint(word: str, known: Any) -> str:
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else f"; known are {', '.join(known)}"


def _links(written: Any, source: str, problems: list[str]) -> dict[str, AnyLink]:
    if not isinstance(written, dict) or not all(isinstance(one, dict) for one in written.values()):
        problems.append(f"{source}: link must be sections with a name, such as [link.field]")
        return {}
    found: dict[str, AnyLink] = {}
    for name, table in written.items():
        where = f"{source}: [link.{name}]"
        kind: type[LinkPlan] | type[LoraPlan] = LoraPlan if table.get("kind") == "lora" else LinkPlan
        link = _table(kind, table, where, problems)
        if link is None:
            continue
        found[name] = link
        if link.burst_length < link.burst_loss / (1 - link.burst_loss):
            problems.append(f"{where} so large a burst_loss needs a longer burst_length")
        problems += [f"{where} {problem}" for problem in _forbidden(link)]
    return found


def _forbidden(link: AnyLink) -> Iterator[str]:
    """What the law or the chip says against a LoRa channel."""
    if not isinstance(link, LoraPlan):
        return
    try:
        place = regions.region(link.region)
        regions.sub_band(place, link.frequency_hz, link.bandwidth_hz)
        if link.power_dbm > place.max_eirp_dbm:
            yield f"power_dbm: {link.region} allows {place.max_eirp_dbm} dBm, not {link.power_dbm}"
        Mac(channel_of(link), ledger_of(link), lambda bound: 0)
    except (LoraError, ValueError) as error:
        yield str(error)


def _tables(kind: type[Plan], name: str, written: dict[str, Any], source: str, problems: list[str]) -> list[Plan]:
    tables = written.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        problems.append(f"{source}: {name} is written [[{name}]], as often as need be")
        return []
    found = [_table(kind, one, f"{source}: [[{name}]] {place}", problems) for place, one in enumerate(tables, 1)]
    return [one for one in found if one is not None]


def _table(kind: type[Plan], table: Any, where: str, problems: list[str]) -> Plan | None:
    if not isinstance(table, dict):
        problems.append(f"{where} must be a section")
        return None
    known = {name_of(one.name): one for one in fields(kind)}  # type: ignore[arg-type]
    before = len(problems)
    problems += [f"{where} {name} is no key{_hint(name, known)}" for name in table if name not in known]
    chosen: dict[str, Any] = {}
    for name, one in known.items():
        if name in table:
            try:
                chosen[one.name] = one.metadata["read"](table[name])
            except ValueError as error:
                problems.append(f"{where} {name} {error}, not {toml_words(table[name])}")
        elif one.metadata["required"]:
            problems.append(f"{where} {name} is missing, for example: {name} = {one.metadata['example']}")
    return kind(**chosen) if len(problems) == before else None


def _each(plans: list[NodePlan]) -> Iterator[NodePlan]:
    """One entry a node."""
    for plan in plans:
        if plan.count == 1:
            yield plan
        else:
            yield from (replace(plan, name=f"{plan.name}-{place}", count=1) for place in range(1, plan.count + 1))


def _contradictions(
    source: str, links: dict[str, AnyLink], nodes: list[NodePlan], commands: list[CommandPlan]
) -> Iterator[str]:
    if not nodes:
        yield f"{source}: there is no [[node]]"
    for node in nodes:
        if node.link not in links:
            yield f"{source}: node {node.name}: there is no [link.{node.link}]{_hint(node.link, links)}"
        elif isinstance(links[node.link], LoraPlan) and node.sensors != LORA_SENSORS:
            yield f"{source}: node {node.name}: over LoRa its sensors are temperature and humidity"
    if sum(node.count for node in nodes) > MOST_NODES:
        yield f"{source}: more than {MOST_NODES} nodes"
        return
    names = [node.name for node in _each(nodes)]
    for name in sorted(_twice(names)):
        yield f"{source}: two nodes are called {name}"
    for command in commands:
        if command.node not in names:
            yield f"{source}: command {command.command!r}: there is no node {command.node}{_hint(command.node, names)}"


def _without_program(source: str, nodes: list[NodePlan], inputs: list[InputPlan]) -> Iterator[str]:
    able = [node.name for node in _each(nodes) if node.program is not None]
    for one in inputs:
        if one.node not in able:
            yield f"{source}: input at {one.pin}: there is no node {one.node} with a program"


def _twice(names: list[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]
