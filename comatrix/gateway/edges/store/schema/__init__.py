"""Numbered schema files; file n takes a database from version n-1 to n. A published file is never changed."""
