"""Who may do what, asked of the homeserver once a person and batch. What it does not say holds up the others not for
long."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from comatrix.gateway.downlink import grants
from comatrix.gateway.downlink.grants import Levels, RoomPowers
from comatrix.gateway.downlink.verbs import Level
from comatrix.gateway.errors import Unreachable

MOST_TRIES = 6  # in a row, of a room; by the watch's pauses half a minute

Person = tuple[str, str]  # (room id, user id)
Found = tuple[RoomPowers, bool] | None
Look = Callable[[str, str], Awaitable[Found]]


@dataclass(frozen=True, slots=True)
class Known:
    """What the homeserver said of the people who were asked about."""

    found: dict[Person, Found]
    levels: Levels

    def refusal(self, person: Person, verb: str, level: Level) -> str | None:
        """None: they may `verb`, which takes `level`; else one sentence for the room."""
        found = self.found[person]
        if found is None:
            return f"I cannot see who may do what here, so {verb} was not done. Try again later."
        refusal = grants.may(person[1], level, *found, self.levels, verb)
        return None if refusal is None else f"{refusal}."


class Rights:
    """`look(room id, user id)`: what the homeserver says; None: it does not say."""

    def __init__(self, look: Look, levels: Levels) -> None:
        self._look = look
        self._levels = levels
        self._unsaid: Counter[str] = Counter()  # room id -> tries in a row without an answer

    async def ask(self, people: Iterable[Person]) -> Known:
        """Raises Unreachable where the homeserver does not say, the first times: then it is to be asked again. From
        then on nobody may anything in that room until it does."""
        found = {person: await self._look(*person) for person in dict.fromkeys(people)}
        silent = {room_id for (room_id, _), said in found.items() if said is None}
        for room_id in {room_id for room_id, _ in found} - silent:
            del self._unsaid[room_id]
        self._unsaid.update(silent)
        if any(self._unsaid[room_id] < MOST_TRIES for room_id in silent):
            raise Unreachable("the homeserver does not say who may command", "comatrix doctor")
        return Known(found, self._levels)
