"""The schemas a node packs its readings in."""

from comatrix_lora.schema import Schema, climate


def schemas_of(body: bytes | None) -> dict[int, Schema]:
    """The CBOR of a node's self-description -> its schemas by number; the first is everybody's."""
    return {0: climate()}
