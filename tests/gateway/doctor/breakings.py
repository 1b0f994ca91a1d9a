"""The list of what is broken, and how: a way for each line the doctor can say that is not ok."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.gateway.doctor.patient import Patient

Break = Callable[[Patient], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Breaking:
    """`run` breaks it, and may return surroundings the doctor is to find. `next`: the command to be told, in which
    {home}, {room_id} and {port} are filled in. `also`: lines that follow of necessity."""

    code: str
    run: Break
    next: str
    also: frozenset[str]


BREAKINGS: dict[str, Breaking] = {}


def breaking(code: str, next: str, *, also: tuple[str, ...] = ()) -> Callable[[Break], Break]:
    """Declares how the thing behind line `code` is broken."""

    def declare(run: Break) -> Break:
        assert code not in BREAKINGS, code
        BREAKINGS[code] = Breaking(code, run, next, frozenset(also))
        return run

    return declare
