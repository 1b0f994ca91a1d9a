"""What a run found: violations with the seed that repeats them, counters, and the table at the end."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """One invariant that did not hold."""

    scenario: str
    seed: object
    text: str


@dataclass(slots=True)
class Report:
    """Collects over all scenarios. `say` prints a line at once."""

    say: Callable[[str], None]
    violations: list[Violation] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)  # invariant -> how often it was looked at
    counts: Counter[str] = field(default_factory=Counter)
    durations_s: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def check(self, scenario: str, seed: object, invariant: Callable[..., list[str]], *facts: object) -> bool:
        """Whether the invariant held; says at once where it did not."""
        name = invariant.__name__.replace("_", " ")
        self.held[name] += 1
        found = invariant(*facts)
        for text in found:
            self.violations.append(Violation(scenario, seed, text))
            self.say(f"VIOLATION in {scenario} (seed {seed}): {text}")
        return not found

    def took(self, what: str, seconds: float) -> None:
        """One measured duration."""
        self.durations_s.setdefault(what, []).append(seconds)

    def table(self) -> str:
        """Everything, for a person."""
        rows = [(name, f"{count:,}") for name, count in sorted(self.counts.items())]
        rows += [(what, spread(found)) for what, found in sorted(self.durations_s.items())]
        lines = ["", "What happened", *_aligned(rows), "", "What was looked at, and how often"]
        broken = Counter(one.text for one in self.violations)
        lines += _aligned([(name, f"{count:,}") for name, count in sorted(self.held.items())])
        lines += ["", *self.notes] if self.notes else []
        verdict = f"{sum(broken.values())} VIOLATIONS" if broken else "Every invariant held."
        return "\n".join(
            [*lines, "", verdict, *(f"  {one.scenario} (seed {one.seed}): {one.text}" for one in self.violations)]
        )


def spread(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and worst."""
    ordered = sorted(seconds)
    chosen = [ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))], ordered[-1]]
    factor, unit, digits = (1000, "ms", 1) if ordered[-1] < 0.1 else (1, "s", 2)
    middle, late, worst = (f"{value * factor:.{digits}f} {unit}" for value in chosen)
    return f"median {middle}, p95 {late}, worst {worst} ({len(ordered):,} times)"


def _aligned(rows: Iterable[tuple[str, str]]) -> list[str]:
    known = list(rows)
    width = max((len(name) for name, _ in known), default=0)
    return [f"  {name:<{width}}  {value}" for name, value in known]


class Progress:
    """A line now and then, with the time left."""

    def __init__(self, say: Callable[[str], None], what: str, total: int, every_s: float = 10.0) -> None:
        self._say = say
        self._what = what
        self._total = total
        self._every_s = every_s
        self._begun_s = self._told_s = time.monotonic()

    def step(self, done: int, more: str) -> None:
        """`done` of the total; `more` is told with it."""
        now_s = time.monotonic()
        if now_s - self._told_s < self._every_s and done < self._total:
            return
        self._told_s = now_s
        left_s = (now_s - self._begun_s) / max(done, 1) * (self._total - done)
        self._say(f"{self._what} {done:,}/{self._total:,}  {more}  {_clock(left_s)} left")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02} min"
