"""The table of where memory is adds up."""

import sys

import pytest

from comatrix.gateway.bench.memory import LAYERS, Layer, layers, table


def test_the_rows_add_up_to_what_a_gateway_holds() -> None:
    found = [Layer(name, 10.0, 4.0) for name in LAYERS]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table(found, 43.5, 50.0).splitlines()]
    figures = {name: float(shown.removesuffix(" MB")) for name, shown, _ in rows[2:]}
    *parts, idle, day, most = figures.values()
    assert (sum(parts), idle + day) == (idle, most) == (43.5, 50.0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_every_layer_of_the_code_is_measured() -> None:
    found = layers()
    assert [layer.name for layer in found] == list(LAYERS)
    assert all(layer.rss_mb > 1 for layer in found)
    assert all(0 <= layer.file_mb < layer.rss_mb for layer in found)
