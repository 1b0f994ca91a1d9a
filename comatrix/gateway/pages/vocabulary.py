"""docs/reference/vocabulary.md, made from the vocabulary itself.

python -m comatrix.gateway.pages.vocabulary > docs/reference/vocabulary.md
"""

import sys
from collections.abc import Iterator

from comatrix.codec import vocab

INTRO = """# Vocabulary of readings, version {version}

A reading crosses the air as a number and an integer ([wire.md](wire.md), section 2). This table says what they mean:
the integer is the value times 10^digits, in the unit given. `temperature` 21.37 °C crosses as `0: 2137`.

A word is its own SenML name (RFC 8428 section 4.2). Units are SenML's (RFC 8428, RFC 8798), except `deg` and `NTU`.
IPSO is the object of the OMA LwM2M registry that fits best. Words 0 to 23 cost one byte, so the commonest stand there.
Rows are only ever appended: a published row never changes, and a gateway shows a word it does not know by its number.

This page is made from `comatrix/codec/words.py` and `vocab.py` by `make docs`.

| number | word | digits | unit | SenML unit | IPSO | meaning |
|---|---|---|---|---|---|---|
"""


def markdown() -> str:
    """docs/reference/vocabulary.md."""
    return INTRO.format(version=vocab.VERSION) + "".join(_rows())


def _rows() -> Iterator[str]:
    for row in vocab.rows():
        yield (
            f"| {row.number} | `{row.name}` | {row.digits} | {row.unit} | `{row.senml_unit}` | {row.ipso}"
            f" | {row.meaning} |\n"
        )


if __name__ == "__main__":
    sys.stdout.write(markdown())
