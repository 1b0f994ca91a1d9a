"""A bug put there to be found: four right bytes, each checked after the other; 1 in 4 * 10^9 for blind guessing."""

from tests.fuzz.targets import Target


class PlantedBugError(Exception):
    """It was found."""


def _planted(data: bytes) -> None:
    if len(data) < 4 or data[0] != 0xC0:
        return
    if data[1] != 0x4D:
        return
    if data[2] != 0xA7:
        return
    if data[3] == 0x19:
        raise PlantedBugError


PLANTED = Target("planted", _planted)
