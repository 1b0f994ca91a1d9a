"""Brings a database to the newest schema: numbered files, one transaction each, counted in PRAGMA user_version."""

import re
import sqlite3
from importlib import resources

from comatrix.gateway.errors import StoreError

APPLICATION_ID = 0x434D5458  # "CMTX", so that another program's database is not taken for ours


def schemas() -> list[tuple[int, str]]:
    """(version, SQL text) of every schema file, in order."""
    folder = resources.files("comatrix.gateway.edges.store.schema")
    found = []
    for entry in folder.iterdir():
        if match := re.fullmatch(r"(\d{4})_\w+\.sql", entry.name):
            found.append((int(match[1]), entry.read_text(encoding="utf-8")))
    return sorted(found)


def migrate(connection: sqlite3.Connection, known: list[tuple[int, str]]) -> None:
    """Applies what is missing. Raises StoreError for a newer schema or a database that is not ours."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    newest = known[-1][0]
    if version > newest:
        raise StoreError(
            f"the database has schema {version}, written by a newer CoMatrix; this one knows up to {newest}",
            "install that CoMatrix again, or put back the backup made before it",
        )
    _refuse_foreign(connection, version)
    for number, text in known:
        if number > version:
            _apply(connection, number, text)


def _refuse_foreign(connection: sqlite3.Connection, version: int) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    marked = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if marked != (version > 0) or (tables and not marked):
        raise StoreError("the file is some other program's database", "comatrix config show")


def _apply(connection: sqlite3.Connection, number: int, text: str) -> None:
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{text}\n{marks} COMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
