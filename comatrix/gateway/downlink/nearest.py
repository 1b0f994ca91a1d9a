"""The name somebody probably meant."""

from collections.abc import Iterable

LONGEST = 64  # beyond it nothing is a typo of a name, and comparing costs the square
ALIKE = 0.6


def nearest(word: str, names: Iterable[str], alike: float = ALIKE) -> str | None:
    """The one of `names` most like `word`, upper and lower case alike; None if none is near.

    `alike`: from 0, anything will do, to 1, the same letters.
    """
    if not word or len(word) > LONGEST:
        return None
    by_folded = {name.casefold(): name for name in sorted(names, reverse=True)}
    from difflib import get_close_matches  # with the first mistyped word

    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=alike)
    return by_folded[found[0]] if found else None
