"""What nodes with a program of their own came to: what the room has of each, and what it did at its pins."""

from collections.abc import Iterator
from typing import Any

from comatrix.gateway.sim.programs.board import Running
from comatrix.gateway.sim.scenario import NodePlan

SHOWN = 6  # moves of pins that are told in words


def figures(plans: tuple[NodePlan, ...], programs: dict[int, Running]) -> list[dict[str, Any]]:
    """JSON-ready. `starts`: of the program, the first and those after deep sleep; times in seconds of virtual time."""
    return [_node(plans[number - 1], board) for number, board in sorted(programs.items())]


def _node(plan: NodePlan, board: Running) -> dict[str, Any]:
    return {
        "node": plan.name,
        "program": plan.program,
        "board": plan.board,
        "starts": board.boots,
        "in_room": {
            word: {"times": len(values), "first": values[0], "last": values[-1]}
            for word, values in sorted(board.expected.in_room.items())
        },
        "pins": [{"at_s": at_ms / 1000, "pin": pin, "level": level} for at_ms, pin, level in board.moved],
    }


def words(told: list[dict[str, Any]]) -> Iterator[str]:
    """For a terminal, a line each."""
    for one in told:
        starts = f"{one['starts']} starts" if one["starts"] > 1 else "1 start"
        said = (f"{word} {seen['times']} times, last {seen['last']}" for word, seen in one["in_room"].items())
        yield f"program    {one['node']}: {one['program']}, {starts}; {', '.join(said) or 'nothing in the room'}"
        moves = [f"{move['pin']} {move['level']} at {move['at_s']:.1f} s" for move in one["pins"][:SHOWN]]
        if moves:
            more = len(one["pins"]) - len(moves)
            yield f"pins       {one['node']}: {', '.join(moves)}" + (f", and {more} more" if more else "")
