"""Which seqs are stored, for ever, a bit each (tables known_seq, enrolment). Covers the log up to meta.folded."""

import sqlite3
from collections.abc import Iterable, Iterator

BLOCK = 1024  # seqs a row
Enrolment = tuple[int, int]  # (node, its enrolment)
FOLDED = "SELECT value FROM meta WHERE key = 'folded'"


def folded(connection: sqlite3.Connection) -> int:
    """Every record up to this row id is told of here; those above only by their rows."""
    return int(connection.execute(FOLDED).fetchone()[0])


def set_folded(connection: sqlite3.Connection, id: int) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE key = 'folded'", (id,))


def holds(connection: sqlite3.Connection, whose: Enrolment, seq: int) -> bool:
    """Whether this seq is known here."""
    block, bit = divmod(seq, BLOCK)
    return bool(_bits(connection, whose, block) >> bit & 1)


def highest(connection: sqlite3.Connection, whose: Enrolment) -> int:
    """The highest seq known here, -1 for none."""
    row = connection.execute("SELECT highest FROM enrolment WHERE node = ? AND enrolment = ?", whose).fetchone()
    return -1 if row is None else int(row[0])


def newest(connection: sqlite3.Connection, whose: Enrolment, blocks: int) -> list[int]:
    """The seqs stored in the newest `blocks` of 1,024, ascending; also those of rows that are not folded yet."""
    rows = connection.execute(
        "SELECT block, bits FROM known_seq WHERE node = ? AND enrolment = ? ORDER BY block DESC LIMIT ?",
        (*whose, blocks),
    ).fetchall()
    found = {BLOCK * block + bit for block, bits in rows for bit in _set_bits(int.from_bytes(bits, "little"))}
    unfolded = connection.execute(
        "SELECT seq FROM record WHERE id > ? AND node = ? AND enrolment = ?", (folded(connection), *whose)
    )
    return sorted(found | {row[0] for row in unfolded})


def add(connection: sqlite3.Connection, whose: Enrolment, seqs: Iterable[int], late: int, last_ms: int) -> None:
    """Folds seqs that are not known yet; `late` of them came late, the last one at `last_ms`."""
    blocks: dict[int, int] = {}
    count, newest = 0, -1
    for seq in seqs:
        block = seq // BLOCK
        blocks[block] = blocks.get(block, 0) | 1 << seq % BLOCK
        count += 1
        newest = max(newest, seq)
    before = highest(connection, whose) // BLOCK
    for block, bits in blocks.items():
        if block <= before:
            bits |= _bits(connection, whose, block)
        connection.execute(
            "REPLACE INTO known_seq VALUES (?, ?, ?, ?)", (*whose, block, bits.to_bytes(BLOCK // 8, "little"))
        )
    connection.execute(
        "INSERT INTO enrolment VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET highest = max(highest,"
        " excluded.highest), records = records + excluded.records, late = late + excluded.late,"
        " last_ms = excluded.last_ms",
        (*whose, newest, count, late, last_ms),
    )


def forget_ended(connection: sqlite3.Connection, limit: int) -> int:
    """Removes up to `limit` blocks of enrolments whose keys are dead: nobody can send their records again -> count."""
    removed = connection.execute(
        "DELETE FROM known_seq WHERE (node, enrolment, block) IN (SELECT known_seq.node, known_seq.enrolment, block"
        " FROM enrolment JOIN node ON number = enrolment.node JOIN known_seq USING (node, enrolment)"
        " WHERE node.revoked OR enrolment.enrolment < node.enrolment LIMIT ?)",
        (limit,),
    )
    return removed.rowcount


def _bits(connection: sqlite3.Connection, whose: Enrolment, block: int) -> int:
    row = connection.execute(
        "SELECT bits FROM known_seq WHERE node = ? AND enrolment = ? AND block = ?", (*whose, block)
    ).fetchone()
    return 0 if row is None else int.from_bytes(row[0], "little")


def _set_bits(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
