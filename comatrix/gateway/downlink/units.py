"""Units a person may write where a setting has another of the same kind: 5min for seconds, 330mV for volts."""

from dataclasses import dataclass, field
from fractions import Fraction

from comatrix.codec import vocab
from comatrix.gateway.uplink.sanitise import clean_name

_SHOWN = {row.senml_unit: row.unit for row in vocab.rows()}  # "Cel" -> "°C", "/" -> ""


@dataclass(frozen=True, slots=True)
class Kind:
    """Units of one kind -> how many of its smallest each is. `own` may be a setting's, `also` is only understood."""

    own: dict[str, int]
    also: dict[str, int] = field(default_factory=dict)
    any_case: bool = False  # "MIN" can mean nothing else; "MV" could be a million volts

    def size(self, written: str) -> int | None:
        """How many of the smallest unit `written` is; None: it is not of this kind."""
        units = self.own | self.also
        if written in units:
            return units[written]
        alike = {units[unit] for unit in units if _alike(unit, written, self.any_case)}
        return alike.pop() if len(alike) == 1 else None


def _alike(unit: str, written: str, any_case: bool = False) -> bool:
    """Keyboards change the case of letters. In front, m and M are a thousandth and a million."""
    return unit.casefold() == written.casefold() and (any_case or (unit[:1] == "M") == (written[:1] == "M"))


def _prefixed(unit: str, *prefixes: str) -> dict[str, int]:
    """Of the smallest prefix named: ("V", "m", "") -> {"mV": 1, "V": 1000}."""
    powers = {"u": -6, "µ": -6, "m": -3, "c": -2, "": 0, "h": 2, "k": 3, "M": 6}
    least = min(powers[prefix] for prefix in prefixes)
    return {prefix + unit: 10 ** (powers[prefix] - least) for prefix in prefixes}


TIME = Kind(
    {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000},
    {
        **dict.fromkeys(("sec", "secs", "second", "seconds"), 1000),
        **dict.fromkeys(("m", "mins", "minute", "minutes"), 60_000),
        **dict.fromkeys(("hr", "hrs", "hour", "hours"), 3_600_000),
        **dict.fromkeys(("day", "days"), 86_400_000),
    },
    any_case=True,
)
KINDS = (
    TIME,
    Kind(_prefixed("V", "u", "µ", "m", "", "k")),
    Kind(_prefixed("A", "u", "µ", "m", "")),
    Kind(_prefixed("W", "m", "", "k")),
    Kind(_prefixed("Wh", "", "k")),
    Kind(_prefixed("Hz", "", "k", "M")),
    Kind(_prefixed("m", "m", "c", "", "k")),
    Kind(_prefixed("g", "m", "", "k")),
    Kind(_prefixed("Pa", "", "h", "k"), {"mbar": 100, "bar": 100_000}),
    Kind(_prefixed("l", "m", "")),
    Kind(_prefixed("Ohm", "", "k", "M") | _prefixed("Ω", "", "k", "M")),
    Kind({"%": 1, "%RH": 1, "%EL": 1}, {"percent": 1}, any_case=True),
    Kind({"Cel": 1, "°C": 1, "C": 1}, {"℃": 1, "°": 1, "º": 1, "ºC": 1, "degC": 1, "celsius": 1}, any_case=True),
    Kind({"deg": 1, "°": 1}, {"º": 1, "degree": 1, "degrees": 1}, any_case=True),
)


def shown(unit: str) -> str:
    """A setting's unit as people write it: "Cel" -> "°C"; on one line, whatever a node calls its unit."""
    known = _SHOWN.get(unit, unit)
    return clean_name(known) if known else ""


def ratio(written: str, unit: str) -> Fraction | None:
    """How many `unit` one `written` is: ("min", "s") -> 60. None: it is no unit of that kind. "": the setting's own."""
    if written in ("", unit, shown(unit)):
        return Fraction(1)
    for kind in KINDS:
        if unit in kind.own:
            size = kind.size(written)
            return None if size is None else Fraction(size, kind.own[unit])
    return Fraction(1) if _alike(unit, written) or _alike(shown(unit), written) else None


def of_its_kind(unit: str) -> list[str]:
    """What may be written for `unit`, for a sentence: "V" -> mV, V, kV ...; just itself where there are no others."""
    own = next((list(kind.own) for kind in KINDS if unit in kind.own), [unit])
    return list(dict.fromkeys(name for name in map(shown, own) if name))
