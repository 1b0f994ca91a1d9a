"""CPU a message and acknowledged messages a second of each server: rounds in turn, so that noise meets all alike."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.bench.contestants import Contestant
from comatrix.gateway.bench.conversation import conversations
from comatrix.gateway.bench.load import Load, Outcome
from comatrix.gateway.bench.process_figures import cpu_s

WARM_UP = 20  # messages a node before anything is measured
SETTLE_S = 0.05  # what a server does after its last answer belongs to the message too


@dataclass(frozen=True, slots=True)
class Case:
    """One contestant under one load: `messages` in all, from `nodes`."""

    contestant: Contestant
    nodes: int
    messages: int


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one case."""

    cpu_us: float
    rate: float
    p50_ms: float
    p99_ms: float
    resent: int


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds of a case; `problem`: why there is none. `resent`: in all rounds together."""

    name: str
    secured: bool
    durable: bool
    nodes: int
    problem: str = ""
    cpu_us: float = 0.0
    rate: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    resent: int = 0
    rounds: int = 0


def measure(cases: Sequence[Case], rounds: int, say: Callable[[str], None]) -> list[Row]:
    """A row a case. Raises GatewayError where a server does not start or answers wrongly."""
    done: list[list[Round]] = [[] for _ in cases]
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for case, results in zip(cases, done, strict=True):
            if not case.contestant.missing():
                results.append(run_once(case))
    return [_row(case, results) for case, results in zip(cases, done, strict=True)]


def run_once(case: Case) -> Round:
    """One server, one load."""
    with tempfile.TemporaryDirectory(prefix="comatrix-bench-") as folder:
        subject = case.contestant.start(Path(folder), case.nodes)
        try:
            each = case.messages // case.nodes
            load = Load(subject.address, conversations(case.nodes, WARM_UP + each, subject.contexts))
            try:
                load.run(WARM_UP)
                time.sleep(SETTLE_S)
                before_s = cpu_s(subject.process.pid)
                outcome = load.run(each)
                time.sleep(SETTLE_S)
                return _round(outcome, cpu_s(subject.process.pid) - before_s)
            finally:
                load.close()
        finally:
            subject.stop()


def _round(outcome: Outcome, used_s: float) -> Round:
    return Round(
        cpu_us=used_s * 1_000_000 / outcome.messages,
        rate=outcome.messages / outcome.elapsed_s,
        p50_ms=outcome.percentile_ms(0.5),
        p99_ms=outcome.percentile_ms(0.99),
        resent=outcome.resent,
    )


def _row(case: Case, results: Sequence[Round]) -> Row:
    of = case.contestant
    if not results:
        return Row(of.name, of.secured, of.durable, case.nodes, of.missing())

    def median(values: Iterable[float]) -> float:
        return statistics.median(values)

    return Row(
        of.name,
        of.secured,
        of.durable,
        case.nodes,
        cpu_us=median(one.cpu_us for one in results),
        rate=median(one.rate for one in results),
        p50_ms=median(one.p50_ms for one in results),
        p99_ms=median(one.p99_ms for one in results),
        resent=sum(one.resent for one in results),
        rounds=len(results),
    )
