"""Values in JSON that others wrote: of the type that is expected, or empty."""

from collections.abc import Mapping
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[Any]:
    """A JSON array."""
    return value if isinstance(value, list) else []


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a JSON array."""
    return [one for one in array(value) if isinstance(one, dict)]
