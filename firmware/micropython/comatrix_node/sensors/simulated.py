"""A garden that does not exist: three quantities on a bounded random walk, the same for the same seed everywhere."""


class Simulated:
    """Call it for the next {temperature °C, humidity %RH, battery V}."""

    def __init__(self, seed: int = 1) -> None:
        self._random = seed
        # word: value in units of 10 ** -digits, that as a divisor, largest step, lowest, highest
        self._walks = {
            "temperature": [2000, 100, 30, -1000, 4000],
            "humidity": [500, 10, 8, 200, 950],
            "battery": [400, 100, 1, 300, 420],
        }

    def _step(self, most: int) -> int:
        """-most..most, from a linear congruential generator: `random` differs between interpreters."""
        self._random = (self._random * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._random >> 8) % (2 * most + 1) - most

    def __call__(self) -> "dict[str, float]":
        reading = {}
        for word in sorted(self._walks):  # MicroPython's dicts keep no order
            value, divisor, most, low, high = self._walks[word]
            self._walks[word][0] = value = max(low, min(high, value + self._step(most)))
            reading[word] = value / divisor
        return reading
