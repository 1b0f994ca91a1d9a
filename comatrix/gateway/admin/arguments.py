"""Arguments of operations: JSON values from the control socket, checked before use."""

from collections.abc import Callable

from comatrix.gateway.admin.collaborators import Args
from comatrix.gateway.errors import UsageError


def text(args: Args, name: str) -> str:
    """A text that must be there. Raises UsageError, as all of these do."""
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{name} must be a text.", "comatrix --help")
    return value


def maybe_text(args: Args, name: str, check: Callable[[str], object] | None = None) -> str | None:
    """A text or None. `check` raises ValueError in words."""
    if args.get(name) is None:
        return None
    value = text(args, name)
    if check is not None:
        checked(name, value, check)
    return value


def checked(name: str, value: str, check: Callable[[str], object]) -> str:
    """`value`, once `check` raised no ValueError."""
    try:
        check(value)
    except ValueError as error:
        raise UsageError(f'{name} {error}, not "{value}".', "comatrix --help") from None
    return value


def texts(args: Args, name: str) -> list[str]:
    """A list of texts; [] where it is missing."""
    value = args.get(name, [])
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise UsageError(f"{name} must be a list of texts.", "comatrix --help")
    return value


def flag(args: Args, name: str, default: bool = False) -> bool:
    """True or false."""
    value = args.get(name, default)
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false.", "comatrix --help")
    return value


def whole(args: Args, name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number from `low` to `high`."""
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} must be a whole number from {low} to {high}.", "comatrix --help")
    return value
