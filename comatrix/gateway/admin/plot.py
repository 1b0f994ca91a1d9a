"""A node's readings as a picture, for the command line."""

import asyncio
import base64
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import find
from comatrix.gateway.clock import zone
from comatrix.gateway.downlink.quantities import QuantityError
from comatrix.gateway.edges.store import nodes, series
from comatrix.gateway.errors import UsageError
from comatrix.gateway.plotting import asking
from comatrix.gateway.plotting.series import Word, summary

PREFIX = "comatrix"


class PlotOperations:
    """plot."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def plot(self, args: Args) -> dict[str, Any]:
        """{node, word, span} -> the file in base 64, what it is called, and the same in words."""
        node = find(self._given.store.read(nodes.all_nodes), arguments.text(args, "node"))
        word, span_ms = _asked(arguments.text(args, "word"), arguments.maybe_text(args, "span"), node.name)
        now_ms = self._given.now_ms()
        found, sent = await self._given.store.read_aside(
            lambda connection: series.look_up(connection, node.number, word.number, now_ms - span_ms, now_ms)
        )
        if not found.points:
            text = asking.nothing_sent(found, sent, PREFIX).partition(" For example: ")[0]
            raise UsageError(text, f"comatrix tail --node {node.name}")
        timezone = zone(self._given.settings.gateway.timezone)
        from comatrix.gateway.plotting import chart  # when the first picture is drawn

        png = await asyncio.to_thread(chart.png_of, found, timezone)
        return {
            "png": base64.b64encode(png).decode("ascii"),
            "filename": found.filename,
            "summary": summary(found, timezone),
        }


def _asked(name: str, span: str | None, node: str) -> tuple[Word, int]:
    """Raises UsageError."""
    word = asking.word(name)
    if word is None:
        raise UsageError(f"Nothing is measured that is called {name!a}.", f"comatrix tail --node {node}")
    try:
        return word, asking.span([] if span is None else [span])
    except QuantityError as error:
        raise UsageError(error.text, f"comatrix plot {node} {word.name} --span 24h") from None
