"""Nodes and a gateway over a seeded lossy link: every record once and in order, alike on both interpreters."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.micropython import ROOT, run_script

# A script for both interpreters, without annotations: not for the type checker.
link_simulation: Any = import_module("tests.simulation.link_simulation")
SCRIPT = (ROOT / "tests" / "simulation" / "link_simulation.py").read_text()
RUNS = [(loss, seed) for loss in (0, 20, 50) for seed in (1, 2, 3)]


def on_micropython(folder: Path, loss: int, records: int, nodes: int, seed: int) -> list[str]:
    arguments = tuple(map(str, (loss, records, nodes, seed)))
    return run_script(SCRIPT, folder, heap="32m", arguments=arguments).splitlines()


@pytest.mark.parametrize(("loss", "seed"), RUNS)
def test_every_record_arrives_once_and_in_order(loss: int, seed: int) -> None:
    lines, digest, good = link_simulation.run(loss, 30, 3, seed)
    assert good, lines
    assert lines[1] == "records 90, exactly once and in order: yes"
    assert len(digest) == 64


def test_a_seed_gives_the_same_bytes_again_and_another_seed_others() -> None:
    first, again, other = (link_simulation.run(20, 10, 2, seed)[1] for seed in (1, 1, 2))
    assert first == again != other


def test_loss_is_repaired_by_sending_more() -> None:
    sent = [int(link_simulation.run(loss, 30, 3, 1)[0][0].split()[1].rstrip(",")) for loss in (0, 20, 50)]
    assert sent == sorted(sent)
    assert sent[2] > 2 * sent[0]


@pytest.mark.parametrize(("loss", "seed"), RUNS)
def test_micropython_sends_the_very_same_datagrams(tmp_path: Path, loss: int, seed: int) -> None:
    lines, digest, _ = link_simulation.run(loss, 10, 3, seed)
    assert on_micropython(tmp_path, loss, 10, 3, seed) == [*lines, digest]


@pytest.mark.parametrize("loss", [0, 20, 50])
def test_two_thousand_messages_are_the_same_on_both_interpreters(tmp_path: Path, loss: int) -> None:
    lines, digest, good = link_simulation.run(loss, 500, 4, 7)
    assert good, lines
    assert on_micropython(tmp_path, loss, 500, 4, 7) == [*lines, digest]
